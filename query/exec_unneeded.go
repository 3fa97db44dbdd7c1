package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// spreadOp gives the rows of an operator that has some of the columns alone: the others, which nobody reads, are absent.
type spreadOp struct {
	operator
	at    []int // the place of each column
	width int
	out   value.Batch
}

// unjoined returns an operator for the left side of n alone, nil if the right side is needed: because something of it is read,
// or because it may match a row more than once. So what it would have computed, errors as well, does not come to pass, as in
// Postgres.
func (x *execution) unjoined(n *joinNode, w wish) (operator, error) {
	left := len(n.l.columns())
	if !n.keepL || n.keepR || w.need == nil || slices.Contains(w.need[left:], true) ||
		slices.ContainsFunc(w.order, func(k OrderKey) bool { return k.Column >= left }) {
		return nil, nil
	}
	fixed := map[int]bool{}
	_, rkeys, _ := splitKeys(n.on, left)
	for _, k := range rkeys {
		if c, ok := k.(*columnExpr); ok {
			fixed[c.index] = true
		}
	}
	if !atMostOne(n.r, fixed) {
		return nil, nil
	}
	w.need = w.need[:left]
	l, err := x.newOperator(n.l, w)
	if err != nil {
		return nil, err
	}
	op := &spreadOp{operator: l, width: len(n.cols)}
	for k := range left {
		op.at = append(op.at, k)
	}
	return op, nil
}

// neededAggregates returns an operator for n without the aggregates that nobody reads.
func (x *execution) neededAggregates(n *aggregateNode, w wish) (operator, error) {
	groups := len(n.cols) - len(n.aggs)
	if w.need == nil || !slices.Contains(w.need[groups:], false) {
		return x.newParallel(n, w)
	}
	fewer := *n
	fewer.aggs, fewer.cols = nil, n.cols[:groups:groups]
	op := &spreadOp{width: len(n.cols)}
	for k := range n.cols {
		if k >= groups && w.need[k] {
			fewer.aggs, fewer.cols = append(fewer.aggs, n.aggs[k-groups]), append(fewer.cols, n.cols[k])
		}
		if k < groups || w.need[k] {
			op.at = append(op.at, k)
		}
	}
	var err error
	op.operator, err = x.newParallel(&fewer, wish{limit: -1})
	return op, err
}

// neededWindows returns an operator for n without the window functions that nobody reads.
func (x *execution) neededWindows(n *windowNode, w wish) (operator, error) {
	width := len(n.in.columns())
	need := allOf(w.need, len(n.cols))
	fewer := *n
	fewer.calls, fewer.cols = nil, n.cols[:width:width]
	op, below := &spreadOp{width: len(n.cols)}, wish{need: need[:width:width], limit: -1, few: w.few}
	for k := range n.cols {
		if k >= width {
			c := n.calls[k-width]
			if !need[k] && !slices.ContainsFunc(children(c), func(e expr) bool { return !forkable(e) }) {
				continue
			}
			fewer.calls, fewer.cols = append(fewer.calls, c), append(fewer.cols, n.cols[k])
			below.need = append(below.need, true)
		}
		op.at = append(op.at, k)
	}
	for _, k := range w.order {
		if k.Column >= width {
			break
		}
		below.order = append(below.order, k)
	}
	var err error
	switch len(fewer.calls) {
	case len(n.calls):
		return x.newWindow(n, w)
	case 0:
		op.operator, err = x.operator(n.in, below)
	default:
		op.operator, err = x.newWindow(&fewer, below)
	}
	return op, err
}

// atMostOne reports that n has at most one row for each set of values of the columns in fixed.
func atMostOne(n node, fixed map[int]bool) bool {
	switch n := n.(type) {
	case *oneRowNode:
		return true
	case *valuesNode:
		return len(n.rows) <= 1
	case *sharedNode:
		return atMostOne(n.query.plan, fixed)
	case *filterNode:
		return atMostOne(n.in, fixed)
	case *sortNode:
		return atMostOne(n.in, fixed)
	case *limitNode:
		return atMostOne(n.in, fixed)
	case *projectNode:
		below := map[int]bool{}
		for k := range fixed {
			if c, ok := n.exprs[k].(*columnExpr); ok {
				below[c.index] = true
			}
		}
		return !n.set && atMostOne(n.in, below)
	case *aggregateNode:
		for k := range len(n.cols) - len(n.aggs) {
			if !fixed[k] {
				return false
			}
		}
		return true
	case *distinctNode:
		return !slices.ContainsFunc(n.keys, func(k expr) bool {
			c, ok := k.(*columnExpr)
			return !ok || !fixed[c.index]
		})
	}
	return false
}

func (op *spreadOp) next() (*value.Batch, error) {
	b, err := op.operator.next()
	if err != nil || b == nil {
		return nil, err
	}
	op.out = *b
	op.out.Cols = make([]*value.Vector, op.width)
	for i, k := range op.at {
		op.out.Cols[k] = column(b, i)
	}
	return &op.out, nil
}
