package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// expiredCertificate makes a certificate whose time is over, and its key.
func expiredCertificate(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: now.AddDate(0, 0, -9), NotAfter: now.AddDate(0, 0, -2),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{writeNew(keyFile, "PRIVATE KEY", keyDER, 0o600), writeNew(certFile, "CERTIFICATE", der, 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestConnectAdvice has the program's own client come in the wrong way: it says what to do, and does not ask whether a server runs that
// has answered.
func TestConnectAdvice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := makeCertificate([]string{"ledger.example"}, 1, path("server.crt"), path("server.key")); err != nil {
		t.Fatal(err)
	}
	expiredCertificate(t, path("expired.crt"), path("expired.key"))
	if err := os.WriteFile(path("hba.conf"), []byte("hostssl all all all scram-sha-256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := startServer(t, t.TempDir(), "--hba", path("hba.conf"))
	secure := startServer(t, t.TempDir(), "--tls-cert", path("server.crt"), "--tls-key", path("server.key"), "--hba", path("hba.conf"))
	expired := startServer(t, t.TempDir(), "--tls-cert", path("expired.crt"), "--tls-key", path("expired.key"))
	if !strings.Contains(plain.logged(), "level=WARN msg=\"a login rule lets nobody in") || strings.Contains(secure.logged(), "lets nobody in") {
		t.Errorf("rules for TLS without TLS: %s%s", plain.logged(), secure.logged())
	}
	const question = "Is the server running"
	for _, c := range []struct {
		server *serverProcess
		how    string
		words  string
	}{
		{plain, "sslmode=require", "sslmode=disable"},
		{plain, "sslmode=verify-full", "sslmode=disable"},
		{plain, "sslmode=require&sslnegotiation=direct", "sslmode=disable"},
		{secure, "sslmode=disable", "sslmode=require"},
		{secure, "sslmode=require", "PGPASSWORD"},
		{secure, "sslmode=verify-full", "--host"},
		{secure, "sslmode=verify-ca", "sslrootcert=FILE"},
		{secure, "sslmode=verify-full&sslrootcert=" + path("server.crt"), "--host"},
		{expired, "sslmode=verify-full&sslrootcert=" + path("expired.crt"), "renew"},
		{secure, "sslmode=verify-full&sslrootcert=" + path("missing.crt"), "postgres://jurat@127.0.0.1"},
	} {
		r := run(t, dir, "publish", "--server", c.server.url()+"?"+c.how)
		if r.code != exitError || !strings.Contains(r.stderr, c.words) || strings.Contains(r.stderr, question) {
			t.Errorf("%s: %d %s, want %q", c.how, r.code, r.stderr, c.words)
		}
	}
	for _, how := range []string{"", "?sslmode=require"} {
		if r := run(t, dir, "publish", "--server", "postgres://jurat@127.0.0.1:1/jurat"+how); r.code != exitError || !strings.Contains(r.stderr, question) {
			t.Errorf("no server: %d %s", r.code, r.stderr)
		}
	}
}
