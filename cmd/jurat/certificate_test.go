package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMakeCertificateRefused has jurat make-certificate meet what it cannot go on with: it names the file or the flag, says what to do,
// and leaves no half of a pair behind.
func TestMakeCertificateRefused(t *testing.T) {
	for name, c := range map[string]struct {
		exists     []string // before
		cert, host string
		words      []string
	}{
		"certificate there": {[]string{"server.crt"}, "server.crt", "ledger.example", []string{"server.crt", "--cert and --key"}},
		"key there":         {[]string{"server.key"}, "server.crt", "ledger.example", []string{"server.key", "--cert and --key"}},
		"no directory":      {nil, "tls/server.crt", "ledger.example", []string{"tls/server.crt", "make the directory"}},
		"address":           {nil, "server.crt", "https://ledger.example/", []string{"--host", "https://ledger.example/"}},
		"port":              {nil, "server.crt", "ledger.example:5433", []string{"--host", "ledger.example:5433"}},
		"letters":           {nil, "server.crt", "zürich.example", []string{"--host", "zürich.example"}},
		"nothing":           {nil, "server.crt", "", []string{"--host", `""`}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, n := range c.exists {
				if err := os.WriteFile(filepath.Join(dir, n), []byte("mine"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := makeCertificate([]string{c.host}, 1, filepath.Join(dir, c.cert), filepath.Join(dir, "server.key"))
			for _, w := range c.words {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("%v, want %q", err, w)
				}
			}
			entries, err := os.ReadDir(dir)
			var left []string
			for _, e := range entries {
				left = append(left, e.Name())
			}
			if err != nil || !slices.Equal(left, c.exists) {
				t.Errorf("left are %v (%v), want %v", left, err, c.exists)
			}
		})
	}
	dir := t.TempDir()
	if err := makeCertificate([]string{"ledger.example", "2001:db8::7", "192.0.2.7"}, 1, filepath.Join(dir, "c"), filepath.Join(dir, "k")); err != nil {
		t.Error(err)
	}
}
