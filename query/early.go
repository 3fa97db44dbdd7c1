package query

import (
	"context"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// known returns the value of an evaluator if Postgres knows it while it plans.
func known(ev evaluator) (d value.Datum, ok bool) {
	if c, is := ev.(*constEval); is && !c.late {
		return c.d, true
	}
	return d, false
}

// compileBranches makes an evaluator of an expression of which constants may leave out parts. decided says that they leave a single
// part, or a constant, so that ev is that of the part. ok is false for expressions of other kinds.
func (x *execution) compileBranches(e expr) (ev evaluator, decided, ok bool) {
	switch e := e.(type) {
	case *caseExpr:
		ev, decided = x.compileCase(e)
	case *coalesceExpr:
		ev, decided = x.compileCoalesce(e)
	case *logicExpr:
		if e.op == opNot {
			return nil, false, false
		}
		ev, decided = x.compileLogic(e)
	default:
		return nil, false, false
	}
	return ev, decided, true
}

// compileCase leaves out the branches that constants show to be out of reach: what they would compute is no error.
func (x *execution) compileCase(e *caseExpr) (ev evaluator, decided bool) {
	c, els := &caseEval{t: e.t}, e.els
	for i, cond := range e.conds {
		ev := x.compile(cond)
		d, ok := known(ev)
		if ok && (d.Null || !d.Bool()) {
			continue
		}
		if ok {
			els = e.results[i]
			break
		}
		c.conds, c.results = append(c.conds, ev), append(c.results, x.compile(e.results[i]))
	}
	switch {
	case els != nil:
		c.els = x.compile(els)
	case len(c.conds) == 0:
		c.els = &constEval{d: value.Null(e.t)}
	}
	if len(c.conds) == 0 {
		return c.els, true
	}
	return c, false
}

// compileLogic is for AND and OR: behind a constant that decides, nothing is computed.
func (x *execution) compileLogic(e *logicExpr) (ev evaluator, decided bool) {
	l := &logicEval{or: e.op == opOr}
	for _, a := range e.args {
		ev := x.compile(a)
		if d, ok := known(ev); ok && !d.Null {
			if d.Bool() == l.or {
				return ev, true
			}
			continue
		}
		l.args = append(l.args, ev)
	}
	switch len(l.args) {
	case 0:
		return &constEval{d: value.NewBool(!l.or)}, true
	case 1:
		return l.args[0], true
	}
	return l, false
}

// compileCoalesce computes nothing behind a constant that is not null.
func (x *execution) compileCoalesce(e *coalesceExpr) (ev evaluator, decided bool) {
	c := &coalesceEval{t: e.t}
	for _, a := range e.args {
		ev := x.compile(a)
		d, ok := known(ev)
		if ok && d.Null {
			continue
		}
		c.args = append(c.args, ev)
		if ok {
			break
		}
	}
	switch len(c.args) {
	case 0:
		return &constEval{d: value.Null(e.t)}, true
	case 1:
		return c.args[0], true
	}
	return c, false
}

// maxFolded is the longest text or bytea, in bytes, that a call folded by the analyzer is given or makes: what it makes is kept
// with the statement, and not counted.
const maxFolded = 256

// mayBeLong names the functions that may take long for short arguments, or make much of them.
func mayBeLong(f *fn.Function) bool {
	switch f.Name {
	case "^", "power", "pow", "exp", "ln", "log", "sqrt", "factorial", "round", "trunc",
		"repeat", "lpad", "rpad", "format", "array_fill", "~", "~*", "!~", "!~*":
		return true
	}
	return strings.HasPrefix(f.Name, "regexp")
}

// fold returns the value of an expression over constants if it may be computed while a statement is analyzed, else the expression
// itself. An error is none yet: it may stand where it is never reached, and parameters may decide about that.
func (a *analyzer) fold(e expr) expr {
	switch c := e.(type) {
	case *callExpr:
		if mayBeLong(c.call.Func) || c.call.Func.IsSet() {
			return e
		}
	case *castExpr, *distinctExpr, *quantifiedExpr, *arrayExpr, *subscriptExpr, *extremeExpr:
	default:
		return e
	}
	args := children(e)
	if dependsOnMoment(e) || len(args) == 0 || slices.ContainsFunc(args, func(x expr) bool { return !isSmall(x) }) {
		return e
	}
	if a.folder == nil {
		a.folder = a.session.execution(context.Background(), nil) // what it computes is short
	}
	if c, ok := a.folder.compile(e).(*constEval); ok && isSmall(&constExpr{d: c.d}) {
		return &constExpr{d: c.d}
	}
	return e
}

// isSmall reports whether e is a constant that takes little memory, and no record.
func isSmall(e expr) bool {
	c, ok := e.(*constExpr)
	if !ok || c.d.Type == value.Unknown || c.d.Type.IsRow() {
		return false
	}
	return len(c.d.B) <= maxFolded && (c.d.X == nil || boxSize(c.d.X) <= maxFolded)
}

// isNever reports whether a condition is the constant false or null.
func isNever(e expr) bool { return isBool(e, false) || isNull(e) }
