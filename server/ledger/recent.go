package ledger

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

const (
	// segmentLeaves is how many leaves one segment of recent holds at most, give or take one entry.
	segmentLeaves = 1 << 16
	// ownSegment is how many leaves of an entry get a segment of their own.
	ownSegment = segmentLeaves / 4
)

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

// A prepared is leaves ready to be added: a segment of their own if they are many, else their hashes.
type prepared struct {
	run     run
	hashes  []uint64
	segment *segment // nil if the leaves go to the newest segment
}

// prepare does the work for leaves that will be added next, in this order. It changes nothing that find sees.
func (r *recent) prepare(entries []storage.AppendLeaves) []prepared {
	list := make([]prepared, len(entries))
	for i := range entries {
		e, p := &entries[i], &list[i]
		p.run = run{round: e.Round, slot: e.Slot, first: e.First}
		p.hashes = r.hash(&e.Leaves)
		if len(p.hashes) >= ownSegment {
			p.segment = newSegment(len(p.hashes))
			p.segment.add(p.run, p.hashes)
		}
	}
	return list
}

// hash returns the hashes of leaves.
func (r *recent) hash(leaves *merkle.Leaves) []uint64 {
	hashes := make([]uint64, leaves.Len())
	if alg, digests, ok := leaves.Uniform(); ok {
		size := alg.Size()
		for i := range hashes {
			hashes[i] = maphash.Bytes(r.seed, digests[i*size:(i+1)*size])
		}
		return hashes
	}
	for i := range hashes {
		im := leaves.At(i)
		hashes[i] = maphash.Bytes(r.seed, im.Digest())
	}
	return hashes
}

// add has find see leaves, which must be durable.
func (r *recent) add(list []prepared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range list {
		if p.segment != nil {
			p.segment.number = r.added
			r.segments = append(r.segments, p.segment)
		} else {
			n := len(r.segments)
			if n == 0 || len(r.segments[n-1].hashes) >= segmentLeaves {
				s := newSegment(0)
				s.number = r.added
				r.segments = append(r.segments, s)
				n++
			}
			r.segments[n-1].add(p.run, p.hashes)
		}
		r.added += uint64(len(p.hashes))
	}
}

// mark returns what find takes to look only at leaves that are added from now on.
func (r *recent) mark() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.added
}

// newSegment returns a segment that takes n leaves without growing.
func newSegment(n int) *segment {
	heads := 1 << 8
	for heads < n {
		heads *= 2
	}
	return &segment{next: make([]uint32, 0, n), heads: make([]uint32, heads)}
}

func (s *segment) add(r run, hashes []uint64) {
	r.start = len(s.hashes)
	s.runs = append(s.runs, r)
	if s.hashes == nil {
		s.hashes = hashes
	} else {
		s.hashes = append(s.hashes, hashes...)
	}
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
