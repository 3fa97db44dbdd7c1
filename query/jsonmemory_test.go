package query_test

import (
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// TestJSONMemory: a JSON text whose values do not fit into the memory of a statement is refused while it is read, as a constant and as
// what a statement makes.
func TestJSONMemory(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: 1 << 20})
	s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
	if err != nil {
		t.Fatal(err)
	}
	list := ""
	for range 10_000 {
		list += "1,"
	}
	for _, sql := range []string{"select '[" + list + "1]'::jsonb", "select '[" + list + "1]'::json", "select ('[' || repeat('1,', 10000) || '1]')::jsonb"} {
		wantCode(t, run(t.Context(), s, sql).err, "53200")
	}
	if a := run(t.Context(), s, "select jsonb_array_length(('[' || repeat('1,', 1000) || '1]')::jsonb)"); a.err != nil || len(a.rows) != 1 {
		t.Errorf("1,001 values: %v, %v", a.rows, a.err)
	}
}
