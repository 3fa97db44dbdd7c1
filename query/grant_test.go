package query_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// giants are statements that want more memory or time than there is, each with the SQLSTATE that it must end with.
var giants = []struct{ sql, code string }{
	{"select length(repeat('x', 1000000000))", "54000"},
	{"select length(lpad('x', 1000000000, 'y'))", "54000"},
	{"select array_fill(1, array[100000000])", "54000"},
	{"select string_agg(repeat('x', 1000), ',') from generate_series(1, 100000000)", "53200"},
	{"select array_agg(repeat('x', 100)) from generate_series(1, 100000000)", "53200"},
	{"select * from generate_series(1, 100000000) order by 1 desc", "53200"},
	{"select g, count(*) from generate_series(1, 100000000) g group by g", "53200"},
	{"select distinct g from generate_series(1, 100000000) g", "53200"},
	{"select count(*) from generate_series(1, 20000000) a join generate_series(1, 20000000) b on a = b", "53200"},
	{"with recursive t as (select 'x' as n union all select n || n from t) select count(*) from t", "53200"},
	{"with recursive t as (select 1 as n union select n + 1 from t) select count(*) from t", "53200"},
	{"select sum(g) over (order by g) from generate_series(1, 100000000) g", "53200"},
	{"select to_char(1.5, repeat('9', 1000000))", "54000"},
	{"select to_char(now(), repeat('YYYY ', 1000000))", "54000"},
	{"select to_date('x', repeat('YYYY ', 1000000))", "54000"},
	{"select regexp_replace(repeat('a', 3000000), 'a', 'b', 'g')", "53200"},
	{"select regexp_count(repeat('a', 3000000), 'a')", "53200"},
	{"select regexp_split_to_table(repeat('a,', 3000000), ',')", "53200"},
	{"select regexp_split_to_array(repeat('a,', 3000000), ',')", "53200"},
	{"select regexp_matches(repeat('a', 3000000), 'a', 'g')", "53200"},
	{"select repeat('a', 4000000) ~ '(a{1,500}b?){1,2}c'", "54000"},
	{"select 10::numeric ^ 10000000", "22003"},
	{"select factorial(1000000)", "22003"},
}

// TestGiants runs statements that want too much, each alone and all at once, in many sessions: each ends with its SQLSTATE, or
// without memory where others have it, and all that they were granted is given back.
func TestGiants(t *testing.T) {
	t.Parallel()
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 8 << 20, QueryMemory: 20 << 20})
	for _, g := range giants {
		if code := giant(t, e, g.sql); code != g.code {
			t.Errorf("%s: %q, want %s", g.sql, code, g.code)
		}
		if used := e.QueryMemoryUsed(); used != 0 {
			t.Fatalf("%s: %d bytes are still granted", g.sql, used)
		}
	}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for k := range 5 { // those that take memory
				g := giants[3+(k+i)%9]
				if code := giant(t, e, g.sql); code != g.code && code != "53200" {
					t.Errorf("beside others: %s: %q, want %s", g.sql, code, g.code)
				}
				if used := e.QueryMemoryUsed(); used > 20<<20 {
					t.Errorf("%d bytes granted", used)
				}
			}
		})
	}
	wg.Wait()
	if used := e.QueryMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are still granted", used)
	}
}

// giant runs a statement in a session of its own and returns the SQLSTATE of its error.
func giant(t *testing.T, e *query.Engine, sql string) string {
	s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
	if err != nil {
		t.Error(err)
		return ""
	}
	defer s.Close()
	if a := run(t.Context(), s, sql); a.err != nil {
		return a.err.Code
	}
	return ""
}

// TestQueriesTogether: what all queries may have together is a limit of its own, and who has it while others get the error keeps
// it until its cursor is closed.
func TestQueriesTogether(t *testing.T) {
	t.Parallel()
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 8 << 20, QueryMemory: 10 << 20})
	const sorted = "select g from generate_series(1, 80000) g order by g desc"
	sessions := []*query.Session{openAs(t, e, "jurat"), openAs(t, e, "jurat"), openAs(t, e, "jurat")}
	var codes []string
	for _, s := range sessions {
		for _, sql := range []string{"begin", "declare c cursor for " + sorted, "fetch 1 from c"} {
			if a := run(t.Context(), s, sql); a.err != nil {
				codes = append(codes, a.err.Code)
			}
		}
	}
	if !slices.Equal(codes, []string{"53200"}) {
		t.Fatalf("of three cursors that two have room for: %q", codes)
	}
	for _, s := range sessions {
		if a := run(t.Context(), s, "rollback"); a.err != nil {
			t.Fatal(a.err)
		}
	}
	if used := e.QueryMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are still granted", used)
	}
	if a := run(t.Context(), sessions[2], "select count(*) from ("+sorted+") x"); a.err != nil {
		t.Error("there is room again:", a.err)
	}
}
