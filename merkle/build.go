package merkle

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// A Source gives SHA-256 leaves of a subtree, from first on: at least one, at most as many as buf holds. They may be in buf
// or elsewhere, and are left alone until the call after. Several goroutines call it at once, each with a buf of its own.
type Source func(buf []Digest, first uint64) ([]Digest, error)

const (
	partHeight = 2 * KeptStep // of the subtree that one goroutine builds at a time; its root is a kept node
	readLeaves = 4096         // leaves that a Source is asked for: what fits into the nearer caches
)

// Build returns the tree over n SHA-256 leaves that NewTree and Append would make of them, computed by this many goroutines
// at once, at least one, of which none is left when it returns. It holds few leaves at any time, so n may exceed memory: the
// tree itself takes 0.4 % of the leaves. If source fails, so does Build, with an error of source. It panics if there are more
// than MaxLeaves.
func Build(base Level, n uint64, workers int, source Source) (*Tree, error) {
	if n > MaxLeaves(base) || workers < 1 {
		panic(fmt.Sprintf("merkle: %d leaves of level %d by %d workers", n, base, workers))
	}
	t := NewTree(base)
	parts := n >> partHeight
	t.n = parts << partHeight
	if parts > 0 {
		t.kept = [][]Digest{make([]Digest, t.n>>KeptStep, n>>KeptStep), make([]Digest, parts)}
	}
	workers = int(min(uint64(workers), parts))
	errs := make([]error, workers)
	var next atomic.Uint64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			if errs[w] = t.buildParts(&next, parts, source); errs[w] != nil {
				next.Store(parts) // the others may stop
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	if parts > 0 {
		t.appendNodes(partHeight, t.kept[1])
	}
	if err := t.read(source, make([]Digest, min(readLeaves, n-t.n)), t.n, n); err != nil {
		return nil, err
	}
	return t, nil
}

// buildParts sets the kept nodes of one part after the other, of those below parts that nobody else has taken from next. It
// changes nothing else of t.
func (t *Tree) buildParts(next *atomic.Uint64, parts uint64, source Source) error {
	const kept = 1 << (partHeight - KeptStep) // nodes in a part
	buf := make([]Digest, readLeaves)
	part := Tree{kernel: t.kernel, base: t.base}
	for p := next.Add(1) - 1; p < parts; p = next.Add(1) - 1 {
		if err := part.read(source, buf, p<<partHeight, (p+1)<<partHeight); err != nil {
			return err
		}
		part.settle()
		copy(t.kept[0][p*kept:], part.kept[0])
		t.kept[1][p] = part.kept[1][0]
		part.clear()
	}
	return nil
}

// read appends leaves first to end-1.
func (t *Tree) read(source Source, buf []Digest, first, end uint64) error {
	for first < end {
		want := int(min(end-first, uint64(len(buf))))
		leaves, err := source(buf[:want], first)
		if err != nil {
			return err
		}
		if len(leaves) < 1 || len(leaves) > want {
			return fmt.Errorf("leaf %d: source gave %d leaves, at most %d were wanted", first, len(leaves), want)
		}
		t.appendDigests(leaves)
		first += uint64(len(leaves))
	}
	return nil
}
