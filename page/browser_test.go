package page_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/internal/qr"
	"github.com/jurat-ledger/jurat/page"
	"github.com/jurat-ledger/jurat/page/check"
)

var (
	screenshot = flag.String("screenshot", "", "file to write a picture of a verdict to, for docs/page.md")
	shots      = flag.String("shots", "", "folder to write pictures of verdicts in all languages to, for a look at them")
)

// A sealVector is test data of package seal, and the publication string that its landmarks lead to.
type sealVector struct {
	Publication string
	Vectors     []struct{ Name, Text, Landmarks, Verdict string }
}

// named returns the text of the vector with a name.
func (v sealVector) named(t testing.TB, name string) string {
	t.Helper()
	for _, x := range v.Vectors {
		if x.Name == name {
			return x.Text
		}
	}
	t.Fatalf("no vector %q", name)
	return ""
}

func sealVectors(t testing.TB) (v sealVector) {
	t.Helper()
	if err := json.Unmarshal(must(os.ReadFile(sealData+"vectors.json")), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A scene is a world's files in a folder, and the page's.
type scene struct {
	*world
	dir   string
	files map[string][]byte

	status atomic.Pointer[string] // name of the status list that the server has
	later  atomic.Int64           // how far its clock is ahead, in nanoseconds
}

// handler serves the page.
func (s *scene) handler() http.Handler {
	return page.Handler(page.HandlerConfig{Files: s.files, Log: slog.New(slog.DiscardHandler),
		Now:   func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) },
		Trust: func(context.Context) (check.Trust, error) { return s.trust, nil },
		Status: func(_ context.Context, agency string) ([]byte, error) {
			if name := s.status.Load(); name != nil && agency == "canton" {
				return os.ReadFile(sealData + *name)
			}
			return nil, nil
		}})
}

// sealData is where the test data of package seal are.
const sealData = "../merkle/seal/testdata/"

func newScene(t testing.TB) *scene {
	s := &scene{world: newWorld(0), dir: t.TempDir(), files: must(page.Files(code(t)))}
	s.trust.Landmarks = must(os.ReadFile(sealData + "landmarks.bin"))
	wrong := newWorld(1)
	for name, data := range map[string][]byte{"a.pdf": s.document, "changed.pdf": append(s.document, '.'), "a.pdf.ksig": s.fresh,
		"extended.ksig": s.extended, "damaged.ksig": s.fresh[:200], "wrong.ksig": wrong.extended, "other.bin": wrong.trust.Publications} {
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *scene) path(names ...string) (paths []string) {
	for _, name := range names {
		paths = append(paths, filepath.Join(s.dir, name))
	}
	return paths
}

// picture writes the code of a text as a picture and returns its path.
func (s *scene) picture(text string) string {
	path := filepath.Join(s.dir, "code.png")
	if err := os.WriteFile(path, must(must(qr.Encode(text)).PNG(4)), 0o600); err != nil {
		panic(err)
	}
	return path
}

// TestBrowser drives the page in Chromium: from a server, from that server when it is gone, and as a folder.
func TestBrowser(t *testing.T) {
	b := startBrowser(t)
	s := newScene(t)
	handler := s.handler()
	var gone atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	tab := b.open(server.URL)
	t.Run("documents", func(t *testing.T) { s.documents(tab.as(t)) })
	t.Run("publication", func(t *testing.T) { s.publications(tab.as(t)) })
	t.Run("seals", func(t *testing.T) { s.seals(tab.as(t)) })
	t.Run("nothing read", func(t *testing.T) { s.nothingRead(tab.as(t)) })
	t.Run("mistyped seals", func(t *testing.T) { s.mistypedSeals(tab.as(t)) })
	t.Run("revocation", func(t *testing.T) { s.revocation(tab.as(t)) })
	t.Run("verdicts", func(t *testing.T) { s.verdicts(tab.as(t)) })
	t.Run("papers", func(t *testing.T) { s.manyPapers(tab.as(t)) })
	t.Run("forged papers", func(t *testing.T) { s.forgedPapers(tab.as(t)) })
	t.Run("at once", func(t *testing.T) { s.atOnce(tab.as(t)) })
	t.Run("no pictures", func(t *testing.T) { s.notPictures(tab.as(t)) })
	t.Run("stranger's key", func(t *testing.T) { s.strangersKey(tab.as(t)) })
	t.Run("on paper", func(t *testing.T) { s.onPaper(tab.as(t)) })
	t.Run("unread", func(t *testing.T) { s.unread(tab.as(t)) })
	t.Run("bad publication", func(t *testing.T) { s.badPublication(tab.as(t)) })
	t.Run("fields apart", func(t *testing.T) { s.fieldsApart(tab.as(t)) })
	t.Run("languages", func(t *testing.T) { s.languages(tab.as(t)) })
	t.Run("offline", func(t *testing.T) {
		tab := tab.as(t)
		tab.eval("navigator.serviceWorker.ready.then(() => true)", nil)
		gone.Store(true)
		tab.visit(server.URL)
		s.documents(tab)
		s.papers(tab)
		s.revoked(tab) // by the list that was kept
	})
	t.Run("folder", func(t *testing.T) {
		tab := tab.as(t)
		tab.visit("file://" + folder(t, s.files, s.trust))
		s.documents(tab)
		s.papers(tab)
		s.seals(tab)
	})
	b.quiet(t, server.URL)
}

// folder writes the page into a folder and returns the path of its index.html.
func folder(t testing.TB, files map[string][]byte, trust check.Trust) string {
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "trust.js"), must(page.Trust(trust)), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "index.html")
}

// as returns the tab for a test within the test.
func (t *tab) as(test testing.TB) *tab {
	t.browser.t = test
	return t
}

// quiet demands that nothing was asked of other servers and that the browser had nothing to complain of.
func (b *browser) quiet(t testing.TB, server string) {
	t.Helper()
	b.t = t
	asked := b.events("Network.requestWillBeSent")
	for _, e := range asked {
		var x struct{ Request struct{ URL string } }
		decode(t, e, &x)
		u := x.Request.URL
		if !strings.HasPrefix(u, server+"/") && !strings.HasPrefix(u, "file://") && !strings.HasPrefix(u, "blob:") && !strings.HasPrefix(u, "data:") {
			t.Errorf("the page asked for %s", u)
		}
	}
	if len(asked) < 10 {
		t.Errorf("%d requests were seen", len(asked))
	}
	for _, kind := range []string{"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"} {
		for _, e := range b.events(kind) {
			if !strings.Contains(string(e), "net::ERR_") { // the server that is gone
				t.Errorf("%s: %s", kind, e)
			}
		}
	}
}

func (s *scene) documents(t *tab) {
	t.choose("files", s.path("a.pdf", "a.pdf.ksig")...)
	t.expect("OK", "key-based")
	t.choose("files", s.path("extended.ksig")...)
	t.expect("OK", "publications-file")
	var facts string
	t.eval("document.getElementById('facts').innerText + document.getElementById('not-proven').innerText", &facts)
	for _, want := range []string{"canton", "test.example/main", "November 22, 2026", "Amtsblatt 3", "does not prove"} {
		if !strings.Contains(facts, want) {
			t.t.Errorf("the page does not say %q but\n%s", want, facts)
		}
	}
	var steps int
	t.eval("document.querySelectorAll('#path svg rect').length", &steps)
	if steps < 5 {
		t.t.Errorf("%d boxes are drawn", steps)
	}
	if *screenshot != "" {
		t.eval("document.getElementById('why').open = true", nil)
		t.screenshot(*screenshot)
	}
	t.choose("files", s.path("changed.pdf")...)
	t.expect("FAIL", "changed")
	t.says("facts", "changed.pdf", "extended.ksig") // against which it is checked
	t.choose("files", s.path("a.pdf", "damaged.ksig")...)
	t.expect("NA", "format")
	t.says("verdict", "Cannot be read")
	t.choose("files", s.path("wrong.ksig")...)
	t.expect("FAIL", "other-calendar")
	t.choose("files", s.path("other.bin")...) // of somebody the page does not trust
	t.until(`document.getElementById('trusted').textContent.includes(juratWords.en['trust-refused'])`)
}

func (s *scene) publications(t *tab) {
	t.enter("publication", strings.ToLower(s.publication.String()))
	t.choose("files", s.path("a.pdf", "extended.ksig")...)
	t.expect("OK", "user-publication")
	t.until(`document.getElementById('publication-said').textContent.includes(juratWords.en['publication-same'])`)
	t.enter("publication", newWorld(1).publication.String())
	t.expect("FAIL", "other-calendar")
	t.until(`document.getElementById('publication-said').textContent.includes(juratWords.en['publication-other'])`)
	t.enter("publication", "AAAAAA-DLAJBD")
	t.until(`document.getElementById('publication').getAttribute('aria-invalid') === 'true'`)
	t.enter("publication", "")
	t.expect("OK", "publications-file")
}

func (s *scene) seals(t *tab) {
	v := sealVectors(t.t)
	t.choose("picture", s.picture(v.Publication))
	t.until(fmt.Sprintf("document.getElementById('publication').value === '%s'", v.Publication))
	t.choose("picture", s.picture(v.Vectors[0].Text))
	t.expect("OK", "seal-valid")
	var shown []string
	t.eval("[...document.querySelectorAll('#facts .said dt')].map((e) => e.textContent)", &shown)
	if want := []string{"born", "name", "debts", "total", "enforced"}; len(shown) < len(want) || !slices.Equal(shown[:len(want)], want) {
		t.t.Errorf("the fields of the seal are shown as %v, want %v first", shown, want)
	}
	t.enter("seal", v.named(t.t, "anchored, fields altered"))
	t.expect("FAIL", "seal-altered")
	t.enter("seal", v.Vectors[0].Text)
	t.expect("OK", "seal-valid")
	t.choose("picture", s.path("a.pdf")...)
	t.until(`document.getElementById('scanned').textContent.startsWith(juratWords.en['scan-unreadable'])`)
	t.enter("publication", "")
	t.enter("seal", v.Vectors[0].Text)
	t.expect("NA", "seal-cannot-tell")
	t.enter("seal", "")
}

// revocation has the page ask its server for the status list of a seal's agency.
func (s *scene) revocation(t *tab) {
	v := sealVectors(t.t)
	t.choose("files", sealData+"calendar.crt")
	t.enter("publication", v.Publication)
	name := "status-empty.bundle"
	s.status.Store(&name)
	t.enter("seal", v.Vectors[0].Text)
	t.expect("OK", "seal-valid")
	later := "status-revoked.bundle"
	s.status.Store(&later)
	s.later.Add(int64(2 * time.Minute))
	s.revoked(t)
}

// revoked shows a seal that is revoked.
func (s *scene) revoked(t *tab) {
	v := sealVectors(t.t)
	t.choose("files", sealData+"calendar.crt")
	t.enter("publication", v.Publication)
	t.choose("picture", s.picture(v.Vectors[0].Text))
	t.expect("FAIL", "seal-revoked")
	t.enter("seal", "")
	t.enter("publication", "")
}

// verdicts shows the page printed seals that it must not accept, each for a reason of its own.
func (s *scene) verdicts(t *tab) {
	v := sealVectors(t.t)
	t.visit(t.address())
	t.enter("publication", v.Publication)
	for _, c := range []struct{ vector, verdict, reason string }{
		{"anchored, fields altered", "FAIL", "seal-altered"},
		{"a character is missing", "NA", "seal-unreadable"},
		{"expired", "FAIL", "seal-expired"},
	} {
		t.choose("picture", s.picture(v.named(t.t, c.vector)))
		t.expect(c.verdict, c.reason)
	}
	t.says("verdict", "Not valid any more") // expired, which is not false
	t.says("facts", "Filed by", "canton")
	t.choose("files", sealData+"foreign.bin")
	t.choose("picture", s.picture(v.named(t.t, "landmarks of another ledger")))
	t.expect("FAIL", "seal-wrong-landmark")
	t.visit(t.address())
}

// address returns the address of the page.
func (t *tab) address() (url string) {
	t.eval("location.href", &url)
	return url
}

func (s *scene) languages(t *tab) {
	t.choose("files", s.path("a.pdf", "a.pdf.ksig")...)
	t.expect("OK", "key-based")
	for _, language := range []string{"de", "fr", "it", "en"} {
		t.speak(language)
		t.expect("OK", "key-based")
		var missing string
		t.eval(`document.body.innerText.includes('undefined') || document.documentElement.lang + document.title`, &missing)
		if want := map[string]string{"de": "deDokument prüfen", "fr": "frVérifier un document", "it": "itVerificare un documento", "en": "enVerify a document"}[language]; missing != want {
			t.t.Errorf("%s: %s", language, missing)
		}
	}
}

// screenshot writes the part of the page with the verdict as a picture.
func (t *tab) screenshot(path string) {
	t.t.Helper()
	var clip map[string]float64
	t.eval(`(() => { const r = document.getElementById('result').getBoundingClientRect();
		return {x: r.x, y: r.y + scrollY, width: r.width, height: r.height, scale: 0.8}; })()`, &clip)
	var shot struct{ Data string }
	decode(t.t, t.call(t.session, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true, "clip": clip}), &shot)
	if err := os.WriteFile(path, must(base64.StdEncoding.DecodeString(shot.Data)), 0o644); err != nil {
		t.t.Fatal(err)
	}
}
