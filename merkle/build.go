package merkle

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jurat-ledger/jurat/internal/largepage"
	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
)

// A Source gives SHA-256 leaves of a subtree, from first on: at least one, at most as many as buf holds. They may be in buf
// or elsewhere, and are left alone until the call after. Several goroutines call it at once, each with a buf of its own.
type Source func(buf []Digest, first uint64) ([]Digest, error)

const (
	// partHeight is the height of the subtrees that one goroutine builds at a time: the smallest over which all kernels hash
	// in full width up to the kept nodes, so that the goroutines end together.
	partHeight = 13
	readLeaves = 4096 // leaves that a Source is asked for: what fits into the nearer caches

	patience = 100_000 // times that the caller looks whether the others are done before it sleeps: some 50 µs
)

// Build returns the tree over n SHA-256 leaves that NewTree and Append would make of them, computed by this many goroutines
// at once, at least one: the caller's and others, none of which is left when it returns. It holds few leaves at any time, so
// n may exceed memory: the tree itself takes 0.4 % of the leaves. If source fails, so does Build, with an error of source. It
// panics if there are more than MaxLeaves.
func Build(base Level, n uint64, workers int, source Source) (*Tree, error) {
	if n > MaxLeaves(base) || workers < 1 {
		panic(fmt.Sprintf("merkle: %d leaves of level %d by %d workers", n, base, workers))
	}
	b := building{t: NewTree(base), parts: n >> partHeight, source: source}
	var wg sync.WaitGroup
	if b.parts > 0 {
		b.t.n = b.parts << partHeight
		b.t.kept = [][]Digest{makeDigests(n >> KeptStep)[:b.t.n>>KeptStep]}
		for range min(uint64(workers), b.parts) - 1 {
			wg.Go(b.work)
		}
	}
	b.work()
	for i := 0; i < patience && b.done.Load() < b.parts; i++ {
		// The others end sooner than this goroutine would wake up.
	}
	wg.Wait()
	if b.err != nil {
		return nil, b.err
	}
	if b.parts > 0 {
		b.t.appendNodes(KeptStep, b.t.kept[0])
	}
	w := workplaces.Get().(*workplace)
	defer workplaces.Put(w)
	if err := b.t.read(source, w.buf[:], b.t.n, n); err != nil {
		return nil, err
	}
	return b.t, nil
}

// A building is a tree of which several goroutines make the kept nodes of the lowest height.
type building struct {
	t      *Tree
	parts  uint64
	source Source
	next   atomic.Uint64 // the first part that nobody has taken
	done   atomic.Uint64 // how many parts are complete
	failed sync.Once
	err    error // of who failed first
}

// A workplace is what a goroutine that builds needs. It is used again, because new memory is slow at first.
type workplace struct {
	buf  [readLeaves]Digest
	part Tree
}

var workplaces = sync.Pool{New: func() any { return new(workplace) }}

// work sets the kept nodes of one part after the other, of those that nobody else has taken. It changes nothing else of the
// tree.
func (b *building) work() {
	const kept = 1 << (partHeight - KeptStep) // nodes in a part
	w := workplaces.Get().(*workplace)
	defer workplaces.Put(w)
	w.part.kernel, w.part.base = b.t.kernel, b.t.base
	for p := b.next.Add(1) - 1; p < b.parts; p = b.next.Add(1) - 1 {
		w.part.clear()
		if err := w.part.read(b.source, w.buf[:], p<<partHeight, (p+1)<<partHeight); err != nil {
			b.failed.Do(func() { b.err = err })
			b.next.Store(b.parts) // the others may stop
			return
		}
		copy(b.t.kept[0][p*kept:], w.part.kept[0])
		b.done.Add(1)
	}
}

// makeDigests returns a list of n zero digests, in large pages if they are many.
func makeDigests(n uint64) []Digest {
	if n*lanes.Size < 2*largepage.Size {
		return make([]Digest, n)
	}
	return unflat(largepage.Make(int(n) * lanes.Size))
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
