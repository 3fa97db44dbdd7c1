package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/receipt"
)

// given are a document, its proof and the certificate that vouches for it, in a directory.
func given(t *testing.T) (d *desk, proof []byte) {
	t.Helper()
	d = &desk{t, t.TempDir()}
	l := ksitest.NewLedger("ledger.example", 1795310000)
	proof = l.File("canton", "main", 1795310130, 0, sha256.Sum256([]byte("letter"))).Append(nil)
	d.write("letter.txt", "letter")
	d.write("letter.txt.ksig", string(proof))
	d.write("calendar.crt", string(l.PEM))
	return d, proof
}

// TestHostileNames gives files whose names would speak to a terminal in the place of the program.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	d, _ := given(t)
	const name = "x\x1b[2J\nOK: all is well\n\u202e"
	certificate := d.write("c"+name, string(d.read("calendar.crt")))
	s := startServer(t, t.TempDir())
	document, bad, missing := d.path("letter.txt"), d.write(name, "JURATCTZ"), d.path("missing"+name)
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{"verify", document, "--certificate", certificate}},
		{1, []string{"verify", document, bad}},
		{1, []string{"verify-bundle", bad}},
		{3, []string{"verify", missing}},
		{3, []string{"verify", document, "--certificate=" + missing}},
		{3, []string{"verify-bundle", missing}},
		{3, []string{"inspect", bad}},
		{3, []string{"receipt", bad}},
		{3, []string{"verify", document, "--publications-file", missing, "--trust", certificate, "--constraint", "E=a@b"}},
		{0, []string{"sign", "--server", s.url(), d.write("d"+name, "doc")}},
		{0, []string{"export", "--agency", "jurat", "--server", s.url(), "--to", d.path("bundle" + name)}},
		{0, []string{"backup", "--data", s.dir, "--to", d.path("backup" + name)}},
		{0, []string{"doctor", "--data", d.path("data" + name)}},
	} {
		if c.args[0] == "backup" {
			s.stop()
		}
		r := run(t, d.dir, c.args...)
		if said := r.stdout + r.stderr; r.code != c.code || strings.ContainsAny(said, "\x1b\u202e") || strings.Contains(said, "\nOK: all is well") {
			t.Errorf("%q: %d %q", c.args, r.code, said)
		}
	}
}

// TestWrappedProofs gives proofs as people get them who were in a hurry: each is told what to do.
func TestWrappedProofs(t *testing.T) {
	t.Parallel()
	d, proof := given(t)
	for data, words := range map[string]string{
		base64.StdEncoding.EncodeToString(proof): "base64 -d",
		hex.EncodeToString(proof):                "xxd -r -p",
		`\x` + hex.EncodeToString(proof):         "hex text as psql prints it",
		"PK\x03\x04" + string(proof):             "unpack it first",
		"":                                       "the file is empty",
		"letter":                                 "its proof second",
		string(proof) + "\r\n":                   "it was cut off or changed",
	} {
		path := filepath.Join(d.dir, "wrapped.ksig")
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		d.expect(1, words, "verify", d.path("letter.txt"), path)
	}
}

// TestPrintedReceipt checks a receipt to print by the record that is attached to it, whoever saved it last.
func TestPrintedReceipt(t *testing.T) {
	t.Parallel()
	d, proof := given(t)
	s, err := ksi.Parse(proof)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	record, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	trusted := []string{"--certificate", d.path("calendar.crt"), "--document", d.path("letter.txt")}
	d.expect(0, "OK: ", append(trusted, "receipt", d.write("receipt.json", string(record)), "--out", d.path("receipt.pdf"))...)
	d.write("saved.pdf", strings.Replace(string(d.read("receipt.pdf")), "/Type /EmbeddedFile", "/Params <<>>/Type/EmbeddedFile", 1))
	d.write("bare.pdf", strings.Replace(string(d.read("receipt.pdf")), "/EmbeddedFile", "/EmbeddedFeel", 1))
	for _, name := range []string{"receipt.pdf", "saved.pdf"} {
		d.expect(0, "OK: ", append(trusted, "receipt", d.path(name))...)
		d.expect(0, "What that shows was not checked", append(trusted, "receipt", d.path(name))...)
	}
	d.expect(3, "a PDF without the record of a receipt", append(trusted, "receipt", d.path("bare.pdf"))...)
}
