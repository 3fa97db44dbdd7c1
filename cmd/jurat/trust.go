package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// The calendar certificates that this account trusts are files calendars/*.crt in its configuration directory, put there
// by jurat sign: whoever files with a server trusts it.

func trustDir() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "jurat", "calendars"), err
}

// trustedCertificates reads the certificates of the given PEM files, or else those that this account trusts.
func trustedCertificates(paths []string) ([]ksi.Certificate, error) {
	if len(paths) == 0 {
		dir, err := trustDir()
		if err != nil {
			return nil, nil // no home, no certificates
		}
		if paths, err = filepath.Glob(filepath.Join(dir, "*.crt")); err != nil {
			return nil, err
		}
	}
	var all []ksi.Certificate
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		certificates, err := parseCertificates(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, certificates...)
	}
	return all, nil
}

// parseCertificates reads one certificate or more in PEM.
func parseCertificates(text []byte) ([]ksi.Certificate, error) {
	var all []ksi.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a PEM block of type %s where certificates are expected", block.Type)
		}
		c, err := ksi.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("no PEM certificate in it")
	}
	return all, nil
}

// remember makes this account trust the calendar certificates of a server from now on and returns the new ones' files.
func remember(certificates []ksi.Certificate) ([]string, error) {
	dir, err := trustDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var added []string
	for _, c := range certificates {
		fingerprint := sha256.Sum256(c.X509.Raw)
		path := filepath.Join(dir, hex.EncodeToString(fingerprint[:16])+".crt")
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		err = pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: c.X509.Raw})
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		added = append(added, path)
	}
	return added, nil
}
