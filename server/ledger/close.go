package ledger

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// closeDue closes every second that has passed: the open round at its own second if it holds leaves, the others idle.
// An error is fatal.
func (l *Ledger) closeDue(now time.Time) error {
	due := calendar.Second(now.Unix())
	if due < l.open.second {
		return nil
	}
	if len(l.open.trees) > 0 {
		began := l.watch.elapsed()
		if err := l.closeRound(); err != nil {
			return err
		}
		after, elapsed := l.watch.clock.Now()
		l.meters.closedRound(elapsed-began, after.Sub(l.closed.Time()))
	}
	if due > l.closed {
		if err := l.propose(storage.CloseIdle{Through: due, Calendar: l.advance(due, nil)}); err != nil {
			return err
		}
	}
	l.mu.Lock()
	was := l.open
	l.open = newOpenRound(due + 1)
	l.mu.Unlock()
	close(was.done)
	l.ready, l.deferred = append(l.ready, l.deferred...), nil
	l.warnOfCertificate(now)
	if err := l.publishMonthly(); err != nil {
		return err
	}
	if l.staging == nil { // else the next round is early enough
		if err := l.fileJournalDay(now); err != nil {
			return err
		}
	}
	if block, ok := l.store.SealableBlock(); ok {
		return l.propose(storage.SealBlock{Block: block})
	}
	return nil
}

const (
	// certificateWarning is how long before its end the log warns of the end of the calendar certificate, once a day.
	certificateWarning = 60 * 24 * time.Hour
	// certificateMargin is how long before that end filing stops: the open round has to close under the certificate.
	certificateMargin = time.Hour
)

func (l *Ledger) warnOfCertificate(now time.Time) {
	end := l.certificate.X509.NotAfter
	switch stopped := end.Sub(now) < certificateMargin; {
	case stopped && !l.stopped:
		l.stopped = true
		l.log.Error("the calendar certificate ends, so nothing is filed any more: stop the server and run jurat rotate-key calendar", "not_after", end)
	case !stopped && end.Sub(now) < certificateWarning && now.Sub(l.warned) >= 24*time.Hour:
		l.warned = now
		l.log.Warn("the calendar certificate ends soon: stop the server and run jurat rotate-key calendar before", "not_after", end)
	}
}

// closedForFiling returns why filings may not be carried out now, nil if they may.
func (l *Ledger) closedForFiling(now time.Time, filings []*ticket) error {
	if len(filings) == 0 {
		return nil
	}
	if err := l.certificateEnds(now); err != nil {
		return err
	}
	need := l.reserve
	for _, t := range filings {
		need += leafRoom * uint64(t.leaves())
	}
	free := l.store.Free()
	if low := free < need; low != l.low {
		l.low = low
		if low {
			l.log.Error("the disk is nearly full: nothing is filed until there is room", "free", free, "needed", need)
		} else {
			l.log.Warn("there is room on the disk again: filing goes on", "free", free)
		}
	}
	if l.low {
		return ErrDiskFull
	}
	return nil
}

// certificateEnds returns an error if what is filed now could not be signed any more.
func (l *Ledger) certificateEnds(now time.Time) error {
	if end := l.certificate.X509.NotAfter; end.Sub(now) < certificateMargin {
		return fmt.Errorf("%w on %s", ErrCertificateEnds, end.Format(time.DateTime))
	}
	return nil
}

// leafRoom is the bytes that a leaf takes on the disk at once, with some room to spare: in the log, and in a table.
const leafRoom = 100

// advance moves the frontier to through, which is idle if root is nil, and returns the calendar nodes to keep.
func (l *Ledger) advance(through calendar.Second, root *merkle.Digest) []storage.CalendarNode {
	idle := uint64(through - l.closed)
	if root != nil {
		l.frontier.AppendIdle(idle - 1)
		l.frontier.Append(*root)
	} else {
		l.frontier.AppendIdle(idle)
	}
	var kept []storage.CalendarNode
	for _, n := range l.frontier.Kept() {
		kept = append(kept, storage.CalendarNode{Height: n.Height, Index: n.Index, Node: n.Digest})
	}
	return kept
}

// closeRound computes the root of the open round, signs the calendar root as of its second and makes both durable.
func (l *Ledger) closeRound() error {
	second := l.open.second
	entry := storage.CloseRound{RoundRecord: storage.RoundRecord{
		Round:     second,
		FirstLeaf: l.store.TotalLeaves(),
		SlotCount: l.slotsIn(second),
	}}
	ordinals := l.store.Ordinals()
	var ahead []storage.Tile
	for _, id := range slices.Sorted(maps.Keys(l.open.trees)) {
		tree := l.open.trees[id]
		entry.Slots = append(entry.Slots, storage.SlotRound{
			Slot: id, Count: tree.Count(), Root: tree.Root(), Ordinal: ordinals[id] + 1,
		})
		if tree.Count() >= l.manyLeaves {
			ahead = appendTiles(ahead, second, id, tree)
		} else {
			entry.Tiles = appendTiles(entry.Tiles, second, id, tree)
		}
	}
	entry.Root = l.slotTree(&entry.RoundRecord).Root()
	entry.Calendar = l.advance(second, &entry.Root)
	if err := l.signAndKeep(&entry, ahead); err != nil {
		return err
	}
	return l.propose(entry)
}

// signAndKeep signs the calendar root as of the round of entry and, meanwhile, makes tiles of it durable. Both run in goroutines that
// are started now: the processor that is free takes over the first at once, but what this goroutine would begin only later.
func (l *Ledger) signAndKeep(entry *storage.CloseRound, tiles []storage.Tile) error {
	root := l.frontier.Root().Imprint()
	var signErr, keepErr error
	sign := func() {
		var a *ksi.Authentication
		if a, signErr = ksi.SignAuthentication(rand.Reader, l.key, l.certificate, ksi.Publication{Time: entry.Round, Root: root}); signErr == nil {
			entry.Certificate, entry.Signature = a.CertificateID, a.Signature
		}
	}
	if len(tiles) == 0 {
		sign()
	} else {
		var both sync.WaitGroup
		both.Go(sign)
		both.Go(func() { keepErr = l.store.Propose(storage.KeepTiles{Round: entry.Round, Tiles: tiles}) })
		both.Wait()
	}
	switch {
	case keepErr != nil:
		return fmt.Errorf("%w: %w", ErrFatal, keepErr)
	case signErr != nil:
		return fmt.Errorf("%w: sign round %s: %w", ErrFatal, entry.Round, signErr)
	}
	return nil
}

// manyLeaves is from how many leaves of a slot in a round on its kept nodes are written as a table, while the round is signed, and not
// with all else that closes it.
const manyLeaves = 1 << 21

// slotsIn returns how many slots may hold leaves in a round.
func (l *Ledger) slotsIn(round calendar.Second) uint32 {
	n := len(l.slots)
	for n > 0 && l.slots[n-1].Created > round {
		n--
	}
	return uint32(n)
}

// appendTiles adds the kept nodes of a slot's tree to dst.
func appendTiles(dst []storage.Tile, round calendar.Second, slot uint32, tree *merkle.Tree) []storage.Tile {
	for height, nodes := range tree.Kept() {
		for index := uint64(0); len(nodes) > 0; index++ {
			n := min(len(nodes), storage.TileNodes)
			dst = append(dst, storage.Tile{Round: round, Slot: slot, Height: height, Index: index, Nodes: nodes[:n]})
			nodes = nodes[n:]
		}
	}
	return dst
}

// slotTree builds the tree over the slots of a round.
func (l *Ledger) slotTree(r *storage.RoundRecord) *merkle.SlotTree {
	rest := r.Slots
	return merkle.NewSlotTree(r.SlotCount, func(slot uint32) merkle.Digest {
		if len(rest) > 0 && rest[0].Slot == slot {
			s := &rest[0]
			rest = rest[1:]
			return merkle.SlotNode(s.Root, l.metadata(r.Round, s))
		}
		return merkle.Blind(l.genesis.BlindingKey, int64(r.Round), slot)
	})
}

// metadata returns who filed the leaves of a slot in a round, as the slot's link to its slot node says it.
func (l *Ledger) metadata(round calendar.Second, s *storage.SlotRound) []byte {
	slot := l.slot(s.Slot)
	m := merkle.IssuerMetadata(l.genesis.Server, slot.Agency, slot.Lane, s.Ordinal, int64(round))
	return m.Append(nil)
}
