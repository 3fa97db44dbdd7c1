package query_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// TestGroupingSets groups by random sets and compares with PostgreSQL, with memory for all groups and with so little that they are made
// in passes, of a table that can be read again and of one that cannot.
func TestGroupingSets(t *testing.T) {
	const seconds = 6000
	l := querytest.New(start)
	l.Advance(seconds * time.Second)
	d := &twin{world: &world{}, pg: connectTwin(t)}
	var sessions []*query.Session
	for _, memory := range []int64{0, 2 << 20} {
		s, err := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: memory}).Open(query.Login{User: "jurat", Database: "jurat"})
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
	}
	first := run(t.Context(), sessions[0], "select min(second), count(*) from calendar")
	var from, count int
	if fmt.Sscanf(first.rows[0], "%d | %d", &from, &count); count != seconds {
		t.Fatal(first.rows, first.err)
	}
	d.must(t, fmt.Sprintf("create temporary table calendar as select %d + generate_series(0, %d)::int8 as second", from, seconds-1))
	n, seed := soaking(t, 60, 2000)
	g := &generator{r: rand.New(rand.NewPCG(seed, 0))}
	answered, passes := 0, 0
	for range n {
		sql := g.sets()
		theirs := d.theirs(sql)
		for i, s := range sessions {
			d.current = s
			ours := d.ours(t.Context(), sql)
			if i > 0 && ours.code == "53200" {
				continue
			}
			answered++
			if diff := ours.differs(theirs, false); diff != "" {
				t.Errorf("%s\n%.1000s", sql, diff)
			}
		}
		if passesOf(t.Context(), sessions[1], sql) > 1 {
			passes++
		}
	}
	t.Logf("%d of %d answered, %d in passes", answered, 2*n, passes)
	if answered < n*3/2 || passes < n/10 {
		t.Errorf("%d of %d answered, %d in passes", answered, 2*n, passes)
	}
}

// TestGroupingSetsInParts groups by several sets in parts and in one.
func TestGroupingSetsInParts(t *testing.T) {
	w := newWorld(t)
	w.ledger.Advance(200_000 * time.Second)
	for _, aggs := range []string{"count(*), sum(second), min(second::text), max(second) filter (where second % 2 = 1)", "max((second % 5)::numeric), avg(second)"} {
		sql := "select a, b, grouping(a, b), " + aggs + " from (select second / 50000 as a, second % 3 as b, second from calendar) c group by grouping sets (rollup (a, b), (b), (), (a, b)) order by 1, 2, 3"
		var answers [2]answer
		for i, helpers := range []string{"0", "2"} {
			run(t.Context(), w.current, "set max_parallel_workers_per_gather = "+helpers)
			answers[i] = run(t.Context(), w.current, sql)
			plan := run(t.Context(), w.current, "explain "+sql)
			if got := strings.Contains(strings.Join(plan.rows, "\n"), "Finalize HashAggregate"); got != (i > 0 && runtime.GOMAXPROCS(0) > 1) {
				t.Error(strings.Join(plan.rows, "\n"))
			}
		}
		if one, parts := answers[0], answers[1]; one.err != nil || len(one.rows) < 40 || !slices.Equal(one.rows, parts.rows) {
			t.Errorf("%s\nin one: %v %s\nin parts: %v %s", sql, one.err, head(one.rows), parts.err, head(parts.rows))
		}
	}
}

// passesOf returns how many passes a query takes, 0 if that is not shown.
func passesOf(ctx context.Context, s *query.Session, sql string) (n int) {
	_, passes, _ := strings.Cut(strings.Join(run(ctx, s, "explain (analyze, timing off) "+sql).rows, " "), "Passes: ")
	fmt.Sscan(passes, &n)
	return n
}

// sets returns a query that groups the seconds of the calendar by several sets.
func (g *generator) sets() string {
	keys := []string{g.pick("second % 3", "second % 700", "second / 2", "second"), g.pick("nullif(second % 5, 0)", "(second % 4)::text || repeat('x', 99)", "second % 2 = 0"),
		g.pick("second / 1000", "case when second % 7 > 1 then second / 3 end", "(second / 7)::text")}
	cols := []string{"a", "b", "c"}
	set := func() string {
		var list []string
		for _, c := range cols {
			if g.chance(50) {
				list = append(list, c)
			}
		}
		return "(" + strings.Join(list, ", ") + ")"
	}
	by := g.pick("rollup (a, b, c)", "cube (a, b)", "cube (b, c, a)", "a, rollup (b, c)", "rollup ((a, b), c), cube (b)", "rollup (c)")
	if g.chance(50) {
		by = "grouping sets (" + strings.Join([]string{set(), set(), set(), "(a, b, c)"}[:1+g.r.IntN(4)], ", ") + ")"
	}
	aggs := []string{"count(*)"}
	for g.chance(75) {
		aggs = append(aggs, g.pick("count(b)", "sum(s)", "sum((s % 100)::int4)", "avg(s % 10)", "min(s)", "max(c)", "min(s::text || repeat('y', 80))", "bool_and(s % 3 > 0)", "bit_xor(s)",
			"sum(s) filter (where s % 2 = 1)", "max((s % 9)::numeric / 3)"))
	}
	if g.chance(20) {
		aggs = append(aggs, g.pick("count(distinct s % 3)", "sum((s % 4)::numeric)", "array_agg(s order by s desc)", "sum(s::float8)"))
	}
	for _, c := range cols { // which some sets have and others do not, and some queries no set
		if strings.Contains(by, c) {
			aggs = append(aggs, c, "grouping("+c+")")
		}
	}
	table := fmt.Sprintf("(select %s as a, %s as b, %s as c, second as s from calendar%s) q", keys[0], keys[1], keys[2], g.pick("", "", " where second % 5 > 1", " where second < 0"))
	table += g.pick("", "", "", " join (values (1), (1)) v(x) on true", " where exists (select from calendar d where d.second = s + 100)", " cross join lateral (select s + 1) v(x)")
	return fmt.Sprintf("select %s from %s group by %s%s", strings.Join(aggs, ", "), table, by, g.pick("", "", " having count(*) > 2", " having grouping(c) = 0 or c is null"))
}
