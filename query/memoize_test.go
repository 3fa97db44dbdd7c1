package query_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/query"
)

// TestMemoizedLaterals compares lateral joins whose results are remembered, in much memory and in so little that they are forgotten again
// and again, with the same joins where each lateral side is executed for each row. JURAT_SOAK is as in TestDiffer.
func TestMemoizedLaterals(t *testing.T) {
	w := newWorld(t)
	w.fill(t)
	w.user(t, "jurat")
	w.engine.EachLateral(math.MaxInt)
	n, seed := soaking(t, 400, 20_000)
	g := &generator{r: rand.New(rand.NewPCG(seed, 0))}
	answered, used := 0, 0
	for range n {
		g.names, g.depth = 0, 0
		sql := g.lateral()
		if g.chance(50) {
			from, cols := g.from(nil)
			sql = fmt.Sprintf("select %s as a, l.* from %s, lateral (%s) l", g.expr(cols, "int"), from, g.query(cols, "int", g.chance(50)))
		}
		w.engine.RememberLaterals(0)
		want := run(t.Context(), w.current, sql)
		if want.err != nil {
			continue
		}
		answered++
		w.engine.RememberLaterals([]int{query.MemoPart, 1 << 11, 1 << 13}[g.r.IntN(3)])
		if got := run(t.Context(), w.current, sql); got.err != nil || !slices.Equal(got.rows, want.rows) {
			t.Errorf("%s\ngot  %s %v\nwant %s", sql, head(got.rows), got.err, head(want.rows))
		}
		plan := strings.Join(run(t.Context(), w.current, "explain (analyze, costs off, timing off) "+sql).rows, "\n")
		if head, _, _ := strings.Cut(plan, "\n"); !strings.HasSuffix(head, fmt.Sprintf(" (actual rows=%d loops=1)", len(want.rows))) {
			t.Errorf("%s\n%d rows, but %s", sql, len(want.rows), plan)
		}
		if regexp.MustCompile(`Cache Hits: [1-9]`).MatchString(plan) {
			used++
		}
	}
	t.Logf("%d answered, %d out of a memo", answered, used)
	if answered < n/2 || used < answered/4 {
		t.Errorf("of %d queries %d were answered and %d out of a memo", n, answered, used)
	}
}

// TestMemo tells what is remembered and what is not, and by how many executions.
func TestMemo(t *testing.T) {
	w := newWorld(t)
	w.engine.RememberLaterals(1)
	for _, c := range []struct{ sql, want, cache string }{
		{"select count(*), sum(c) from (select i % 7 as x from generate_series(1, 3000) i offset 0) a, lateral (select count(*) c from generate_series(1, a.x) v) l", "3000 | 8998", "Hits: 2993 Misses: 7 Evictions: 0"},
		// numbers that are equal, but not the same
		{"select string_agg(l.s, ' ') from (values (1.0), (1.00), (null), (1.0), (null)) a(x), lateral (select coalesce(a.x::text, '-') as s offset 0) l", "1.0 1.00 - 1.0 -", "Hits: 2 Misses: 3 Evictions: 0"},
		// a volatile function is called for each row
		{"select count(distinct r) from (select i % 2 as x from generate_series(1, 50) i offset 0) a, lateral (select random() + a.x as r offset 0) l", "50", ""},
		{"select count(distinct r) from (select i % 2 as x from generate_series(1, 50) i offset 0) a, lateral (select (select random() + a.x) as r where a.x < 2 offset 0) l", "50", ""},
		// what is left off in the middle is not remembered as if it were all
		{"select count(*) from (select i % 2 as x from generate_series(1, 6) i offset 0) a, lateral (select v from generate_series(1, 3000 + a.x) v limit 2000 + a.x) l", "12003", "Hits: 4 Misses: 2 Evictions: 0"},
		// nothing comes twice
		{"select sum(c) from generate_series(1, 5000) a(x), lateral (select count(*) c from (values (1)) v(y) where y <= a.x) l", "5000", "Hits: 0 Misses: 1024 Evictions: 1023"},
		// what does not fit is given, and remembered no more
		{"select sum(length(s)) from (select i % 20 as x from generate_series(1, 60) i offset 0) a, lateral (select repeat('x', 600000 + a.x) as s offset 0) l", "36000570", "Hits: 0 Misses: 1 Evictions: 0"},
	} {
		if a := run(t.Context(), w.current, c.sql); a.err != nil || a.rows[0] != c.want {
			t.Errorf("%s\ngot  %v %v\nwant %s", c.sql, a.rows, a.err, c.want)
		}
		a := run(t.Context(), w.current, "explain (analyze, timing off) "+c.sql)
		cache := strings.Join(regexp.MustCompile(`(Hits|Misses|Evictions): \d+`).FindAllString(strings.Join(a.rows, "\n"), -1), " ")
		if cache != c.cache {
			t.Errorf("%s\ngot  %s\nwant %s", c.sql, cache, c.cache)
		}
	}
	if used := w.engine.QueryMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are still in use", used)
	}
}

// TestMemoWithoutMemory remembers while there is memory, and answers when there is none left.
func TestMemoWithoutMemory(t *testing.T) {
	w := newWorld(t)
	w.engine.RememberLaterals(1) // all of the statement's
	sql := "select count(*), sum(length(s)) from (select i % 200 + least(i, 2) - 2 as x from generate_series(1, 600) i offset 0) a, lateral (select repeat('x', 100000 + a.x) as s offset 0) l"
	if a := run(t.Context(), w.current, sql); a.err != nil || a.rows[0] != "600 | 60059699" {
		t.Error(a.rows, a.err)
	}
}

// TestRememberedSubqueries remembers what a subquery gives for as many rows as there is memory for, and answers for all.
func TestRememberedSubqueries(t *testing.T) {
	w := newWorld(t)
	sql := "select count(*), sum(length((select repeat('x', 100000 + x) offset 0))) from (select i % 300 as x from generate_series(1, 600) i offset 0) a"
	if a := run(t.Context(), w.current, sql); a.err != nil || a.rows[0] != "600 | 60089700" {
		t.Error(a.rows, a.err)
	}
}
