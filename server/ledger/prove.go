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
	if err := l.waitClosed(ctx, p.Round); err != nil {
		return nil, err
	}
	v, err := l.view(p.Round)
	if err != nil {
		return nil, err
	}
	return l.sign(p, v, &ending{
		time:  p.Round,
		chain: v.calendar,
		authentication: &ksi.Authentication{
			SignatureType: ksi.SHA256WithRSA,
			Signature:     v.record.Signature,
			CertificateID: v.record.Certificate,
		},
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

// sign returns the signature of a leaf of the view's round with the ending e, serialized.
func (l *Ledger) sign(p Position, v *view, e *ending) ([]byte, error) {
	s := v.slot(p.Slot)
	if s == nil || p.Index >= s.Count {
		return nil, fmt.Errorf("leaf %d of slot %d in round %s: %w", p.Index, p.Slot, p.Round, ErrNotFound)
	}
	leaf, chain, err := l.proveLeaf(p, s)
	if err != nil {
		return nil, fmt.Errorf("leaf %d of slot %d in round %s: %w", p.Index, p.Slot, p.Round, err)
	}
	signature, err := ksi.Build(ksi.Parts{
		Round:          p.Round,
		Leaf:           leaf,
		Chains:         []merkle.Chain{chain, v.tree.Chain(p.Slot)},
		CalendarTime:   e.time,
		Calendar:       e.chain,
		Authentication: e.authentication,
		Notice:         e.notice,
	})
	if err != nil {
		return nil, fmt.Errorf("leaf %d of slot %d in round %s: %w", p.Index, p.Slot, p.Round, err)
	}
	return signature.Append(nil), nil
}

// proveLeaf returns a leaf and its chain to its slot node. What was read is checked against the slot's root: a damaged
// leaf or node is found before a proof leaves.
func (l *Ledger) proveLeaf(p Position, s *storage.SlotRound) (merkle.Imprint, merkle.Chain, error) {
	base := l.slot(p.Slot).Base
	leaf, _, err := l.store.Leaf(p.Round, p.Slot, p.Index)
	if err != nil {
		return leaf, nil, err
	}
	chain, err := merkle.ProveLeaf(slotReader{l.store, p.Round, p.Slot}, base, s.Count, p.Index)
	if err != nil {
		return leaf, nil, err
	}
	root, _, err := chain.Root(leaf, 0)
	if err != nil {
		return leaf, nil, err
	}
	if root != s.Root {
		return leaf, nil, fmt.Errorf("the stored leaves and nodes give root %s, not %s: %w", root, s.Root, storage.ErrCorrupt)
	}
	return leaf, append(chain, merkle.IssuerLink(l.metadata(p.Round, s), base, s.Count)), nil
}

// waitClosed returns nil once round is closed. A round later than the open one is ErrNotFound.
func (l *Ledger) waitClosed(ctx context.Context, round calendar.Second) error {
	for {
		l.mu.RLock()
		closed, open, err := l.closed, l.open, l.err
		l.mu.RUnlock()
		switch {
		case round <= closed:
			return nil
		case err != nil:
			return err
		case round > open.second:
			return fmt.Errorf("round %s: %w", round, ErrNotFound)
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
	record   storage.RoundRecord
	tree     *merkle.SlotTree
	calendar calendar.Chain
}

// slot returns what the round holds of a slot, nil if nothing.
func (v *view) slot(id uint32) *storage.SlotRound {
	for i := range v.record.Slots {
		if v.record.Slots[i].Slot == id {
			return &v.record.Slots[i]
		}
	}
	return nil
}

// view returns the view of a closed round.
func (l *Ledger) view(round calendar.Second) (*view, error) {
	if v := l.views.get(round); v != nil {
		return v, nil
	}
	record, err := l.store.Round(round)
	if err != nil {
		return nil, fmt.Errorf("round %s: %w", round, notFound(err))
	}
	v := &view{record: record, tree: l.slotTree(&record)}
	if v.tree.Root() != record.Root {
		return nil, fmt.Errorf("round %s: root is %s, its slots give %s: %w", round, record.Root, v.tree.Root(), storage.ErrCorrupt)
	}
	if v.calendar, err = calendar.Prove(calendarReader{l.store}, round, round); err != nil {
		return nil, fmt.Errorf("round %s: %w", round, err)
	}
	l.views.put(round, v)
	return v, nil
}

// maxViewSlots bounds the views kept by the slots of their trees together: some 64 bytes each.
const maxViewSlots = 1 << 19

// A viewCache keeps views of rounds that proofs were asked for lately.
type viewCache struct {
	mu    sync.Mutex // covers all below
	views map[calendar.Second]*view
	slots int // of all views together
}

func newViewCache() viewCache { return viewCache{views: make(map[calendar.Second]*view)} }

func (c *viewCache) get(round calendar.Second) *view {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.views[round]
}

// viewCost counts a view's tree and, as minSlots, all else of it.
func viewCost(v *view) int {
	const minSlots = 64
	return minSlots + 1<<merkle.SlotTreeHeight(v.record.SlotCount)
}

// put adds v; where there is no room for it, any others have to go.
func (c *viewCache) put(round calendar.Second, v *view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.views[round] != nil {
		return
	}
	for other, w := range c.views {
		if c.slots+viewCost(v) <= maxViewSlots {
			break
		}
		delete(c.views, other)
		c.slots -= viewCost(w)
	}
	c.views[round] = v
	c.slots += viewCost(v)
}

// A slotReader reads the stored nodes of one slot in one round.
type slotReader struct {
	store *storage.Store
	round calendar.Second
	slot  uint32
}

func (r slotReader) ReadLeaves(dst *merkle.Leaves, first uint64, n int) error {
	return r.store.ReadLeaves(dst, r.round, r.slot, first, n)
}

func (r slotReader) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	return r.store.ReadNodes(dst, r.round, r.slot, height, first)
}

// A calendarReader reads the stored nodes of the calendar.
type calendarReader struct{ store *storage.Store }

func (r calendarReader) ReadLeaves(dst []merkle.Digest, first calendar.Second) error {
	return r.store.ReadCalendarLeaves(dst, first)
}

func (r calendarReader) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	return r.store.ReadCalendarNodes(dst, height, first)
}
