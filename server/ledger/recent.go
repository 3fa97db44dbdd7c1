package ledger

import (
	"cmp"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

const (
	// segmentLeaves is how many leaves one segment of recent holds at most.
	segmentLeaves = index.MaxBatch
	// ownSegment is from how many leaves on what is prepared together gets a segment of its own.
	ownSegment = segmentLeaves / 4
	// smallTable is how many leaves a table has room for while it grows little by little. One that outgrows it soon holds all that a
	// segment can, and to grow by halves would copy it again and again into fresh memory.
	smallTable = segmentLeaves / 16
)

// recent finds the leaves that the digest index does not hold yet: those of the open round and of the rounds closed
// since the index last grew. It is a list of segments in filing order. Many leaves that follow each other are a segment of their
// own, a batch, which takes 8 bytes a leaf and which the index takes in as it is; others share a hash table, which grows and takes some
// 20 bytes a leaf. A full one whose leaves follow each other becomes a batch. Leaves are hashed once, by the secret key of the index, so that nobody
// can choose digests that collide; filing one digest many times makes one long chain or bucket, which costs only those
// who look it up.
type recent struct {
	index  *index.Index
	large  *index.Batches // with room for segmentLeaves: fresh memory costs more than to fill it
	hashes []uint64       // for prepare
	tables sync.Pool      // of *segment, emptied, that have room for segmentLeaves

	mu       sync.RWMutex // covers all below
	segments []*segment
	added    uint64 // leaves so far, dropped ones included
}

type segment struct {
	number  uint64 // of its first leaf, as added counts
	runs    []run
	indexed int // leaves that the index holds too

	batch *index.Batch // of one run; nil if the segment is a table

	hashes []uint64 // of leaf i
	next   []uint32 // 1 + the leaf before i in its chain, 0 at the end
	heads  []uint32 // 1 + the newest leaf of the chain; a power of two of them
}

// A run is leaves with consecutive indices.
type run struct {
	Position     // of the first one
	start    int // its number in the segment
}

// reaches reports whether next goes on where r ends, if it stands behind it in the segment.
func (r run) reaches(next run) bool { return after(r.Position, next.start-r.start) == next.Position }

// after returns the position n leaves behind p.
func after(p Position, n int) Position {
	p.Index += uint64(n)
	return p
}

func newRecent(x *index.Index) *recent { return &recent{index: x, large: index.NewBatches()} }

// A prepared is leaves that follow each other, ready to be added: a segment of their own if they are many, else their hashes.
type prepared struct {
	run    run
	hashes []uint64
	batch  *index.Batch // nil if the leaves go to the newest table
}

// prepare does the work for leaves that will be added next, in this order. It changes nothing that find sees. One goroutine
// calls it at a time.
func (r *recent) prepare(entries []storage.AppendLeaves) []prepared {
	var list []prepared
	for len(entries) > 0 {
		first, together, n := &entries[0], 1, entries[0].Leaves.Len()
		for together < len(entries) && follows(&entries[together-1], &entries[together]) {
			n += entries[together].Leaves.Len()
			together++
		}
		for k := 0; k < n; k += segmentLeaves {
			p := prepared{run: run{Position: after(firstOf(first), k)}}
			if m := min(n-k, segmentLeaves); m < ownSegment {
				p.hashes = make([]uint64, m)
				r.hash(p.hashes, entries[:together], k)
			} else {
				r.hashes = slices.Grow(r.hashes[:0], m)[:m]
				r.hash(r.hashes, entries[:together], k)
				p.batch = r.newBatch(m)
				p.batch.Set(r.hashes)
			}
			list = append(list, p)
		}
		entries = entries[together:]
	}
	return list
}

// follows reports whether the leaves of b stand right behind those of a.
func follows(a, b *storage.AppendLeaves) bool {
	return after(firstOf(a), a.Leaves.Len()) == firstOf(b)
}

// firstOf returns the position of the first leaf of an entry.
func firstOf(e *storage.AppendLeaves) Position {
	return Position{Round: e.Round, Slot: e.Slot, Index: e.First}
}

// newBatch returns a batch for n leaves.
func (r *recent) newBatch(n int) *index.Batch {
	if n <= segmentLeaves/2 {
		return index.NewBatch(n)
	}
	return r.large.Get()
}

// hash fills hashes with those of the leaves of entries from the first on.
func (r *recent) hash(hashes []uint64, entries []storage.AppendLeaves, first int) {
	for i := 0; len(hashes) > 0; i++ {
		leaves := &entries[i].Leaves
		if first >= leaves.Len() {
			first -= leaves.Len()
			continue
		}
		n := min(leaves.Len()-first, len(hashes))
		r.hashLeaves(hashes[:n], leaves, first)
		hashes, first = hashes[n:], 0
	}
}

// hashLeaves fills hashes with those of leaves from the first on.
func (r *recent) hashLeaves(hashes []uint64, leaves *merkle.Leaves, first int) {
	if alg, digests, ok := leaves.Uniform(); ok {
		size := alg.Size()
		r.index.HashAll(hashes, digests[first*size:], size)
		return
	}
	for i := range hashes {
		im := leaves.At(first + i)
		hashes[i] = r.index.Hash(im.Digest())
	}
}

// add has find see leaves, which must be durable.
func (r *recent) add(list []prepared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range list {
		p := &list[i]
		if p.batch != nil {
			r.segments = append(r.segments, &segment{number: r.added, runs: []run{p.run}, batch: p.batch})
			r.added += uint64(p.batch.Len())
			continue
		}
		for run, hashes := p.run, p.hashes; len(hashes) > 0; {
			s := r.table()
			n := min(len(hashes), segmentLeaves-len(s.hashes))
			s.add(run, hashes[:n])
			if len(s.hashes) == segmentLeaves && len(s.runs) == 1 {
				r.pack(s)
			}
			run.Position = after(run.Position, n)
			hashes = hashes[n:]
			r.added += uint64(n)
		}
	}
}

// pack makes a table of one run a batch. Nobody indexes it yet: its round is open.
func (r *recent) pack(s *segment) {
	b := r.large.Get()
	b.Set(s.hashes)
	full := *s
	*s = segment{number: s.number, runs: s.runs, batch: b}
	full.runs = nil
	full.empty()
	r.tables.Put(&full)
}

// table returns the segment at the end if it is a table that is not full, else a new one there.
func (r *recent) table() *segment {
	if n := len(r.segments); n > 0 {
		if s := r.segments[n-1]; s.batch == nil && len(s.hashes) < segmentLeaves {
			return s
		}
	}
	s, ok := r.tables.Get().(*segment)
	if !ok {
		s = &segment{heads: make([]uint32, 1<<8)}
	}
	s.number = r.added
	r.segments = append(r.segments, s)
	return s
}

// mark returns what find takes to look only at leaves that are added from now on.
func (r *recent) mark() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.added
}

// add adds leaves to a table.
func (s *segment) add(r run, hashes []uint64) {
	r.start = len(s.hashes)
	if k := len(s.runs) - 1; k < 0 || !s.runs[k].reaches(r) {
		s.runs = append(s.runs, r)
	}
	if n := r.start + len(hashes); n > smallTable && n > cap(s.hashes) {
		s.hashes = slices.Grow(s.hashes, segmentLeaves-r.start)
		s.next = slices.Grow(s.next, cap(s.hashes)-len(s.next))
	}
	s.hashes = append(s.hashes, hashes...)
	if len(s.hashes) > len(s.heads) {
		n := len(s.heads)
		for n < len(s.hashes) {
			n *= 2
		}
		if n > smallTable {
			n = max(n, segmentLeaves)
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

// len returns how many leaves the segment holds.
func (s *segment) len() int {
	if s.batch != nil {
		return s.batch.Len()
	}
	return len(s.hashes)
}

// find calls yield with where leaves with this digest may stand, newest first, until it returns false: those added since
// mark. The caller compares the leaves themselves. yield must be quick: nothing is added meanwhile.
func (r *recent) find(digest []byte, mark uint64, yield func(Position) bool) {
	r.findHash(r.index.Hash(digest), mark, yield)
}

// findHash is find for a digest with a hash of the index.
func (r *recent) findHash(h, mark uint64, yield func(Position) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range slices.Backward(r.segments) {
		if s.number+uint64(s.len()) <= mark {
			return
		}
		least := 0 // the first leaf since mark
		if mark > s.number {
			least = int(mark - s.number)
		}
		if !s.find(h, least, func(i int) bool { return yield(s.position(i)) }) {
			return
		}
	}
}

// find calls yield with the leaves with this hash, newest first, down to least, until it returns false, and reports
// whether it never did.
func (s *segment) find(hash uint64, least int, yield func(i int) bool) bool {
	if s.batch != nil {
		return s.batch.Find(hash, func(i int) bool { return i < least || yield(i) })
	}
	for i := s.heads[hash&uint64(len(s.heads)-1)]; int(i) > least; i = s.next[i-1] {
		if s.hashes[i-1] == hash && !yield(int(i-1)) {
			return false
		}
	}
	return true
}

func (s *segment) position(i int) Position {
	k, found := slices.BinarySearchFunc(s.runs, i, func(r run, i int) int { return r.start - i })
	if !found {
		k--
	}
	return after(s.runs[k].Position, i-s.runs[k].start)
}

// A piece is a run of a segment, or a part of one, on its way into the index.
type piece struct {
	Position          // of its first leaf
	segment  *segment // whose batch it is if it has no hashes
	hashes   []uint64 // of a table; only read
	n        int      // leaves
}

// closed returns the leaves of the rounds up to through, in the order of the index. Their segments stay as they are until
// they are dropped.
func (r *recent) closed(through calendar.Second) []piece {
	var list []piece
	r.mu.RLock()
	for _, s := range r.segments {
		for k, run := range s.runs {
			if run.Round > through {
				break // runs are added in the order of rounds
			}
			end := s.len()
			if k+1 < len(s.runs) {
				end = s.runs[k+1].start
			}
			p := piece{Position: run.Position, segment: s, n: end - run.start}
			if s.batch == nil {
				p.hashes = s.hashes[run.start:end]
			}
			list = append(list, p)
		}
	}
	r.mu.RUnlock()
	slices.SortFunc(list, func(a, b piece) int { return comparePositions(a.Position, b.Position) })
	return list
}

func comparePositions(a, b Position) int {
	return cmp.Or(cmp.Compare(a.Round, b.Round), cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Index, b.Index))
}

// batches returns the leaves of pieces, in their order: the batches of segments as they are, and new ones of what tables
// hold between them.
func (r *recent) batches(pieces []piece) []*index.Batch {
	var list []*index.Batch
	var hashes []uint64
	flush := func() {
		if len(hashes) > 0 {
			b := index.NewBatch(len(hashes))
			b.Set(hashes)
			list = append(list, b)
			hashes = hashes[:0]
		}
	}
	for _, p := range pieces {
		if p.hashes == nil {
			flush()
			list = append(list, p.segment.batch)
			continue
		}
		if len(hashes)+len(p.hashes) > index.MaxBatch {
			flush()
		}
		hashes = append(hashes, p.hashes...)
	}
	flush()
	return list
}

// drop notes that the index holds the leaves of pieces, and forgets the segments of which it holds all.
func (r *recent) drop(pieces []piece) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range pieces {
		p.segment.indexed += p.n
	}
	r.segments = slices.DeleteFunc(r.segments, func(s *segment) bool {
		switch done := s.indexed == s.len(); {
		case !done:
			return false
		case s.batch != nil:
			r.large.Put(s.batch)
		case cap(s.hashes) >= segmentLeaves:
			s.empty()
			r.tables.Put(s)
		}
		return true
	})
}

// empty makes a table one without leaves.
func (s *segment) empty() {
	clear(s.heads)
	*s = segment{runs: s.runs[:0], hashes: s.hashes[:0], next: s.next[:0], heads: s.heads}
}

// held returns how many leaves recent finds.
func (r *recent) held() (n uint64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.segments {
		n += uint64(s.len())
	}
	return n
}
