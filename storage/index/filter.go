package index

import (
	"encoding/binary"
	"sync/atomic"
)

// filters say of the buckets of a run which hashes they lack, so that most look-ups in vain read nothing. The filter of a bucket is
// made when the bucket is first read, and their memory with the first of them: who only files needs none. A filter has about 8
// bits for each entry, one of them set for the entry's hash, and lets 12 in a hundred other hashes pass. A bucket of several
// parts has none.
type filters struct {
	n     uint64 // entries of the run
	table atomic.Pointer[filterTable]
}

// A filterTable is memory for the filters of a run.
type filterTable struct {
	words  uint64   // of one filter
	bits   []uint64 // of all, one behind the other; those of a bucket change only while it is making
	states bucketStates
}

// newFilterTable returns memory for the filters of a run of n entries, none made.
func newFilterTable(n uint64) *filterTable {
	b := bucketBits(n)
	words := n>>b/8 + 1
	return &filterTable{words, make([]uint64, words<<b), make(bucketStates, 1<<b)}
}

// bit returns where the bit of a hash stands among the words of its filter. It depends on bits that every entry stores and that
// name no bucket.
func (t *filterTable) bit(hash uint64) (word, mask uint64) {
	bit := hash >> numberBits & (1<<24 - 1) * (64 * t.words) >> 24
	return bit / 64, 1 << (bit % 64)
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
	word, mask := t.bit(hash)
	return t.bits[uint64(bucket)*t.words+word]&mask == 0
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
	bits := t.bits[uint64(bucket)*t.words:][:t.words]
	for e := p.entries; len(e) >= 8; e = e[8:] {
		word, mask := t.bit(binary.BigEndian.Uint64(e) >> b)
		bits[word] |= mask
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
