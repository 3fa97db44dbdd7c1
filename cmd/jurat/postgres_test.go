package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
)

var postgres = flag.String("postgres", "", "with -rewrite: the address of a PostgreSQL 15 to take the answers in testdata/postgres from, user postgres without password")

// unlike is what may differ between Postgres and this server: process ids, and what is meant to help or blame.
var unlike = regexp.MustCompile(`(?m) received from server process with PID \d+|^(LOCATION|HINT): .*\n|^(LINE \d+: .*\n +\^)\n`)

// TestAsPostgres has psql run the scripts of testdata/postgres. What it prints is what it prints with PostgreSQL 15.
func TestAsPostgres(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/postgres/*.sql")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	require.Program(t, "psql")
	s := &serverProcess{t: t, address: *postgres}
	args := []string{"-a", "-v", "VERBOSITY=verbose"}
	if *postgres == "" {
		s = startServer(t, t.TempDir())
	} else {
		args = append(args, "-U", "postgres", "-d", "postgres")
	}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		got := unlike.ReplaceAllString(s.psql(string(text), args...), "")
		name := strings.TrimSuffix(strings.TrimPrefix(script, "testdata/"), ".sql") + ".out"
		if *rewrite && *postgres == "" {
			t.Skip("SKIPPED: only a PostgreSQL may rewrite these: give its address with -postgres")
		}
		golden(t, name, got)
	}
	if *postgres == "" {
		s.stop()
	}
}
