package query

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

func itoa(i int) string { return strconv.Itoa(i) }

// atoi reads a number that is known to be one.
func atoi(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("query: no number: " + s)
	}
	return n
}

func valuesName(k int) string { return "column" + itoa(k+1) }

// core analyzes a plain SELECT. The plan is, from below: FROM, WHERE, grouping, HAVING, ORDER BY, LIMIT, select list. The
// select list comes last so that costly columns are computed for the rows that are wanted; with DISTINCT, or sets in
// the select list, it has to come before ORDER BY.
func (a *analyzer) core(q *parse.Select, want []*value.Type, keep bool) (node, error) {
	recursing := a.recursing
	a.recursing = nil
	defer func() { a.recursing = recursing }()
	in, s, err := a.from(q.From)
	if err != nil {
		return nil, err
	}
	saved := a.windows
	a.windows = q.Windows
	defer func() { a.windows = saved }()
	if q.Where != nil {
		x, err := a.condition(s, q.Where, clauseWhere, "WHERE")
		if err != nil { // Postgres looks at the select list first
			if first := a.targets(s, q.Targets, &projectNode{in: in}, want, clauseTarget, keep); first != nil {
				return nil, first
			}
			return nil, err
		}
		where, semis := conjuncts(a.simplify(x)), []*semiJoin(nil)
		if len(a.outer) == 0 { // else it runs for every row around
			semis, where = semiJoins(where)
		}
		in = reorder(pushDown(in, where))
		for _, s := range semis {
			in = s.place(in, 0)
		}
	} else {
		in = reorder(in)
	}
	if err := a.checkWindows(s, q.Windows); err != nil {
		return nil, err
	}
	p := &projectNode{in: in}
	// DISTINCT compares values, so there everything has a type.
	if err := a.targets(s, q.Targets, p, want, clauseTarget, keep && !q.Distinct && q.DistinctOn == nil); err != nil {
		return nil, err
	}
	c := &coreQuery{q: q, s: s, p: p}
	if err := a.coreKeys(c); err != nil {
		return nil, err
	}
	if err := a.locking(c); err != nil {
		return nil, err
	}
	if err := a.grouping(c); err != nil {
		return nil, err
	}
	a.windowing(c)
	return a.finish(c)
}

// coreQuery is a plain SELECT on its way to a plan.
type coreQuery struct {
	q      *parse.Select
	s      *scope
	p      *projectNode // the select list over the input
	keys   []sortKey    // ORDER BY
	on     []expr       // DISTINCT ON
	having expr
}

// targets analyzes a select list into p. With keep, literals and parameters without a type stay so.
func (a *analyzer) targets(s *scope, list []parse.Target, p *projectNode, want []*value.Type, c clause, keep bool) error {
	p.exprs, p.cols = slices.Grow(p.exprs, len(list)), slices.Grow(p.cols, len(list))
	for _, t := range list {
		if star, ok := t.X.(*parse.Star); ok {
			if err := a.star(s, star, p); err != nil {
				return err
			}
			continue
		}
		x, err := a.exprIn(s, t.X, c)
		if err != nil {
			return err
		}
		if k := len(p.exprs); x.typ() == value.Unknown && k < len(want) && want[k] != nil {
			x, err = a.coerce(x, want[k], fn.Assignment)
		} else if !keep {
			x, err = a.coerceText(x)
		}
		if err != nil {
			return a.fail(err, t.X)
		}
		col := Column{Name: t.Alias, Type: x.typ(), TypeModifier: -1, Fields: fieldsOf(x)}
		if col.Name == "" {
			col.Name = parse.DefaultColumnName(t.X)
		}
		if sub, ok := x.(*subqueryExpr); ok && sub.kind == scalarSubquery && col.Name == parse.NoName { // of (SELECT t.*)
			col.Name = sub.plan.columns()[0].Name
		}
		if c, ok := x.(*castExpr); ok && c.modify != nil {
			col.TypeModifier = c.typmod
		}
		if ref, ok := t.X.(*parse.ColumnRef); ok {
			if sc, _ := a.lookup(s, ref); sc != nil {
				col.Table, col.Attribute, col.TypeModifier = sc.from.Table, sc.from.Attribute, sc.from.TypeModifier
			}
		}
		p.exprs, p.cols = append(p.exprs, x), append(p.cols, col)
	}
	if len(p.exprs) > 1664 {
		return errf(codeTooManyColumns, "target lists can have at most 1664 entries")
	}
	return nil
}

// star expands * and table.*.
func (a *analyzer) star(s *scope, star *parse.Star, p *projectNode) error {
	if star.X != nil {
		return a.fieldStar(s, star, p)
	}
	table, schema := "", ""
	if n := len(star.Parts); n > 0 {
		table = star.Parts[n-1]
		if n > 1 {
			schema = star.Parts[n-2]
		}
	} else if len(s.cols) == 0 {
		return a.fail(errf(codeSyntax, "SELECT * with no tables specified is not valid"), star)
	}
	cols, hidden := a.starColumns(s, schema, table)
	if len(cols) == 0 && table != "" {
		return a.fail(missingTable(table, hidden), star)
	}
	for _, c := range cols {
		col := c.from
		col.Name = c.name
		p.exprs, p.cols = append(p.exprs, c.x), append(p.cols, col)
		a.bytes += 2 * columnBytes
	}
	return nil
}

// starColumns returns the columns that * stands for, or those of a table of the scope or, if it has none of the name, of the rows around.
// Where only rows have it that may not be referred to from here, hidden says so.
func (a *analyzer) starColumns(s *scope, schema, table string) (cols []scopeColumn, hidden *Error) {
	if cols = s.starred(schema, table); len(cols) > 0 || table == "" {
		return cols, nil
	}
	for i, fr := range slices.Backward(a.outer) {
		cols = fr.s.starred(schema, table)
		switch {
		case len(cols) == 0:
			continue
		case fr.hidden != "":
			hidden = fr.unreachable(table, table, "")
			continue
		}
		for k, c := range cols {
			cols[k].x = a.fromOuter(i, c.x, outerSlot{c.table, c.name})
		}
		return cols, nil
	}
	return nil, hidden
}

// missingTable is the error for the name of a table that nothing has, or only rows that hidden says may not be referred to.
func missingTable(table string, hidden *Error) error {
	return cmp.Or(hidden, errf(codeUndefinedTable, "missing FROM-clause entry for table %q", table))
}

// starred returns the columns that * stands for, of a table if it is not "".
func (s *scope) starred(schema, table string) (cols []scopeColumn) {
	for _, c := range s.cols {
		if c.aside || table == "" && c.hidden || table != "" && (c.table != table || schema != "" && c.schema != schema) {
			continue
		}
		cols = append(cols, c)
	}
	return cols
}

// coreKeys analyzes ORDER BY, DISTINCT ON and HAVING.
func (a *analyzer) coreKeys(c *coreQuery) error {
	for _, k := range c.q.OrderBy {
		key, err := a.outputKey(c.s, k, c.p.exprs, c.p.cols)
		if err != nil {
			return err
		}
		c.keys = append(c.keys, key)
	}
	for _, e := range c.q.DistinctOn {
		x, err := a.output(e, c.p.exprs, c.p.cols, "DISTINCT ON")
		if err == nil && x == nil {
			x, err = a.exprIn(c.s, e, clauseOrder)
		}
		if err != nil {
			return err
		}
		c.on = append(c.on, x)
	}
	if c.q.Having != nil {
		x, err := a.condition(c.s, c.q.Having, clauseHaving, "HAVING")
		if err != nil {
			return err
		}
		c.having = x
	}
	return nil
}

// grouping puts an aggregation below the select list if the query groups, and rewrites everything above it.
func (a *analyzer) grouping(c *coreQuery) error {
	if len(c.q.GroupBy) == 0 && c.having == nil && !c.aggregates() {
		return nil
	}
	keys, err := a.groupKeys(c)
	if err != nil {
		return err
	}
	in := keys.expand(c.p.in)
	g := &aggregateNode{in: in, groups: keys.over, sets: keys.severalSets()}
	if self := a.recursing; self != nil && self.depth == a.depth && c.aggregates() {
		return a.fail(errf(codeRecursion, "aggregate functions are not allowed in a recursive query's recursive term"), c.q)
	}
	for i, x := range g.groups {
		g.cols = append(g.cols, Column{Name: "group" + itoa(i+1), Type: x.typ(), TypeModifier: -1})
	}
	if g.sets != nil {
		g.cols = append(g.cols, Column{Name: "set", Type: value.Int4, TypeModifier: -1})
	}
	r := newRegrouping(a, c, g, keys)
	for i, x := range c.p.exprs {
		c.p.exprs[i] = r.rewrite(x)
	}
	for i := range c.keys {
		c.keys[i].x = r.rewrite(c.keys[i].x)
	}
	for i, x := range c.on {
		c.on[i] = r.rewrite(x)
	}
	c.p.in = g
	var having []expr
	if c.having != nil {
		having = conjuncts(r.rewrite(c.having))
	}
	if having != nil {
		c.p.in = pushDown(c.p.in, having)
	}
	return r.err
}

// aggregates reports whether there are aggregates in the query.
func (c *coreQuery) aggregates() bool {
	return slices.ContainsFunc(slices.Concat(c.p.exprs, c.on, keyExprs(c.keys), nonNil(c.having)), aggregates)
}

// locking checks FOR UPDATE and the like.
func (a *analyzer) locking(c *coreQuery) error {
	for _, l := range c.q.Locking {
		if what := c.unlockable(); what != "" {
			return a.fail(errf(codeUnsupported, "FOR %s is not allowed with %s", l.Mode, what), c.q)
		}
		for _, n := range l.Of {
			switch {
			case n.Schema != "":
				return a.fail(errf(codeSyntax, "FOR %s must specify unqualified relation names", l.Mode), n)
			case !slices.ContainsFunc(c.s.cols, func(c scopeColumn) bool { return c.table == n.Name }):
				return a.fail(errf(codeUndefinedTable, "relation \"%s\" in FOR %s clause not found in FROM clause", n.Name, l.Mode), n)
			}
		}
	}
	return nil
}

// unlockable says what keeps the rows of the query from being rows of tables, which FOR UPDATE asks for; "" for nothing.
func (c *coreQuery) unlockable() string {
	switch exprs := slices.Concat(c.p.exprs, keyExprs(c.keys)); {
	case c.q.Distinct || c.q.DistinctOn != nil:
		return "DISTINCT clause"
	case c.q.GroupBy != nil:
		return "GROUP BY clause"
	case c.q.Having != nil:
		return "HAVING clause"
	case c.aggregates():
		return "aggregate functions"
	case slices.ContainsFunc(exprs, windows):
		return "window functions"
	case slices.ContainsFunc(c.p.exprs, hasSeries):
		return "set-returning functions in the target list"
	}
	return ""
}

// windows reports whether there are window functions in e.
func windows(e expr) bool {
	found := false
	walk(e, func(x expr) {
		_, ok := x.(*windowExpr)
		found = found || ok
	})
	return found
}

// aggregates reports whether there are aggregates in e.
func aggregates(e expr) bool {
	found := false
	walk(e, func(x expr) {
		switch x.(type) {
		case *aggregateExpr, *groupingExpr:
			found = true
		}
	})
	return found
}

// groupKey analyzes an element of GROUP BY: an input column, an output column by position or name, or an expression.
func (a *analyzer) groupKey(c *coreQuery, e parse.Expr) (expr, error) {
	if ref, ok := e.(*parse.ColumnRef); ok && len(ref.Parts) == 1 {
		if col, err := c.s.find("", "", ref.Parts[0]); col != nil || err != nil {
			if err != nil {
				return nil, a.fail(err, e)
			}
			return col.x, nil
		}
	}
	x, err := a.output(e, c.p.exprs, c.p.cols, "GROUP BY")
	if err != nil {
		return nil, err
	}
	if x == nil {
		if x, err = a.exprIn(c.s, e, clauseGroup); err == nil {
			x, err = a.coerceText(x)
		}
		return x, err
	}
	walk(x, func(y expr) {
		switch y.(type) {
		case *aggregateExpr:
			err = a.fail(errf(codeGrouping, "aggregate functions are not allowed in GROUP BY"), e)
		case *windowExpr:
			err = a.fail(errf(codeWindow, "window functions are not allowed in GROUP BY").
				hint("Compute it in a subquery: SELECT … FROM (SELECT …, row_number() OVER (…) AS n FROM …) AS q GROUP BY n."), e)
		}
	})
	return x, err
}

// regrouping rewrites expressions over the input of an aggregation into expressions over its output.
type regrouping struct {
	a      *analyzer
	c      *coreQuery
	g      *aggregateNode
	keys   *groupKeys
	groups map[fingerprint]int // columns of the aggregation
	aggs   map[fingerprint]int
	inner  int // depth of subqueries at hand
	err    error
}

func newRegrouping(a *analyzer, c *coreQuery, g *aggregateNode, keys *groupKeys) *regrouping {
	r := &regrouping{a: a, c: c, g: g, keys: keys, groups: map[fingerprint]int{}, aggs: map[fingerprint]int{}}
	for i, x := range keys.exprs {
		r.groups[a.prints.of(x)] = i
	}
	return r
}

func (r *regrouping) rewrite(e expr) expr {
	print := r.a.prints.of(e)
	if i, ok := r.groups[print]; ok {
		return &columnExpr{index: i, t: e.typ(), name: exprText(e)}
	}
	switch x := e.(type) {
	case *groupingExpr:
		return r.groupingValue(x)
	case *aggregateExpr:
		i, ok := r.aggs[print]
		if !ok {
			i = len(r.g.aggs)
			r.aggs[print] = i
			r.g.aggs = append(r.g.aggs, x)
			r.g.cols = append(r.g.cols, Column{Name: x.call.Func.Name, Type: x.typ(), TypeModifier: -1})
		}
		return &columnExpr{index: len(r.g.cols) - len(r.g.aggs) + i, t: e.typ(), name: exprText(e)}
	case *columnExpr, *computedExpr:
		if r.err == nil {
			r.err = r.ungrouped(e)
		}
		return e
	case *subqueryExpr:
		r.inner++
		defer func() { r.inner-- }()
	}
	return mapChildren(e, r.rewrite)
}

// ungrouped is the error for a column that has no single value in a group.
func (r *regrouping) ungrouped(e expr) error {
	name, print := exprText(e), r.a.prints.of(e)
	for _, c := range r.c.s.cols {
		if r.a.prints.of(c.x) == print {
			if name = c.name; c.table != "" {
				name = c.table + "." + c.name
			}
			break
		}
	}
	if r.inner > 0 {
		return errf(codeGrouping, "subquery uses ungrouped column %q from outer query", name)
	}
	err := errf(codeGrouping, "column %q must appear in the GROUP BY clause or be used in an aggregate function", name)
	for _, t := range r.c.q.Targets {
		if ref, ok := t.X.(*parse.ColumnRef); ok && ref.Parts[len(ref.Parts)-1] == name[lastDot(name):] {
			return r.a.fail(err, ref)
		}
	}
	return err
}

func lastDot(name string) int {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' {
			return i + 1
		}
	}
	return 0
}

// finish puts DISTINCT, ORDER BY, LIMIT and the select list together.
func (a *analyzer) finish(c *coreQuery) (node, error) {
	p := c.p
	p.set = slices.ContainsFunc(p.exprs, hasSeries)
	for _, k := range c.keys {
		p.set = p.set || hasSeries(k.x)
	}
	defer a.simplifyList(p) // ORDER BY and DISTINCT look for expressions as they are written
	switch {
	case c.on != nil:
		return a.finishDistinctOn(c)
	case c.q.Distinct:
		for _, x := range p.exprs {
			if err := a.sortable(c.q, x, "equality"); err != nil {
				return nil, err
			}
		}
		keys, err := a.keysOverOutput(c, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
		if err != nil {
			return nil, err
		}
		n := node(&distinctNode{in: p, keys: columnsOf(p)})
		if len(keys) > 0 {
			n = &sortNode{in: n, keys: keys}
		}
		return a.limited(c.q, n)
	case c.q.WithTies && p.set:
		return nil, a.unsupported(c.q, "WITH TIES with set-returning functions is")
	case c.q.WithTies:
		return a.withTies(c)
	case p.set:
		return a.finishSet(c)
	}
	if len(c.keys) > 0 {
		p.in = &sortNode{in: p.in, keys: c.keys}
	}
	return a.limited(c.q, p)
}

// keysOverOutput turns ORDER BY into keys over the select list.
func (a *analyzer) keysOverOutput(c *coreQuery, refusal string) ([]sortKey, error) {
	var keys []sortKey
	for i, k := range c.keys {
		print := a.prints.of(k.x)
		at := slices.IndexFunc(c.p.exprs, func(x expr) bool { return a.prints.of(x) == print })
		if at < 0 {
			return nil, a.fail(errf(codeInvalidColumnRef, "%s", refusal), c.q.OrderBy[i].X)
		}
		k.x = &columnExpr{index: at, t: k.x.typ(), name: c.p.cols[at].Name}
		keys = append(keys, k)
	}
	return keys, nil
}

// finishSet sorts after the sets of the select list are expanded. Keys that are not in it travel as further columns.
func (a *analyzer) finishSet(c *coreQuery) (node, error) {
	p, width := c.p, len(c.p.cols)
	var keys []sortKey
	for _, k := range c.keys {
		print := a.prints.of(k.x)
		at := slices.IndexFunc(p.exprs, func(x expr) bool { return a.prints.of(x) == print })
		if at < 0 {
			at = len(p.exprs)
			p.exprs = append(p.exprs, k.x)
			p.cols = append(p.cols, Column{Name: "key", Type: k.x.typ(), TypeModifier: -1})
		}
		k.x = &columnExpr{index: at, t: k.x.typ(), name: p.cols[at].Name}
		keys = append(keys, k)
	}
	n := node(p)
	if len(keys) > 0 {
		n = &sortNode{in: n, keys: keys}
	}
	if len(p.cols) > width {
		n = &projectNode{in: n, exprs: columnsOf(n)[:width], cols: p.cols[:width]}
	}
	return a.limited(c.q, n)
}

// finishDistinctOn keeps the first row, in the order of ORDER BY, of each set of equal keys.
func (a *analyzer) finishDistinctOn(c *coreQuery) (node, error) {
	if c.p.set {
		return nil, a.unsupported(c.q, "DISTINCT ON with set-returning functions is")
	}
	on := map[fingerprint]bool{}
	for _, x := range c.on {
		on[a.prints.of(x)] = true
	}
	for i, k := range c.keys[:min(len(c.keys), len(on))] {
		if !on[a.prints.of(k.x)] {
			return nil, a.fail(errf(codeInvalidColumnRef, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions"), c.q.OrderBy[i].X)
		}
	}
	if len(c.keys) > 0 {
		c.p.in = &sortNode{in: c.p.in, keys: c.keys}
	}
	c.p.in = &distinctNode{in: c.p.in, keys: c.on}
	return a.limited(c.q, c.p)
}
