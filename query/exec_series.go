package query

import (
	"fmt"
	"io"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A seriesCall is a call of a set-returning function, or any other expression for one row, in one execution. Its
// arguments are computed for a whole batch, its rows for one row of the batch.
type seriesCall struct {
	call   *fn.Call // nil: the only argument is the one row
	args   []evaluator
	vals   []*value.Vector
	record *value.Type // of what is given and taken apart into its fields; nil if it comes in columns
}

func (x *execution) seriesCall(e expr) *seriesCall {
	c := &seriesCall{}
	if s, ok := e.(*seriesExpr); ok {
		c.call, c.args = s.call, x.compileAll(s.args)
	} else {
		c.args = []evaluator{x.compile(e)}
	}
	c.vals = make([]*value.Vector, len(c.args))
	return c
}

// prepare computes the arguments for the rows of b.
func (c *seriesCall) prepare(b *value.Batch) error { return evalAll(c.vals, c.args, b) }

// start calls the function for one row of the batch that was prepared. Its rows are put into vectors for cols.
func (c *seriesCall) start(env *fn.Env, row int, cols []Column) (*seriesSource, error) {
	src := &seriesSource{cols: newVectors(cols, 0)}
	if c.record != nil {
		src.cols, src.fields = []*value.Vector{value.NewVector(c.record, 0)}, cols
	}
	for _, col := range cols {
		src.names = append(src.names, col.Name)
	}
	args := make([]value.Datum, len(c.vals))
	for k, v := range c.vals {
		args[k] = v.Datum(row)
	}
	if c.call == nil {
		src.cols[0].Append(args[0])
		src.n = 1
		return src, nil
	}
	var err error
	src.whole = c.call.Ret
	src.series, err = c.call.Start(env, args)
	return src, err
}

// columns returns the columns of what the function returns.
func (c *seriesCall) columns() []Column {
	if len(c.call.Func.Columns) == 0 {
		return []Column{{Type: c.call.Ret}}
	}
	return recordColumns(c.call)
}

// recordColumns are the columns of the records that a call returns.
func recordColumns(call *fn.Call) (cols []Column) {
	for _, c := range call.Func.Columns {
		oid := c.Type
		if oid == value.AnyElementOID {
			oid = call.Args[0].Elem
		}
		cols = append(cols, Column{Name: c.Name, Type: value.MustType(oid), TypeModifier: -1})
	}
	return cols
}

// seriesSource is a called function with rows that are not given out yet.
type seriesSource struct {
	series fn.Series // nil at its end, and for a single row, which is in cols
	cols   []*value.Vector
	names  []string    // of cols
	whole  *value.Type // of a row as one value
	fields []Column    // of records to take apart, in the only one of cols
	fit    bool        // one of them had these fields
	n, at  int
}

// fill makes sure that src has a row to give; ok is false at the end.
func (src *seriesSource) fill(env *fn.Env) (ok bool, err error) {
	if src.at < src.n {
		return true, nil
	}
	if src.series == nil {
		return false, nil
	}
	src.at = 0
	if src.n, err = src.series.Next(env, src.cols); err != nil || src.n == 0 {
		src.close()
		return false, err
	}
	return true, nil
}

// streams reports whether the rows come from something that is held open, and are too large to collect.
func (src *seriesSource) streams() bool {
	_, ok := src.series.(io.Closer)
	return ok
}

// close ends the call.
func (src *seriesSource) close() {
	if c, ok := src.series.(io.Closer); ok {
		_ = c.Close() // what was read is not in doubt
	}
	src.series = nil
}

func closeAll(sources []*seriesSource) {
	for _, src := range sources {
		src.close()
	}
}

// give copies n rows to out from row at on, nulls after the last one. Several columns become one record where out is one.
func (src *seriesSource) give(env *fn.Env, out []*value.Vector, at, n int) error {
	for i := at; i < at+n; i++ {
		ok, err := src.fill(env)
		switch {
		case err != nil:
		case !ok:
			setNulls(out, i)
		case src.fields != nil:
			err = src.takeApart(out, i)
		case len(out) < len(src.cols):
			out[0].Set(i, src.record())
		default:
			for k, v := range out {
				v.Copy(i, src.cols[k], src.at)
			}
		}
		if err != nil {
			return err
		}
		src.at++
	}
	return nil
}

func setNulls(out []*value.Vector, i int) {
	for _, v := range out {
		v.SetNull(i)
	}
}

// takeApart copies the fields of the record to give to row i of out. A null one has fields of null.
func (src *seriesSource) takeApart(out []*value.Vector, i int) error {
	d := src.cols[0].Datum(src.at)
	if d.Null {
		setNulls(out, i)
		return nil
	}
	r := d.X.(*value.Record)
	if detail := otherFields(r, src.fields); detail != "" {
		err := errf(codeDatatypeMismatch, "function return row and query-specified return row do not match")
		if err.Detail = detail; src.fit {
			err = errf(codeDatatypeMismatch, "rows returned by function are not all of the same row type")
		}
		return err
	}
	src.fit = true
	for k, f := range r.Fields {
		out[k].Set(i, f)
	}
	return nil
}

// otherFields says how the fields of a record differ from what a query expects, "" if they do not.
func otherFields(r *value.Record, want []Column) string {
	if len(r.Fields) != len(want) {
		plural := "s"
		if len(r.Fields) == 1 {
			plural = ""
		}
		return fmt.Sprintf("Returned row contains %d attribute%s, but query expects %d.", len(r.Fields), plural, len(want))
	}
	for k, f := range r.Fields {
		if t := want[k].Type; f.Type != t {
			return fmt.Sprintf("Returned type %s at ordinal position %d, but query expects %s.", f.Type.SQL, k+1, t.SQL)
		}
	}
	return ""
}

// record returns the row to give as one value.
func (src *seriesSource) record() value.Datum {
	r := &value.Record{Names: src.names}
	for _, c := range src.cols {
		r.Fields = append(r.Fields, c.Datum(src.at))
	}
	return value.NewBox(src.whole, r)
}

// ready returns how many rows the longest of sources can give now.
func ready(env *fn.Env, sources []*seriesSource) (most int, err error) {
	for _, src := range sources {
		if _, err := src.fill(env); err != nil {
			return 0, err
		}
		most = max(most, src.n-src.at)
	}
	return most, nil
}

// seriesOp runs functions side by side, for each row of in.
type seriesOp struct {
	x       *execution
	n       *seriesNode
	in      operator // one row without columns where the functions use none
	width   int      // columns of in that are passed on
	calls   []*seriesCall
	b       *value.Batch    // input
	sel     []int32         // rows of b still to do, the one at hand first
	sources []*seriesSource // of the row at hand; nil if they are not started
	number  int64           // of the last row of the row at hand
	same    []int32         // for each output row, its row in b
	held    int             // reserved for what sources hold
	out     value.Batch
}

func (x *execution) newSeries(n *seriesNode, w wish) (operator, error) {
	op := &seriesOp{x: x, n: n, in: &oneRowOp{}}
	for i, e := range n.calls {
		c := x.seriesCall(e)
		if n.records[i] {
			c.record = e.typ()
		}
		op.calls = append(op.calls, c)
	}
	if n.in == nil {
		return op, nil
	}
	op.width = len(n.in.columns())
	need := needed(op.width+len(n.cols), allOf(w.need, op.width+len(n.cols)), n.calls)
	below := wish{need: need[:op.width], limit: -1, few: w.few} // a row of it may give none
	for _, k := range w.order {
		if k.Column >= op.width {
			break
		}
		below.order = append(below.order, k)
	}
	in, err := x.operator(n.in, below)
	if err != nil {
		return nil, err
	}
	op.in = x.growing(in, w)
	return op, nil
}

// next gives rows of one batch of the input.
func (op *seriesOp) next() (*value.Batch, error) {
	for {
		if len(op.sel) == 0 {
			if ok, err := op.read(); !ok || err != nil {
				return nil, err
			}
		}
		op.out = value.Batch{Cols: append(make([]*value.Vector, op.width), newVectors(op.n.cols, value.BatchSize)...)}
		op.same = op.same[:0]
		if err := op.x.saw(value.BatchSize); err != nil {
			return nil, err
		}
		for len(op.sel) > 0 && op.out.N < value.BatchSize {
			if err := op.expand(); err != nil {
				return nil, err
			}
			if op.out.N > 0 && slices.ContainsFunc(op.sources, (*seriesSource).streams) {
				break
			}
		}
		if op.out.N > 0 {
			op.passOn()
			return &op.out, nil
		}
	}
}

// read reads the next batch of the input and prepares the calls for it; ok is false when there is none.
func (op *seriesOp) read() (ok bool, err error) {
	if op.b, err = op.in.next(); err != nil || op.b == nil {
		return false, err
	}
	op.sel = selection(op.b, op.sel)
	for _, c := range op.calls {
		if err := c.prepare(op.b); err != nil {
			return false, err
		}
	}
	return true, nil
}

// expand adds rows of the row at hand to the output, or goes on to the row after if it has none left.
func (op *seriesOp) expand() error {
	if err := op.x.check(); err != nil {
		return err
	}
	if op.sources == nil {
		if err := op.start(); err != nil {
			return err
		}
	}
	most, err := ready(&op.x.env, op.sources)
	if err != nil {
		return err
	}
	if most == 0 {
		op.sources, op.sel = nil, op.sel[1:]
		return nil
	}
	at, n := op.out.N, min(most, value.BatchSize-op.out.N)
	col := op.width
	for k, src := range op.sources {
		if err := src.give(&op.x.env, op.out.Cols[col:col+op.n.widths[k]], at, n); err != nil {
			return err
		}
		col += op.n.widths[k]
	}
	for i := range n {
		op.same = append(op.same, op.sel[0])
		if op.n.ordinality {
			op.number++
			op.out.Cols[col].Ints[at+i] = op.number
		}
	}
	op.out.N += n
	return nil
}

// start calls the functions for the row at hand.
func (op *seriesOp) start() error {
	op.number = 0
	col := 0
	for i, c := range op.calls {
		src, err := c.start(&op.x.env, int(op.sel[0]), op.n.cols[col:col+op.n.widths[i]])
		if err != nil {
			return err
		}
		op.sources = append(op.sources, src)
		col += op.n.widths[i]
	}
	op.x.hold(&op.held)
	return nil
}

// passOn puts the columns of the input beside those of the functions. Columns that nothing needs are not there.
func (op *seriesOp) passOn() {
	for i := range op.width {
		op.out.Cols[i] = gathered(op.b.Cols[i], op.same)
	}
}

// gathered returns the values of a column of a batch at the rows, an empty vector if nobody needed the column.
func gathered(c *value.Vector, rows []int32) *value.Vector {
	v := &value.Vector{}
	if c != nil && c.Type != nil && c.Len() > 0 {
		v.Gather(c, rows)
	}
	return v
}

func (op *seriesOp) ordered() int { return op.in.ordered() }

func (op *seriesOp) close() {
	closeAll(op.sources)
	op.in.close()
}
