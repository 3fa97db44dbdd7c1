package ksi_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
)

func TestPublishedData(t *testing.T) {
	p, err := ksi.ParsePublication(demoPublication)
	if err != nil {
		t.Fatal(err)
	}
	want := "3026020107042101e6b7f51f15c7fa177ff356ca05abf0e61d176368c3b1687a82d50f91e8c7ed87"
	if got := hex.EncodeToString(ksi.PublishedData(p)); got != want {
		t.Errorf("published data %s, want %s", got, want)
	}
}

func TestCalendarCertificate(t *testing.T) {
	now := time.Date(2026, 11, 22, 2, 6, 34, 567, time.FixedZone("east", 7200))
	c := calendarCertificate(t, now).X509
	if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		t.Errorf("not self-signed: %v", err)
	}
	if c.SignatureAlgorithm != x509.SHA256WithRSA || c.Subject.String() != "CN=calendar key of the tests" ||
		c.Issuer.String() != c.Subject.String() || c.SerialNumber.Sign() <= 0 || c.SerialNumber.BitLen() != 127 {
		t.Errorf("%v, subject %v, issuer %v, serial number %v", c.SignatureAlgorithm, c.Subject, c.Issuer, c.SerialNumber)
	}
	if from, until := "2026-11-21T23:06:34Z", "2028-12-22T00:06:34Z"; c.NotBefore.Format(time.RFC3339) != from ||
		c.NotAfter.Format(time.RFC3339) != until {
		t.Errorf("valid %v to %v, want %s to %s", c.NotBefore, c.NotAfter, from, until)
	}
	if id := ksi.CertificateID([]byte("123456789")); id != [4]byte{0xcb, 0xf4, 0x39, 0x26} {
		t.Errorf("certificate id %x is not the CRC-32", id)
	}
}

func TestSigningRefuses(t *testing.T) {
	now := ownRound.Time()
	cert := calendarCertificate(t, now)
	p := published(t, ownParts(t))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ksi.NewCalendarCertificate(rand.Reader, ec, "x", now, now); err == nil {
		t.Error("certificate for an ECDSA key")
	}
	if _, err := ksi.NewCalendarCertificate(bytes.NewReader(nil), other, "x", now, now); err == nil {
		t.Error("certificate without randomness")
	}
	if _, err := ksi.SignAuthentication(nil, ec, cert, p); err == nil {
		t.Error("signed with an ECDSA key")
	}
	if _, err := ksi.SignAuthentication(nil, other, cert, p); err == nil {
		t.Error("signed with another key than the certificate's")
	}
	if _, err := ksi.ParseCertificate([]byte("x")); err == nil {
		t.Error("certificate out of nothing")
	}
}

// TestKeyBased verifies a signature of our own with the calendar key, at and beyond the ends of the certificate.
func TestKeyBased(t *testing.T) {
	cert := calendarCertificate(t, ownRound.Time())
	s := build(t, signedParts(t, cert))
	document := s.InputImprint()
	verify := func(c ...ksi.Certificate) ksi.Result {
		return ksi.Verify(t.Context(), s, ksi.Options{Policy: ksi.KeyBased, Document: &document, Certificates: c})
	}
	if r := verify(cert); r.Verdict != ksi.OK || r.Code != "" || !strings.Contains(r.Sentence, "calendar key of the tests") {
		t.Errorf("%v", r)
	}
	if got := s.CertificateID(); !bytes.Equal(got, cert.ID) || len(got) != 4 {
		t.Errorf("certificate id %x, want %x", got, cert.ID)
	}
	if r := verify(); r.Verdict != ksi.NA || r.Code != ksi.GEN02 || r.Rule != "certificate known" {
		t.Errorf("without certificates: %v", r)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := ksi.NewCalendarCertificate(rand.Reader, stranger, "another key", ownRound.Time(), ownRound.Time())
	if err != nil {
		t.Fatal(err)
	}
	other, err := ksi.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	other.ID = cert.ID // 32 bits, which anybody can hit
	for _, known := range [][]ksi.Certificate{{cert, other}, {other, cert}, {other, cert, other}} {
		if r := verify(known...); r.Verdict != ksi.OK {
			t.Errorf("beside a certificate of the same id: %v", r)
		}
	}
	if r := verify(other); r.Code != ksi.KEY02 {
		t.Errorf("by the certificate of another key: %v", r)
	}
	for shift, want := range map[time.Duration]ksi.Code{
		time.Hour:                 "", // valid from ownRound on
		time.Hour + time.Second:   ksi.KEY03,
		-761*24*time.Hour + 1e9:   "", // 25 months before ownRound are 761 days: valid until a second after it
		-761 * 24 * time.Hour:     "",
		-761*24*time.Hour - 1e9:   ksi.KEY03,
		-1000 * 24 * time.Hour:    ksi.KEY03,
		1000 * 24 * time.Hour:     ksi.KEY03,
		-500*24*time.Hour + 12345: "",
	} {
		renewed := calendarCertificate(t, ownRound.Time().Add(shift))
		renewed.ID = cert.ID
		if r := verify(renewed); r.Code != want {
			t.Errorf("certificate of %v: %v, want %q", renewed.X509.NotBefore, r, want)
		}
	}
}

// TestOpenSSL lets openssl check a calendar authentication record against the certificate.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIPPED, THE RSA SIGNATURE IS NOT CROSS-CHECKED: no openssl")
	}
	cert := calendarCertificate(t, ownRound.Time())
	parts := signedParts(t, cert)
	dir := t.TempDir()
	public, err := x509.MarshalPKIXPublicKey(cert.X509.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"cert.pem":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.X509.Raw}),
		"public.pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"signature":  parts.Authentication.Signature,
		"signed":     ksi.PublishedData(published(t, parts)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "signed"},
		{"verify", "-CAfile", "cert.pem", "-attime", "1795313194", "cert.pem"},
	} {
		command := exec.Command(openssl, args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestSDKFiles verifies signatures that other KSI tools have made and verified, under every policy that fits them, with
// the publications file and the publication that belong to them.
func TestSDKFiles(t *testing.T) {
	file := parseFile(t, readFile(t, require.TestData(t, "ksi-golden", "publications.bin")))
	constraint, err := ksi.ParseConstraint("E=pub@fake.test")
	if err != nil {
		t.Fatal(err)
	}
	trust := ksi.Trust{Roots: x509.NewCertPool(), Constraints: []ksi.Constraint{constraint}, At: time.Unix(int64(file.Created()), 0)}
	trust.Roots.AppendCertsFromPEM(readFile(t, require.TestData(t, "ksi-golden", "ca.crt")))
	if err := file.Authenticate(trust); err != nil {
		t.Fatal(err)
	}
	p, err := ksi.ParsePublication("AAAAAA-DLAJHD-GAOORR-ECZQ3N-V3WY4D-6OHANC-5YB5SP-ZT67SE-3B2TXY-ZUYE2G-Q45R6D-DRMZXM")
	if err != nil {
		t.Fatal(err)
	}
	document := merkle.Digest(sha256.Sum256(readFile(t, require.TestData(t, "ksi-golden", "doc.txt")))).Imprint()
	fresh := parse(t, readFile(t, require.TestData(t, "ksi-golden", "auth.ksig")))
	extended := parse(t, readFile(t, require.TestData(t, "ksi-golden", "extended.ksig")))
	sample := parse(t, readFile(t, require.TestData(t, "ksi-golden", "demo.ksig")))
	if !bytes.Equal(sample.Append(nil), ksitest.Demo()) {
		t.Error("demo.ksig is not the worked example")
	}
	samplePublication, err := ksi.ParsePublication(demoPublication)
	if err != nil {
		t.Fatal(err)
	}
	chain := answer{extended.CalendarChain()} // of both: they are of one document, filed once
	for _, c := range []struct {
		s       *ksi.Signature
		o       ksi.Options
		decides ksi.Policy
		at      calendar.Second // of the publication; 0 for none
	}{
		{fresh, ksi.Options{}, ksi.Internal, 0},
		{fresh, ksi.Options{Policy: ksi.KeyBased, Certificates: file.Certificates()}, ksi.KeyBased, 0},
		{fresh, ksi.Options{Policy: ksi.KeyBased, PublicationsFile: file}, ksi.KeyBased, 0},
		{fresh, ksi.Options{Policy: ksi.CalendarBased, Extender: answer{fresh.CalendarChain()}}, ksi.CalendarBased, 0},
		{fresh, ksi.Options{Policy: ksi.PublicationsFileBased, PublicationsFile: file, Extender: chain}, ksi.PublicationsFileBased, p.Time},
		{fresh, ksi.Options{Policy: ksi.UserPublication, Publication: &p, Extender: chain}, ksi.UserPublication, p.Time},
		{fresh, ksi.Options{Policy: ksi.General, PublicationsFile: file}, ksi.KeyBased, 0},
		{fresh, ksi.Options{Policy: ksi.General, PublicationsFile: file, Extender: chain}, ksi.PublicationsFileBased, p.Time},
		{extended, ksi.Options{}, ksi.Internal, 0},
		{extended, ksi.Options{Policy: ksi.CalendarBased, Extender: chain}, ksi.CalendarBased, 0},
		{extended, ksi.Options{Policy: ksi.PublicationsFileBased, PublicationsFile: file}, ksi.PublicationsFileBased, p.Time},
		{extended, ksi.Options{Policy: ksi.UserPublication, Publication: &p}, ksi.UserPublication, p.Time},
		{extended, ksi.Options{Policy: ksi.General, Publication: &p, PublicationsFile: file}, ksi.UserPublication, p.Time},
		{extended, ksi.Options{Policy: ksi.General, PublicationsFile: file}, ksi.PublicationsFileBased, p.Time},
		{sample, ksi.Options{}, ksi.Internal, 0},
		{sample, ksi.Options{Policy: ksi.CalendarBased, Extender: answer{sample.CalendarChain()}}, ksi.CalendarBased, 0},
		{sample, ksi.Options{Policy: ksi.UserPublication, Publication: &samplePublication}, ksi.UserPublication, samplePublication.Time},
		{sample, ksi.Options{Policy: ksi.General, Publication: &samplePublication}, ksi.UserPublication, samplePublication.Time},
	} {
		c.o.Document = &document
		r := ksi.Verify(t.Context(), c.s, c.o)
		if r.Verdict != ksi.OK || r.Policy != c.decides || (r.Publication != nil) != (c.at != 0) || c.at != 0 && r.Publication.Time != c.at {
			t.Errorf("signature of %v, policy %v: %v; decided by %v, publication %v", c.s.Time(), c.o.Policy, r, r.Policy, r.Publication)
		}
		wrong := merkle.Digest{}.Imprint()
		c.o.Document = &wrong
		if r := ksi.Verify(t.Context(), c.s, c.o); r.Code != ksi.GEN01 {
			t.Errorf("signature of %v, policy %v, another document: %v", c.s.Time(), c.o.Policy, r)
		}
	}
}
