package ledger

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// segmentLeaves is how many leaves one segment of recent holds at most, give or take one run.
const segmentLeaves = 1 << 16

// recent finds the leaves that the digest index does not hold yet: those of the open round and of the rounds closed
// since the index last grew. It is a list of hash tables in filing order. Tables are hashed with a secret seed, so that
// nobody can choose digests that collide; filing one digest many times makes one long chain, which costs only those
// who look it up.
type recent struct {
	seed maphash.Seed

	mu       sync.RWMutex // covers all below
	segments []*segment
	added    uint64 // leaves so far, dropped ones included
}

type segment struct {
	number uint64 // of its first leaf, as added counts
	runs   []run
	hashes []uint64 // of leaf i
	next   []uint32 // 1 + the leaf before i in its chain, 0 at the end
	heads  []uint32 // 1 + the newest leaf of the chain; a power of two of them
}

// A run is leaves with consecutive indices.
type run struct {
	round calendar.Second
	slot  uint32
	first uint64
	start int // number of its first leaf in the segment
}

func newRecent() *recent { return &recent{seed: maphash.MakeSeed()} }

// add records leaves that are durable.
func (r *recent) add(round calendar.Second, slot uint32, first uint64, leaves *merkle.Leaves) {
	hashes := make([]uint64, leaves.Len())
	if alg, digests, ok := leaves.Uniform(); ok {
		for i := range hashes {
			hashes[i] = maphash.Bytes(r.seed, digests[i*alg.Size():(i+1)*alg.Size()])
		}
	} else {
		for i := range hashes {
			im := leaves.At(i)
			hashes[i] = maphash.Bytes(r.seed, im.Digest())
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.segments)
	if n == 0 || len(r.segments[n-1].hashes) >= segmentLeaves {
		r.segments = append(r.segments, &segment{number: r.added, heads: make([]uint32, 1<<8)})
		n++
	}
	r.segments[n-1].add(run{round: round, slot: slot, first: first}, hashes)
	r.added += uint64(len(hashes))
}

// mark returns what find takes to look only at leaves that are added from now on.
func (r *recent) mark() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.added
}

func (s *segment) add(r run, hashes []uint64) {
	r.start = len(s.hashes)
	s.runs = append(s.runs, r)
	s.hashes = append(s.hashes, hashes...)
	if len(s.hashes) > len(s.heads) {
		n := len(s.heads)
		for n < len(s.hashes) {
			n *= 2
		}
		s.heads = make([]uint32, n)
		s.next = s.next[:0]
	}
	mask := uint64(len(s.heads) - 1)
	for i := len(s.next); i < len(s.hashes); i++ {
		head := &s.heads[s.hashes[i]&mask]
		s.next = append(s.next, *head)
		*head = uint32(i) + 1
	}
}

// find calls yield with where leaves with this digest may stand, newest first, until it returns false: those added since
// mark. The caller compares the leaves themselves. yield must be quick: nothing is added meanwhile.
func (r *recent) find(digest []byte, mark uint64, yield func(Position) bool) {
	h := maphash.Bytes(r.seed, digest)
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range slices.Backward(r.segments) {
		if s.number+uint64(len(s.hashes)) <= mark {
			return
		}
		for i := s.heads[h&uint64(len(s.heads)-1)]; i != 0 && s.number+uint64(i) > mark; i = s.next[i-1] {
			if s.hashes[i-1] == h && !yield(s.position(int(i-1))) {
				return
			}
		}
	}
}

func (s *segment) position(i int) Position {
	k, found := slices.BinarySearchFunc(s.runs, i, func(r run, i int) int { return r.start - i })
	if !found {
		k--
	}
	r := s.runs[k]
	return Position{Round: r.round, Slot: r.slot, Index: r.first + uint64(i-r.start)}
}

// drop forgets the segments whose leaves all stand in rounds up to through, which the index holds now.
func (r *recent) drop(through calendar.Second) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.segments) && r.segments[n].last() <= through {
		n++
	}
	r.segments = slices.Delete(r.segments, 0, n)
}

// last returns the round of the newest leaf: runs are added in filing order.
func (s *segment) last() calendar.Second { return s.runs[len(s.runs)-1].round }
