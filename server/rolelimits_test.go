package server

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestRoleLimits: a role has no more sessions than CONNECTION LIMIT says, and each begins with the settings of ALTER ROLE … SET. Both
// are in the catalog, hold from the next login on, and over a restart; superusers are not limited.
func TestRoleLimits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := serveStill(t, stillConfig(t, dir), stillStart)
	super := s.connect("super-s")
	super.must("CREATE ROLE canton LOGIN CONNECTION LIMIT 2", "ALTER ROLE canton SET statement_timeout = '5s'", "ALTER ROLE canton SET idle_session_timeout = '1h'",
		`ALTER ROLE "super-s" CONNECTION LIMIT 0`)
	const shown = "SELECT rolconnlimit, array_to_string(rolconfig, ' ') FROM pg_roles WHERE rolname = 'canton'"
	full := func(s *stillServer) {
		t.Helper()
		_, err := pgconn.Connect(context.Background(), "postgres://canton@"+s.Addr().String()+"/jurat?sslmode=disable")
		if refused := (*pgconn.PgError)(nil); !errors.As(err, &refused) || refused.Code != "53300" || refused.Message != `too many connections for role "canton"` {
			t.Errorf("one session too many: %v", err)
		}
	}
	for range 2 {
		one, two := s.connect("canton"), s.connect("canton")
		full(s)
		if got := two.one("SELECT current_setting('statement_timeout'), current_setting('idle_session_timeout')"); got != `["5s" "1h"]` {
			t.Errorf("a session begins with %s", got)
		}
		if got := super.one(shown); got != `["2" "statement_timeout=5s idle_session_timeout=1h"]` {
			t.Errorf("the catalog shows %s", got)
		}
		if err := one.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		for super.one("SELECT count(*) FROM pg_stat_activity WHERE usename = 'canton'") != `["1"]` {
			<-time.After(time.Millisecond)
		}
		s.connect("canton")
		full(s)
		s.stop()
		s = serveStill(t, stillConfig(t, dir), stillStart.Add(time.Minute))
		super = s.connect("super-s")
	}
	super.must("ALTER ROLE canton CONNECTION LIMIT -1", "ALTER ROLE canton RESET ALL")
	for range 4 {
		s.connect("canton")
	}
	if got := super.one(shown); got != `["-1" ""]` {
		t.Errorf("without limits the catalog shows %s", got)
	}
}
