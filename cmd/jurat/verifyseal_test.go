package main

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

const sealTestdata = "../../merkle/seal/testdata/"

// sealVector returns the text of a vector of package seal.
func sealVector(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(sealTestdata + "vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Vectors []struct{ Name, Text string } }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all.Vectors {
		if v.Name == name {
			return v.Text
		}
	}
	t.Fatalf("no vector %q", name)
	return ""
}

// remembers makes the account trust the certificates of a file as those of a server.
func (a *account) remembers(address, certificates string) {
	a.t.Helper()
	dir := filepath.Join(a.home, ".config", "jurat", "calendars")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, address+".crt"), a.read(certificates), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// publicationsOf writes a publications file of somebody's own, and the certificate of the root that its signer leads to.
func (a *account) publicationsOf(name string, publications ...ksi.Publication) (file, root string) {
	a.t.Helper()
	now := time.Now()
	key, _ := ksitest.NewKey(2048, name, now, now)
	der, err := ksi.NewPublicationsRoot(rand.Reader, key, name, now)
	if err != nil {
		a.t.Fatal(err)
	}
	rootCert, err := ksi.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	if der, err = ksi.NewPublicationsCertificate(rand.Reader, rootCert.X509, key, &key.PublicKey, name, "publications@"+name, now); err != nil {
		a.t.Fatal(err)
	}
	cert, err := ksi.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	c := ksi.Contents{Created: 1}
	for _, p := range publications {
		c.Publications = append(c.Publications, ksi.PublicationRecord{Publication: p})
	}
	data, err := ksi.BuildPublicationsFile(c, key, cert.X509)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.file(name+".bin", string(data)), a.file(name+".crt", pemOf(rootCert))
}

// TestVerifySealLeftOut: a publications file that nobody trusts is named, and no remembered key takes its place.
func TestVerifySealLeftOut(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.remembers("ledger.example_5433", sealTestdata+"calendar.crt")
	text := sealVector(t, "immediate by the key")
	a.expect(0, []string{"VALID", "The key is trusted because of "}, "verify-seal", text)
	file, _ := a.publicationsOf("evil.example")
	_, root := a.publicationsOf("ledger.example")
	given := []string{"verify-seal", text, "--publications-file", file, "--trust", root, "--constraint", "E=publications@ledger.example"}
	a.expect(2, []string{"UNKNOWN KEY", "evil.example.bin was left out"}, given...)
	var report struct {
		Verdict  seal.Verdict
		Sentence string
	}
	out := a.expect(2, nil, append(given, "--json")...)
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Verdict != seal.UnknownKey || !strings.Contains(report.Sentence, "was left out") {
		t.Errorf("%v: %s", err, out)
	}
	a.expect(0, []string{"VALID", "evil.example.bin was left out"}, append(given, "--certificate", sealTestdata+"calendar.crt")...)
}

// TestVerifySealPicture: a picture or a document is no text of a seal, and not called a false one.
func TestVerifySealPicture(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for name, data := range map[string]string{"a.pdf": "%PDF-1.7", "a.png": "\x89PNG\r\n", "a.svg": "<svg "} {
		a.expect(3, []string{name + " is a picture or a document: give the text of its code"}, "verify-seal", a.file(name, data))
	}
	a.expect(1, []string{"UNREADABLE"}, "verify-seal", a.file("a.txt", "JS2:"))
}

func pemOf(c ksi.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.X509.Raw}))
}

// TestVerifySealContradiction: landmarks that are not those that were published say nothing about a seal. One that does without them is as
// good as before.
func TestVerifySealContradiction(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	second, err := calendar.ParseSecond("2026-11-22T01:25:30Z") // that of the publication of the vectors
	if err != nil {
		t.Fatal(err)
	}
	other := ksi.Publication{Time: second, Root: merkle.Digest{1}.Imprint()}
	given := []string{"--landmarks", sealTestdata + "landmarks.bin", "--publication", other.String(), "--at", "2026-11-22T01:45:00Z"}
	anchored, immediate := sealVector(t, "anchored at a publication"), sealVector(t, "immediate by the key")
	const words = "the landmarks are not those of the calendar: as of 2026-11-22T01:25:30Z"
	a.expect(2, []string{"CANNOT TELL: ", words}, append([]string{"verify-seal", anchored}, given...)...)
	var report struct{ Verdict seal.Verdict }
	out := a.expect(2, nil, append([]string{"verify-seal", anchored, "--json"}, given...)...)
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Verdict != seal.CannotTell {
		t.Errorf("%v: %s", err, out)
	}
	a.expect(0, []string{"VALID: ", words}, append([]string{"verify-seal", immediate, "--certificate", sealTestdata + "calendar.crt"}, given...)...)
}
