package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// A rangeTable reads the rows with a range of values in a column without reading the others.
type rangeTable interface {
	Table
	isRange(column int) bool
}

func (t *leafTable) isRange(column int) bool     { return column == colRound }
func (t *roundTable) isRange(column int) bool    { return column <= colSecond }
func (t *calendarTable) isRange(column int) bool { return column <= colSecond }

// rangeJoin returns an inner or left join as one that reads, for each row of one side, the range of the other side that the row
// leaves; nil if the conditions leave none. It is the way of a join that has no equal columns to go by: publications with the rounds
// that each covers.
func rangeJoin(n *joinNode) node {
	if n.keepR || len(n.args) > 0 {
		return nil
	}
	if lateral := lateralRange(n.l, n.r, n.on, n.keepL); lateral != nil {
		return lateral
	}
	if n.keepL {
		return nil
	}
	left, right := len(n.l.columns()), len(n.r.columns())
	at := make([]int, left+right) // where the columns stand if the sides change places
	for i := range at {
		if at[i] = i + right; i >= left {
			at[i] = i - left
		}
	}
	if lateral := lateralRange(n.r, n.l, relocateAll(n.on, at), false); lateral != nil {
		return replaced(lateral, n.cols, at)
	}
	return nil
}

// rangeJoin is the function of this name, but makes the join of n once in a run of a statement, so that EXPLAIN ANALYZE counts one.
func (x *execution) rangeJoin(n *joinNode) node {
	ranges, known := x.ranges[n]
	if !known {
		if x.ranges == nil {
			x.ranges = map[*joinNode]node{}
		}
		ranges = rangeJoin(n)
		x.ranges[n] = ranges
	}
	return ranges
}

// lateralRange joins l with the part of r that the conditions leave for each of its rows; nil if none of them is a range of r.
func lateralRange(l, r node, on []expr, keepL bool) *joinNode {
	b := rowBinding{left: len(l.columns()), columns: map[int]*outerExpr{}}
	var bound, rest []expr
	for _, e := range on {
		if forkable(e) {
			bound = append(bound, b.bind(e))
		} else {
			rest = append(rest, e)
		}
	}
	r = narrowed(r, bound)
	if r == nil {
		return nil
	}
	return &joinNode{l: l, r: r, args: b.args, keepL: keepL, on: rest, cols: append(slices.Clone(l.columns()), r.columns()...)}
}

// narrowed returns a plan with more conditions on its rows, nil if none of them is a range of the table that it reads. The plan itself
// is left as it is.
func narrowed(n node, where []expr) node {
	switch n := n.(type) {
	case *scanNode:
		table, ok := n.table.(rangeTable)
		if !ok || !slices.ContainsFunc(where, func(e expr) bool { return isRangeOf(table, e) }) {
			return nil
		}
		c := *n
		c.where = slices.Concat(n.where, where)
		return &c
	case *filterNode:
		if in := narrowed(n.in, where); in != nil {
			return &filterNode{in: in, where: n.where}
		}
	case *projectNode:
		below := make([]expr, len(where))
		for i, e := range where {
			if n.set || !isPlainOver(e, n.exprs) {
				return nil
			}
			below[i] = substitute(e, n.exprs)
		}
		if in := narrowed(n.in, below); in != nil {
			return &projectNode{in: in, exprs: n.exprs, cols: n.cols}
		}
	case *sharedNode:
		if n.query.uses == 1 && !n.query.always {
			return narrowed(n.query.plan, where)
		}
	}
	return nil
}

// isPlainOver reports whether all columns of e are plain expressions.
func isPlainOver(e expr, exprs []expr) bool {
	plain := true
	walk(e, func(x expr) {
		if c, ok := x.(*columnExpr); ok {
			plain = plain && isPlain(exprs[c.index])
		}
	})
	return plain
}

// isRangeOf reports whether a condition compares a column whose ranges a table reads with a value of the row around.
func isRangeOf(t rangeTable, e expr) bool {
	c, ok := e.(*callExpr)
	if !ok || !c.operator || len(c.args) != 2 {
		return false
	}
	if _, compares := constraintOps[c.call.Func.Name]; !compares {
		return false
	}
	l, r := c.args[0], c.args[1]
	if isConstant(l) {
		l, r = r, l
	}
	column, of, ok := plainColumn(l)
	return ok && t.isRange(column) && isConstant(r) && usesOuter(r) && (r.typ() == of || isInteger(r.typ()) && isInteger(of))
}

// A rowBinding makes conditions over the columns of two sides conditions over the right one alone, in which the left row's values stand
// in slots.
type rowBinding struct {
	left    int // columns of the left side
	args    []outerArg
	columns map[int]*outerExpr // of plain columns
}

// bind binds a condition: what depends on the left row alone becomes one slot.
func (b *rowBinding) bind(e expr) expr {
	return rebuildTop(e, func(x expr) expr {
		if side(x, b.left) == 1 {
			return b.slot(x)
		}
		if c, ok := x.(*columnExpr); ok {
			return shift(c, -b.left)
		}
		return x
	})
}

func (b *rowBinding) slot(x expr) *outerExpr {
	c, plain := x.(*columnExpr)
	if plain && b.columns[c.index] != nil {
		return b.columns[c.index]
	}
	ref := &outerExpr{slot: &outerSlot{name: exprText(x)}, t: x.typ(), fields: fieldsOf(x)}
	b.args = append(b.args, outerArg{slot: ref.slot, x: x})
	if plain {
		b.columns[c.index] = ref
	}
	return ref
}

// sideBySide repeats a row beside the rows of a batch.
type sideBySide struct {
	cols []*value.Vector // of the row, each value as often as the longest batch had rows
	n    int
}

// set repeats row i of b, of so many columns, n times.
func (s *sideBySide) set(b *value.Batch, i int32, columns, n int) {
	same := make([]int32, max(n, value.BatchSize))
	for k := range same {
		same[k] = i
	}
	s.cols, s.n = make([]*value.Vector, columns), len(same)
	for k := range s.cols {
		s.cols[k] = gathered(column(b, k), same)
	}
}
