package fn

import (
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

// deviations declares variance and standard deviation, of samples and of populations.
func deviations() []*Function {
	var out []*Function
	for _, d := range []struct {
		name string
		deviation
	}{
		{"var_pop", deviation{}}, {"var_samp", deviation{sample: true}}, {"variance", deviation{sample: true}},
		{"stddev_pop", deviation{root: true}}, {"stddev_samp", deviation{sample: true, root: true}},
		{"stddev", deviation{sample: true, root: true}},
	} {
		for _, t := range []string{"int2", "int4", "int8", "numeric"} {
			out = append(out, agg(d.name+"("+t+") numeric", func([]*value.Type, *value.Type) States {
				return &exactDeviations{deviation: d.deviation}
			}))
		}
		for _, t := range []string{"float4", "float8"} {
			out = append(out, agg(d.name+"("+t+") float8", func([]*value.Type, *value.Type) States {
				return &floatDeviations{deviation: d.deviation}
			}))
		}
	}
	return out
}

type deviation struct{ sample, root bool }

// exactDeviations keeps the count, the sum and the sum of squares exactly.
type exactDeviations struct {
	deviation
	count        []int64
	sum, squares []value.Numeric
}

func (s *exactDeviations) Grow(n int) {
	s.count, s.sum, s.squares = grow(s.count, n), grow(s.sum, n), grow(s.squares, n)
}

func (s *exactDeviations) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		g := groups[i]
		x := numericAt(args[0], i)
		sum, err := s.sum[g].Add(x)
		if err != nil {
			return err
		}
		square, err := x.Mul(x)
		if err != nil {
			return err
		}
		if square, err = s.squares[g].Add(square); err != nil {
			return err
		}
		s.sum[g], s.squares[g] = sum, square
		s.count[g]++
	}
	return nil
}

func numericAt(v *value.Vector, i int32) value.Numeric {
	if v.Type.Kind == value.Int64 {
		return value.IntNumeric(v.Ints[i])
	}
	return v.Boxes[i].(value.Numeric)
}

func (s *exactDeviations) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		g := first + i
		if s.count[g] == 0 || s.sample && s.count[g] == 1 {
			out.SetNull(i)
			continue
		}
		r, err := s.result(s.count[g], s.sum[g], s.squares[g])
		if err != nil {
			return err
		}
		out.Boxes[i] = r
	}
	return nil
}

// result returns (count * squares - sum²) / (count * count), or / (count * (count - 1)) for a sample.
func (s *exactDeviations) result(count int64, sum, squares value.Numeric) (value.Numeric, error) {
	n := value.IntNumeric(count)
	a, err := n.Mul(squares)
	if err != nil {
		return a, err
	}
	b, err := sum.Mul(sum)
	if err != nil {
		return b, err
	}
	if a, err = a.Sub(b); err != nil {
		return a, err
	}
	if a.Sign() <= 0 {
		return value.IntNumeric(0), nil
	}
	divisor := n
	if s.sample {
		divisor = value.IntNumeric(count - 1)
	}
	if b, err = n.Mul(divisor); err != nil {
		return b, err
	}
	if a, err = a.Div(b); err != nil || !s.root {
		return a, err
	}
	return a.SqrtAt(a.Scale()), nil
}

// floatDeviations keeps the count, the sum and the sum of squared differences by the method of Youngs and Cramer.
type floatDeviations struct {
	deviation
	count, sum, diff []float64
}

func (s *floatDeviations) Grow(n int) {
	s.count, s.sum, s.diff = grow(s.count, n), grow(s.sum, n), grow(s.diff, n)
}

func (s *floatDeviations) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		g := groups[i]
		x, before := args[0].Floats[i], s.sum[g]
		s.count[g]++
		s.sum[g] += x
		if c := s.count[g]; c > 1 {
			d := x*c - s.sum[g]
			s.diff[g] += d * d / (c * (c - 1))
			if math.IsInf(s.sum[g], 0) || math.IsInf(s.diff[g], 0) {
				if !math.IsInf(before, 0) && !math.IsInf(x, 0) {
					return overflow(s.diff[g])
				}
				s.diff[g] = math.NaN()
			}
		} else if math.IsNaN(x) || math.IsInf(x, 0) {
			s.diff[g] = math.NaN()
		}
	}
	return nil
}

func (s *floatDeviations) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		g := first + i
		c := s.count[g]
		if s.sample {
			c--
		}
		if c <= 0 {
			out.SetNull(i)
			continue
		}
		out.Floats[i] = s.diff[g] / c
		if s.root {
			out.Floats[i] = math.Sqrt(out.Floats[i])
		}
	}
	return nil
}
