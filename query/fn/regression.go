package fn

import (
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

// regressions declares the aggregates over pairs, whose first argument is the dependent variable y.
func regressions() []*Function {
	out := []*Function{agg("regr_count(float8,float8) int8", func([]*value.Type, *value.Type) States { return &pairs{} })}
	for name, f := range map[string]func(p *pairSums) (float64, bool){
		"regr_sxx":   func(p *pairSums) (float64, bool) { return p.sxx, p.n > 0 },
		"regr_syy":   func(p *pairSums) (float64, bool) { return p.syy, p.n > 0 },
		"regr_sxy":   func(p *pairSums) (float64, bool) { return p.sxy, p.n > 0 },
		"regr_avgx":  func(p *pairSums) (float64, bool) { return p.sx / p.n, p.n > 0 },
		"regr_avgy":  func(p *pairSums) (float64, bool) { return p.sy / p.n, p.n > 0 },
		"covar_pop":  func(p *pairSums) (float64, bool) { return p.sxy / p.n, p.n > 0 },
		"covar_samp": func(p *pairSums) (float64, bool) { return p.sxy / (p.n - 1), p.n > 1 },
		"corr": func(p *pairSums) (float64, bool) {
			return p.sxy / math.Sqrt(p.sxx*p.syy), p.n > 0 && p.sxx != 0 && p.syy != 0
		},
		"regr_r2": func(p *pairSums) (float64, bool) {
			if p.syy == 0 {
				return 1, p.n > 0 && p.sxx != 0
			}
			return (p.sxy * p.sxy) / (p.sxx * p.syy), p.n > 0 && p.sxx != 0
		},
		"regr_slope":     func(p *pairSums) (float64, bool) { return p.sxy / p.sxx, p.n > 0 && p.sxx != 0 },
		"regr_intercept": func(p *pairSums) (float64, bool) { return (p.sy - p.sx*p.sxy/p.sxx) / p.n, p.n > 0 && p.sxx != 0 },
	} {
		out = append(out, agg(name+"(float8,float8) float8", func([]*value.Type, *value.Type) States { return &pairs{result: f} }))
	}
	return out
}

// pairSums holds, by the algorithm of Youngs and Cramer, the sums over pairs and over the products of their deviations.
type pairSums struct{ n, sx, sxx, sy, syy, sxy float64 }

func (p *pairSums) add(y, x float64) error {
	before := *p
	p.n++
	p.sx += x
	p.sy += y
	if before.n == 0 {
		if !finite(x) {
			p.sxx, p.sxy = math.NaN(), math.NaN()
		}
		if !finite(y) {
			p.syy, p.sxy = math.NaN(), math.NaN()
		}
		return nil
	}
	dx, dy := x*p.n-p.sx, y*p.n-p.sy
	scale := 1 / (p.n * before.n)
	p.sxx += dx * dx * scale
	p.syy += dy * dy * scale
	p.sxy += dx * dy * scale
	if finite(p.sx) && finite(p.sy) && finite(p.sxx) && finite(p.syy) && finite(p.sxy) {
		return nil
	}
	return p.unbounded(isInf(before.sx) || isInf(x), isInf(before.sy) || isInf(y))
}

// unbounded refuses sums that became infinite without an infinite x or y. What deviates from infinity is no number.
func (p *pairSums) unbounded(x, y bool) error {
	if (isInf(p.sx) || isInf(p.sxx)) && !x || (isInf(p.sy) || isInf(p.syy)) && !y || isInf(p.sxy) && !x && !y {
		return overflow(math.Inf(1))
	}
	for _, sum := range []*float64{&p.sxx, &p.syy, &p.sxy} {
		if isInf(*sum) {
			*sum = math.NaN()
		}
	}
	return nil
}

func isInf(x float64) bool { return math.IsInf(x, 0) }

func finite(x float64) bool { return x-x == 0 }

// pairs runs an aggregate over pairs; without result it counts them.
type pairs struct {
	sums   []pairSums
	result func(p *pairSums) (x float64, ok bool)
}

func (s *pairs) Grow(n int) { s.sums = grow(s.sums, n) }

func (s *pairs) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		if err := s.sums[groups[i]].add(args[0].Floats[i], args[1].Floats[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *pairs) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		p := &s.sums[first+i]
		if s.result == nil {
			out.Ints[i] = int64(p.n)
			continue
		}
		x, ok := s.result(p)
		if out.Floats[i] = x; !ok {
			out.SetNull(i)
		}
	}
	return nil
}
