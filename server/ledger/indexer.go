package ledger

import (
	"context"
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

// RunIndex lets the digest index follow the closed rounds until ctx is done or the ledger stops. It returns nil then;
// any other error means that the index and the leaves may disagree.
func (l *Ledger) RunIndex(ctx context.Context) error {
	for ctx.Err() == nil {
		l.mu.RLock()
		open, stopped := l.open, l.err
		l.mu.RUnlock()
		if stopped != nil {
			return nil
		}
		busy, err := l.growIndex(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("digest index: %w", err)
		}
		if busy {
			continue
		}
		select {
		case <-open.done:
		case <-ctx.Done():
		}
	}
	return nil
}

// growIndex does one step of work: it adds leaves or merges runs. busy is false if there was nothing to do.
func (l *Ledger) growIndex(ctx context.Context) (busy bool, err error) {
	l.mu.RLock()
	closed := l.closed
	l.mu.RUnlock()
	if total := l.store.TotalLeaves(); total-l.index.Cursor() < minIndexed {
		return l.index.Merge(ctx)
	}
	hashes, through, err := l.unindexed(ctx, closed)
	if err != nil {
		return false, err
	}
	if err := l.index.Add(l.index.Cursor(), hashes); err != nil {
		return false, err
	}
	l.recent.drop(through)
	return true, nil
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
