package query

import (
	"cmp"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

type (
	// A fieldExpr is a field of a record; a field of null is null.
	fieldExpr struct {
		x     expr
		index int
		col   Column
	}

	// A rowsExpr is (xs) op ANY (query) or (xs) op ALL (query), where the query has as many columns as there are xs.
	rowsExpr struct {
		xs   []expr
		sub  *subqueryExpr // of kind rowsSubquery
		cond expr          // over the xs and then a row of the query
		cols []Column      // of the query
		all  bool
	}
)

func (e *fieldExpr) typ() *value.Type { return e.col.Type }
func (e *rowsExpr) typ() *value.Type  { return value.Bool }

// fieldsOf returns the fields of a record, nil where they are not known before it is computed.
func fieldsOf(e expr) []Column {
	if r, ok := e.(*rowExpr); e.typ().Fields != nil && !(ok && r.names != nil) {
		return fieldColumns(e.typ())
	}
	switch e := e.(type) {
	case *rowExpr:
		cols := make([]Column, len(e.elems))
		for i, x := range e.elems {
			cols[i] = Column{Name: "f" + itoa(i+1), Type: x.typ(), TypeModifier: -1}
			if !isAnonymous(x) {
				cols[i].Fields = fieldsOf(x)
			}
			if e.names != nil {
				cols[i].Name = e.names[i]
			}
		}
		return cols
	case *seriesExpr:
		return recordColumns(e.call)
	case *columnExpr:
		return e.fields
	case *outerExpr:
		return e.fields
	case *slotExpr:
		return e.fields
	case *fieldExpr:
		return e.col.Fields
	case *subqueryExpr:
		switch e.kind {
		case rowSubquery:
			return e.plan.columns()
		case scalarSubquery:
			return e.plan.columns()[0].Fields
		}
	}
	return nil
}

// isAnonymous reports whether e is ROW (…): the fields of such a record in a field of another are not known, as in Postgres.
func isAnonymous(e expr) bool {
	r, ok := e.(*rowExpr)
	return ok && r.names == nil
}

// fieldsAt returns the fields of x, which e stands for, nil where they are not known.
func fieldsAt(e parse.Expr, x expr) []Column {
	if _, ok := e.(*parse.Field); ok && isAnonymous(x) {
		return nil
	}
	return fieldsOf(x)
}

// unregistered says that nothing is known of the fields of a record.
func unregistered() *Error { return errf(codeWrongObject, "record type has not been registered") }

// field analyzes (x).name.
func (a *analyzer) field(s *scope, e *parse.Field) (expr, error) {
	x, err := a.expr(s, e.X)
	if err != nil {
		return nil, err
	}
	if !x.typ().IsRow() {
		return nil, a.fail(errf(codeWrongObject, "column notation .%s applied to type %s, which is not a composite type", e.Name, x.typ().SQL), e)
	}
	fields := fieldsAt(e.X, x)
	switch x.(type) {
	case *columnExpr, *outerExpr:
		if fields == nil {
			return nil, a.fail(unregistered(), e)
		}
	}
	i := slices.IndexFunc(fields, func(c Column) bool { return c.Name == e.Name })
	if ref, ok := e.X.(*parse.ColumnRef); ok && i < 0 {
		if _, ok := x.(*rowExpr); ok {
			return nil, a.fail(errf(codeUndefinedColumn, "column %s.%s does not exist", ref.Parts[len(ref.Parts)-1], e.Name), e)
		}
	}
	if i < 0 && x.typ().Fields != nil {
		return nil, a.fail(errf(codeUndefinedColumn, "column %q not found in data type %s", e.Name, x.typ().SQL), e)
	}
	if i < 0 {
		return nil, a.fail(errf(codeUndefinedColumn, "could not identify column %q in record data type", e.Name), e)
	}
	return fieldAt(x, i, fields), nil
}

// fieldAt is field i of x.
func fieldAt(x expr, i int, fields []Column) expr {
	if r, ok := x.(*rowExpr); ok && !r.nullable {
		return r.elems[i]
	}
	return &fieldExpr{x: x, index: i, col: fields[i]}
}

// fieldStar expands (x).* in a select list.
func (a *analyzer) fieldStar(s *scope, star *parse.Star, p *projectNode) error {
	x, err := a.exprIn(s, star.X, clauseTarget)
	if err != nil {
		return err
	}
	fields := fieldsAt(star.X, x)
	switch {
	case !x.typ().IsRow():
		return a.fail(errf(codeWrongObject, "type %s is not composite", x.typ().SQL), star)
	case fields == nil:
		return a.fail(unregistered(), star)
	}
	for i, c := range fields {
		col := Column{Name: c.Name, Type: c.Type, TypeModifier: -1, Fields: c.Fields}
		p.exprs, p.cols = append(p.exprs, fieldAt(x, i, fields)), append(p.cols, col)
	}
	return nil
}

// wholeRow returns the row of a table of the scope, or of a row around, as a value: a record, or what a function in FROM returns
// that returns no record. It is nil if there is no such table, or, which hidden says, none that may be referred to from here.
func (a *analyzer) wholeRow(s *scope, schema, table string) (x expr, hidden *Error) {
	cols, hidden := a.starColumns(s, schema, table)
	switch {
	case len(cols) == 0:
		return nil, hidden
	case cols[0].scalar:
		return cols[0].x, nil
	}
	r := &rowExpr{t: cmp.Or(cols[0].row, value.RecordT), nullable: cols[0].nullable}
	for _, c := range cols {
		r.elems, r.names = append(r.elems, c.x), append(r.names, c.name)
	}
	return r, nil
}

// starRow analyzes t.* where it does not stand for a list: it is the row of t.
func (a *analyzer) starRow(s *scope, e *parse.Star) (expr, error) {
	n := len(e.Parts)
	if n == 0 || n > 2 {
		return nil, a.fail(errf(codeSyntax, "row expansion via \"*\" is not supported here"), e)
	}
	schema, table := "", e.Parts[n-1]
	if n == 2 {
		schema = e.Parts[0]
	}
	r, hidden := a.wholeRow(s, schema, table)
	if r != nil {
		return r, nil
	}
	return nil, a.fail(missingTable(table, hidden), e)
}

// elements analyzes the elements of ROW(…), among which t.* stands for all columns of a table.
func (a *analyzer) elements(s *scope, list []parse.Expr) ([]expr, error) {
	var out []expr
	for _, e := range list {
		if star, ok := e.(*parse.Star); ok {
			p := &projectNode{}
			if err := a.star(s, star, p); err != nil {
				return nil, err
			}
			out = append(out, p.exprs...)
			continue
		}
		x, err := a.expr(s, e)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// rowOrder compares rows by their first elements that differ; those behind are not computed.
func (a *analyzer) rowOrder(at parse.Node, op string, l, r []expr) (expr, error) {
	if len(l) == 1 {
		return a.apply(at, op, l[0], r[0])
	}
	return once([]expr{l[0], r[0]}, func(pair []expr) (expr, error) {
		same, err := a.apply(at, "=", pair[0], pair[1])
		if err != nil {
			return nil, err
		}
		first, err := a.apply(at, op[:1], pair[0], pair[1])
		if err != nil {
			return nil, err
		}
		rest, err := a.rowOrder(at, op, l[1:], r[1:])
		if err != nil {
			return nil, err
		}
		return &caseExpr{conds: []expr{same}, results: []expr{rest}, els: first, t: value.Bool}, nil
	})
}

// rowWithQuery is (a, b) op (SELECT …) with a query of one row.
func (a *analyzer) rowWithQuery(s *scope, at parse.Node, op string, l *parse.Row, q *parse.Subquery) (expr, error) {
	left, err := a.elements(s, l.Elems)
	if err != nil {
		return nil, err
	}
	sub, err := a.subqueryOf(s, q, rowSubquery, len(left))
	if err != nil {
		return nil, err
	}
	slot := &slotExpr{t: sub.t, fields: sub.plan.columns()}
	right := make([]expr, len(left))
	for i := range right {
		right[i] = fieldAt(slot, i, slot.fields)
	}
	body, err := a.compareRows(at, op, left, right)
	if err != nil {
		return nil, err
	}
	return &letExpr{x: sub, slot: slot, body: body}, nil
}

// subqueryOf analyzes a query of n columns whose rows are compared with a row.
func (a *analyzer) subqueryOf(s *scope, e *parse.Subquery, kind subqueryKind, n int) (*subqueryExpr, error) {
	plan, args, err := a.inner(s, e.Select)
	if err != nil {
		return nil, err
	}
	switch k := len(plan.columns()); {
	case k > n:
		return nil, a.fail(errf(codeSyntax, "subquery has too many columns"), e)
	case k < n:
		return nil, a.fail(errf(codeSyntax, "subquery has too few columns"), e)
	}
	sub := &subqueryExpr{plan: plan, kind: kind, t: value.RecordT, args: args, volatile: len(args) > 0 && isVolatilePlan(plan)}
	if kind == rowsSubquery {
		sub.t = value.MustType(value.RecordArrayOID)
	}
	return sub, nil
}

// quantifiedRow analyzes (a, b) op ANY (SELECT …) and (a, b) op ALL (SELECT …), of which sub is the subquery.
func (a *analyzer) quantifiedRow(e *parse.Quantified, sub *subqueryExpr, left []expr) (_ expr, err error) {
	r := &rowsExpr{xs: left, sub: sub, cols: sub.plan.columns(), all: e.All}
	var ls, rs []expr
	for i, x := range left {
		if left[i], err = a.rowOperand(x, r.cols[i].Type); err != nil {
			return nil, a.fail(err, e)
		}
		ls = append(ls, &columnExpr{index: i, t: left[i].typ(), name: "x"})
		rs = append(rs, &columnExpr{index: len(left) + i, t: r.cols[i].Type, name: r.cols[i].Name})
	}
	r.cond, err = a.compareRows(e, e.Op.Name, ls, rs)
	return r, err
}

// rowOperand gives an operand without a type that of the column it is compared with.
func (a *analyzer) rowOperand(x expr, t *value.Type) (expr, error) {
	if x.typ() != value.Unknown {
		return x, nil
	}
	return a.coerce(x, t, fn.Implicit)
}
