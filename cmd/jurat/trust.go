package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// The calendar certificates that this account trusts are files in calendars in its configuration directory, one for each
// server that it has filed with, named by the server's address. The first filing puts it there; from then on the server
// must show a certificate of the file, as SSH does with the keys of hosts.

func trustDir() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "jurat", "calendars"), err
}

// A trustedCertificate is a calendar certificate and the file that it comes from.
type trustedCertificate struct {
	ksi.Certificate
	path string
}

// certificatesOf returns the certificates alone.
func certificatesOf(trusted []trustedCertificate) (all []ksi.Certificate) {
	for _, c := range trusted {
		all = append(all, c.Certificate)
	}
	return all
}

// trustedCertificates reads the certificates of the given PEM files, or else those that this account trusts. Of the latter
// it leaves out, with a word, files that it cannot read.
func trustedCertificates(words io.Writer, paths []string) ([]trustedCertificate, error) {
	if len(paths) == 0 {
		dir, err := trustDir()
		if err != nil {
			return nil, nil // no home, no certificates
		}
		return trustedIn(words, dir)
	}
	var all []trustedCertificate
	for _, path := range paths {
		certificates, err := readCertificates(path)
		if err != nil {
			return nil, err
		}
		all = appendTrusted(all, path, certificates)
	}
	return all, nil
}

// trustedIn reads the certificates of a directory. It leaves out, with a word, files that it cannot read.
func trustedIn(words io.Writer, dir string) (all []trustedCertificate, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".crt" {
			continue
		}
		path := filepath.Join(dir, e.Name())
		certificates, err := readCertificates(path)
		if err != nil {
			fmt.Fprintf(words, "left out: %s\n", err)
		}
		all = appendTrusted(all, path, certificates)
	}
	return all, nil
}

func appendTrusted(all []trustedCertificate, path string, certificates []ksi.Certificate) []trustedCertificate {
	for _, c := range certificates {
		all = append(all, trustedCertificate{c, path})
	}
	return all
}

func readCertificates(path string) ([]ksi.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	certificates, err := ksi.ParseCertificates(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return certificates, nil
}

// remember makes this account trust the calendar certificates of a server. It returns what there is to tell. A server
// that is known and shows a newest certificate that is not is refused, unless anyway is set: its key may have been
// replaced, or it may be another server. So is a server whose certificate bears the name of one that is known by another
// address, but is not one of its certificates: its key would decide for the proofs of the other.
func remember(address string, shown []ksi.Certificate, anyway bool) (word string, err error) {
	dir, err := trustDir()
	if err != nil {
		return "The calendar certificate is not remembered, as this account has no home directory: verify with --certificate.", nil
	}
	path := filepath.Join(dir, strings.NewReplacer("/", "_", ":", "_", "[", "", "]", "").Replace(address)+".crt")
	newest := shown[len(shown)-1]
	known, err := readCertificates(path)
	first := errors.Is(err, fs.ErrNotExist)
	switch {
	case err == nil && slices.ContainsFunc(known, func(c ksi.Certificate) bool { return c.X509.Equal(newest.X509) }):
		return "", nil
	case err != nil && !first:
		return "", err
	case !first && !anyway:
		return "", fmt.Errorf("%s shows a calendar certificate that this account does not know (SHA-256 %s): its calendar key was replaced, or it is another server; if the operator confirms this fingerprint, run again with --trust",
			address, fingerprint(newest))
	}
	if other, err := namesake(dir, path, newest); err != nil {
		return "", err
	} else if other != "" && !anyway {
		return "", fmt.Errorf("%s shows a calendar certificate of the name %q (SHA-256 %s), which another key has that this account trusts because of %s: it is another server of the same name, or the same one with a new calendar key, or passes itself off as that one; if the operator confirms this fingerprint, run again with --trust",
			address, newest.X509.Subject.CommonName, fingerprint(newest), other)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	var text bytes.Buffer
	for _, c := range append(known, newest) {
		if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.X509.Raw}); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("Remembered the calendar certificate of %s (SHA-256 %s) in %s: jurat verify trusts it from now on.",
		address, fingerprint(newest), path), writeWhole(path, text.Bytes())
}

// namesake returns the file of another server than that of path whose name a certificate bears, without being one of its; the empty
// string if there is none.
func namesake(dir, path string, shown ksi.Certificate) (string, error) {
	trusted, err := trustedIn(io.Discard, dir)
	if err != nil {
		return "", err
	}
	found := ""
	for _, c := range trusted {
		switch {
		case c.path == path || !c.Of(shown.X509.Subject.CommonName):
		case c.X509.Equal(shown.X509):
			return "", nil // the same server by another address
		default:
			found = c.path
		}
	}
	return found, nil
}

// fingerprint returns the SHA-256 of a certificate in hex.
func fingerprint(c ksi.Certificate) string {
	d := sha256.Sum256(c.X509.Raw)
	return hex.EncodeToString(d[:])
}
