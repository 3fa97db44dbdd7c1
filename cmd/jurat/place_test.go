package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMovedDirectory moves the data directory of a running server away: it ends, and with --must-exist makes no second ledger in its
// place.
func TestMovedDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := startServer(t, dir)
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(time.Minute):
		t.Fatal("the server goes on")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != exitError || !strings.Contains(s.logged(), "was deleted, moved or replaced") {
		t.Errorf("%d: %s", code, s.logged())
	}
	r := run(t, dir, "serve", "--must-exist", "--data", dir, "--listen", "127.0.0.1:0")
	if r.code != exitError || !strings.Contains(r.stderr, dir+" holds no ledger") {
		t.Errorf("%d: %s", r.code, r.stderr)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("made again: %v", err)
	}
	startServer(t, dir+".old", "--must-exist").stop()
}
