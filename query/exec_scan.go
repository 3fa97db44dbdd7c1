package query

import (
	"context"
	"math"
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// scanOp reads a table by a path and passes the rows for which the conditions hold that the path does not see to.
type scanOp struct {
	x        *execution
	n        *scanNode
	path     *Path
	open     func(ctx context.Context) (Scan, error) // the path, or a part of it
	request  *ScanRequest
	from     []int                // of each constraint of the request: the condition that it says
	lookups  string               // column by whose values a join looks rows up, empty for none
	more     func() (bool, error) // goes on to the next of them; nil if there are none
	parallel bool                 // open is a part of the path
	used     []Constraint         // seen to by the path
	rest     []expr
	where    []evaluator
	scan     Scan
	sampler  *sampler // nil for all rows
	batch    value.Batch
	out      value.Batch
	sel      []int32
	held     int // reserved for the values of batch
	read     int // rows
}

func (x *execution) newScan(n *scanNode, w wish) (operator, error) {
	op := &scanOp{x: x, n: n, sampler: x.newSampler(n)}
	constraints, from := x.constraints(n)
	need := needed(len(n.cols), allOf(w.need, len(n.cols)), n.where)
	for i, c := range n.table.Def().Columns {
		need[i] = need[i] && c.Compute == nil
	}
	r := &ScanRequest{Session: x.session, Where: constraints, Need: need, Order: w.order, AsOf: x.asOf, Few: int(min(w.few, math.MaxInt32))}
	if op.sampler != nil {
		r.Sample = &op.sampler.sample
		for _, k := range op.sampler.cols {
			need[k] = true
		}
	}
	path, err := n.table.Plan(r)
	if err != nil {
		return nil, err
	}
	op.request, op.from = r, from
	op.take(path)
	return op, nil
}

// take has the scan read by a path.
func (op *scanOp) take(path *Path) {
	op.path, op.open, op.used, op.rest = path, path.Open, nil, nil
	for i := range op.from {
		if path.Used[i] {
			op.used = append(op.used, op.request.Where[i])
		}
	}
	for i, e := range op.n.where {
		// A condition that gives several constraints (BETWEEN) was split before; each gives at most one.
		if at := slices.Index(op.from, i); at < 0 || !path.Used[at] {
			op.rest = append(op.rest, e)
		}
	}
	op.where = op.x.compileAll(cheapFirst(op.rest))
}

// cheapFirst orders conditions so that those that ask a table to compute come last.
func cheapFirst(list []expr) []expr {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b expr) int { return int(value.BoolInt(isCostly(a)) - value.BoolInt(isCostly(b))) })
	return out
}

func (op *scanOp) next() (*value.Batch, error) {
	if op.scan == nil {
		if err := op.begin(); err != nil {
			return nil, err
		}
	}
	for {
		if err := op.x.check(); err != nil {
			return nil, err
		}
		op.batch.Sel = nil
		if err := op.scan.Next(op.x.env.Ctx, &op.batch); err != nil {
			return nil, err
		}
		if op.batch.N == 0 {
			if more, err := op.goOn(); err != nil || !more {
				return nil, err
			}
			continue
		}
		op.read += op.batch.N
		if err := op.x.sawScan(&op.batch, &op.held); err != nil {
			return nil, err
		}
		if op.sampler != nil && !op.sampler.draw(&op.batch) {
			continue
		}
		out, err := filterBatch(&op.out, &op.batch, op.where, &op.sel)
		if err != nil || out != nil {
			return out, err
		}
	}
}

// goOn opens the path of the keys that are looked up next; more is false if there are none.
func (op *scanOp) goOn() (more bool, err error) {
	if op.more == nil {
		return false, nil
	}
	if more, err = op.more(); err != nil || !more {
		return false, err
	}
	op.close()
	op.scan, err = op.open(op.x.env.Ctx)
	return true, err
}

// begin opens the path.
func (op *scanOp) begin() (err error) {
	if op.sampler != nil {
		if err := op.sampler.begin(op.x); err != nil {
			return err
		}
	}
	if op.scan, err = op.open(op.x.env.Ctx); err != nil {
		return err
	}
	if op.batch.Cols == nil {
		op.batch.Cols = emptyVectors(len(op.n.cols))
	}
	return nil
}

// emptyVectors returns n vectors.
func emptyVectors(n int) []*value.Vector {
	vectors, out := make([]value.Vector, n), make([]*value.Vector, n)
	for i := range out {
		out[i] = &vectors[i]
	}
	return out
}

// filterBatch makes out the rows of b for which all conditions hold. It returns nil if there are none.
func filterBatch(out, b *value.Batch, where []evaluator, buf *[]int32) (*value.Batch, error) {
	*out = *b
	for _, e := range where {
		v, err := e.eval(out)
		if err != nil {
			return nil, err
		}
		if cap(*buf) < out.N {
			*buf = make([]int32, max(out.N, value.BatchSize))
		}
		kept := keep((*buf)[:cap(*buf)], v, out.N, out.Sel)
		*buf = kept
		out.Sel = kept
		if len(kept) == 0 {
			return nil, nil
		}
	}
	return out, nil
}

// keep writes the rows of sel, or of the first n if it is nil, in which v is true to dst, which has room for n, and may be sel.
func keep(dst []int32, v *value.Vector, n int, sel []int32) []int32 {
	k := 0
	ints := v.Ints
	switch {
	case v.Nulls != nil && sel == nil:
		for i := range n {
			if ints[i] != 0 && !v.Nulls[i] {
				dst[k] = int32(i)
				k++
			}
		}
	case v.Nulls != nil:
		for _, i := range sel {
			if ints[i] != 0 && !v.Nulls[i] {
				dst[k] = i
				k++
			}
		}
	case sel == nil: // a boolean is 0 or 1, so that the loops need no branch
		for i, x := range ints[:n] {
			dst[k] = int32(i)
			k += int(x)
		}
	default:
		for _, i := range sel {
			dst[k] = i
			k += int(ints[i])
		}
	}
	return dst[:k]
}

func (op *scanOp) ordered() int { return op.path.Ordered }

func (op *scanOp) close() {
	if op.scan != nil {
		op.scan.Close()
		op.scan = nil
	}
}

// constraints turns the conditions of a scan that compare a column with a value known now into constraints; from tells
// the condition of each.
func (x *execution) constraints(n *scanNode) (list []Constraint, from []int) {
	for i, e := range n.where {
		if c, ok := x.constraint(e); ok {
			c.cond = e
			list, from = append(list, c), append(from, i)
		}
	}
	return list, from
}

var constraintOps = map[string]ConstraintOp{"=": Equal, "<": Less, "<=": LessEqual, ">": Greater, ">=": GreaterEqual}

var mirrored = map[ConstraintOp]ConstraintOp{
	Equal: Equal, Less: Greater, LessEqual: GreaterEqual, Greater: Less, GreaterEqual: LessEqual,
}

// constraint understands column op value, value op column and column = ANY (array).
func (x *execution) constraint(e expr) (Constraint, bool) {
	switch e := e.(type) {
	case *callExpr:
		op, ok := constraintOps[e.call.Func.Name]
		if !ok || !e.operator || len(e.args) != 2 {
			return Constraint{}, false
		}
		l, r := e.args[0], e.args[1]
		if isConstant(l) {
			l, r, op = r, l, mirrored[op]
		}
		column, t, ok := plainColumn(l)
		if !ok || !isConstant(r) {
			return Constraint{}, false
		}
		d, err := x.evalOne(r)
		if err != nil {
			return Constraint{}, false
		}
		if d.Null { // which is no value's equal, nor less, nor greater
			return Constraint{Column: column, Op: OneOf}, true
		}
		d, ok = comparable(d, t)
		return Constraint{Column: column, Op: op, Values: []value.Datum{d}}, ok
	case *quantifiedExpr:
		return x.listConstraint(e)
	}
	return Constraint{}, false
}

func (x *execution) listConstraint(e *quantifiedExpr) (Constraint, bool) {
	column, t, ok := plainColumn(e.x)
	if !ok || e.all || e.op.Func.Name != "=" || !isConstant(e.array) {
		return Constraint{}, false
	}
	d, err := x.evalOne(e.array)
	if err != nil || d.Null {
		return Constraint{}, false
	}
	elems := d.X.(*value.Array).Elems
	c := Constraint{Column: column, Op: OneOf, Values: make([]value.Datum, 0, elems.Len())}
	for i := range elems.Len() {
		if elems.IsNull(i) {
			continue
		}
		v, ok := comparable(elems.Datum(i), t)
		if !ok {
			return Constraint{}, false
		}
		c.Values = append(c.Values, v)
	}
	return c, true
}

// plainColumn returns the column that e is, perhaps under a cast that changes neither value nor order.
func plainColumn(e expr) (int, *value.Type, bool) {
	if c, ok := e.(*castExpr); ok && c.modify == nil && c.cast != nil && (c.cast.Binary || widens(c.cast.From, c.cast.To)) {
		e = c.x
	}
	if c, ok := e.(*computedExpr); ok {
		return c.column, c.t, true
	}
	c, ok := e.(*columnExpr)
	if !ok {
		return 0, nil, false
	}
	return c.index, c.t, true
}

// widens reports whether a cast is one between integers that keeps every value.
func widens(from, to *value.Type) bool { return isInteger(from) && isInteger(to) && from.Len <= to.Len }

func isInteger(t *value.Type) bool { return t == value.Int2 || t == value.Int4 || t == value.Int8 }

// comparable returns d as a value of type t where an equal one exists and the order is the same.
func comparable(d value.Datum, t *value.Type) (value.Datum, bool) {
	switch {
	case d.Type == t:
		return d, true
	case isInteger(d.Type) && isInteger(t):
		// A constraint may hold a value that the column cannot have: the path finds nothing then.
		return value.NewInt(t, d.I), true
	case d.Type.IsString() && t.IsString() && d.Type != value.Bpchar && t != value.Bpchar:
		return value.NewBytes(t, d.B), true
	}
	return value.Datum{}, false
}
