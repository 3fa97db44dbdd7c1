package page_test

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// write puts a file into the folder of the scene.
func (s *scene) write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// forgedPapers shows the page a PDF that carries a genuine receipt and shows something else. Whatever else is there, it is no genuine document.
func (s *scene) forgedPapers(t *tab) {
	p := s.writePapers(t.t)
	s.write(t.t, "forged.pdf", slices.Concat(p.printed, []byte("% another text\n")))
	s.write(t.t, "return.pdf.ksig", must(receipt.Parse(p.record)).Signature.Append(nil))
	for _, c := range []struct{ first, second []string }{
		{s.path("here.crt", "return.pdf.ksig"), s.path("forged.pdf")},
		{s.path("here.crt", "receipt.json"), s.path("forged.pdf")},
		{s.path("here.crt", "there.crt", "chain.bundle"), s.path("forged.pdf")},
		{s.path("here.crt"), s.path("forged.pdf", "receipt.json")},
		{s.path("here.crt"), s.path("forged.pdf", "return.pdf.ksig")},
		{s.path("here.crt", "forged.pdf"), s.path("return.pdf.ksig")},
	} {
		t.visit(t.address())
		t.choose("files", c.first...)
		t.until(`document.getElementById('trusted').textContent.includes(juratWords.en['trust-certificates']) && document.getElementById('state').textContent !== juratWords.en.working`)
		t.choose("files", c.second...)
		t.expect("FAIL", "changed")
		t.says("facts", "forged.pdf")
		t.says("notes", "a receipt of its own")
	}
	t.visit(t.address())
	t.choose("files", s.path("here.crt", "forged.pdf")...)
	t.expect("NA", "record-alone")
	t.says("verdict", "Receipt genuine – document not compared")
	t.says("notes", "What the PDF itself shows was not checked")
	t.choose("files", s.path("return.pdf")...)
	t.expect("OK", "record")
	t.says("notes", "What the PDF itself shows was not checked")
	t.choose("files", s.path("chain.bundle", "there.crt")...)
	t.expect("NA", "chain-alone")
	t.says("verdict", "Bundle genuine – document not compared")
	t.visit(t.address())
}

// atOnce gives several documents or receipts at once: none is checked against what belongs to another.
func (s *scene) atOnce(t *tab) {
	p := s.writePapers(t.t)
	s.write(t.t, "other-receipt.pdf", slices.Concat(p.printed, []byte("% saved\n")))
	for _, names := range [][]string{{"receipt.pdf", "other-receipt.pdf"}, {"a.pdf", "changed.pdf", "a.pdf.ksig"}, {"a.pdf", "a.pdf.ksig", "extended.ksig"}} {
		t.visit(t.address())
		t.choose("files", s.path(names...)...)
		t.silent(`document.getElementById('state').textContent === juratWords.en['too-many']`)
		t.until(`document.getElementById('chosen').children.length === 0`)
		t.choose("files", s.path("a.pdf", "a.pdf.ksig")...)
		t.expect("OK", "key-based")
	}
}

// notPictures gives files that the browser cannot show where a picture is wanted.
func (s *scene) notPictures(t *tab) {
	s.write(t.t, "photo.heic", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"))
	t.visit(t.address())
	for _, name := range []string{"photo.heic", "a.pdf"} {
		t.choose("picture", s.path(name)...)
		t.silent(`document.getElementById('scanned').textContent.startsWith(juratWords.en['scan-unreadable'])`)
		t.choose("picture", s.blank())
		t.silent(`document.getElementById('scanned').textContent.startsWith(juratWords.en['scan-nothing'])`)
	}
}

// strangersKey has somebody give a document with a proof and the certificate of a key of his own, which bears the ledger's name: the page says
// what that is worth.
func (s *scene) strangersKey(t *tab) {
	stranger := newWorld(1)
	s.write(t.t, "stranger.ksig", stranger.fresh)
	s.write(t.t, "stranger.crt", stranger.certificatePEM)
	t.visit(t.address())
	t.choose("files", s.path("a.pdf", "stranger.ksig", "stranger.crt")...)
	t.expect("OK", "key-given")
	t.says("notes", "Anybody can make one")
	t.choose("files", s.path("a.pdf", "a.pdf.ksig")...)
	t.expect("OK", "key-based")
	t.until(`document.getElementById('notes').textContent === ''`)
	text, certificate := pretender(t.t)
	s.write(t.t, "evil.crt", certificate)
	t.choose("files", s.path("evil.crt")...)
	t.enter("seal", text)
	t.expect("OK", "seal-valid")
	t.says("notes", "Anybody can make one")
	t.enter("seal", "")
	t.visit(t.address())
}

// silent waits until the page has no verdict, after something else became true.
func (t *tab) silent(after string) {
	t.t.Helper()
	t.until(after)
	t.until(`document.getElementById('result').hidden`)
}

// nothingRead sees to it that a verdict goes when what is given next comes to nothing.
func (s *scene) nothingRead(t *tab) {
	const scanned = `document.getElementById('scanned').textContent.startsWith(juratWords.en['scan-nothing']) ||
		document.getElementById('scanned').textContent.startsWith(juratWords.en['scan-unreadable'])`
	v := sealVectors(t.t)
	s.write(t.t, "text.txt", []byte("no picture"))
	blank := s.blank()
	t.visit(t.address())
	t.enter("publication", v.Publication)
	for _, name := range []string{blank, s.path("text.txt")[0]} {
		t.enter("seal", v.Vectors[0].Text)
		t.expect("OK", "seal-valid")
		t.choose("picture", name)
		t.silent(scanned)
	}
	t.enter("publication", "")
	t.enter("publication", v.Publication)
	t.silent(scanned) // the seal before is not taken up again
	t.enter("seal", v.Vectors[0].Text)
	t.expect("OK", "seal-valid")
	t.eval(`document.getElementById('camera').click()`, nil)
	t.silent(`document.getElementById('camera').getAttribute('aria-pressed') === 'true'`)
	t.eval(`document.getElementById('camera').click()`, nil)
	t.silent(`document.getElementById('camera').getAttribute('aria-pressed') === 'false'`)
	t.enter("publication", "")
	t.enter("seal", "")
}

// blank writes a picture without a code and returns its path.
func (s *scene) blank() string {
	path := s.path("blank.png")[0]
	canvas := image.NewGray(image.Rect(0, 0, 200, 200))
	for i := range canvas.Pix {
		canvas.Pix[i] = 255
	}
	var file bytes.Buffer
	if err := png.Encode(&file, canvas); err != nil {
		panic(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		panic(err)
	}
	return path
}

// unread has files vanish after they were chosen: the page names them and takes its verdict back.
func (s *scene) unread(t *tab) {
	t.visit(t.address())
	names := func(name string) {
		t.t.Helper()
		t.silent(fmt.Sprintf(`document.getElementById('state').textContent.startsWith(juratWords.en.unread) && document.getElementById('state').textContent.includes(%q)`, name))
	}
	s.write(t.t, "moved.pdf", s.document)
	t.choose("files", s.path("moved.pdf", "extended.ksig")...)
	t.expect("OK", "publications-file")
	if err := os.Remove(s.path("moved.pdf")[0]); err != nil {
		t.t.Fatal(err)
	}
	t.enter("publication", s.publication.String())
	names("moved.pdf")
	t.enter("publication", "")
	t.choose("files", s.path("a.pdf", "extended.ksig")...)
	t.expect("OK", "publications-file")
	t.eval(`{ const drop = new Event('drop');
		const bad = {name: 'folder', size: 4096, slice: () => ({arrayBuffer: () => Promise.reject(new DOMException('no', 'NotReadableError'))})};
		drop.dataTransfer = {files: [bad]};
		dispatchEvent(drop); }`, nil)
	names("folder")
}

// badPublication types a publication string that is not whole: a verdict that was there does not rest on it, and says so.
func (s *scene) badPublication(t *tab) {
	t.visit(t.address())
	t.choose("files", s.path("a.pdf", "a.pdf.ksig")...)
	t.expect("OK", "key-based")
	t.enter("publication", "AAAAAA-DLAJBD")
	t.says("notes", "The publication string above was not used")
	t.enter("publication", "")
	t.until(`document.getElementById('notes').textContent === ''`)
}

// mistypedSeals shows the page seals that cannot be read, which are not called false, and one whose lines are wrapped.
func (s *scene) mistypedSeals(t *tab) {
	v := sealVectors(t.t)
	t.visit(t.address())
	t.enter("publication", v.Publication)
	t.enter("seal", "JS1:ABC")
	t.expect("NA", "seal-unreadable")
	t.says("verdict", "Cannot be read")
	var wrapped strings.Builder
	for line := range slices.Chunk([]byte(v.Vectors[0].Text), 60) {
		wrapped.Write(append(line, '\n'))
	}
	t.enter("seal", wrapped.String())
	t.expect("OK", "seal-valid")
	t.enter("seal", "")
	t.enter("publication", "")
}

// pretender makes a seal of an agency that gives fields the names of what a ledger proves, and the certificate that vouches for it.
func pretender(t testing.TB) (text string, certificate []byte) {
	t.Helper()
	key, cert := ksitest.NewKey(2048, "evil.example", (filed - 3600).Time(), filed.Time())
	c := &seal.Content{NotAfter: filed + 1e9, Fields: must(seal.FieldsFromJSON(
		[]byte(`{"Filed by": "Canton of Zurich", "In the register": "ledger.zh.ch", "turned\u202e": "a\nb\u2066c"}`)))}
	p := seal.Path{Profile: seal.Immediate, Server: "evil.example", Agency: "evil", Round: filed, Sequence: 1, Count: 1}
	var err error
	if p.Key, err = seal.SignRound(rand.Reader, key, cert, filed, p.RoundRoot(c.Leaf())); err != nil {
		t.Fatal(err)
	}
	return must(seal.New(&p, c)).Text(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.X509.Raw})
}

// fieldsApart shows what the ledger proves before what a seal says, which stands apart and in which nothing turns or breaks the line.
func (s *scene) fieldsApart(t *tab) {
	text, certificate := pretender(t.t)
	s.write(t.t, "evil.crt", certificate)
	t.visit(t.address())
	t.choose("files", s.path("evil.crt")...)
	t.enter("seal", text)
	t.expect("OK", "seal-valid")
	var groups []string
	t.eval(`[...document.querySelectorAll('#facts h3, #facts dl')].map((e) => e.tagName === 'H3' ? e.textContent
		: [...e.children].map((c) => c.textContent).join('|'))`, &groups)
	want := []string{"Proven by the ledger", "Filed|", "The document says", `Filed by|Canton of Zurich|"turned\u202e"|"a\nb\u2066c"|In the register|ledger.zh.ch|Holds until|`}
	if len(groups) != 4 || !strings.Contains(groups[1], "|Filed by|evil|In the register|evil.example|") {
		t.t.Fatalf("the page shows %q", groups)
	}
	for i, g := range groups {
		if !strings.HasPrefix(g, want[i]) {
			t.t.Errorf("the page shows %q, want %q", g, want[i])
		}
	}
	t.enter("seal", "")
}
