package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/bench"
)

// Every benchmark at once, tiny; what it prints is what the report reads.
func TestBenchAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, dir, "bench", "all", "--json", "--leaves=2000", "--copy-rows=500", "--seconds=0.02", "--clients=1", "--how=copy-binary,insert", "--dir="+dir, "--commit=abc")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit %d:\n%s", r.code, r.stderr)
	}
	record, err := bench.Read(strings.NewReader(r.stdout))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, s := range record.Samples {
		seen[s.What()] = true
	}
	for _, what := range []string{"kernel", "tree", "calendar", "ingest", "open-loop", "round", "proof"} {
		if !seen[what] {
			t.Errorf("%s is missing", what)
		}
	}
	line := strings.Join(record.Command, " ")
	if record.Commit != "abc" || !strings.HasPrefix(line, "bench all --clients=") || strings.Contains(line, "json") {
		t.Errorf("made by %s at %s", line, record.Commit)
	}
	results, page, drawings := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.html"), filepath.Join(dir, "svg")+"/"
	if err := os.WriteFile(results, []byte(r.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t, dir, "bench", "report", results); r.code != 0 || !strings.HasPrefix(r.stdout, "durability  jurat: ") {
		t.Errorf("report ended with %d:\n%s%s", r.code, r.stderr, r.stdout)
	}
	if r := run(t, dir, "bench", "report", results, "-o", page); r.code != 0 {
		t.Errorf("report ended with %d: %s", r.code, r.stderr)
	}
	if r := run(t, dir, "bench", "report", results, "-o", drawings); r.code != 0 {
		t.Errorf("report ended with %d: %s", r.code, r.stderr)
	}
	text, err := os.ReadFile(page)
	svg, errSVG := os.ReadFile(drawings + "ingest.svg")
	if err != nil || errSVG != nil || !bytes.Contains(text, svg) {
		t.Errorf("the page does not hold the drawing: %v, %v", err, errSVG)
	}
}

// A long run into a directory is over when it is started again.
func TestBenchBillion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"bench", "billion", "--leaves=4000", "--copy-rows=1000", "--clients=1", "--proofs=3", "--data=" + filepath.Join(dir, "run")}
	for range 2 {
		r := run(t, dir, args...)
		if r.code != 0 || !strings.Contains(r.stdout, "leaves=4000/clients=1/by=jurat") || !strings.Contains(r.stdout, "leaves=4000/by=jurat") {
			t.Fatalf("exit %d:\n%s%s", r.code, r.stderr, r.stdout)
		}
	}
}

func TestBenchRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"ingest", "--how=telepathy"}, "copy-binary"},
		{[]string{"ingest", "--peer=/nowhere/jurat"}, "--peer /nowhere/jurat"},
		{[]string{"ingest", "--peer=sh", "--peer=/bin/sh"}, "a name of its own"},
		{[]string{"ingest", "--clients=0"}, "give 1 at least"},
		{[]string{"ingest", "--over=pigeon"}, "--over pigeon: choose from tcp and unix"},
		{[]string{"tree", "--leaves=1000"}, "power of two"},
		{[]string{"kernel", "--runs=0"}, "--runs"},
		{[]string{"billion", "--leaves=1001", "--copy-rows=1000"}, "multiple"},
		{[]string{"proof", "--leaves=10"}, "more than 100"},
		{[]string{"report", bad}, "bad.json: no record"},
		{[]string{"report", filepath.Join(dir, "absent.json")}, "no such file"},
	} {
		r := run(t, dir, append([]string{"bench"}, c.args...)...)
		if r.code != exitError || !strings.Contains(r.stderr, c.says) || r.stdout != "" {
			t.Errorf("%v: exit %d, %q %q", c.args, r.code, r.stdout, r.stderr)
		}
	}
}
