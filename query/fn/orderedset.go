package fn

import (
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

// orderedSets declares the aggregates with WITHIN GROUP. Their last argument is what the group is ordered by; the engine
// gives the rows in that order.
func orderedSets() []*Function {
	var out []*Function
	add := func(sig string, find func(v *value.Vector, p float64) value.Datum) {
		f := agg(sig, func(args []*value.Type, ret *value.Type) States { return &orderedStates{ret: ret, find: find} })
		f.OrderedSet = true
		out = append(out, f)
	}
	for _, p := range []struct{ arg, floats, spans, any string }{
		{"float8", "float8", "interval", "anyelement"}, {"_float8", "_float8", "_interval", "anyarray"},
	} {
		add("percentile_cont("+p.arg+",float8) "+p.floats, continuous)
		add("percentile_cont("+p.arg+",interval) "+p.spans, continuous)
		add("percentile_disc("+p.arg+",anyelement) "+p.any, discrete)
	}
	mode := agg("mode(anyelement) anyelement", func([]*value.Type, *value.Type) States { return &modes{} })
	mode.OrderedSet = true
	return append(out, mode)
}

// orderedStates keeps the values of each group, and the fractions to find in it.
type orderedStates struct {
	lists
	ret   *value.Type
	given []value.Datum // by group: the direct argument
	find  func(v *value.Vector, p float64) value.Datum
}

func (s *orderedStates) Grow(n int) {
	s.lists.Grow(n)
	s.given = grow(s.given, n)
}

func (s *orderedStates) Step(env *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		s.given[groups[i]] = args[0].Datum(int(i))
	}
	return s.lists.Step(env, groups, args[1:], n, sel)
}

func (s *orderedStates) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		values, given := s.elems[first+i], s.given[first+i]
		if values == nil {
			out.SetNull(i)
			continue
		}
		a, isArray := given.X.(*value.Array)
		if !isArray {
			d, err := s.at(values, given.F)
			if err != nil {
				return err
			}
			out.Set(i, d)
			continue
		}
		elems := value.NewVector(value.MustType(s.ret.Elem), a.Elems.Len())
		for k := range a.Elems.Len() {
			if a.Elems.IsNull(k) {
				elems.SetNull(k)
				continue
			}
			d, err := s.at(values, a.Elems.Floats[k])
			if err != nil {
				return err
			}
			elems.Set(k, d)
		}
		out.Boxes[i] = &value.Array{Dims: a.Dims, Lower: a.Lower, Elems: elems}
	}
	return nil
}

func (s *orderedStates) at(values *value.Vector, p float64) (value.Datum, error) {
	if p < 0 || p > 1 || math.IsNaN(p) {
		return value.Datum{}, value.Errorf(value.CodeOutOfRange, "percentile value %g is not between 0 and 1", p)
	}
	return s.find(values, p), nil
}

// discrete is the first value that at least the fraction p of the values does not exceed.
func discrete(v *value.Vector, p float64) value.Datum {
	return v.Datum(max(0, int(math.Ceil(p*float64(v.Len())))-1))
}

// continuous interpolates between the two values around the fraction p.
func continuous(v *value.Vector, p float64) value.Datum {
	at := p * float64(v.Len()-1)
	lo, hi := int(math.Floor(at)), int(math.Ceil(at))
	part := at - float64(lo)
	if lo == hi {
		return v.Datum(lo)
	}
	if v.Type.Kind == value.Float64 {
		return value.NewFloat(v.Type, v.Floats[lo]+part*(v.Floats[hi]-v.Floats[lo]))
	}
	a, b := v.Boxes[lo].(value.Interval), v.Boxes[hi].(value.Interval)
	diff, err := addIntervals(b, value.Interval{Months: -a.Months, Days: -a.Days, Micros: -a.Micros})
	if err == nil {
		diff, err = scaleInterval(diff, part)
	}
	if err == nil {
		diff, err = addIntervals(a, diff)
	}
	if err != nil {
		return value.Null(v.Type)
	}
	return value.NewBox(v.Type, diff)
}

// modes finds the most frequent value of each group, the first of them in order.
type modes struct{ lists }

func (s *modes) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		v := s.elems[first+i]
		if v == nil {
			out.SetNull(i)
			continue
		}
		best, most := 0, 0
		for from := 0; from < v.Len(); {
			to := from + 1
			for to < v.Len() && value.CompareAt(v, from, v, to) == 0 {
				to++
			}
			if to-from > most {
				best, most = from, to-from
			}
			from = to
		}
		out.Copy(i, v, best)
	}
	return nil
}
