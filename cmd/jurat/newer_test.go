package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// TestNewerFormats gives what a newer program may have made: it is neither called false nor damaged.
func TestNewerFormats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"agency.bundle":        "JURATBDL\x02 and what nobody knows",
		"document.bundle":      "JURATCTZ\x02" + strings.Repeat("what nobody knows", 5),
		"receipt.json":         `{"format": "jurat receipt 2", "what nobody knows": 1}`,
		"backup/manifest.json": `{"format": 2}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"verify-bundle", dir + "/agency.bundle"},
		{"verify-bundle", "--json", dir + "/agency.bundle"},
		{"verify-bundle", dir + "/document.bundle"},
		{"receipt", dir + "/receipt.json"},
		{"restore", "--from", dir + "/backup", "--data", dir + "/restored"},
	} {
		if r := run(t, dir, args...); r.code != exitError || r.stdout != "" || !strings.Contains(r.stderr, "newer program") || strings.Contains(r.stderr, "unchanged bundle") {
			t.Errorf("%q: exit code %d: %s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if r := run(t, dir, "verify-seal", "JS2:AB/CD"); r.code != exitFail || !strings.HasPrefix(r.stdout, "UNREADABLE") || !strings.Contains(r.stdout, "newer program") {
		t.Errorf("a seal: exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

// TestFsckNothing: fsck does not say what is in order when it came to nothing.
func TestFsckNothing(t *testing.T) {
	t.Parallel()
	s, err := storage.Create(t.TempDir(), storage.Genesis{Server: "jurat", First: calendar.RoundOf(time.Now())}, storage.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := checkStore(t.Context(), io.Discard, s, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.DB().Set([]byte("\x7f"), nil, nil); err != nil { // of no kind
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := checkStore(t.Context(), &said, s, nil); err == nil || said.Len() > 0 {
		t.Errorf("%v, after\n%s", err, &said)
	}
}
