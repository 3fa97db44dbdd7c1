package page_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/internal/receiptpage"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/transfer"
	"github.com/jurat-ledger/jurat/page/check"
)

// papers are the record of a receipt and the bundles of a document, whole and broken, at two ledgers.
type papers struct {
	document     string
	here, there  *ksitest.Ledger
	record       []byte // answered by the tax office: received, accepted
	forgedAnswer []byte // with an answer under another key
	chain, fork  []byte // of the document's holders
	hidden, gap  []byte
	printed      []byte // the receipt as a PDF
	code         string // on it
}

const papersRound = calendar.Second(filed)

func newPapers(t testing.TB) *papers {
	t.Helper()
	p := &papers{document: "a tax return", here: ksitest.NewLedger("here.example", papersRound-100), there: ksitest.NewLedger("there.example", papersRound-100)}
	leaf := merkle.Digest(sha256.Sum256([]byte(p.document)))
	proof := p.here.File("jura", "main", papersRound, 1, sha256.Sum256(nil), leaf)
	answered := func(by *ksitest.Ledger) []byte {
		r := must(receipt.New(proof, nil))
		for i, status := range []string{"", receipt.Accepted} {
			a := receipt.Answer{First: r.Name.String(), Digest: leaf[:], Agency: "tax", Status: status}
			c := must(receipt.NewCounter(&r.Filing, status, by.File("tax", "status", papersRound+5, i, a.Leaves()...)))
			if err := r.Add(c); err != nil {
				t.Fatal(err)
			}
		}
		return must(r.JSON())
	}
	p.record = answered(p.here)
	printed := must(receiptpage.New(must(receipt.Parse(p.record)), nil))
	p.printed, p.code = must(printed.PDF()), must(receipt.Parse(p.record)).Reference().Text()
	forger := ksitest.NewLedger("here.example", papersRound-100)
	forger.Certificate.ID = p.here.Certificate.ID
	p.forgedAnswer = answered(forger)

	b := must(transfer.New(proof))
	pass := func(from, to transfer.Holder, previous *merkle.Digest, by *ksitest.Ledger, agency string, after calendar.Second, vault transfer.Vault) *merkle.Digest {
		c := transfer.Content{Proof: b.Digest(), Previous: previous, From: from, To: to, Vault: vault}
		l := c.Leaf()
		if err := b.Add(transfer.Transfer{Content: c, Signature: by.File(agency, "main", papersRound+after, 0, l)}); err != nil {
			t.Fatal(err)
		}
		return &l
	}
	holder := func(name string) transfer.Holder { return must(transfer.NewHolder(name, [transfer.SaltSize]byte{1})) }
	vault := transfer.Vault{Server: "there.example", Agency: "vault"}
	first := pass(holder("jura"), holder("Marie Dupont"), nil, p.here, "jura", 10, vault)
	pass(holder("Marie Dupont"), holder("Works Ltd"), first, p.there, "vault", 20, transfer.Vault{Server: "here.example", Agency: "works"})
	p.chain = b.Append(nil)
	whole := slices.Clone(b.Transfers)
	b.Transfers[1].To = b.Transfers[1].To.Hide()
	p.hidden = b.Append(nil)
	b.Transfers = whole[1:]
	p.gap = b.Append(nil)
	b.Transfers = whole
	pass(holder("Marie Dupont"), holder("Other Ltd"), first, p.there, "vault", 30, vault)
	p.fork = b.Append(nil)
	return p
}

// TestForeignKey: a certificate that the user gave counts for the proofs of its own ledger alone, and not for those that show another name
// where the ledger's stands but are of none, without a slash or with what looks like one.
func TestForeignKey(t *testing.T) {
	p := newPapers(t)
	for machine, says := range map[string]string{
		"here.example/main":           `the proof says that it is of "here.example"`,
		"here.example":                "the proof names no ledger",
		"here.example\u2215main":      "the proof names no ledger",
		"here.example\u2215main/main": "the proof says that it is of \"here.example\u2215main\"",
	} {
		m := merkle.Metadata{ClientID: "jura", MachineID: machine, Sequence: 1, TimeMicros: uint64(papersRound) * 1e6}
		proof := p.there.FileAs(m, papersRound, 0, sha256.Sum256([]byte(p.document))).Append(nil)
		c := check.New(time.Now)
		if err := c.AddCertificates(slices.Concat(p.here.PEM, p.there.PEM)); err != nil {
			t.Fatal(err)
		}
		r := verify(c, proof, []byte(p.document))
		if r.Verdict != "NA" || !strings.Contains(r.Sentence, `known as that of "there.example" alone`) || !strings.Contains(r.Sentence, says) {
			t.Errorf("%s: %s: %s", machine, r.Verdict, r.Sentence)
		}
	}
}

// TestPapers has verdicts on receipts and on bundles of documents, with the document and without.
func TestPapers(t *testing.T) {
	p := newPapers(t)
	both := slices.Concat(p.here.PEM, p.there.PEM)
	w := newWorld(0)
	altered := strings.Replace(string(p.record), `"accepted"`, `"rejected"`, 1)
	for name, x := range map[string]struct {
		data         []byte
		document     string // "-" for none
		certificates []byte
		publication  string
		want, bases  string
	}{
		"a receipt":                  {p.record, p.document, p.here.PEM, "", "OK record", "key-given key-given key-given"},
		"a receipt alone":            {p.record, "-", p.here.PEM, "", "OK record-alone", "key-given key-given key-given"},
		"of another document":        {p.record, "another", p.here.PEM, "", "FAIL changed", "FAIL key-given key-given"},
		"a receipt without a key":    {p.record, "-", nil, "", "NA several-time", "NA NA NA"},
		"with another publication":   {p.record, "-", p.here.PEM, w.publication.String(), "NA several-publication", "NA NA NA"},
		"a forged answer":            {p.forgedAnswer, p.document, p.here.PEM, "", "FAIL answer", "key-given FAIL FAIL"},
		"an altered receipt":         {[]byte(altered), p.document, p.here.PEM, "", "FAIL record-format", ""},
		"a receipt cut off":          {p.record[:len(p.record)/2], "-", p.here.PEM, "", "FAIL record-unread", ""},
		"a chain":                    {p.chain, p.document, both, "", "OK chain", "key-given key-given key-given"},
		"a chain alone":              {p.chain, "-", both, "", "OK chain-alone", "key-given key-given key-given"},
		"a chain without a name":     {p.hidden, "-", both, "", "OK chain-alone", "key-given key-given key-given"},
		"the key of one ledger":      {p.chain, "-", p.here.PEM, "", "NA several-time", "key-given key-given NA"},
		"a chain of another":         {p.chain, "another", both, "", "FAIL changed", "FAIL key-given key-given"},
		"a fork":                     {p.fork, p.document, both, "", "FAIL broken-chain", "key-given key-given key-given key-given"},
		"a gap":                      {p.gap, p.document, both, "", "FAIL broken-chain", "key-given key-given"},
		"a bundle cut off":           {p.chain[:2000], "-", both, "", "FAIL chain-format", ""},
		"a newer receipt":            {[]byte(`{"format":"jurat receipt 2","more":1}`), "-", both, "", "NA newer", ""},
		"a newer bundle":             {[]byte(transfer.Magic + "\x02" + strings.Repeat("more", 10)), "-", both, "", "NA newer", ""},
		"the shortest of its kind":   {[]byte(transfer.Magic), "-", both, "", "FAIL chain-format", ""},
		"the record as a JSON value": {[]byte(`{"format":"jurat receipt 1"}`), "-", both, "", "FAIL record-unread", ""},
	} {
		c := check.New(time.Now)
		if err := c.AddCertificates(x.certificates); len(x.certificates) > 0 && err != nil {
			t.Fatal(err)
		}
		if _, err := c.SetPublication(x.publication); err != nil {
			t.Fatal(err)
		}
		r := c.Open(x.data)
		switch {
		case r != nil:
		case x.document == "-":
			r = c.Alone(context.Background())
		default:
			c.Write([]byte(x.document))
			r = c.Finish(context.Background())
		}
		var bases []string
		for _, e := range r.Events {
			bases = append(bases, e.Basis)
		}
		if got := r.Verdict + " " + r.Reason; got != x.want || strings.Join(bases, " ") != x.bases {
			t.Errorf("%s: %s (%s %s), %s, want %s, %s", name, got, r.Code, r.Sentence, bases, x.want, x.bases)
		}
		if (r.Reason == "broken-chain") != (len(r.Faults) == 1) && r.Reason != "changed" {
			t.Errorf("%s: faults %v", name, r.Faults)
		}
		if r.Kind == "chain" && (r.Holder == nil) != (r.Verdict == "FAIL") {
			t.Errorf("%s: holder %v", name, r.Holder)
		}
	}
}

// papers shows the page a receipt and the bundle of a document.
func (s *scene) papers(t *tab) {
	s.writePapers(t.t)
	t.visit(t.address())
	t.choose("files", s.path("receipt.json", "return.pdf", "here.crt", "there.crt")...)
	t.expect("OK", "record")
	t.says("papers", "Answered by tax: accepted")
	t.choose("files", s.path("chain.bundle")...)
	t.expect("NA", "chain-alone")
	t.says("facts", "Works Ltd")
	t.visit(t.address())
}

func (s *scene) writePapers(t testing.TB) *papers {
	t.Helper()
	p := newPapers(t)
	for name, data := range map[string][]byte{"return.pdf": []byte(p.document), "here.crt": p.here.PEM, "there.crt": p.there.PEM, "receipt.json": p.record, "receipt.pdf": p.printed,
		"forged.json": p.forgedAnswer, "chain.bundle": p.chain, "fork.bundle": p.fork, "hidden.bundle": p.hidden, "cut.bundle": p.chain[:3000]} {
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// manyPapers shows the page receipts and bundles of documents, whole and broken.
func (s *scene) manyPapers(t *tab) {
	p := s.writePapers(t.t)
	t.visit(t.address())
	t.choose("picture", s.picture(p.code))
	t.expect("NA", "reference")
	t.says("facts", papersRound.String()+"/jura/main/1")
	t.enter("seal", p.code[:30])
	t.expect("NA", "reference-format")
	t.enter("seal", "")
	t.choose("files", s.path("receipt.json")...)
	t.expect("NA", "several-time")
	t.says("papers", "jura", "Answered by tax: accepted", "Nothing here vouches for its time")
	t.choose("files", s.path("here.crt")...)
	t.expect("NA", "record-alone")
	t.choose("files", s.path("return.pdf")...)
	t.expect("OK", "record")
	t.says("facts", "jura", "here.example/main", "return.pdf", "receipt.json", papersRound.String()+"/jura/main/1")
	t.says("papers", "November 22, 2026", "Filed by jura", "Answered by tax: received", "Answered by tax: accepted", "whose certificate you gave")
	t.says("not-proven", "no other answer", "only a publication excludes that")
	t.visit(t.address())
	s.write(t.t, "saved.pdf", bytes.Replace(p.printed, []byte("/Type /EmbeddedFile"), []byte("/Params <<>>/Type/EmbeddedFile"), 1)) // by another program
	t.choose("files", s.path("here.crt", "saved.pdf")...)
	t.expect("NA", "record-alone")
	t.visit(t.address())
	t.choose("files", s.path("here.crt", "receipt.pdf")...)
	t.expect("NA", "record-alone")
	t.choose("files", s.path("return.pdf")...)
	t.expect("OK", "record")
	t.visit(t.address())
	t.choose("files", s.path("here.crt", "return.pdf", "receipt.pdf")...)
	t.expect("OK", "record")
	t.choose("files", s.path("forged.json", "return.pdf")...)
	t.expect("FAIL", "answer")
	t.says("papers", "Its proof is false")
	t.choose("files", s.path("chain.bundle", "return.pdf")...)
	t.expect("NA", "several-time")
	t.choose("files", s.path("there.crt")...)
	t.expect("OK", "chain")
	t.says("facts", "Works Ltd")
	t.says("papers", "Passed on from jura to Marie Dupont", "Kept since then by vault (there.example)", "Passed on from Marie Dupont to Works Ltd")
	t.says("not-proven", "a second time", "names of the holders")
	t.choose("files", s.path("hidden.bundle")...)
	t.expect("NA", "chain-alone") // the document was that of the verdict before
	t.says("facts", "somebody not named (")
	t.choose("files", s.path("fork.bundle", "return.pdf")...)
	t.expect("FAIL", "broken-chain")
	t.says("papers", "passed on more than once", "Other Ltd")
	t.choose("files", s.path("chain.bundle", "return.pdf")...)
	t.expect("OK", "chain")
	t.choose("files", s.path("changed.pdf")...)
	t.expect("FAIL", "changed")
	t.says("facts", "changed.pdf", "chain.bundle") // against which it is checked
	t.choose("files", s.path("cut.bundle")...)
	t.expect("NA", "chain-format")
	t.choose("files", s.path("chain.bundle", "return.pdf")...)
	t.expect("OK", "chain")
	for _, language := range []string{"de", "fr", "it", "en"} {
		t.speak(language)
		t.expect("OK", "chain")
		var undefined bool
		if t.eval(`document.body.innerText.includes('undefined')`, &undefined); undefined {
			t.t.Errorf("%s: a word is missing", language)
		}
		if *shots != "" {
			t.eval("document.getElementById('why').open = false", nil)
			t.screenshot(filepath.Join(*shots, "chain-"+language+".png"))
		}
	}
	t.visit(t.address())
}

// says waits until a part of the page has these words.
func (t *tab) says(id string, words ...string) {
	t.t.Helper()
	for _, w := range words {
		t.until(fmt.Sprintf("document.getElementById('%s').innerText.includes(%q)", id, w))
	}
}

// speak chooses a language.
func (t *tab) speak(language string) {
	t.t.Helper()
	t.eval(fmt.Sprintf(`{ const e = document.getElementById('language'); e.value = '%s'; e.dispatchEvent(new Event('change')); }`, language), nil)
}
