package index

import (
	"encoding/binary"
	"sync/atomic"
)

// filters say of the buckets of a run which hashes they lack, so that most look-ups in vain read nothing. The filter of a bucket is
// made when the bucket is first read, and their memory with the first of them: who only files needs none. A filter is a blocked Bloom
// filter (Putze, Sanders and Singler, 2007) with words as its blocks: about 8 bits for each entry, three of one word set for the
// entry's hash, so that a look-up reads one line of memory and lets 4 in a hundred other hashes pass. A bucket of several parts
// has none.
type filters struct {
	n     uint64 // entries of the run
	table atomic.Pointer[filterTable]
}

// A filterTable is memory for the filters of a run.
type filterTable struct {
	words  uint64   // of one filter
	all    []uint64 // words of all, one behind the other; those of a bucket change only while it is making
	states bucketStates
}

// newFilterTable returns memory for the filters of a run of n entries, none made.
func newFilterTable(n uint64) *filterTable {
	b := bucketBits(n)
	words := n>>b/8 + 1
	return &filterTable{words, make([]uint64, words<<b), make(bucketStates, 1<<b)}
}

// bits returns which bits of which word of its filter stand for a hash. They depend on bits that every entry stores and that name no
// bucket: 24, the upper ones for the word, the lower 18 for three bits of it.
func (t *filterTable) bits(hash uint64) (word, mask uint64) {
	h := hash >> numberBits & (1<<24 - 1)
	return h * t.words >> 24, 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63)
}

// lack reports whether a bucket has no entry with a hash, as far as that can be said without reading it.
func (f *filters) lack(bucket uint32, hash uint64) bool {
	if f == nil {
		return false
	}
	t := f.table.Load()
	if t == nil || !t.states.made(bucket) {
		return false
	}
	word, mask := t.bits(hash)
	return t.all[uint64(bucket)*t.words+word]&mask != mask
}

// lackAll is lack for several hashes.
func (f *filters) lackAll(bucket uint32, hashes []uint64) bool {
	for _, hash := range hashes {
		if !f.lack(bucket, hash) {
			return false
		}
	}
	return true
}

// keep makes the filter of a bucket of r from its first part, if it is the only one.
func (f *filters) keep(r *run, bucket uint32, p *part) {
	if f == nil || !p.last {
		return
	}
	t := f.table.Load()
	if t == nil {
		f.table.CompareAndSwap(nil, newFilterTable(f.n))
		t = f.table.Load()
	}
	if !t.states.begin(bucket) {
		return
	}
	b := r.bucketBits()
	words := t.all[uint64(bucket)*t.words:][:t.words]
	for e := p.entries; len(e) >= 8; e = e[8:] {
		word, mask := t.bits(binary.BigEndian.Uint64(e) >> b)
		words[word] |= mask
	}
	t.states.end(bucket)
}

// filter gives filters to the runs that have files and no filters yet, the newest and so the smaller ones first, as far as there is
// room; none to one that holds more than half of all entries: most of what is looked up is there.
func (x *Index) filter(runs []run) {
	room, all := uint64(x.opts.CacheBytes)/3*2, uint64(0) // one byte for an entry
	for i := range runs {
		all += runs[i].n
	}
	for i := len(runs) - 1; i >= 0; i-- {
		r := &runs[i]
		if !r.filed || r.n > all/2 || r.n > room {
			r.filters = nil
			continue
		}
		room -= r.n
		if r.filters == nil {
			r.filters = &filters{n: r.n}
		}
	}
}
