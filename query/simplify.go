package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// simplify returns an expression with immutable functions of constants computed, and without the parts that its constants decide: a
// branch of CASE that cannot be reached, what follows a constant in COALESCE, a strict function of null. What they alone refer to is
// then neither read nor computed.
func (a *analyzer) simplify(e expr) expr {
	if isSettled(e) {
		return e
	}
	return rebuild(e, func(x expr) expr {
		switch x := x.(type) {
		case *callExpr:
			f := x.call.Func
			if f.Strict && f.Volatility == fn.Immutable && !f.IsSet() && !x.call.Spread && slices.ContainsFunc(x.args, isNull) &&
				!slices.ContainsFunc(x.args, mayFail) {
				return &constExpr{d: value.Null(x.typ())}
			}
		case *castExpr:
			if isNull(x.x) {
				return &constExpr{d: value.Null(x.t)}
			}
		case *testExpr:
			if c, ok := x.x.(*constExpr); ok && c.d.Type != value.Unknown && !c.d.Type.IsRow() {
				return &constExpr{d: value.NewBool(passes(x.test, c.d) != x.not)}
			}
		case *logicExpr:
			return simplifyLogic(x)
		case *caseExpr:
			return simplifyCase(x)
		case *coalesceExpr:
			return simplifyCoalesce(x)
		}
		return a.fold(x)
	})
}

// mayFail reports whether a part of e is over constants alone and yet not computed, because that fails or may take long. Postgres
// computes it while it plans, before it looks at what stands beside or behind it.
func mayFail(e expr) bool {
	found := false
	walk(e, func(x expr) {
		switch x.(type) {
		case *callExpr, *castExpr:
			args := children(x)
			found = found || len(args) > 0 && !dependsOnMoment(x) && !slices.ContainsFunc(args, func(y expr) bool { return !isConst(y) })
		}
	})
	return found
}

// isSettled reports that there is nothing in e that constants decide: it is made of columns, parameters, values that are not null, and
// functions and casts of others than constants.
func isSettled(e expr) bool {
	switch x := e.(type) {
	case *columnExpr, *paramExpr:
		return true
	case *constExpr:
		return !x.d.Null
	case *castExpr:
		return !isConst(x.x) && isSettled(x.x)
	case *callExpr:
		for _, a := range x.args {
			if !isSettled(a) {
				return false
			}
		}
		return slices.ContainsFunc(x.args, func(a expr) bool { return !isConst(a) })
	}
	return false
}

func isConst(e expr) bool {
	_, ok := e.(*constExpr)
	return ok
}

// simplifyList does to a select list what simplify does to an expression.
func (a *analyzer) simplifyList(n *projectNode) {
	for i, x := range n.exprs {
		switch x.(type) {
		case *columnExpr, *computedExpr, *constExpr:
		default:
			n.exprs[i] = a.simplify(x)
		}
	}
}

func isNull(e expr) bool {
	c, ok := e.(*constExpr)
	return ok && c.d.Null && c.d.Type != value.Unknown
}

// isBool reports whether e is the constant true, or false.
func isBool(e expr, truth bool) bool {
	c, ok := e.(*constExpr)
	return ok && c.d.Type == value.Bool && !c.d.Null && c.d.Bool() == truth
}

// passes is the result of IS for a value.
func passes(test isTest, d value.Datum) bool {
	switch test {
	case testTrue:
		return !d.Null && d.Bool()
	case testFalse:
		return !d.Null && !d.Bool()
	}
	return d.Null
}

func simplifyLogic(e *logicExpr) expr {
	if e.op == opNot {
		switch x := e.args[0]; {
		case isNull(x):
			return x
		case isBool(x, true), isBool(x, false):
			return &constExpr{d: value.NewBool(isBool(x, false))}
		}
		return e
	}
	decides := e.op == opOr // true decides OR, false AND
	var left []expr
	for _, x := range e.args {
		if isBool(x, decides) && slices.ContainsFunc(left, mayFail) {
			return &logicExpr{op: e.op, args: append(left, x)}
		}
		if isBool(x, decides) {
			return x
		}
		if !isBool(x, !decides) {
			left = append(left, x)
		}
	}
	switch len(left) {
	case 0:
		return &constExpr{d: value.NewBool(!decides)}
	case 1:
		return left[0]
	}
	return &logicExpr{op: e.op, args: left}
}

func simplifyCase(e *caseExpr) expr {
	out := &caseExpr{els: e.els, t: e.t}
	for i, cond := range e.conds {
		if isNull(cond) || isBool(cond, false) {
			continue
		}
		if isBool(cond, true) {
			out.els = e.results[i]
			break
		}
		out.conds, out.results = append(out.conds, cond), append(out.results, e.results[i])
	}
	switch {
	case len(out.conds) > 0:
		return out
	case out.els == nil:
		return &constExpr{d: value.Null(e.t)}
	}
	return out.els
}

func simplifyCoalesce(e *coalesceExpr) expr {
	var args []expr
	for _, x := range e.args {
		if isNull(x) {
			continue
		}
		args = append(args, x)
		if c, ok := x.(*constExpr); ok && !c.d.Null {
			break
		}
	}
	switch {
	case len(args) == 0:
		return &constExpr{d: value.Null(e.t)}
	case len(args) == 1:
		return args[0]
	}
	return &coalesceExpr{args: args, t: e.t}
}
