package query_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// TestPasses groups by keys of which there are several times more than the memory of a statement holds.
func TestPasses(t *testing.T) {
	l := querytest.New(start)
	l.Advance(8000 * time.Second)
	s, err := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 2 << 20}).Open(query.Login{User: "jurat", Database: "jurat"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(sql string) answer { return run(t.Context(), s, sql) }
	for _, c := range []struct{ sql, want string }{
		{"select count(*), sum(n), max(n), min(k) = min(least), max(k) = max(k) from (select second / 2 || repeat('x', 150) as k, count(*) as n, min(second / 2 || repeat('x', 150)) as least from calendar group by 1) s where n > 1",
			"4000 | 8000 | 2 | t | t"},
		{"select count(*), count(distinct n), sum(s - m - m - n + 1) from (select second / 2 as k, repeat('x', 150) as x, idle, count(*) as n, sum(second) as s, min(second) as m from calendar group by second / 2, x, idle) s where n = 2",
			"4000 | 1 | 0"},
		{"select count(*), sum(array_length(a, 1)) from (select second / 5 as k, array_agg(distinct repeat(second::text, 20) order by repeat(second::text, 20)) as a from calendar group by 1) s", "1600 | 8000"},
		{"select count(*), sum(n), bool_and(k = least) from (select second / 2 || repeat('x', 150) as k, count(*) as n, min(second / 2 || repeat('x', 150)) as least from calendar c where exists (select 1 from calendar d where d.second = c.second) group by 1) s",
			"4000 | 8000 | t"},
		{"select count(*), sum(n), bool_and(k = least) from (select c.second / 2 || repeat('x', 150) as k, count(d.second) as n, min(c.second / 2 || repeat('x', 150)) as least from calendar c left join calendar d on d.second = c.second + 4000 group by 1) s",
			"4000 | 4000 | t"},
	} {
		if a := ask(c.sql); a.err != nil || a.rows[0] != c.want {
			t.Errorf("%s: %v %v, want %s", c.sql, a.rows, a.err, c.want)
		}
		a := ask("explain (analyze, timing off) " + c.sql)
		_, passes, _ := strings.Cut(strings.Join(a.rows, " "), "Passes: ")
		n := 0
		if fmt.Sscan(passes, &n); n < 3 || n > 9 { // which keys are in a pass differs from process to process
			t.Errorf("%d passes: %q %v", n, a.rows, a.err)
		}
	}
	for _, sql := range []string{
		"select second % 3, array_agg(repeat(second::text, 50)) from calendar group by 1",            // few groups fill the memory
		"select repeat(second || random()::text, 20), count(*) from calendar group by 1",             // each pass would see others
		"select array_agg(k) from (select repeat(second::text, 50) as k from calendar group by 1) s", // what the passes give does not fit
	} {
		if a := ask(sql); a.err == nil || a.err.Code != "53200" {
			t.Errorf("%s: %d rows, %v", sql, len(a.rows), a.err)
		}
	}
	if a := ask("select count(*) from calendar"); a.err != nil || a.rows[0] != "8000" {
		t.Error(a.rows, a.err)
	}
}
