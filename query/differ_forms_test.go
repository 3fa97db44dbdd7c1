package query_test

import (
	"fmt"
	"strings"
)

// form returns a query of one of the forms that statement's other branches do not make.
func (g *generator) form() string {
	switch g.r.IntN(17) {
	case 0:
		return g.distinctOn()
	case 1:
		return g.recursive()
	case 2:
		return g.shared()
	case 3:
		return g.nestedSets()
	case 4:
		return g.orderedSets()
	case 5:
		return g.rowValues()
	case 6:
		return g.semiJoin()
	case 7:
		return g.lateral()
	case 8:
		return g.groupingSets()
	case 9:
		return g.rangeFrame()
	case 10:
		return g.ties()
	case 11, 12:
		return g.unnested()
	case 13, 14, 15:
		return g.scalars()
	}
	return g.totalWindow()
}

// rows returns a query of an int a and a text b to stand in FROM.
func (g *generator) rows(name string) string { return fmt.Sprintf("(%s) as %s(a, b)", g.plain(), name) }

// abOf are the columns of rows.
func abOf(name string) []genColumn { return []genColumn{{name + ".a", "int"}, {name + ".b", "text"}} }

func (g *generator) direction() string {
	return g.pick("", "", " desc", " nulls first", " desc nulls last")
}

// distinctOn keeps the first row of each key; rows that are equal in all that is selected cannot be told apart.
func (g *generator) distinctOn() string {
	q := g.rows("q")
	return fmt.Sprintf("select distinct on (%[1]s) q.a, q.b from %[2]s order by %[1]s%[3]s, q.a%[4]s, q.b%[5]s",
		g.pick("q.a", "q.b", "q.a is null", "length(q.b)"), q, g.direction(), g.direction(), g.direction())
}

func (g *generator) recursive() string {
	first := g.plain()
	src, cols := g.table()
	cond := "r.d < 3"
	if g.chance(60) {
		cond += " and " + g.condition(append(cols, genColumn{"r.n", "int"}, genColumn{"r.s", "text"}))
	}
	join := "from r"
	if c := g.column(cols, "int"); c != "" {
		join = fmt.Sprintf("from r %s join %s on %s = r.n", g.pick("", "left"), src, c)
	} else {
		cond = "r.d < 3"
	}
	step := g.pick("r.n + 1", "r.n", "coalesce(r.n, 0) - 1")
	return fmt.Sprintf("with recursive r(n, s, d) as (select a, b, 1 from (%s) as q(a, b) union %s select %s, r.s, r.d + 1 %s where %s) select %s from r",
		first, g.pick("", "all"), step, join, cond, g.pick("n, s, d", "count(*), max(n), min(s), max(d)", "distinct n, d"))
}

// shared uses a query of WITH twice.
func (g *generator) shared() string {
	q := g.plain()
	both := append(abOf("x"), abOf("y")...)
	return fmt.Sprintf("with q(a, b) as %s (%s) select x.a, y.b, %s as c from q x %s join q y on x.a = y.a%s where %s",
		g.pick("", "materialized", "not materialized"), q, g.expr(both, "int"), g.pick("", "left", "full"), g.pick("", " and x.b = y.b"), g.condition(both))
}

// nestedSets combines set operations; where there is a LIMIT, the order is total.
func (g *generator) nestedSets() string {
	op := func() string {
		return g.pick("union", "union all", "intersect", "except", "intersect all", "except all")
	}
	sql := fmt.Sprintf("(%s) %s ((%s) %s (%s))", g.plain(), op(), g.plain(), op(), g.plain())
	if g.chance(50) {
		sql = fmt.Sprintf("((%s) %s (%s)) %s (%s)", g.plain(), op(), g.plain(), op(), g.plain())
	}
	if g.chance(50) {
		sql += fmt.Sprintf(" order by 1%s, 2%s limit %d offset %d", g.direction(), g.direction(), g.r.IntN(6), g.r.IntN(4))
	}
	return sql
}

func (g *generator) orderedSets() string {
	from, cols := g.from(nil)
	key := g.pick("true", "1 + 0")
	if c := g.column(cols, g.pick("int", "text")); c != "" {
		key = c
	}
	arg := g.expr(cols, g.pick("int", "int", "text"))
	call := g.pick("percentile_disc(0.3) within group (order by "+arg+g.direction()+")", "mode() within group (order by "+arg+g.direction()+")",
		"percentile_disc(array[0, 0.5, null, 1]) within group (order by "+arg+")", "array_agg("+arg+" order by "+arg+g.direction()+")",
		"percentile_cont(0.25) within group (order by "+g.expr(cols, "int")+")",
		"string_agg(distinct "+g.expr(cols, "text")+", '-')", "bit_xor("+g.expr(cols, "int")+")", "every("+g.condition(cols)+")",
		"sum(distinct "+g.expr(cols, "int")+")", "max("+g.expr(cols, "text")+")", "count("+arg+")")
	filter := ""
	if g.chance(40) && !strings.HasPrefix(call, "string_agg") {
		filter = " filter (where " + g.condition(cols) + ")"
	}
	return fmt.Sprintf("select %[1]s as k, %[2]s%[3]s as v, count(*) from %[4]s group by %[1]s", key, call, filter, from)
}

// rowValues compares rows with lists, with queries and with one another.
func (g *generator) rowValues() string {
	q := g.rows("q")
	cols := abOf("q")
	row := func() string { return fmt.Sprintf("(%s, %s)", g.expr(cols, "int"), g.expr(cols, "text")) }
	in := func() string {
		return fmt.Sprintf("select * from %s where %s", g.rows("p"), g.condition(append(cols, abOf("p")...)))
	}
	cond := ""
	switch g.r.IntN(6) {
	case 0:
		cond = fmt.Sprintf("%s %s (%s)", row(), g.pick("in", "not in", "= any", "<> all", "< any", ">= all"), in())
	case 1:
		cond = fmt.Sprintf("%s %s (%s, %s)", row(), g.pick("in", "not in"), row(), row())
	case 2:
		cond = fmt.Sprintf("%s %s (select max(p.a), min(p.b) from %s)", row(), g.pick("=", "<", ">=", "<>"), g.rows("p"))
	case 3:
		cond = fmt.Sprintf("%s is %s distinct from %s", row(), g.pick("", "not"), row())
	case 4:
		cond = fmt.Sprintf("%s is %s null", row(), g.pick("", "not"))
	default:
		cond = fmt.Sprintf("%s %s between %s %s and %s", g.expr(cols, "int"), g.pick("", "not"), g.pick("", "symmetric"), g.expr(cols, "int"), g.expr(cols, "int"))
	}
	return fmt.Sprintf("select q.a, q.b, (%s) as c from %s%s", cond, q, g.pick("", " where "+cond))
}

// semiJoin has EXISTS and IN over queries that refer to the row by equalities, as analysts write them.
func (g *generator) semiJoin() string {
	q, p := g.rows("q"), g.rows("p")
	both := append(abOf("q"), abOf("p")...)
	link := g.pick("p.a = q.a", "q.a = p.a and p.b = q.b", "p.a = q.a + 1", "p.a = q.a and p.b <> q.b", "p.b = q.b and "+g.condition(both), "length(p.b) = q.a",
		"p.a = q.a and p.b is not distinct from q.b")
	cond := ""
	switch g.r.IntN(4) {
	case 0:
		cond = fmt.Sprintf("%s exists (select %s from %s where %s)", g.pick("", "not"), g.pick("1", "*", "p.b"), p, link)
	case 1:
		cond = fmt.Sprintf("q.a %s (select p.a from %s where %s)", g.pick("in", "not in"), p, g.pick("true", "p.a is not null", "p.b = q.b", link))
	case 2:
		cond = fmt.Sprintf("(select count(*) from %s where %s) %s 1", p, link, g.pick("=", ">", "<"))
	default:
		cond = fmt.Sprintf("(q.a, q.b) %s (select p.a, p.b from %s where %s)", g.pick("in", "not in"), p, g.pick("true", link))
	}
	if g.chance(30) {
		cond = fmt.Sprintf("(%s or %s)", cond, g.condition(abOf("q")))
	}
	if g.chance(30) {
		cond += " and " + g.condition(abOf("q"))
	}
	return fmt.Sprintf("select q.a, q.b from %s where %s", q, cond)
}

// totalWindow calls functions over windows whose order is that of all columns.
func (g *generator) totalWindow() string {
	q := g.rows("q")
	cols := abOf("q")
	call := g.pick("row_number()", "ntile(3)", "lag(q.a)", "lead(q.a, 2, 0)", "lag(q.b, 1, 'z')", "first_value(q.b)", "last_value(q.a)", "nth_value(q.a, 2)",
		"sum(q.a)", "array_agg(q.a)", "string_agg(q.b, '')", "count(*) filter (where "+g.condition(cols)+")", "max(q.b) filter (where "+g.condition(cols)+")",
		"avg(q.a)", "rank()", "bool_or("+g.condition(cols)+")")
	frame := ""
	if g.chance(60) {
		bound := []string{"unbounded preceding", "2 preceding", "1 preceding", "current row", "1 following", "2 following", "unbounded following"}
		i := g.r.IntN(6)
		j := max(1, i+g.r.IntN(len(bound)-i))
		mode := g.pick("rows", "groups")
		frame = fmt.Sprintf(" %s between %s and %s%s", mode, bound[i], bound[j], g.pick("", " exclude current row", " exclude ties", " exclude group"))
	}
	part := g.pick("", "partition by q.b ", "partition by q.a > 1 ")
	return fmt.Sprintf("select q.a, q.b, %s over w as v, count(*) over (w%s) as n from %s window w as (%sorder by q.a%s, q.b%s)",
		call, frame, q, part, g.direction(), g.direction())
}
