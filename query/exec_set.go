package query

import (
	"github.com/jurat-ledger/jurat/query/value"
)

// projectSetOp computes columns of which some are set-returning functions: each row becomes as many rows as its longest
// set has; shorter sets are filled up with nulls.
type projectSetOp struct {
	x    *execution
	n    *projectNode
	in   operator
	b    *value.Batch // input
	sel  []int32      // rows of b still to do
	call []*seriesCall
	sets []*seriesSource // of the row at hand
	held int             // reserved for what sets hold
	row  []*value.Vector // one value: the sets' values of the row at hand
	rest []evaluator     // of n.exprs with each set replaced by a column after those of the input
	out  value.Batch
}

func (x *execution) newProjectSet(n *projectNode, in operator) operator {
	op := &projectSetOp{x: x, n: n, in: in}
	width := len(n.in.columns())
	known := map[*seriesExpr]expr{} // the fields of a record that a function returns stand for one call
	for _, e := range n.exprs {
		op.rest = append(op.rest, x.compile(rebuildTop(e, func(e expr) expr {
			s, ok := e.(*seriesExpr)
			if !ok {
				return e
			}
			if c := known[s]; c != nil {
				return c
			}
			op.row = append(op.row, value.NewVector(s.call.Ret, 1))
			op.call = append(op.call, x.seriesCall(s))
			known[s] = &columnExpr{index: width + len(op.row) - 1, t: s.call.Ret}
			return known[s]
		})))
	}
	return op
}

// start starts the sets for the next input row; ok is false when there is none.
func (op *projectSetOp) start() (ok bool, err error) {
	for len(op.sel) == 0 {
		if op.b, err = op.in.next(); err != nil || op.b == nil {
			return false, err
		}
		op.sel = selection(op.b, op.sel)
		for _, c := range op.call {
			if err := c.prepare(op.b); err != nil {
				return false, err
			}
		}
	}
	op.sets = op.sets[:0]
	for _, c := range op.call {
		src, err := c.start(&op.x.env, int(op.sel[0]), c.columns())
		if err != nil {
			return false, err
		}
		op.sets = append(op.sets, src)
	}
	op.x.hold(&op.held)
	return true, nil
}

func (op *projectSetOp) next() (*value.Batch, error) {
	for {
		if err := op.x.check(); err != nil {
			return nil, err
		}
		if len(op.sets) == 0 {
			if ok, err := op.start(); !ok || err != nil {
				return nil, err
			}
		}
		most, err := ready(&op.x.env, op.sets)
		if err != nil {
			return nil, err
		}
		if most == 0 {
			op.sets = op.sets[:0]
			op.sel = op.sel[1:]
			continue
		}
		return op.expand(most)
	}
}

// expand gives n rows made of the row at hand.
func (op *projectSetOp) expand(n int) (*value.Batch, error) {
	in := value.Batch{N: n, Cols: make([]*value.Vector, 0, len(op.b.Cols)+len(op.sets))}
	same := make([]int32, n)
	for i := range same {
		same[i] = op.sel[0]
	}
	for _, c := range op.b.Cols {
		in.Cols = append(in.Cols, gathered(c, same))
	}
	for k, src := range op.sets {
		v := value.NewVector(op.row[k].Type, n)
		if err := src.give(&op.x.env, []*value.Vector{v}, 0, n); err != nil {
			return nil, err
		}
		in.Cols = append(in.Cols, v)
	}
	op.out = value.Batch{N: n, Cols: make([]*value.Vector, len(op.rest))}
	return &op.out, evalAll(op.out.Cols, op.rest, &in)
}

func (op *projectSetOp) ordered() int { return 0 }

func (op *projectSetOp) close() {
	closeAll(op.sets)
	op.in.close()
}

// sharedOp reads the rows of a query of WITH, which the first to ask computes.
type sharedOp struct {
	x     *execution
	query *sharedQuery
	rowReader
}

func (op *sharedOp) next() (*value.Batch, error) {
	if op.rows == nil {
		rows, err := op.x.sharedRows(op.query)
		if err != nil {
			return nil, err
		}
		op.rows = rows
	}
	return op.read(), nil
}

func (op *sharedOp) ordered() int { return 0 }
func (op *sharedOp) close()       {}

// materialize runs a plan to its end and keeps its rows.
func (x *execution) materialize(n node) (*rowStore, error) {
	op, err := x.start(n, everything)
	if err != nil {
		return nil, err
	}
	defer op.close()
	return x.drain(op, n)
}

// drain keeps what is left of the rows of op, which is n's operator.
func (x *execution) drain(op operator, n node) (*rowStore, error) {
	rows := newRowStore(x, n.columns())
	for {
		b, err := op.next()
		if err != nil || b == nil {
			return rows, err
		}
		if err := rows.add(b); err != nil {
			return nil, err
		}
	}
}
