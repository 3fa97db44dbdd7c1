package query

import (
	"math"
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// oneRowOp gives one row without columns.
type oneRowOp struct{ done bool }

func (op *oneRowOp) next() (*value.Batch, error) {
	if op.done {
		return nil, nil
	}
	op.done = true
	return &value.Batch{N: 1}, nil
}

func (op *oneRowOp) ordered() int { return 0 }
func (op *oneRowOp) close()       {}

// valuesOp gives the rows of VALUES.
type valuesOp struct {
	n    *valuesNode
	rows [][]evaluator
	out  value.Batch
}

func (x *execution) newValues(n *valuesNode) operator {
	op := &valuesOp{n: n}
	for _, row := range n.rows {
		op.rows = append(op.rows, x.compileAll(row))
	}
	return op
}

func (op *valuesOp) next() (*value.Batch, error) {
	if len(op.rows) == 0 {
		return nil, nil
	}
	n := min(len(op.rows), value.BatchSize)
	op.out = value.Batch{N: n, Cols: newVectors(op.n.cols, n)}
	for i, row := range op.rows[:n] {
		for k, e := range row {
			v, err := e.eval(&oneRow)
			if err != nil {
				return nil, err
			}
			op.out.Cols[k].Copy(i, v, 0)
		}
	}
	op.rows = op.rows[n:]
	return &op.out, nil
}

func (op *valuesOp) ordered() int { return 0 }
func (op *valuesOp) close()       {}

// newVectors returns one vector of n values for each column.
func newVectors(cols []Column, n int) []*value.Vector {
	out := make([]*value.Vector, len(cols))
	for i, c := range cols {
		out[i] = value.NewVector(c.Type, n)
	}
	return out
}

// filterOp passes rows for which the conditions hold.
type filterOp struct {
	n     *filterNode
	in    operator
	gate  []evaluator // conditions about no row, until they are looked at
	where []evaluator
	out   value.Batch
	sel   []int32
}

func (x *execution) newFilter(n *filterNode, w wish) (operator, error) {
	width, fault := len(n.in.columns()), x.fault
	in, err := x.operator(n.in, wish{need: needed(width, allOf(w.need, width), n.where), order: w.order, limit: -1, few: w.few})
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(n.where, isNever) { // so Postgres does not plan what is below
		x.fault = fault
	}
	if slices.ContainsFunc(n.where, isCostly) {
		in = x.growing(in, w)
	}
	op := &filterOp{n: n, in: in}
	var where []expr
	for _, e := range n.where {
		if side(e, width) == 0 && isConstant(e) {
			op.gate = append(op.gate, x.compile(e))
		} else {
			where = append(where, e)
		}
	}
	op.where = x.compileAll(cheapFirst(where))
	return op, nil
}

// enter looks at the conditions about no row.
func (op *filterOp) enter() (bool, error) {
	for ; len(op.gate) > 0; op.gate = op.gate[1:] {
		v, err := op.gate[0].eval(&oneRow)
		if err != nil || !v.Datum(0).Bool() {
			return false, err
		}
	}
	return true, nil
}

func (op *filterOp) next() (*value.Batch, error) {
	if ok, err := op.enter(); err != nil || !ok {
		return nil, err
	}
	for {
		b, err := op.in.next()
		if err != nil || b == nil {
			return nil, err
		}
		out, err := filterBatch(&op.out, b, op.where, &op.sel)
		if err != nil || out != nil {
			return out, err
		}
	}
}

func (op *filterOp) ordered() int { return op.in.ordered() }
func (op *filterOp) close()       { op.in.close() }

// projectOp computes columns.
type projectOp struct {
	x     *execution
	n     *projectNode
	in    operator
	exprs []evaluator
	out   value.Batch

	recycled []*value.Vector // to be released at the end
}

func (x *execution) newProject(n *projectNode, w wish) (operator, error) {
	width := len(n.in.columns())
	var used []expr
	exprs := make([]evaluator, len(n.exprs))
	for i, e := range n.exprs {
		if w.need != nil && !w.need[i] && !n.set {
			continue
		}
		used = append(used, e)
		if !n.set {
			exprs[i] = x.compile(e)
		}
	}
	below := wish{need: needed(width, nil, used), limit: w.limit, few: w.few}
	if n.set {
		below.limit = -1
	}
	for _, k := range w.order {
		c, ok := n.exprs[k.Column].(*columnExpr)
		if !ok || n.set {
			below.limit = -1 // it is of rows in the whole order
			break
		}
		below.order = append(below.order, OrderKey{Column: c.index, Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	in, err := x.operator(n.in, below)
	if err != nil {
		return nil, err
	}
	if n.set {
		return x.newProjectSet(n, x.growing(in, w)), nil
	}
	if slices.ContainsFunc(used, isCostly) {
		in = x.growing(in, w)
	}
	return &projectOp{x: x, n: n, in: in, exprs: exprs}, nil
}

func (op *projectOp) next() (*value.Batch, error) {
	b, err := op.in.next()
	if err != nil || b == nil {
		return nil, err
	}
	op.out = value.Batch{N: b.N, Sel: b.Sel, Cols: op.out.Cols}
	if op.out.Cols == nil {
		op.out.Cols = make([]*value.Vector, len(op.exprs))
	}
	for i, e := range op.exprs {
		if e == nil {
			continue
		}
		if op.out.Cols[i], err = e.eval(b); err != nil {
			return nil, err
		}
	}
	return &op.out, nil
}

func (op *projectOp) ordered() int { return op.in.ordered() }

func (op *projectOp) close() {
	for _, v := range op.recycled {
		v.Release()
	}
	op.in.close()
}

// limitOp passes some of the rows.
type limitOp struct {
	n          *limitNode
	in         operator
	skip, left int64 // left is -1 without limit
	out        value.Batch
	sel        []int32
}

// bounds computes LIMIT and OFFSET.
func (x *execution) bounds(n *limitNode) (limit, offset int64, err error) {
	limit = -1
	for _, b := range []struct {
		e    expr
		name string
		code string
		to   *int64
	}{{n.limit, "LIMIT", "2201W", &limit}, {n.offset, "OFFSET", "2201X", &offset}} {
		if b.e == nil {
			continue
		}
		d, err := x.evalOne(b.e)
		if err != nil {
			return 0, 0, err
		}
		if d.Null {
			continue
		}
		if d.I < 0 {
			return 0, 0, errf(b.code, "%s must not be negative", b.name)
		}
		*b.to = d.I
	}
	return limit, offset, nil
}

func (x *execution) newLimit(n *limitNode, w wish) (operator, error) {
	limit, offset, err := x.bounds(n)
	if err != nil {
		return nil, err
	}
	below := wish{need: w.need, order: w.order, limit: -1}
	above := w.limit
	if len(w.order) > 0 { // the first in that order may be any of those that pass here
		above = -1
	}
	for _, n := range []int64{above, limit} {
		if n >= 0 && n <= math.MaxInt64-offset && (below.limit < 0 || n+offset < below.limit) {
			below.limit = n + offset
		}
	}
	if below.few = w.few; limit > 0 {
		below.few = max(below.limit, 0)
	}
	in, err := x.operator(n.in, below)
	if err != nil {
		return nil, err
	}
	return &limitOp{n: n, in: in, skip: offset, left: limit}, nil
}

func (op *limitOp) next() (*value.Batch, error) {
	for op.left != 0 {
		b, err := op.in.next()
		if err != nil || b == nil {
			return nil, err
		}
		op.sel = selection(b, op.sel)
		rows := op.sel
		if skip := min(op.skip, int64(len(rows))); skip > 0 {
			rows = rows[skip:]
			op.skip -= skip
		}
		if op.left >= 0 && int64(len(rows)) > op.left {
			rows = rows[:op.left]
		}
		if len(rows) == 0 {
			continue
		}
		if op.left >= 0 {
			op.left -= int64(len(rows))
		}
		op.out = value.Batch{N: b.N, Cols: b.Cols, Sel: rows}
		return &op.out, nil
	}
	return nil, nil
}

func (op *limitOp) ordered() int { return op.in.ordered() }
func (op *limitOp) close()       { op.in.close() }

// appendOp gives the rows of its inputs one after the other.
type appendOp struct {
	ins  []operator
	at   int
	need []bool // as in wish
	out  value.Batch
}

func (x *execution) newAppend(n *appendNode, w wish) (operator, error) {
	op := &appendOp{need: w.need}
	for _, in := range n.ins {
		child, err := x.operator(in, wish{need: w.need, limit: -1, few: w.few})
		if err != nil {
			return nil, err
		}
		op.ins = append(op.ins, child)
	}
	return op, nil
}

func (op *appendOp) next() (*value.Batch, error) {
	for ; op.at < len(op.ins); op.at++ {
		if b, err := op.ins[op.at].next(); err != nil || b != nil {
			return op.needed(b), err
		}
	}
	return nil, nil
}

// needed returns b without the columns that nobody needs. Some inputs compute them all the same and some do not, but who keeps
// rows relies on a column's being there in all batches or in none.
func (op *appendOp) needed(b *value.Batch) *value.Batch {
	if b == nil || op.need == nil {
		return b
	}
	op.out = *b
	op.out.Cols = slices.Clone(b.Cols)
	for k := range op.out.Cols {
		if !op.need[k] {
			op.out.Cols[k] = nil
		}
	}
	return &op.out
}

func (op *appendOp) ordered() int { return 0 }

func (op *appendOp) close() {
	for _, in := range op.ins {
		in.close()
	}
}
