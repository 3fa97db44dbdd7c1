package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

const (
	// minIndexed is how many closed leaves must be missing in the index before it grows: below, recent finds them.
	minIndexed = 1 << 16
	// maxIndexed bounds the leaves of one growth step, held in memory at 8 bytes each.
	maxIndexed = 1 << 20
)

// RunIndex lets the digest index follow the closed rounds, and its runs merge beside that, until ctx is done or the ledger
// stops. It returns nil then; any other error means that the index and the leaves may disagree.
func (l *Ledger) RunIndex(ctx context.Context) error {
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

// mergeIndex merges what is due at the start and whenever the index has grown.
func (l *Ledger) mergeIndex(ctx context.Context, grown <-chan struct{}) error {
	for {
		merged, err := l.index.Merge(ctx)
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

// growIndex adds closed leaves to the index once there are enough.
func (l *Ledger) growIndex(ctx context.Context, grown chan<- struct{}) error {
	for ctx.Err() == nil {
		l.mu.RLock()
		open, stopped := l.open, l.err
		l.mu.RUnlock()
		if stopped != nil {
			return nil
		}
		if l.store.TotalLeaves()-l.index.Cursor() < minIndexed {
			select {
			case <-open.done:
			case <-ctx.Done():
			}
			continue
		}
		hashes, through, err := l.unindexed(ctx, l.store.Closed())
		if ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		if err := l.index.Add(l.index.Cursor(), hashes); err != nil {
			return err
		}
		l.recent.drop(through)
		l.backlog.wake()
		select {
		case grown <- struct{}{}:
		default:
		}
	}
	return nil
}

// unindexed reads up to about maxIndexed closed leaves from the cursor of the index on. It returns their hashes and the
// last round that they complete.
func (l *Ledger) unindexed(ctx context.Context, closed calendar.Second) ([]uint64, calendar.Second, error) {
	next := l.index.Cursor()
	p, err := l.store.LeafNumber(next)
	if err != nil {
		return nil, 0, err
	}
	record, err := l.store.Round(p.Round)
	if err != nil {
		return nil, 0, err
	}
	number := record.FirstLeaf
	runs, err := l.store.Leaves(storage.LeafScan{From: p.Round, To: closed})
	if err != nil {
		return nil, 0, err
	}
	defer runs.Close()
	var hashes []uint64
	for runs.Next() {
		run := runs.Run()
		if len(hashes) >= maxIndexed {
			return hashes, run.Round - 1, nil
		}
		if ctx.Err() != nil {
			return nil, 0, context.Cause(ctx)
		}
		for i := range run.Leaves.Len() {
			if number >= next {
				im := run.Leaves.At(i)
				hashes = append(hashes, l.index.Hash(im.Digest()))
			}
			number++
		}
	}
	return hashes, closed, runs.Err()
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

// held returns how many leaves recent finds.
func (r *recent) held() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.segments) == 0 {
		return 0
	}
	return r.added - r.segments[0].number
}
