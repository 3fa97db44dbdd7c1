package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/internal/require"
)

// secureServer runs a server with TLS whose superuser has a password. certificates holds those of its clients, too.
func secureServer(t *testing.T, args ...string) (s *serverProcess, certificates string) {
	t.Helper()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := makeCertificate([]string{"localhost", "127.0.0.1"}, 1, path("server.crt"), path("server.key")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("password"), []byte("Grüße\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	clientCertificates(t, dir, "canton")
	return startServer(t, t.TempDir(), append([]string{"--tls-cert", path("server.crt"), "--tls-key", path("server.key"), "--tls-client-ca", path("ca.crt"),
		"--password-file", path("password")}, args...)...), dir
}

// clientCertificates makes an authority, ca.crt, a certificate of a role by it, role.crt with role.key, another of the role and somebody else
// together, twice.crt, and one that somebody else has signed, stranger.crt.
func clientCertificates(t *testing.T, dir, role string) {
	t.Helper()
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "clients"}, NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	key := issue(t, filepath.Join(dir, "ca"), ca, ca, nil)
	client := func(file string, signer *ecdsa.PrivateKey, names ...string) {
		c := &x509.Certificate{NotBefore: from, NotAfter: to, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		for _, name := range names {
			c.Subject.ExtraNames = append(c.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: name})
		}
		issue(t, filepath.Join(dir, file), c, ca, signer)
	}
	client(role, key, role)
	client("twice", key, "other", role)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	client("stranger", stranger, role)
}

// issue makes a certificate like the template by parent, whose key is signer, nil if it signs itself, and its key: path.crt, path.key.
func issue(t *testing.T, path string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	template.SerialNumber = big.NewInt(7)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writeNew(path+".crt", "CERTIFICATE", der, 0o644), writeNew(path+".key", "PRIVATE KEY", keyDER, 0o600)); err != nil {
		t.Fatal(err)
	}
	return key
}

// try connects with pgx and returns the SQLSTATE that refused it, "" if nothing did.
func (s *serverProcess) try(role, password, more string) (code, message string) {
	s.t.Helper()
	config, err := pgx.ParseConfig("postgres://" + role + "@" + s.address + "/jurat?" + more)
	if err != nil {
		s.t.Fatal(err)
	}
	config.Password = password
	conn, err := pgx.ConnectConfig(context.Background(), config)
	var refused *pgconn.PgError
	switch {
	case err == nil:
		conn.Close(context.Background())
		return "", ""
	case errors.As(err, &refused):
		return refused.Code, refused.Message
	}
	return "no answer", err.Error()
}

// Logins by password over TLS, with pgx and psql, with and without channel binding, and what others learn: nothing.
func TestPasswords(t *testing.T) {
	t.Parallel()
	s, certificates := secureServer(t)
	root := "sslrootcert=" + filepath.Join(certificates, "server.crt")
	full := "sslmode=verify-full&" + root
	for _, how := range []string{full, full + "&channel_binding=require", full + "&channel_binding=disable", "sslmode=disable", full + "&sslnegotiation=direct"} {
		if code, message := s.try("jurat", "Grüße", how); code != "" {
			t.Errorf("%s: %s %s", how, code, message)
		}
	}
	if code, message := s.try("jurat", "Grüße", "sslmode=disable&channel_binding=require"); code == "" {
		t.Errorf("channel binding without TLS: %s", message)
	}
	_, wrong := s.try("jurat", "no", full)
	for _, role := range []string{"jurat", "nobody"} {
		code, message := s.try(role, "no", full)
		if code != "28P01" || message != strings.ReplaceAll(wrong, "jurat", role) {
			t.Errorf("%s with a wrong password: %s %s", role, code, message)
		}
	}
	require.Program(t, "psql")
	psql := func(role, password, script string, more ...string) (string, error) {
		dsn := "postgres://" + role + "@" + s.address + "/jurat?" + full + "&" + strings.Join(more, "&")
		cmd := exec.Command("psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", dsn)
		cmd.Env, cmd.Stdin = append(os.Environ(), "PGPASSWORD="+password), strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := psql("jurat", "Grüße", `CREATE ROLE canton LOGIN PASSWORD 'original-9';
SELECT rolpassword FROM pg_authid WHERE rolname = 'canton';
SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid();
SHOW ssl;
`, "channel_binding=require")
	if err != nil || out != "CREATE ROLE\n********\nt|TLSv1.3\non\n" {
		t.Fatalf("%v: %s", err, out)
	}
	if code, _ := s.try("canton", "original-9", full); code != "" {
		t.Errorf("canton: %s", code)
	}
	verifier, err := newPassword(filepath.Join(certificates, "password"), "canton")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := psql("canton", "original-9", `ALTER USER "canton" PASSWORD '`+verifier+"'"); err != nil { // what \password sends
		t.Fatalf("%v: %s", err, out)
	}
	if code, _ := s.try("canton", "original-9", full); code != "28P01" {
		t.Errorf("the password before: %q", code)
	}
	if code, _ := s.try("canton", "Grüße", full); code != "" {
		t.Errorf("the new password: %s", code)
	}
	if out, err := psql("jurat", "Grüße", `ALTER ROLE canton VALID UNTIL '2020-01-01'`); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code, _ := s.try("canton", "Grüße", full); code != "28P01" {
		t.Errorf("a role whose time has run out: %q", code)
	}
	if strings.Contains(s.logged(), "original-9") || strings.Contains(s.logged(), "$4096:") {
		t.Errorf("a password in the log:\n%s", s.logged())
	}
	s.stop()
}

// Rules with client certificates, a file that is broken on reload, and limits of a role.
func TestLoginRules(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "hba.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const rules = "host all jurat 127.0.0.0/8 trust\nhostssl all canton all cert\nhost all blocked all reject\nhost all +agency 127.0.0.0/8 trust\n"
	write(rules)
	s, certificates := secureServer(t, "--hba", file)
	ctx, super := context.Background(), s.connect()
	exec := func(sql string) {
		t.Helper()
		if _, err := super.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(`CREATE ROLE canton LOGIN; CREATE ROLE blocked LOGIN; CREATE ROLE dark; CREATE ROLE one LOGIN CONNECTION LIMIT 0;
		CREATE ROLE court LOGIN IN ROLE auditor`)
	tls := "sslmode=verify-full&sslrootcert=" + filepath.Join(certificates, "server.crt")
	with := func(name string) string {
		return tls + "&sslcert=" + filepath.Join(certificates, name+".crt") + "&sslkey=" + filepath.Join(certificates, name+".key")
	}
	for _, c := range []struct{ role, how, code, words string }{
		{"canton", with("canton"), "", ""},
		{"canton", with("twice"), "28000", "certificate authentication failed"},
		{"canton", tls, "28000", "certificate authentication failed"},
		{"blocked", tls, "28000", "pg_hba.conf rejects connection"},
		{"dark", tls, "28000", "not permitted to log in"},
		{"one", tls, "53300", "too many connections for role"},
		{"court", tls, "28000", "no pg_hba.conf entry for host"},
		{"court", "sslmode=disable", "28000", "no encryption"},
	} {
		if code, message := s.try(c.role, "", c.how); code != c.code || !strings.Contains(message, c.words) {
			t.Errorf("%s: %s %s, want %s", c.role, code, message, c.code)
		}
	}
	if code, _ := s.try("canton", "", with("stranger")); code == "" {
		t.Error("a certificate of a strange authority lets in")
	}
	await(t, "the journal does not tell of a strange certificate", func() bool {
		var told int
		err := super.QueryRow(ctx, `SELECT count(*) FROM journal WHERE event = 'login failed' AND detail LIKE 'client certificate%'`).Scan(&told)
		return err != nil || told == 1
	})
	for _, broken := range []string{"host all all all trust\n", "host postgres all all reject\n" + rules} {
		write(broken)
		var refused *pgconn.PgError
		if _, err := super.Exec(ctx, `SELECT pg_reload_conf()`); !errors.As(err, &refused) || !strings.Contains(refused.Detail, file+":1:") {
			t.Errorf("reload of %q: %v", broken, err)
		}
	}
	if code, _ := s.try("blocked", "", tls); code != "28000" {
		t.Errorf("after a broken file: %q", code)
	}
	write(strings.Replace(rules, "host all blocked all reject\n", "", 1))
	exec(`SELECT pg_reload_conf()`)
	if code, message := s.try("blocked", "", tls); code != "" {
		t.Errorf("after the reload: %s %s", code, message)
	}
	write(rules)
	s.cmd.Process.Signal(syscall.SIGHUP)
	await(t, "the rules are not read again after a SIGHUP", func() bool {
		code, _ := s.try("blocked", "", tls)
		return code == "28000"
	})
	s.stop()
}

// await waits until something is true.
func await(t *testing.T, otherwise string, done func() bool) {
	t.Helper()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for deadline := time.After(20 * time.Second); !done(); {
		select {
		case <-pace.C:
		case <-deadline:
			t.Fatal(otherwise)
		}
	}
}

// What the server refuses to start with, and leaves no ledger behind.
func TestNetworkRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c"), filepath.Join(dir, "k")
	if err := makeCertificate([]string{"localhost"}, 1, cert, key); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		word string
	}{
		{[]string{"--listen", "0.0.0.0:0"}, "--tls-cert"},
		{[]string{"--listen", ":0", "--tls-cert", cert, "--tls-key", key}, "--password-file"},
		{[]string{"--listen", "127.0.0.1:0", "--tls-cert", cert}, "--tls-key"},
		{[]string{"--listen", "127.0.0.1:0", "--hba", filepath.Join(dir, "missing")}, "login rules"},
	} {
		data := t.TempDir()
		r := run(t, t.TempDir(), append([]string{"serve", "--data", data}, c.args...)...)
		if r.code == 0 || !strings.Contains(r.stderr, c.word) {
			t.Errorf("%v: %d %s", c.args, r.code, r.stderr)
		}
	}
}
