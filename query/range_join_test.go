package query_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// rounds makes n rounds, some seconds apart, in which alpha and, less often, beta file some digests.
func (w *world) rounds(t *testing.T, n int) {
	for r := range n {
		for i, name := range []string{"alpha", "beta"} {
			if r%(1+3*i) == 0 {
				w.user(t, name)
				sql := fmt.Sprintf("insert into hashes (digest) select sha256(('%d-' || i %% 7)::bytea) from generate_series(1, %d) i", r%11, 1+r*7919%5)
				if a := run(t.Context(), w.current, sql); a.err != nil {
					t.Fatal(sql, a.err)
				}
			}
		}
		w.ledger.Advance(time.Duration(1+r%3) * time.Second)
	}
}

// same compares the rows of a query with those of the same query where the engine cannot know what its conditions are about: names of
// columns, between braces, become expressions that give the same.
func (w *world) same(t *testing.T, sql string, hidden map[string]string) {
	t.Helper()
	plain, opaque := sql, sql
	for name, expression := range hidden {
		plain = strings.ReplaceAll(plain, "{"+name+"}", name)
		opaque = strings.ReplaceAll(opaque, "{"+name+"}", "("+expression+")")
	}
	if opaque == plain {
		t.Fatal(sql, "hides nothing")
	}
	got, want := run(t.Context(), w.current, plain), run(t.Context(), w.current, opaque)
	if got.err != nil || want.err != nil {
		t.Fatal(sql, got.err, want.err)
	}
	slices.Sort(got.rows)
	slices.Sort(want.rows)
	if !slices.Equal(got.rows, want.rows) {
		t.Errorf("%s: %d rows, want %d\n%.300v\n%.300v", sql, len(got.rows), len(want.rows), got.rows, want.rows)
	}
}

// TestRangeJoin compares joins by ranges of rounds with the same joins where the engine sees no ranges. Ranges are of none, one, some
// and all rounds, and of none that are known; rows come in small parts and in large ones.
func TestRangeJoin(t *testing.T) {
	w := newWorld(t)
	w.rounds(t, 90)
	hidden := map[string]string{"r.round": "r.round + interval '0'", "r.second": "r.second + 0"}
	spans := fmt.Sprintf(`(values (null, 1000), (0, 0), (7, 7), (5, 4), (3, 30), (30, 31), (31, 75), (-5, 700), (75, null), (600, 900)) v(a, b)
		cross join lateral (select %[1]d + a as low, %[1]d + b as high, to_timestamp(%[1]d + a) as since, to_timestamp(%[1]d + b) as until) x`, start.Unix())
	for _, role := range []string{"jurat", "alpha", "beta"} {
		w.user(t, role)
		for i, on := range []string{
			"{r.round} > since and {r.round} <= until", "{r.round} between since and until", "{r.second} >= low and {r.second} < high",
			"since < {r.round} and {r.second} <= high and a % 2 = r.leaves % 2", "r.second - 0 > low and {r.second} = high", "{r.round} > until",
			"{r.second} > low + 2 and {r.second} < coalesce(high, low + 40) and a > 0", "{r.second} >= low and a = 3 and r.leaves > 2",
			"{r.round} >= since and {r.round} < until and exists (select 1 from agencies g where g.slot < a)",
		} {
			if role != "jurat" && i > 2 {
				continue
			}
			w.same(t, "select a, b, r.* from "+spans+" join rounds r on "+on, hidden)
			w.same(t, "select a, b, r.second, idle from "+spans+" left join calendar r on "+strings.ReplaceAll(on, "r.leaves", "(r.second / 3)"), hidden)
			w.same(t, "select r.leaves, b, a from rounds r join (select * from "+spans+") s on "+on, hidden)
			w.same(t, "select a, b, count(*), sum(r.leaves), min(r.round), max(r.root::text) from "+spans+" join rounds r on "+on+" group by a, b", hidden)
			w.same(t, "with w as (select round, second, leaves from rounds where leaves > 1) select a, b, r.round from "+spans+" join w r on "+on, hidden)
			w.same(t, "select a, (select count(*) from (values (b)) z(b) join rounds r on "+on+") from "+spans, hidden)
		}
		w.same(t, "select a, r.digest, r.round, r.slot_index from "+spans+" join hashes r on {r.round} > since and {r.round} <= until", hidden)
		w.same(t, "select a, r.digest, c.idle from "+spans+", hashes r, calendar c where {r.round} > since and {r.round} <= until and c.round = r.round", hidden)
	}
}

// TestJoinByKey compares joins that look single rounds, digests and receipts up with the same joins where the engine sees no key.
func TestJoinByKey(t *testing.T) {
	w := newWorld(t)
	w.rounds(t, 120)
	hidden := map[string]string{"h.digest": "h.digest || ''", "h.receipt": "h.receipt || ''", "h.round": "h.round + interval '0'"}
	wanted := `(select sha256((i % 12 || '-' || i % 8)::bytea) as d, i from generate_series(0, 100) i union all select null, -1) x`
	for _, role := range []string{"jurat", "alpha", "beta"} {
		w.user(t, role)
		for _, and := range []string{"", " and h.slot_index > 0", " and h.agency = 'beta' and i % 2 = 0", " and h.round > '2026-11-22 01:16:10'"} {
			for _, join := range []string{"join", "left join"} {
				w.same(t, "select i, h.agency, h.round, h.slot_index from "+wanted+" "+join+" hashes h on {h.digest} = d"+and, hidden)
			}
			w.same(t, "select i, h.receipt, signature from proofs h join "+wanted+" on {h.digest} = d"+and, hidden)
			w.same(t, "select h.receipt from hashes h where {h.digest} in (select d from "+wanted+" where h.slot_index < i)"+strings.ReplaceAll(and, "and i % 2 = 0", ""), hidden)
			w.same(t, "select i from "+wanted+" where not exists (select 1 from hashes h where {h.digest} = d"+and+")", hidden)
			w.same(t, "select h.digest from (select receipt as name, row_number() over () as i from hashes limit 40) x join hashes h on {h.receipt} = name"+and, hidden)
		}
		for _, and := range []string{"", " and h.leaves > 2", " and h.second % 2 = 0", " and h.round > '2026-11-22 01:16:10'"} {
			w.same(t, "select i, h.* from (select to_timestamp(1795310120 + i * 7) as d, i from generate_series(0, 60) i) x join rounds h on {h.round} = d"+and, hidden)
			w.same(t, "select h.* from rounds h where {h.round} in (select to_timestamp(1795310120 + i * 3) from generate_series(0, 99) i)"+and, hidden)
		}
	}
}
