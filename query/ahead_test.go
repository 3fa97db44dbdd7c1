package query_test

import (
	"context"
	"testing"
	"time"
)

// TestCalendarAhead reads a calendar by portions, each under a context that ends with it, and compares with the whole.
func TestCalendarAhead(t *testing.T) {
	w := newWorld(t)
	w.ledger.Advance(5000 * time.Second)
	const sql = "select second, root from calendar order by round"
	whole := run(t.Context(), w.current, sql)
	if whole.err != nil || len(whole.rows) < 5000 {
		t.Fatalf("%d rows, %v", len(whole.rows), whole.err)
	}
	for _, helpers := range []string{"0", "2"} {
		for _, s := range []string{"set max_parallel_workers_per_gather = " + helpers, "begin", "declare c cursor for " + sql} {
			if a := run(t.Context(), w.current, s); a.err != nil {
				t.Fatal(s, a.err)
			}
		}
		at := 0
		for at < len(whole.rows) {
			ctx, cancel := context.WithCancel(t.Context())
			part := run(ctx, w.current, "fetch 700 from c")
			cancel()
			if part.err != nil || len(part.rows) == 0 {
				t.Fatalf("after %d rows: %d, %v", at, len(part.rows), part.err)
			}
			for _, r := range part.rows {
				if r != whole.rows[at] {
					t.Fatalf("row %d: %s, want %s", at, r, whole.rows[at])
				}
				at++
			}
		}
		if a := run(t.Context(), w.current, "commit"); a.err != nil {
			t.Fatal(a.err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := run(ctx, w.current, sql); a.err == nil {
		t.Fatal("a statement that was canceled went on")
	}
}
