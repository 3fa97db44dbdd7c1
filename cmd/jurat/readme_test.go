package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
)

// TestReadme runs the README's blocks of SQL and shell commands as they stand, but for the port.
func TestReadme(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	s := startServer(t, t.TempDir())
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"letter.pdf", "contract.pdf"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("Dear Sir or Madam"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	blocks := codeBlocks(t, "../../README.md")
	if len(blocks) < 3 {
		t.Fatalf("%d blocks in the README", len(blocks))
	}
	for _, b := range blocks {
		commands := strings.ReplaceAll(b.text, "-p 5433", "-p "+port)
		if b.language == "sql" {
			out := s.psql(commands, "-v", "ON_ERROR_STOP=1", "-q", "-At")
			if strings.Count(out, "\n") < strings.Count(commands, ";") {
				t.Errorf("%s\nprints\n%s", commands, out)
			}
			continue
		}
		if out, err := shell(t, dir, s, commands); err != nil {
			t.Errorf("%s\nends with %v:\n%s", commands, err, out)
		}
	}
	s.stop()
}
