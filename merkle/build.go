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
	// partHeight is the height of the smallest subtrees that are handed to a goroutine: some 30 µs of work, so that one who wakes
	// up late, or is interrupted, leaves little that the others wait for.
	partHeight = 11
	// manyParts are handed out at once while there is enough: the fewest over which all kernels hash in full width up to the
	// kept nodes.
	manyParts  = 4
	readLeaves = 4096 // leaves that a Source is asked for: what fits into the nearer caches
)

// Build returns the tree over n SHA-256 leaves that NewTree and Append would make of them, computed by this many goroutines
// at once, at least one: the caller's and others, none of which is left when it returns. It holds few leaves at any time, so
// n may exceed memory: the tree itself takes 0.4 % of the leaves. If source fails, so does Build, with an error of source. It
// panics if there are more than MaxLeaves.
func Build(base Level, n uint64, workers int, source Source) (*Tree, error) {
	if n > MaxLeaves(base) || workers < 1 {
		panic(fmt.Sprintf("merkle: %d leaves of level %d by %d workers", n, base, workers))
	}
	b := building{t: NewTree(base), parts: n >> partHeight, workers: uint64(workers), source: source}
	if b.parts > 0 {
		b.t.n = b.parts << partHeight
		b.t.kept = [][]Digest{makeDigests(n >> KeptStep)[:b.t.n>>KeptStep]}
		b.run()
	}
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
	t       *Tree
	parts   uint64
	workers uint64
	source  Source
	next    atomic.Uint64 // the first part that nobody has taken
	failed  sync.Once
	err     error // of who failed first
}

// run has all parts done. The caller waits rather than works: the scheduler runs the newest goroutine in the caller's place at
// once, the others may be taken over by idle processors at once, and the last one to end hands its processor to the caller.
// If the caller worked, the newest goroutine would be taken over only after a sleep of the scheduler.
func (b *building) run() {
	if b.workers == 1 {
		b.work()
		return
	}
	var wg sync.WaitGroup
	for range min(b.workers, b.parts) {
		wg.Go(b.work)
	}
	wg.Wait()
}

// take returns the first of the parts that are the caller's now, and how many: less and less towards the end, so that all
// goroutines end together. There are none if count is 0.
func (b *building) take() (first, count uint64) {
	for {
		first = b.next.Load()
		if first >= b.parts {
			return first, 0
		}
		left := b.parts - first
		if count = min(left, manyParts); b.workers > 1 {
			count = max(1, min(count, left/(2*b.workers)))
		}
		if b.next.CompareAndSwap(first, first+count) {
			return first, count
		}
	}
}

// A workplace is what a goroutine that builds needs. It is used again, because new memory is slow at first.
type workplace struct {
	buf  [readLeaves]Digest
	part Tree
}

var workplaces = sync.Pool{New: func() any { return new(workplace) }}

// work sets the kept nodes of some parts after the other, of those that nobody else has taken. It changes nothing else of the
// tree.
func (b *building) work() {
	const kept = 1 << (partHeight - KeptStep) // nodes in a part
	w := workplaces.Get().(*workplace)
	defer workplaces.Put(w)
	w.part.kernel, w.part.base = b.t.kernel, b.t.base
	for p, count := b.take(); count > 0; p, count = b.take() {
		w.part.clear()
		if err := w.part.read(b.source, w.buf[:], p<<partHeight, (p+count)<<partHeight); err != nil {
			b.failed.Do(func() { b.err = err })
			b.next.Store(b.parts) // the others may stop
			return
		}
		below := KeptStep / lanes.MaxHeight // the row whose roots are kept
		w.part.liftRow(below, len(w.part.row(below)))
		copy(b.t.kept[0][p*kept:], w.part.kept[0])
	}
}

// makeDigests returns a list of n zero digests, in large pages if they are many.
func makeDigests(n uint64) []Digest { return unflat(largepage.Bytes(int(n) * lanes.Size)) }

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
