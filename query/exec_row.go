package query

import (
	"github.com/jurat-ledger/jurat/query/value"
)

// fieldEval gives a field of a record.
type fieldEval struct {
	e   *fieldExpr
	arg evaluator
	out value.Vector
}

func (e *fieldEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := e.arg.eval(b)
	if err != nil {
		return nil, err
	}
	e.out.Reset(e.e.col.Type, b.N)
	var failed error
	rows(b, func(i int) {
		if v.IsNull(i) {
			e.out.SetNull(i)
			return
		}
		r := v.Boxes[i].(*value.Record)
		if e.e.index >= len(r.Fields) || r.Fields[e.e.index].Type != e.e.col.Type {
			failed = errf(codeInternal, "record does not have the type that was expected")
			return
		}
		e.out.Set(i, r.Fields[e.e.index])
	})
	return &e.out, failed
}

// rowsEval compares a row with those of a query.
type rowsEval struct {
	x    *execution
	e    *rowsExpr
	xs   []evaluator
	in   []*value.Vector
	sub  evaluator
	cond evaluator
	out  value.Vector
}

func (x *execution) compileRows(e *rowsExpr) evaluator {
	return &rowsEval{x: x, e: e, xs: x.compileAll(e.xs), in: make([]*value.Vector, len(e.xs)), sub: x.compile(e.sub), cond: x.compile(e.cond)}
}

func (e *rowsEval) eval(b *value.Batch) (*value.Vector, error) {
	if err := evalAll(e.in, e.xs, b); err != nil {
		return nil, err
	}
	tables, err := e.sub.eval(b)
	if err != nil {
		return nil, err
	}
	e.out.Reset(value.Bool, b.N)
	var failed error
	rows(b, func(i int) {
		if failed == nil {
			failed = e.row(i, tables.Boxes[i].(*value.Array).Elems)
		}
	})
	return &e.out, failed
}

// row compares row i with the records of table.
func (e *rowsEval) row(i int, table *value.Vector) error {
	result, unknown := e.e.all, false
	for lo := 0; lo < table.Len() && result == e.e.all; lo += value.BatchSize {
		if err := e.x.check(); err != nil {
			return err
		}
		n := min(value.BatchSize, table.Len()-lo)
		in := value.Batch{N: n}
		for k, v := range e.in {
			c := value.NewVector(e.e.xs[k].typ(), n)
			for r := range n {
				c.Copy(r, v, i)
			}
			in.Cols = append(in.Cols, c)
		}
		for k, col := range e.e.cols {
			c := value.NewVector(col.Type, n)
			for r := range n {
				c.Set(r, table.Boxes[lo+r].(*value.Record).Fields[k])
			}
			in.Cols = append(in.Cols, c)
		}
		v, err := e.cond.eval(&in)
		if err != nil {
			return err
		}
		for r := range n {
			switch {
			case v.IsNull(r):
				unknown = true
			case (v.Ints[r] != 0) != e.e.all:
				result = !e.e.all
			}
		}
	}
	if unknown && result == e.e.all {
		e.out.SetNull(i)
		return nil
	}
	e.out.Ints[i] = value.BoolInt(result)
	return nil
}

// records returns the rows of a store as records.
func (s *rowStore) records() *value.Vector {
	out := value.NewVector(value.RecordT, s.n)
	for i := range s.n {
		r := &value.Record{Fields: make([]value.Datum, len(s.cols))}
		for k, c := range s.cols {
			r.Fields[k] = c.Datum(i)
		}
		out.Boxes[i] = r
	}
	return out
}
