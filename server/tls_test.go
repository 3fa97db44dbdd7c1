package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/server/hba"
)

// writePair writes a certificate for 127.0.0.1 of a name, and its key.
func writePair(t *testing.T, c *Config, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(c.TLSCert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(c.TLSKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestNetworkNeedsSuperuser: before the network is let in, some superuser can come: by a password, a certificate or its account.
func TestNetworkNeedsSuperuser(t *testing.T) {
	dir := t.TempDir()
	c := stillConfig(t, filepath.Join(dir, "data"))
	c.TLSCert, c.TLSKey = filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	writePair(t, &c, "first")
	s, _ := testServer(t, c)
	for _, check := range []struct {
		rules, sockets string
		ok             bool
	}{
		{"local all jurat peer", dir, true},
		{"local all jurat peer", "", false},
		{"local all jurat scram-sha-256", dir, false},
		{"hostssl all jurat all cert", dir, false}, // there is no authority of certificates
	} {
		rules, err := hba.Parse("", check.rules)
		if err != nil {
			t.Fatal(err)
		}
		s.access.use(rules)
		s.access.config.SocketDirectory = check.sockets
		if err := s.access.checkNetwork("192.0.2.1:5433"); (err == nil) != check.ok || err != nil && !strings.Contains(err.Error(), "superuser") {
			t.Errorf("%q, sockets in %q: %v", check.rules, check.sockets, err)
		}
	}
	s.access.config.SocketDirectory = ""
}

// TestReloadCertificate: another certificate is shown after a reload, connections that are open go on, and what cannot be read changes
// nothing; over the Postgres port and over HTTP alike.
func TestReloadCertificate(t *testing.T) {
	dir := t.TempDir()
	c := stillConfig(t, filepath.Join(dir, "data"))
	c.TLSCert, c.TLSKey, c.HTTPListen = filepath.Join(dir, "crt"), filepath.Join(dir, "key"), "127.0.0.1:0"
	writePair(t, &c, "first")
	s, _ := testServer(t, c)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	page := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })}
	go page.Serve(s.tls.listener(ln))
	defer page.Close()
	shown := func(want string) *pgconn.PgConn {
		t.Helper()
		conn, err := pgconn.Connect(t.Context(), "postgres://super-s@"+s.Addr().String()+"/jurat?sslmode=require")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		if name := conn.Conn().(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName; name != want {
			t.Errorf("the port shows %q, want %q", name, want)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
		r, err := client.Get("https://" + ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if name := r.TLS.PeerCertificates[0].Subject.CommonName; name != want {
			t.Errorf("HTTP shows %q, want %q", name, want)
		}
		return conn
	}
	old := shown("first")
	writePair(t, &c, "second")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	shown("second")
	_, metrics := s.get(t, "/metrics")
	_, end, _ := strings.Cut(grep(metrics, certificateEnd.name+`{certificate="tls"}`), "} ")
	if at, err := strconv.ParseFloat(strings.TrimSpace(end), 64); err != nil || time.Until(time.Unix(int64(at), 0)).Round(time.Hour) != time.Hour {
		t.Errorf("the certificate ends at %q, want in an hour", end)
	}
	if err := os.WriteFile(c.TLSKey, []byte("noise"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err == nil {
		t.Error("a key of noise is taken")
	}
	shown("second")
	if _, err := old.Exec(t.Context(), "SELECT 1").ReadAll(); err != nil {
		t.Errorf("a connection from before: %v", err)
	}
}

// TestCertificateEnds: the log warns of the certificate's end at the start and once a day, and not any more when there is a new one, but of one that
// has not begun. A key of
// another certificate is refused with what is wanted.
func TestCertificateEnds(t *testing.T) {
	dir := t.TempDir()
	c := Config{TLSCert: filepath.Join(dir, "crt"), TLSKey: filepath.Join(dir, "key")}
	writePair(t, &c, "short") // for an hour
	var log bytes.Buffer
	now := time.Now()
	x := &certificate{files: [3]string{c.TLSCert, c.TLSKey}, log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return now }}
	warnings := func(want int) {
		t.Helper()
		if got := strings.Count(log.String(), "put a new one in its place"); got != want {
			t.Errorf("%d warnings, want %d: %s", got, want, &log)
		}
	}
	if err := x.reload(); err != nil {
		t.Fatal(err)
	}
	warnings(1)
	for hours, want := range []int{1, 1, 1, 2, 2} { // 0, 10, 20, 30, 40
		now = now.Add(time.Duration(min(hours, 1)) * 10 * time.Hour)
		x.current()
		warnings(want)
	}
	x.used.end = now.AddDate(0, 0, 30)
	x.use(x.used)
	warnings(2)
	now = now.AddDate(0, 0, -30)
	if err := x.reload(); err != nil {
		t.Fatal(err)
	}
	warnings(2)
	if got := strings.Count(log.String(), "not valid yet"); got != 1 {
		t.Errorf("%d warnings of a certificate that has not begun: %s", got, &log)
	}
	other := Config{TLSCert: filepath.Join(dir, "other.crt"), TLSKey: c.TLSKey}
	writePair(t, &other, "other")
	if err := x.reload(); err == nil || !strings.Contains(err.Error(), "want the certificate in PEM") {
		t.Errorf("a key of another certificate: %v", err)
	}
}

// TestReservedConnections: when the others are taken, a superuser still comes in.
func TestReservedConnections(t *testing.T) {
	c := stillConfig(t, t.TempDir())
	c.MaxConnections = 6
	s := serveStill(t, c, stillStart)
	super := s.connect("super-s")
	super.must(`CREATE ROLE "agency-a" LOGIN`)
	open := 0
	for ; open < c.MaxConnections; open++ {
		conn, err := pgconn.Connect(t.Context(), "postgres://agency-a@"+s.Addr().String()+"/jurat?sslmode=disable")
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "53300" {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
	}
	if open != 2 {
		t.Errorf("an agency has %d of 6 connections, one of which a superuser had", open)
	}
	for range 3 {
		s.connect("super-s").must("SELECT 1")
	}
}
