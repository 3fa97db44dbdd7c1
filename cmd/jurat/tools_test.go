package main

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/internal/require"
)

// tool runs a client with what it reads from standard input and returns what it prints.
func (s *serverProcess) tool(ctx context.Context, keys string, command ...string) string {
	s.t.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = scripts
	cmd.Env = append(os.Environ(), "PGHOST="+host, "PGPORT="+port, "PGDATABASE=jurat", "PGUSER=jurat", "HOME="+s.t.TempDir(), "TERM=dumb", "LC_ALL=C.UTF-8", "PGTZ=UTC")
	cmd.Stdin = strings.NewReader(keys)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("%v: %v; it prints:\n%s", command, err, out)
	}
	return string(out)
}

// mustContain checks that a text holds parts, in their order.
func mustContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, p := range parts {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Errorf("%q does not come in:\n%s", p, text)
			return
		}
		rest = after
	}
}

// TestTools has the programs that people use look around and work: pgcli, psql at a terminal, pg_dump.
func TestTools(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	admin := s.connect()
	if _, err := admin.Exec(t.Context(), `INSERT INTO hashes (digest) VALUES ($1)`, testDigest(1, 0)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	t.Run("pgcli", func(t *testing.T) {
		require.Program(t, "pgcli")
		out := s.tool(ctx, "select count(*) from hashes;\n\\dt\n\\d hashes\n\\df publish\n\\l\nselect nosuch;\n\\q\n", "pgcli")
		mustContain(t, out, "| count |", "| 1     |", "| public | calendar_certificates | table |", "| digest     | bytea ", "\"hashes_digest\" btree (digest)",
			"| public | publish | text ", "| jurat | pg_database_owner | UTF8", `column "nosuch" does not exist`, "LINE 1: select nosuch")
	})
	t.Run("completion", func(t *testing.T) {
		require.Program(t, "psql")
		require.Program(t, python[0])
		keys := "SELECT * FROM has\\t WHERE dig\\tIS NULL;\\n\n\\\\d pro\\t\\n\nSHOW search_p\\t;\\n\n\\\\q\\n\n"
		out := s.tool(ctx, keys, append(python, "terminal.py", "psql", "-X", "-P", "pager=off")...)
		mustContain(t, out, "FROM hashes", "WHERE digest IS NULL", "(0 rows)", `Table "public.proofs"`, `"$user", public`)
	})
	t.Run("psql", func(t *testing.T) {
		require.Program(t, "psql")
		testPsqlCommands(t, ctx, s)
	})
	t.Run("pg_dump", func(t *testing.T) {
		require.Program(t, "pg_dump")
		testDump(t, ctx, s)
	})
	s.stop()
}

// testPsqlCommands runs commands of psql that do more than send what stands behind them.
func testPsqlCommands(t *testing.T, ctx context.Context, s *serverProcess) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.csv")
	good := "digest,algorithm\n\\x" + strings.Repeat("5a", 32) + ",sha256\n"
	if err := os.WriteFile(in, []byte(good+"\\x00,sha256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := s.tool(ctx, `SELECT digest, now() FROM hashes WHERE round > $1 \gdesc
\copy hashes (digest, algorithm) FROM '`+in+`' CSV HEADER
\copy (SELECT digest, lane FROM hashes) TO '`+out+`' CSV HEADER
SELECT count(*) AS filed FROM hashes \gset
\echo filed :filed
SELECT format('SELECT %s + 1 AS next', :filed) \gexec
SELECT lane, algorithm, leaf FROM (VALUES ('main', 'a', 1)) v (lane, algorithm, leaf) \crosstabview
`, "psql", "-X")
	mustContain(t, text, "digest | bytea", "now    | timestamp with time zone", "CONTEXT:  COPY hashes, line 3, column digest: \"\\x00\"", "COPY 1", "filed 1", "next", "2", "lane | a")
	copied, err := os.ReadFile(out)
	if err != nil || !strings.HasPrefix(string(copied), "digest,lane\n\\x") {
		t.Errorf("%v: \\copy wrote:\n%s", err, copied)
	}
	testWatch(t, ctx, s)
}

// testWatch waits until psql has shown what it watches a second time: it goes on until it is killed.
func testWatch(t *testing.T, ctx context.Context, s *serverProcess) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(watching, "psql", "-X", "-t", s.url())
	cmd.Stdin = strings.NewReader(`SELECT 'seen' \watch 0.1` + "\n")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for lines := bufio.NewScanner(out); seen < 2 && lines.Scan(); {
		seen += strings.Count(lines.Text(), "seen")
	}
	if stop(); seen < 2 {
		t.Errorf("\\watch shows what it watches %d times", seen)
	}
	_ = cmd.Wait() // it was killed
}

// testDump: what pg_dump writes tells all about the tables, and holds the rows of those that are asked for.
func testDump(t *testing.T, ctx context.Context, s *serverProcess) {
	schema := s.tool(ctx, "", "pg_dump", "--schema-only")
	mustContain(t, schema, "CREATE FUNCTION public.audit_calendar(", "CREATE TABLE public.agencies (", "CREATE TABLE public.hashes (\n    digest bytea NOT NULL,",
		"COMMENT ON COLUMN public.hashes.receipt IS", "PRIMARY KEY (receipt)", "CREATE INDEX hashes_digest ON public.hashes USING btree (digest)",
		"GRANT SELECT,INSERT ON TABLE public.hashes TO PUBLIC", "-- PostgreSQL database dump complete")
	rows := s.tool(ctx, "", "pg_dump", "--data-only", "--table=hashes", "--inserts", "--rows-per-insert=10")
	mustContain(t, rows, `INSERT INTO public.hashes VALUES`, "/jurat/main/0', ", "database dump complete")
}
