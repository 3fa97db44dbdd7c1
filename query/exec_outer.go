package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// divisible reports whether other joins can be put in the place of a RIGHT or FULL join, which read the left side again.
func (op *joinOp) divisible() bool {
	return forkableNode(op.n.l) && !slices.ContainsFunc(op.n.on, func(e expr) bool { return !forkable(e) })
}

// divide puts joins that hold parts of a side in the place of one of which neither side can be held: for a RIGHT join the LEFT join of the sides
// the other way round, for a FULL join the rows of the right side without a match and the LEFT join.
func (op *joinOp) divide() (err error) {
	op.l.close()
	op.l = &oneRowOp{} // there is nothing left to close
	n := op.n
	l, r := n.l.columns(), n.r.columns()
	at := make([]int, len(l)+len(r)) // of the columns where the right side comes first
	for i := range at {
		at[i] = (i + len(r)) % len(at)
	}
	on, cols, outputs := relocateAll(n.on, at), slices.Concat(r, l), relocateAll(columnsOf(n), at)
	var parts node = &projectNode{in: &joinNode{l: n.r, r: n.l, keepL: true, on: on, cols: cols}, exprs: outputs, cols: n.cols}
	if n.keepL {
		for k, c := range l {
			outputs[k] = &constExpr{d: value.Null(c.Type)}
		}
		parts = &appendNode{ins: []node{
			&projectNode{in: &semiNode{l: n.r, r: n.l, on: on, anti: true}, exprs: outputs, cols: n.cols},
			&joinNode{l: n.l, r: n.r, keepL: true, on: n.on, cols: n.cols},
		}}
	}
	op.parts, err = op.x.operator(parts, op.wish)
	return err
}
