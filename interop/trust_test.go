package interop

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/guardtime/goksi/errors"
	"github.com/guardtime/goksi/pdu"
	"github.com/guardtime/goksi/publications"
	"github.com/guardtime/goksi/service"
	"github.com/guardtime/goksi/signature"
)

// A trust is what the two verifiers trust of a server: the calendar certificates, and a publications file that leads to a
// root and is signed by an e-mail address.
type trust struct {
	certificates      string // a PEM file
	root, email, file string // the root and the publications file are files
	handler           *publications.FileHandler
	publication       string            // a publication string, if there is one to trust
	extender          string            // address of one to ask for calendar chains, if wanted
	provider          *service.Extender // the same for goksi
}

// trust returns what there is to trust of a server now: goksi fetches the publications file from the gateway.
func (s *server) trust(t *testing.T) *trust {
	t.Helper()
	url := s.publicationsURL()
	w := s.trustFile(t, download(t, url))
	w.handler = fileHandler(t, url, w.root, w.email)
	return w
}

// trustFile returns a trust in the bytes of a publications file that verifiers got by another way.
func (s *server) trustFile(t *testing.T, file []byte) *trust {
	t.Helper()
	dir := t.TempDir()
	w := &trust{
		certificates: filepath.Join(dir, "calendar.crt"), root: filepath.Join(s.dir, "keys", "root.crt"),
		email: "publications@" + s.name, file: filepath.Join(dir, "publications.bin"),
	}
	writeFile(t, w.certificates, s.certificates(t))
	writeFile(t, w.file, file)
	w.handler = fileHandler(t, serveFile(t, file), w.root, w.email)
	return w
}

// extending adds the server's extender, with the key of an agency, to what is trusted.
func (w *trust) extending(t *testing.T, s *server, agency, key string) *trust {
	t.Helper()
	wide := *w
	wide.extender = "http://" + agency + ":" + key + "@" + s.http
	wide.provider = s.extender(t, "ksi+http", agency, key, nil)
	return &wide
}

// fileArguments are the flags of jurat for the publications file.
func (w *trust) fileArguments() []string {
	return []string{"--publications-file", w.file, "--trust", w.root, "--constraint", "E=" + w.email}
}

// question returns the arguments of jurat verify and the options of goksi for a policy. With an extender, goksi is allowed
// to extend.
func (w *trust) question(t *testing.T, policy string) (args []string, options []signature.VerCtxOption) {
	t.Helper()
	switch policy {
	case "key-based":
		args = []string{"--certificate", w.certificates}
		options = append(options, signature.VerCtxOptPublicationsFileHandler(w.handler))
	case "publications-file", "general":
		args = w.fileArguments()
		options = append(options, signature.VerCtxOptPublicationsFileHandler(w.handler))
	case "user-publication":
		data, err := pdu.NewPublicationData(pdu.PubDataFromString(w.publication))
		if err != nil {
			t.Fatal(err)
		}
		args = []string{"--publication", w.publication}
		options = append(options, signature.VerCtxOptUserPublication(data))
	}
	if w.provider != nil && policy != "internal" && policy != "key-based" {
		args = append(args, "--extender", w.extender)
		options = append(options, signature.VerCtxOptCalendarProvider(w.provider), signature.VerCtxOptExtendingPermitted(true))
	}
	return args, options
}

func (s *server) publicationsURL() string { return "http://" + s.http + "/publications.bin" }

func download(t *testing.T, url string) []byte {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v: %.200q", url, r.Status, err, body)
	}
	return body
}

// serveFile hands a file out over HTTP, as anybody may hand out a publications file, and returns its address.
func serveFile(t *testing.T, file []byte) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(file) }))
	t.Cleanup(web.Close)
	return web.URL
}

// fileHandler returns how goksi gets a publications file and checks who signed it.
func fileHandler(t *testing.T, url, root, email string) *publications.FileHandler {
	t.Helper()
	h, err := publications.NewFileHandler(
		publications.FileHandlerSetPublicationsURL(url),
		publications.FileHandlerSetTrustedCertificateFromFilePem(root),
		publications.FileHandlerSetFileCertConstraint(publications.OidEmail, email),
	)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestPublicationsFile shows that both verifiers take certificates from a publications file that is signed by whom they
// trust, and from no other.
func TestPublicationsFile(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	other := startServer(t, t.TempDir(), "jurat")
	f := s.prove(t, s.fileDocuments(t, "jurat", "main", "sha256", 1), 0)
	good := s.trust(t)
	file := download(t, s.publicationsURL())
	changed := bytes.Clone(file)
	changed[20] ^= 1 // the last byte of the time of creation
	for _, c := range []struct {
		name        string
		file        []byte
		root, email string
		want        verdict
		code        errors.ErrorCode // of goksi's verification of the file
	}{
		{"as it is", file, good.root, good.email, verdict{"OK", ""}, errors.KsiNoError},
		{"changed", changed, good.root, good.email, verdict{"NA", "GEN-02"}, errors.KsiInvalidPkiSignature},
		{"of another root", file, filepath.Join(other.dir, "keys", "root.crt"), good.email, verdict{"NA", "GEN-02"}, errors.KsiInvalidPkiSignature},
		{"of another address", file, good.root, "publications@example.org", verdict{"NA", "GEN-02"}, errors.KsiPkiCertificateNotTrusted},
		{"of another server", download(t, other.publicationsURL()), filepath.Join(other.dir, "keys", "root.crt"), good.email, verdict{"NA", "GEN-02"}, errors.KsiNoError},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := s.trustFile(t, c.file)
			w.root, w.email, w.handler = c.root, c.email, fileHandler(t, serveFile(t, c.file), c.root, c.email)
			read, err := w.handler.ReceiveFile()
			if err != nil {
				t.Fatal(err)
			}
			if err := w.handler.Verify(read); goksiCode(err) != c.code {
				t.Errorf("goksi says of the file: %v", err)
			}
			ours := juratVerdict(t, "key-based", f.path, f.path+".ksig", w.fileArguments()...)
			theirs := goksiVerdict(t, goksiPolicies["key-based"], f.signature, signature.VerCtxOptPublicationsFileHandler(w.handler))
			if ours != c.want || theirs != c.want {
				t.Errorf("jurat says %s, goksi says %s, want %s", ours, theirs, c.want)
			}
		})
	}
}

// goksiCode returns the code of an error of goksi.
func goksiCode(err error) errors.ErrorCode {
	if err == nil {
		return errors.KsiNoError
	}
	return errors.KsiErr(err).Code()
}

// TestPublications publishes seconds out of order and demands that goksi finds the right ones in the publications file.
func TestPublications(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	first := s.closeRound(t)
	s.waitClosed(t, first.Add(5*time.Second))
	at := func(n int) time.Time { return first.Add(time.Duration(n) * time.Second) }
	texts := map[int]string{}
	for _, n := range []int{4, 1, 3} {
		texts[n] = s.publish(t, at(n), "")
	}
	w := s.trust(t)
	file, err := w.handler.ReceiveFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.handler.Verify(file); err != nil {
		t.Fatal(err)
	}
	find := func(by publications.PubRecSearchBy) string {
		t.Helper()
		r, err := file.PublicationRec(by)
		if err != nil {
			t.Fatal(err)
		}
		if r == nil {
			return ""
		}
		data, err := r.PublicationData()
		if err != nil {
			t.Fatal(err)
		}
		text, err := data.Base32()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for n, want := range []struct{ nearest, latest, exact int }{{1, 4, 0}, {3, 4, 1}, {3, 4, 0}, {4, 4, 3}, {0, 0, 4}, {0, 0, 0}} {
		if got := find(publications.PubRecSearchNearest(at(n))); got != texts[want.nearest] {
			t.Errorf("nearest after second %d: %q, want that of %d", n, got, want.nearest)
		}
		if got := find(publications.PubRecSearchLatest(at(n))); got != texts[want.latest] {
			t.Errorf("latest after second %d: %q, want that of %d", n, got, want.latest)
		}
		if got := find(publications.PubRecSearchByTime(at(n))); got != texts[want.exact] {
			t.Errorf("of second %d: %q, want that of %d", n, got, want.exact)
		}
	}
	for n, text := range texts {
		if got := find(publications.PubRecSearchByPubString(text)); got != text {
			t.Errorf("publication string of second %d: goksi finds %q", n, got)
		}
	}
}

// TestNewKey verifies the proofs of before and after a change of the calendar key, with the certificates of both keys, of
// the right one and of the wrong one.
func TestNewKey(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, "jurat")
	first := s.trust(t)
	first.handler = fileHandler(t, serveFile(t, download(t, s.publicationsURL())), first.root, first.email)
	old := s.prove(t, s.fileDocuments(t, "jurat", "main", "sha256", 1), 0)
	s.stop(t)
	// A key that is good for years is replaced only when it is lost.
	if out, code := jurat(t, dir, "rotate-key", "calendar", "--data", dir); code == 0 {
		t.Errorf("a key that is good for years is replaced: %s", out)
	}
	if err := os.Remove(filepath.Join(dir, "keys", "calendar.key")); err != nil {
		t.Fatal(err)
	}
	s.rotate(t, "calendar")
	s = startServer(t, dir, "jurat")
	both := s.trust(t)
	young := s.prove(t, s.fileDocuments(t, "jurat", "seal", "sha256", 1), 0)
	for _, f := range []*filed{old, young} {
		mustVerify(t, both, f)
	}
	mustVerify(t, first, old)
	ours, theirs := ask(t, first, "key-based", young, young.signature)
	if want := (verdict{"NA", "GEN-02"}); ours != want || theirs != want {
		t.Errorf("without its certificate: jurat says %s, goksi says %s, want %s", ours, theirs, want)
	}
	// The calendar goes on under the new key.
	at := young.round.Add(time.Second)
	s.waitClosed(t, at)
	text := s.publish(t, at, "")
	w := s.trust(t)
	w.publication = text
	for _, f := range []*filed{old, young} {
		x := *f
		x.signature = s.sqlExtend(t, f, at)
		mustAccept(t, w, &x, extendedPolicies...)
	}
}

// TestNewPublicationsKey changes the key that signs publications files: verifiers that trust the root notice nothing.
func TestNewPublicationsKey(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, "jurat")
	f := s.prove(t, s.fileDocuments(t, "jurat", "main", "sha256", 1), 0)
	root, err := os.ReadFile(filepath.Join(dir, "keys", "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	before := download(t, s.publicationsURL())
	for _, c := range []struct {
		args  []string
		email string
	}{{nil, "publications@jurat"}, {[]string{"--email", "notary@ledger.example"}, "notary@ledger.example"}} {
		s.stop(t)
		s.rotate(t, "publications", c.args...)
		s = startServer(t, dir, "jurat")
		if again, err := os.ReadFile(filepath.Join(dir, "keys", "root.crt")); err != nil || !bytes.Equal(root, again) {
			t.Fatalf("the root is another one, %v", err)
		}
		after := download(t, s.publicationsURL())
		if bytes.Equal(before[len(before)-256:], after[len(after)-256:]) {
			t.Fatal("the file is not signed anew")
		}
		w := s.trustFile(t, after)
		w.email, w.handler = c.email, fileHandler(t, s.publicationsURL(), w.root, c.email)
		mustVerify(t, w, f)
	}
	mustVerify(t, s.trustFile(t, before), f)
	w := s.trust(t) // of the address that was
	args := w.fileArguments()
	ours := juratVerdict(t, "key-based", f.path, f.path+".ksig", args...)
	theirs := goksiVerdict(t, goksiPolicies["key-based"], f.signature, signature.VerCtxOptPublicationsFileHandler(w.handler))
	if want := (verdict{"NA", "GEN-02"}); ours != want || theirs != want {
		t.Errorf("with the address that was: jurat says %s, goksi says %s, want %s", ours, theirs, want)
	}
}

// rotate replaces a key of the stopped server.
func (s *server) rotate(t *testing.T, which string, args ...string) {
	t.Helper()
	if out, code := jurat(t, s.dir, slices.Concat([]string{"rotate-key", which, "--data", s.dir}, args)...); code != 0 {
		t.Fatalf("jurat rotate-key %s ends with %d: %s", which, code, out)
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
