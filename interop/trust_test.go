package interop

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"hash/crc32"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/guardtime/goksi/publications"
	"github.com/guardtime/goksi/signature"
)

// A trust is what the two verifiers trust: the calendar certificates of servers.
type trust struct {
	certificates string                 // a PEM file, for jurat verify
	option       signature.VerCtxOption // for goksi
}

// publisher is the e-mail address in the certificate that publications files are signed with.
const publisher = "publications@jurat.example"

// newTrust builds a publications file that holds the certificates, and how goksi gets it.
func newTrust(t *testing.T, certificates []byte) *trust {
	t.Helper()
	dir := t.TempDir()
	w := &trust{certificates: filepath.Join(dir, "calendar.crt")}
	writeFile(t, w.certificates, certificates)
	body := publicationsBody(t, certificates)
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Log("openssl is not installed: goksi trusts the publications file without a look at its CMS signature")
		file, err := publications.NewFile(publications.FileFromBytes(append(body, element(0x704, []byte("unsigned"))...)))
		if err != nil {
			t.Fatal(err)
		}
		w.option = signature.VerCtxOptPublicationsFile(file)
		return w
	}
	p := newPKI(t, dir)
	w.option = p.serve(t, append(body, element(0x704, p.sign(t, body))...))
	return w
}

// serve hands a publications file out over HTTP and returns how goksi gets it there and checks it.
func (p pki) serve(t *testing.T, file []byte) signature.VerCtxOption {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(file) }))
	t.Cleanup(web.Close)
	handler, err := publications.NewFileHandler(
		publications.FileHandlerSetPublicationsURL(web.URL),
		publications.FileHandlerSetTrustedCertificateFromFilePem(p.root),
		publications.FileHandlerSetFileCertConstraint(publications.OidEmail, publisher),
	)
	if err != nil {
		t.Fatal(err)
	}
	return signature.VerCtxOptPublicationsFileHandler(handler)
}

// TestPublicationsFile shows that goksi takes the calendar certificate from a publications file that is signed, and from no
// other.
func TestPublicationsFile(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("SKIPPED: openssl is not installed")
	}
	s := startServer(t, t.TempDir(), "jurat")
	f := s.prove(t, s.fileDocuments(t, "jurat", "main", "sha256", 1), 0)
	p, other := newPKI(t, t.TempDir()), newPKI(t, t.TempDir())
	body := publicationsBody(t, s.certificates(t))
	cms, foreign := p.sign(t, body), other.sign(t, body)
	changed := bytes.Clone(body)
	changed[20] ^= 1 // the last byte of the time of creation
	for _, c := range []struct {
		name      string
		body, cms []byte
		want      verdict
	}{
		{"signed", body, cms, verdict{"OK", ""}},
		{"changed", changed, cms, verdict{"NA", "GEN-02"}},
		{"signed by another", body, foreign, verdict{"NA", "GEN-02"}},
	} {
		option := p.serve(t, append(bytes.Clone(c.body), element(0x704, c.cms)...))
		if v := goksiVerdict(t, goksiPolicies["key"], f.signature, option); v != c.want {
			t.Errorf("%s publications file: goksi says %s, want %s", c.name, v, c.want)
		}
	}
}

// publicationsBody returns a publications file without its last element, the signature.
func publicationsBody(t *testing.T, certificates []byte) []byte {
	t.Helper()
	created := binary.BigEndian.AppendUint32(nil, uint32(time.Now().Unix()))
	body := append([]byte("KSIPUBLF"), element(0x701, append(element(0x01, []byte{1}), element(0x02, created)...))...)
	n := 0
	for rest := certificates; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		id := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(block.Bytes))
		body = append(body, element(0x702, append(element(0x01, id), element(0x02, block.Bytes)...))...)
	}
	if n == 0 {
		t.Fatal("the server has no calendar certificate")
	}
	return body
}

// element encodes one element of the format: in 2 bytes of header if that is enough, else in 4.
func element(tag int, value []byte) []byte {
	if tag < 0x20 && len(value) < 0x100 {
		return append([]byte{byte(tag), byte(len(value))}, value...)
	}
	return append([]byte{0x80 | byte(tag>>8), byte(tag), byte(len(value) >> 8), byte(len(value))}, value...)
}

// A pki is the files of a root and of a certificate that signs publications files.
type pki struct{ root, certificate, key string }

func newPKI(t *testing.T, dir string) pki {
	t.Helper()
	p := pki{filepath.Join(dir, "root.crt"), filepath.Join(dir, "publisher.crt"), filepath.Join(dir, "publisher.key")}
	rootKey, key := newKey(t), newKey(t)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "interop root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		Subject: pkix.Name{CommonName: "interop publisher", ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier(publications.OidEmail), Value: publisher},
		}},
	}
	for path, c := range map[string]*x509.Certificate{p.root: root, p.certificate: leaf} {
		public := &key.PublicKey
		if c == root {
			public = &rootKey.PublicKey
		}
		der, err := x509.CreateCertificate(rand.Reader, c, root, public, rootKey)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return p
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign returns a detached CMS signature of data.
func (p pki) sign(t *testing.T, data []byte) []byte {
	t.Helper()
	cmd := exec.Command("openssl", "cms", "-sign", "-binary", "-md", "sha256", "-outform", "DER", "-signer", p.certificate, "-inkey", p.key)
	cmd.Stdin = bytes.NewReader(data)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	signature, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl cms: %v\n%s", err, stderr.String())
	}
	return signature
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
