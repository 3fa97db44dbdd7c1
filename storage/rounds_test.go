package storage_test

import (
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// sparse makes a store of n sealed blocks of one round each, and returns the rounds' roots.
func sparse(t *testing.T, n int) (*storage.Store, []merkle.Digest) {
	w := newWorld(t, 1)
	var roots []merkle.Digest
	for range n {
		w.propose(w.m.Append(w.m.Closed()+storage.BlockSeconds, 1, 1, false))
		w.propose(w.m.Close(w.m.Closed() + storage.BlockSeconds))
		roots = append(roots, w.tw.rounds[w.m.Closed()].Root)
	}
	w.propose(w.m.Close(w.m.Closed() + storage.BlockSeconds))
	for w.seal() {
	}
	return w.s, roots
}

// TestRoundsRest looks for roots in more blocks than are looked through at once: the caller gets its turn in between, and the
// scan still comes to its end, and to the root where there is one.
func TestRoundsRest(t *testing.T) {
	const blocks = 150
	s, roots := sparse(t, blocks)
	for i, root := range []merkle.Digest{{1}, roots[0], roots[70], roots[blocks-1]} {
		for _, desc := range []bool{false, true} {
			iter, err := s.Rounds(storage.RoundScan{To: s.Closed(), Desc: desc, Roots: true, Root: &root})
			if err != nil {
				t.Fatal(err)
			}
			empty := 0
			var found []calendar.Second
			for iter.Next() {
				b := iter.Batch()
				if len(b.Round) == 0 {
					empty++
				}
				for k, r := range b.Root {
					if r == root {
						found = append(found, b.Round[k])
					}
				}
			}
			if err := iter.Close(); err != nil || iter.Err() != nil {
				t.Fatal(err, iter.Err())
			}
			if empty < 2 || empty > blocks/32 || len(found) != min(i, 1) {
				t.Errorf("root %d, desc %t: found in %v after %d rests", i, desc, found, empty)
			}
		}
	}
}
