package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/server/ledger"
	"github.com/jurat-ledger/jurat/storage"
)

// A publisher makes the publications file.
type publisher struct {
	ledger *ledger.Ledger
	key    *keyPair
	now    func() time.Time

	mu           sync.Mutex // covers all below
	file         *ksi.PublicationsFile
	publications []storage.Publication // that file holds
	certificates int                   // that file holds
}

// publicationsFile returns the file of all publications and calendar certificates. Once the certificate that it is signed with has ended
// there is an error besides the file: no verifier accepts it, so it is not to be handed out, but what it holds is right.
func (p *publisher) publicationsFile() (*ksi.PublicationsFile, error) {
	file, err := p.signed()
	if err != nil {
		return nil, err
	}
	if end := p.key.certificate.X509.NotAfter; p.now().After(end) {
		err = fmt.Errorf("no verifier accepts the publications file, as the certificate of the key that signs it ended at %s: stop the server and run jurat rotate-key publications",
			end.UTC().Format(time.RFC3339))
	}
	return file, err
}

// signed returns the file, which is signed anew when there is more to sign.
func (p *publisher) signed() (*ksi.PublicationsFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	publications, certificates := p.ledger.Publications(), p.ledger.Certificates()
	same := func(a, b storage.Publication) bool {
		return a.Time == b.Time && slices.Equal(a.References, b.References)
	}
	if p.file != nil && p.certificates == len(certificates) && slices.EqualFunc(p.publications, publications, same) {
		return p.file, nil
	}
	c := ksi.Contents{Created: calendar.RoundOf(p.now())}
	for _, x := range certificates {
		parsed, err := x509.ParseCertificate(x.DER)
		if err != nil {
			return nil, fmt.Errorf("calendar certificate %x: %w", x.ID, err)
		}
		c.Certificates = append(c.Certificates, ksi.Certificate{ID: x.ID, X509: parsed})
	}
	for _, x := range publications {
		r := ksi.PublicationRecord{Publication: ksi.Publication{Time: x.Time, Root: x.Root.Imprint()}}
		r.References = x.References
		c.Publications = append(c.Publications, r)
	}
	if p.key.signer == nil {
		return nil, errors.New("the publications file cannot be signed: this directory has no keys/publications.key")
	}
	data, err := ksi.BuildPublicationsFile(c, p.key.signer, p.key.certificate.X509)
	if err != nil {
		return nil, err
	}
	file, err := ksi.ParsePublicationsFile(data)
	if err != nil {
		return nil, err
	}
	p.file, p.publications, p.certificates = file, publications, len(certificates)
	return file, nil
}

// openPublicationsKey reads the key that signs publications files. Where there is none it is made, and so is the root that
// issues its certificate if the ledger is new or has no root yet.
func (s *Server) openPublicationsKey(server string, newLedger bool) (*keyPair, error) {
	dir := s.config.DataDir
	key, err := publicationsFiles.load(dir)
	if err == nil {
		return key, checkPublicationsKey(dir, key, s.config.Email)
	} else if !errors.Is(err, errNoKey) {
		return nil, err
	}
	_, noRoot := os.Stat(filepath.Join(dir, rootFiles.certificate))
	if newLedger || errors.Is(noRoot, fs.ErrNotExist) {
		if !newLedger {
			s.log.Warn("the ledger has no root for publications files: a new one is made. If it had one, stop the server and put keys/ back from the backup; else hand the new one out: verifiers do not know it",
				"root", filepath.Join(dir, rootFiles.certificate))
		}
		return makePublicationsKeys(dir, server, s.config.Email, s.now())
	}
	key, rotateErr := rotatePublicationsKey(dir, server, s.config.Email, s.now())
	if rotateErr != nil {
		return nil, fmt.Errorf("%w, and no new one can be made: %w", err, rotateErr)
	}
	s.log.Warn("the key that signs publications files was missing: a new one is issued under the same root")
	return key, nil
}

// checkPublicationsKey returns an error if verifiers that keep to the root and the e-mail address at hand would refuse what
// the key signs.
func checkPublicationsKey(dir string, key *keyPair, wanted string) error {
	cert := key.certificate.X509
	root, err := rootFiles.loadCertificate(dir)
	if err != nil {
		return err
	}
	if err := cert.CheckSignatureFrom(root.X509); err != nil {
		return fmt.Errorf("%s is not issued by %s, so nobody would believe the publications file: put keys/ back from one backup (%w)",
			filepath.Join(dir, publicationsFiles.certificate), filepath.Join(dir, rootFiles.certificate), err)
	}
	if email := ksi.Email(cert); wanted != "" && wanted != email {
		return fmt.Errorf("publications files are signed as %s, not %s: verifiers set that address as their constraint; leave --email away, or change it by jurat rotate-key publications --email",
			email, wanted)
	}
	return nil
}

// watchPublicationsKey warns daily before the end of the certificate that publications files are signed with, until ctx
// is done.
func (s *Server) watchPublicationsKey(ctx context.Context, cert *x509.Certificate) {
	day := time.NewTicker(24 * time.Hour)
	defer day.Stop()
	for {
		if cert.NotAfter.Sub(s.now()) < warnBefore {
			s.log.Error("the certificate that signs publications files ends: stop the server and run jurat rotate-key publications",
				"not_after", cert.NotAfter)
		}
		select {
		case <-day.C:
		case <-ctx.Done():
			return
		}
	}
}

// makePublicationsKeys makes the root and the key that signs publications files.
func makePublicationsKeys(dir, server, email string, now time.Time) (*keyPair, error) {
	email, err := publicationsEmail(email, server)
	if err != nil {
		return nil, err
	}
	root, err := newKeyPair(func(key *rsa.PrivateKey) ([]byte, error) {
		return ksi.NewPublicationsRoot(rand.Reader, key, server+" publications root", now)
	})
	if err != nil {
		return nil, err
	}
	if err := root.save(dir, rootFiles); err != nil {
		return nil, err
	}
	key, err := newPublicationsKey(root, server, email, now)
	if err != nil {
		return nil, err
	}
	return key, key.save(dir, publicationsFiles)
}

// publicationsEmail returns the address in the certificate that signs publications files: the one given, if any.
func publicationsEmail(given, server string) (string, error) {
	email := cmp.Or(given, "publications@"+server)
	switch {
	case validEmail(email):
		return email, nil
	case given == "":
		return "", fmt.Errorf("no --email, and %w", badEmail(email))
	}
	return "", badEmail(email)
}

// newPublicationsKey makes a key to sign publications files, issued by the root, in memory.
func newPublicationsKey(root *keyPair, server, email string, now time.Time) (*keyPair, error) {
	return newKeyPair(func(key *rsa.PrivateKey) ([]byte, error) {
		return ksi.NewPublicationsCertificate(rand.Reader, root.certificate.X509, root.signer, &key.PublicKey, server, email, now)
	})
}

// rotatePublicationsKey makes a new key to sign publications files, issued by the root, whose key must be there. The e-mail
// address stays unless another one is given. The key before, if there is one, is kept aside.
func rotatePublicationsKey(dir, server, email string, now time.Time) (*keyPair, error) {
	root, err := rootFiles.load(dir)
	if err != nil {
		return nil, fmt.Errorf("%w; the key of the root is needed to issue another: put it back from where it is kept", err)
	}
	if old, err := publicationsFiles.loadCertificate(dir); err == nil {
		email = cmp.Or(email, ksi.Email(old.X509))
	}
	if email, err = publicationsEmail(email, server); err != nil {
		return nil, err
	}
	key, err := newPublicationsKey(root, server, email, now)
	if err != nil {
		return nil, err
	}
	old, err := publicationsFiles.load(dir)
	switch {
	case err == nil:
		err = old.setAside(dir, publicationsFiles)
	case errors.Is(err, errNoKey):
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return key, key.save(dir, publicationsFiles)
}

// warnBefore is how long before its end a certificate is warned of.
const warnBefore = 60 * 24 * time.Hour

// RotateKey replaces a key of a stopped server: "calendar", near its end or lost, or "publications". What it replaces is
// kept aside. It returns the path of the new certificate.
func RotateKey(dir, which, email string, now time.Time) (certificate string, err error) {
	if err := CheckOwner(dir, os.Geteuid()); err != nil {
		return "", err
	}
	store, err := storage.Open(filepath.Join(dir, StoreDir), storage.Options{ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, storage.ErrNotFound) {
		return "", fmt.Errorf("%s holds no ledger: give the data directory of the server with --data", dir)
	} else if err != nil {
		return "", err
	}
	defer store.Close()
	if closed := store.Closed().Time(); closed.Sub(now) > time.Minute {
		return "", fmt.Errorf("this machine's clock shows %s, before the newest round, %s: set it first, since a key is valid for a time from now",
			now.UTC().Format(time.RFC3339), closed.UTC().Format(time.RFC3339))
	}
	server := store.Genesis().Server
	switch which {
	case "calendar":
		// A round that was left open is older than the key and closes under it.
		from := min(store.Closed()+1, calendar.RoundOf(now))
		_, err = replaceCalendarKey(dir, server, from.Time(), now)
		return filepath.Join(dir, calendarFiles.certificate), err
	case "publications":
		_, err = rotatePublicationsKey(dir, server, email, now)
		return filepath.Join(dir, publicationsFiles.certificate), err
	}
	return "", fmt.Errorf("no key %q: give calendar or publications", which)
}

// certificateID returns the id of the certificate that publications files are signed with, nil if there is no key.
func (p *publisher) certificateID() []byte {
	if p.key == nil {
		return nil
	}
	return p.key.certificate.ID
}
