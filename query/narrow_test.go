package query_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestNarrow compares what conditions on the leaves of rounds, and orders by them with a limit, give with the same where the scan
// cannot know: of leaves + 0.
func TestNarrow(t *testing.T) {
	w := newWorld(t)
	w.user(t, "alpha")
	for r := range 2500 {
		n := 1 + r*7919%13
		if r%400 == 250 {
			n = 20 + r/400
		}
		sql := fmt.Sprintf("insert into hashes (digest) select sha256(('%d-' || i)::bytea) from generate_series(1, %d) i", r, n)
		if a := run(t.Context(), w.current, sql); a.err != nil {
			t.Fatal(sql, a.err)
		}
		w.ledger.Advance(time.Second)
	}
	w.user(t, "jurat")
	compare := func(format string) {
		t.Helper()
		got := run(t.Context(), w.current, fmt.Sprintf(format, "leaves"))
		want := run(t.Context(), w.current, fmt.Sprintf(format, "(leaves + 0)"))
		if got.err != nil || want.err != nil || !slices.Equal(got.rows, want.rows) {
			t.Errorf("%s: %d rows, %v; want %d, %v\n%.300v\n%.300v", format, len(got.rows), got.err, len(want.rows), want.err, got.rows, want.rows)
		}
	}
	for _, op := range []string{"=", "<", "<=", ">", ">="} {
		for _, n := range []string{"-9223372036854775808", "-1", "0", "1", "2", "7", "13", "14", "22", "25", "26", "9223372036854775807"} {
			compare("select count(*), min(round), max(slots), max(root::text) from rounds where %s " + op + " " + n)
			compare("select count(*) from rounds where " + n + " " + op + " %s and round > '2026-11-22 01:20:00'")
		}
	}
	compare("select round, slots from rounds where %s between 13 and 22 order by round desc limit 20")
	compare("select round, root from rounds where %s = any ('{3, 24, 99}') order by round")
	compare("select count(*) from rounds where %[1]s > 3 and %[1]s < 3 or %[1]s = 21")
	for _, limit := range []string{"1", "10", "150"} {
		for _, order := range []string{"%s desc, round", "%s, round desc", "%s desc", "%s", "%s desc nulls last, second %% 7, round", "round, %s"} {
			columns := "leaves"
			if len(order) > len("%s desc") {
				columns = "root, round, leaves"
			}
			compare("select " + columns + " from rounds order by " + order + " limit " + limit)
			compare("select " + columns + " from rounds where second %% 2 = 0 order by " + order + " limit " + limit)
		}
	}
	compare("select r, n from (select round as r, %s as n, root from rounds) x where root > '\\x40' order by n desc, r limit 7")
}
