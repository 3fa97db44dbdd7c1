package server

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// Names in the data directory.
const (
	// StoreDir holds the store.
	StoreDir = "store"
	// IndexDir holds tables of the digest index while they are written.
	IndexDir        = "index"
	keyFile         = "keys/calendar.key"
	certificateFile = "keys/calendar.crt"
)

// calendarKeyBits is the size of calendar keys: enough for signatures that stand until the next publication, under the
// rules of the European security agencies beyond 2030.
const calendarKeyBits = 3072

// A calendarKey signs calendar roots.
type calendarKey struct {
	signer      crypto.Signer
	certificate ksi.Certificate
}

// makeCalendarKey makes a new calendar key with its certificate, in memory. from is the earliest second that it may have to
// sign.
func makeCalendarKey(server string, from, now time.Time) (*calendarKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, calendarKeyBits)
	if err != nil {
		return nil, err
	}
	der, err := ksi.NewCalendarCertificate(rand.Reader, key, server, from, now)
	if err != nil {
		return nil, err
	}
	cert, err := ksi.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &calendarKey{signer: key, certificate: cert}, nil
}

// keepCalendarKey is how long a certificate has to be valid still for its key not to be replaced.
const keepCalendarKey = 365 * 24 * time.Hour

// replaceCalendarKey makes and saves a new calendar key. The one before, if there is one, is kept aside under the id of
// its certificate.
func replaceCalendarKey(dir, server string, from, now time.Time) (*calendarKey, error) {
	old, err := loadCalendarKey(dir)
	switch {
	case errors.Is(err, errNoKey):
		if err := setAside(dir, certificateFile, now.UTC().Format("20060102T150405Z")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	case err != nil:
		return nil, err
	case old.certificate.X509.NotAfter.Sub(now) > keepCalendarKey:
		return nil, fmt.Errorf("the calendar key is good until %s: start without --new-calendar-key, or move %s away if the key must not be used any more",
			old.certificate.X509.NotAfter.Format(time.DateOnly), filepath.Join(dir, keyFile))
	default:
		// The key first: a crash in between leaves a directory without a key, which says what to do.
		for _, name := range []string{keyFile, certificateFile} {
			if err := setAside(dir, name, hex.EncodeToString(old.certificate.ID)); err != nil {
				return nil, err
			}
		}
	}
	key, err := makeCalendarKey(server, from, now)
	if err != nil {
		return nil, err
	}
	return key, key.save(dir)
}

// setAside renames a file of the data directory so that mark stands in its name.
func setAside(dir, name, mark string) error {
	path := filepath.Join(dir, name)
	extension := filepath.Ext(path)
	return os.Rename(path, strings.TrimSuffix(path, extension)+"-"+mark+extension)
}

// save writes the key and its certificate into the data directory, the key last: where there is a key there is its
// certificate.
func (k *calendarKey) save(dir string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(keyFile)), 0o700); err != nil {
		return err
	}
	err = writeFile(filepath.Join(dir, certificateFile), "CERTIFICATE", k.certificate.X509.Raw, 0o644)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, keyFile), "PRIVATE KEY", der, 0o600)
}

// writeFile writes a PEM file whole or not at all.
func writeFile(path, kind string, der []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pem.Encode(f, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// errNoKey says that the data directory has no calendar key.
var errNoKey = errors.New("no calendar key")

// loadCalendarKey reads the calendar key of the data directory.
func loadCalendarKey(dir string) (*calendarKey, error) {
	path := filepath.Join(dir, keyFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, errNoKey)
	} else if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): run chmod 600 %s", path, info.Mode().Perm(), path)
	}
	keyDER, err := readPEM(path, "PRIVATE KEY")
	if err != nil {
		return nil, fmt.Errorf("%w; put it back from the backup of keys/", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: a calendar key must be an RSA key, this is %T", path, parsed)
	}
	certPath := filepath.Join(dir, certificateFile)
	der, err := readPEM(certPath, "CERTIFICATE")
	if err != nil {
		return nil, fmt.Errorf("%w; put it back from the backup of keys/", err)
	}
	cert, err := ksi.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certPath, err)
	}
	if !key.PublicKey.Equal(cert.X509.PublicKey) {
		return nil, fmt.Errorf("%s is not the certificate of %s", certPath, path)
	}
	return &calendarKey{signer: key, certificate: cert}, nil
}

func readPEM(path, kind string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("%s: no PEM block of type %s", path, kind)
	}
	return block.Bytes, nil
}
