package query

import (
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// firstRowTypeOID is followed by two OIDs for the row type of each table and the type of its arrays, in order of the tables' OIDs from
// 16384 on.
const firstRowTypeOID value.OID = 28000

// rowTypeOf returns the type of the rows of a table of the ledger.
func rowTypeOf(def *TableDef) *value.Type {
	var fields []value.Field
	for _, c := range def.Columns {
		if !c.Hidden {
			fields = append(fields, value.Field{Name: c.Name, Type: c.Type})
		}
	}
	return value.RowType(firstRowTypeOID+2*(def.OID-16384), def.Name, fields)
}

// fieldColumns returns the fields of a row type as columns.
func fieldColumns(t *value.Type) []Column {
	cols := make([]Column, len(t.Fields))
	for i, f := range t.Fields {
		cols[i] = Column{Name: f.Name, Type: f.Type, TypeModifier: -1}
	}
	return cols
}

// rowType finds the row type of a table by its name, nil if there is none.
func (a *analyzer) rowType(n *parse.TypeName) *value.Type {
	t, err := a.session.engine.table(n.Name, a.session)
	if err != nil {
		return nil
	}
	return t.Def().Row
}

// rowAs makes ROW(…) a value of a row type.
func (a *analyzer) rowAs(r *rowExpr, t *value.Type, context fn.Context) (expr, error) {
	if n := len(r.elems); n != len(t.Fields) {
		err := cannotCast(value.RecordT, t, fn.Explicit).(*Error)
		if err.Detail = "Input has too few columns."; n > len(t.Fields) {
			err.Detail = "Input has too many columns."
		}
		return nil, err
	}
	out := &rowExpr{t: t, nullable: r.nullable}
	for i, f := range t.Fields {
		x, err := a.coerce(r.elems[i], f.Type, context)
		if err != nil {
			return nil, err
		}
		out.elems, out.names = append(out.elems, x), append(out.names, f.Name)
	}
	return out, nil
}

// populate analyzes json_populate_record and its like, whose columns are those of their first argument. It returns nil for other
// functions.
func (a *analyzer) populate(e *parse.Call, args []expr) (expr, error) {
	name := functionName(e.Name)
	if !fn.Populates(name) || len(args) != 2 && !(len(args) == 3 && strings.HasPrefix(name, "json_")) {
		return nil, nil
	}
	t, cols := args[0].typ(), fieldsOf(args[0])
	switch {
	case t == value.Unknown:
		return nil, a.fail(errf(codeDatatypeMismatch, "could not determine polymorphic type because input has type unknown"), e)
	case !t.IsRow():
		return nil, a.fail(errf(codeDatatypeMismatch, "first argument of %s must be a row type", name), e)
	case cols == nil:
		return nil, a.fail(errf(codeUnsupported, "could not determine row type for result of %s", name).
			hint("Provide a non-null record argument, or call the function in the FROM clause using a column definition list."), e)
	}
	var columns []fn.Column
	for _, c := range cols {
		columns = append(columns, fn.Column{Name: c.Name, Type: c.Type.OID})
	}
	call := fn.Populate(name, t, columns, len(args))
	c, err := a.bind(e, call, args, false)
	switch {
	case err != nil:
		return nil, err
	case !call.Func.IsSet():
		return c, nil
	}
	return a.series(e, call, c.args)
}
