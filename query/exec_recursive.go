package query

import (
	"github.com/jurat-ledger/jurat/query/value"
)

// recursiveOp runs a recursive query. It gives rows as they come, so that whoever wants few of them may stop.
type recursiveOp struct {
	x     *execution
	n     *recursiveNode
	first operator   // l
	in    operator   // l, or r in one iteration
	inner *execution // of r
	work  *rowStore  // what the last iteration gave
	fresh *rowStore  // what this one gives
	seen  *rowSet    // nil if rows may be equal
	out   value.Batch
}

func (x *execution) newRecursive(n *recursiveNode, w wish) (operator, error) {
	in, err := x.operator(n.l, wish{limit: -1, few: w.few})
	if err != nil {
		return nil, err
	}
	op := &recursiveOp{x: x, n: n, first: in, in: in, fresh: newRowStore(x, n.work.cols)}
	if !n.all {
		op.seen = newRowSet(x)
	}
	return op, nil
}

func (op *recursiveOp) next() (*value.Batch, error) {
	for op.in != nil {
		if err := op.x.check(); err != nil {
			return nil, err
		}
		if op.work != nil {
			op.x.setWork(op.n.work, op.work)
		}
		b, err := op.in.next()
		if err != nil {
			return nil, err
		}
		if b == nil {
			if err := op.iterate(); err != nil {
				return nil, err
			}
			continue
		}
		op.out = *b
		if op.seen != nil {
			if op.out.Sel, err = op.seen.fresh(b, b.Cols); err != nil {
				return nil, err
			}
			if len(op.out.Sel) == 0 {
				continue
			}
		}
		return &op.out, op.fresh.add(&op.out)
	}
	return nil, nil
}

// iterate begins the next iteration, if the last one gave rows.
func (op *recursiveOp) iterate() error {
	op.stop()
	if op.fresh.n == 0 {
		return nil
	}
	if op.work != nil {
		op.work.free()
	}
	op.work, op.fresh = op.fresh, newRowStore(op.x, op.n.work.cols)
	op.x.setWork(op.n.work, op.work)
	op.inner = op.x.inner(nil, nil)
	in, err := op.inner.operator(op.n.r, everything)
	if err != nil {
		return err
	}
	op.in = in
	return nil
}

// stop ends the iteration at hand.
func (op *recursiveOp) stop() {
	if op.in != nil {
		op.in.close()
		op.in = nil
	}
	if op.inner != nil {
		op.inner.end()
		op.inner = nil
	}
}

func (op *recursiveOp) ordered() int { return 0 }

func (op *recursiveOp) close() {
	op.stop()
	op.fresh.free()
	if op.work != nil {
		op.work.free()
	}
}

func (x *execution) setWork(t *workTable, rows *rowStore) {
	if x.work == nil {
		x.work = map[*workTable]*rowStore{}
	}
	x.work[t] = rows
}

// workOp reads the rows of the last iteration.
type workOp struct {
	x *execution
	n *workNode
	rowReader
}

func (op *workOp) next() (*value.Batch, error) {
	if op.rows == nil {
		op.rows = op.x.work[op.n.table]
	}
	return op.read(), nil
}

func (op *workOp) ordered() int { return 0 }
func (op *workOp) close()       {}
