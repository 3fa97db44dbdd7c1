package query_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// lateral joins a table with lateral subqueries that only filter and compute.
func (g *generator) lateral() string {
	from, cols := g.table()
	for range 1 + g.r.IntN(3) {
		g.names++
		name := fmt.Sprintf("l%d", g.names)
		sub := fmt.Sprintf("lateral (%s) as %s(v, w, k)", g.lateralQuery(cols), name)
		own := []genColumn{{name + ".v", "int"}, {name + ".w", "text"}, {name + ".k", "int"}}
		all := append(cols[:len(cols):len(cols)], own...)
		switch kind := g.pick(",", " join", " left join", " left join", " left join"); {
		case kind == ",":
			from = g.pick(from+", "+sub, from+" cross join "+sub, from+" cross join "+sub, from+" cross join "+sub)
		case g.chance(60):
			from += kind + " " + sub + " on true"
		default:
			from += kind + " " + sub + " on " + g.pick(g.condition(all), g.equality(cols, own))
		}
		cols = all
		if g.chance(20) {
			right, more := g.table()
			from += g.pick(" join ", " left join ", " full join ") + right + " on " + g.equality(cols, more)
			cols = append(cols, more...)
		}
	}
	where := ""
	if g.chance(50) {
		where = " where " + g.pick(g.condition(cols), g.equality(cols, cols))
	}
	list := []string{g.expr(cols, "int") + " as a", g.expr(cols, "text") + " as b"}
	for _, c := range cols {
		if g.chance(60) {
			list = append(list, c.name)
		}
	}
	return fmt.Sprintf("select %s from %s%s", strings.Join(list, ", "), from, where)
}

// lateralQuery returns a query of two ints and, between them, a text, which has outer around it.
func (g *generator) lateralQuery(outer []genColumn) string {
	from, where, all := "", "", outer
	if g.chance(85) {
		right, more := g.table()
		from, where = " from "+right, " where "+g.equality(outer, more)
		all = append(all[:len(all):len(all)], more...)
		if g.chance(20) {
			third, others := g.table()
			from += g.pick(", ", " join ") + third
			if strings.Contains(from, " join ") && !strings.Contains(from, ", (") {
				from += " on " + g.equality(more, others)
			}
			all = append(all, others...)
		}
		if g.chance(40) {
			where += " and " + g.condition(all)
		}
		if g.chance(10) {
			where = " where " + g.condition(all) + " and " + where[len(" where "):]
		}
	}
	if from == "" && g.chance(30) {
		where = " where " + g.condition(outer)
	}
	q := fmt.Sprintf("select %s as v, %s as w, %s as k%s%s", g.expr(all, "int"), g.expr(all, "text"), g.pick("7", "null::int", g.expr(all, "int")), from, where)
	if g.chance(25) {
		g.names++
		name := fmt.Sprintf("i%d", g.names)
		inner := []genColumn{{name + ".v", "int"}, {name + ".w", "text"}, {name + ".k", "int"}}
		all = append(outer[:len(outer):len(outer)], inner...)
		q = fmt.Sprintf("select %s, %s, %s from (%s) as %s where %s", g.expr(all, "int"), g.expr(inner, "text"), g.expr(inner, "int"), q, name,
			g.pick(g.equality(outer, inner), g.condition(all), "true"))
	}
	return q
}

// equality sets a column of each of two lists equal, or what is computed of them, which may fail.
func (g *generator) equality(a, b []genColumn) string {
	if g.chance(10) {
		return g.expr(a, "int") + " = " + g.expr(b, "int")
	}
	for _, kind := range []string{g.pick("int", "text"), "int", "text", "time"} {
		if x, y := g.column(a, kind), g.column(b, kind); x != "" && y != "" {
			return g.pick(x+" = "+y, y+" = "+x)
		}
	}
	return "true"
}

// TestPulledLaterals compares lateral joins as they are executed with the same joins where each lateral side is executed for each row:
// those that fail for no row have to fail for none. JURAT_SOAK is as in TestDiffer.
func TestPulledLaterals(t *testing.T) {
	w := newWorld(t)
	w.fill(t)
	w.user(t, "jurat")
	n, seed := soaking(t, 1000, 30_000)
	g := &generator{r: rand.New(rand.NewPCG(seed, 0)), fails: true}
	answered, pulled := 0, 0
	for range n {
		g.names, g.depth = 0, 0
		sql := g.lateral()
		w.engine.EachLateral(math.MaxInt)
		want, each := run(t.Context(), w.current, sql), run(t.Context(), w.current, "explain "+sql)
		w.engine.EachLateral(g.r.IntN(4))
		if want.err != nil {
			continue
		}
		answered++
		if plan := run(t.Context(), w.current, "explain "+sql); !slices.Equal(plan.rows, each.rows) {
			pulled++
		}
		got := run(t.Context(), w.current, sql)
		if got.err != nil {
			t.Errorf("%s\n%v", sql, got.err)
			continue
		}
		slices.Sort(got.rows)
		slices.Sort(want.rows)
		if !slices.Equal(got.rows, want.rows) {
			t.Errorf("%s\ngot  %s\nwant %s", sql, head(got.rows), head(want.rows))
		}
	}
	t.Logf("%d answered, %d pulled up", answered, pulled)
	if answered < n/2 || pulled < answered/2 {
		t.Errorf("of %d queries %d were answered and %d pulled up", n, answered, pulled)
	}
}

// TestLateralWithoutMemory runs a lateral join whose lateral side, read as a whole, is larger than what a statement may take.
func TestLateralWithoutMemory(t *testing.T) {
	w := newWorld(t)
	w.engine.EachLateral(0)
	const right = "select b.x from generate_series(1, 180000) b(x) where b.x = a.x"
	if a := run(t.Context(), w.current, "select count(*) from generate_series(1, 3) a(x) join generate_series(1, 180000) b(x) on b.x = a.x"); a.err == nil || a.err.Code != "53200" {
		t.Fatal("a join has the memory:", a.err)
	}
	for _, sql := range []string{
		"select a.x, l.x from generate_series(1, 3) a(x), lateral (" + right + ") l",
		"select a.x, l.x from generate_series(1, 3) a(x) left join lateral (" + right + ") l on l.x = a.x",
		"select a.x, (select l.x from (values (a.x)) c(x), lateral (" + strings.ReplaceAll(right, "a.x", "c.x") + ") l) from generate_series(1, 3) a(x)",
	} {
		a := run(t.Context(), w.current, sql)
		if a.err != nil || strings.Join(a.rows, ", ") != "1 | 1, 2 | 2, 3 | 3" {
			t.Error(sql, a.rows, a.err)
		}
	}
	if used := w.engine.QueryMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are still in use", used)
	}
}

// TestLateralOfFew executes a lateral side for each of a few rows, and joins more.
func TestLateralOfFew(t *testing.T) {
	w := newWorld(t)
	for rows, want := range map[int]string{0: "Nested Loop", 32: "Nested Loop", 33: "Hash Join"} {
		a := run(t.Context(), w.current, fmt.Sprintf("explain analyze select l.x from generate_series(1, %d) a(x), lateral (select b.x from generate_series(1, 100) b(x) where b.x = a.x) l", rows))
		if plan := strings.Join(a.rows, "\n"); a.err != nil || !strings.Contains(plan, want) {
			t.Errorf("%d rows: %v\n%s", rows, a.err, plan)
		}
	}
}
