package page_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
)

// axe is Deque's accessibility checker, which "npm ci" fetches.
const axe = "testdata/accessibility/node_modules/axe-core/axe.min.js"

// A pageState is something that the page shows, and the way to it from the state before.
type pageState struct {
	name  string
	reach func()
}

// paperStates are verdicts on receipts and bundles of documents.
func paperStates(tab *tab, s *scene, p *papers) []pageState {
	return []pageState{
		{"printed receipt", func() {
			tab.enter("seal", p.code)
			tab.expect("NA", "reference")
		}},
		{"receipt without a key", func() {
			tab.enter("seal", "")
			tab.choose("files", s.path("receipt.json")...)
			tab.expect("NA", "several-time")
		}},
		{"receipt", func() {
			tab.choose("files", s.path("receipt.json", "return.pdf", "here.crt")...)
			tab.expect("OK", "record")
			tab.eval("document.getElementById('why').open = true", nil)
		}},
		{"forged answer", func() {
			tab.choose("files", s.path("forged.json", "return.pdf")...)
			tab.expect("FAIL", "answer")
		}},
		{"bundle", func() {
			tab.choose("files", s.path("chain.bundle", "return.pdf", "there.crt")...)
			tab.expect("OK", "chain")
		}},
		{"bundle without a name", func() {
			tab.choose("files", s.path("hidden.bundle")...)
			tab.expect("NA", "chain-alone")
		}},
		{"fork", func() {
			tab.choose("files", s.path("fork.bundle", "return.pdf")...)
			tab.expect("FAIL", "broken-chain")
		}},
	}
}

// TestAccessibility has axe-core look at the page in what it can show, by day and wide, by night and narrow, under all rules of
// WCAG 2.2 AA that a program can check.
func TestAccessibility(t *testing.T) {
	checker, err := os.ReadFile(axe)
	if errors.Is(err, os.ErrNotExist) {
		require.Missing(t, "axe", "run npm ci in page/testdata/accessibility")
	}
	b := startBrowser(t)
	s := newScene(t)
	p := s.writePapers(t)
	server := httptest.NewServer(s.handler())
	defer server.Close()
	tab := b.open(server.URL)
	tab.eval(string(checker)+"; true", nil)
	seals := sealVectors(t)
	states := []pageState{
		{"start", func() {}},
		{"valid", func() {
			tab.choose("files", s.path("a.pdf", "extended.ksig")...)
			tab.expect("OK", "publications-file")
			tab.eval("document.getElementById('why').open = true", nil)
		}},
		{"changed", func() {
			tab.choose("files", s.path("changed.pdf")...)
			tab.expect("FAIL", "changed")
		}},
		{"bad publication", func() {
			tab.enter("publication", "AAAAAA-DLAJBD")
			tab.until(`document.getElementById('publication').getAttribute('aria-invalid') === 'true'`)
		}},
		{"seal", func() {
			tab.enter("publication", seals.Publication)
			tab.enter("seal", seals.Vectors[0].Text)
			tab.expect("OK", "seal-valid")
		}},
		{"unknown", func() {
			tab.enter("publication", "")
			tab.expect("NA", "seal-cannot-tell")
		}},
	}
	for _, state := range append(states, paperStates(tab, s, p)...) {
		state.reach()
		for _, look := range []struct {
			scheme string
			width  int
		}{{"light", 1280}, {"dark", 320}} {
			tab.call(tab.session, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": look.scheme}}})
			tab.call(tab.session, "Emulation.setDeviceMetricsOverride", map[string]any{"width": look.width, "height": 800, "deviceScaleFactor": 1, "mobile": false})
			tab.checkAccess(fmt.Sprintf("%s, %s, %d pixels wide", state.name, look.scheme, look.width))
		}
	}
}

// onPaper has a page printed: the verdict alone, with what it rests on, or all of a page without one.
func (s *scene) onPaper(t *tab) {
	shown := func() string {
		var ids []string
		t.eval(`[...document.querySelectorAll('h1, section, label, input, textarea, button, select, #facts')].filter((e) => e.checkVisibility()).map((e) => e.id || e.tagName)`, &ids)
		return strings.Join(ids, " ")
	}
	t.visit(t.address())
	t.call(t.session, "Emulation.setEmulatedMedia", map[string]any{"media": "print"})
	if got := shown(); !strings.Contains(got, "publication") {
		t.t.Errorf("without a verdict %s are printed", got)
	}
	t.choose("files", s.path("a.pdf", "a.pdf.ksig")...)
	t.expect("OK", "key-based")
	if got := shown(); got != "H1 result facts" {
		t.t.Errorf("of a verdict %s are printed", got)
	}
	t.call(t.session, "Emulation.setEmulatedMedia", map[string]any{"media": ""})
	if got := shown(); !strings.Contains(got, "publication") {
		t.t.Errorf("of a verdict %s are on the screen", got)
	}
	t.visit(t.address())
}

// checkAccess reports what axe finds, and whether the page has to be scrolled sideways (WCAG 1.4.10, which axe cannot see).
func (t *tab) checkAccess(state string) {
	t.t.Helper()
	var found []string
	t.eval(`axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then((r) => {
		if (r.passes.length < 10) return [r.passes.length + ' rules only were applied'];
		return r.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.html + ': ' + n.failureSummary)); })`, &found)
	if len(found) > 0 {
		t.t.Errorf("%s: %s", state, strings.Join(found, "\n"))
	}
	var wide bool
	if t.eval(`document.documentElement.scrollWidth > innerWidth`, &wide); wide {
		t.t.Errorf("%s: the page is wider than the window", state)
	}
}
