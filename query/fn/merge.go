package fn

import (
	"github.com/jurat-ledger/jurat/query/value"
)

// StepGroup implements groupStates.
func (c *counts) StepGroup(group int32, _ []*value.Vector, n int, sel []int32) {
	if sel != nil {
		n = len(sel)
	}
	c.n[group] += int64(n)
}

// Merge implements mergeStates.
func (c *counts) Merge(from States, groups []int32) {
	for i, g := range groups {
		c.n[g] += from.(*counts).n[i]
	}
}

// StepGroup implements groupStates. The halves of the numbers of a batch are summed apart, which cannot overflow.
func (s *intSums) StepGroup(group int32, args []*value.Vector, n int, sel []int32) {
	var lo, hi int64
	x := args[0].Ints
	if sel == nil {
		for _, v := range x[:n] {
			lo += int64(uint32(v))
			hi += v >> 32
		}
	} else {
		n = len(sel)
		for _, i := range sel {
			lo += int64(uint32(x[i]))
			hi += x[i] >> 32
		}
	}
	a := &s.sum[group]
	a.add(uint64(hi)<<32, hi>>32)
	a.add(uint64(lo), 0)
	a.count += int64(n)
}

// Merge implements mergeStates.
func (s *intSums) Merge(from States, groups []int32) {
	for i, g := range groups {
		b := from.(*intSums).sum[i]
		s.sum[g].add(b.lo, b.hi)
		s.sum[g].count += b.count
	}
}

// Merge implements mergeStates: the operations are commutative and associative.
func (s *folds) Merge(from States, groups []int32) {
	f := from.(*folds)
	for i, g := range groups {
		switch {
		case !f.some[i]:
		case s.some[g]:
			s.acc[g] = s.f(s.acc[g], f.acc[i])
		default:
			s.acc[g], s.some[g] = f.acc[i], true
		}
	}
}

// StepGroup implements groupStates.
func (s *extremes) StepGroup(group int32, args []*value.Vector, n int, sel []int32) {
	s.prepare(args[0].Type)
	if s.best.Type.Kind != value.Int64 {
		for _, i := range all(n, sel) {
			s.offer(group, args[0], int(i))
		}
		return
	}
	x := args[0].Ints
	rows := all(n, sel)
	best := x[rows[0]]
	switch {
	case sel == nil && s.want > 0:
		for _, v := range x[:n] {
			best = max(best, v)
		}
	case sel == nil:
		for _, v := range x[:n] {
			best = min(best, v)
		}
	case s.want > 0:
		for _, i := range sel {
			best = max(best, x[i])
		}
	default:
		for _, i := range sel {
			best = min(best, x[i])
		}
	}
	if old := s.best.Ints[group]; !s.some[group] || (best > old) == (s.want > 0) && best != old {
		s.best.Ints[group], s.some[group] = best, true
	}
}

// Merge implements mergeStates.
func (s *extremes) Merge(from States, groups []int32) {
	f := from.(*extremes)
	if f.best.Type == nil {
		return
	}
	s.prepare(f.best.Type)
	for i, g := range groups {
		if f.some[i] {
			s.offer(g, &f.best, i)
		}
	}
}
