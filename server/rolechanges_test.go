package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestRoleChanges: what would leave nobody to run the server is refused, lists of roles change together or not at all, and names and
// options that mean something else are no names and options of roles.
func TestRoleChanges(t *testing.T) {
	s := serveStill(t, stillConfig(t, t.TempDir()), stillStart)
	super := s.connect("super-s")
	super.must("CREATE ROLE a LOGIN", "CREATE ROLE b LOGIN", "CREATE ROLE audit LOGIN IN ROLE auditor")
	for _, c := range []struct{ sql, code string }{
		{`ALTER ROLE "super-s" VALID UNTIL '2100-01-01'`, "55000"},
		{`CREATE ROLE ends LOGIN SUPERUSER VALID UNTIL '2100-01-01'`, ""},
		{`ALTER ROLE "super-s" VALID UNTIL '2100-01-01'`, "55000"},
		{`ALTER ROLE "super-s" NOLOGIN`, "55000"},
		{`ALTER ROLE ends VALID UNTIL '2101-01-01'`, ""},
		{`CREATE ROLE second LOGIN SUPERUSER`, ""},
		{`ALTER ROLE "super-s" VALID UNTIL '2100-01-01'`, ""},
		{`ALTER ROLE "super-s" VALID UNTIL 'infinity'`, ""},
		{`DROP ROLE second, ends`, ""},
		{`DROP ROLE a, nobody`, "42704"},
		{`GRANT auditor TO a, "super-s"`, "55000"},
		{`DROP ROLE b, b`, ""},
		{`GRANT agency TO audit, audit`, ""},
		{`CREATE ROLE "current_user"`, "42602"},
		{`CREATE ROLE pg_database_owner`, "42602"},
		{`CREATE ROLE public`, "42939"},
		{`CREATE ROLE c LOGIN NOLOGIN`, "42601"},
		{`CREATE ROLE c SUPERUSER NOSUPERUSER`, "42601"},
		{`CREATE ROLE c CONNECTION LIMIT 2147483648`, "22023"},
	} {
		code := ""
		_, refused := super.answer(c.sql, "")
		if refused != nil {
			code = refused.Code
		}
		if code != c.code {
			t.Errorf("%s: %v, want %q", c.sql, refused, c.code)
		}
	}
	const shown = "SELECT string_agg(role || ' ' || kind, ', ' ORDER BY role) FROM roles"
	if got := super.one(shown); got != `["a agency, audit agency, super-s superuser"]` {
		t.Errorf("the roles are %s", got)
	}
	if got := super.one("SELECT count(*) FROM journal WHERE event = 'role' AND object = 'a' AND detail LIKE 'GRANT%'"); got != `["0"]` {
		t.Errorf("%s lines of a change that was not made", got)
	}
}

// TestChangedSessionsEnd: sessions of roles that may not go on end, idle ones too, and nothing that they have sent is filed.
func TestChangedSessionsEnd(t *testing.T) {
	for _, change := range []string{"DROP ROLE a", "ALTER ROLE a NOLOGIN", "GRANT auditor TO a", "ALTER ROLE a VALID UNTIL '2001-01-01'"} {
		s := serveStill(t, stillConfig(t, t.TempDir()), stillStart)
		super := s.connect("super-s")
		super.must("CREATE ROLE a LOGIN")
		s.pass(1)
		idle, listens, copies, pipelines := s.connect("a"), s.connect("a"), s.connect("a"), s.connect("a")
		listens.must("LISTEN round_closed")
		ctx := context.Background()
		raw, err := copies.Hijack()
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Conn.Close()
		raw.Frontend.Send(&pgproto3.Query{String: "COPY hashes (digest) FROM STDIN"})
		if m := exchange(raw.Frontend); m == nil {
			t.Fatal("no COPY")
		}
		pipeline := pipelines.StartPipeline(ctx)
		pipeline.SendQueryParams("INSERT INTO hashes (digest) VALUES (sha256('late'))", nil, nil, nil, nil)
		pipeline.SendFlushRequest()
		if err := pipeline.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, err := pipeline.GetResults(); err != nil {
			t.Fatal(err)
		}
		super.must(change)
		pipeline.Sync()
		raw.Frontend.Send(&pgproto3.CopyData{Data: []byte(`\\x` + strings.Repeat("ab", 32) + "\n")})
		raw.Frontend.Send(&pgproto3.CopyDone{})
		if m, ok := exchange(raw.Frontend).(*pgproto3.CommandComplete); ok {
			t.Errorf("%s: a COPY that was open is filed: %s", change, m.CommandTag)
		}
		if _, err := idle.Exec(ctx, "SELECT 1").ReadAll(); err == nil {
			t.Errorf("%s: the session goes on", change)
		}
		for deadline := time.Now().Add(20 * time.Second); super.one("SELECT count(*) FROM pg_stat_activity WHERE usename = 'a'") != `["0"]`; {
			if time.Now().After(deadline) {
				t.Fatalf("%s: sessions stay", change)
			}
			<-time.After(time.Millisecond)
		}
		if got := super.one("SELECT count(*) FROM hashes WHERE agency = 'a'"); got != `["0"]` {
			t.Errorf("%s: %s digests are filed", change, got)
		}
		s.stop()
	}
}

// exchange sends what waits and returns the server's next message, nil if there is none.
func exchange(f *pgproto3.Frontend) pgproto3.BackendMessage {
	if err := f.Flush(); err != nil {
		return nil
	}
	m, err := f.Receive()
	if err != nil {
		return nil
	}
	return m
}

// TestReloadIsWhole: a reload takes rules and certificate, or neither, and rules whose file is gone stay.
func TestReloadIsWhole(t *testing.T) {
	dir := t.TempDir()
	c := stillConfig(t, filepath.Join(dir, "data"))
	c.TLSCert, c.TLSKey, c.HBA = filepath.Join(dir, "crt"), filepath.Join(dir, "key"), ""
	writePair(t, &c, "first")
	log := new(syncBuffer)
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	s, _ := testServer(t, c)
	rules := filepath.Join(c.DataDir, HBAFile)
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := func() int { return s.access.inForce().List()[0].Line }
	write(rules, "\nhost all all all scram-sha-256\n")
	if err := s.Reload(); err != nil || first() != 2 {
		t.Fatalf("%v: line %d", err, first())
	}
	key, err := os.ReadFile(c.TLSKey)
	if err != nil {
		t.Fatal(err)
	}
	before := s.tls.current()
	write(c.TLSKey, "noise")
	write(rules, "host all all all reject\n")
	if err := s.Reload(); err == nil || first() != 2 {
		t.Errorf("with a key of noise: %v: line %d", err, first())
	}
	write(c.TLSKey, string(key))
	writePair(t, &c, "second")
	write(rules, "host all all all trust\n")
	if err := s.Reload(); err == nil || first() != 2 || s.tls.current() != before {
		t.Errorf("with bad rules: %v: line %d, another certificate: %t", err, first(), s.tls.current() != before)
	}
	if lines := grep(log.String(), "msg=journal event=reload"); !strings.Contains(lines, HBAFile+":1: ") {
		t.Errorf("the journal does not say what is wrong with the rules: %s", lines)
	}
	if err := os.Remove(rules); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err == nil || first() != 2 || !strings.Contains(err.Error(), HBAFile) {
		t.Errorf("without the file: %v: line %d", err, first())
	}
	write(rules, "host all all all reject\n")
	if err := s.Reload(); err != nil || first() != 1 || s.tls.current() == before {
		t.Errorf("in order: %v: line %d", err, first())
	}
}
