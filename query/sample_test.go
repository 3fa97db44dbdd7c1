package query_test

import (
	"testing"
	"time"
)

// TestSampleInParts draws from tables of seconds that are long enough to be scanned in parts.
func TestSampleInParts(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		if a := run(t.Context(), w.current, "insert into hashes (digest) select sha256(i::text::bytea) from generate_series(1, 5) i"); a.err != nil {
			t.Fatal(a.err)
		}
		w.ledger.Advance(40_000 * time.Second)
	}
	for _, table := range []string{"rounds", "calendar"} {
		for _, method := range []string{"system", "bernoulli"} {
			all := run(t.Context(), w.current, "select count(*) from "+table)
			drawn := run(t.Context(), w.current, "select count(*) from "+table+" tablesample "+method+" (100)")
			if all.err != nil || drawn.err != nil || all.rows[0] != drawn.rows[0] {
				t.Errorf("%s %s: %v of %v, %v", table, method, drawn.rows, all.rows, drawn.err)
			}
		}
	}
}
