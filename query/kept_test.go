package query_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
	"github.com/jurat-ledger/jurat/query/value"
)

// A keeper has a session keep a megabyte or more, the i-th time.
type keeper struct {
	name string
	do   func(s *query.Session, i int) error
}

// namesKept are keepers by many names or long ones.
func namesKept(t *testing.T) []keeper {
	return []keeper{
		{"names of statements", func(s *query.Session, i int) error {
			return s.Parse(t.Context(), fmt.Sprint(strings.Repeat("s", 1<<20), i), "select 1", nil)
		}},
		{"names of portals", func(s *query.Session, i int) error {
			if err := s.Parse(t.Context(), "", "select 1", nil); err != nil {
				return err
			}
			return s.Bind(fmt.Sprint(strings.Repeat("p", 1<<20), i), "", nil, nil)
		}},
		{"small statements", func(s *query.Session, i int) error {
			for k := range 1000 {
				if err := s.Parse(t.Context(), fmt.Sprintf("s%d.%d", i, k), "select 1", nil); err != nil {
					return err
				}
			}
			return nil
		}},
		{"savepoints", func(s *query.Session, i int) error {
			if i == 0 {
				run(t.Context(), s, "begin")
			}
			if err := s.Parse(t.Context(), "", "savepoint s", nil); err != nil {
				return err
			}
			for range 1000 {
				if err := s.Bind("", "", nil, nil); err != nil {
					return err
				}
				if _, err := s.Execute(t.Context(), ""); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

// TestStatementsKept: what a session keeps of statements and parameters is bounded, in one statement and in many, whatever keeps
// them, and given back when they are forgotten.
func TestStatementsKept(t *testing.T) {
	t.Parallel()
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 8 << 20, QueryMemory: 20 << 20})
	list := "1" + strings.Repeat(",1", 5000) // 1.3 MB as a plan
	param := []value.Datum{{Type: value.Bytea, B: make([]byte, 1<<20)}}
	for _, how := range append(namesKept(t), []keeper{
		{"one statement", func(s *query.Session, i int) error {
			return outcome(run(t.Context(), s, "select array["+list+strings.Repeat(","+list, 10)+"]"))
		}},
		{"several in a string", func(s *query.Session, i int) error {
			return outcome(run(t.Context(), s, strings.Repeat("select 1 in ("+list+");", 10)))
		}},
		{"Parse", func(s *query.Session, i int) error {
			return s.Parse(t.Context(), fmt.Sprint("s", i), "select 1 in ("+list+")", nil)
		}},
		{"PREPARE", func(s *query.Session, i int) error {
			return outcome(run(t.Context(), s, fmt.Sprintf("prepare s%d as select 1 in (%s)", i, list)))
		}},
		{"DECLARE", func(s *query.Session, i int) error {
			return outcome(run(t.Context(), s, fmt.Sprintf("begin; declare c%d cursor for select 1 in (%s)", i, list)))
		}},
		{"portals of one name's statements", func(s *query.Session, i int) error {
			if err := s.Parse(t.Context(), "", "select 1 in ("+list+")", nil); err != nil {
				return err
			}
			return s.Bind(fmt.Sprint("p", i), "", nil, nil)
		}},
		{"parameters", func(s *query.Session, i int) error {
			if err := s.Parse(t.Context(), "", "select length($1)", []uint32{value.Bytea.OID}); err != nil {
				return err
			}
			return s.Bind(fmt.Sprint("p", i), "", param, nil)
		}},
	}...) {
		s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
		if err != nil {
			t.Fatal(err)
		}
		err = nil
		n := 0
		for ; err == nil && n < 20; n++ {
			err = how.do(s, n)
		}
		wantCode(t, err, "53200")
		run(t.Context(), s, "rollback")
		if a := run(t.Context(), s, "discard all"); a.err != nil {
			t.Errorf("%s: %v", how.name, a.err)
		}
		if used := e.QueryMemoryUsed(); used != 0 {
			t.Errorf("%s: %d bytes are granted when all is forgotten", how.name, used)
		}
		for i := range min(3, n-1) {
			if err := how.do(s, i); err != nil {
				t.Errorf("%s: there is room again: %v", how.name, err)
			}
		}
		s.Close()
		if used := e.QueryMemoryUsed(); used != 0 {
			t.Errorf("%s: %d bytes are granted to a session that is closed", how.name, used)
		}
	}
}

// outcome is the error of an answer.
func outcome(a answer) error {
	if a.err == nil {
		return nil
	}
	return a.err
}

// TestSettingsBounded: settings of applications take no more than a session may set, and do not hold the texts that set them.
func TestSettingsBounded(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	long := strings.Repeat("x", 100<<10)
	for i, want := range []string{"", "", "54000"} {
		for _, sql := range []string{"set a.s%d = '%s'", "select set_config('a.s%d', '%s', false)"} {
			a := run(t.Context(), s, fmt.Sprintf(sql, i, long))
			if got := codeOf(a); got != want {
				t.Errorf(sql+": %q, want %q", i, "…", got, want)
			}
		}
	}
	run(t.Context(), s, "reset all")
	before := heap()
	for i := range 20 {
		if a := run(t.Context(), s, fmt.Sprintf("set a.t%d = 'x' --%s", i, strings.Repeat("x", 2<<20))); a.err != nil {
			t.Fatal(a.err)
		}
	}
	if after := heap(); after > before+20<<20 {
		t.Errorf("20 settings of a byte take %d bytes", after-before)
	}
}

func codeOf(a answer) string {
	if a.err == nil {
		return ""
	}
	return a.err.Code
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// openAs opens a session of a role, which ends with the test.
func openAs(t *testing.T, e *query.Engine, role string) *query.Session {
	t.Helper()
	s, err := e.Open(query.Login{User: role, Database: "jurat"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestHeldCursorsCount: rows that cursors WITH HOLD keep after their transaction are counted among all statements' memory until they are
// closed, and so are settings that savepoints keep.
func TestHeldCursorsCount(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 8 << 20, QueryMemory: 20 << 20})
	const declare = "declare c cursor with hold for select repeat('x', 1000) || g from generate_series(1, 5000) g"
	var sessions []*query.Session
	var refused *query.Error
	for refused == nil && len(sessions) < 10 {
		s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
		refused = run(t.Context(), s, declare).err
	}
	wantCode(t, outcome(answer{err: refused}), "53200")
	if n := len(sessions); n < 3 || n > 5 { // 5 MB each
		t.Errorf("the cursors of %d sessions fill the memory", n)
	}
	if a := run(t.Context(), sessions[0], "close c; "+declare+"; fetch 5000 from c"); a.err != nil || len(a.rows) != 5000 {
		t.Errorf("%d rows, %v", len(a.rows), a.err)
	}
	for _, s := range sessions {
		s.Close()
	}
	if used := e.QueryMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are granted to sessions that are closed", used)
	}
	s := openAs(t, e, "jurat")
	a := run(t.Context(), s, "begin")
	for i := 0; a.err == nil && i < 100; i++ {
		a = run(t.Context(), s, fmt.Sprintf("savepoint s; select set_config('my.v', repeat('x', %d), true)", 250_000+i))
	}
	wantCode(t, outcome(a), "53200")
}
