package session_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestWideRow: a row takes of the statement's memory what it takes while it is written, in a result and in COPY; one that needs more ends
// with 53200, at once and without that memory.
func TestWideRow(t *testing.T) {
	s := serve(t)
	if _, err := s.connect(t, "jurat").Exec(t.Context(), "alter role alpha set jurat.statement_memory = '8MB'"); err != nil {
		t.Fatal(err)
	}
	conn := s.connect(t, "alpha").PgConn()
	exec := func(sql string) error {
		_, err := conn.Exec(t.Context(), sql).ReadAll()
		return err
	}
	row := func(columns int) string {
		return "select " + strings.Repeat("x,", columns-1) + "x from (select repeat('a', 1000000) x) t"
	}
	copied := func(sql string) error {
		var out bytes.Buffer
		_, err := conn.CopyTo(t.Context(), &out, "copy ("+sql+") to stdout")
		return err
	}
	for name, send := range map[string]func(string) error{"result": exec, "copy": copied} {
		if err := send(row(2)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := send(row(1600))
		runtime.ReadMemStats(&after)
		if e := (*pgconn.PgError)(nil); !errors.As(err, &e) || e.Code != "53200" {
			t.Errorf("%s: %v", name, err)
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 100 {
			t.Errorf("%s: %d MiB were allocated", name, took)
		}
	}
}
