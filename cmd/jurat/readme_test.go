package main

import (
	"cmp"
	"net"
	"os"
	"path/filepath"
	"regexp"
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
	for _, name := range []string{"letter.pdf", "contract.pdf", "extract.pdf"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("Dear Sir or Madam"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	blocks := codeBlocks(t, "../../README.md")
	if len(blocks) < 3 {
		t.Fatalf("%d blocks in the README", len(blocks))
	}
	for _, b := range blocks {
		commands := strings.NewReplacer("-p 5433", "-p "+port, "127.0.0.1:5433", s.address).Replace(b.text)
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
	readmeTables(t, s)
	s.stop()
}

// readmeTables compares the columns in the README's list of tables with those that there are.
func readmeTables(t *testing.T, s *serverProcess) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "| table | a row | columns |\n")
	list, _, _ = strings.Cut(list, "\n\n")
	of, code, remark := map[string]string{}, regexp.MustCompile("`([^`]+)`"), regexp.MustCompile(`\([^)]*\)|, \S+ being .*`)
	for _, row := range strings.Split(list, "\n")[1:] {
		cells := strings.Split(row, "|")
		table, said := strings.Trim(cells[1], " `"), remark.ReplaceAllString(cells[3], "")
		var columns []string
		if strings.HasPrefix(said, " and ") {
			columns = append(columns, of["hashes"])
		}
		for _, m := range code.FindAllStringSubmatch(said, -1) {
			columns = append(columns, cmp.Or(of[m[1]], m[1]))
		}
		of[table] = strings.Join(columns, " ")
		got := strings.TrimSpace(s.psql("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '"+table+"'::regclass AND attnum > 0", "-At"))
		if got != of[table] {
			t.Errorf("the README gives %s the columns %s; it has %s", table, of[table], got)
		}
	}
	if len(of) < 10 {
		t.Errorf("%d tables in the README", len(of))
	}
}
