package server

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/page"
)

// The page's listener gives the page to everybody, or says how it is built; nothing else is behind it.
func TestPageListener(t *testing.T) {
	c := testConfig(t.TempDir())
	c.PageListen = "127.0.0.1:0"
	s, _ := testServer(t, c)
	get := func(path string) (int, string) {
		t.Helper()
		return getPage(t, s.PageAddr(), path)
	}
	if _, err := page.Built(); errors.Is(err, page.ErrNotBuilt) {
		if code, body := get("/"); code != http.StatusServiceUnavailable || !strings.Contains(body, "make build") {
			t.Errorf("%d %s", code, body)
		}
	} else {
		for path, want := range map[string]string{"/": "verifier.js", "/trust.js": "E=publications@", "/publications.bin": "KSIPUBLF"} {
			if code, body := get(path); code != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d %.200s", path, code, body)
			}
		}
		if code, _ := get("/metrics"); code != http.StatusNotFound {
			t.Errorf("/metrics: %d", code)
		}
	}
}

// The page is refused on an address that others reach without TLS.
func TestPageNeedsTLS(t *testing.T) {
	c := testConfig(t.TempDir())
	c.PageListen = "0.0.0.0:0"
	mustRefuse(t, c, "needs a TLS certificate")
}
