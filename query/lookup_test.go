package query_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// sought are digests, most of them again and again and some never filed, and a null: several batches of rows, with digests that only
// later ones have.
const sought = `(select sha256(((i % 12 + i / 400 % 4) || '-' || i % 8 + i / 1000)::bytea) as d, i from generate_series(0, 4000) i union all select null, -1) x`

// passed are hashes as a subquery passes them on, with conditions below and above it.
const passed = `(select * from (select slot_index * 2 - 1 as n, agency || '!' as a, digest as dg from hashes where lane <> 'seal') g where a <> 'gamma!') g`

// TestJoinInParts compares joins that look digests, receipts and rounds up, in parts to the end, in parts until it is better to read the
// table, and not at all, with the same joins where the engine sees no key.
func TestJoinInParts(t *testing.T) {
	w := newWorld(t)
	w.rounds(t, 60)
	hidden := map[string]string{"h.digest": "h.digest || ''", "h.receipt": "h.receipt || ''", "h.round": "h.round + interval '0'", "g.dg": "g.dg || ''"}
	for _, keys := range [][2]int{{1, 0}, {1, 150}, {1, 300}, {1, math.MaxInt}, {2000, math.MaxInt}, {4096, 4096}} {
		w.engine.LookUps(keys[0], keys[1])
		for _, role := range []string{"jurat", "beta"} {
			w.user(t, role)
			for _, join := range []string{"join", "left join"} {
				w.same(t, "select i, h.agency, h.round, h.slot_index from "+sought+" "+join+" hashes h on {h.digest} = d", hidden)
				w.same(t, "select i, h.receipt from "+sought+" "+join+" hashes h on {h.digest} = d and h.slot_index > i % 2 and h.round > '2026-11-22 01:15:50'", hidden)
			}
			w.same(t, "select i, h.receipt from hashes h join "+sought+" on {h.digest} = d and h.agency = 'beta'", hidden)
			w.same(t, "select i, g.n from "+sought+" left join "+passed+" on {g.dg} = d and g.n > i % 2", hidden)
			w.same(t, "select i, g.a from "+passed+" join "+sought+" on {g.dg} = d and g.a > 'alpha!'", hidden)
			w.same(t, "select i from "+sought+" where not exists (select 1 from "+passed+" where {g.dg} = d and g.n > i % 3)", hidden)
			w.same(t, "select h.receipt from hashes h where {h.digest} in (select d from "+sought+" where h.slot_index < i)", hidden)
			w.same(t, "select i from "+sought+" where not exists (select 1 from hashes h where {h.digest} = d)", hidden)
			w.same(t, "select i from "+sought+" where exists (select 1 from hashes h where {h.digest} = d and h.slot_index > i % 3)", hidden)
			w.same(t, "select a.receipt from hashes a cross join generate_series(1, 30) join hashes h on {h.receipt} = a.receipt", hidden)
			w.same(t, "select i, h.leaves from (select to_timestamp(1795310100 + i / 20) as d, i from generate_series(0, 4000) i) x left join rounds h on {h.round} = d", hidden)
		}
	}
}

// file files the digests of numbers.
func file(t *testing.T, s *query.Session, from, to int) {
	t.Helper()
	if err := outcome(run(t.Context(), s, fmt.Sprintf("insert into hashes (digest) select sha256(i::text::bytea) from generate_series(%d, %d) i", from, to))); err != nil {
		t.Fatal(err)
	}
}

// TestLookUpsInLittleMemory joins more digests than are looked up together with a table that is too large to be held.
func TestLookUpsInLittleMemory(t *testing.T) {
	l := querytest.New(start)
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 1 << 20})
	s := openAs(t, e, "jurat")
	file(t, s, 1, 7000)
	l.Advance(2 * time.Second)
	const sought = "(select i, case when i % 2 = 0 then sha256((i / 2)::text::bytea) end as d from generate_series(12001, 20000) i) x"
	for _, few := range []int{0, 3500} { // with as many look-ups, they are worth more than to read the table for each part of the left side
		e.LookUps(500, few)
		for _, c := range []struct{ sql, want string }{
			{"select count(*), count(h.receipt) from " + sought + " left join hashes h on h.digest = d", "8000 | 1000"},
			{"select count(*), count(h.receipt) from " + sought + " left join hashes h on h.digest || '' = d", "8000 | 1000"},
			{"select count(*), sum(i) from " + sought + " join hashes h on h.digest || '' = d and h.lane = repeat('main', 1 + i % 2)", "1000 | 13001000"},
			{"select count(*), count(h.receipt) from " + sought + " left join hashes h on h.digest || '' = d and i % 4 = 0", "8000 | 500"},
			{"select count(*), sum(h.slot_index) from hashes h, hashes g where h.digest || '' = g.digest", "7000 | 24496500"},
			{"select count(*), min(h.slot_index - g.slot_index) from hashes h, hashes g where h.slot_index = g.slot_index + 1 and g.agency = h.agency", "6999 | 1"},
		} {
			if a := run(t.Context(), s, c.sql); a.err != nil || a.rows[0] != c.want {
				t.Error(c.sql, a.err, a.rows)
			}
		}
	}
	if code := giant(t, e, "select count(*) from hashes h right join "+sought+" on h.digest || '' = d || sha256('')"); code != "53200" {
		t.Errorf("a right side whose rows are kept: %q", code)
	}
	if used := e.QueryMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are still granted", used)
	}
}

// growing is a ledger, too large to be read, in which somebody files while digests are looked up in it.
type growing struct {
	*querytest.Ledger
	calls int
	file  func()
}

func (l *growing) TotalLeaves() uint64 { return 1 << 40 }

func (l *growing) FindAll(ctx context.Context, agency string, digests [][]byte) ([]query.Leaf, error) {
	if l.calls++; l.calls == 7 {
		l.file()
	}
	return l.Ledger.FindAll(ctx, agency, digests)
}

// TestOneState files the digests that a join looks up between two parts of them: to the statement none is filed.
func TestOneState(t *testing.T) {
	l := &growing{Ledger: querytest.New(start)}
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	s, other := openAs(t, e, "jurat"), openAs(t, e, "jurat")
	l.file = func() {
		file(t, other, 0, 4999)
		l.Advance(2 * time.Second)
	}
	const sought = "(select sha256((i % 5000)::text::bytea) as d from generate_series(1, 20000) i) x"
	for _, sql := range []string{
		"select count(*), count(h.receipt) from " + sought + " left join hashes h on h.digest = d",
		"select count(*), 0 from " + sought + " where not exists (select 1 from hashes h where h.digest = d)",
	} {
		l.Ledger, l.calls = querytest.New(start), 0
		if a := run(t.Context(), s, sql); a.err != nil || a.rows[0] != "20000 | 0" || l.calls < 8 {
			t.Errorf("%s: %v %v, %d calls", sql, a.err, a.rows, l.calls)
		}
	}
}

// TestTableAfterLookUps reads a table as a whole after keys were looked up in it; EXPLAIN tells how many.
func TestTableAfterLookUps(t *testing.T) {
	l := querytest.New(start)
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	e.LookUps(500, 1500)
	s := openAs(t, e, "jurat")
	file(t, s, 1, 7000)
	l.Advance(2 * time.Second)
	a := run(t.Context(), s, "explain (analyze, costs off, timing off, summary off) select * from (select sha256(i::text::bytea) as d from generate_series(6001, 10000) i) x left join hashes h on h.digest = d")
	said := strings.Join(a.rows, "\n")
	if a.err != nil || !strings.Contains(said, "Seq Scan on hashes h (actual rows=") || !strings.Contains(said, "Keys Looked Up Before: 1") {
		t.Error(a.err, said)
	}
}

// cancelling is a ledger, too large to be read, that cancels what asks it for digests.
type cancelling struct {
	*querytest.Ledger
	cancel context.CancelFunc
	after  int // times
}

func (l *cancelling) TotalLeaves() uint64 { return 1 << 40 }

func (l *cancelling) FindAll(ctx context.Context, agency string, digests [][]byte) ([]query.Leaf, error) {
	if l.after--; l.after == 0 {
		l.cancel()
	}
	return l.Ledger.FindAll(ctx, agency, digests)
}

// TestCancelledLookUps cancels joins while they look digests up: they ask the ledger for those at hand, and for no more.
func TestCancelledLookUps(t *testing.T) {
	for _, sql := range []string{
		"select count(*) from (select sha256(i::text::bytea) as d from generate_series(1, 40000) i) x left join hashes h on h.digest = d",
		"select count(*) from hashes h join (select sha256(i::text::bytea) as d from generate_series(1, 40000) i) x on h.digest = d",
		"select count(*) from hashes h where digest in (select sha256(i::text::bytea) from generate_series(1, 40000) i)",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		l := &cancelling{Ledger: querytest.New(start), cancel: cancel, after: 6}
		e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
		e.LookUps(4096, math.MaxInt)
		s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
		if err != nil {
			t.Fatal(err)
		}
		if a := run(ctx, s, sql); a.err == nil || a.err.Code != "57014" || l.after < -4 {
			t.Errorf("%s: %v, asked %d times more", sql, a.err, -l.after)
		}
		s.Close()
	}
}
