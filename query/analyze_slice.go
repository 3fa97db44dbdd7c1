package query

import (
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// A sliceExpr is x[lower:upper] of as many dimensions as there are bounds. A bound that is missing is nil. A subscript
// beside a slice that is a single number n stands for 1:n.
type sliceExpr struct {
	x             expr
	lowers, upper []expr
}

func (e *sliceExpr) typ() *value.Type { return e.x.typ() }

// slice analyzes a chain of subscripts of x of which one at least is a slice.
func (a *analyzer) slice(s *scope, e *parse.Subscript, x expr, list []*parse.Subscript) (expr, error) {
	if !x.typ().IsArray() {
		return nil, a.notSubscripted(e, x)
	}
	out := &sliceExpr{x: x}
	for _, sub := range list {
		lower, err := a.bound(s, sub.Lower)
		if err != nil {
			return nil, err
		}
		upper := lower
		if sub.Slice {
			if upper, err = a.bound(s, sub.Upper); err != nil {
				return nil, err
			}
		} else {
			lower = &constExpr{d: value.NewInt(value.Int4, 1)}
		}
		out.lowers, out.upper = append(out.lowers, lower), append(out.upper, upper)
	}
	return out, nil
}

// sliceEval gives slices of arrays.
type sliceEval struct {
	arg    evaluator
	bounds [2][]evaluator // nil for a bound that is missing
	out    value.Vector
}

func (x *execution) compileSlice(e *sliceExpr) evaluator {
	s := &sliceEval{arg: x.compile(e.x)}
	for k, list := range [][]expr{e.lowers, e.upper} {
		for _, b := range list {
			var ev evaluator
			if b != nil {
				ev = x.compile(b)
			}
			s.bounds[k] = append(s.bounds[k], ev)
		}
	}
	return s
}

func (e *sliceEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := e.arg.eval(b)
	if err != nil {
		return nil, err
	}
	var bounds [2][]*value.Vector
	for k, list := range e.bounds {
		bounds[k] = make([]*value.Vector, len(list))
		for d, ev := range list {
			if ev == nil {
				continue
			}
			if bounds[k][d], err = ev.eval(b); err != nil {
				return nil, err
			}
		}
	}
	e.out.Reset(v.Type, b.N)
	rows(b, func(i int) {
		if v.IsNull(i) {
			e.out.SetNull(i)
			return
		}
		a := v.Boxes[i].(*value.Array)
		lower, upper, ok := sliceBounds(a, bounds, i)
		if !ok {
			e.out.SetNull(i)
			return
		}
		e.out.Boxes[i] = sliceOf(a, lower, upper)
	})
	return &e.out, nil
}

// sliceBounds returns the bounds of a slice, those that are missing from the array; ok is false if one is null.
func sliceBounds(a *value.Array, bounds [2][]*value.Vector, i int) (lower, upper []int64, ok bool) {
	for d := range bounds[0] {
		lo, hi := int64(1), int64(0)
		if d < len(a.Dims) {
			lo, hi = int64(a.Lower[d]), int64(a.Lower[d])+int64(a.Dims[d])-1
		}
		for k, to := range []*int64{&lo, &hi} {
			if v := bounds[k][d]; v != nil {
				if v.IsNull(i) {
					return nil, nil, false
				}
				*to = v.Ints[i]
			}
		}
		lower, upper = append(lower, lo), append(upper, hi)
	}
	return lower, upper, true
}

// sliceOf returns the part of an array within bounds. Dimensions without bounds are whole; bounds beyond the array are cut,
// and what is empty in a dimension is empty.
func sliceOf(a *value.Array, lower, upper []int64) *value.Array {
	empty := &value.Array{Elems: value.NewVector(a.Elems.Type, 0)}
	if len(lower) > len(a.Dims) {
		return empty
	}
	out := &value.Array{Elems: value.NewVector(a.Elems.Type, 0)}
	from := make([]int, len(a.Dims))
	for d, n := range a.Dims {
		lo, hi := int64(a.Lower[d]), int64(a.Lower[d])+int64(n)-1
		if d < len(lower) {
			lo, hi = max(lo, lower[d]), min(hi, upper[d])
		}
		if lo > hi {
			return empty
		}
		from[d] = int(lo - int64(a.Lower[d]))
		out.Dims, out.Lower = append(out.Dims, int32(hi-lo+1)), append(out.Lower, 1)
	}
	var copyFrom func(d, at int)
	copyFrom = func(d, at int) {
		for k := range int(out.Dims[d]) {
			next := at*int(a.Dims[d]) + from[d] + k
			if d == len(a.Dims)-1 {
				out.Elems.AppendFrom(a.Elems, next)
			} else {
				copyFrom(d+1, next)
			}
		}
	}
	copyFrom(0, 0)
	return out
}
