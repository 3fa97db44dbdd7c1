package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/storage"
)

// ErrNoSeal says that a leaf cannot be sealed, or not in the profile asked for.
var ErrNoSeal = errors.New("no seal")

// maxSealSignatures bounds the cache of signed round roots, in bytes of about.
const maxSealSignatures = 4 << 20

// SealPath returns the path of a leaf of LaneSeal in a profile of package seal; nil stands for anchored if the leaf's block of 256
// seconds is closed, else immediate. It waits while the round is open, and for an anchored path until the block is closed: up to
// four minutes and 16 seconds. What was read is checked against the roots that are stored.
func (l *Ledger) SealPath(ctx context.Context, p Position, profile *seal.Profile) (*seal.Path, error) {
	if err := l.waitClosed(ctx, p.Round); err != nil {
		return nil, err
	}
	wanted := seal.Immediate
	if _, closed, _ := l.Extent(); profile != nil {
		wanted = *profile
	} else if closed >= landmark.Last(landmark.BlockOf(p.Round)) {
		wanted = seal.Anchored
	}
	path, err := l.sealPath(ctx, p, wanted)
	if err != nil {
		return nil, fmt.Errorf("seal of leaf %d of slot %d in round %s: %w", p.Index, p.Slot, p.Round, notFound(err))
	}
	l.meters.proofs.Add(1)
	return path, nil
}

func (l *Ledger) sealPath(ctx context.Context, p Position, profile seal.Profile) (*seal.Path, error) {
	t, err := l.tiles(p)
	if err != nil {
		return nil, err
	}
	leaf, err := t.leaf(p.Index)
	if err != nil {
		return nil, err
	}
	slot := l.slot(p.Slot)
	if slot.Lane != LaneSeal || leaf.Imprint.Algorithm() != merkle.SHA256 {
		return nil, fmt.Errorf("%w: the leaf is a %s digest in lane %s, not a sha256 one in lane %s", ErrNoSeal, leaf.Imprint.Algorithm(), slot.Lane, LaneSeal)
	}
	chain, err := merkle.AppendProof(nil, t, t.base, t.slot.Count, p.Index)
	if err != nil {
		return nil, err
	}
	v, err := l.view(p.Round)
	if err != nil {
		return nil, err
	}
	path := &seal.Path{Profile: profile, Server: l.genesis.Server, Agency: slot.Agency, Round: p.Round, Sequence: t.slot.Ordinal, Index: p.Index,
		Count: seal.SmallestCount(p.Index, t.slot.Count), Slot: p.Slot}
	for i := range chain {
		sibling := &chain[i].Sibling
		if sibling.Algorithm() != merkle.SHA256 {
			return nil, fmt.Errorf("%w: its neighbour in lane %s is a %s digest: file seals with algorithm sha256 alone, and this one again", ErrNoSeal,
				LaneSeal, sibling.Algorithm())
		}
		path.Siblings = append(path.Siblings, merkle.Digest(sibling.Digest()))
	}
	for _, link := range v.tree.Chain(p.Slot) {
		path.SlotSiblings = append(path.SlotSiblings, merkle.Digest(link.Sibling.Digest()))
	}
	digest := merkle.Digest(leaf.Imprint.Digest())
	if root := path.RoundRoot(digest); root != v.record.Root {
		return nil, fmt.Errorf("the stored leaves and nodes give round root %s, not %s: %w", root, v.record.Root, storage.ErrCorrupt)
	}
	if profile == seal.Immediate {
		path.Key, err = l.signRound(p.Round, v.record.Root)
		return path, err
	}
	return path, l.anchor(ctx, path, digest)
}

// anchor sets the ending of an anchored path.
func (l *Ledger) anchor(ctx context.Context, path *seal.Path, leaf merkle.Digest) error {
	block := landmark.BlockOf(path.Round)
	if err := l.waitThrough(ctx, landmark.Last(block)); err != nil {
		return err
	}
	d, err := l.BlockDetail(block)
	if err != nil {
		return err
	}
	path.Block = d.Siblings(path.Round)
	if root := path.Landmark(leaf); root != d.Landmark() {
		return fmt.Errorf("the calendar holds another root in its second: %w", storage.ErrCorrupt)
	}
	return nil
}

// signRound returns the calendar key's signature of a round root for seals.
func (l *Ledger) signRound(round calendar.Second, root merkle.Digest) (seal.RoundSignature, error) {
	if s, ok := l.caches.seals.get(round); ok {
		return s, nil
	}
	if l.key == nil {
		return seal.RoundSignature{}, fmt.Errorf("immediate: %w", ErrReadOnly)
	}
	if x, at := l.certificate.X509, round.Time(); at.Before(x.NotBefore) || at.After(x.NotAfter) {
		return seal.RoundSignature{}, fmt.Errorf("%w: today's calendar key cannot sign for that time: take an anchored one", ErrNoSeal)
	}
	s, err := seal.SignRound(rand.Reader, l.key, l.certificate, round, root)
	if err == nil {
		l.caches.seals.put(round, s, 128+len(s.Signature))
	}
	return s, err
}

// BlockDetail returns the round roots of a block of 256 seconds that is closed, ErrNotClosed before. They were checked against the
// landmark that is kept.
func (l *Ledger) BlockDetail(block uint64) (*landmark.Detail, error) {
	if err := l.checkClosed(landmark.Last(block)); err != nil {
		return nil, fmt.Errorf("block %d: %w", block, err)
	}
	d := &landmark.Detail{Block: block}
	if err := l.store.ReadCalendarLeaves(d.Roots[:], landmark.First(block)); err != nil {
		return nil, fmt.Errorf("block %d: %w", block, err)
	}
	var kept [1]merkle.Digest
	if err := l.store.ReadCalendarNodes(kept[:], landmark.Height, block); err != nil {
		return nil, fmt.Errorf("block %d: %w", block, err)
	}
	if root := d.Landmark(); root != kept[0] {
		return nil, fmt.Errorf("block %d: its seconds give landmark %s, kept is %s: %w", block, root, kept[0], storage.ErrCorrupt)
	}
	return d, nil
}

// Landmarks reads the landmarks of blocks first, first+1, …, which must be closed.
func (l *Ledger) Landmarks(dst []merkle.Digest, first uint64) error {
	return l.store.ReadCalendarNodes(dst, landmark.Height, first)
}

// LandmarksFile returns the file of the landmarks of all closed blocks, from that of a second on; a second before the ledger's first
// stands for that. It gives the calendar roots of all publications and of the newest closed second, which the calendar key
// signs; a ledger without a key ends at its newest round, which was signed when it was closed. ErrNotClosed before a block is closed.
//
// What is signed is checked first: the landmarks must give the roots that were published, and that of the newest round.
func (l *Ledger) LandmarksFile(from calendar.Second) (*landmark.File, error) {
	first, closed, _ := l.Extent()
	newest, err := l.newestRound(first, closed)
	if err != nil {
		return nil, fmt.Errorf("landmarks: %w", err)
	}
	if l.key == nil && newest != nil {
		closed = newest.Round
	}
	c := landmark.Contents{Server: l.genesis.Server, First: landmark.BlockOf(first)}
	behind := landmark.BlockOf(closed + 1)
	if behind <= c.First || from > landmark.Last(behind-1) {
		return nil, fmt.Errorf("landmarks from %s: %w: the newest closed second is %s", max(from, first), ErrNotClosed, closed)
	}
	c.Marks = make([]merkle.Digest, behind-c.First)
	if err := l.Landmarks(c.Marks, c.First); err != nil {
		return nil, fmt.Errorf("landmarks: %w", err)
	}
	want, err := l.landmarkEnds(&c, closed, newest)
	if err != nil {
		return nil, fmt.Errorf("landmarks: %w", err)
	}
	c.Authentication = func(p ksi.Publication) (*ksi.Authentication, error) {
		if l.key == nil || newest != nil && newest.Round == closed {
			return &ksi.Authentication{SignatureType: ksi.SHA256WithRSA, Signature: newest.Signature, CertificateID: newest.Certificate}, nil
		}
		return ksi.SignAuthentication(rand.Reader, l.key, l.certificate, p)
	}
	if l.key == nil && newest == nil {
		c.Authentication = nil
	}
	f, err := landmark.New(c)
	if err != nil {
		return nil, err
	}
	for i := range c.Ends {
		if err := want[i](f.Root(i)); err != nil {
			return nil, fmt.Errorf("landmarks: the root as of %s: %w: %w", c.Ends[i].Second, err, storage.ErrCorrupt)
		}
	}
	if block := landmark.BlockOf(max(from, first)); block > c.First {
		return f.Since(block)
	}
	return f, nil
}

// newestRound returns the record of the newest closed round, nil if there is none.
func (l *Ledger) newestRound(first, closed calendar.Second) (*storage.RoundRecord, error) {
	rounds, err := l.store.Rounds(storage.RoundScan{From: first, To: closed, Desc: true})
	if err != nil {
		return nil, err
	}
	defer rounds.Close()
	if !rounds.Next() {
		return nil, rounds.Err()
	}
	return l.record(rounds.Batch().Round[0])
}

// landmarkEnds sets the ends of c, and returns for each the check of its root.
func (l *Ledger) landmarkEnds(c *landmark.Contents, closed calendar.Second, newest *storage.RoundRecord) (checks []func(ksi.Publication) error, err error) {
	add := func(at calendar.Second, check func(ksi.Publication) error) {
		n := len(c.Ends)
		if err != nil || at > closed || n > 0 && at <= c.Ends[n-1].Second {
			return
		}
		leaves := make([]merkle.Digest, uint64(at+1)%landmark.BlockSeconds)
		if err = l.store.ReadCalendarLeaves(leaves, at+1-calendar.Second(len(leaves))); err != nil {
			return
		}
		var e landmark.End
		if e, err = landmark.NewEnd(at, leaves); err == nil {
			c.Ends, checks = append(c.Ends, e), append(checks, check)
		}
	}
	for _, p := range l.Publications() {
		add(p.Time, func(computed ksi.Publication) error {
			if computed.Root != p.Root.Imprint() {
				return fmt.Errorf("it was published as %s", p.Root)
			}
			return nil
		})
	}
	if newest != nil {
		add(newest.Round, func(computed ksi.Publication) error { return l.checkSigned(newest, computed) })
	}
	add(closed, func(ksi.Publication) error { return nil })
	return checks, err
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
