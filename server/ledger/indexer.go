package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// minIndexed is how many closed leaves must be missing in the index before it grows: below, recent finds them.
const minIndexed = 1 << 16

// RunIndex lets the digest index follow the closed rounds, and its runs merge beside that, until ctx is done or the ledger
// stops. It returns nil then; any other error means that the index and the leaves may disagree.
func (l *Ledger) RunIndex(ctx context.Context) error {
	if l.readOnly {
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	grown := make(chan struct{}, 1)
	merging := make(chan error, 1)
	go func() {
		err := l.mergeIndex(ctx, grown)
		if err != nil {
			cancel()
		}
		merging <- err
	}()
	err := l.growIndex(ctx, grown)
	cancel()
	if err = errors.Join(err, <-merging); err != nil {
		return fmt.Errorf("digest index: %w", err)
	}
	return nil
}

// mergeIndex merges what is due at the start and whenever the index has grown, if the disk has room: look-ups read more runs
// until then.
func (l *Ledger) mergeIndex(ctx context.Context, grown <-chan struct{}) error {
	for {
		merged, err := l.mergeNext(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case merged:
			continue
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil
		}
	}
}

// mergeNext merges runs of the index that are due, and reports whether there were any, if the disk has room.
func (l *Ledger) mergeNext(ctx context.Context) (bool, error) {
	if need := l.index.MergeBytes(); need > 0 && l.store.Free() < l.reserve+need {
		return false, nil
	}
	return l.index.Merge(ctx)
}

// growIndex adds closed leaves to the index once there are enough: at once when little is filed, else when so many are
// missing that it takes a good part of those that may. So a burst of filing has the processor for itself, and the index
// grows in large steps under a load that lasts.
func (l *Ledger) growIndex(ctx context.Context, grown chan<- struct{}) error {
	before := l.recent.mark()
	for ctx.Err() == nil {
		l.mu.RLock()
		open, stopped := l.open, l.err
		l.mu.RUnlock()
		if stopped != nil {
			return nil
		}
		filed := l.recent.mark()
		quiet := filed-before < minIndexed
		before = filed
		missing := l.store.TotalLeaves() - l.index.Cursor()
		if missing < minIndexed || missing < l.backlog.due() && !quiet {
			select {
			case <-open.done:
			case <-ctx.Done():
			}
			continue
		}
		if err := l.indexNext(l.store.Closed()); err != nil {
			return err
		}
		l.backlog.wake()
		select {
		case grown <- struct{}{}:
		default:
		}
	}
	return nil
}

// indexNext adds the next leaves of the closed rounds up to through to the index, about a step of them.
func (l *Ledger) indexNext(through calendar.Second) error {
	cursor := l.index.Cursor()
	pieces, err := l.unindexed(cursor, through)
	if err != nil {
		return err
	}
	if err := l.index.AddBatches(cursor, l.recent.batches(pieces)); err != nil {
		return err
	}
	l.recent.drop(pieces)
	return nil
}

// unindexed returns the leaves of the closed rounds up to through from the cursor of the index on, about a step of them.
func (l *Ledger) unindexed(cursor uint64, through calendar.Second) ([]piece, error) {
	var numbers numbering
	var list []piece
	next := cursor
	for _, p := range l.recent.closed(through) {
		number, err := numbers.of(l.store, p.Position)
		if err != nil {
			return nil, err
		}
		if number+uint64(p.n) <= cursor { // beside others in its segment that are not indexed
			continue
		}
		if number != next {
			return nil, fmt.Errorf("leaf %d is next, %d is held: run jurat fsck", next, number)
		}
		list = append(list, p)
		if next += uint64(p.n); next-cursor >= l.backlog.step {
			break
		}
	}
	return list, nil
}

// A numbering knows the numbers of the leaves of one round.
type numbering struct {
	record storage.RoundRecord
	first  []uint64 // number of the first leaf of each slot of the record
}

// of returns the number of a leaf in a closed round.
func (n *numbering) of(s *storage.Store, p Position) (uint64, error) {
	if n.record.Round != p.Round {
		record, err := s.Round(p.Round)
		if err != nil {
			return 0, err
		}
		n.record, n.first = record, n.first[:0]
		number := record.FirstLeaf
		for i := range record.Slots {
			n.first = append(n.first, number)
			number += record.Slots[i].Count
		}
	}
	k, ok := slices.BinarySearchFunc(n.record.Slots, p.Slot, func(s storage.SlotRound, slot uint32) int {
		return cmp.Compare(s.Slot, slot)
	})
	if !ok || p.Index >= n.record.Slots[k].Count {
		return 0, fmt.Errorf("leaf %d of slot %d is not in round %s: run jurat fsck", p.Index, p.Slot, p.Round)
	}
	return n.first[k] + p.Index, nil
}

// IndexStatus is how far the digest index is. Leaves that it does not hold are found in memory, those of the open round among
// them.
type IndexStatus struct {
	Leaves  uint64 // of the closed rounds
	Indexed uint64 // of them in the index
	Recent  uint64 // leaves held in memory; some may be in the index already
	Runs    int    // that a look-up reads
	Bytes   uint64 // on disk, about
}

// IndexStatus returns how far the digest index is.
func (l *Ledger) IndexStatus() (s IndexStatus, err error) {
	s.Indexed = l.index.Cursor() // first: it only grows, and never beyond the leaves
	s.Leaves, s.Recent, s.Runs = l.store.TotalLeaves(), l.recent.held(), l.index.Runs()
	s.Bytes, err = l.index.Bytes()
	return s, err
}
