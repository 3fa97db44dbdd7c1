package query

import (
	"cmp"
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// groupingSets returns the numbers of the expressions that each grouping set has.
func (n *aggregateNode) groupingSets() [][]int {
	if n.sets != nil {
		return n.sets
	}
	all := make([]int, len(n.groups))
	for i := range all {
		all[i] = i
	}
	return [][]int{all}
}

// newGroupSets makes the grouping sets, those with more keys first. Sets whose keys another one has are made of its groups, which are fewer than
// the rows, if all aggregates come to the same then; but not in a pass, which lacks groups that they would need.
func (x *execution) newGroupSets(n *aggregateNode, only *pass) (sets []*groupSet) {
	work := &assignment{}
	for i, cols := range n.groupingSets() {
		sets = append(sets, &groupSet{x: x, number: i, cols: cols, keys: make([]*value.Vector, len(cols)), null: -1, assignment: work})
	}
	slices.SortStableFunc(sets, func(a, b *groupSet) int { return cmp.Compare(len(b.cols), len(a.cols)) })
	fromRows := only != nil || slices.ContainsFunc(n.aggs, func(a *aggregateExpr) bool {
		return a.distinct || len(a.order) > 0 || !a.call.Aggregate().Commutes()
	})
	for i, s := range sets {
		s.merged = !fromRows && slices.ContainsFunc(sets[:i], s.within)
		if len(s.cols) == 0 && only == nil { // this group is there without rows too
			s.count = 1
		}
		s.prepare(n)
	}
	return sets
}

// within reports whether another set has all keys of this one.
func (s *groupSet) within(other *groupSet) bool {
	return !slices.ContainsFunc(s.cols, func(k int) bool { return !slices.Contains(other.cols, k) })
}

// mergeSets makes the sets that are made of others, each of the one with the fewest groups.
func (op *aggregateOp) mergeSets() error {
	for i, s := range op.sets {
		if !s.merged {
			continue
		}
		var from *groupSet
		for _, t := range op.sets[:i] {
			if (from == nil || t.count < from.count) && s.within(t) {
				from = t
			}
		}
		if err := s.merge(from); err != nil {
			return err
		}
	}
	return nil
}

// spread returns the columns of n groups of a set before those of the aggregates; keys are those of its keys.
func (op *aggregateOp) spread(s *groupSet, keys []*value.Vector, n int) []*value.Vector {
	cols := make([]*value.Vector, len(op.n.groups)+1)
	for k := range op.n.groups {
		if i := slices.Index(s.cols, k); i >= 0 {
			cols[k] = keys[i]
			continue
		}
		cols[k] = value.NewVector(op.n.cols[k].Type, n)
		for i := range n {
			cols[k].SetNull(i)
		}
	}
	number := value.NewVector(value.Int4, n)
	for i := range number.Ints {
		number.Ints[i] = int64(s.number)
	}
	cols[len(op.n.groups)] = number
	return cols
}
