package query

import "github.com/jurat-ledger/jurat/query/parse"

// isHypothetical reports whether a function is a hypothetical-set aggregate when it stands with WITHIN GROUP.
func isHypothetical(name string) bool {
	return name == "rank" || name == "dense_rank" || name == "percent_rank" || name == "cume_dist"
}

// hypothetical analyzes rank(v …) WITHIN GROUP (ORDER BY k …) and its kin, the rank that a row with these values would have.
// They say what counts of the rows before it say, and so they are analyzed:
//
//	rank          1 + count(*) FILTER (WHERE before)
//	dense_rank    1 + count(DISTINCT (k …)) FILTER (WHERE before)
//	percent_rank  rows before, of all rows; 0 if there are none
//	cume_dist     rows before and equal, and the row itself, of all rows and itself
func (a *analyzer) hypothetical(s *scope, e *parse.Call) (expr, error) {
	name := e.Name.Name
	if len(e.Args) != len(e.OrderBy) {
		return nil, a.fail(errf("42883", "function %s with %d direct arguments does not exist", name, len(e.Args)).
			hint("To use the hypothetical-set aggregate %s, the number of hypothetical direct arguments (here %d) must match the number of ordering columns (here %d).",
				name, len(e.Args), len(e.OrderBy)), e)
	}
	h := hypotheticalForm{e.Loc}
	before, equal := h.before(e)
	one := &parse.Literal{Loc: e.Loc, Kind: parse.Integer, Text: "1"}
	var form parse.Expr
	switch name {
	case "rank":
		form = h.op("+", one, h.count(e, before))
	case "dense_rank":
		c := h.count(e, before)
		row := &parse.Row{Loc: e.Loc}
		for _, k := range e.OrderBy {
			row.Elems = append(row.Elems, k.X)
		}
		c.Star, c.Distinct, c.Args = false, true, []parse.Expr{row}
		form = h.op("+", one, c)
	case "percent_rank":
		rows := &parse.Call{Loc: e.Loc, Name: h.name("nullif"), Keyword: true, Args: []parse.Expr{h.float(h.count(e, nil)), h.float(h.zero())}}
		form = &parse.Call{Loc: e.Loc, Name: h.name("coalesce"), Keyword: true, Args: []parse.Expr{h.op("/", h.float(h.count(e, before)), rows), h.zero()}}
	default:
		both := &parse.Logic{Loc: e.Loc, Op: parse.Or, Args: []parse.Expr{before, equal}}
		form = h.op("/", h.float(h.op("+", one, h.count(e, both))), h.float(h.op("+", one, h.count(e, nil))))
	}
	return a.expr(s, form)
}

// A hypotheticalForm makes the expressions that stand for a hypothetical-set aggregate, all at its place.
type hypotheticalForm struct{ loc parse.Loc }

func (h hypotheticalForm) name(s string) parse.Name { return parse.Name{Loc: h.loc, Name: s} }

func (h hypotheticalForm) zero() parse.Expr {
	return &parse.Literal{Loc: h.loc, Kind: parse.Integer, Text: "0"}
}

func (h hypotheticalForm) op(name string, l, r parse.Expr) parse.Expr {
	return &parse.Binary{Loc: h.loc, Op: parse.Operator{Name: name}, L: l, R: r}
}

func (h hypotheticalForm) float(x parse.Expr) parse.Expr {
	return &parse.Cast{Loc: h.loc, X: x, Type: &parse.TypeName{Name: parse.Name{Loc: h.loc, Schema: "pg_catalog", Name: "float8"}}}
}

func (h hypotheticalForm) isNull(x parse.Expr, not bool) parse.Expr {
	return &parse.Is{Loc: h.loc, X: x, Test: parse.IsNull, Not: not}
}

// count is count(*) of the rows that e aggregates and for which the condition holds.
func (h hypotheticalForm) count(e *parse.Call, condition parse.Expr) *parse.Call {
	c := &parse.Call{Loc: h.loc, Name: h.name("count"), Star: true, Filter: condition}
	switch {
	case condition == nil:
		c.Filter = e.Filter
	case e.Filter != nil:
		c.Filter = &parse.Logic{Loc: h.loc, Op: parse.And, Args: []parse.Expr{condition, e.Filter}}
	}
	return c
}

// before are the conditions that a row comes before the hypothetical one, and that it is its equal.
func (h hypotheticalForm) before(e *parse.Call) (before, equal parse.Expr) {
	any := &parse.Logic{Loc: h.loc, Op: parse.Or}
	all := &parse.Logic{Loc: h.loc, Op: parse.And}
	for i, k := range e.OrderBy {
		op, given := "<", e.Args[i]
		if k.Desc || k.Using != nil && k.Using.Name == ">" {
			op = ">"
		}
		nullsFirst := k.Nulls == parse.NullsFirst || k.Nulls == parse.NullsDefault && op == ">"
		nulls := &parse.Logic{Loc: h.loc, Op: parse.And, Args: []parse.Expr{h.isNull(k.X, !nullsFirst), h.isNull(given, nullsFirst)}}
		step := &parse.Logic{Loc: h.loc, Op: parse.And}
		step.Args = append(step.Args, all.Args...)
		step.Args = append(step.Args, &parse.Logic{Loc: h.loc, Op: parse.Or, Args: []parse.Expr{h.op(op, k.X, given), nulls}})
		any.Args = append(any.Args, step)
		all.Args = append(all.Args, &parse.Distinct{Loc: h.loc, L: k.X, R: given, Not: true})
	}
	return any, all
}
