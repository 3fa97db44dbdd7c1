package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A server that shows another certificate than before is refused until somebody says otherwise.
func TestServerChangesKey(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := filepath.Join(home, "letter.txt")
	if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	first := startServer(t, t.TempDir())
	if r := run(t, home, "sign", "--server", first.url(), file); r.code != 0 || !strings.Contains(r.stderr, "Remembered") {
		t.Fatalf("first filing: %+v", r)
	}
	address := first.address
	first.stop()

	second := startServer(t, t.TempDir(), "--listen", address)
	if r := run(t, home, "sign", "--force", "--server", second.url(), file); r.code != exitError || !strings.Contains(r.stderr, "--trust") {
		t.Errorf("another server at the same address: %+v", r)
	}
	if r := run(t, home, "sign", "--force", "--trust", "--server", second.url(), file); r.code != 0 {
		t.Errorf("trusted: %+v", r)
	}
	if r := run(t, home, "verify", file); r.code != 0 {
		t.Errorf("verify: %+v", r)
	}

	// A damaged file of the trust store is named and left out.
	dir := filepath.Join(home, ".config", "jurat", "calendars")
	if err := os.WriteFile(filepath.Join(dir, "torn.crt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run(t, home, "verify", file); r.code != 0 || !strings.Contains(r.stderr, "torn.crt") {
		t.Errorf("with a torn file: %+v", r)
	}
	second.stop()
}
