package query_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// soaking returns how many random queries to ask, and the seed that they are of: few and always the same, or many with JURAT_SOAK.
func soaking(t *testing.T, few, many int) (n int, seed uint64) {
	n, seed = few, 1
	if soak := os.Getenv("JURAT_SOAK"); soak != "" {
		n, seed = many, rand.Uint64()
		if again, err := strconv.ParseUint(soak, 10, 64); err == nil && again > 1 {
			seed = again
		}
	}
	t.Logf("seed %d", seed)
	return n, seed
}

// TestDiffer compares what random queries give with what they give in PostgreSQL 15 over a copy of the tables: rows, types,
// names of columns and SQLSTATEs. With JURAT_SOAK set there are far more, of a seed that differs each time; a number above 1 in it
// is the seed.
func TestDiffer(t *testing.T) {
	d := newTwin(t)
	n, seed := soaking(t, 250, 10_000)
	g := &generator{r: rand.New(rand.NewPCG(seed, 0))}
	answered := 0
	for range n {
		sql := g.statement()
		ours := d.ours(t.Context(), sql)
		if ours.code == "53200" { // the test's limit of memory is low
			continue
		}
		theirs := d.theirs(sql)
		switch theirs.code {
		case "57014", "XX000", "0A000": // it takes PostgreSQL too long, it finds no plan, or it cannot make such a FULL JOIN
			continue
		}
		if (ours.code == "21000") != (theirs.code == "21000") { // the plan decides which subqueries are computed
			continue
		}
		if diff := ours.differs(theirs, false); diff != "" {
			t.Errorf("%s\n%s", sql, diff)
		}
		if ours.code == "" {
			answered++
		}
	}
	if answered < n/2 {
		t.Errorf("%d of %d queries were answered: the rest compares errors alone", answered, n)
	}
}

// A generator makes random queries. Their results do not depend on the order in which rows happen to come.
type generator struct {
	r     *rand.Rand
	depth int
	names int
	fails bool // expressions may fail for some rows
}

// A genColumn is a column that an expression may name.
type genColumn struct{ name, kind string }

// sources are tables by their columns; n and s have nulls and duplicates.
var sources = []struct {
	from string
	cols []genColumn
}{
	{"(values (1, 'a', true), (2, 'b', false), (2, null, null), (null, 'a', true), (5, 'c', false), (-3, '', null))", []genColumn{{"n", "int"}, {"s", "text"}, {"f", "bool"}}},
	{"(values (2, 'b'), (3, 'a'), (null, null), (2, 'x'))", []genColumn{{"n", "int"}, {"s", "text"}}},
	{"(values (1.5, 1), (2.0, 2), (null, 3), (2.00, null))", []genColumn{{"m", "numeric"}, {"n", "int"}}},
	{"(values (2, B'1'), (1, B'01'), (null, B'10'), (2, null), (3, B''), (2, B'0100000001'), (1, B'1'))", []genColumn{{"n", "int"}, {"v", "bits"}}},
	{"(select round, lane, agency from hashes order by digest limit 7)", []genColumn{{"t", "time"}, {"s", "text"}, {"s2", "text"}}},
	{"(select round, leaves::int, slots::int from rounds)", []genColumn{{"t", "time"}, {"n", "int"}, {"n2", "int"}}},
}

func (g *generator) pick(list ...string) string { return list[g.r.IntN(len(list))] }

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

// table returns an element of FROM and its columns.
func (g *generator) table() (string, []genColumn) {
	g.names++
	name := fmt.Sprintf("t%d", g.names)
	src := sources[g.r.IntN(len(sources))]
	var names []string
	var cols []genColumn
	for _, c := range src.cols {
		names = append(names, c.name)
		cols = append(cols, genColumn{name + "." + c.name, c.kind})
	}
	return fmt.Sprintf("%s as %s(%s)", g.wrapped(src.from, strings.Join(names, ", ")), name, strings.Join(names, ", ")), cols
}

// wrapped may put a table into a subquery with the same rows, or each of them once or twice, below which conditions of the query
// around can go or not.
func (g *generator) wrapped(from, names string) string {
	if g.chance(60) {
		return from
	}
	return "(" + fmt.Sprintf(g.pick("select distinct %[2]s from %[1]s w(%[2]s)", "select %[2]s from %[1]s w(%[2]s) group by %[2]s",
		"select %[2]s from %[1]s w(%[2]s) union all select %[2]s from %[1]s v(%[2]s)", "select * from %[1]s w(%[2]s) order by %[2]s",
		"select %[2]s from %[1]s w(%[2]s) union select %[2]s from %[1]s v(%[2]s)", "select %[2]s from %[1]s w(%[2]s) except select null, %[3]s from %[1]s v(%[2]s)",
		"with w(%[2]s) as (select * from %[1]s v) select * from w", "with w(%[2]s) as (select * from %[1]s v) select w.* from w join w v using (%[2]s)",
		"select distinct on (%[4]s) %[2]s from %[1]s w(%[2]s) order by %[2]s", "select %[2]s from %[1]s w(%[2]s) order by %[2]s limit 3",
		"select %[2]s from (select *, count(*) over (partition by %[4]s) as c from %[1]s w(%[2]s)) w where c > 1",
		"select %[2]s from %[1]s w(%[2]s) group by rollup (%[2]s)"), from, names, names[strings.Index(names, ",")+2:], names[:strings.Index(names, ",")]) + ")"
}

// from returns a FROM clause and its columns; outer are those of the rows around, which LATERAL and conditions may use.
func (g *generator) from(outer []genColumn) (string, []genColumn) {
	sql, cols := g.table()
	for g.chance(45) && len(cols) < 8 {
		if g.depth < 2 && g.chance(30) {
			g.names++
			name := fmt.Sprintf("l%d", g.names)
			sub := g.query(append(cols[:len(cols):len(cols)], outer...), "int", false)
			sql += fmt.Sprintf(" %s join lateral (%s) as %s(v) on %s", g.pick("", "left"), sub, name, g.pick("true", name+".v > 0"))
			cols = append(cols, genColumn{name + ".v", "int"})
			continue
		}
		right, more := g.table()
		both := append(cols[:len(cols):len(cols)], more...)
		on := "true"
		for _, kind := range []string{"int", "time"} {
			if a, b := g.column(cols, kind), g.column(more, kind); a != "" && b != "" {
				on = a + " = " + b
			}
		}
		kind := g.pick("", "left", "right", "full")
		if kind != "full" && g.chance(30) {
			on += " and " + g.condition([][]genColumn{both, cols, more}[g.r.IntN(3)])
		}
		sql += fmt.Sprintf(" %s join %s on %s", kind, right, on)
		cols = both
	}
	return sql, cols
}

// column returns a column of a kind, "" if there is none.
func (g *generator) column(cols []genColumn, kind string) string {
	var of []string
	for _, c := range cols {
		if c.kind == kind {
			of = append(of, c.name)
		}
	}
	if len(of) == 0 {
		return ""
	}
	return g.pick(of...)
}

// expr returns an expression of a kind.
func (g *generator) expr(cols []genColumn, kind string) string {
	if c := g.column(cols, kind); c != "" && g.chance(60) {
		return c
	}
	g.depth++
	defer func() { g.depth-- }()
	deep := g.depth > 3
	switch kind {
	case "int":
		if deep {
			return g.pick("0", "1", "2", "null::int")
		}
		if c := g.column(cols, "int"); c != "" && g.fails && g.chance(30) {
			return fmt.Sprintf("(%s %s (%s - 1))", g.pick("10", "60"), g.pick("/", "%"), c)
		}
		switch g.r.IntN(8) {
		case 7:
			return fmt.Sprintf(g.pick("length(%s)", "bit_count(%s)::int", "position(B'1' in %s)", "substring(%s || B'01011' for 9)::int"), g.expr(cols, "bits"))
		case 0:
			return fmt.Sprintf("(%s %s %s)", g.expr(cols, "int"), g.pick("+", "-", "*"), g.expr(cols, "int"))
		case 1:
			return fmt.Sprintf("coalesce(%s, %s)", g.expr(cols, "int"), g.expr(cols, "int"))
		case 2:
			return fmt.Sprintf("case when %s then %s else %s end", g.condition(cols), g.expr(cols, "int"), g.expr(cols, "int"))
		case 3:
			return "(" + g.query(cols, "int", true) + ")"
		case 4:
			return fmt.Sprintf("length(%s)", g.expr(cols, "text"))
		case 5:
			return fmt.Sprintf("nullif(%s, %s)", g.expr(cols, "int"), g.pick("1", "2"))
		}
		return g.pick("0", "1", "2", "-1", "7")
	case "bits":
		if deep {
			return g.pick("B'1'", "null::varbit", "X'5'")
		}
		if g.chance(30) {
			return fmt.Sprintf(g.pick("(%s)::bit(4)", "(%s)::bit(40)", "(%s)::bigint::bit(65)"), g.expr(cols, "int"))
		}
		return fmt.Sprintf(g.pick("~(%s)", "(%s << 1)", "(%s >> 1)", "(%s || B'01')", "substring(%s from 2)", "overlay(%s placing B'1' from 1)", "(%s)::bit(3)", "(%s)::varbit(2)",
			"((%s)::bit(3) & B'101')", "((%s)::bit(70) # bit_length(B'1')::bit(70))"), g.expr(cols, "bits"))
	case "numeric":
		return g.pick("1.5", "0.10", "null::numeric")
	case "bool":
		return "(" + g.condition(cols) + ")"
	case "time":
		return "timestamptz '2026-11-22 01:15:33+00'"
	}
	if deep {
		return g.pick("'a'::text", "''::text")
	}
	return g.pick("'a'::text", "'b'::text", "null::text", "upper("+g.expr(cols, "text")+")", "("+g.expr(cols, "text")+" || 'x')")
}

// condition returns a condition.
func (g *generator) condition(cols []genColumn) string {
	g.depth++
	defer func() { g.depth-- }()
	kind := g.pick("int", "int", "text", "bool", "numeric", "time", "bits")
	a := g.expr(cols, kind)
	if g.depth > 3 {
		return a + " is not null"
	}
	switch g.r.IntN(9) {
	case 0:
		return a + " is null"
	case 1:
		return fmt.Sprintf("(%s %s %s)", g.condition(cols), g.pick("and", "or"), g.condition(cols))
	case 2:
		return "not (" + g.condition(cols) + ")"
	case 3:
		return fmt.Sprintf("%s exists (%s)", g.pick("", "not"), g.query(cols, "int", false))
	case 4:
		return fmt.Sprintf("%s %s (%s)", g.expr(cols, "int"), g.pick("in", "not in", "= any", "> all", "< any"), g.query(cols, "int", false))
	case 5:
		return fmt.Sprintf("%s is %s distinct from %s", a, g.pick("", "not"), g.expr(cols, kind))
	case 6:
		return fmt.Sprintf("(%s, %s) %s (%s, %s)", a, g.expr(cols, "int"), g.pick("=", "<>", "<", ">="), g.expr(cols, kind), g.expr(cols, "int"))
	case 7:
		return fmt.Sprintf("%s in (%s, %s, null)", a, g.expr(cols, kind), g.expr(cols, kind))
	}
	return fmt.Sprintf("%s %s %s", a, g.pick("=", "<>", "<", "<=", ">"), g.expr(cols, kind))
}

// query returns a subquery of one column; single ones give one row.
func (g *generator) query(outer []genColumn, kind string, single bool) string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 3 {
		return "select " + g.pick("1", "2", "null::int")
	}
	from, cols := g.from(outer)
	all := append(cols[:len(cols):len(cols)], outer...)
	where := ""
	if g.chance(70) {
		where = " where " + g.condition(all)
	}
	if single {
		return fmt.Sprintf("select %s from %s%s", g.pick("count(*)::int", "max("+g.expr(cols, "int")+")", "min("+g.expr(all, "int")+") + 1"), from, where)
	}
	return fmt.Sprintf("select %s from %s%s", g.expr(all, kind), from, where)
}

// statement returns a whole query.
func (g *generator) statement() string {
	g.names, g.depth = 0, 0
	switch g.r.IntN(10) {
	case 9:
		return g.streamed()
	case 0:
		return g.grouped()
	case 1:
		return g.windowed()
	case 2, 3, 4, 5:
		return g.form()
	case 6:
		op := g.pick("union", "union all", "intersect", "except", "intersect all", "except all")
		return fmt.Sprintf("%s %s %s", g.plain(), op, g.plain())
	}
	return g.plain()
}

// plain returns a query of an int and a text.
func (g *generator) plain() string {
	from, cols := g.from(nil)
	where := ""
	if g.chance(70) {
		where = " where " + g.condition(cols)
	}
	return fmt.Sprintf("select %s%s as a, %s as b from %s%s", g.pick("", "", "distinct "), g.expr(cols, "int"), g.expr(cols, "text"), from, where)
}

func (g *generator) grouped() string {
	from, cols := g.from(nil)
	key := g.column(cols, g.pick("int", "text", "bits"))
	if key == "" {
		key = "1 + 0"
	}
	having := ""
	if g.chance(40) {
		having = " having " + g.pick("count(*) > 1", "max("+g.expr(cols, "int")+") is not null", "bool_or("+g.condition(cols)+")")
	}
	agg := g.pick("count(*)", "count(distinct "+g.expr(cols, "int")+")", "sum("+g.expr(cols, "int")+")", "avg("+g.expr(cols, "int")+")",
		"min("+g.expr(cols, "text")+")", "array_agg(distinct "+g.expr(cols, "int")+")", "percentile_disc(0.5) within group (order by "+g.expr(cols, "int")+")",
		"count(*) filter (where "+g.condition(cols)+")", "string_agg(distinct "+g.expr(cols, "text")+", ',')", "stddev("+g.expr(cols, "int")+")",
		g.pick("bit_and", "bit_or", "bit_xor", "count", "array_agg")+"(distinct ("+g.expr(cols, "int")+")::bit(5))")
	return fmt.Sprintf("select %s as k, %s as a from %s group by %s%s", key, agg, from, key, having)
}

func (g *generator) windowed() string {
	from, cols := g.from(nil)
	part := g.expr(cols, g.pick("int", "text", "bits"))
	key := g.expr(cols, "int")
	call := g.pick("count(*)", "sum("+g.expr(cols, "int")+")", "max("+g.expr(cols, "text")+")", "rank()", "dense_rank()", "cume_dist()",
		"percent_rank()", "min("+g.expr(cols, "int")+")", "avg("+g.expr(cols, "int")+")")
	frame := ""
	if g.chance(60) {
		start := g.pick("unbounded preceding", "1 preceding", "current row", "2 preceding")
		end := g.pick("current row", "1 following", "unbounded following", "2 following")
		frame = fmt.Sprintf(" %s between %s and %s %s", g.pick("range", "groups"), start, end, g.pick("", "", "exclude group", "exclude no others"))
	}
	return fmt.Sprintf("select %s as k, %s over (partition by %s order by %s %s%s) as w from %s", key, call, part, key, g.pick("", "desc", "nulls first"), frame, from)
}

// streamed returns a query of window functions over rows that come in the window's order, of partitions of all lengths. The order
// is total, so that frames of rows have one answer; k alone is not.
func (g *generator) streamed() string {
	desc := g.pick("", " desc")
	in := fmt.Sprintf("(select * from (select i / 4 as k, i, nullif(i %% 7, 3) as n, repeat('x', i %% 5) as s, i / %s as p from generate_series(1, %s) i) r order by p, k%s, i%s)",
		g.pick("1", "3", "50", "700", "5000"), g.pick("0", "40", "1500", "3000"), desc, desc)
	bound := func(following string) string {
		return g.pick("unbounded "+following, "current row", g.pick("0", "1", "3", "1200")+" "+following)
	}
	frame := g.pick("", fmt.Sprintf("rows between %s and %s", bound("preceding"), g.pick(bound("following"), "current row", "1 following")),
		"range between unbounded preceding and current row", "groups between current row and current row")
	var calls []string
	for range 1 + g.r.IntN(3) {
		call := g.pick("count(*) FILTER over w", "count(n) over w", "sum(n) FILTER over w", "avg(n) over w", "max(n) over w", "min(s) FILTER over w",
			"lag(n) over w", "lag(s, 3, 'none') over w", "lag(i, 1100) over w", "lead(n, 2) over w", "lead(i, -2, p) over w", "lag(n, n) over w",
			"row_number() over w", "first_value(n) over w", "last_value(s) over w", "nth_value(i, 2) over w", "sum(i) over w", "string_agg(s, ',') over w")
		calls = append(calls, strings.Replace(call, "FILTER", g.pick("", "filter (where n > 2)"), 1))
	}
	ranks := g.pick("", fmt.Sprintf(", rank() over r, dense_rank() over r, sum(n) over r, first_value(k) over r, last_value(k) over r, count(*) over (partition by p order by k%s range between 5 preceding and %s)",
		desc, g.pick("current row", "2 preceding")))
	return fmt.Sprintf("select p, i, %s%s from %s t window w as (partition by p order by k%s, i%s %s), r as (partition by p order by k%s) order by p, k%s, i%s%s",
		strings.Join(calls, ", "), ranks, in, desc, desc, frame, desc, desc, desc, g.pick("", " limit 20", " limit 5 offset 1100"))
}
