package ledger

import (
	"context"
	"fmt"
	"sync"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// Signature returns the KSI signature of a leaf, serialized: its chains to the round root, the calendar chain to the
// calendar root as of the round's own second, and the calendar authentication record. It waits while the round is open.
func (l *Ledger) Signature(ctx context.Context, p Position) ([]byte, error) {
	return l.signature(ctx, p, heap{})
}

// signature is Signature in memory of the caller.
func (l *Ledger) signature(ctx context.Context, p Position, memory Memory) ([]byte, error) {
	if err := l.waitClosed(ctx, p.Round); err != nil {
		return nil, err
	}
	return l.sign(p, memory, trunkName{round: p.Round, slot: p.Slot}, func(v *view) (*ending, error) {
		return &ending{
			time:  p.Round,
			chain: v.calendar,
			authentication: &ksi.Authentication{
				SignatureType: ksi.SHA256WithRSA,
				Signature:     v.record.Signature,
				CertificateID: v.record.Certificate,
			},
		}, nil
	})
}

// An ending is the part of a signature above the round root.
type ending struct {
	time  calendar.Second // of the calendar root
	chain calendar.Chain  // from the round root to it

	// One of the two: who vouches for the calendar root.
	authentication *ksi.Authentication
	notice         *ksi.Notice
}

// A trunkName names what the signatures of a slot's leaves in a round share.
type trunkName struct {
	round calendar.Second
	slot  uint32

	// Of a signature that ends at a publication: references are only ever added to one.
	published  calendar.Second
	references int
}

// sign returns the signature of a leaf in a closed round, serialized, with an ending made by end unless its trunk is at hand.
// What was read is checked against the slot's root: a damaged leaf or node is found before a proof leaves.
func (l *Ledger) sign(p Position, memory Memory, name trunkName, end func(*view) (*ending, error)) ([]byte, error) {
	signature, err := l.signLeaf(p, memory, name, end)
	if err != nil {
		return nil, proofError(p, err)
	}
	l.meters.proofs.Add(1)
	return signature, nil
}

// chains holds *merkle.Chain.
var chains = sync.Pool{New: func() any { return new(merkle.Chain) }}

// linkSize is about what a link takes in a signature.
const linkSize = 40

func (l *Ledger) signLeaf(p Position, memory Memory, name trunkName, end func(*view) (*ending, error)) ([]byte, error) {
	t, err := l.tiles(p)
	if err != nil {
		return nil, err
	}
	trunk, err := l.trunk(name, t.slot, end)
	if err != nil {
		return nil, err
	}
	tile, err := t.holding(p.Index)
	if err != nil {
		return nil, err
	}
	if t.whole && merkle.HasNode(t.slot.Count, p.Index, merkle.KeptStep) {
		limb, err := t.limb(name, p.Index, trunk)
		if err != nil {
			return nil, err
		}
		if signature, err := signPath(tile, p.Index, limb, memory); signature != nil || err != nil {
			return signature, err
		}
	}
	leaf := tile.Leaf(p.Index % merkle.TileNodes)
	room := chains.Get().(*merkle.Chain)
	defer chains.Put(room)
	var limb *ksi.Limb
	switch {
	case t.whole && merkle.HasNode(t.slot.Count, p.Index, merkle.KeptStep):
		*room = t.cut.AppendPath((*room)[:0], p.Index%merkle.TileNodes)
		limb, err = t.limb(name, p.Index, trunk)
	case merkle.HasNode(t.slot.Count, p.Index, limbHeight):
		if limb, err = l.limb(limbName{name, p.Index >> limbHeight}, &t, trunk); err == nil {
			*room, err = merkle.AppendProofUpTo((*room)[:0], &t, t.base, t.slot.Count, p.Index, limbHeight)
		}
	}
	if err != nil {
		return nil, err
	}
	if limb != nil {
		return limb.Append(memory.Alloc(limb.Len() + (4+len(*room))*linkSize)[:0], leaf, *room)
	}
	chain, err := merkle.AppendProof((*room)[:0], &t, t.base, t.slot.Count, p.Index)
	if err != nil {
		return nil, err
	}
	*room = append(chain, trunk.issuer)
	size := trunk.Len() + (4+len(chain))*linkSize + len(trunk.issuer.Metadata)
	return trunk.Append(memory.Alloc(size)[:0], leaf, *room)
}

// tiles returns the tiles of the slot that a leaf is in. A leaf that its round, a closed one, does not have is ErrNotFound.
func (l *Ledger) tiles(p Position) (tiles, error) {
	record, err := l.record(p.Round)
	if err != nil {
		return tiles{}, err
	}
	s := slotOf(record, p.Slot)
	if s == nil || p.Index >= s.Count {
		return tiles{}, ErrNotFound
	}
	return tiles{ledger: l, round: p.Round, slot: s, base: l.slot(p.Slot).Base}, nil
}

// A trunk is what the signatures of a slot's leaves in a round share.
type trunk struct {
	*ksi.Trunk
	issuer merkle.Link // to the slot node, which the trunk starts at
}

// trunk returns what the signatures of a slot's leaves in a round share.
func (l *Ledger) trunk(name trunkName, s *storage.SlotRound, end func(*view) (*ending, error)) (*trunk, error) {
	if t, ok := l.caches.trunks.get(name); ok {
		return t, nil
	}
	v, err := l.view(name.round)
	if err != nil {
		return nil, err
	}
	e, err := end(v)
	if err != nil {
		return nil, err
	}
	metadata := l.metadata(name.round, s)
	above, err := ksi.NewTrunk(ksi.Parts{
		Round:          name.round,
		Leaf:           merkle.SlotNode(s.Root, metadata).Imprint(),
		Chains:         []merkle.Chain{v.tree.Chain(name.slot)},
		CalendarTime:   e.time,
		Calendar:       e.chain,
		Authentication: e.authentication,
		Notice:         e.notice,
	}, merkle.SlotLevel)
	if err != nil {
		return nil, err
	}
	t := &trunk{above, merkle.IssuerLink(metadata, l.slot(name.slot).Base, s.Count)}
	l.caches.trunks.put(name, t, 512+t.Len())
	return t, nil
}

// limbHeight is how high above its leaves a limb starts that is not that of a tile: at a kept height.
const limbHeight = 2 * merkle.KeptStep

// A limbName names what the signatures of the leaves under one node of limbHeight share.
type limbName struct {
	trunkName
	node uint64
}

// limb returns a limb of a trunk.
func (l *Ledger) limb(name limbName, t *tiles, trunk *trunk) (*ksi.Limb, error) {
	if limb, ok := l.caches.limbs.get(name); ok {
		return limb, nil
	}
	limb, err := t.newLimb(limbHeight, name.node, trunk)
	if err == nil {
		l.caches.limbs.put(name, limb, 256+limb.Own())
	}
	return limb, err
}

// limbOf returns the limb over the tile if the one of that name was made last, else nil.
func (t *leafTile) limbOf(name trunkName) *ksi.Limb {
	if known := t.limb.Load(); known != nil && known.name == name {
		return known.Limb
	}
	return nil
}

// limb returns the limb over the tile of a leaf, which is kept whole.
func (t *tiles) limb(name trunkName, index uint64, trunk *trunk) (*ksi.Limb, error) {
	if limb := t.cut.limbOf(name); limb != nil {
		return limb, nil
	}
	limb, err := t.newLimb(merkle.KeptStep, index/merkle.TileNodes, trunk)
	if err == nil {
		t.cut.limb.Store(&tileLimb{name, limb})
	}
	return limb, err
}

// newLimb makes the limb of a trunk that starts at a node of a kept height.
func (t *tiles) newLimb(height uint8, index uint64, trunk *trunk) (*ksi.Limb, error) {
	tile, err := t.Tile(height, index/merkle.TileNodes)
	if err != nil {
		return nil, err
	}
	node, ok := tile.Kept(index % merkle.TileNodes)
	if !ok {
		panic("ledger: a limb without a node")
	}
	links, err := merkle.AppendProofFrom(nil, t, t.base, t.slot.Count, index<<height, height)
	if err != nil {
		return nil, err
	}
	return trunk.NewLimb(node.Imprint(), t.base+merkle.Level(height), append(links, trunk.issuer))
}

// waitClosed returns nil once round is closed. A round later than the open one is ErrNotFound.
func (l *Ledger) waitClosed(ctx context.Context, round calendar.Second) error {
	l.mu.RLock()
	absent := round > l.closed && l.err == nil && round > l.open.second
	l.mu.RUnlock()
	if absent {
		return fmt.Errorf("round %s: %w", round, ErrNotFound)
	}
	return l.waitThrough(ctx, round)
}

// waitThrough returns nil once a second is closed, which may lie ahead of the open round.
func (l *Ledger) waitThrough(ctx context.Context, second calendar.Second) error {
	for {
		l.mu.RLock()
		closed, open, err := l.closed, l.open, l.err
		l.mu.RUnlock()
		switch {
		case second <= closed:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-open.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// A view is what all proofs of one closed round share.
type view struct {
	record   *storage.RoundRecord
	tree     *merkle.SlotTree
	calendar calendar.Chain
}

// view returns the view of a closed round.
func (l *Ledger) view(round calendar.Second) (*view, error) {
	if v, ok := l.caches.views.get(round); ok {
		return v, nil
	}
	record, err := l.record(round)
	if err != nil {
		return nil, fmt.Errorf("round %s: %w", round, notFound(err))
	}
	v := &view{record: record, tree: l.slotTree(record)}
	if v.tree.Root() != record.Root {
		return nil, fmt.Errorf("round %s: root is %s, its slots give %s: %w", round, record.Root, v.tree.Root(), storage.ErrCorrupt)
	}
	if v.calendar, err = calendar.Prove(storage.CalendarReader{Store: l.store}, round, round); err != nil {
		return nil, fmt.Errorf("round %s: %w", round, err)
	}
	// The slot tree takes 64 bytes a slot, the chain some kilobytes.
	l.caches.views.put(round, v, 64*(64+1<<merkle.SlotTreeHeight(record.SlotCount)))
	return v, nil
}

// A slotReader reads the stored nodes of one slot in one round.
type slotReader struct {
	store    *storage.Store
	round    calendar.Second
	slot     uint32
	read     acceptedReader     // of leaves
	accepted []storage.Accepted // of the leaves read last
}

// An acceptedReader reads leaves as storage.Store.ReadAccepted does.
type acceptedReader func(dst *merkle.Leaves, round calendar.Second, slot uint32, first uint64, n int) ([]storage.Accepted, error)

func (r *slotReader) ReadLeaves(dst *merkle.Leaves, first uint64, n int) (err error) {
	r.accepted, err = r.read(dst, r.round, r.slot, first, n)
	return err
}

func (r *slotReader) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	return r.store.ReadNodes(dst, r.round, r.slot, height, first)
}
