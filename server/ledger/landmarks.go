package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/storage"
)

// landmarks keep the newest file of landmarks. Landmarks and ends never change, so that a file is made from the one before and
// from what is new.
type landmarks struct {
	store calendarReader

	mu   sync.Mutex // covers all below; held while a file is made, so that it is made once
	as   landmarksState
	file *landmark.File // nil for none yet
}

// A calendarReader reads the calendar: a storage.Store.
type calendarReader interface {
	ReadCalendarNodes(dst []merkle.Digest, height uint8, first uint64) error
	ReadCalendarLeaves(dst []merkle.Digest, first calendar.Second) error
}

// ErrBlockNotClosed is ErrNotClosed of a block of 256 seconds, which is closed with its last second.
var ErrBlockNotClosed = fmt.Errorf("block %w", ErrNotClosed)

// landmarksState is all that a file of landmarks depends on.
type landmarksState struct {
	behind       uint64 // the block behind the newest closed one
	publications int
	end          calendar.Second // where it ends, unless a publication is later
}

// LandmarksFile returns the file of the landmarks of all closed blocks, from that of a second on; a second before the ledger's first
// stands for that. ErrBlockNotClosed before a block is closed.
//
// It gives the calendar roots of all publications, of the newest round in these blocks, and of the end of the newest block or of the newest
// publication if that is later, which the calendar key signs. So it stays the same, byte for byte, until another block is closed or something is
// published. With a certificate that begins after the newest block it ends at the newest closed second; of a ledger without a key, at its newest round,
// which was signed when it was closed.
//
// What is signed is checked first: the landmarks must give the roots that were published, and that of the newest round.
func (l *Ledger) LandmarksFile(from calendar.Second) (*landmark.File, error) {
	f, err := l.allLandmarks()
	if err != nil {
		return nil, fmt.Errorf("landmarks: %w", err)
	}
	first, count := f.Blocks()
	block := landmark.BlockOf(max(from, l.genesis.First))
	switch {
	case block >= first+uint64(count):
		return nil, fmt.Errorf("landmarks from %s: %w: the newest closed block ends at %s", from, ErrBlockNotClosed, landmark.Last(first+uint64(count)-1))
	case block > first:
		return f.Since(block)
	}
	return f, nil
}

// allLandmarks returns the file of all landmarks: the one that is kept, or one made from it.
func (l *Ledger) allLandmarks() (*landmark.File, error) {
	k := &l.landmarks
	k.mu.Lock()
	defer k.mu.Unlock()
	published := l.Publications() // before the extent, so that all are closed
	first, closed, _ := l.Extent()
	var newest *storage.RoundRecord
	var err error
	if l.key == nil {
		if newest, err = l.newestRound(first, closed); err != nil {
			return nil, err
		} else if newest != nil {
			closed = newest.Round
		}
	}
	as := landmarksState{behind: landmark.BlockOf(closed + 1), publications: len(published), end: closed}
	if as.behind <= landmark.BlockOf(first) {
		return nil, fmt.Errorf("%w: the newest closed second is %s", ErrBlockNotClosed, closed)
	}
	if end := landmark.Last(as.behind - 1); l.key != nil && !end.Time().Before(l.certificate.X509.NotBefore) {
		as.end = end
	}
	if k.file != nil && k.as == as {
		return k.file, nil
	}
	if newest == nil {
		if newest, err = l.newestRound(first, as.end); err != nil {
			return nil, err
		}
	}
	f, err := l.makeLandmarks(as, published, newest)
	if err == nil {
		k.as, k.file = as, f
	}
	return f, err
}

// makeLandmarks makes the file of a state of the ledger from the one that is kept. l.landmarks is locked.
func (l *Ledger) makeLandmarks(as landmarksState, published []storage.Publication, newest *storage.RoundRecord) (*landmark.File, error) {
	k := &l.landmarks
	c := landmark.Contents{Server: l.genesis.Server, First: landmark.BlockOf(l.genesis.First)}
	grow := landmark.New
	if k.file != nil {
		c.First, grow = k.as.behind, k.file.Grow
	}
	c.Marks = make([]merkle.Digest, as.behind-c.First)
	if err := k.store.ReadCalendarNodes(c.Marks, landmark.Height, c.First); err != nil {
		return nil, err
	}
	checks, err := l.landmarkEnds(&c, as.end, published, newest)
	if err != nil {
		return nil, err
	}
	switch {
	case l.key != nil:
		c.Authentication = func(p ksi.Publication) (*ksi.Authentication, error) {
			return ksi.SignAuthentication(rand.Reader, l.key, l.certificate, p)
		}
	case newest != nil:
		c.Authentication = func(ksi.Publication) (*ksi.Authentication, error) {
			return &ksi.Authentication{SignatureType: ksi.SHA256WithRSA, Signature: newest.Signature, CertificateID: newest.Certificate}, nil
		}
	}
	f, err := grow(c)
	if err != nil {
		return nil, err
	}
	for i := range c.Ends {
		if err := checks[i](f.Root(i)); err != nil {
			return nil, fmt.Errorf("the root as of %s: %w: %w", c.Ends[i].Second, err, storage.ErrCorrupt)
		}
	}
	return f, nil
}

// newestRound returns the record of the newest of the rounds first to last, nil if there is none.
func (l *Ledger) newestRound(first, last calendar.Second) (*storage.RoundRecord, error) {
	rounds, err := l.store.Rounds(storage.RoundScan{From: first, To: last, Desc: true})
	if err != nil {
		return nil, err
	}
	defer rounds.Close()
	if !rounds.Next() {
		return nil, rounds.Err()
	}
	return l.record(rounds.Batch().Round[0])
}

// landmarkEnds sets the ends of c, in order, and returns for each the check of its root. Publications after end, of which a ledger without
// a key has no signature, are left out.
func (l *Ledger) landmarkEnds(c *landmark.Contents, end calendar.Second, published []storage.Publication, newest *storage.RoundRecord) ([]func(ksi.Publication) error, error) {
	checks := make(map[calendar.Second]func(ksi.Publication) error)
	checks[end] = func(ksi.Publication) error { return nil }
	if newest != nil {
		checks[newest.Round] = func(computed ksi.Publication) error { return l.checkSigned(newest, computed) }
	}
	for _, p := range published {
		if l.key == nil && p.Time > end {
			continue
		}
		checks[p.Time] = func(computed ksi.Publication) error {
			if computed.Root != p.Root.Imprint() {
				return fmt.Errorf("it was published as %s", p.Root)
			}
			return nil
		}
	}
	inOrder := make([]func(ksi.Publication) error, 0, len(checks))
	for _, at := range slices.Sorted(maps.Keys(checks)) {
		e, err := l.landmarks.end(at)
		if err != nil {
			return nil, err
		}
		c.Ends, inOrder = append(c.Ends, e), append(inOrder, checks[at])
	}
	return inOrder, nil
}

// end returns the end of a second: that of the file that is kept, if it has one there. k is locked.
func (k *landmarks) end(at calendar.Second) (landmark.End, error) {
	if k.file != nil {
		if e, ok := k.file.End(at); ok {
			return e, nil
		}
	}
	leaves := make([]merkle.Digest, uint64(at+1)%landmark.BlockSeconds)
	if err := k.store.ReadCalendarLeaves(leaves, at+1-calendar.Second(len(leaves))); err != nil {
		return landmark.End{}, err
	}
	return landmark.NewEnd(at, leaves)
}

// checkSigned returns an error unless the calendar root as of a round is the one that was signed when it was closed.
func (l *Ledger) checkSigned(r *storage.RoundRecord, computed ksi.Publication) error {
	for _, c := range l.Certificates() {
		if !bytes.Equal(c.ID, r.Certificate) {
			continue
		}
		x, err := x509.ParseCertificate(c.DER)
		if err != nil {
			return err
		}
		if key, ok := x.PublicKey.(*rsa.PublicKey); ok {
			return ksi.VerifyRSA(key, computed, r.Signature)
		}
	}
	return fmt.Errorf("certificate %x: %w", r.Certificate, ErrNotFound)
}
