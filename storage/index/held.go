package index

import (
	"io"
	"sync/atomic"

	"github.com/jurat-ledger/jurat/internal/largepage"
)

// held is a run's file in memory, bucket by bucket as they are read: a look-up in a bucket that is there makes no system call, nor
// is its checksum, which was right when it was read, computed again. Memory is taken with the first bucket: who only files needs
// none. A bucket of several parts is not held.
type held struct{ table atomic.Pointer[heldTable] }

// A heldTable is memory for the buckets of a run, in one piece that the garbage collector does not look into.
type heldTable struct {
	bytes  []byte // as in the file; those of a bucket change only while it is making
	states bucketStates
}

// get returns the only part of a bucket of r if it is held.
func (h *held) get(r *run, bucket uint32) (p part, ok bool) {
	if h == nil {
		return p, false
	}
	t := h.table.Load()
	if t == nil || !t.states.made(bucket) {
		return p, false
	}
	return part{entries: t.bytes[r.file.start(bucket)+partHead : r.file.ends[bucket]], last: true}, true
}

// keep holds part 0 of a bucket of r if it is the only one.
func (h *held) keep(r *run, bucket uint32, p *part) {
	if h == nil || !p.last {
		return
	}
	t := h.table.Load()
	if t == nil {
		ends := r.file.ends
		// Buckets are read here and there: of small pages most would be looked up in the page tables.
		h.table.CompareAndSwap(nil, &heldTable{largepage.Bytes(int(ends[len(ends)-1])), make(bucketStates, len(ends))})
		t = h.table.Load()
	}
	if !t.states.begin(bucket) {
		return
	}
	copy(t.bytes[r.file.start(bucket)+partHead:r.file.ends[bucket]], p.entries)
	t.states.end(bucket)
}

// hold decides of which runs the files are held: of the newest and so the smaller ones first, as far as there is room.
func (x *Index) hold(runs []run) {
	room := uint64(x.opts.CacheBytes) / 3
	for i := len(runs) - 1; i >= 0; i-- {
		r := &runs[i]
		if !r.filed || r.file.bytes() > room {
			r.held = nil
			continue
		}
		room -= r.file.bytes()
		if r.held == nil {
			r.held = new(held)
		}
	}
}

// heldPart is the closer of a part that is held.
type heldPart struct{}

var _ io.Closer = heldPart{}

// Close does nothing: the memory is the run's.
func (heldPart) Close() error { return nil }
