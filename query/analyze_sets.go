package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// maxGroupingSets is how many grouping sets a query may have, as in Postgres.
const maxGroupingSets = 4096

// A groupingExpr is GROUPING (…): a bit for each argument, the last one's lowest, that is set where the row's grouping set
// does not have it. It stands in expressions only until the aggregation is planned.
type groupingExpr struct{ args []expr }

func (e *groupingExpr) typ() *value.Type { return value.Int4 }

// A groupKeys is what a query groups by: expressions, each once, and the grouping sets as their numbers.
type groupKeys struct {
	exprs []expr
	over  []expr // the same over the input of the aggregation
	sets  [][]int
}

// groupKeys analyzes GROUP BY.
func (a *analyzer) groupKeys(c *coreQuery) (*groupKeys, error) {
	k := &groupKeys{sets: [][]int{nil}}
	at := map[fingerprint]int{}
	for _, e := range c.q.GroupBy {
		sets, err := a.groupSets(c, k, at, e)
		if err != nil {
			return nil, err
		}
		var all [][]int
		for _, l := range k.sets {
			for _, r := range sets {
				all = append(all, append(slices.Clone(l), r...))
			}
		}
		if len(all) > maxGroupingSets {
			return nil, a.fail(errf("54001", "too many grouping sets present (maximum %d)", maxGroupingSets), e)
		}
		k.sets = all
	}
	for i, s := range k.sets {
		slices.Sort(s)
		k.sets[i] = slices.Compact(s)
	}
	if c.q.GroupDistinct {
		slices.SortFunc(k.sets, slices.Compare)
		k.sets = slices.CompactFunc(k.sets, slices.Equal)
	}
	return k, nil
}

// severalSets returns the grouping sets, nil for a single one, which has all expressions.
func (k *groupKeys) severalSets() [][]int {
	if len(k.sets) == 1 {
		return nil
	}
	return k.sets
}

// expand returns the input of the aggregation, over which it sets the keys: in, or one in which each row of in is as many as the longest of
// the set-returning functions in the keys has.
func (k *groupKeys) expand(in node) node {
	k.over = k.exprs
	if !slices.ContainsFunc(k.exprs, hasSeries) {
		return in
	}
	n := &seriesNode{in: in}
	width := len(in.columns())
	var take func(e expr) expr
	take = func(e expr) expr {
		s, ok := e.(*seriesExpr)
		if !ok {
			return mapChildren(e, take)
		}
		if n.name == "" {
			n.name = s.call.Func.Name
		}
		n.add(s, false, Column{Name: s.call.Func.Name, Type: s.typ(), TypeModifier: -1})
		return &columnExpr{index: width + len(n.calls) - 1, t: s.typ(), name: exprText(s)}
	}
	k.over = make([]expr, len(k.exprs))
	for i, x := range k.exprs {
		k.over[i] = take(x)
	}
	return n
}

// groupSets returns the grouping sets that an element of GROUP BY stands for.
func (a *analyzer) groupSets(c *coreQuery, k *groupKeys, at map[fingerprint]int, e parse.Expr) ([][]int, error) {
	g, ok := e.(*parse.GroupingSet)
	if !ok {
		set, err := a.groupSet(c, k, at, e)
		return [][]int{set}, err
	}
	var items [][][]int // of each item: its sets
	for _, item := range g.Items {
		sets, err := a.groupSets(c, k, at, item)
		if err != nil {
			return nil, err
		}
		items = append(items, sets)
	}
	var out [][]int
	switch g.Kind {
	case parse.GroupingEmpty:
		return [][]int{nil}, nil
	case parse.GroupingSets:
		return slices.Concat(items...), nil
	case parse.GroupingRollup:
		for n := len(items); n >= 0; n-- {
			var set []int
			for _, item := range items[:n] {
				set = append(set, item[0]...)
			}
			out = append(out, set)
		}
		return out, nil
	}
	if len(items) > 12 {
		return nil, a.fail(errf(codeTooManyColumns, "CUBE is limited to 12 elements"), e)
	}
	for mask := 1<<len(items) - 1; mask >= 0; mask-- {
		var set []int
		for i, item := range items {
			if mask>>(len(items)-1-i)&1 != 0 {
				set = append(set, item[0]...)
			}
		}
		out = append(out, set)
	}
	return out, nil
}

// groupSet returns the numbers of the expressions that a plain element, or a list in parentheses, groups by.
func (a *analyzer) groupSet(c *coreQuery, k *groupKeys, at map[fingerprint]int, e parse.Expr) (set []int, err error) {
	list := []parse.Expr{e}
	if row, ok := e.(*parse.Row); ok && !row.Explicit {
		list = row.Elems
	}
	for _, e := range list {
		x, err := a.groupKey(c, e)
		if err == nil {
			err = a.sortable(e, x, "equality")
		}
		if err == nil && givesRecords(x) {
			err = a.unsupported(e, "a set-returning function that returns records in GROUP BY is")
		}
		if err != nil {
			return nil, err
		}
		print := a.prints.of(x)
		i, known := at[print]
		if !known {
			i = len(k.exprs)
			at[print] = i
			k.exprs = append(k.exprs, x)
		}
		set = append(set, i)
	}
	return set, nil
}

// givesRecords reports whether a set-returning function in e has rows of several columns.
func givesRecords(e expr) bool {
	found := false
	walk(e, func(x expr) {
		s, ok := x.(*seriesExpr)
		found = found || ok && len(s.call.Func.Columns) > 0
	})
	return found
}

func setConst(i int) expr { return &constExpr{d: value.NewInt(value.Int4, int64(i))} }

// groupingCall analyzes GROUPING (…).
func (a *analyzer) groupingCall(s *scope, e *parse.Call) (expr, error) {
	if !mayAggregate(a.clause) {
		return nil, a.fail(errf(codeGrouping, "grouping operations are not allowed in %s", clauseNames[a.clause]), e)
	}
	if len(e.Args) > 31 {
		return nil, a.fail(errf("54023", "GROUPING must have fewer than 32 arguments"), e)
	}
	g := &groupingExpr{}
	for _, arg := range e.Args {
		x, err := a.exprIn(s, arg, a.clause)
		if err == nil {
			x, err = a.coerceText(x)
		}
		if err == nil && hasSeries(x) {
			err = a.fail(errf(codeUnsupported, "aggregate function calls cannot contain set-returning function calls"), arg)
		}
		if err != nil {
			return nil, err
		}
		g.args = append(g.args, x)
	}
	return g, nil
}

// groupingValue is what GROUPING gives over an aggregation.
func (r *regrouping) groupingValue(e *groupingExpr) expr {
	masks := make([]int, len(r.keys.sets))
	for bit, x := range e.args {
		i, ok := r.groups[r.a.prints.of(x)]
		if !ok {
			if r.err == nil {
				r.err = errf(codeGrouping, "arguments to GROUPING must be grouping expressions of the associated query level")
			}
			return e
		}
		for n, set := range r.keys.sets {
			if !slices.Contains(set, i) {
				masks[n] |= 1 << (len(e.args) - 1 - bit)
			}
		}
	}
	c := &caseExpr{t: value.Int4, els: setConst(masks[0])}
	number := &columnExpr{index: len(r.keys.exprs), t: value.Int4, name: "set"}
	for n, mask := range masks[1:] {
		is, err := r.a.apply(nil, "=", number, setConst(n+1))
		if err != nil {
			panic("query: int4 has no equality")
		}
		c.conds, c.results = append(c.conds, is), append(c.results, setConst(mask))
	}
	if len(c.conds) == 0 {
		return c.els
	}
	return c
}
