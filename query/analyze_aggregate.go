package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// withinGroup analyzes f(direct arguments) WITHIN GROUP (ORDER BY …).
func (a *analyzer) withinGroup(s *scope, e *parse.Call, mark []int, direct []expr) (expr, error) {
	name := e.Name.Name
	if isHypothetical(name) {
		return a.hypothetical(s, e)
	}
	if !slices.ContainsFunc(a.fns.Functions(name), isOrderedSet) {
		if a.isAggregate(name) {
			return nil, a.fail(errf(codeWrongObject, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name), e)
		}
		return nil, a.fail(errf(codeWrongObject, "WITHIN GROUP specified, but %s is not an aggregate function", name), e)
	}
	for _, x := range direct {
		if usesColumns(x) {
			return nil, a.unsupported(e, "a direct argument of an ordered-set aggregate that differs between the rows of a group is")
		}
	}
	args := direct
	keys := make([]sortKey, len(e.OrderBy))
	for i, k := range e.OrderBy {
		key, err := a.sortKey(s, k, clauseAggregate)
		if err != nil {
			return nil, err
		}
		keys[i] = key
		args = append(args, key.x)
	}
	x, err := a.function(e, name, args, e.Variadic)
	if err != nil {
		return nil, err
	}
	agg := x.(*aggregateExpr)
	for i := range keys {
		keys[i].x = agg.args[len(direct)+i]
	}
	plain := *e
	plain.OrderBy = nil
	agg.order = keys
	return a.aggregate(s, &plain, agg, mark)
}

// orderDistinct says in which order an aggregate with DISTINCT sees its rows: that of its ORDER BY, which may name
// arguments only, and then that of its arguments.
func (a *analyzer) orderDistinct(e *parse.Call, agg *aggregateExpr) error {
	known := map[fingerprint]bool{}
	for _, x := range agg.args {
		known[a.prints.of(x)] = true
	}
	for i, k := range agg.order {
		if !known[a.prints.of(k.x)] {
			return a.fail(errf(codeInvalidColumnRef, "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list"), e.OrderBy[i].X)
		}
		delete(known, a.prints.of(k.x))
	}
	if len(agg.order) == 0 && !gathersRows(agg.call.Func.Name) {
		return nil
	}
	for _, x := range agg.args {
		if known[a.prints.of(x)] {
			agg.order = append(agg.order, sortKey{x: x})
		}
	}
	return nil
}

// notNulls returns the filter of an aggregate whose rows are put aside before it sees them, so that it cannot leave out
// those with nulls itself.
func notNulls(agg *aggregateExpr) expr {
	cond := &logicExpr{op: opAnd}
	for _, x := range agg.args {
		cond.args = append(cond.args, &testExpr{x: x, test: testNull, not: true})
	}
	if agg.filter != nil {
		cond.args = append(cond.args, agg.filter)
	}
	return cond
}

// sortable refuses to sort, or to group, what has no order or no equality.
func (a *analyzer) sortable(at parse.Node, x expr, what string) error {
	unordered := what == "ordering" && (x.typ().OID == value.XIDOID || x.typ().OID == value.CIDOID)
	if x.typ() != value.JSON && !unordered {
		return nil
	}
	return a.fail(errf(codeUndefinedFunction, "could not identify an %s operator for type %s", what, x.typ().SQL), at)
}

// withTies is LIMIT with the rows that are equal, in the order of the query, to the last of them.
func (a *analyzer) withTies(c *coreQuery) (node, error) {
	q := c.q
	if len(c.keys) == 0 {
		return nil, a.fail(errf(codeSyntax, "WITH TIES cannot be specified without ORDER BY clause"), q)
	}
	bounds := &limitNode{}
	if err := a.bounds(q, bounds); err != nil {
		return nil, err
	}
	width := len(c.p.in.columns())
	frame := frameSpec{end: frameBound{kind: parse.CurrentRow}}
	n := &windowNode{in: c.p.in, order: c.keys}
	for _, name := range []string{"row_number", "rank"} {
		call, err := a.fns.ResolveFunction(name, nil, false)
		if err != nil {
			return nil, err
		}
		n.calls = append(n.calls, &windowExpr{call: call, order: c.keys, frame: frame})
		n.out = append(n.out, &columnExpr{t: value.Int8, name: name})
	}
	n.number()
	number, rank := columnsOf(n)[width], columnsOf(n)[width+1]
	offset := expr(&constExpr{d: value.NewInt(value.Int8, 0)})
	if bounds.offset != nil {
		offset = bounds.offset
	}
	after, err := a.apply(q, ">", number, offset)
	if err != nil {
		return nil, err
	}
	last, err := a.apply(q, "+", offset, bounds.limit)
	if err != nil {
		return nil, err
	}
	within, err := a.apply(q, "<=", rank, last)
	if err != nil {
		return nil, err
	}
	some, err := a.apply(q, ">", bounds.limit, &constExpr{d: value.NewInt(value.Int8, 0)})
	if err != nil {
		return nil, err
	}
	c.p.in = &filterNode{in: n, where: []expr{after, within, some}}
	return c.p, nil
}
