package query

import (
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// subqueryMax bounds the nesting of queries.
const subqueryMax = 100

// query analyzes a SELECT, VALUES or set operation. want holds types for the columns that have none of their own (nil,
// or nil elements: text).
func (a *analyzer) query(q *parse.Select, want []*value.Type) (node, error) {
	if a.depth++; a.depth > subqueryMax {
		return nil, a.fail(errf("54001", "queries are nested too deep"), q)
	}
	defer func() { a.depth-- }()
	saved := a.ctes
	keep := a.keep
	a.keep = false
	defer func() { a.ctes = saved }()
	if q.With != nil {
		if err := a.with(q.With); err != nil {
			return nil, err
		}
	}
	n, err := a.body(q, want, keep)
	settle(a.ctes[len(saved):])
	return n, err
}

// body analyzes a query but for its WITH clause.
func (a *analyzer) body(q *parse.Select, want []*value.Type, keep bool) (node, error) {
	switch {
	case q.Into != nil:
		return nil, a.unsupported(q, "SELECT INTO is")
	case q.WithTies && (q.Op != 0 || q.Values != nil || q.Distinct || q.DistinctOn != nil):
		return nil, a.unsupported(q, "WITH TIES with DISTINCT, VALUES or a set operation is")
	case q.Op != 0 && q.Locking != nil:
		return nil, a.fail(errf(codeUnsupported, "FOR %s is not allowed with UNION/INTERSECT/EXCEPT", q.Locking[0].Mode), q)
	case q.Op != 0:
		return a.setOperation(q, want)
	case q.Values != nil && q.Locking != nil:
		return nil, a.fail(errf(codeUnsupported, "FOR %s cannot be applied to VALUES", q.Locking[0].Mode), q)
	case q.Values != nil:
		return a.values(q, want)
	}
	return a.core(q, want, keep)
}

// values analyzes VALUES.
func (a *analyzer) values(q *parse.Select, want []*value.Type) (node, error) {
	n := &valuesNode{}
	s := &scope{}
	width := len(q.Values[0])
	for _, row := range q.Values {
		if len(row) != width {
			return nil, a.fail(errf(codeSyntax, "VALUES lists must all be the same length"), row[0])
		}
		var out []expr
		for _, e := range row {
			x, err := a.exprIn(s, e, clauseValues)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		n.rows = append(n.rows, out)
	}
	for k := range width {
		t, err := a.valuesColumn(q, n, k, want)
		if err != nil {
			return nil, err
		}
		n.cols = append(n.cols, Column{Name: valuesName(k), Type: t, TypeModifier: -1})
	}
	return a.orderAndLimit(q, n)
}

// valuesColumn makes the values of a column of one type.
func (a *analyzer) valuesColumn(q *parse.Select, n *valuesNode, k int, want []*value.Type) (*value.Type, error) {
	list := make([]expr, len(n.rows))
	untyped := true
	for i, row := range n.rows {
		list[i] = row[k]
		untyped = untyped && row[k].typ() == value.Unknown
	}
	if untyped && k < len(want) && want[k] != nil {
		for i := range list {
			x, err := a.coerce(list[i], want[k], fn.Assignment)
			if err != nil {
				return nil, a.fail(err, q.Values[i][k])
			}
			list[i] = x
		}
	}
	t, err := a.commonType("VALUES", list, func(i int) parse.Node { return q.Values[i][k] })
	for i, row := range n.rows {
		row[k] = list[i]
	}
	return t, err
}

// setOperation analyzes UNION, INTERSECT and EXCEPT.
func (a *analyzer) setOperation(q *parse.Select, want []*value.Type) (node, error) {
	l, err := a.side(q.Left, want)
	if err != nil {
		return nil, err
	}
	r, err := a.side(q.Right, want)
	if err != nil {
		return nil, err
	}
	return a.combined(q, l, r)
}

// side analyzes a side of a set operation: what has no type in its select list stays so.
func (a *analyzer) side(q *parse.Select, want []*value.Type) (node, error) {
	a.keep = true
	n, err := a.query(q, want)
	a.keep = false
	return n, err
}

// combined is the set operation q of l and r.
func (a *analyzer) combined(q *parse.Select, l, r node) (node, error) {
	var err error
	name := [...]string{parse.Union: "UNION", parse.Intersect: "INTERSECT", parse.Except: "EXCEPT"}[q.Op]
	if l, r, err = a.align(q, name, l, r); err != nil {
		return nil, err
	}
	if q.Op != parse.Union || !q.All {
		for _, x := range columnsOf(l) {
			if err := a.sortable(q, x, "equality"); err != nil {
				return nil, err
			}
		}
	}
	var n node
	if q.Op == parse.Union {
		n = &appendNode{ins: []node{l, r}}
		if !q.All {
			n = &distinctNode{in: n, keys: columnsOf(n)}
		}
	} else {
		n = &setNode{l: l, r: r, except: q.Op == parse.Except, all: q.All}
	}
	return a.orderAndLimit(q, n)
}

// align makes the columns of both sides of a set operation of one type each.
func (a *analyzer) align(q *parse.Select, name string, l, r node) (node, node, error) {
	lc, rc := l.columns(), r.columns()
	if len(lc) != len(rc) {
		return nil, nil, a.fail(errf(codeSyntax, "each %s query must have the same number of columns", name), q.Right)
	}
	lp, rp := &projectNode{in: l}, &projectNode{in: r}
	changed := false
	for i := range lc {
		pair := []expr{untyped(l, i), untyped(r, i)}
		t, err := a.commonType(name, pair, func(int) parse.Node { return q })
		if err != nil {
			return nil, nil, err
		}
		changed = changed || t != lc[i].Type || t != rc[i].Type
		col := Column{Name: lc[i].Name, Type: t, TypeModifier: -1}
		lp.exprs, lp.cols = append(lp.exprs, pair[0]), append(lp.cols, col)
		rp.exprs, rp.cols = append(rp.exprs, pair[1]), append(rp.cols, col)
	}
	if !changed {
		return l, r, nil
	}
	return lp, rp, nil
}

// untyped returns column i of n, or, if it has no type yet, the literal or parameter that it is.
func untyped(n node, i int) expr {
	c := n.columns()[i]
	if p, ok := n.(*projectNode); ok && c.Type == value.Unknown {
		return p.exprs[i]
	}
	return &columnExpr{index: i, t: c.Type, name: c.Name}
}

func columnsOf(n node) []expr {
	var list []expr
	for i, c := range n.columns() {
		list = append(list, &columnExpr{index: i, t: c.Type, name: c.Name})
	}
	return list
}

// orderAndLimit adds ORDER BY, LIMIT and OFFSET to VALUES and set operations, whose output alone can be ordered by.
func (a *analyzer) orderAndLimit(q *parse.Select, n node) (node, error) {
	var keys []sortKey
	s, err := a.derived(q, n, "", parse.Alias{})
	if err != nil {
		return nil, err
	}
	for _, k := range q.OrderBy {
		key, err := a.outputKey(s, k, columnsOf(n), n.columns())
		if err != nil {
			return nil, err
		}
		_, column := key.x.(*columnExpr)
		if _, collated := k.X.(*parse.Collate); (collated || !column) && q.Left != nil {
			return nil, a.fail(refusedOrder(), k.X)
		}
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		n = &sortNode{in: n, keys: keys}
	}
	return a.limited(q, n)
}

// refusedOrder refuses an element of ORDER BY that computes something over what a set operation gives, as Postgres does.
func refusedOrder() *Error {
	e := errf(codeUnsupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
	e.Detail = "Only result column names can be used, not expressions or functions."
	return e.hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
}

// limited adds LIMIT and OFFSET. They go below a projection, so that it computes only the rows that are wanted.
func (a *analyzer) limited(q *parse.Select, n node) (node, error) {
	if q.Limit == nil && q.Offset == nil {
		return n, nil
	}
	l := &limitNode{in: n}
	if err := a.bounds(q, l); err != nil {
		return nil, err
	}
	if p, ok := n.(*projectNode); ok && !p.set {
		l.in, p.in = p.in, l
		return p, nil
	}
	return l, nil
}

// bounds analyzes LIMIT and OFFSET into l.
func (a *analyzer) bounds(q *parse.Select, l *limitNode) error {
	for _, b := range []struct {
		e  parse.Expr
		to *expr
	}{{q.Limit, &l.limit}, {q.Offset, &l.offset}} {
		if b.e == nil {
			continue
		}
		x, err := a.exprIn(&scope{}, b.e, clauseLimit)
		if err != nil {
			return err
		}
		if *b.to, err = a.coerce(x, value.Int8, fn.Assignment); err != nil {
			return a.fail(err, b.e)
		}
	}
	return nil
}

// sortKey analyzes an element of ORDER BY as an expression.
func (a *analyzer) sortKey(s *scope, k parse.SortKey, c clause) (sortKey, error) {
	x, err := a.exprIn(s, k.X, c)
	if err != nil {
		return sortKey{}, err
	}
	if x, err = a.coerceText(x); err != nil {
		return sortKey{}, err
	}
	if err := a.sortable(k.X, x, "ordering"); err != nil {
		return sortKey{}, err
	}
	return a.keyOrder(k, x)
}

// keyOrder adds the direction to a sort expression.
func (a *analyzer) keyOrder(k parse.SortKey, x expr) (sortKey, error) {
	key := sortKey{x: x, desc: k.Desc}
	if k.Using != nil {
		if key.desc = k.Using.Name == ">"; k.Using.Name != "<" && !key.desc {
			return key, a.unsupported(k.X, "ORDER BY USING "+k.Using.Name+" is")
		}
	}
	switch k.Nulls {
	case parse.NullsFirst:
		key.nullsFirst = true
	case parse.NullsDefault:
		key.nullsFirst = key.desc
	}
	return key, nil
}

// outputKey analyzes an element of ORDER BY that names an output column, by position or name; other expressions are
// over s.
func (a *analyzer) outputKey(s *scope, k parse.SortKey, outputs []expr, cols []Column) (sortKey, error) {
	x, err := a.output(k.X, outputs, cols, "ORDER BY")
	if err != nil {
		return sortKey{}, err
	}
	if x == nil {
		return a.sortKey(s, k, clauseOrder)
	}
	if err := a.sortable(k.X, x, "ordering"); err != nil {
		return sortKey{}, err
	}
	return a.keyOrder(k, x)
}

// output returns the output column that an element of ORDER BY or GROUP BY means by position or name, nil if it is an
// expression.
func (a *analyzer) output(e parse.Expr, outputs []expr, cols []Column, what string) (expr, error) {
	switch e := e.(type) {
	case *parse.Literal:
		if e.Kind != parse.Integer {
			return nil, a.fail(errf(codeSyntax, "non-integer constant in %s", what), e)
		}
		for i := range outputs {
			if e.Text == itoa(i+1) {
				return outputs[i], nil
			}
		}
		return nil, a.fail(errf(codeInvalidColumnRef, "%s position %s is not in select list", what, e.Text), e)
	case *parse.ColumnRef:
		if len(e.Parts) != 1 {
			return nil, nil
		}
		var found expr
		for i, c := range cols {
			if c.Name != e.Parts[0] {
				continue
			}
			if found != nil && a.prints.of(found) != a.prints.of(outputs[i]) {
				return nil, a.fail(errf(codeAmbiguousColumn, "%s %q is ambiguous", what, c.Name), e)
			}
			found = outputs[i]
		}
		return found, nil
	}
	return nil, nil
}
