package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	verification "github.com/jurat-ledger/jurat/page"
)

// The page is written whole into an empty folder, or the program says how it is built with one.
func TestPageFolder(t *testing.T) {
	t.Parallel()
	home, dir := t.TempDir(), filepath.Join(t.TempDir(), "usb")
	if _, err := verification.Built(); errors.Is(err, verification.ErrNotBuilt) {
		if r := run(t, home, "page", "--out", dir); r.code != 3 || !strings.Contains(r.stderr, "make build") {
			t.Errorf("%+v", r)
		}
		return
	}
	if r := run(t, home, "page", "--out", dir); r.code != 0 || !strings.Contains(r.stdout, "index.html") {
		t.Fatalf("%+v", r)
	}
	for _, name := range []string{"index.html", "page.js", "trust.js", "verifier.js", "reader.wasm.js", "sw.js", "LICENSE.zxing-wasm"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := run(t, home, "page", "--out", dir); r.code != 3 || !strings.Contains(r.stderr, "empty folder") {
		t.Errorf("%+v", r)
	}
	if r := run(t, home, "page"); r.code != 3 {
		t.Errorf("%+v", r)
	}
}
