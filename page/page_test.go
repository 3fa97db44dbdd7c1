package page_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/page"
	"github.com/jurat-ledger/jurat/page/check"
	"github.com/jurat-ledger/jurat/page/pack"
)

// filed is when the document of a world is filed.
const filed calendar.Second = 1795310100

// madeCode makes the code of the page as "make page" does, once for all tests. What "make page" made of the same is used, since packing takes long.
var madeCode = sync.OnceValues(func() (c page.Code, err error) {
	if c.Glue, err = pack.Glue(); err != nil {
		return c, err
	}
	verifier, err := pack.Verifier("verifier")
	if err != nil {
		return c, err
	}
	reader, err := os.ReadFile("vendored/zxing_reader.wasm")
	if err != nil {
		return c, err
	}
	kept, err := page.Built()
	if err != nil && !errors.Is(err, page.ErrNotBuilt) {
		return c, err
	}
	if c.Verifier, err = packed(kept.Verifier, verifier); err != nil {
		return c, err
	}
	c.Reader, err = packed(kept.Reader, reader)
	return c, err
})

// packed returns data packed: kept if it is that.
func packed(kept, data []byte) ([]byte, error) {
	if back, err := pack.Unpack(kept); err == nil && bytes.Equal(back, data) {
		return kept, nil
	}
	return pack.Pack(data)
}

func code(t testing.TB) page.Code {
	t.Helper()
	c, err := madeCode()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// maxVerifier is how many bytes a browser may have to load, and a folder to hold, of the verifier and what it takes to run it.
const maxVerifier = 1_500_000

func TestSize(t *testing.T) {
	files := must(page.Files(code(t)))
	total := 0
	for _, name := range []string{"verifier.js", "unpack.js", "wasm_exec.js"} {
		t.Logf("%s: %d bytes", name, len(files[name]))
		if len(files[name]) == 0 {
			t.Errorf("%s: nothing", name)
		}
		total += len(files[name])
	}
	if total > maxVerifier {
		t.Errorf("the verifier takes %d bytes, want %d at most: see package pack for what makes it small", total, maxVerifier)
	}
}

// A world is a document, its proofs and what vouches for them.
type world struct {
	document       []byte
	fresh          []byte // proof that rests on the calendar key
	extended       []byte // the same document's, resting on a publication
	publication    ksi.Publication
	trust          check.Trust // the publications file holds the publication and the certificate
	certificatePEM []byte
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newWorld makes a world; salt makes its calendar another one.
func newWorld(salt byte) *world {
	w := &world{document: []byte("Auszug aus dem Register\n")}
	key, cert := ksitest.NewKey(2048, "test.example", filed.Time(), time.Now())
	w.certificatePEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.X509.Raw})
	imprint := must(merkle.NewImprint(merkle.SHA256, func() []byte { d := sha256.Sum256(w.document); return d[:] }()))
	m := merkle.Metadata{ClientID: "canton", MachineID: "test.example/main", Sequence: 7, TimeMicros: uint64(filed) * 1e6}
	var leaves merkle.Leaves
	leaves.Append(imprint)
	tree := merkle.NewTree(0)
	tree.Append(&leaves)
	root := merkle.SlotNode(tree.Root(), m.Append(nil))
	chains := []merkle.Chain{{merkle.IssuerLink(m.Append(nil), 0, 1)}}
	var part calendar.Part
	for s := filed - 1; s < filed+20; s++ {
		d := sha256.Sum256([]byte{byte(s), salt})
		if s == filed {
			d = root
		}
		if err := part.Append(s, d); err != nil {
			panic(err)
		}
	}
	parts := func(at calendar.Second) (ksi.Parts, ksi.Publication) {
		c := must(calendar.Prove(&part, filed, at))
		return ksi.Parts{Round: filed, Leaf: imprint, Chains: chains, CalendarTime: at, Calendar: c},
			ksi.Publication{Time: at, Root: c.Root(root).Imprint()}
	}
	p, p0 := parts(filed)
	p.Authentication = must(ksi.SignAuthentication(rand.Reader, key, cert, p0))
	w.fresh = must(ksi.Build(p)).Append(nil)
	p, w.publication = parts(filed + 15)
	p.Notice = &ksi.Notice{References: []string{"Amtsblatt <b>3</b>"}}
	w.extended = must(ksi.Build(p)).Append(nil)

	rootKey, fileKey := must(rsa.GenerateKey(rand.Reader, 2048)), must(rsa.GenerateKey(rand.Reader, 2048))
	rootCert := must(x509.ParseCertificate(must(ksi.NewPublicationsRoot(rand.Reader, rootKey, "test.example root", time.Now()))))
	fileCert := must(x509.ParseCertificate(must(ksi.NewPublicationsCertificate(rand.Reader, rootCert, rootKey, fileKey.Public(), "test.example", "publications@test.example", time.Now()))))
	w.trust = check.Trust{Roots: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootCert.Raw})),
		Constraints: []string{"E=publications@test.example"},
		Publications: must(ksi.BuildPublicationsFile(ksi.Contents{Created: filed, Certificates: []ksi.Certificate{cert},
			Publications: []ksi.PublicationRecord{{Publication: w.publication, Notice: ksi.Notice{References: []string{"Amtsblatt 3"}}}}}, fileKey, fileCert))}
	return w
}

// verify verifies as the page does.
func verify(c *check.Checker, proof, document []byte) *check.Report {
	if r := c.Open(proof); r != nil {
		return r
	}
	c.Write(document)
	return c.Finish(context.Background())
}

func TestCheck(t *testing.T) {
	w, other := newWorld(0), newWorld(1)
	text := w.publication.String()
	for name, x := range map[string]struct {
		proof, document []byte
		trust           check.Trust
		publication     string
		certificate     []byte
		want            string
	}{
		"publications file":       {w.extended, w.document, w.trust, "", nil, "OK publications-file"},
		"publication":             {w.extended, w.document, check.Trust{}, text, nil, "OK user-publication"},
		"certificate of the file": {w.fresh, w.document, w.trust, "", nil, "OK key-based"},
		"certificate given":       {w.fresh, w.document, check.Trust{}, "", w.certificatePEM, "OK key-given"},
		"certificate of both":     {w.fresh, w.document, w.trust, "", w.certificatePEM, "OK key-based"},
		"nothing":                 {w.extended, w.document, check.Trust{}, "", nil, "NA publication"},
		"no certificate":          {w.fresh, w.document, check.Trust{}, "", nil, "NA certificate"},
		"other publication":       {w.extended, w.document, w.trust, other.publication.String(), nil, "FAIL other-calendar"},
		"not extended":            {w.fresh, w.document, w.trust, text, nil, "NA other-publication"},
		"changed":                 {w.extended, append([]byte("x"), w.document...), w.trust, "", nil, "FAIL changed"},
		"forged key":              {w.fresh, w.document, check.Trust{}, "", other.certificatePEM, "NA certificate"},
		"damaged":                 {w.extended[:100], w.document, w.trust, "", nil, "FAIL format"},
	} {
		c := check.New(time.Now)
		if err := c.SetTrust(x.trust); err != nil {
			t.Fatal(err)
		}
		if _, err := c.SetPublication(x.publication); err != nil {
			t.Fatal(err)
		}
		if x.certificate != nil {
			if err := c.AddCertificates(x.certificate); err != nil {
				t.Fatal(err)
			}
		}
		r := verify(c, x.proof, x.document)
		if got := r.Verdict + " " + r.Reason; got != x.want {
			t.Errorf("%s: %s (%s %s), want %s", name, got, r.Code, r.Sentence, x.want)
		}
		if r.Given != (name == "certificate given") || (r.Rests == w.publication.Time.String()) != (name == "nothing") {
			t.Errorf("%s: rests on a certificate given: %t, on the publication of %q", name, r.Given, r.Rests)
		}
		if r.Verdict == "OK" && (r.Agency != "canton" || r.Time != filed.String() || len(r.Steps) < 2) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	c := check.New(time.Now)
	mixed := w.trust
	mixed.Publications = other.trust.Publications
	if err := c.SetTrust(mixed); err == nil || c.Trusted().Created != "" {
		t.Errorf("a publications file of somebody else was taken: %v", err)
	}
}

// Every word that page and scripts ask for is there in all languages, and no other.
func TestWords(t *testing.T) {
	var words map[string]map[string]string
	if err := json.Unmarshal(must(os.ReadFile("static/words.json")), &words); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	files := must(filepath.Glob("static/*"))
	var source strings.Builder
	for _, f := range append(files, "check/check.go", "check/papers.go", "../merkle/seal/verify.go", "../merkle/transfer/verify.go") {
		if filepath.Base(f) != "words.json" {
			source.Write(must(os.ReadFile(f)))
		}
	}
	for _, m := range regexp.MustCompile(`(?:data-word=|word\()["']([a-z-]+)["']`).FindAllStringSubmatch(source.String(), -1) {
		if !strings.HasSuffix(m[1], "-") {
			wanted[m[1]] = true
		}
	}
	for key := range words["en"] {
		// Keys that are made of parts stand in the source by their last part.
		part := regexp.MustCompile(`^(reason|verdict|publication|chosen|basis|fault|status)-(seal-)?`).ReplaceAllString(key, "")
		if strings.HasPrefix(key, "reason-seal-") || strings.HasPrefix(key, "fault-") {
			part = strings.ReplaceAll(part, "-", " ")
		}
		part = strings.TrimSuffix(part, "-alone")
		if !strings.Contains(source.String(), `'`+key+`'`) && !strings.Contains(source.String(), `"`+key+`"`) &&
			!strings.Contains(source.String(), `"`+part+`"`) && !strings.Contains(source.String(), `'`+part+`'`) && !slices.Contains([]string{"OK", "FAIL", "NA", "user-publication", "publications-file", "key-based"}, part) {
			t.Errorf("nobody asks for %s", key)
		}
	}
	for _, language := range []string{"de", "fr", "it", "en"} {
		for key := range wanted {
			if words[language][key] == "" {
				t.Errorf("%s: no word for %s", language, key)
			}
		}
		for key := range words["en"] {
			if words[language][key] == "" {
				t.Errorf("%s: no word for %s", language, key)
			}
		}
		if len(words[language]) != len(words["en"]) {
			t.Errorf("%s has %d words, en %d", language, len(words[language]), len(words["en"]))
		}
	}
	if len(words) != 4 || len(wanted) < 30 {
		t.Errorf("%d languages, %d words", len(words), len(wanted))
	}
}

// What is vendored is what was published.
func TestVendored(t *testing.T) {
	for name, want := range map[string]string{
		"zxing_reader.wasm": "e8af31edb56d0522f4de74495839385ef019ba8bc90d38e5ecb2f18795d86fb2",
		"zxing_reader.js":   "d33d09ce132a692faffbed0dce656c36cb2573b4b843885a6e036390d1071d95",
	} {
		if got := sum(must(os.ReadFile("vendored/" + name))); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func sum(data []byte) string { return merkle.Digest(sha256.Sum256(data)).String() }

func TestHandler(t *testing.T) {
	files := must(page.Files(page.Code{Verifier: []byte("code"), Glue: []byte("glue"), Reader: []byte("reader")}))
	w := newWorld(0)
	h := page.Handler(page.HandlerConfig{Files: files, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Trust: func(context.Context) (check.Trust, error) { return w.trust, nil }})
	get := func(method, path string) *http.Response {
		r := httptest.NewRecorder()
		h.ServeHTTP(r, httptest.NewRequest(method, path, nil))
		return r.Result()
	}
	for path, want := range map[string]int{"/": 200, "/page.js": 200, "/trust.js": 200, "/publications.bin": 200, "/landmarks.bin": 404,
		"/words.json": 404, "/static/page.js": 404, "/../page.go": 404} {
		r := get("GET", path)
		if r.StatusCode != want || r.Header.Get("Content-Security-Policy") == "" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if r := get(method, "/"); r.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, r.StatusCode)
		}
	}
}

// TestHandlerTrust sees to it that what is trusted is asked for once a minute, that browsers which have it are told so, and that more of it
// is given out when there is more.
func TestHandlerTrust(t *testing.T) {
	w, other := newWorld(0), newWorld(1)
	now, asked, trust := time.Now(), 0, w.trust
	h := page.Handler(page.HandlerConfig{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		Trust: func(context.Context) (check.Trust, error) {
			asked++
			again := trust
			again.Publications = slices.Clone(trust.Publications) // as a server gives it: the same bytes, made anew
			return again, nil
		}})
	tag := ""
	get := func(wantCode, wantAsked int, want check.Trust) {
		t.Helper()
		q := httptest.NewRequest("GET", "/trust.js", nil)
		q.Header.Set("If-None-Match", tag)
		r := httptest.NewRecorder()
		h.ServeHTTP(r, q)
		if r.Code != wantCode || asked != wantAsked || r.Code == http.StatusOK && !bytes.Equal(r.Body.Bytes(), must(page.Trust(want))) {
			t.Errorf("code %d, asked %d times, want %d and %d: %.300s", r.Code, asked, wantCode, wantAsked, r.Body)
		}
		tag = r.Header().Get("ETag")
	}
	get(http.StatusOK, 1, w.trust)
	get(http.StatusNotModified, 1, w.trust)
	now = now.Add(2 * time.Minute)
	get(http.StatusNotModified, 2, w.trust)
	trust = other.trust
	get(http.StatusNotModified, 2, w.trust)
	now = now.Add(2 * time.Minute)
	get(http.StatusOK, 3, other.trust)
	get(http.StatusNotModified, 3, other.trust)
}
