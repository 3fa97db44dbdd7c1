package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/query"
)

// listener is a connection that keeps its notices.
func (s *server) listener(t *testing.T, user string) (*pgx.Conn, *[]string) {
	t.Helper()
	config, err := pgx.ParseConfig(s.url(user, "jurat"))
	if err != nil {
		t.Fatal(err)
	}
	var heard []string
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { heard = append(heard, n.Severity+" "+n.Code+" "+n.Message) }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn, &heard
}

// signal calls pg_cancel_backend or pg_terminate_backend and returns its value, or the SQLSTATE of its error.
func signal(t *testing.T, conn *pgx.Conn, call string, pid uint32) string {
	t.Helper()
	var done bool
	err := conn.QueryRow(t.Context(), "select "+call, pid).Scan(&done)
	switch {
	case err != nil:
		return code(err)
	case done:
		return "t"
	}
	return "f"
}

// TestSignalRights asks every kind of role to signal sessions of every other.
func TestSignalRights(t *testing.T) {
	s := serve(t)
	kinds := map[string]query.RoleKind{"beta": query.Agency, "auditor-c": query.Auditor, "operator-o": query.Operator, "super-s": query.Superuser}
	for name, kind := range kinds {
		if err := s.ledger.CreateRole(t.Context(), query.Role{Name: name, Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	targets := []string{"alpha", "beta", "auditor-c", "operator-o", "super-s"}
	want := map[string]string{ // an agency is told of another's number what it is told of one that nobody has
		"alpha": "t f f f f", "beta": "f t f f f", "auditor-c": "42501 42501 t 42501 42501", "operator-o": "t t t t 42501", "super-s": "t t t t t",
	}
	for user, answers := range want {
		conn, heard := s.listener(t, user)
		for _, call := range []string{"pg_cancel_backend($1)", "pg_terminate_backend($1)", "pg_terminate_backend(pid => $1, timeout => 60000)"} {
			var got []string
			*heard = nil
			for _, target := range targets {
				got = append(got, signal(t, conn, call, s.connect(t, target).PgConn().PID()))
			}
			if g := strings.Join(got, " "); g != answers {
				t.Errorf("%s of %s: got %s, want %s", call, user, g, answers)
			}
			if strings.Count(answers, "f") != len(*heard) {
				t.Errorf("%s of %s: heard %q", call, user, *heard)
			}
			for _, n := range *heard {
				if !strings.HasPrefix(n, "WARNING 01000 PID ") || !strings.HasSuffix(n, " is not a PostgreSQL backend process") {
					t.Error(n)
				}
			}
		}
	}
}

// TestSignals cancels and ends statements and sessions, idle ones and the one that asks.
func TestSignals(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "alpha")
	running := func(call, want string) {
		t.Helper()
		victim := s.connect(t, "alpha")
		ended := make(chan error, 1)
		go func() {
			_, err := victim.PgConn().Exec(t.Context(), "select count(*) from generate_series(1, 100000000000) n").ReadAll()
			ended <- err
		}()
		var err error
		for pace := time.NewTicker(5 * time.Millisecond); err == nil; { // until the statement is there to be ended
			if got := signal(t, conn, call, victim.PgConn().PID()); got != "t" && (want != "57P01" || got != "f") {
				t.Fatal(got)
			}
			select {
			case err = <-ended:
			case <-pace.C:
			}
		}
		if code(err) != want {
			t.Error(call, err)
		}
		if want == "57P01" { // its client hears of its end before it is off the list
			signal(t, conn, "pg_terminate_backend($1, 60000)", victim.PgConn().PID())
		}
		if alive := victim.Ping(t.Context()) == nil; alive != (want == "57014") {
			t.Error(call, "alive", alive)
		}
	}
	running("pg_cancel_backend($1)", "57014")
	running("pg_terminate_backend($1)", "57P01")

	idle := s.connect(t, "alpha")
	if got := signal(t, conn, "pg_terminate_backend($1, 60000)", idle.PgConn().PID()); got != "t" {
		t.Error(got)
	}
	if _, err := idle.Exec(t.Context(), "select 1"); code(err) != "57P01" {
		t.Error(err)
	}
	var left int
	if err := conn.QueryRow(t.Context(), "select count(*) from pg_stat_activity").Scan(&left); err != nil || left != 2 {
		t.Error(left, err) // the one whose statement was canceled, and the one that asks
	}
	for call, want := range map[string]string{
		"pg_cancel_backend($1)": "57014", "pg_terminate_backend($1, -1)": "22003", "pg_terminate_backend($1)": "57P01",
	} {
		self := s.connect(t, "alpha")
		if got := signal(t, self, call, self.PgConn().PID()); got != want {
			t.Errorf("%s of itself: %s, want %s", call, got, want)
		}
	}
}
