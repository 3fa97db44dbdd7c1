package query_test

import (
	"testing"
	"time"
)

// Window functions over rows that come in order keep what their frames reach, however many rows there are; those that look at
// the whole partition meet the limit of memory.
func TestWindowMemory(t *testing.T) {
	w := newWorld(t)
	w.ledger.Advance(200_000 * time.Second)
	const seconds = "select second, lag(second) over w as before, lead(second, 3) over w as later, row_number() over w as n, rank() over w as r, " +
		"count(*) over (order by round rows 1000 preceding) as few, sum(second) over (order by round) - second as sum, " +
		"min(second) over (order by round range between '1 minute' preceding and current row) as minute from calendar window w as (order by round)"
	a := run(t.Context(), w.current, "select count(*), max(second - before), max(later - second), max(n), max(r), min(few), max(few), bool_and(sum > 0) from ("+seconds+") s where n > 1")
	if want := "199999 | 1 | 3 | 200000 | 200000 | 2 | 1001 | t"; a.err != nil || len(a.rows) != 1 || a.rows[0] != want {
		t.Errorf("%v %v, want %s", a.err, a.rows, want)
	}
	a = run(t.Context(), w.current, "select max(p) from (select percent_rank() over (order by round) as p from calendar) s")
	wantCode(t, a.err, "53200")
}
