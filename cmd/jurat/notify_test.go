package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestListen has clients listen as programs do: idle, until something comes.
func TestListen(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := startServer(t, t.TempDir())
	super := s.connect()
	exec := func(conn *pgx.Conn, sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(super, `CREATE ROLE canton LOGIN`)
	as := func(role string) *pgx.Conn {
		t.Helper()
		conn, err := pgx.Connect(ctx, s.urlAs(role))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		return conn
	}
	canton, colleague := as("canton"), as("canton")
	for _, conn := range []*pgx.Conn{super, canton} {
		exec(conn, `LISTEN round_closed`)
		exec(conn, `LISTEN publication`)
		exec(conn, `LISTEN talk`)
	}
	hear := func(conn *pgx.Conn) *pgconn.Notification {
		t.Helper()
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}

	// A round that closes, whoever filed: what rounds shows to all.
	filer := s.connect()
	exec(filer, `INSERT INTO hashes (digest) VALUES ($1)`, testDigest(1, 0))
	for _, conn := range []*pgx.Conn{super, canton} {
		n := hear(conn)
		var told struct {
			Round  time.Time
			Second int64
			Root   string
		}
		if err := json.Unmarshal([]byte(n.Payload), &told); err != nil || n.Channel != "round_closed" || n.PID != 0 {
			t.Fatalf("%+v: %v", n, err)
		}
		var matches bool
		err := conn.QueryRow(ctx, `SELECT root = $2::text::bytea AND second = $3 FROM rounds WHERE round = $1`, told.Round, told.Root, told.Second).Scan(&matches)
		if err != nil || !matches || strings.Contains(n.Payload, "leaves") {
			t.Errorf("%s is told of a round that rounds shows otherwise: %s: %v", conn.Config().User, n.Payload, err)
		}
	}

	// A publication.
	var text string
	if err := filer.QueryRow(ctx, `SELECT publish()`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	for _, conn := range []*pgx.Conn{super, canton} {
		if n := hear(conn); n.Channel != "publication" || !strings.Contains(n.Payload, `"publication_string":"`+text+`"`) {
			t.Errorf("told of publication %s: %+v", text, n)
		}
	}

	// Messages stay within a role, come at COMMIT, once each, in order.
	exec(super, `NOTIFY talk, 'of the superuser'`)
	exec(colleague, `BEGIN`)
	exec(colleague, `NOTIFY talk, 'one'`)
	exec(colleague, `SAVEPOINT s`)
	exec(colleague, `NOTIFY talk, 'undone'`)
	exec(colleague, `ROLLBACK TO s`)
	exec(colleague, `SELECT pg_notify('talk', 'two'), pg_notify('talk', 'one')`)
	exec(colleague, `COMMIT`)
	exec(colleague, `NOTIFY talk, 'three'`)
	for _, want := range []string{"one", "two", "three"} {
		if n := hear(canton); n.Payload != want || n.PID != colleague.PgConn().PID() {
			t.Errorf("heard %+v, want %s", n, want)
		}
	}
	if n := hear(super); n.Payload != "of the superuser" {
		t.Errorf("the superuser hears %+v", n)
	}
	s.stop()
}

// TestSQLCursors reads through cursors as postgres_fdw does: two of them in turn, declared with parameters.
func TestSQLCursors(t *testing.T) {
	ctx := context.Background()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	for i, limit := range []int{2500, 7} {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`DECLARE c%d CURSOR FOR SELECT g FROM generate_series($1::int, $2) g`, i), 1, limit); err != nil {
			t.Fatal(err)
		}
	}
	var read [2][]int
	for round := range 30 {
		for i := range read {
			rows, err := tx.Query(ctx, fmt.Sprintf(`FETCH 100 FROM c%d`, i))
			if err != nil {
				t.Fatal(err)
			}
			more, err := pgx.CollectRows(rows, pgx.RowTo[int])
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			read[i] = append(read[i], more...)
		}
	}
	for i, want := range []int{2500, 7} {
		if len(read[i]) != want {
			t.Errorf("cursor %d gave %d rows", i, len(read[i]))
		}
		for k, g := range read[i] {
			if g != k+1 {
				t.Fatalf("cursor %d: row %d is %d", i, k, g)
			}
		}
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	var code *pgconn.PgError
	if _, err := conn.Exec(ctx, `FETCH c0`); !errors.As(err, &code) || code.Code != "34000" {
		t.Errorf("a cursor outlives its transaction: %v", err)
	}
	s.stop()
}

// TestIdleInTransaction ends the session of a client that leaves a transaction open.
func TestIdleInTransaction(t *testing.T) {
	ctx := context.Background()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	if _, err := conn.Exec(ctx, `SET idle_in_transaction_session_timeout = 50`); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // outside of a transaction nothing happens
	for range 2 {
		if _, err := conn.Exec(ctx, `SELECT 1`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Exec(ctx, `BEGIN`); err != nil {
		t.Fatal(err)
	}
	_, err := conn.WaitForNotification(ctx)
	var code *pgconn.PgError
	if !errors.As(err, &code) || code.Code != "25P03" || code.Severity != "FATAL" {
		t.Errorf("the session ends with %v", err)
	}
	s.stop()
}
