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

	"github.com/jurat-ledger/jurat/internal/host"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage/backup"
)

// Names in the data directory.
const (
	// StoreDir holds the store.
	StoreDir = backup.StoreDir
	// IndexDir holds the files of the digest index: without them the index has to be dropped and grown again.
	IndexDir = backup.IndexDir
	keysDir  = backup.KeysDir
)

// keyFiles are where a key and its certificate stand in the data directory.
type keyFiles struct {
	key, certificate string
	selfSigned       bool // the certificate is signed by its own key
}

var (
	calendarFiles     = keyFiles{keysDir + "/calendar.key", keysDir + "/calendar.crt", true}
	publicationsFiles = keyFiles{keysDir + "/publications.key", keysDir + "/publications.crt", false}
	rootFiles         = keyFiles{keysDir + "/root.key", keysDir + "/root.crt", true}
)

// keyBits is the size of RSA keys: enough for signatures that stand until the next publication, under the rules of the
// European security agencies beyond 2030.
const keyBits = 3072

// A keyPair is a key with its certificate.
type keyPair struct {
	signer      crypto.Signer
	certificate ksi.Certificate
}

// newKeyPair makes a key, and its certificate by issue.
func newKeyPair(issue func(key *rsa.PrivateKey) (der []byte, err error)) (*keyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	der, err := issue(key)
	if err != nil {
		return nil, err
	}
	cert, err := ksi.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &keyPair{signer: key, certificate: cert}, nil
}

// newCalendarKey makes a key that signs calendar roots, in memory. from is the earliest second that it may have to sign.
func newCalendarKey(server string, from, now time.Time) (*keyPair, error) {
	return newKeyPair(func(key *rsa.PrivateKey) ([]byte, error) {
		return ksi.NewCalendarCertificate(rand.Reader, key, server, from, now)
	})
}

// keepCalendarKey is how long a certificate has to be valid still for its key not to be replaced.
const keepCalendarKey = 365 * 24 * time.Hour

// replaceCalendarKey makes and saves a new calendar key. The one before, if there is one, is kept aside under the id of
// its certificate.
func replaceCalendarKey(dir, server string, from, now time.Time) (*keyPair, error) {
	old, err := calendarFiles.load(dir)
	switch {
	case errors.Is(err, errNoKey):
		if err := setAside(dir, calendarFiles.certificate, now.UTC().Format("20060102T150405Z")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	case err != nil:
		return nil, err
	case old.certificate.X509.NotAfter.Sub(now) > keepCalendarKey:
		return nil, fmt.Errorf("the calendar key is good until %s: move %s away first if it must not be used any more",
			old.certificate.X509.NotAfter.Format(time.DateOnly), filepath.Join(dir, calendarFiles.key))
	default:
		if err := old.setAside(dir, calendarFiles); err != nil {
			return nil, err
		}
	}
	key, err := newCalendarKey(server, from, now)
	if err != nil {
		return nil, err
	}
	return key, key.save(dir, calendarFiles)
}

// setAside keeps a key and its certificate under the id of the certificate. The key goes first: a crash in between leaves
// a directory without a key, which says what to do.
func (k *keyPair) setAside(dir string, f keyFiles) error {
	for _, name := range []string{f.key, f.certificate} {
		if err := setAside(dir, name, hex.EncodeToString(k.certificate.ID)); err != nil {
			return err
		}
	}
	return nil
}

// setAside renames a file of the data directory so that mark stands in its name.
func setAside(dir, name, mark string) error {
	path := filepath.Join(dir, name)
	extension := filepath.Ext(path)
	return os.Rename(path, strings.TrimSuffix(path, extension)+"-"+mark+extension)
}

// save writes the key and its certificate into the data directory, the key last: where there is a key there is its
// certificate.
func (k *keyPair) save(dir string, f keyFiles) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, keysDir), 0o700); err != nil {
		return err
	}
	err = writeFile(filepath.Join(dir, f.certificate), "CERTIFICATE", k.certificate.X509.Raw, 0o644)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, f.key), "PRIVATE KEY", der, 0o600)
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
	return host.SyncDir(filepath.Dir(path))
}

// errNoKey says that the data directory has no such key.
var errNoKey = errors.New("no key")

// load reads a key and its certificate from the data directory.
func (f keyFiles) load(dir string) (*keyPair, error) {
	path := filepath.Join(dir, f.key)
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
		return nil, keyFileError(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: want an RSA key, this is %T", path, parsed)
	}
	cert, err := f.loadCertificate(dir)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(cert.X509.PublicKey) {
		return nil, fmt.Errorf("%s is not the certificate of %s: put both back from one backup of keys/", filepath.Join(dir, f.certificate), path)
	}
	return &keyPair{signer: key, certificate: cert}, nil
}

// loadCertificate reads the certificate alone.
func (f keyFiles) loadCertificate(dir string) (ksi.Certificate, error) {
	path := filepath.Join(dir, f.certificate)
	der, err := readPEM(path, "CERTIFICATE")
	if err != nil {
		return ksi.Certificate{}, keyFileError(err)
	}
	cert, err := ksi.ParseCertificate(der)
	if err != nil {
		return cert, fmt.Errorf("%s: %w", path, err)
	}
	if x := cert.X509; f.selfSigned {
		if err := x.CheckSignature(x.SignatureAlgorithm, x.RawTBSCertificate, x.Signature); err != nil {
			return cert, fmt.Errorf("%s is damaged: it is not signed by its own key (%w); put it back from the backup of keys/", path, err)
		}
	}
	return cert, nil
}

// keyFileError says what to do about a file of a key that cannot be read.
func keyFileError(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; what is in keys/ has to belong to the user that the server runs as: as root, chown it", err)
	}
	return fmt.Errorf("%w; put it back from the backup of keys/", err)
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
