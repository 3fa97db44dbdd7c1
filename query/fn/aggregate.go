package fn

import (
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

func aggregates() []*Function {
	out := []*Function{
		agg("count() int8", func([]*value.Type, *value.Type) States { return &counts{} }),
		agg("count(any) int8", func([]*value.Type, *value.Type) States { return &counts{} }),
		agg("sum(numeric) numeric", func([]*value.Type, *value.Type) States { return &boxedSums[value.Numeric]{add: value.Numeric.Add} }),
		agg("avg(numeric) numeric", func([]*value.Type, *value.Type) States {
			return &boxedSums[value.Numeric]{add: value.Numeric.Add, divide: divideNumeric}
		}),
		agg("sum(interval) interval", func([]*value.Type, *value.Type) States { return &boxedSums[value.Interval]{add: addIntervals} }),
		agg("avg(interval) interval", func([]*value.Type, *value.Type) States {
			return &boxedSums[value.Interval]{add: addIntervals, divide: averageInterval}
		}),
		agg("bool_and(bool) bool", boolStates(func(a, b int64) int64 { return a & b })),
		agg("every(bool) bool", boolStates(func(a, b int64) int64 { return a & b })),
		agg("bool_or(bool) bool", boolStates(func(a, b int64) int64 { return a | b })),
	}
	for _, t := range []*value.Type{value.Int2, value.Int4, value.Int8} {
		sum := "int8"
		if t == value.Int8 {
			sum = "numeric"
		}
		out = append(out,
			agg("sum("+t.Name+") "+sum, func([]*value.Type, *value.Type) States { return &intSums{} }),
			agg("avg("+t.Name+") numeric", func([]*value.Type, *value.Type) States { return &intSums{avg: true} }),
			agg("bit_and("+t.Name+") "+t.Name, boolStates(func(a, b int64) int64 { return a & b })),
			agg("bit_or("+t.Name+") "+t.Name, boolStates(func(a, b int64) int64 { return a | b })),
			agg("bit_xor("+t.Name+") "+t.Name, boolStates(func(a, b int64) int64 { return a ^ b })))
	}
	for _, t := range []string{"float4", "float8"} {
		out = append(out,
			agg("sum("+t+") "+t, func([]*value.Type, *value.Type) States { return &floatSums{} }),
			agg("avg("+t+") float8", func([]*value.Type, *value.Type) States { return &floatSums{avg: true} }))
	}
	for _, t := range []string{
		"int2", "int4", "int8", "oid", "float4", "float8", "numeric", "text", "bpchar", "date", "time", "timestamp", "timestamptz",
		"interval", "anyarray",
	} {
		out = append(out,
			agg("min("+t+") "+t, func([]*value.Type, *value.Type) States { return &extremes{want: -1} }),
			agg("max("+t+") "+t, func([]*value.Type, *value.Type) States { return &extremes{want: 1} }))
	}
	out = append(out, bitAggregates()...)
	out = append(out, deviations()...)
	out = append(out, orderedSets()...)
	out = append(out, regressions()...)
	return append(out, collectors()...)
}

// agg declares an aggregate; Strict then says that rows with null arguments do not count.
func agg(sig string, states func(args []*value.Type, ret *value.Type) States) *Function {
	f := declare(sig)
	f.States = states
	return f
}

func grow[T any](s []T, n int) []T {
	for len(s) < n {
		var zero T
		s = append(s, zero)
	}
	return s
}

type counts struct{ n []int64 }

func (c *counts) Grow(n int) { c.n = grow(c.n, n) }

func (c *counts) Step(_ *Env, groups []int32, _ []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		c.n[groups[i]]++
	}
	return nil
}

func (c *counts) Final(_ *Env, out *value.Vector, first, n int) error {
	copy(out.Ints, c.n[first:first+n])
	return nil
}

// intSums adds integers.
type intSums struct {
	avg bool
	sum []IntSum
}

func (s *intSums) Grow(n int) { s.sum = grow(s.sum, n) }

func (s *intSums) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	x := args[0].Ints
	for _, i := range all(n, sel) {
		s.sum[groups[i]].Add(x[i])
	}
	return nil
}

func (s *intSums) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		if err := s.sum[first+i].Put(out, i, s.avg); err != nil {
			return err
		}
	}
	return nil
}

type floatSums struct {
	avg   bool
	sum   []float64
	count []int64
}

func (s *floatSums) Grow(n int) { s.sum, s.count = grow(s.sum, n), grow(s.count, n) }

func (s *floatSums) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	x := args[0].Floats
	single := args[0].Type == value.Float4 && !s.avg
	for _, i := range all(n, sel) {
		g := groups[i]
		c := s.sum[g] + x[i]
		if single {
			c = float64(float32(c))
		}
		if math.IsInf(c, 0) && !math.IsInf(x[i], 0) && !math.IsInf(s.sum[g], 0) {
			return overflow(c)
		}
		s.sum[g] = c
		s.count[g]++
	}
	return nil
}

func (s *floatSums) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		g := first + i
		switch {
		case s.count[g] == 0:
			out.SetNull(i)
		case s.avg:
			out.Floats[i] = s.sum[g] / float64(s.count[g])
		default:
			out.Floats[i] = s.sum[g]
		}
	}
	return nil
}

// boxedSums sums boxed values, and divides the sums by their counts if divide is set.
type boxedSums[T any] struct {
	add    func(a, b T) (T, error)
	divide func(sum T, count int64) (T, error) // nil for a sum
	sum    []T
	count  []int64
}

func divideNumeric(sum value.Numeric, count int64) (value.Numeric, error) {
	return sum.Div(value.IntNumeric(count))
}

func averageInterval(sum value.Interval, count int64) (value.Interval, error) {
	return divideInterval(sum, float64(count))
}

func (s *boxedSums[T]) Grow(n int) { s.sum, s.count = grow(s.sum, n), grow(s.count, n) }

func (s *boxedSums[T]) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		g := groups[i]
		sum, err := s.add(s.sum[g], args[0].Boxes[i].(T))
		if err != nil {
			return err
		}
		s.sum[g] = sum
		s.count[g]++
	}
	return nil
}

func (s *boxedSums[T]) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		g := first + i
		if s.count[g] == 0 {
			out.SetNull(i)
			continue
		}
		r := s.sum[g]
		if s.divide != nil {
			var err error
			if r, err = s.divide(r, s.count[g]); err != nil {
				return err
			}
		}
		out.Boxes[i] = r
	}
	return nil
}

// folds combines integers, and booleans, with one operation.
type folds struct {
	f    func(a, b int64) int64
	acc  []int64
	some []bool
}

func boolStates(f func(a, b int64) int64) func([]*value.Type, *value.Type) States {
	return func([]*value.Type, *value.Type) States { return &folds{f: f} }
}

func (s *folds) Grow(n int) { s.acc, s.some = grow(s.acc, n), grow(s.some, n) }

func (s *folds) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		g := groups[i]
		if x := args[0].Ints[i]; s.some[g] {
			s.acc[g] = s.f(s.acc[g], x)
		} else {
			s.acc[g], s.some[g] = x, true
		}
	}
	return nil
}

func (s *folds) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		if out.Ints[i] = s.acc[first+i]; !s.some[first+i] {
			out.SetNull(i)
		}
	}
	return nil
}

// extremes keeps the smallest or the largest value.
type extremes struct {
	want int // -1 for the smallest, 1 for the largest
	best value.Vector
	some []bool
}

func (s *extremes) Grow(n int) { s.some = grow(s.some, n) }

func (s *extremes) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	s.prepare(args[0].Type)
	if s.best.Type.Kind == value.Int64 {
		s.stepInts(groups, args[0].Ints, n, sel)
		return nil
	}
	for _, i := range all(n, sel) {
		s.offer(groups[i], args[0], int(i))
	}
	return nil
}

// prepare makes room for the values of all groups.
func (s *extremes) prepare(t *value.Type) {
	if s.best.Type == nil {
		s.best.Reset(t, 0)
	}
	for s.best.Len() < len(s.some) {
		s.best.Append(value.Datum{Type: s.best.Type, X: nil})
	}
}

// offer takes value i of v if it is the best of its group so far. Of values that are equal but not the same, 1.0 and 1.00, the last
// one stays, of character strings padded with spaces the first.
func (s *extremes) offer(group int32, v *value.Vector, i int) {
	better := 1
	if s.some[group] {
		better = value.CompareAt(v, i, &s.best, int(group)) * s.want
	}
	if better > 0 || better == 0 && v.Type.Kind != value.Bytes {
		s.best.Copy(int(group), v, i)
		s.some[group] = true
	}
}

func (s *extremes) stepInts(groups []int32, x []int64, n int, sel []int32) {
	best := s.best.Ints
	for _, i := range all(n, sel) {
		g := groups[i]
		if !s.some[g] || (x[i] > best[g]) == (s.want > 0) && x[i] != best[g] {
			best[g], s.some[g] = x[i], true
		}
	}
}

func (s *extremes) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		if !s.some[first+i] {
			out.SetNull(i)
			continue
		}
		out.Copy(i, &s.best, first+i)
	}
	return nil
}
