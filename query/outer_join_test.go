package query_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// TestOuterJoinsInLittleMemory compares RIGHT and FULL joins whose sides do not fit into the memory of the statement with the same joins of a
// session that holds them. There are keys with several rows, with none and nulls.
func TestOuterJoinsInLittleMemory(t *testing.T) {
	l := querytest.New(start)
	little := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 3 << 19})
	s := openAs(t, little, "jurat")
	much := openAs(t, query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"}), "jurat")
	for _, from := range []int{0, 2000, 2000} {
		file(t, much, from, from+3499)
		l.Advance(2 * time.Second)
	}
	side := func(slots string) string {
		return "(select slot_index + 3500 * extract(second from round)::int as i, case when slot_index % 7 <> 3 then digest || '' end as d from hashes where slot_index" + slots + ")"
	}
	sides := []string{side(" >= 0"), side(" % 3 = 1"), side(" < 0"), "(select i, sha256(i::text::bytea) as d from generate_series(1900, 2100) i)"}
	var plans strings.Builder
	for i, left := range sides {
		for _, right := range sides[:3] {
			for _, more := range []string{"", " and a.i % 3 <> b.i % 2", " and b.i < 0"} {
				for _, join := range []string{"right", "full"} {
					sql := fmt.Sprintf("select a.i, b.i, a.d, b.d from %s a %s join %s b on a.d = b.d%s", left, join, right, more)
					got, want := run(t.Context(), s, sql), run(t.Context(), much, sql)
					slices.Sort(got.rows)
					slices.Sort(want.rows)
					if got.err != nil || want.err != nil || !slices.Equal(got.rows, want.rows) {
						t.Errorf("%s: %d rows, want %d, %v %v", sql, len(got.rows), len(want.rows), got.err, want.err)
					}
					if i == 0 && more == "" {
						plans.WriteString(strings.Join(run(t.Context(), s, "explain (analyze, costs off, timing off) "+sql).rows, "\n"))
					}
				}
			}
		}
	}
	for _, part := range []string{"Hash Left Join", "Hash Anti Join"} {
		if !strings.Contains(plans.String(), part) {
			t.Errorf("no %s in\n%s", part, &plans)
		}
	}
	if used := little.QueryMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are still granted", used)
	}
}
