package index

import (
	"fmt"
	"unsafe"

	"github.com/jurat-ledger/jurat/internal/largepage"
)

// MaxBatch is how many leaves a Batch holds at most.
const MaxBatch = 1 << positionBits

const (
	// positionBits is how many bits of an entry of a batch hold the place of its leaf.
	positionBits = 16
	// batchBits is log2 of the buckets of a batch. A full one has 128 entries a bucket, and as many lines are written to at
	// once when it is made as the nearest cache holds. An entry and its bucket keep batchBits + 64 - positionBits bits of hash,
	// 57: as many as a run stores, and two more.
	batchBits = 9
)

// A Batch holds the hashes of up to MaxBatch leaves in memory, at 8 bytes each, in the order in which a run of the index
// stores them: by bucket, and in a bucket by place. So a leaf can be found in it before the index holds it, and Add
// neither hashes nor sorts again. Once set it is only read, by any number of goroutines.
type Batch struct {
	// Of each entry the top 48 bits are those of the hash that follow the bucket's name, the others the place.
	entries []uint64
	ends    [1 << batchBits]uint32 // where each bucket ends in entries
	block   largepage.Block        // that entries are in, of a Batches; none otherwise
}

// NewBatch returns an empty batch with room for n leaves, at most MaxBatch.
func NewBatch(n int) *Batch { return &Batch{entries: make([]uint64, 0, n)} }

// slabBatches is how many batches of a Batches share large pages: they fill 8 MiB.
const slabBatches = 16

// Batches gives out batches with room for MaxBatch leaves, and takes them back.
type Batches struct{ memory *largepage.Pool }

// NewBatches returns a Batches of its own.
func NewBatches() *Batches { return &Batches{largepage.NewPool(MaxBatch*8, slabBatches)} }

// Get returns an empty batch.
func (p *Batches) Get() *Batch {
	block := p.memory.Get()
	return &Batch{entries: unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(block.Bytes))), MaxBatch)[:0], block: block}
}

// Put takes back what Get has returned; nobody may use it any more. Of other batches it takes nothing.
func (p *Batches) Put(b *Batch) {
	if b.block.Bytes != nil {
		p.memory.Put(b.block)
	}
}

// Len returns the number of leaves.
func (b *Batch) Len() int { return len(b.entries) }

// Set makes the batch hold the leaves with these hashes (see Index.Hash), at most MaxBatch, instead of those before. The
// place of a leaf is the place of its hash.
func (b *Batch) Set(hashes []uint64) {
	n := len(hashes)
	if n > MaxBatch {
		panic(fmt.Sprintf("index: batch of %d leaves", n))
	}
	if cap(b.entries) < n {
		b.entries = make([]uint64, n)
	}
	entries, ends := b.entries[:n], &b.ends
	clear(ends[:])
	for _, h := range hashes {
		ends[h>>(64-batchBits)]++
	}
	var sum uint32
	for k, size := range ends {
		ends[k] = sum // for now where the bucket starts
		sum += size
	}
	for i, h := range hashes {
		end := &ends[h>>(64-batchBits)]
		entries[*end] = h<<batchBits&^(MaxBatch-1) | uint64(i)
		*end++
	}
	b.entries = entries
}

// bucket returns the entries of bucket k.
func (b *Batch) bucket(k uint64) []uint64 {
	start := uint32(0)
	if k > 0 {
		start = b.ends[k-1]
	}
	return b.entries[start:b.ends[k]]
}

// Find calls yield with the place of every leaf whose hash may be this one, the last first, until yield returns false, and
// reports whether it never did. The chance of a place with another hash is 2^-57 each.
func (b *Batch) Find(hash uint64, yield func(place int) bool) bool {
	bucket := b.bucket(hash >> (64 - batchBits))
	want := hash << batchBits &^ (MaxBatch - 1)
	for i := len(bucket) - 1; i >= 0; i-- {
		if place := bucket[i] ^ want; place < MaxBatch && !yield(int(place)) {
			return false
		}
	}
	return true
}

// Hashes fills hashes, one for each leaf of the batch, with what the index stores of the hashes.
func (b *Batch) Hashes(hashes []uint64) {
	if len(hashes) != b.Len() {
		panic(fmt.Sprintf("index: %d hashes of a batch of %d leaves", len(hashes), b.Len()))
	}
	for k := range uint64(1 << batchBits) {
		for _, e := range b.bucket(k) {
			hashes[e&(MaxBatch-1)] = k<<(64-batchBits) | e&^(MaxBatch-1)>>batchBits
		}
	}
}

// AddBatches is Add for the leaves of batches, in their order.
func (x *Index) AddBatches(first uint64, batches []*Batch) error {
	n := 0
	for _, b := range batches {
		n += b.Len()
	}
	return x.add(first, uint64(n), func(w *runWriter) error {
		if w.b >= batchBits {
			return w.writeBatches(batches)
		}
		hashes := make([]uint64, n)
		for rest := hashes; len(batches) > 0; batches = batches[1:] {
			k := batches[0].Len()
			batches[0].Hashes(rest[:k])
			rest = rest[k:]
		}
		return w.writeHashes(hashes)
	})
}

// writeBatches writes the whole run, which has at least as many buckets as a batch: those of one bucket of the batches are
// sorted together.
func (w *runWriter) writeBatches(batches []*Batch) error {
	more := w.b - batchBits // bits that name a bucket of the run in one of the batches
	ends := make([]uint32, 1<<more)
	var sorted []uint64
	for k := range uint64(1 << batchBits) {
		clear(ends)
		for _, b := range batches {
			for _, e := range b.bucket(k) {
				ends[e>>(64-more)]++
			}
		}
		sum := startsOf(ends) // from there distribute moves them on
		if cap(sorted) < int(sum) {
			sorted = make([]uint64, sum+sum/4)
		}
		sorted = sorted[:sum]
		base := uint64(0)
		for _, b := range batches {
			w.distribute(sorted, ends, b.bucket(k), base)
			base += uint64(b.Len())
		}
		if err := w.addBuckets(sorted, ends); err != nil {
			return err
		}
	}
	return nil
}

// distribute turns the entries of a batch, whose first leaf has relative number base, into entries of the run, each to
// where ends says for its bucket.
func (w *runWriter) distribute(sorted []uint64, ends []uint32, entries []uint64, base uint64) {
	more := w.b - batchBits
	low := numberBits + w.b
	for _, e := range entries {
		end := &ends[e>>(64-more)]
		sorted[*end] = e<<more>>low<<low | base + e&(MaxBatch-1)
		*end++
	}
}
