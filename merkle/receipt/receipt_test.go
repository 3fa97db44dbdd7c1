package receipt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/receipt"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

const round calendar.Second = 1795310130 // 2026-11-22T01:15:30Z

var ledger = sync.OnceValue(func() *ksitest.Ledger { return ksitest.NewLedger("ledger.example", round) })

func options() ksi.Options {
	return ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{ledger().Certificate}}
}

func digest(text string) merkle.Digest { return sha256.Sum256([]byte(text)) }

// digests returns n leaves.
func digests(n int) (list []merkle.Digest) {
	for i := range n {
		list = append(list, digest(fmt.Sprint(i)))
	}
	return list
}

// TestFiling demands the very receipt out of the proof of every leaf of every subtree of up to 70 leaves.
func TestFiling(t *testing.T) {
	for n := 1; n <= 70; n += 1 + n/9 {
		all := digests(n)
		for i := range n {
			f, err := receipt.FilingOf(ledger().File("jura", "main", round, i, all...))
			want := receipt.Name{Round: round, Agency: "jura", Lane: "main", Index: uint64(i)}
			if err != nil || f.Name != want || f.Server != "ledger.example" || f.Leaf != all[i].Imprint() {
				t.Fatalf("leaf %d of %d: %+v: %v", i, n, f, err)
			}
		}
	}
	for _, agency := range []string{"a/b", "a\nAnswered by tax", "a\u202eb", "x"} {
		if f, err := receipt.FilingOf(ledger().File(agency, "a", round, 0, digests(1)...)); (err == nil) != (agency == "x") {
			t.Errorf("agency %q: %+v: %v", agency, f, err)
		}
	}
	for server, ok := range map[string]bool{"Kanton\u00a0Zürich\u3000東京": true, "a\x1b[2J": false, "a\u2028b": false, "a\u2029b": false, "a\u202eb": false} {
		if f, err := receipt.FilingOf(ksitest.NewLedger(server, round).File("x", "a", round, 0, digests(1)...)); (err == nil) != ok || ok && f.Server != server {
			t.Errorf("server %q: %+v: %v", server, f, err)
		}
	}
	// The same links from a lane of base level 32 would be those of other leaves.
	if f, err := receipt.FilingOf(ledger().File("jura", "ksi", round, 1, digests(2)...)); err == nil {
		t.Errorf("a leaf of level 0 in lane ksi: %+v", f)
	}
}

// record is a submission with what two agencies answered.
func record(t testing.TB) *receipt.Record {
	t.Helper()
	r, err := receipt.New(ledger().File("jura", "main", round, 1, digests(3)...), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ agency, status string }{{"tax", ""}, {"tax", "accepted"}, {"jura", "too late, by a day"}} {
		a := receipt.Answer{First: r.Name.String(), Digest: r.Leaf.Digest(), Agency: c.agency, Status: c.status}
		counter, err := receipt.NewCounter(&r.Filing, c.status, ledger().File(c.agency, "status", round+calendar.Second(i), i, append(digests(i), a.Leaf())...))
		if err == nil {
			err = r.Add(counter)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestRecord(t *testing.T) {
	r := record(t)
	if err := r.Add(r.Counters...); err != nil || len(r.Counters) != 3 {
		t.Fatalf("%d counter-receipts after adding them again: %v", len(r.Counters), err)
	}
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := receipt.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := again.JSON(); err != nil || !bytes.Equal(same, data) {
		t.Errorf("read and written, it is\n%s\nwas\n%s\n%v", same, data, err)
	}
	if verdict, findings := again.Verify(context.Background(), options()); verdict != ksi.OK || len(findings) != 4 {
		t.Errorf("%v: %+v", verdict, findings)
	}
	wrong := options()
	other := digest("another document").Imprint()
	wrong.Document = &other
	if verdict, findings := again.Verify(context.Background(), wrong); verdict != ksi.FAIL || findings[1].Result.Verdict != ksi.OK {
		t.Errorf("another document: %v: %+v", verdict, findings)
	}
	if verdict, _ := again.Verify(context.Background(), ksi.Options{Policy: ksi.KeyBased}); verdict != ksi.NA {
		t.Errorf("without a certificate: %v", verdict)
	}
}

// TestForgedRecord changes one thing after the other in a record.
func TestForgedRecord(t *testing.T) {
	data, err := record(t).JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to string }{
		{"jurat receipt 1", "jurat receipt 2"}, {`/jura/main/1"`, `/jura/main/2"`}, {`"agency": "jura"`, `"agency": "jurb"`}, {"01:15:30Z", "01:15:31Z"},
		{`"lane": "main"`, `"lane": "seal"`}, {"sha256", "sha3-256"}, {`"digest": "`, `"digest": "0`}, {`"server": "ledger`, `"server": "other`},
		{`"status": "accepted"`, `"status": "rejected"`}, {`"status": null`, `"status": ""`}, {`"status": null`, `"status": "accepted"`},
		{`/tax/status/0"`, `/tax/status/1"`}, {`"agency": "tax"`, `"agency": "jura"`}, {`"counter_receipts"`, `"counters"`}, {"\n}\n", "\n} {}"},
		{`"signature": "`, `"signature": "AAAA`}, {`"receipt"`, `"note": "x", "receipt"`},
		{`"agency": "jura"`, `"agency": "tax", "agency": "jura"`}, {`"status": null`, `"status": "rejected", "status": null`}, {`"agency"`, `"AGENCY"`},
		{`"counter_receipts": [`, `"counter_receipts": [], "counter_receipts": [`}, {`"status": null,`, ``}, {`"counter_receipts"`, `"seal_path": "", "counter_receipts"`},
	} {
		forged := strings.Replace(string(data), c.from, c.to, 1)
		if forged == string(data) {
			t.Fatalf("%q is not in the record", c.from)
		}
		if _, err := receipt.Parse([]byte(forged)); !errors.Is(err, receipt.ErrRecord) {
			t.Errorf("%q instead of %q: %v", c.to, c.from, err)
		}
	}
	if _, err := receipt.Parse(bytes.Repeat([]byte(" "), receipt.MaxRecord+1)); !errors.Is(err, receipt.ErrRecord) {
		t.Errorf("too long: %v", err)
	}
	many := `{"format":"jurat receipt 1","counter_receipts":[` + strings.Repeat("{},", 256) + "{}]}"
	if _, err := receipt.Parse([]byte(many)); !errors.Is(err, receipt.ErrUnread) || !strings.Contains(err.Error(), "more than 256") {
		t.Errorf("257 counter-receipts: %v", err)
	}
}

// TestUnreadRecord: what was cut off says nothing false, other than what was written over.
func TestUnreadRecord(t *testing.T) {
	data, err := record(t).JSON()
	if err != nil {
		t.Fatal(err)
	}
	for n := range bytes.TrimSpace(data) {
		if _, err := receipt.Parse(data[:n]); !errors.Is(err, receipt.ErrUnread) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	if _, err := receipt.Parse(bytes.Replace(data, []byte("accepted"), []byte("rejected"), 1)); err == nil || errors.Is(err, receipt.ErrUnread) {
		t.Errorf("another answer: %v", err)
	}
}

// TestFalseCounter has proofs that answer nothing.
func TestFalseCounter(t *testing.T) {
	r := record(t)
	a := receipt.Answer{First: r.Name.String(), Digest: r.Leaf.Digest(), Agency: "tax"}
	for name, proof := range map[string]*ksi.Signature{
		"filed by another agency": ledger().File("jura", "status", round, 0, a.Leaf()),
		"filed before":            ledger().File("tax", "status", round-1, 0, a.Leaf()),
		"another hash":            ledger().File("tax", "status", round, 0, digest("x")),
	} {
		if c, err := receipt.NewCounter(&r.Filing, "", proof); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for _, bad := range []receipt.Answer{
		{First: "x", Digest: a.Digest, Agency: "tax"}, {First: a.First, Digest: a.Digest[:19], Agency: "tax"}, {First: a.First, Digest: a.Digest},
		{First: a.First, Digest: a.Digest, Agency: "a/b"}, {First: a.First, Digest: a.Digest, Agency: "tax", Status: "two\nlines"},
		{First: a.First, Digest: a.Digest, Agency: "tax", Status: strings.Repeat("x", receipt.MaxStatus+1)}, {First: a.First, Digest: a.Digest, Agency: "\xff"},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v can be filed", bad)
		}
	}
	if err := a.Check(); err != nil {
		t.Error(err)
	}
}

func TestReference(t *testing.T) {
	r := record(t).Reference()
	again, err := receipt.ParseReference(r.Text() + "\n")
	if err != nil || *again != *r {
		t.Fatalf("%+v: %v", again, err)
	}
	for i := range r.Text() {
		text := []byte(r.Text())
		text[i] ^= 3
		if got, err := receipt.ParseReference(string(text)); err == nil && *got == *r {
			t.Errorf("character %d changed: the same", i)
		}
		if _, err := receipt.ParseReference(string(text[:i])); !errors.Is(err, receipt.ErrReference) {
			t.Errorf("cut off at %d: %v", i, err)
		}
	}
}

// TestGolden reads a record that was written once, with its certificate.
func TestGolden(t *testing.T) {
	const path, certificate = "testdata/record.json", "testdata/calendar.crt"
	if *rewrite {
		data, err := record(t).JSON()
		if err := errors.Join(err, os.MkdirAll("testdata", 0o755), os.WriteFile(path, data, 0o644), os.WriteFile(certificate, ledger().PEM, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	text, err2 := os.ReadFile(certificate)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Parse(data)
	certificates, err2 := ksi.ParseCertificates(text)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if same, err := r.JSON(); err != nil || !bytes.Equal(same, data) {
		t.Errorf("read and written, it is another: %v\n%s", err, same)
	}
	if verdict, findings := r.Verify(context.Background(), ksi.Options{Policy: ksi.KeyBased, Certificates: certificates}); verdict != ksi.OK || len(findings) != 4 {
		t.Errorf("%v: %+v", verdict, findings)
	}
}

// FuzzParse shows that what is read can be written and read again.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/record.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := receipt.Parse(data)
		if err != nil {
			return
		}
		written, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Parse(written); err != nil {
			t.Error(err)
		}
	})
}

// FuzzReference shows that a reference has one text.
func FuzzReference(f *testing.F) {
	f.Add("JR1:" + "BB8")
	f.Add("JR2:")
	name := receipt.Reference{Name: receipt.Name{Round: round, Agency: "jura", Lane: "main", Index: 42}, Leaf: digest("x").Imprint()}
	f.Add(name.Text())
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := receipt.ParseReference(text); err == nil && r.Text() != strings.Trim(text, "\r\n\t") {
			t.Errorf("%q is written %q", text, r.Text())
		}
	})
}
