package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

// A movedClock is the machine's clock, set ahead.
type movedClock struct {
	systemClock
	ahead time.Duration
}

func (c movedClock) Now() (time.Time, time.Duration) {
	wall, elapsed := c.systemClock.Now()
	return wall.Add(c.ahead), elapsed
}

func testConfig(dir string) Config {
	c := DefaultConfig()
	c.DataDir, c.Listen, c.Logger = dir, "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil))
	return c
}

// serveOnce starts a server, stops it at once and returns the error of the start.
func serveOnce(t *testing.T, c Config) error {
	t.Helper()
	s, err := New(t.Context(), c)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := s.Run(ctx); err != nil {
		t.Errorf("run: %v", err)
	}
	return nil
}

func mustRefuse(t *testing.T, c Config, words string) {
	t.Helper()
	if err := serveOnce(t, c); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("start with %q: %v", words, err)
	}
}

func TestFirstStart(t *testing.T) {
	c := testConfig(t.TempDir())
	for range 2 {
		if err := serveOnce(t, c); err != nil {
			t.Fatal(err)
		}
	}
	key := filepath.Join(c.DataDir, calendarFiles.key)
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("calendar key: %v, %v", info.Mode(), err)
	}
	other := c
	other.ServerName = "other"
	mustRefuse(t, other, `belongs to server "jurat"`)

	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, c, "chmod 600")
}

// TestStoreMissing: a store that is lost is not replaced, neither at once nor by the name of the server, whatever is left of what was made
// after it.
func TestStoreMissing(t *testing.T) {
	c := testConfig(filepath.Join(t.TempDir(), "data[1]"))
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}
	remove := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.RemoveAll(filepath.Join(c.DataDir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := filepath.Join(IndexDir, "0000000000000001"+index.RunSuffix)
	if err := os.WriteFile(filepath.Join(c.DataDir, run), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const words = "is a disk not mounted"
	remove(StoreDir + "/db")
	mustRefuse(t, c, words)
	remove(StoreDir)
	mustRefuse(t, c, words)
	for _, x := range []struct{ gone, left string }{{calendarFiles.key, calendarFiles.certificate}, {calendarFiles.certificate, run + " of"}} {
		remove(x.gone)
		mustRefuse(t, c, x.left)
		mustRefuse(t, c, words)
	}
	store := filepath.Join(c.DataDir, StoreDir)
	if err := os.Symlink(filepath.Join(c.DataDir, "unmounted"), store); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, c, store+" is a symbolic link to what does not exist")
	remove(StoreDir, IndexDir)
	aside := filepath.Join(c.DataDir, keysDir, "calendar-01234567.key")
	if err := os.WriteFile(aside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, c, aside[len(c.DataDir)+1:])
	remove(keysDir)
	if err := os.Mkdir(filepath.Join(c.DataDir, IndexDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := serveOnce(t, c); err != nil {
		t.Errorf("a first start beside an empty directory for the index: %v", err)
	}
}

// TestFirstStartCutOff: a first start that was cut off after any of the things that it makes is gone on with, under the same name and role.
func TestFirstStartCutOff(t *testing.T) {
	whole := testConfig(t.TempDir())
	whole.ServerName, whole.Role = "ledger.example", "clerk"
	if err := serveOnce(t, whole); err != nil {
		t.Fatal(err)
	}
	order := []string{calendarFiles.certificate, calendarFiles.key, rootFiles.certificate, rootFiles.key}
	for n := range len(order) + 1 {
		c, made := whole, order[:n]
		c.DataDir = t.TempDir()
		first := calendar.RoundOf(time.Now().Add(-2 * time.Hour))
		store, err := storage.Create(filepath.Join(c.DataDir, StoreDir), storage.Genesis{Server: c.ServerName, First: first}, storage.Options{Logger: c.Logger})
		if err == nil {
			err = errors.Join(store.Close(), os.Mkdir(filepath.Join(c.DataDir, keysDir), 0o700))
		}
		for _, name := range made {
			err = errors.Join(err, os.Link(filepath.Join(whole.DataDir, name), filepath.Join(c.DataDir, name)))
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := serveOnce(t, c); err != nil {
				t.Errorf("after %q: %v", made, err)
			}
		}
		key, err := calendarFiles.load(c.DataDir)
		if err != nil || n < 2 && !key.certificate.X509.NotBefore.Before(first.Time()) {
			t.Errorf("after %q: the key does not reach back to %s: %v", made, first, err)
		}
	}
}

// TestForeignCalendarKey: the calendar key of another server is not taken for a new one.
func TestForeignCalendarKey(t *testing.T) {
	c, other := testConfig(t.TempDir()), testConfig(t.TempDir())
	other.ServerName = "other"
	for _, c := range []Config{c, other} {
		if err := serveOnce(t, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{calendarFiles.key, calendarFiles.certificate} {
		data, err := os.ReadFile(filepath.Join(other.DataDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.DataDir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustRefuse(t, c, `is that of server "other"`)
}

func TestRotateCalendarKey(t *testing.T) {
	c := testConfig(t.TempDir())
	rotate := func(ahead time.Duration) error {
		_, err := RotateKey(c.DataDir, "calendar", "", time.Now().Add(ahead))
		return err
	}
	if err := rotate(0); err == nil || !strings.Contains(err.Error(), "holds no ledger") {
		t.Errorf("without a ledger: %v", err)
	}
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}
	if err := rotate(-time.Hour); err == nil || !strings.Contains(err.Error(), "clock shows") {
		t.Errorf("on a clock that is behind: %v", err)
	}
	if err := rotate(0); err == nil || !strings.Contains(err.Error(), "is good until") {
		t.Errorf("of a new key: %v", err)
	}

	// Lost: refused, then replaced.
	key := filepath.Join(c.DataDir, calendarFiles.key)
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, c, "put keys/ back")
	if err := rotate(0); err != nil {
		t.Fatal(err)
	}
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}

	// Near its end: replaced, the old one kept aside.
	const late = 400 * 24 * time.Hour
	if err := rotate(late); err != nil {
		t.Fatal(err)
	}
	aside, err := filepath.Glob(filepath.Join(c.DataDir, "keys", "calendar-*.key"))
	if err != nil || len(aside) != 1 {
		t.Errorf("kept aside: %v, %v", aside, err)
	}
	if err := rotate(late); err == nil {
		t.Error("a key that was just made is replaced")
	}
	if _, err := RotateKey(c.DataDir, "everything", "", time.Now()); err == nil {
		t.Error("rotated a key that does not exist")
	}
}

// TestPublicationsKey rotates the key that signs publications files, with the root's key at hand and without, and loses it.
func TestPublicationsKey(t *testing.T) {
	c := testConfig(t.TempDir())
	c.ServerName, c.Email = "ledger.example", "gazette@ledger.example"
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}
	load := func() *keyPair {
		t.Helper()
		k, err := publicationsFiles.load(c.DataDir)
		if err != nil {
			t.Fatal(err)
		}
		root, err := rootFiles.loadCertificate(c.DataDir)
		if err == nil {
			err = k.certificate.X509.CheckSignatureFrom(root.X509)
		}
		if err != nil {
			t.Error(err)
		}
		return k
	}
	first := load()
	if got := ksi.Email(first.certificate.X509); got != c.Email {
		t.Errorf("e-mail %q", got)
	}
	if _, err := RotateKey(c.DataDir, "publications", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	second := load()
	if ksi.Email(second.certificate.X509) != c.Email || second.certificate.X509.Equal(first.certificate.X509) {
		t.Errorf("rotated: e-mail %q", ksi.Email(second.certificate.X509))
	}

	// Lost: issued anew while the root's key is there, refused when that is kept elsewhere.
	lose := func(f keyFiles) {
		t.Helper()
		if err := os.Rename(filepath.Join(c.DataDir, f.key), filepath.Join(t.TempDir(), "key")); err != nil {
			t.Fatal(err)
		}
	}
	lose(publicationsFiles)
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}
	if ksi.Email(load().certificate.X509) != c.Email {
		t.Error("issued anew with another e-mail address")
	}
	lose(rootFiles)
	if err := serveOnce(t, c); err != nil {
		t.Error(err)
	}
	if _, err := RotateKey(c.DataDir, "publications", "", time.Now()); err == nil || !strings.Contains(err.Error(), "key of the root is needed") {
		t.Errorf("rotated without the root's key: %v", err)
	}
	lose(publicationsFiles)
	mustRefuse(t, c, "key of the root is needed")
}

// Keys that sign what verifiers would not believe are refused, and a rotation that fails changes nothing.
func TestPublicationsKeyOfNoUse(t *testing.T) {
	c := testConfig(t.TempDir())
	c.Email = "gazette@ledger.example"
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}
	certificate := filepath.Join(c.DataDir, publicationsFiles.certificate)
	before, _ := os.ReadFile(certificate)
	if _, err := RotateKey(c.DataDir, "publications", "hélène@ledger.example", time.Now()); err == nil {
		t.Errorf("rotated to an address that no certificate can hold: %v", err)
	}
	if after, err := os.ReadFile(certificate); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the certificate after a rotation that failed: %v", err)
	}
	other := c
	other.Email = "other@ledger.example"
	mustRefuse(t, other, "signed as "+c.Email)

	// A root that is not the issuer's, and none: what would be signed is of no use to those who have the root.
	root := filepath.Join(c.DataDir, rootFiles.certificate)
	kept, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(filepath.Join(c.DataDir, calendarFiles.certificate))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		text  []byte
		words string
	}{{foreign, "is not issued by"}, {nil, "put it back"}} {
		if err := os.WriteFile(root, x.text, 0o644); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, c, x.words)
	}
	if err := os.WriteFile(root, kept, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := serveOnce(t, c); err != nil {
		t.Error(err)
	}
}

// A data directory of before there were publications gets the keys at the next start.
func TestPublicationsKeysMadeLater(t *testing.T) {
	c := testConfig(t.TempDir())
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{publicationsFiles.key, publicationsFiles.certificate, rootFiles.key, rootFiles.certificate} {
		if err := os.Remove(filepath.Join(c.DataDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}
	if _, err := rootFiles.load(c.DataDir); err != nil {
		t.Error(err)
	}
}

// The certificate of a new key reaches back to the oldest second that may still have to be closed under it.
func TestNewKeyReachesBack(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	from := now.Add(-48 * time.Hour)
	k, err := newCalendarKey("test", from, now)
	if err != nil {
		t.Fatal(err)
	}
	if c := k.certificate.X509; !c.NotBefore.Before(from) || c.NotAfter.Before(now.AddDate(2, 0, 0)) {
		t.Errorf("valid from %s to %s", c.NotBefore, c.NotAfter)
	}
	if id := ksi.CertificateID(k.certificate.X509.Raw); string(id[:]) != string(k.certificate.ID) {
		t.Errorf("id %x", k.certificate.ID)
	}
}

func TestValidate(t *testing.T) {
	c := Config{StatementMemory: 1, Listen: "0.0.0.0:5433", ServerName: "a/b", Role: "Jurat", Email: "nobody", GatewayListen: "192.0.2.1:80"}
	err := c.Validate()
	for _, words := range []string{"--data", "--tls-cert", "a/b", "Jurat", "connections", "clock jump", "stop time", "memory", "database", "e-mail", "gateway requests", "--gateway-listen"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("no word of %q: %v", words, err)
		}
	}
	c = DefaultConfig()
	if c.GatewayTCPListen = "192.0.2.1:3332"; c.Validate() == nil {
		t.Error("the gateway over TCP, which has no TLS, listens to the network")
	}
	c = DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// What belongs to others is not made a data directory, and what cannot be served leaves no ledger behind.
func TestNotADataDirectory(t *testing.T) {
	c := testConfig(t.TempDir())
	if err := os.WriteFile(filepath.Join(c.DataDir, "letter.pdf"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, c, "letter.pdf")

	c = testConfig(filepath.Join(t.TempDir(), "new"))
	c.Kernel = "abacus"
	mustRefuse(t, c, "--kernel")
	c.Kernel = merkle.Kernel()
	c.Listen = "127.0.0.1:99999"
	mustRefuse(t, c, "99999")
	if _, err := os.Stat(c.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a start that cannot listen leaves %s: %v", c.DataDir, err)
	}

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c.Listen = taken.Addr().String()
	mustRefuse(t, c, "--listen")

	c.Listen = "127.0.0.1:0"
	if err := serveOnce(t, c); err != nil {
		t.Fatal(err)
	}
	c.Role = "other"
	mustRefuse(t, c, "no superuser role")
	c.Role = "jurat"
	if err := serveOnce(t, c); err != nil {
		t.Error(err)
	}
}

// TestPublicationsKeyEnded: a key whose certificate has ended signs nothing that is handed out, not even what was signed before. The file is
// still there for the server itself.
func TestPublicationsKeyEnded(t *testing.T) {
	s, err := New(t.Context(), testConfig(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, stop := context.WithCancel(context.Background())
		stop()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	end := s.publisher.key.certificate.X509.NotAfter
	now := end
	s.publisher.now = func() time.Time { return now }
	if _, err := s.publisher.publicationsFile(); err != nil {
		t.Fatal(err)
	}
	now = end.Add(time.Second)
	const words = "jurat rotate-key publications"
	if file, err := (source{ledger: s.ledger, publisher: s.publisher}).PublicationsFile(t.Context()); file == nil || err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("for SQL: %v, %v", file, err)
	}
	if data, err := (gatewaySource{ledger: s.ledger, publisher: s.publisher}).PublicationsFile(t.Context()); data != nil || err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("for the gateway: %d bytes, %v", len(data), err)
	}
}
