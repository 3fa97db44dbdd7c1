package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
)

// A server that shows another certificate than before is refused until somebody says otherwise.
func TestServerChangesKey(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := filepath.Join(home, "letter.txt")
	if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	first := startServer(t, t.TempDir())
	if r := run(t, home, "sign", "--server", first.url(), file); r.code != 0 || !strings.Contains(r.stderr, "Remembered") {
		t.Fatalf("first filing: %+v", r)
	}
	address := first.address
	first.stop()

	second := startServer(t, t.TempDir(), "--listen", address)
	if r := run(t, home, "sign", "--force", "--server", second.url(), file); r.code != exitError || !strings.Contains(r.stderr, "--trust") {
		t.Errorf("another server at the same address: %+v", r)
	}
	if r := run(t, home, "sign", "--force", "--trust", "--server", second.url(), file); r.code != 0 {
		t.Errorf("trusted: %+v", r)
	}
	if r := run(t, home, "verify", file); r.code != 0 {
		t.Errorf("verify: %+v", r)
	}

	// A damaged file of the trust store is named and left out.
	dir := filepath.Join(home, ".config", "jurat", "calendars")
	if err := os.WriteFile(filepath.Join(dir, "torn.crt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run(t, home, "verify", file); r.code != 0 || !strings.Contains(r.stderr, "torn.crt") {
		t.Errorf("with a torn file: %+v", r)
	}
	second.stop()
}

// TestNamesake: a server that bears the name of one that is known by another address is refused until somebody says otherwise; the known one
// itself by another address is not. What is remembered decides for the proofs of the ledger of its name alone, what is given for all.
func TestNamesake(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	now := time.Now()
	_, own := ksitest.NewKey(2048, "ledger.example", now, now)
	_, evil := ksitest.NewKey(2048, "ledger.example", now, now)
	_, foreign := ksitest.NewKey(2048, "other.example", now, now)
	for _, c := range []struct {
		address string
		shown   ksi.Certificate
		anyway  bool
		refused bool
	}{
		{"ledger.example:5433", own, false, false},
		{"192.0.2.1:5433", own, false, false},
		{"other.example:5433", foreign, false, false},
		{"evil.example:5433", evil, false, true},
		{"evil.example:5433", evil, true, false},
		{"evil.example:5433", evil, false, false},
	} {
		word, err := remember(c.address, []ksi.Certificate{c.shown}, c.anyway)
		if (err != nil) != c.refused || c.refused && (!strings.Contains(err.Error(), "--trust") || !strings.Contains(err.Error(), "ledger.example_5433.crt")) {
			t.Errorf("%s: %q, %v", c.address, word, err)
		}
	}
	o := verifyOptions{policy: ksi.General.String()}
	basis, err := o.basis()
	if err != nil || len(basis.options.Named) != 4 || len(basis.options.Certificates) != 0 {
		t.Errorf("%d of a name, %d of all, %v", len(basis.options.Named), len(basis.options.Certificates), err)
	}
	o.publication = "AAAAAA-CJS5NQ-AAPOD6-6I7U75-PD6RDO-PCM7PZ-V4RWCG-Y4LPSE-6AQKXC-YUDHET-M4WE23-XFPW6G"
	if beside, err := o.basis(); err != nil || len(beside.options.Named) != 0 {
		t.Errorf("beside a publication: %d of a name, %v", len(beside.options.Named), err)
	}
	o.publication = ""
	o.certificates = []string{filepath.Join(home, ".config", "jurat", "calendars", "other.example_5433.crt")}
	basis, err = o.basis()
	if err != nil || len(basis.options.Named) != 0 || len(basis.options.Certificates) != 1 {
		t.Errorf("given: %d of a name, %d of all, %v", len(basis.options.Named), len(basis.options.Certificates), err)
	}
}

// TestOtherName: a proof that names another ledger than the certificate that was given verifies, as KSI tools have it, and verify says so.
func TestOtherName(t *testing.T) {
	t.Parallel()
	a, at := newAccount(t), calendar.Second(1795310130)
	evil := ksitest.NewLedger("evil.example", at)
	certificate, document := a.file("evil.crt", string(evil.PEM)), a.file("letter.txt", "letter")
	for _, name := range []string{"evil.example", "ledger.example"} {
		proof := evil.FileAs(merkle.IssuerMetadata(name, "canton", "main", 1, int64(at)), at, 0, sha256.Sum256([]byte("letter")))
		path := a.file(name+".ksig", string(proof.Append(nil)))
		out := a.expect(0, []string{"OK", "CN=evil.example", "Filed by canton (" + name + "/main)"}, "verify", document, path, "--certificate", certificate)
		var all bytes.Buffer
		w, err := bundle.NewWriter(&all, bundle.Header{Server: name, Agency: "canton", From: at, To: at, Lanes: []bundle.Lane{{Name: "main"}}})
		leaf, leaves := proof.InputImprint(), merkle.Leaves{}
		leaves.Append(leaf)
		if err := errors.Join(err, w.Begin(at, 0, 1, proof.Append(nil)), w.Append(&leaves), w.Close()); err != nil {
			t.Fatal(err)
		}
		whole := a.expect(0, []string{"OK", "of agency canton at server " + name}, "verify-bundle", a.file(name+".bundle", all.String()), "--certificate", certificate)
		for _, out := range []string{out, whole} {
			if said := strings.Contains(out, `of the ledger "ledger.example", and the certificate is not`); said != (name == "ledger.example") {
				t.Errorf("a proof of %s: %s", name, out)
			}
		}
	}
}
