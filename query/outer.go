package query

import (
	"cmp"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// An outerSlot is a place for a value of a row around a subquery. It is known by its address.
type outerSlot struct{ table, name string }

// An outerExpr, in the plan of a subquery, is a value of the row around it: the same for all rows of one execution of
// that plan.
type outerExpr struct {
	slot   *outerSlot
	t      *value.Type
	fields []Column // of a record, where known
}

// An outerArg says what an execution of a subquery's plan finds in a slot: the value of x, which is over the row around.
type outerArg struct {
	slot *outerSlot
	x    expr
}

// A frame is a row that the subquery being analyzed may refer to.
type frame struct {
	s       *scope
	args    []outerArg
	prints  map[fingerprint]*outerExpr // of the args
	lateral bool                       // the row is what stands on the left in the same FROM
	hidden  string                     // why what is being analyzed may not refer to the row: a hint, or "" where it may
	depth   int                        // of the query whose scope s is
	clause  clause                     // where the subquery stands
}

func (e *outerExpr) typ() *value.Type { return e.t }

// within analyzes something that may refer to the rows of s, and returns what it refers to.
func (a *analyzer) within(s *scope, lateral bool, f func() error) ([]outerArg, error) {
	saved := a.clause
	fr := &frame{s: s, lateral: lateral, depth: a.depth, clause: saved, prints: map[fingerprint]*outerExpr{}}
	a.outer = append(a.outer, fr)
	defer func() { a.clause, a.outer = saved, a.outer[:len(a.outer)-1] }()
	err := f()
	return fr.args, err
}

// Why a part of FROM may not refer to what stands on its left.
const (
	hintLateral = "To reference that %s, you must mark this subquery with LATERAL."
	hintOn      = "ON sees the tables of its own join alone. To reference that %s, move the condition to WHERE, or write CROSS JOIN instead of a comma between them, which binds less tightly."
)

// unlateral analyzes a part of FROM that sees the queries around its own, but nothing of what stands on its left. The hint says why.
func (a *analyzer) unlateral(hint string, f func() error) error {
	var hidden []*frame
	for _, fr := range a.outer {
		if fr.lateral && fr.hidden == "" && fr.depth == a.depth {
			fr.hidden = hint
			hidden = append(hidden, fr)
		}
	}
	defer func() {
		for _, fr := range hidden {
			fr.hidden = ""
		}
	}()
	return f()
}

// outerColumn finds a column in the rows around. found is nil if no row has it. The expression is for use at the place
// that is being analyzed; every subquery between there and the row passes the value on.
func (a *analyzer) outerColumn(ref *parse.ColumnRef, schema, table, name string) (found *scopeColumn, err error) {
	var hidden *Error
	for i, fr := range slices.Backward(a.outer) {
		c, err := fr.s.find(schema, table, name)
		switch {
		case fr.hidden == "" && err != nil:
			return nil, a.fail(err, ref)
		case c == nil:
			continue
		case fr.hidden != "":
			hidden = cmp.Or(hidden, fr.unreachable(c.table, table, name))
			continue
		}
		out := *c
		out.x = a.fromOuter(i, c.x, outerSlot{c.table, c.name})
		return &out, nil
	}
	if hidden != nil {
		return nil, a.fail(hidden, ref)
	}
	return nil, nil
}

// unreachable is the error for a reference to a column of a table of fr, which is hidden. The reference may name the table.
func (fr *frame) unreachable(table, named, column string) *Error {
	if named != "" {
		e := errf(codeUndefinedTable, "invalid reference to FROM-clause entry for table %q", table)
		e.Detail = "There is an entry for table \"" + table + "\", but it cannot be referenced from this part of the query."
		return e.hint(fr.hidden, "table")
	}
	e := errf(codeUndefinedColumn, "column %q does not exist", column)
	e.Detail = "There is a column named \"" + column + "\" in table \"" + table + "\", but it cannot be referenced from this part of the query."
	return e.hint(fr.hidden, "column")
}

// fromOuter returns the value of x, over the row of frame i, for use in the innermost subquery.
func (a *analyzer) fromOuter(i int, x expr, name outerSlot) expr {
	ref := a.outer[i].refer(a.prints.of(x), x, name)
	for _, fr := range a.outer[i+1:] {
		if !fr.lateral {
			fr.pass(ref)
		}
	}
	return ref
}

// refer returns the reference to x in the row of fr.
func (fr *frame) refer(print fingerprint, x expr, name outerSlot) *outerExpr {
	if known := fr.prints[print]; known != nil {
		return known
	}
	ref := &outerExpr{slot: &name, t: x.typ(), fields: fieldsOf(x)}
	fr.prints[print] = ref
	fr.args = append(fr.args, outerArg{slot: ref.slot, x: x})
	return ref
}

// pass notes that a subquery depends on a value that a query further out gives.
func (fr *frame) pass(ref *outerExpr) {
	if !slices.ContainsFunc(fr.args, func(a outerArg) bool { return a.slot == ref.slot }) {
		fr.args = append(fr.args, outerArg{slot: ref.slot, x: ref})
	}
}

// argExprs returns the expressions of args.
func argExprs(args []outerArg) []expr {
	out := make([]expr, len(args))
	for i, a := range args {
		out[i] = a.x
	}
	return out
}

// withArgExprs returns args with other expressions.
func withArgExprs(args []outerArg, f func(expr) expr) []outerArg {
	out := make([]outerArg, len(args))
	for i, a := range args {
		out[i] = outerArg{slot: a.slot, x: f(a.x)}
	}
	return out
}

// outerMark remembers what the frames hold.
func (a *analyzer) outerMark() []int {
	mark := make([]int, len(a.outer))
	for i, fr := range a.outer {
		mark[i] = len(fr.args)
	}
	return mark
}

// ownerOf returns the frame that an aggregate over args belongs to: that of the innermost row which they refer to, -1 if
// they refer to rows of their own query or to none.
func (a *analyzer) ownerOf(agg *aggregateExpr) int {
	owner, own := -1, false
	walk(agg, func(x expr) {
		switch x := x.(type) {
		case *columnExpr, *computedExpr:
			own = true
		case *outerExpr:
			for i, fr := range a.outer {
				if fr.filling(x) != nil {
					owner = max(owner, i)
				}
			}
		}
	})
	if own {
		return -1
	}
	return owner
}

// filling returns what fr puts into the slot of ref out of its own row, nil if it does not.
func (fr *frame) filling(ref *outerExpr) expr {
	for _, arg := range fr.args {
		if arg.slot == ref.slot && arg.x != expr(ref) {
			return arg.x
		}
	}
	return nil
}

// outerAggregate makes an aggregate in a subquery, over a row around, one of the query with that row. mark is from before
// its arguments were analyzed: what they refer to is now used further out only.
func (a *analyzer) outerAggregate(at parse.Node, i int, agg *aggregateExpr, mark []int) (expr, error) {
	fr := a.outer[i]
	if fr.lateral {
		return nil, a.fail(errf(codeGrouping, "aggregate functions are not allowed in FROM clause of their own query level"), at)
	}
	if !mayAggregate(fr.clause) {
		return nil, a.fail(errf(codeGrouping, "aggregate functions are not allowed in %s", clauseNames[fr.clause]), at)
	}
	up := rebuild(agg, func(x expr) expr {
		if ref, ok := x.(*outerExpr); ok {
			if own := fr.filling(ref); own != nil {
				return own
			}
		}
		return x
	})
	for k, fr := range a.outer[i:] {
		for _, arg := range fr.args[mark[i+k]:] {
			delete(fr.prints, a.prints.of(arg.x))
		}
		fr.args = fr.args[:mark[i+k]]
	}
	return a.fromOuter(i, up, outerSlot{name: agg.call.Func.Name}), nil
}

// mayAggregate reports whether aggregates of a query may stand in a clause of it.
func mayAggregate(c clause) bool {
	return c == clauseTarget || c == clauseHaving || c == clauseOrder || c == clauseWindow
}

// usesOuter reports whether e refers to a row around.
func usesOuter(e expr) bool {
	found := false
	walk(e, func(x expr) {
		if _, ok := x.(*outerExpr); ok {
			found = true
		}
	})
	return found
}

// exprsOf returns the expressions of a node, those below it aside.
func exprsOf(n node) []expr {
	switch n := n.(type) {
	case *scanNode:
		return slices.Concat(n.where, n.sample.exprs())
	case *valuesNode:
		return slices.Concat(n.rows...)
	case *seriesNode:
		return n.calls
	case *filterNode:
		return n.where
	case *projectNode:
		return n.exprs
	case *aggregateNode:
		out := slices.Clone(n.groups)
		for _, g := range n.aggs {
			out = append(out, g)
		}
		return out
	case *distinctNode:
		return n.keys
	case *sortNode:
		return keyExprs(n.keys)
	case *windowNode:
		out := slices.Clone(n.partition)
		for _, w := range n.calls {
			out = append(out, w)
		}
		return append(out, keyExprs(n.order)...)
	case *limitNode:
		return nonNil(n.limit, n.offset)
	case *joinNode:
		return append(argExprs(n.args), n.on...)
	case *semiNode:
		return n.on
	}
	return nil
}

func nonNil(list ...expr) (out []expr) {
	for _, e := range list {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}

func keyExprs(keys []sortKey) []expr {
	out := make([]expr, len(keys))
	for i, k := range keys {
		out[i] = k.x
	}
	return out
}

// inputsOf returns the nodes right below n.
func inputsOf(n node) []node {
	switch n := n.(type) {
	case *seriesNode:
		if n.in != nil {
			return []node{n.in}
		}
	case *filterNode:
		return []node{n.in}
	case *projectNode:
		return []node{n.in}
	case *aggregateNode:
		return []node{n.in}
	case *distinctNode:
		return []node{n.in}
	case *sortNode:
		return []node{n.in}
	case *windowNode:
		return []node{n.in}
	case *limitNode:
		return []node{n.in}
	case *appendNode:
		return n.ins
	case *setNode:
		return []node{n.l, n.r}
	case *joinNode:
		return []node{n.l, n.r}
	case *semiNode:
		return []node{n.l, n.r}
	case *recursiveNode:
		return []node{n.l, n.r}
	case *sharedNode:
		return []node{n.query.plan}
	}
	return nil
}

// walkPlan calls f for every expression in a plan, those of its subqueries included.
func walkPlan(n node, f func(expr)) {
	for _, e := range exprsOf(n) {
		walk(e, func(x expr) {
			f(x)
			if s, ok := x.(*subqueryExpr); ok {
				walkPlan(s.plan, f)
			}
		})
	}
	for _, in := range inputsOf(n) {
		walkPlan(in, f)
	}
}

// isVolatilePlan reports whether two executions of a plan, for the same values around, may differ.
func isVolatilePlan(n node) bool {
	volatile := false
	walkPlan(n, func(x expr) { volatile = volatile || callsVolatile(x) })
	return volatile
}

// isVolatile reports whether e may have another value whenever it is computed of the same row.
func isVolatile(e expr) bool {
	volatile := false
	walk(e, func(x expr) { volatile = volatile || callsVolatile(x) })
	return volatile
}

func callsVolatile(e expr) bool {
	switch e := e.(type) {
	case *callExpr:
		return e.call.Func.Volatility == fn.Volatile
	case *seriesExpr:
		return e.call.Func.Volatility == fn.Volatile
	}
	return false
}

// freeSlots returns the slots that a plan refers to and does not fill itself.
func freeSlots(n node) map[*outerSlot]bool {
	used, filled := map[*outerSlot]bool{}, map[*outerSlot]bool{}
	note := func(args []outerArg) {
		for _, a := range args {
			if ref, ok := a.x.(*outerExpr); !ok || ref.slot != a.slot {
				filled[a.slot] = true
			}
		}
	}
	var nodes func(n node)
	nodes = func(n node) {
		switch n := n.(type) {
		case *joinNode:
			note(n.args)
		case *workNode:
			used[n.table.slot] = true
		case *recursiveNode:
			filled[n.work.slot] = true
		}
		for _, e := range exprsOf(n) {
			walk(e, func(x expr) {
				switch x := x.(type) {
				case *outerExpr:
					used[x.slot] = true
				case *subqueryExpr:
					note(x.args)
					nodes(x.plan)
				}
			})
		}
		for _, in := range inputsOf(n) {
			nodes(in)
		}
	}
	nodes(n)
	for s := range filled {
		delete(used, s)
	}
	return used
}
