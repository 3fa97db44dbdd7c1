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
	plain bool // there is one set, of all expressions
}

// groupKeys analyzes GROUP BY.
func (a *analyzer) groupKeys(c *coreQuery) (*groupKeys, error) {
	k := &groupKeys{sets: [][]int{nil}, plain: true}
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
	k.plain = false
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

// setColumns are the columns, before those of the groups, that an aggregation over grouping sets has.
const (
	setNumber = iota // which set the row is of
	setFilled        // whether there was a row at all
	setColumns
)

// overSets makes g aggregate over several grouping sets: every row comes once for each set, with the number of the set and
// nulls for what the set does not have. An empty set has a row of its own even where there are no rows to group.
func (a *analyzer) overSets(g *aggregateNode, k *groupKeys) {
	width := len(g.in.columns())
	marked := &projectNode{in: g.in, exprs: columnsOf(g.in), cols: slices.Clone(g.in.columns())}
	marked.exprs = append(marked.exprs, &constExpr{d: value.NewBool(true)})
	marked.cols = append(marked.cols, Column{Name: "filled", Type: value.Bool, TypeModifier: -1})
	numbers := &valuesNode{cols: []Column{{Name: "set", Type: value.Int4, TypeModifier: -1}}}
	for i := range k.sets {
		numbers.rows = append(numbers.rows, []expr{setConst(i)})
	}
	g.in = &joinNode{l: marked, r: numbers, keepR: true, cols: append(slices.Clone(marked.cols), numbers.cols...)}
	filled := &testExpr{x: &columnExpr{index: width, t: value.Bool, name: "filled"}, test: testNull, not: true}
	number := &columnExpr{index: width + 1, t: value.Int4, name: "set"}
	g.groups = []expr{number, filled}
	for i, x := range k.over {
		c := &caseExpr{t: x.typ()}
		for n, set := range k.sets {
			if slices.Contains(set, i) {
				c.conds, c.results = append(c.conds, a.isSet(number, n)), append(c.results, x)
			}
		}
		g.groups = append(g.groups, c)
	}
}

func setConst(i int) expr { return &constExpr{d: value.NewInt(value.Int4, int64(i))} }

// isSet is the condition that a number is that of a set.
func (a *analyzer) isSet(number expr, n int) expr {
	x, err := a.apply(nil, "=", number, setConst(n))
	if err != nil {
		panic("query: int4 has no equality")
	}
	return x
}

// onlySets filters what an aggregation over grouping sets gives, and what the aggregates see: rows that stand for no row count
// for empty sets alone, and nowhere in an aggregate.
func (a *analyzer) onlySets(g *aggregateNode, k *groupKeys) node {
	filled := g.groups[setFilled]
	for i, agg := range g.aggs {
		c := *agg
		c.filter = filled
		if agg.filter != nil {
			c.filter = &logicExpr{op: opAnd, args: []expr{filled, agg.filter}}
		}
		g.aggs[i] = &c
	}
	keep := &logicExpr{op: opOr, args: []expr{&columnExpr{index: setFilled, t: value.Bool, name: "filled"}}}
	for n, set := range k.sets {
		if len(set) == 0 {
			keep.args = append(keep.args, a.isSet(&columnExpr{index: setNumber, t: value.Int4, name: "set"}, n))
		}
	}
	return &filterNode{in: g, where: []expr{keep}}
}

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
			if !r.keys.plain && !slices.Contains(set, i-setColumns) {
				masks[n] |= 1 << (len(e.args) - 1 - bit)
			}
		}
	}
	c := &caseExpr{t: value.Int4, els: setConst(masks[0])}
	for n, mask := range masks[1:] {
		c.conds = append(c.conds, r.a.isSet(&columnExpr{index: setNumber, t: value.Int4, name: "set"}, n+1))
		c.results = append(c.results, setConst(mask))
	}
	if len(c.conds) == 0 {
		return c.els
	}
	return c
}
