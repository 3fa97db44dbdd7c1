package ledger

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// A Fault is a place where what is stored is not what the leaves, or the seconds before, give.
type Fault struct {
	Round           calendar.Second
	Slot            int    // that it is about, -1 for none
	Kind            string // what is wrong: leaves, slot root, sequence number …
	Expected, Found string
}

// auditWindow is how many seconds an Audit looks at in one go.
const auditWindow = 1024

// An Audit derives the calendar of a range of closed seconds again, while the ledger goes on: from the stored leaves the
// roots of slots and rounds, from those the calendar, from that every published root; and it verifies the signature of
// every round's calendar root. It holds nothing open between calls. It belongs to one goroutine at a time.
//
// The calendar before the range is taken from the stored nodes. That it is the right one shows in the first signature.
type Audit struct {
	ledger       *Ledger
	next, to     calendar.Second
	frontier     *calendar.Frontier
	publications []storage.Publication // of seconds to come
	ordinals     map[uint32]uint64     // of each slot, as far as known
	leaves       uint64                // number of the next round's first leaf, as far as known
	known        bool                  // leaves is
	fromFirst    bool                  // the range begins with the ledger: every slot's ordinals begin with 1, leaves with 0
	keys         map[string]*rsa.PublicKey

	slots  []storage.Slot
	faults []Fault                               // of the window
	counts map[uint32]map[calendar.Second]uint64 // of its rounds, by slot
}

// Audit returns an audit of the closed seconds among from to to.
func (l *Ledger) Audit(from, to calendar.Second) (*Audit, error) {
	first, closed, _ := l.Extent()
	a := &Audit{ledger: l, next: max(from, first), to: min(to, closed), ordinals: map[uint32]uint64{}, fromFirst: from <= first, keys: map[string]*rsa.PublicKey{}}
	if a.next > a.to {
		return a, nil
	}
	for _, c := range l.Certificates() {
		cert, err := ksi.ParseCertificate(c.DER)
		if err != nil {
			return nil, err
		}
		if key, ok := cert.X509.PublicKey.(*rsa.PublicKey); ok {
			a.keys[string(c.ID)] = key
		}
	}
	for _, p := range l.Publications() {
		if p.Time >= a.next && p.Time <= a.to {
			a.publications = append(a.publications, p)
		}
	}
	var err error
	if a.fromFirst {
		a.frontier = calendar.NewFrontier(first)
	} else {
		a.frontier, err = calendar.Resume(storage.CalendarReader{Store: l.store}, a.next-1)
	}
	return a, err
}

// Next audits the next seconds and returns the faults in them, none if all is well; io.EOF ends. Data that cannot be read
// is a fault, and ends the audit where nothing can be said of what follows.
func (a *Audit) Next(ctx context.Context) ([]Fault, error) {
	if a.next > a.to {
		return nil, io.EOF
	}
	a.faults, a.slots, a.counts = nil, a.ledger.Slots(), map[uint32]map[calendar.Second]uint64{}
	end := min(a.to, a.next+auditWindow-1)
	err := a.window(ctx, end)
	if errors.Is(err, storage.ErrCorrupt) || errors.Is(err, storage.ErrVersion) {
		a.fault(a.frontier.Next(), -1, "storage", "readable data", err.Error())
		end = a.to
	} else if err != nil {
		return nil, err
	}
	a.next = end + 1
	return a.faults, nil
}

// fault notes a fault.
func (a *Audit) fault(round calendar.Second, slot int, kind string, expected, found any) {
	a.faults = append(a.faults, Fault{round, slot, kind, fmt.Sprint(expected), fmt.Sprint(found)})
}

// A runReader reads the runs of a window in order.
type runReader struct {
	iter *storage.LeafIter
	run  storage.Run
	done bool
	ctx  context.Context
}

// next moves to the next run.
func (r *runReader) next() error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if r.done = !r.iter.Next(); r.done {
		return r.iter.Err()
	}
	r.run = r.iter.Run()
	return nil
}

// window audits the seconds up to end.
func (a *Audit) window(ctx context.Context, end calendar.Second) error {
	iter, err := a.ledger.store.Leaves(storage.LeafScan{From: a.next, To: end})
	if err != nil {
		return err
	}
	defer iter.Close()
	runs := &runReader{iter: iter, ctx: ctx}
	if err := runs.next(); err != nil {
		return err
	}
	rounds, err := a.ledger.store.Rounds(storage.RoundScan{Stored: true, From: a.next, To: end, Roots: true})
	if err != nil {
		return err
	}
	defer rounds.Close()
	for rounds.Next() {
		b := rounds.Batch()
		for i, round := range b.Round {
			if err := a.stray(runs, round); err != nil {
				return err
			}
			if err := a.round(round, b.Root[i], runs); err != nil {
				return err
			}
		}
	}
	if err := rounds.Err(); err != nil {
		return err
	}
	if err := a.stray(runs, end+1); err != nil {
		return err
	}
	if err := a.idle(end + 1); err != nil {
		return err
	}
	if err := a.slotCounts(end); err != nil {
		return err
	}
	return a.kept()
}

// stray reports leaves of rounds before next that have no record.
func (a *Audit) stray(runs *runReader, next calendar.Second) error {
	for !runs.done && runs.run.Round < next {
		a.fault(runs.run.Round, int(runs.run.Slot), "leaves", "none: the round has no such slot", fmt.Sprint(runs.run.Leaves.Len(), " leaves from index ", runs.run.First))
		if err := runs.next(); err != nil {
			return err
		}
	}
	return nil
}

// round audits a round with leaves, whose root is root as calendars read it.
func (a *Audit) round(round calendar.Second, root merkle.Digest, runs *runReader) error {
	r, err := a.ledger.store.Round(round)
	if err != nil {
		return err
	}
	if (a.known || a.fromFirst) && r.FirstLeaf != a.leaves {
		a.fault(round, -1, "number of first leaf", a.leaves, r.FirstLeaf)
	}
	a.leaves, a.known = r.FirstLeaf+r.Leaves(), true
	exist := uint32(0)
	for _, s := range a.slots {
		if s.Created <= round {
			exist++
		}
	}
	if r.SlotCount != exist {
		a.fault(round, -1, "number of slots", exist, r.SlotCount)
	}
	derived := r
	derived.Slots = nil
	for _, s := range r.Slots {
		if int(s.Slot) >= len(a.slots) {
			a.fault(round, -1, "slots", fmt.Sprint("at most ", len(a.slots)), fmt.Sprint("slot ", s.Slot))
			continue
		}
		if err := a.slot(&r, &s, runs); err != nil {
			return err
		}
		derived.Slots = append(derived.Slots, s)
	}
	if got := a.ledger.slotTree(&derived).Root(); got != r.Root {
		a.fault(round, -1, "round root", got, r.Root)
	}
	if root != r.Root {
		a.fault(round, -1, "calendar leaf", r.Root, root)
	}
	if err := a.idle(round); err != nil {
		return err
	}
	a.frontier.Append(root)
	a.signature(&r)
	return a.published()
}

// slot audits a slot of a round and makes s what its leaves give.
func (a *Audit) slot(r *storage.RoundRecord, s *storage.SlotRound, runs *runReader) error {
	for !runs.done && runs.run.Round == r.Round && runs.run.Slot < s.Slot {
		a.fault(r.Round, int(runs.run.Slot), "leaves", "none: the round has no such slot", fmt.Sprint(runs.run.Leaves.Len(), " leaves"))
		if err := runs.next(); err != nil {
			return err
		}
	}
	tree := merkle.NewTree(a.slots[s.Slot].Base)
	for !runs.done && runs.run.Round == r.Round && runs.run.Slot == s.Slot {
		if runs.run.First != tree.Count() {
			a.fault(r.Round, int(s.Slot), "index of leaf", tree.Count(), runs.run.First)
		}
		tree.Append(&runs.run.Leaves)
		if err := runs.next(); err != nil {
			return err
		}
	}
	if tree.Count() != s.Count {
		a.fault(r.Round, int(s.Slot), "leaves", s.Count, tree.Count())
	}
	if last, ok := a.ordinals[s.Slot]; (ok || a.fromFirst) && s.Ordinal != last+1 {
		a.fault(r.Round, int(s.Slot), "sequence number", last+1, s.Ordinal)
	}
	a.ordinals[s.Slot] = s.Ordinal
	if a.counts[s.Slot] == nil {
		a.counts[s.Slot] = map[calendar.Second]uint64{}
	}
	a.counts[s.Slot][r.Round] = s.Count
	if tree.Count() == 0 {
		return nil
	}
	if err := a.tiles(r.Round, s.Slot, tree); err != nil {
		return err
	}
	if root := tree.Root(); root != s.Root {
		a.fault(r.Round, int(s.Slot), "slot root", root, s.Root)
		s.Root = root
	}
	return nil
}

// tiles compares the kept nodes of a slot's subtree, from which proofs are made, with what the leaves give.
func (a *Audit) tiles(round calendar.Second, slot uint32, tree *merkle.Tree) error {
	var stored [storage.TileNodes]merkle.Digest
	for height, nodes := range tree.Kept() {
		for first := 0; first < len(nodes); first += storage.TileNodes {
			want := nodes[first:min(first+storage.TileNodes, len(nodes))]
			if err := a.ledger.store.ReadNodes(stored[:len(want)], round, slot, height, uint64(first)); err != nil {
				return err
			}
			for i := range want {
				if stored[i] != want[i] {
					a.fault(round, int(slot), fmt.Sprint("node ", first+i, " of height ", height), want[i], stored[i])
				}
			}
		}
	}
	return nil
}

// signature verifies the signature of the calendar root of a round that the frontier has just come to.
func (a *Audit) signature(r *storage.RoundRecord) {
	key := a.keys[string(r.Certificate)]
	if key == nil {
		a.fault(r.Round, -1, "signature", "by a calendar certificate", "by certificate "+fmt.Sprintf("%x", r.Certificate))
		return
	}
	root := a.frontier.Root()
	if ksi.VerifyRSA(key, ksi.Publication{Time: r.Round, Root: root.Imprint()}, r.Signature) != nil {
		a.fault(r.Round, -1, "signature", "over calendar root "+root.String(), "over something else")
	}
}

// idle adds idle seconds to the calendar up to, not including, next.
func (a *Audit) idle(next calendar.Second) error {
	for len(a.publications) > 0 && a.publications[0].Time < next {
		a.frontier.AppendIdle(uint64(a.publications[0].Time + 1 - a.frontier.Next()))
		if err := a.published(); err != nil {
			return err
		}
	}
	a.frontier.AppendIdle(uint64(next - a.frontier.Next()))
	return nil
}

// published compares the publication of the second that the calendar has come to, if there is one.
func (a *Audit) published() error {
	if len(a.publications) == 0 || a.publications[0].Time != a.frontier.Next()-1 {
		return nil
	}
	p := a.publications[0]
	a.publications = a.publications[1:]
	if root := a.frontier.Root(); p.Root != root {
		a.fault(p.Time, -1, "publication", root, p.Root)
	}
	return nil
}

// slotCounts compares the columns of the leaves of each slot that filed in the window, which count for an agency's rounds,
// with the records of the rounds.
func (a *Audit) slotCounts(end calendar.Second) error {
	for slot, counts := range a.counts {
		rounds, err := a.ledger.store.Rounds(storage.RoundScan{Stored: true, From: a.next, To: end, Counts: true, Slots: []uint32{slot}})
		if err != nil {
			return err
		}
		for rounds.Next() {
			b := rounds.Batch()
			for i, round := range b.Round {
				if b.Leaves[i] != counts[round] {
					a.fault(round, int(slot), "count of leaves", counts[round], b.Leaves[i])
				}
			}
		}
		if err := errors.Join(rounds.Err(), rounds.Close()); err != nil {
			return err
		}
	}
	return nil
}

// kept compares the calendar nodes that the window has completed with the stored ones.
func (a *Audit) kept() error {
	var stored [1]merkle.Digest
	for _, n := range a.frontier.Kept() {
		last := calendar.Second((n.Index+1)<<n.Height) - 1
		if err := a.ledger.store.ReadCalendarNodes(stored[:], n.Height, n.Index); err != nil {
			return err
		}
		if !bytes.Equal(stored[0][:], n.Digest[:]) {
			a.fault(last, -1, "calendar node of height "+strconv.Itoa(int(n.Height)), n.Digest, stored[0])
		}
	}
	return nil
}

// SlotRound returns what the record of a closed round says of a slot; ok is false if the slot has no leaves in it.
func (l *Ledger) SlotRound(round calendar.Second, slot uint32) (s storage.SlotRound, ok bool, err error) {
	r, err := l.record(round)
	if errors.Is(err, storage.ErrNotFound) {
		return s, false, nil
	} else if err != nil {
		return s, false, err
	}
	if found := slotOf(r, slot); found != nil {
		return *found, true, nil
	}
	return s, false, nil
}

// Consistency proves that the calendar as of second to extends that as of second from. Both must be closed.
func (l *Ledger) Consistency(from, to calendar.Second) (*calendar.Consistency, error) {
	if to < from {
		return nil, fmt.Errorf("from %s to %s: %w", from, to, ErrRange)
	}
	for _, at := range []calendar.Second{from, to} {
		if err := l.checkClosed(at); err != nil {
			return nil, err
		}
	}
	return calendar.ProveConsistency(storage.CalendarReader{Store: l.store}, from, to)
}
