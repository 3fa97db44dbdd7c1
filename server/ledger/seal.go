package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
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
	chain, err := merkle.AppendProof(nil, &t, t.base, t.slot.Count, p.Index)
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
