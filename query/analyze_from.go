package query

import (
	"cmp"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// from analyzes a FROM clause: elements with commas between are cross joins.
func (a *analyzer) from(list []parse.TableExpr) (node, *scope, error) {
	if len(list) == 0 {
		return &oneRowNode{}, &scope{}, nil
	}
	plan, s, err := a.fromItem(list[0])
	if err != nil {
		return nil, nil, err
	}
	for _, item := range list[1:] {
		if f, ok := item.(*parse.FuncTable); ok {
			plan, s, err = a.besideFunctions(item, f, plan, s)
		} else {
			plan, s, _, err = a.beside(item, item, plan, s)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return plan, s, nil
}

// beside is the cross join of l, what stands in FROM so far, with one more item, whose own scope is rs.
func (a *analyzer) beside(at parse.Node, item parse.TableExpr, l node, ls *scope) (n *joinNode, s, rs *scope, err error) {
	var r node
	args, err := a.within(ls, true, func() error {
		r, rs, err = a.fromItem(item)
		return err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	n, s, err = a.joined(at, l, r, ls, rs)
	if err == nil {
		n.args = args
	}
	return n, s, rs, err
}

// besideFunctions is beside for functions. Where they use the columns on their left, the result is a seriesNode over l.
func (a *analyzer) besideFunctions(at parse.Node, f *parse.FuncTable, l node, ls *scope) (node, *scope, error) {
	n, rs, err := a.fromFunctions(f, ls)
	if err != nil {
		return nil, nil, err
	}
	plan, s, err := a.joined(at, l, n, ls, rs)
	if err == nil && slices.ContainsFunc(n.calls, usesColumns) {
		n.in = l
		return n, s, nil
	}
	return plan, s, err
}

// fromSubquery analyzes a subquery in FROM. It adds nothing to what its own parts refer to: it is no row.
func (a *analyzer) fromSubquery(item *parse.SubqueryTable) (plan node, s *scope, err error) {
	saved := a.clause
	defer func() { a.clause = saved }()
	read := func() error {
		plan, err = a.query(item.Select, nil)
		return err
	}
	if item.Lateral {
		err = read()
	} else {
		err = a.unlateral(hintLateral, read)
	}
	if err != nil {
		return nil, nil, err
	}
	s, err = a.derived(item, plan, "", item.Alias)
	return plan, s, err
}

func usesColumns(e expr) bool {
	found := false
	walk(e, func(x expr) {
		if _, ok := x.(*columnExpr); ok {
			found = true
		}
	})
	return found
}

func (a *analyzer) fromItem(item parse.TableExpr) (node, *scope, error) {
	switch item := item.(type) {
	case *parse.Table:
		return a.fromTable(item)
	case *parse.SubqueryTable:
		return a.fromSubquery(item)
	case *parse.FuncTable:
		n, s, err := a.fromFunctions(item, &scope{})
		return n, s, err
	case *parse.Join:
		return a.join(item)
	}
	return nil, nil, a.unsupported(item, "this element of FROM is")
}

// derived makes the scope of a subquery or function in FROM, which has a name of its own unless the alias gives it one.
func (a *analyzer) derived(at parse.Node, plan node, name string, alias parse.Alias) (*scope, error) {
	s := &scope{}
	name = cmp.Or(alias.Name, name)
	for i, c := range plan.columns() {
		s.cols = append(s.cols, scopeColumn{
			table: name, name: c.Name, x: &columnExpr{index: i, t: c.Type, name: c.Name, fields: c.Fields}, from: c,
		})
	}
	return s, a.rename(at, s, name, alias.Cols)
}

// rename gives the first columns of a scope new names.
func (a *analyzer) rename(at parse.Node, s *scope, name string, cols []string) error {
	if len(cols) > len(s.cols) {
		return a.fail(errf(codeInvalidColumnRef, "table %q has %d columns available but %d columns specified", name, len(s.cols), len(cols)), at)
	}
	for i, c := range cols {
		s.cols[i].name = c
	}
	return nil
}

// fromTable analyzes a table, or a query of WITH, named in FROM.
func (a *analyzer) fromTable(t *parse.Table) (node, *scope, error) {
	if t.Schema == "" {
		for _, c := range slices.Backward(a.ctes) {
			switch {
			case c.name != t.Name.Name:
			case t.Sample != nil:
				return nil, nil, a.notSampled(t)
			default:
				return a.fromShared(t, c)
			}
		}
	}
	table, err := a.session.engine.table(t.Name, a.session)
	if err != nil {
		return nil, nil, a.fail(err, t)
	}
	if t.Sample != nil && isView(table) {
		return nil, nil, a.notSampled(t)
	}
	if v, ok := table.(*view); ok {
		return a.fromView(t, v)
	}
	sample, err := a.sample(t)
	if err != nil {
		return nil, nil, err
	}
	shape := a.session.engine.shape(table)
	n := &scanNode{table: table, alias: t.Alias.Name, cols: shape.cols, sample: sample}
	if t.Alias.Name == "" {
		return n, &scope{cols: shape.scope}, nil // without an alias there are no new names of columns either
	}
	s := &scope{cols: slices.Clone(shape.scope)}
	for i := range s.cols {
		s.cols[i].schema, s.cols[i].table = "", t.Alias.Name
	}
	return n, s, a.rename(t, s, t.Alias.Name, t.Alias.Cols)
}

// A tableShape is the columns of a table, as a scan has them and as a query that names it sees them. It is shared by all queries,
// so nothing of it is ever changed.
type tableShape struct {
	cols  []Column
	scope []scopeColumn
}

// shape returns the columns of a table.
func (e *Engine) shape(t Table) *tableShape {
	def := t.Def()
	if known, ok := e.shapes.Load(def); ok {
		return known.(*tableShape)
	}
	s := &tableShape{}
	for i, c := range def.Columns {
		attr := int16(i + 1)
		col := Column{Name: c.Name, Type: c.Type, TypeModifier: -1, Table: def.OID, Attribute: attr}
		if c.Modifier != 0 {
			col.TypeModifier = c.Modifier
		}
		s.cols = append(s.cols, col)
		if c.System != 0 {
			col.Attribute = c.System
			s.scope = append(s.scope, scopeColumn{schema: def.Schema, table: def.Name, name: c.Name, x: tableColumn(def, i), from: col, aside: true})
		}
		if !c.Hidden {
			s.scope = append(s.scope, scopeColumn{schema: def.Schema, table: def.Name, name: c.Name, x: tableColumn(def, i), from: col, row: def.Row})
		}
	}
	s.cols, s.scope = slices.Clip(s.cols), slices.Clip(s.scope)
	e.shapes.Store(def, s)
	return s
}

// tableColumn is the expression for a column of a scanned table.
func tableColumn(def *TableDef, i int) expr {
	c := def.Columns[i]
	if c.Compute == nil {
		return &columnExpr{index: i, t: c.Type, name: c.Name}
	}
	x := &computedExpr{t: c.Type, name: c.Name, column: i, kernel: c.Compute}
	for _, k := range c.From {
		x.from = append(x.from, tableColumn(def, k))
	}
	return x
}

// fromShared analyzes a reference to a query of WITH.
func (a *analyzer) fromShared(t *parse.Table, q *sharedQuery) (node, *scope, error) {
	switch {
	case q.later:
		return nil, nil, a.unsupported(t, "a reference to a query of WITH that follows is")
	case q.self != nil:
		return a.fromWork(t, q)
	}
	q.uses++
	plan := &sharedNode{query: q}
	s, err := a.derived(t, plan, q.name, t.Alias)
	return plan, s, err
}

// fromFunctions analyzes functions in FROM. Their arguments may use the columns of left.
func (a *analyzer) fromFunctions(t *parse.FuncTable, left *scope) (*seriesNode, *scope, error) {
	n := &seriesNode{ordinality: t.Ordinality}
	for _, item := range t.Funcs {
		if item.Cols != nil {
			if err := a.fromRecords(n, t, item, left); err != nil {
				return nil, nil, err
			}
			continue
		}
		if err := a.fromFunction(n, t, item.Func, left); err != nil {
			return nil, nil, err
		}
	}
	if n.ordinality {
		n.cols = append(n.cols, Column{Name: "ordinality", Type: value.Int8, TypeModifier: -1})
	}
	if t.Alias.Name != "" && len(n.cols) > 0 && len(n.calls) == 1 && n.widths[0] == 1 && n.renameable {
		n.cols[0].Name = t.Alias.Name // a function that returns one column lends it its alias
	}
	s, err := a.derived(t, n, n.name, t.Alias)
	if len(n.cols) == 1 {
		s.cols[0].scalar = !returnsRecord(n.calls[0])
	}
	return n, s, err
}

// returnsRecord reports whether a function in FROM is one of those whose rows are records.
func returnsRecord(call expr) bool {
	s, ok := call.(*seriesExpr)
	return ok && len(s.call.Func.Columns) > 0
}

// add adds a function to n that gives columns, or records of them.
func (n *seriesNode) add(call expr, records bool, cols ...Column) {
	n.cols = append(n.cols, cols...)
	n.calls, n.widths, n.records = append(n.calls, call), append(n.widths, len(cols)), append(n.records, records)
}

// fromRecords adds a function with a column definition list to n.
func (a *analyzer) fromRecords(n *seriesNode, at parse.Node, item parse.FuncItem, left *scope) error {
	var cols []fn.Column
	for _, c := range item.Cols {
		t, typmod, err := a.typeName(c.Type)
		if err != nil {
			return err
		}
		if typmod >= 0 {
			return a.unsupported(at, "a type modifier in a column definition list is")
		}
		cols = append(cols, fn.Column{Name: c.Name, Type: t.OID})
	}
	call, ok := item.Func.(*parse.Call)
	var f *fn.Function
	if ok && len(call.Args) == 1 {
		f = fn.JSONRecords(call.Name.Name, cols)
	}
	if f == nil {
		return a.fromAnyRecords(n, at, item, cols, left)
	}
	x, err := a.exprIn(left, call.Args[0], clauseFrom)
	if err == nil {
		x, err = a.coerce(x, value.MustType(f.Args[0]), fn.Implicit)
	}
	if err != nil {
		return a.fail(err, call)
	}
	c := &fn.Call{Func: f, Args: []*value.Type{x.typ()}, Ret: value.RecordT}
	if n.name == "" {
		n.name = f.Name
	}
	n.add(&seriesExpr{call: c, args: []expr{x}}, false, recordColumns(c)...)
	return nil
}

// fromAnyRecords adds a function with a column definition list to n that takes no notice of it: the records that it returns have to be
// of its columns.
func (a *analyzer) fromAnyRecords(n *seriesNode, at parse.Node, item parse.FuncItem, cols []fn.Column, left *scope) error {
	x, err := a.exprIn(left, item.Func, clauseFrom)
	if err != nil {
		return err
	}
	if s, ok := x.(*seriesExpr); x.typ() != value.RecordT || ok && len(s.call.Func.Columns) > 0 || !ok && hasSeries(x) {
		return a.fail(errf(codeSyntax, "a column definition list is only allowed for functions returning \"record\""), at)
	}
	if n.name == "" {
		n.name = parse.DefaultColumnName(item.Func)
	}
	list := make([]Column, len(cols))
	for i, c := range cols {
		list[i] = Column{Name: c.Name, Type: value.MustType(c.Type), TypeModifier: -1}
	}
	n.add(x, true, list...)
	return nil
}

// fromFunction adds one function to n. unnest of several arrays is as many functions side by side.
func (a *analyzer) fromFunction(n *seriesNode, at parse.Node, e parse.Expr, left *scope) error {
	if c, ok := e.(*parse.Call); ok && c.Name.Name == "unnest" && len(c.Args) > 1 {
		for i := range c.Args {
			one := *c
			one.Args = c.Args[i : i+1]
			if err := a.fromFunction(n, at, &one, left); err != nil {
				return err
			}
		}
		return nil
	}
	x, err := a.exprIn(left, e, clauseFrom)
	if err != nil {
		return err
	}
	if x, err = a.coerceText(x); err != nil {
		return err
	}
	name := parse.DefaultColumnName(e)
	if n.name == "" {
		n.name = name
	}
	s, ok := x.(*seriesExpr)
	if ok && len(s.call.Func.Columns) > 0 {
		n.add(x, false, recordColumns(s.call)...)
		return nil
	}
	if !ok && hasSeries(x) {
		return a.unsupported(at, "a set-returning function inside an expression in FROM is")
	}
	switch t := x.typ(); {
	case t == value.RecordT:
		return a.fail(errf(codeSyntax, "a column definition list is required for functions returning \"record\""), e)
	case t.Fields != nil:
		n.add(x, true, fieldsOf(x)...)
		return nil
	}
	if ok && s.call.Func.Column != "" {
		name = s.call.Func.Column
	} else {
		n.renameable = true
	}
	n.add(x, false, Column{Name: name, Type: x.typ(), TypeModifier: -1})
	return nil
}

func hasSeries(e expr) bool {
	found := false
	walk(e, func(x expr) {
		if _, ok := x.(*seriesExpr); ok {
			found = true
		}
	})
	return found
}

// joined is the cross join of two elements of FROM.
func (a *analyzer) joined(at parse.Node, l, r node, ls, rs *scope) (*joinNode, *scope, error) {
	left := len(l.columns())
	n := &joinNode{l: l, r: r, cols: slices.Concat(l.columns(), r.columns())}
	a.bytes += int64(len(n.cols)) * columnBytes
	s := &scope{cols: slices.Clone(ls.cols)}
	for _, c := range rs.cols {
		for _, other := range ls.cols {
			if c.table != "" && c.table == other.table && c.schema == other.schema {
				return nil, nil, a.fail(errf(codeDuplicateAlias, "table name %q specified more than once", c.table), at)
			}
		}
		c.x = shift(c.x, left)
		s.cols = append(s.cols, c)
	}
	return n, s, nil
}

// join analyzes a join and its alias, which hides the tables of the join.
func (a *analyzer) join(j *parse.Join) (node, *scope, error) {
	plan, s, err := a.joinTables(j)
	if err != nil || j.Alias.Name == "" {
		return plan, s, err
	}
	named := &scope{}
	for _, c := range s.cols {
		if !c.hidden && !c.aside {
			named.cols = append(named.cols, scopeColumn{table: j.Alias.Name, name: c.name, x: c.x, from: c.from, nullable: c.nullable})
		}
	}
	return plan, named, a.rename(j, named, j.Alias.Name, j.Alias.Cols)
}

func (a *analyzer) joinTables(j *parse.Join) (node, *scope, error) {
	if j.Kind == parse.RightJoin || j.Kind == parse.FullJoin {
		a.nullable++
	}
	l, ls, err := a.fromItem(j.Left)
	if err != nil {
		return nil, nil, err
	}
	if j.Kind == parse.RightJoin {
		a.nullable--
	}
	if f, ok := j.Right.(*parse.FuncTable); ok && (j.Kind == parse.InnerJoin || j.Kind == parse.CrossJoin) && !j.Natural && j.Using == nil {
		return a.joinFunctions(j, f, l, ls)
	}
	if j.Kind == parse.LeftJoin {
		a.nullable++
	}
	n, s, rs, err := a.beside(j, j.Right, l, ls)
	if err != nil {
		return nil, nil, err
	}
	if j.Kind == parse.LeftJoin || j.Kind == parse.FullJoin {
		a.nullable--
	}
	if len(n.args) > 0 && (j.Kind == parse.RightJoin || j.Kind == parse.FullJoin) {
		e := errf(codeInvalidColumnRef, "invalid reference to FROM-clause entry for table %q", n.args[0].slot.table)
		e.Detail = "The combining JOIN type must be INNER or LEFT for a LATERAL reference."
		return nil, nil, a.fail(e, j.Right)
	}
	n.keepL = j.Kind == parse.LeftJoin || j.Kind == parse.FullJoin
	n.keepR = j.Kind == parse.RightJoin || j.Kind == parse.FullJoin
	for i := range s.cols {
		left := i < len(ls.cols)
		s.cols[i].nullable = s.cols[i].nullable || left && n.keepR || !left && n.keepL
	}
	using := j.Using
	if j.Natural {
		using = common(ls, rs)
	}
	if len(using) > 0 {
		if err := a.using(j, n, s, ls, rs, using); err != nil {
			return nil, nil, err
		}
	}
	if j.On != nil {
		x, err := a.on(s, j.On)
		if err != nil {
			return nil, nil, err
		}
		n.on = append(n.on, conjuncts(a.simplify(x))...)
	}
	if !n.keepL && !n.keepR {
		on := n.on
		n.on = nil
		return pushDown(n, on), s, nil
	}
	pushOn(n)
	imply(n)
	return n, s, nil
}

// joinFunctions is an inner join with functions.
func (a *analyzer) joinFunctions(j *parse.Join, f *parse.FuncTable, l node, ls *scope) (node, *scope, error) {
	n, s, err := a.besideFunctions(j, f, l, ls)
	if err != nil {
		return nil, nil, err
	}
	if j.On == nil {
		return n, s, nil
	}
	x, err := a.on(s, j.On)
	if err != nil {
		return nil, nil, err
	}
	return pushDown(n, conjuncts(x)), s, nil
}

// on analyzes the condition of a join whose columns s has.
func (a *analyzer) on(s *scope, e parse.Expr) (x expr, err error) {
	err = a.unlateral(hintOn, func() error {
		x, err = a.condition(s, e, clauseJoin, "JOIN/ON")
		return err
	})
	return x, err
}

// common returns the columns that NATURAL joins by.
func common(ls, rs *scope) (list []parse.Column) {
	for _, l := range ls.cols {
		for _, r := range rs.cols {
			if l.name == r.name && !l.hidden && !r.hidden && !l.aside && !r.aside {
				list = append(list, parse.Column{Name: l.name})
			}
		}
	}
	return list
}

// using joins by columns of the same name and merges each pair into one column, which stands before all others.
func (a *analyzer) using(at *parse.Join, n *joinNode, s, ls, rs *scope, list []parse.Column) error {
	var merged []scopeColumn
	for _, u := range list {
		var pair [2]*scopeColumn
		for i, side := range []*scope{ls, rs} {
			c, err := side.find("", "", u.Name)
			if err == nil && (c == nil || c.aside) {
				err = errf(codeUndefinedColumn, "column %q specified in USING clause does not exist in %s table", u.Name, [...]string{"left", "right"}[i])
			}
			if err != nil {
				return a.fail(err, at)
			}
			pair[i] = c
		}
		l, r := pair[0].x, shift(pair[1].x, len(n.l.columns()))
		both := []expr{l, r}
		t, err := a.commonType("JOIN/USING", both, func(int) parse.Node { return at })
		if err != nil {
			return err
		}
		eq, err := a.apply(at, "=", l, r)
		if err != nil {
			return err
		}
		n.on = append(n.on, eq)
		m := scopeColumn{name: u.Name, x: both[0], from: pair[0].from}
		switch {
		case n.keepR && n.keepL:
			m.x, m.from = &coalesceExpr{args: both, t: t}, Column{Name: u.Name, Type: t, TypeModifier: -1}
		case n.keepR:
			m.x, m.from = both[1], pair[1].from
		}
		if m.from.Type != t {
			m.from = Column{Name: u.Name, Type: t, TypeModifier: -1}
		}
		merged = append(merged, m)
		for i := range s.cols {
			s.cols[i].hidden = s.cols[i].hidden || s.cols[i].name == u.Name
		}
	}
	s.cols = append(merged, s.cols...)
	if at.UsingAlias != "" {
		for _, m := range merged {
			s.cols = append(s.cols, scopeColumn{table: at.UsingAlias, name: m.name, x: m.x, from: m.from, aside: true, hidden: true})
		}
	}
	return nil
}
