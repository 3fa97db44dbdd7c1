package session_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
)

var rewrite = flag.Bool("rewrite", false, "write the golden outputs anew")

// TestPsql runs the commands of psql 15 that look around. Its answers stand in testdata/psql.out.
func TestPsql(t *testing.T) {
	out, err := exec.Command("psql", "--version").Output()
	if err != nil || !strings.Contains(string(out), ") 15.") {
		require.Missing(t, "psql", fmt.Sprintf("its version 15 is needed: %s %v", bytes.TrimSpace(out), err))
	}
	s := serve(t)
	script, err := os.ReadFile("testdata/psql.sql")
	if err != nil {
		t.Fatal(err)
	}
	psql := exec.Command("psql", "-X", "-a", "-v", "VERBOSITY=verbose", s.url("jurat", "jurat"))
	psql.Env = append(os.Environ(), "LC_ALL=C", "PGTZ=UTC", "COLUMNS=200")
	psql.Stdin = bytes.NewReader(script)
	got, err := psql.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	host, port, _ := strings.Cut(s.addr, ":")
	text := strings.NewReplacer(port, "PORT", host, "HOST").Replace(string(got))
	if *rewrite {
		if err := os.WriteFile("testdata/psql.out", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/psql.out")
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("psql shows something else than testdata/psql.out; -rewrite writes it anew:\n%s", text)
	}
	if strings.Contains(text, "ERROR") {
		t.Errorf("errors:\n%s", text)
	}
}
