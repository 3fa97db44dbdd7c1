package query

import (
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// A slide computes an aggregate over frames whose ends move forward only: rows are added in front and taken away behind, so that
// no row is seen more often than twice, however long frames are.
type slide struct {
	kind     slideKind
	from, to int // the rows that are in it
	count    int64
	sum      fn.IntSum
	best     int64 // of a minimum or maximum, if count is not 0
}

// A slideKind is what a slide computes.
type slideKind uint8

const (
	slideCount slideKind = iota
	slideSum
	slideAvg
	slideMin
	slideMax
)

var slideKinds = map[string]slideKind{"count": slideCount, "sum": slideSum, "avg": slideAvg, "min": slideMin, "max": slideMax}

// newSlide returns a slide for a call, nil if there is none for it.
func newSlide(e *windowExpr) *slide {
	kind, ok := slideKinds[e.call.Func.Name]
	if !ok || !e.call.Func.IsAggregate() || e.frame.exclude != parse.ExcludeNoOthers {
		return nil
	}
	switch kind {
	case slideSum, slideAvg:
		ok = isInteger(e.args[0].typ())
	case slideMin, slideMax: // which are not to be had back when a row goes
		ok = e.args[0].typ().Kind == value.Int64 && e.frame.start.kind == parse.UnboundedPreceding
	}
	if !ok {
		return nil
	}
	return &slide{kind: kind}
}

// slideOver sets out to the values of the rows from to to of a partition.
func (c *windowCall) slideOver(p *partition, out *value.Vector, from, to int) error {
	s := c.slide
	for i := from; i < to; i++ {
		lo, hi := c.bounds(p, i)
		if lo >= s.to || lo < s.from || hi < s.to {
			*s = slide{kind: s.kind, from: lo, to: lo}
		}
		s.add(c, p, hi)
		s.remove(c, p, lo)
		if err := s.put(out, i-from); err != nil {
			return err
		}
	}
	return nil
}

// counts reports whether row i counts: it passes the filter, and the argument is not null.
func (c *windowCall) counts(p *partition, i int) bool {
	if c.filter >= 0 {
		if v := p.cols[c.filter]; v.IsNull(i) || v.Ints[i] == 0 {
			return false
		}
	}
	return len(c.in) == 0 || !c.in[0].IsNull(i)
}

// add takes the rows up to to.
func (s *slide) add(c *windowCall, p *partition, to int) {
	for i := s.to; i < to; i++ {
		if !c.counts(p, i) {
			continue
		}
		s.count++
		switch s.kind {
		case slideSum, slideAvg:
			s.sum.Add(c.in[0].Ints[i])
		case slideMin, slideMax:
			if x := c.in[0].Ints[i]; s.count == 1 || x != s.best && (x > s.best) == (s.kind == slideMax) {
				s.best = x
			}
		}
	}
	s.to = max(s.to, to)
}

// remove takes the rows before from away.
func (s *slide) remove(c *windowCall, p *partition, from int) {
	for i := s.from; i < from; i++ {
		if !c.counts(p, i) {
			continue
		}
		s.count--
		if s.kind != slideCount {
			s.sum.Remove(c.in[0].Ints[i])
		}
	}
	s.from = from
}

// put makes value k of out the result.
func (s *slide) put(out *value.Vector, k int) error {
	switch {
	case s.kind == slideCount:
		out.Ints[k] = s.count
	case s.kind == slideSum || s.kind == slideAvg:
		return s.sum.Put(out, k, s.kind == slideAvg)
	case s.count == 0:
		out.SetNull(k)
	default:
		out.Ints[k] = s.best
	}
	return nil
}
