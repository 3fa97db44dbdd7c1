package main

import (
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestConnectAdvice has the program's own client come in the wrong way: it says what to do, and does not ask whether a server runs that
// has answered.
func TestConnectAdvice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := makeCertificate([]string{"ledger.example"}, 1, path("server.crt"), path("server.key")); err != nil {
		t.Fatal(err)
	}
	over := &x509.Certificate{NotBefore: time.Now().AddDate(0, 0, -9), NotAfter: time.Now().AddDate(0, 0, -2),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	issue(t, path("expired"), over, over, nil)
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

// TestConnectAddress: a server may be given by its address alone.
func TestConnectAddress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, filepath.Join(dir, "data"))
	expect(t, 0, "jurat", "role", "list", "--server", s.address)
	expect(t, exitError, "HOST:PORT", "role", "list", "--server", "127.0.0.1")
}

// TestConnectSilence: of a server that does not say a word the user is told while waiting, and what to look at in the end.
func TestConnectSilence(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	r := run(t, t.TempDir(), "publish", "--server", "postgres://jurat@"+ln.Addr().String()+"/jurat?sslmode=disable&connect_timeout=3")
	for _, words := range []string{"Waiting for " + ln.Addr().String() + " to answer\n", "Postgres port"} {
		if r.code != exitError || !strings.Contains(r.stderr, words) {
			t.Errorf("%d %s, want %q", r.code, r.stderr, words)
		}
	}
}
