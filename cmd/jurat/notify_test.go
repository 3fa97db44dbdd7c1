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

// A listener is a client that waits for notifications.
type listener struct {
	*pgx.Conn
	t   *testing.T
	ctx context.Context
}

func listen(t *testing.T, ctx context.Context, url string) *listener {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	l := &listener{conn, t, ctx}
	for _, channel := range []string{"round_closed", "publication", "talk"} {
		l.exec(`LISTEN ` + channel)
	}
	return l
}

func (l *listener) exec(sql string, args ...any) {
	l.t.Helper()
	if _, err := l.Exec(l.ctx, sql, args...); err != nil {
		l.t.Fatal(err)
	}
}

func (l *listener) hear() *pgconn.Notification {
	l.t.Helper()
	n, err := l.WaitForNotification(l.ctx)
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// TestListen has clients listen as programs do: idle, until something comes.
func TestListen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := startServer(t, t.TempDir())
	filer := s.connect()
	if _, err := filer.Exec(ctx, `CREATE ROLE canton LOGIN`); err != nil {
		t.Fatal(err)
	}
	super, canton := listen(t, ctx, s.url()), listen(t, ctx, s.urlAs("canton"))
	if _, err := filer.Exec(ctx, `INSERT INTO hashes (digest) VALUES ($1)`, testDigest(1, 0)); err != nil {
		t.Fatal(err)
	}
	super.hearsRound()
	canton.hearsRound()
	var text string
	if err := filer.QueryRow(ctx, `SELECT publish()`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	for _, l := range []*listener{super, canton} {
		if n := l.hear(); n.Channel != "publication" || !strings.Contains(n.Payload, `"publication_string":"`+text+`"`) {
			t.Errorf("told of publication %s: %+v", text, n)
		}
	}
	testTalk(t, super, canton, listen(t, ctx, s.urlAs("canton")))
	s.stop()
}

// hearsRound hears of a round that somebody filed in: what rounds shows to all.
func (l *listener) hearsRound() {
	l.t.Helper()
	n := l.hear()
	var told struct {
		Round  time.Time
		Second int64
		Root   string
	}
	if err := json.Unmarshal([]byte(n.Payload), &told); err != nil || n.Channel != "round_closed" || n.PID != 0 {
		l.t.Fatalf("%+v: %v", n, err)
	}
	var matches bool
	err := l.QueryRow(l.ctx, `SELECT root = $2::text::bytea AND second = $3 FROM rounds WHERE round = $1`, told.Round, told.Root, told.Second).Scan(&matches)
	if err != nil || !matches || strings.Contains(n.Payload, "leaves") {
		l.t.Errorf("%s is told of a round that rounds shows otherwise: %s: %v", l.Config().User, n.Payload, err)
	}
}

// testTalk: messages stay within a role, come at COMMIT, once each, in order.
func testTalk(t *testing.T, super, canton, colleague *listener) {
	super.exec(`NOTIFY talk, 'of the superuser'`)
	for _, sql := range []string{
		`BEGIN`, `NOTIFY talk, 'one'`, `SAVEPOINT s`, `NOTIFY talk, 'undone'`, `ROLLBACK TO s`,
		`SELECT pg_notify('talk', 'two'), pg_notify('talk', 'one')`, `COMMIT`, `NOTIFY talk, 'three'`,
	} {
		colleague.exec(sql)
	}
	for _, want := range []string{"one", "two", "three"} {
		if n := canton.hear(); n.Payload != want || n.PID != colleague.PgConn().PID() {
			t.Errorf("heard %+v, want %s", n, want)
		}
	}
	if n := super.hear(); n.Payload != "of the superuser" {
		t.Errorf("the superuser hears %+v", n)
	}
}

// TestSQLCursors reads through cursors as postgres_fdw does: two of them in turn, declared with parameters.
func TestSQLCursors(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	ctx := context.Background()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	if _, err := conn.Exec(ctx, `SET idle_in_transaction_session_timeout = 50`); err != nil {
		t.Fatal(err)
	}
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
