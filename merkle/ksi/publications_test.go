package ksi_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// publicationsKeys are the keys of a root and of who signs publications files, made once.
var publicationsKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return keys
})

const email = "publications@ledger.example"

// A publisher signs publications files.
type publisher struct {
	root, cert *x509.Certificate
	key        crypto.Signer
}

func newPublisher(tb testing.TB, email string, now time.Time) *publisher {
	tb.Helper()
	keys := publicationsKeys()
	root := newRoot(tb, keys[0], now)
	der, err := ksi.NewPublicationsCertificate(rand.Reader, root, keys[0], &keys[1].PublicKey, "ledger.example", email, now)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &publisher{root: root, cert: cert, key: keys[1]}
}

func newRoot(tb testing.TB, key *rsa.PrivateKey, now time.Time) *x509.Certificate {
	tb.Helper()
	der, err := ksi.NewPublicationsRoot(rand.Reader, key, "ledger.example root", now)
	if err != nil {
		tb.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

// trust returns the trust in p as of now, with the given constraints.
func (p *publisher) trust(tb testing.TB, now time.Time, constraints ...string) ksi.Trust {
	tb.Helper()
	t := ksi.Trust{Roots: x509.NewCertPool(), At: now}
	t.Roots.AddCert(p.root)
	for _, c := range constraints {
		parsed, err := ksi.ParseConstraint(c)
		if err != nil {
			tb.Fatal(err)
		}
		t.Constraints = append(t.Constraints, parsed)
	}
	return t
}

func (p *publisher) file(tb testing.TB, c ksi.Contents) []byte {
	tb.Helper()
	data, err := ksi.BuildPublicationsFile(c, p.key, p.cert)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func parseFile(tb testing.TB, data []byte) *ksi.PublicationsFile {
	tb.Helper()
	f, err := ksi.ParsePublicationsFile(data)
	if err != nil {
		tb.Fatal(err)
	}
	if !bytes.Equal(f.Append(nil), data) {
		tb.Error("Append gives other bytes")
	}
	return f
}

func someContents(tb testing.TB, seconds ...calendar.Second) ksi.Contents {
	c := ksi.Contents{Created: 1795312000, Repository: "https://ledger.example/publications.bin",
		Certificates: []ksi.Certificate{calendarCertificate(tb, ownRound.Time())}}
	for _, s := range seconds {
		r := ksi.PublicationRecord{Publication: ksi.Publication{Time: s, Root: merkle.Digest{byte(s)}.Imprint()}}
		r.References = []string{"Feuille officielle, " + s.String()}
		c.Publications = append(c.Publications, r)
	}
	return c
}

func TestPublicationsFile(t *testing.T) {
	now := time.Now()
	p := newPublisher(t, email, now)
	data := p.file(t, someContents(t, 30, 10, 20))
	f := parseFile(t, data)
	var times []calendar.Second
	for _, r := range f.Publications() {
		times = append(times, r.Time)
	}
	if len(times) != 3 || times[0] != 10 || times[1] != 20 || times[2] != 30 {
		t.Errorf("publications at %d", times)
	}
	if f.Created() != 1795312000 || f.Repository() != "https://ledger.example/publications.bin" || len(f.Certificates()) != 1 {
		t.Errorf("created %d, repository %q, %d certificates", f.Created(), f.Repository(), len(f.Certificates()))
	}
	for at, want := range map[calendar.Second]calendar.Second{0: 10, 10: 10, 11: 20, 30: 30, 31: 0} {
		if r, ok := f.NotBefore(at); r.Time != want || ok != (want != 0) {
			t.Errorf("not before %d: %d, %v", at, r.Time, ok)
		}
		if r, ok := f.At(at); ok != (at == 10 || at == 30) || ok && r.Time != at {
			t.Errorf("at %d: %d, %v", at, r.Time, ok)
		}
	}
	year := 365 * 24 * time.Hour
	otherRoot := &publisher{root: newRoot(t, publicationsKeys()[1], now)} // of the same name
	for _, c := range []struct {
		trust ksi.Trust
		want  string // in the error; empty for none
	}{
		{p.trust(t, now, "E="+email), ""},
		{p.trust(t, now, "1.2.840.113549.1.9.1="+email, "CN=ledger.example"), ""},
		{p.trust(t, now.Add(4*year), "E="+email), ""},
		{p.trust(t, now), "no constraint"},
		{ksi.Trust{Constraints: p.trust(t, now, "C=CH").Constraints, At: now}, "no root"},
		{p.trust(t, now, "E="+email, "C=CH"), "does not meet the constraint C=CH"},
		{p.trust(t, now, "E=somebody@ledger.example"), "does not meet"},
		{p.trust(t, now.Add(6*year), "E="+email), "ended on"},
		{p.trust(t, now.Add(-2*time.Hour), "E="+email), "begins on"},
		{otherRoot.trust(t, now, "E="+email), "does not verify"},
	} {
		err := f.Authenticate(c.trust)
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, ksi.ErrUntrusted) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("constraints %v at %v: %v, want %q", c.trust.Constraints, c.trust.At, err, c.want)
		}
	}
}

// TestPublicationsTwice: a calendar has one root as of a second. The same one may stand there again.
func TestPublicationsTwice(t *testing.T) {
	p := newPublisher(t, email, time.Now())
	data := p.file(t, someContents(t, 10, 20, 30))
	for root, same := range map[byte]bool{10: true, 9: false} { // of the third, which becomes one of second 10
		third := []byte{0x02, 1, 30, 0x04, 33, 1, 30, 0}
		if bytes.Count(data, third) != 1 {
			t.Fatal("the third publication is not found")
		}
		f, err := ksi.ParsePublicationsFile(bytes.Replace(data, third, []byte{0x02, 1, 10, 0x04, 33, 1, root, 0}, 1))
		if same && (err != nil || len(f.Publications()) != 3) || !same && (err == nil || !strings.Contains(err.Error(), "two different roots")) {
			t.Errorf("root %d: %v", root, err)
		}
	}
}

// TestPublicationsFileMangled changes every byte of a file: it must not be read, or not be trusted.
func TestPublicationsFileMangled(t *testing.T) {
	now := time.Now()
	p := newPublisher(t, email, now)
	data := p.file(t, someContents(t, 10, 20))
	trust := p.trust(t, now, "E="+email)
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		f, err := ksi.ParsePublicationsFile(changed)
		if err == nil && f.Authenticate(trust) == nil && !bytes.Equal(signedPart(t, f), signedPart(t, parseFile(t, data))) {
			t.Errorf("byte %d changed: trusted", i)
		}
	}
	for n := range len(data) {
		if _, err := ksi.ParsePublicationsFile(data[:n]); err == nil {
			t.Errorf("cut to %d bytes: accepted", n)
		}
	}
	if _, err := ksi.ParsePublicationsFile(append(bytes.Clone(data), 0x87, 4, 0, 0)); err == nil {
		t.Error("two signatures accepted")
	}
}

// signedPart returns what of a file is signed: the rest, the CMS structure, has bytes that mean nothing.
func signedPart(tb testing.TB, f *ksi.PublicationsFile) []byte {
	tb.Helper()
	data := f.Append(nil)
	at := bytes.LastIndex(data, []byte{0x87, 0x04})
	for probe := at; probe > 0; probe = bytes.LastIndex(data[:probe], []byte{0x87, 0x04}) {
		if size := int(data[probe+2])<<8 | int(data[probe+3]); probe+4+size == len(data) {
			return data[:probe]
		}
	}
	tb.Fatal("no signature element")
	return nil
}

// TestPublicationsFileOpenSSL has openssl check the CMS signature.
func TestPublicationsFileOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: its view of our CMS signature is not checked")
	}
	now := time.Now()
	p := newPublisher(t, email, now)
	f := parseFile(t, p.file(t, someContents(t, 10)))
	signed := signedPart(t, f)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cms := write("cms.der", f.Append(nil)[len(signed)+4:])
	root := write("root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.root.Raw}))
	verify := func(content []byte) ([]byte, error) {
		return exec.Command(openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", cms, "-content", write("content", content),
			"-CAfile", root, "-purpose", "any", "-out", filepath.Join(dir, "out")).CombinedOutput()
	}
	if out, err := verify(signed); err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
	if _, err := verify(append(bytes.Clone(signed), 'x')); err == nil {
		t.Error("openssl accepts other content")
	}
}

// TestForeignPublicationsFiles authenticates publications files of others.
func TestForeignPublicationsFiles(t *testing.T) {
	golden := filepath.Join("ksi-golden", "publications.bin")
	pack := filepath.Join("ksi-testpack", "pack-2024-libksi", "policy-verification-signatures", "resources")
	for _, c := range []struct {
		file, root, constraint, at string
		publications               int
	}{
		{golden, filepath.Join("ksi-golden", "ca.crt"), "E=pub@fake.test", "2026-11-22", 2},
		{filepath.Join(pack, "publications-file.bin"), filepath.Join("ksi-testpack", "roots", "globalsign-document-signing-root-r45.pem"),
			"E=publications@guardtime.com", "2024-04-01", 116},
	} {
		f := parseFile(t, readFile(t, require.TestData(t, c.file)))
		at, err := time.Parse(time.DateOnly, c.at)
		if err != nil {
			t.Fatal(err)
		}
		constraint, err := ksi.ParseConstraint(c.constraint)
		if err != nil {
			t.Fatal(err)
		}
		trust := ksi.Trust{Roots: x509.NewCertPool(), Constraints: []ksi.Constraint{constraint}, At: at}
		trust.Roots.AppendCertsFromPEM(readFile(t, require.TestData(t, c.root)))
		if err := f.Authenticate(trust); err != nil {
			t.Errorf("%s: %v", c.file, err)
		}
		if c.publications != 0 && len(f.Publications()) != c.publications {
			t.Errorf("%s: %d publications, want %d", c.file, len(f.Publications()), c.publications)
		}
		trust.Constraints[0].Value = "publications@elsewhere.example"
		if f.Authenticate(trust) == nil {
			t.Errorf("%s: trusted whoever signed it", c.file)
		}
	}
	resigned := parseFile(t, readFile(t, require.TestData(t, pack, "publications-file-resigned.bin")))
	trust := ksi.Trust{Roots: x509.NewCertPool(), Constraints: []ksi.Constraint{{Value: "x"}}}
	if err := resigned.Authenticate(trust); err == nil || !strings.Contains(err.Error(), "hash algorithm 1.3.14.3.2.26") {
		t.Errorf("signed with SHA-1: %v", err)
	}
}

// TestDeepSignature has CMS structures that are nested as deep as they can be: reading them costs nothing to speak of.
func TestDeepSignature(t *testing.T) {
	now := time.Now()
	p := newPublisher(t, email, now)
	signed := signedPart(t, parseFile(t, p.file(t, someContents(t, 10))))
	deep := []byte{5, 0}
	for len(deep) < 65000 {
		inner, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: deep})
		if err != nil {
			t.Fatal(err)
		}
		deep = inner
	}
	for _, cms := range [][]byte{deep, bytes.Repeat([]byte{0x30, 0x80}, 32000)} {
		f := parseFile(t, tlv.Append(bytes.Clone(signed), 0x704, 0, cms))
		if err := f.Authenticate(p.trust(t, now, "E="+email)); err == nil || !strings.Contains(err.Error(), "nested too deep") {
			t.Errorf("%v", err)
		}
	}
}

// TestLargeKey has certificates with keys so large that a signature by them would take long to check: no signature is looked at.
func TestLargeKey(t *testing.T) {
	now := time.Now()
	p := newPublisher(t, email, now)
	large := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 400_000), E: 65537}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "large"}, NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, p.root, large, publicationsKeys()[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = "RSA key of 400001 bits"
	if _, err := ksi.ParseCertificate(der); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("as a calendar certificate: %v", err)
	}
	issuer, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	signed := signedPart(t, parseFile(t, p.file(t, someContents(t, 10))))
	cms, err := pkcs7.NewSignedData(signed)
	if err != nil {
		t.Fatal(err)
	}
	cms.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := cms.AddSigner(p.cert, p.key, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	cms.AddCertificate(issuer)
	cms.Detach()
	signature, err := cms.Finish()
	if err != nil {
		t.Fatal(err)
	}
	f := parseFile(t, tlv.Append(bytes.Clone(signed), 0x704, 0, signature))
	if err := f.Authenticate(p.trust(t, now, "E="+email)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("in a publications file: %v", err)
	}
}

func TestConstraints(t *testing.T) {
	for text, want := range map[string]string{
		"E=a@b": "E=a@b", "emailAddress=a=b": "E=a=b", "2.5.4.10=Canton": "O=Canton", "2.5.4.97=x": "2.5.4.97=x",
		"": "", "E": "", "E=": "", "X=y": "", "2.5.4.99999999999=x": "", "1=x": "",
	} {
		c, err := ksi.ParseConstraint(text)
		if (err == nil) != (want != "") || err == nil && c.String() != want {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
}

// FuzzPublicationsFile reads any bytes as a publications file. What is accepted comes back to the byte.
func FuzzPublicationsFile(f *testing.F) {
	f.Add([]byte("KSIPUBLF"))
	f.Add(newPublisher(f, email, time.Now()).file(f, someContents(f, 10, 20)))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ksi.ParsePublicationsFile(data)
		if err != nil {
			return
		}
		if !bytes.Equal(file.Append(nil), data) {
			t.Fatal("other bytes")
		}
		trust := ksi.Trust{Roots: x509.NewCertPool(), Constraints: []ksi.Constraint{{Value: "x"}}}
		if file.Authenticate(trust) == nil {
			t.Fatal("trusted without a root")
		}
	})
}
