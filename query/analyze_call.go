package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// call analyzes a function call.
func (a *analyzer) call(s *scope, e *parse.Call) (expr, error) {
	if e.Keyword {
		return a.keywordCall(s, e)
	}
	switch {
	case e.Name.Schema != "" && e.Name.Schema != "pg_catalog" && e.Name.Schema != "public" && a.fns.Functions(functionName(e.Name)) == nil:
		return nil, a.fail(errf(codeUndefinedFunction, "function %s.%s does not exist", e.Name.Schema, e.Name.Name), e)
	}
	clause := a.clause
	if e.Over != nil {
		clause = clauseWindow
	} else if a.isAggregate(e.Name.Name) {
		clause = clauseAggregate
	}
	mark := a.outerMark()
	args := make([]expr, len(e.Args))
	names := argNames(e.Args)
	for i, arg := range e.Args {
		if n, ok := arg.(*parse.NamedArg); ok {
			arg = n.Value
		}
		x, err := a.exprIn(s, arg, clause)
		if err != nil {
			return nil, err
		}
		args[i] = x
	}
	if names != nil {
		var err error
		if args, err = a.inOrder(e, names, args); err != nil {
			return nil, err
		}
	} else if !e.WithinGroup {
		args = slices.DeleteFunc(args, isVoidParam)
	}
	if e.Star && !a.isAggregate(e.Name.Name) {
		return nil, a.fail(errf(codeWrongObject, "%s(*) specified, but %s is not an aggregate function", e.Name.Name, e.Name.Name), e)
	}
	switch {
	case e.WithinGroup && e.Over != nil:
		return nil, a.fail(errf(codeUnsupported, "OVER is not supported for ordered-set aggregate %s", e.Name.Name), e)
	case e.WithinGroup:
		return a.withinGroup(s, e, mark, args)
	case e.Over != nil:
		return a.windowCall(s, e, args)
	case slices.ContainsFunc(a.fns.Functions(e.Name.Name), isOrderedSet):
		return nil, a.fail(errf(codeWrongObject, "WITHIN GROUP is required for ordered-set aggregate %s", e.Name.Name), e)
	}
	x, err := a.populate(e, args)
	if x == nil && err == nil {
		x, err = a.function(e, functionName(e.Name), args, e.Variadic)
	}
	if err != nil {
		return nil, err
	}
	agg, ok := x.(*aggregateExpr)
	if !ok {
		if e.Distinct || e.OrderBy != nil || e.Filter != nil {
			return nil, a.fail(errf(codeWrongObject, "%s specified, but %s is not an aggregate function", aggregateWord(e), e.Name.Name), e)
		}
		return x, nil
	}
	if len(args) == 0 && !e.Star {
		return nil, a.fail(errf(codeWrongObject, "%s(*) must be used to call a parameterless aggregate function", e.Name.Name), e)
	}
	return a.aggregate(s, e, agg, mark)
}

// isVoidParam reports whether an argument is a parameter of type void: where JDBC has one for the result of a call, among the
// arguments, PostgreSQL leaves it out.
func isVoidParam(x expr) bool {
	_, ok := x.(*paramExpr)
	return ok && x.typ() == value.Void
}

func isOrderedSet(f *fn.Function) bool { return f.OrderedSet }

// functionName is the name under which the registry has a function: those of information_schema have it before theirs.
func functionName(n parse.Name) string {
	if n.Schema == "information_schema" {
		return n.Schema + "." + n.Name
	}
	return n.Name
}

// isAggregate reports whether a name is that of an aggregate.
func (a *analyzer) isAggregate(name string) bool {
	for _, f := range a.fns.Functions(name) {
		return f.IsAggregate()
	}
	return false
}

// aggregate finishes a call of an aggregate. mark is of before its arguments were analyzed.
func (a *analyzer) aggregate(s *scope, e *parse.Call, agg *aggregateExpr, mark []int) (expr, error) {
	if err := a.aggregateOptions(s, e, agg); err != nil {
		return nil, err
	}
	if i := a.ownerOf(agg); i >= 0 {
		return a.outerAggregate(e, i, agg, mark)
	}
	switch {
	case mayAggregate(a.clause):
	case a.clause == clauseAggregate:
		return nil, a.fail(errf(codeGrouping, "aggregate function calls cannot be nested"), e)
	default:
		return nil, a.fail(errf(codeGrouping, "aggregate functions are not allowed in %s", clauseNames[a.clause]), e)
	}
	return agg, nil
}

// aggregateOptions analyzes DISTINCT, FILTER and ORDER BY of a call.
func (a *analyzer) aggregateOptions(s *scope, e *parse.Call, agg *aggregateExpr) error {
	agg.distinct = e.Distinct
	if e.Filter != nil {
		x, err := a.condition(s, e.Filter, clauseAggregate, "FILTER")
		if err != nil {
			return err
		}
		agg.filter = x
	}
	for _, k := range e.OrderBy {
		key, err := a.sortKey(s, k, clauseAggregate)
		if err != nil {
			return err
		}
		agg.order = append(agg.order, key)
	}
	if agg.distinct {
		if err := a.orderDistinct(e, agg); err != nil {
			return err
		}
	}
	if agg.order != nil && agg.call.Func.Strict && len(agg.args) > 0 {
		agg.filter = notNulls(agg)
	}
	return nil
}

// function chooses a function by its arguments.
func (a *analyzer) function(at parse.Node, name string, args []expr, variadic bool) (expr, error) {
	types := make([]*value.Type, len(args))
	for i, x := range args {
		types[i] = x.typ()
	}
	call, err := a.fns.ResolveFunction(name, types, variadic)
	if err != nil {
		return nil, a.fail(err, at)
	}
	c, err := a.bind(at, call, args, false)
	switch {
	case err != nil:
		return nil, err
	case call.Func.IsAggregate():
		return &aggregateExpr{call: call, args: c.args}, nil
	case call.Func.IsSet():
		return a.series(at, call, c.args)
	case call.Func.Window:
		return nil, a.fail(errf(codeWrongObject, "window function %s requires an OVER clause", name), at)
	}
	return c, nil
}

// series returns the call of a set-returning function.
func (a *analyzer) series(at parse.Node, call *fn.Call, args []expr) (expr, error) {
	if a.clause == clauseAggregate {
		return nil, a.fail(errf(codeUnsupported, "aggregate function calls cannot contain set-returning function calls"), at)
	}
	if a.clause != clauseTarget && a.clause != clauseFrom && a.clause != clauseGroup {
		return nil, a.fail(errf(codeUnsupported, "set-returning functions are not allowed in %s", clauseNames[a.clause]), at)
	}
	if slices.ContainsFunc(args, hasSeries) {
		return nil, a.fail(errf(codeUnsupported, "set-returning functions are not supported in the arguments of others").
			hint("Put the inner one into FROM: SELECT generate_series(1, g) FROM generate_series(1, 3) AS g."), at)
	}
	return &seriesExpr{call: call, args: args}, nil
}

// keywordCall analyzes COALESCE, GREATEST, LEAST and NULLIF.
func (a *analyzer) keywordCall(s *scope, e *parse.Call) (expr, error) {
	if e.Name.Name == "grouping" {
		return a.groupingCall(s, e)
	}
	list, err := a.exprs(s, e.Args)
	if err != nil {
		return nil, err
	}
	name := map[string]string{"coalesce": "COALESCE", "greatest": "GREATEST", "least": "LEAST", "nullif": "NULLIF"}[e.Name.Name]
	switch name {
	case "NULLIF":
		if other := list[1].typ(); list[0].typ() == value.Unknown && other != value.Unknown {
			if list[0], err = a.coerce(list[0], other, fn.Implicit); err != nil {
				return nil, a.fail(err, e.Args[0])
			}
		}
		slot := &slotExpr{t: list[0].typ()}
		if slot.t == value.Unknown {
			if list[0], err = a.coerceText(list[0]); err != nil {
				return nil, err
			}
			slot.t = value.Text
		}
		eq, err := a.apply(e, "=", slot, list[1])
		if err != nil {
			return nil, err
		}
		if c, ok := eq.(*callExpr); ok && c.args[0].typ() != slot.t && !c.args[0].typ().Pseudo { // the result is what is compared
			if list[0], err = a.coerce(list[0], c.args[0].typ(), fn.Implicit); err != nil {
				return nil, a.fail(err, e.Args[0])
			}
			slot.t = list[0].typ()
			c.args[0] = slot
		}
		return &letExpr{x: list[0], slot: slot, body: &caseExpr{
			conds: []expr{eq}, results: []expr{&constExpr{d: value.Null(slot.t)}}, els: slot, t: slot.t,
		}}, nil
	case "":
		return nil, a.unsupported(e, e.Name.Name+" is")
	}
	if slices.ContainsFunc(list, hasSeries) {
		return nil, a.fail(errf(codeUnsupported, "set-returning functions are not allowed in %s", name), e)
	}
	t, err := a.commonType(name, list, func(i int) parse.Node { return e.Args[i] })
	if err != nil {
		return nil, err
	}
	if name == "COALESCE" {
		return &coalesceExpr{args: list, t: t}, nil
	}
	return &extremeExpr{args: list, least: name == "LEAST", t: t}, nil
}

// valueFuncs says which function each word stands for, and the type its result is cast to.
var valueFuncs = map[string]struct {
	function string
	cast     *value.Type
}{
	"current_timestamp": {"now", nil}, "localtimestamp": {"now", value.Timestamp}, "current_date": {"now", value.Date},
	"localtime": {"now", value.Time}, "current_role": {"current_user", nil}, "current_user": {"current_user", nil},
	"user": {"current_user", nil}, "session_user": {"session_user", nil}, "current_catalog": {"current_database", nil},
	"current_schema": {"current_schema", nil},
}

func (a *analyzer) valueFunc(e *parse.ValueFunc) (expr, error) {
	f, ok := valueFuncs[e.Name]
	if !ok {
		return nil, a.unsupported(e, e.Name+" is")
	}
	x, err := a.function(e, f.function, nil, false)
	if err != nil {
		return nil, err
	}
	if f.cast != nil {
		if x, err = a.coerce(x, f.cast, fn.Explicit); err != nil {
			return nil, a.fail(err, e)
		}
	}
	if modify := fn.Modify(x.typ(), int32(e.Precision), true); e.Precision >= 0 && modify != nil {
		x = &castExpr{x: x, t: x.typ(), modify: modify, typmod: int32(e.Precision)}
	}
	return x, nil
}

// caseOf analyzes CASE. With an operand, each WHEN is compared with it.
func (a *analyzer) caseOf(s *scope, e *parse.Case) (expr, error) {
	c := &caseExpr{}
	var let *letExpr
	if e.Operand != nil {
		x, err := a.expr(s, e.Operand)
		if err != nil {
			return nil, err
		}
		if x, err = a.coerceText(x); err != nil {
			return nil, err
		}
		let = &letExpr{x: x, slot: &slotExpr{t: x.typ()}, body: c}
	}
	for _, w := range e.Whens {
		cond, err := a.when(s, w, let)
		if err != nil {
			return nil, err
		}
		result, err := a.expr(s, w.Result)
		if err != nil {
			return nil, err
		}
		c.conds, c.results = append(c.conds, cond), append(c.results, result)
	}
	if err := a.caseType(s, e, c); err != nil {
		return nil, err
	}
	if hasSeries(c) {
		return nil, a.fail(errf(codeUnsupported, "set-returning functions are not allowed in CASE"), e)
	}
	if let != nil {
		return let, nil
	}
	return c, nil
}

func (a *analyzer) when(s *scope, w parse.When, let *letExpr) (expr, error) {
	cond, err := a.expr(s, w.Cond)
	if err != nil {
		return nil, err
	}
	if let == nil {
		return a.boolean(cond, w.Cond, "CASE/WHEN")
	}
	return a.apply(w.Cond, "=", let.slot, cond)
}

// caseType makes the results of a CASE of one type. ELSE comes first, as in Postgres.
func (a *analyzer) caseType(s *scope, e *parse.Case, c *caseExpr) error {
	list, nodes := []expr{}, []parse.Expr{}
	if e.Else != nil {
		x, err := a.expr(s, e.Else)
		if err != nil {
			return err
		}
		list, nodes = append(list, x), append(nodes, e.Else)
	}
	skip := len(list)
	for i, x := range c.results {
		list, nodes = append(list, x), append(nodes, e.Whens[i].Result)
	}
	t, err := a.commonType("CASE", list, func(i int) parse.Node { return nodes[i] })
	if err != nil {
		return err
	}
	c.t, c.results = t, list[skip:]
	if skip > 0 {
		c.els = list[0]
	}
	return nil
}

// subquery analyzes a query in an expression. It sees the parameters and the row around it. tooMany is the error for a query of several
// columns.
func (a *analyzer) subquery(s *scope, e *parse.Subquery, tooMany string) (expr, error) {
	plan, args, err := a.inner(s, e.Select)
	if err != nil {
		return nil, err
	}
	sub := &subqueryExpr{plan: plan, t: value.Bool, args: args, volatile: len(args) > 0 && isVolatilePlan(plan)}
	if e.Kind == parse.ExistsSubquery {
		sub.kind, sub.plan = existsSubquery, withoutTargets(plan)
		free := freeSlots(sub.plan)
		sub.args = slices.DeleteFunc(slices.Clone(args), func(a outerArg) bool {
			return !free[a.slot] && !aggregates(a.x) // an aggregate makes groups of the rows around even if nobody reads it
		})
		return sub, nil
	}
	if len(plan.columns()) != 1 {
		return nil, a.fail(errf(codeSyntax, "%s", tooMany), e)
	}
	sub.t = plan.columns()[0].Type
	if e.Kind == parse.ArraySubquery {
		sub.kind = arraySubquery
		if sub.t.Array == 0 || sub.t.IsArray() {
			return nil, a.unsupported(e, "an array of "+sub.t.SQL+" is")
		}
		sub.t = value.MustType(sub.t.Array)
	}
	return sub, nil
}

// inner analyzes a subquery of the query with scope s; args are the values of the rows around that it uses.
func (a *analyzer) inner(s *scope, q *parse.Select) (plan node, args []outerArg, err error) {
	args, err = a.within(s, false, func() error {
		plan, err = a.query(q, nil)
		return err
	})
	return plan, args, err
}

// in analyzes x [NOT] IN (…).
func (a *analyzer) in(s *scope, e *parse.In) (expr, error) {
	var x expr
	var err error
	switch {
	case e.Select != nil:
		x, err = a.quantified(s, &parse.Quantified{Loc: e.Loc, X: e.X, Op: parse.Operator{Name: "="}, Select: e.Select})
	default:
		x, err = a.inList(s, e)
	}
	if err != nil || !e.Not {
		return x, err
	}
	return &logicExpr{op: opNot, args: []expr{x}}, nil
}

func (a *analyzer) inList(s *scope, e *parse.In) (expr, error) {
	if row, ok := e.X.(*parse.Row); ok {
		return a.rowIn(s, e, row)
	}
	x, err := a.expr(s, e.X)
	if err != nil {
		return nil, err
	}
	list, err := a.exprs(s, e.List)
	if err != nil {
		return nil, err
	}
	constant := len(list) > 1
	types := []*value.Type{x.typ()}
	for _, y := range list {
		constant = constant && isConstant(y)
		types = append(types, y.typ())
	}
	if constant {
		if t, err := a.fns.CommonType("IN", types); err == nil && t.Array != 0 && !t.IsArray() {
			return a.anyOf(e, x, list, t)
		}
	}
	return once([]expr{x}, func(x []expr) (expr, error) {
		body := &logicExpr{op: opOr}
		for _, y := range list {
			eq, err := a.apply(e, "=", x[0], y)
			if err != nil {
				return nil, err
			}
			body.args = append(body.args, eq)
		}
		if len(body.args) == 1 {
			return body.args[0], nil
		}
		return body, nil
	})
}

// anyOf is x = ANY (ARRAY[list]) over the type t.
func (a *analyzer) anyOf(at parse.Node, x expr, list []expr, t *value.Type) (expr, error) {
	elems := make([]expr, len(list))
	for i, y := range list {
		z, err := a.coerce(y, t, fn.Implicit)
		if err != nil {
			return nil, a.fail(err, at)
		}
		elems[i] = z
	}
	return a.overArray(at, "=", false, x, newArray(value.MustType(t.Array), elems))
}

// overArray is x op ANY (array) or x op ALL (array).
func (a *analyzer) overArray(at parse.Node, op string, all bool, x, array expr) (expr, error) {
	elem := value.MustType(array.typ().Elem)
	call, err := a.fns.ResolveOperator(op, x.typ(), elem)
	if err != nil {
		return nil, a.fail(err, at)
	}
	if call.Ret != value.Bool {
		return nil, a.fail(errf(codeWrongObject, "op ANY/ALL (array) requires operator to yield boolean"), at)
	}
	if x, err = a.coerce(x, call.Args[0], fn.Implicit); err != nil {
		return nil, a.fail(err, at)
	}
	if want := call.Args[1]; want != elem && want.Array != 0 && !want.Pseudo {
		if array, err = a.coerce(array, value.MustType(want.Array), fn.Implicit); err != nil {
			return nil, a.fail(err, at)
		}
	}
	return &quantifiedExpr{op: call, all: all, x: x, array: array}, nil
}

func (a *analyzer) rowIn(s *scope, e *parse.In, row *parse.Row) (expr, error) {
	left, err := a.exprs(s, row.Elems)
	if err != nil {
		return nil, err
	}
	return once(left, func(left []expr) (expr, error) {
		body := &logicExpr{op: opOr}
		for _, y := range e.List {
			other, ok := y.(*parse.Row)
			if !ok {
				return nil, a.unsupported(y, "comparing a row with something else is")
			}
			right, err := a.exprs(s, other.Elems)
			if err != nil {
				return nil, err
			}
			x, err := a.compareRows(e, "=", left, right)
			if err != nil {
				return nil, err
			}
			body.args = append(body.args, x)
		}
		return body, nil
	})
}

// quantified analyzes x op ANY (…) and x op ALL (…).
func (a *analyzer) quantified(s *scope, e *parse.Quantified) (expr, error) {
	if row, ok := e.X.(*parse.Row); ok && e.Select != nil {
		left, err := a.elements(s, row.Elems)
		if err != nil {
			return nil, err
		}
		sub, err := a.subqueryOf(s, &parse.Subquery{Loc: e.Loc, Select: e.Select}, rowsSubquery, len(left))
		if err != nil {
			return nil, err
		}
		return a.quantifiedRow(e, sub, left)
	}
	x, err := a.expr(s, e.X)
	if err != nil {
		return nil, err
	}
	var array expr
	if e.Select != nil {
		sub, err := a.subqueryOf(s, &parse.Subquery{Loc: e.Loc, Select: e.Select}, rowsSubquery, 1)
		if err != nil {
			return nil, err
		}
		t := sub.plan.columns()[0].Type
		if t.Array == 0 || t.IsArray() {
			return a.quantifiedRow(e, sub, []expr{x})
		}
		sub.kind, sub.t = arraySubquery, value.MustType(t.Array)
		array = sub
	} else {
		array, err = a.expr(s, e.Array)
	}
	if err != nil {
		return nil, err
	}
	if array.typ() == value.Unknown {
		// The array has the type that makes the operator one between equals.
		t := x.typ()
		if t == value.Unknown {
			t = value.Text
		}
		if t.Array == 0 {
			return nil, a.fail(errf(codeUndefinedObject, "could not find array type for data type %s", t.SQL), e)
		}
		if array, err = a.coerce(array, value.MustType(t.Array), fn.Implicit); err != nil {
			return nil, a.fail(err, e)
		}
	}
	if !array.typ().IsArray() {
		return nil, a.fail(errf(codeWrongObject, "op ANY/ALL (array) requires array on right side"), e)
	}
	return a.overArray(e, e.Op.Name, e.All, x, array)
}

// aggregateWord is the first of the words in a call that only an aggregate understands.
func aggregateWord(e *parse.Call) string {
	switch {
	case e.Distinct:
		return "DISTINCT"
	case len(e.OrderBy) > 0:
		return "ORDER BY"
	}
	return "FILTER"
}
