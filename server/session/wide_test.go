package session_test

import (
	"bytes"
	"errors"
	"io"
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

// TestLongValue: a value that is alone in its row counts with the row that is made of it, in a result and in COPY, in text and escaped. The
// memory is that of two such values and a little.
func TestLongValue(t *testing.T) {
	s := serve(t)
	if _, err := s.connect(t, "jurat").Exec(t.Context(), "alter role alpha set jurat.statement_memory = '8MB'"); err != nil {
		t.Fatal(err)
	}
	conn := s.connect(t, "alpha").PgConn()
	for _, c := range []struct{ query, copy, code string }{
		{"select repeat('x', 3000000)", "select repeat('x', 2000000)", ""},
		{"select repeat('x', 5000000)", "select repeat('x', 3500000)", "53200"},
		{"select decode(repeat('00', 3000000), 'hex')", "select repeat('\\', 2000000)", "53200"},
		{"select array[repeat('\"', 2500000)]", "select array[repeat('x', 3000000)]", "53200"},
	} {
		_, err := conn.Exec(t.Context(), c.query).ReadAll()
		_, copied := conn.CopyTo(t.Context(), io.Discard, "copy ("+c.copy+") to stdout")
		for sql, err := range map[string]error{c.query: err, c.copy: copied} {
			if e := (*pgconn.PgError)(nil); errors.As(err, &e) && e.Code != c.code || (err == nil) != (c.code == "") {
				t.Errorf("%s: %v, want %q", sql, err, c.code)
			}
		}
	}
}
