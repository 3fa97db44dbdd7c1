package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// field analyzes (x).name, where x is a call that returns records with known columns or a column that holds such ones.
func (a *analyzer) field(s *scope, e *parse.Field) (expr, error) {
	var x expr
	var fields []Column
	if ref, ok := e.X.(*parse.ColumnRef); ok {
		c, err := a.lookup(s, ref)
		if err != nil {
			return nil, err
		}
		x, fields = c.x, c.from.Fields
	} else {
		var err error
		if x, err = a.expr(s, e.X); err != nil {
			return nil, err
		}
		if call, ok := x.(*seriesExpr); ok {
			fields = recordColumns(call.call)
		}
	}
	if x.typ() != value.RecordT {
		return nil, a.fail(errf(codeWrongObject, "column notation .%s applied to type %s, which is not a composite type", e.Name, x.typ().SQL), e)
	}
	i := slices.IndexFunc(fields, func(c Column) bool { return c.Name == e.Name })
	if i < 0 {
		return nil, a.fail(errf(codeUndefinedColumn, "could not identify column %q in record data type", e.Name), e)
	}
	return &fieldExpr{x: x, field: i, t: fields[i].Type, name: e.Name}, nil
}

// fieldEval evaluates a fieldExpr.
type fieldEval struct {
	e   *fieldExpr
	arg evaluator
	out value.Vector
}

func (f *fieldEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := f.arg.eval(b)
	if err != nil {
		return nil, err
	}
	f.out.Reset(f.e.t, b.N)
	rows(b, func(i int) {
		if v.IsNull(i) {
			f.out.SetNull(i)
			return
		}
		f.out.Set(i, v.Boxes[i].(*value.Record).Fields[f.e.field])
	})
	return &f.out, nil
}
