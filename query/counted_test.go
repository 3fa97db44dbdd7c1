package query_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
	"github.com/jurat-ledger/jurat/query/value"
)

// A holder has a session hold something, the i-th time.
type holder struct {
	name  string
	times int
	do    func(t *testing.T, s *query.Session, i int)
}

func (h holder) all(t *testing.T, s *query.Session) {
	for i := range h.times {
		h.do(t, s, i)
	}
}

// ofSQL runs statements in which %d is the time.
func ofSQL(times int, sql string) holder {
	return holder{sql, times, func(t *testing.T, s *query.Session, i int) {
		if err := outcome(run(t.Context(), s, strings.ReplaceAll(sql, "%d", fmt.Sprint(i)))); err != nil {
			t.Fatal(err)
		}
	}}
}

// ofCursor opens cursors in a transaction and reads a row of each.
func ofCursor(times int, sql string) holder {
	h := ofSQL(times, "declare c%d cursor for "+sql+"; fetch 1 from c%d")
	return holder{"cursor " + sql, times, func(t *testing.T, s *query.Session, i int) {
		if i == 0 {
			run(t.Context(), s, "begin")
		}
		h.do(t, s, i)
	}}
}

// ofPortal opens portals and reads a row of each.
func ofPortal(times int, sql string) holder {
	return holder{"portal " + sql, times, func(t *testing.T, s *query.Session, i int) {
		name := fmt.Sprint("p", i)
		err := s.Parse(t.Context(), "", sql, nil)
		if err == nil {
			err = s.Bind(name, "", nil, nil)
		}
		var r *query.Result
		if err == nil {
			r, err = s.Execute(t.Context(), name)
		}
		if err == nil {
			_, _, err = r.Next(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}}
}

// ofText prepares statements.
func ofText(times int, sql string) holder {
	return holder{"prepared " + sql[:min(len(sql), 60)], times, func(t *testing.T, s *query.Session, i int) {
		if err := s.Parse(t.Context(), fmt.Sprint("s", i), fmt.Sprintf("%s --%d", sql, i), nil); err != nil {
			t.Fatal(err)
		}
	}}
}

// holders hold what waits for clients or is kept for them.
func holders() []holder {
	long, elements := strings.Repeat("x", 200<<10), "1"+strings.Repeat(",1", 100_000)
	return []holder{
		ofCursor(300, "select 1"),
		ofCursor(100, "select g from generate_series(1, 10000) g"),
		ofCursor(20, "select g from generate_series(1, 5000) g order by g desc"),
		ofCursor(5, "select g::text, count(*) from generate_series(1, 20000) g group by 1"),
		ofCursor(5, "select * from generate_series(1, 20000) g join generate_series(1, 20000) h on g = h"),
		ofCursor(5, "select * from (select g::text t from generate_series(1, 9000) g) g join (select h::text u from generate_series(1, 9000) h) h on t = u"),
		ofCursor(5, "with c as materialized (select g, g::text t from generate_series(1, 9000) g) select * from c union all select * from c"),
		ofCursor(2, "select x from (select md5(g::text) x from generate_series(1, 100000) g offset 0) y where x like 'ab%' order by x"),
		ofSQL(5, "declare c%d cursor with hold for select g::text from generate_series(1, 20000) g"),
		ofSQL(5, "declare c%d cursor with hold for select array[g, g] from generate_series(1, 9000) g"),
		ofSQL(5, "declare c%d cursor with hold for select row(g, g::text) from generate_series(1, 9000) g"),
		ofSQL(5, "declare c%d cursor with hold for select 1 --"+long),
		ofSQL(5, "prepare s%d as select 1 --"+long),
		ofPortal(300, "select 1"),
		ofPortal(100, "select g from generate_series(1, 2000) g order by g desc"),
		ofPortal(100, "select g::text from generate_series(1, 10000) g"),
		ofPortal(5, "select repeat('x', 3000000)"),
		ofPortal(1, "select signature from proofs"),
		ofPortal(1, "select 1"+strings.Repeat(", upper(x)", 20)+" from (select repeat('x', 1000) || g x from generate_series(1, 1024) g offset 0) y"),
		ofText(1000, "select 1"),
		ofText(300, "select * from hashes where digest = $1"),
		ofText(300, "insert into hashes (digest) values ($1)"),
		ofText(100, "select * from hashes h join proofs p on h.digest = p.digest where h.lane = $1 order by p.round limit 10"),
		ofText(20, "select * from pg_class a, pg_attribute b, pg_type c, pg_proc d, pg_class e"),
		ofText(10, "select 1 from pg_class a"+strings.Repeat(" cross join (select * from pg_class) b", 1)),
		ofText(20, "select '"+long+"'"),
		ofText(20, "select 1 --"+long),
		ofText(5, "select '{"+elements+"}'::int[]"),
		ofText(5, "select '["+elements+"]'::jsonb"),
		{"bound parameters", 20, func(t *testing.T, s *query.Session, i int) {
			if err := s.Parse(t.Context(), "", "select 1 where 1 = any($1) or $2"+strings.Repeat(" or $2", 500), nil); err != nil {
				t.Fatal(err)
			}
			array := value.NewVector(value.Int4, 50_000)
			if err := s.Bind(fmt.Sprint("p", i), "", []value.Datum{value.ArrayOf(array), value.NewBool(true)}, make([]int16, 1)); err != nil {
				t.Fatal(err)
			}
		}},
	}
}

// TestCounted: what sessions hold for their clients takes no more than a tenth above what is counted against the limits of memory. The
// shapes are those that took many times as much when little of them was counted.
func TestCounted(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	l.Sign = func(query.Leaf) []byte { return make([]byte, 5000) }
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 1 << 30})
	filed := run(t.Context(), openAs(t, e, "jurat"), "insert into hashes (digest) select sha256(g::text::bytea) from generate_series(1, 1000) g")
	if filed.err != nil {
		t.Fatal(filed.err)
	}
	l.Advance(5 * time.Second)
	for _, h := range holders() {
		s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
		if err != nil {
			t.Fatal(err)
		}
		run(t.Context(), s, "select 1")
		used, counted := heap(), s.Counted()
		h.all(t, s)
		took, said := int64(heap())-int64(used), s.Counted()-counted
		if most := said + said/10 + 64<<10; took > most {
			t.Errorf("%.90s: %d times take %d bytes, %d are counted", h.name, h.times, took, said)
		}
		t.Logf("%9d bytes, %9d counted, %.2f: %.90s", took, said, float64(took)/float64(said), h.name)
		s.Close()
		if used := e.QueryMemoryUsed(); used != 0 {
			t.Errorf("%.90s: %d bytes are granted to a session that is closed", h.name, used)
		}
	}
}

// TestManyCursors: all cursors and portals of a session together are bounded, and among all sessions', however little each takes.
func TestManyCursors(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 8 << 20, QueryMemory: 20 << 20})
	for _, sql := range []string{
		"begin; declare c%d cursor for select g from generate_series(1, 2000) g order by g desc; fetch 1 from c%d",
		"declare c%d cursor with hold for select g from generate_series(1, 10000) g",
	} {
		s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
		for i := 0; err == nil && i < 400; i++ { // of 100 kB each
			err = outcome(run(t.Context(), s, strings.ReplaceAll(sql, "%d", fmt.Sprint(i))))
		}
		wantCode(t, err, "53200")
		s.Close()
	}
	if used := e.QueryMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are granted to sessions that are closed", used)
	}
}

// TestFullSessionEnds: a session that holds all it may, to the last bytes, can still end its transaction and give up what it holds, in either
// protocol.
func TestFullSessionEnds(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 1 << 20})
	s := openAs(t, e, "jurat")
	fill := func() {
		for size := 512 << 10; size > 0; size /= 2 {
			for i := 0; s.Parse(t.Context(), fmt.Sprint(strings.Repeat("s", size), i), "select 1", nil) == nil; i++ {
			}
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	for _, sql := range []string{"begin", "rollback", "deallocate all"} {
		if a := run(t.Context(), s, sql); a.err != nil {
			t.Errorf("%s: %v", sql, a.err)
		}
	}
	fill()
	err := s.Parse(t.Context(), "", "deallocate all", nil)
	if err == nil {
		err = s.Bind("", "", nil, make([]int16, 1))
	}
	if err == nil {
		_, err = s.Execute(t.Context(), "")
	}
	if err != nil {
		t.Error(err)
	}
}

// TestFullPortal has a portal that the session has no memory for give no rows, then or later.
func TestFullPortal(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 4 << 20})
	s := openAs(t, e, "jurat")
	err := s.Parse(t.Context(), "big", "select 1 --"+strings.Repeat("s", 3500<<10), nil)
	if a := run(t.Context(), s, "begin"); err != nil || a.err != nil {
		t.Fatal(err, a.err)
	}
	if err = s.Parse(t.Context(), "q", "select repeat('x', 1000000)", nil); err == nil {
		err = s.Bind("p", "q", nil, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"53200", "25P02"} {
		if _, err := s.Execute(t.Context(), "p"); err == nil || err.(*query.Error).Code != want {
			t.Errorf("%v, want %s", err, want)
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
