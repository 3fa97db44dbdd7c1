package server

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// TestMistakenFirstStart makes the mistakes that a first start can find: each is refused by a sentence that names it, and leaves no
// data directory behind.
func TestMistakenFirstStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "missing")
	junk := write("junk", "no rule, no PEM\nno password\n")
	for name, mistake := range map[string]struct {
		change func(*Config)
		words  string
	}{
		"no login rules":     {func(c *Config) { c.HBA = missing }, missing},
		"bad login rules":    {func(c *Config) { c.HBA = junk }, "junk:1: "},
		"no password":        {func(c *Config) { c.PasswordFile = missing }, missing},
		"two lines":          {func(c *Config) { c.PasswordFile = junk }, "one line"},
		"empty password":     {func(c *Config) { c.PasswordFile = write("empty", "") }, "one line"},
		"no certificate":     {func(c *Config) { c.TLSCert, c.TLSKey = missing, missing }, missing},
		"no PEM":             {func(c *Config) { c.TLSCert, c.TLSKey = junk, junk }, junk},
		"e-mail by default":  {func(c *Config) { c.ServerName = "Zürich" }, "--email"},
		"kernel":             {func(c *Config) { c.Kernel = "abacus" }, "abacus"},
		"name of the server": {func(c *Config) { c.ServerName = "ledger\nexample" }, "server name"},
		"name that turns":    {func(c *Config) { c.ServerName, c.Email = "ledger\u202eexample", "a@ledger.example" }, "server name"},
		"name with no space": {func(c *Config) { c.ServerName, c.Email = "ledger\u00a0example", "a@ledger.example" }, "U+0020"},
		"clock of 1970":      {func(c *Config) { c.Clock = movedClock{newSystemClock(), -50 * 365 * 24 * time.Hour} }, "clock shows"},
		"name of the role":   {func(c *Config) { c.Role = "Über" }, "role"},
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(filepath.Join(t.TempDir(), "data"))
			mistake.change(&c)
			err := serveOnce(t, c)
			if err == nil || !strings.Contains(err.Error(), mistake.words) {
				t.Errorf("%v, want %q", err, mistake.words)
			}
			if _, err := os.Stat(c.DataDir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the data directory is there: %v", err)
			}
		})
	}
}

// TestServerNameHint: who gives no name for the server is told what that means while a new ledger can still be had.
func TestServerNameHint(t *testing.T) {
	for name, want := range map[string]bool{"": true, "ledger.example": false} {
		log := new(syncBuffer)
		c := testConfig(t.TempDir())
		c.ServerName, c.Logger = name, slog.New(slog.NewTextHandler(log, nil))
		if err := serveOnce(t, c); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "no --server-name was given") != want {
			t.Errorf("named %q: %s", name, log)
		}
	}
}

// makeStore makes the store of a ledger that has nothing else yet.
func makeStore(t *testing.T, c Config) {
	t.Helper()
	genesis := storage.Genesis{Server: c.ServerName, First: calendar.RoundOf(time.Now())}
	store, err := storage.Create(filepath.Join(c.DataDir, StoreDir), genesis, storage.Options{Logger: c.Logger})
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSpacedServerName: a ledger that has a name which no new one gets, of a space that does not print, is served under it.
func TestSpacedServerName(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	c.ServerName, c.Email = "ledger\u00a0example", "a@ledger.example"
	makeStore(t, c)
	if err := serveOnce(t, c); err != nil {
		t.Error(err)
	}
}

// TestEmailOfSecondAttempt: a first start that was cut off is repeated without the e-mail address that the server's name cannot stand for.
func TestEmailOfSecondAttempt(t *testing.T) {
	t.Parallel()
	c := testConfig(t.TempDir())
	c.ServerName = "Zürich"
	makeStore(t, c)
	if err := serveOnce(t, c); err == nil || !strings.Contains(err.Error(), "no --email") {
		t.Errorf("%v, want what to give", err)
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, rootFiles.key)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a root was made: %v", err)
	}
	c.Email = "publications@zuerich.example"
	if err := serveOnce(t, c); err != nil {
		t.Error(err)
	}
}
