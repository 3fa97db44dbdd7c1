package query

import (
	"github.com/jurat-ledger/jurat/query/value"
)

// lateralOp joins where the right side refers to the left one: it executes the right side for each row of the left side.
type lateralOp struct {
	x     *execution
	n     *joinNode
	l     operator
	args  []evaluator
	on    []evaluator
	in    []*value.Vector // the args of b
	b     *value.Batch    // of the left side
	sel   []int32         // rows of b still to do
	memo  *memo           // of the right side, nil if it is not remembered
	r     rowSource       // the right side for sel[0], nil if it is not started
	inner *execution      // of r, nil if that is remembered
	hit   bool            // sel[0] had a match
	lrows []int32         // of the output, rows of b
	right []*value.Vector // of the output, the columns of the right side
	whole *value.Batch    // rows of the right side that match sel[0], to be given as they are
	same  sideBySide      // sel[0]
	out   value.Batch
	buf   []int32
	wishR wish
}

// minWhole is how many rows that match one row are given as they are, and not copied.
const minWhole = 64

func (x *execution) newLateral(n *joinNode, w wish) (operator, error) {
	if op, err := x.newPulled(n, w); op != nil || err != nil {
		return op, err
	}
	return x.newEach(n, w, nil)
}

// newEach makes the operator that executes the lateral side for each row of l, which is made if it is nil.
func (x *execution) newEach(n *joinNode, w wish, l operator) (operator, error) {
	op := &lateralOp{x: x, n: n, in: make([]*value.Vector, len(n.args))}
	left := len(n.l.columns())
	need := needed(len(n.cols), allOf(w.need, len(n.cols)), n.on, argExprs(n.args))
	below := wish{need: need[:left], limit: -1, few: w.few}
	for _, k := range w.order {
		if k.Column >= left {
			break
		}
		below.order = append(below.order, k)
	}
	if op.l = l; l == nil {
		made, err := x.operator(n.l, below)
		if err != nil {
			return nil, err
		}
		op.l = x.growing(made, w)
	}
	op.wishR = wish{need: need[left:], limit: -1}
	op.args, op.on = x.compileAll(argExprs(n.args)), x.compileAll(n.on)
	op.memo = x.newMemo(n, op.wishR.need)
	return op, nil
}

func (op *lateralOp) next() (*value.Batch, error) {
	op.lrows, op.right = op.lrows[:0], nil
	for op.whole == nil && len(op.lrows) < value.BatchSize {
		if err := op.x.check(); err != nil {
			return nil, err
		}
		if len(op.sel) == 0 {
			if len(op.lrows) > 0 { // they stand for rows of the batch at hand
				break
			}
			if ok, err := op.read(); !ok || err != nil {
				return nil, err
			}
		}
		if err := op.step(); err != nil {
			return nil, err
		}
	}
	left := len(op.n.l.columns())
	op.out = value.Batch{N: len(op.lrows), Cols: make([]*value.Vector, len(op.n.cols))}
	if len(op.lrows) == 0 { // else they come first
		b := op.whole
		op.whole = nil
		if op.same.n < b.N {
			op.same.set(op.b, op.sel[0], left, b.N)
		}
		op.out.N, op.out.Sel = b.N, b.Sel
		copy(op.out.Cols, op.same.cols)
		for k, need := range op.wishR.need {
			if need {
				op.out.Cols[left+k] = column(b, k)
			}
		}
		return &op.out, nil
	}
	for k := range left {
		op.out.Cols[k] = gathered(column(op.b, k), op.lrows)
	}
	copy(op.out.Cols[left:], op.right)
	return &op.out, nil
}

// column returns a column of a batch, nil if nobody needed it.
func column(b *value.Batch, k int) *value.Vector {
	if k < len(b.Cols) {
		return b.Cols[k]
	}
	return nil
}

// read reads the next batch of the left side; ok is false when there is none.
func (op *lateralOp) read() (ok bool, err error) {
	if op.b, err = op.l.next(); err != nil || op.b == nil {
		return false, err
	}
	op.sel = selection(op.b, op.sel)
	return true, evalAll(op.in, op.args, op.b)
}

// step adds the next rows that the left row at hand gives.
func (op *lateralOp) step() error {
	if op.r == nil {
		op.same.n, op.hit = 0, false
		if err := op.start(rowOf(op.in, int(op.sel[0]))); err != nil {
			return err
		}
	}
	b, err := op.r.next()
	if err != nil {
		return err
	}
	if b == nil {
		if !op.hit && op.n.keepL {
			op.add(nil, -1)
		}
		op.finish()
		op.sel = op.sel[1:]
		return nil
	}
	accepted, err := op.accept(b)
	if err != nil || accepted == nil {
		return err
	}
	op.hit = true
	if countRows(accepted) >= minWhole {
		op.whole = &value.Batch{N: b.N, Sel: accepted.Sel, Cols: b.Cols}
		return nil
	}
	rows(accepted, func(i int) { op.add(b, i) })
	return nil
}

// start begins the right side for some values around.
func (op *lateralOp) start(vals []value.Datum) error {
	if op.memo != nil {
		op.r = op.memo.find(vals)
	}
	if op.r == nil {
		op.inner = op.x.inner(op.n.args, vals)
		r, err := op.inner.operator(op.n.r, op.wishR)
		if err != nil {
			return err
		}
		if op.r = r; op.memo != nil {
			op.r = op.memo.keep(r)
		}
	}
	if op.memo != nil && op.x.explaining != nil {
		op.r = &countedRows{op.r, op.x.tallied(op.memo.memoRecord)}
	}
	return nil
}

// accept returns those rows of b that satisfy the conditions together with the left row at hand, nil if there are none.
func (op *lateralOp) accept(b *value.Batch) (*value.Batch, error) {
	if len(op.on) == 0 {
		return b, nil
	}
	same := make([]int32, b.N)
	for i := range same {
		same[i] = op.sel[0]
	}
	left := len(op.n.l.columns())
	in := value.Batch{N: b.N, Sel: b.Sel, Cols: make([]*value.Vector, len(op.n.cols))}
	for k := range left {
		in.Cols[k] = gathered(column(op.b, k), same)
	}
	copy(in.Cols[left:], b.Cols)
	return filterBatch(&value.Batch{}, &in, op.on, &op.buf)
}

// add adds row i of b, or a row of nulls if b is nil.
func (op *lateralOp) add(b *value.Batch, i int) {
	if op.right == nil {
		op.right = newVectors(op.n.r.columns(), 0)
	}
	op.lrows = append(op.lrows, op.sel[0])
	for k, v := range op.right {
		if !op.wishR.need[k] { // as where rows are given as they are
			op.right[k] = nil
		} else if b == nil || !present(column(b, k)) {
			v.Append(value.Null(v.Type))
		} else {
			v.AppendFrom(b.Cols[k], i)
		}
	}
}

// finish ends the execution of the right side for the row at hand.
func (op *lateralOp) finish() {
	if op.r != nil {
		op.r.close()
		op.r = nil
	}
	if op.inner != nil {
		op.inner.end()
		op.inner = nil
	}
}

func (op *lateralOp) ordered() int { return op.l.ordered() }

func (op *lateralOp) close() {
	op.finish()
	op.l.close()
	if op.memo != nil {
		op.memo.forget()
	}
}

// growingOp gives the rows of its input in pieces that begin small and grow: where few rows are wanted, what is costly
// above is not done for a whole batch before the first of them are there.
type growingOp struct {
	operator
	size int
	b    value.Batch
	sel  []int32 // rows of b still to give
	rest []int32
}

// growing returns op, in pieces if few rows are wanted.
func (x *execution) growing(op operator, w wish) operator {
	if w.few <= 0 || w.few >= value.BatchSize {
		return op
	}
	return &growingOp{operator: op, size: int(w.few)}
}

func (op *growingOp) next() (*value.Batch, error) {
	if len(op.rest) == 0 {
		b, err := op.operator.next()
		if err != nil || b == nil {
			return nil, err
		}
		op.b = *b
		op.sel = selection(b, op.sel)
		op.rest = op.sel
	}
	n := min(op.size, len(op.rest))
	op.size = min(2*op.size, value.BatchSize)
	op.b.Sel, op.rest = op.rest[:n:n], op.rest[n:]
	return &op.b, nil
}
