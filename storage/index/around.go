package index

import "sync"

// readAhead is how many buckets of a file, aligned, are read together when the first of them is: an index of a hundred million leaves
// that was just opened has its filters sooner by about this factor.
const readAhead = 16

// maxAround is the most bytes that are read so. Only where a bucket has several parts there are more, and then none is read.
const maxAround = readAhead * 6 << 10

// aroundBuffers holds *[maxAround]byte.
var aroundBuffers = sync.Pool{New: func() any { return new([maxAround]byte) }}

// newAround returns the states of groups of buckets of a file.
func newAround(buckets int) bucketStates {
	return make(bucketStates, (buckets+readAhead-1)/readAhead)
}

// readAround makes what is kept in memory of the buckets around one that was just read, once, if anything is. Of a bucket that cannot be
// read, who asks for it will be told.
func (r *run) readAround(bucket uint32) {
	if r.held == nil && r.filters == nil || !r.file.around.begin(bucket/readAhead) {
		return
	}
	defer r.file.around.end(bucket / readAhead)
	first := bucket - bucket%readAhead
	end := min(first+readAhead, uint32(len(r.file.ends)))
	from, to := r.file.start(first), r.file.ends[end-1]
	if to-from > maxAround {
		return
	}
	buffer := aroundBuffers.Get().(*[maxAround]byte)
	defer aroundBuffers.Put(buffer)
	if _, err := r.file.f.ReadAt(buffer[:to-from], int64(from)); err != nil {
		return
	}
	var room [partKeySize]byte
	for b := first; b < end; b++ {
		value := buffer[r.file.start(b)-from : r.file.ends[b]-from]
		if p, err := decodePart(appendPartKey(room[:0], r.id, b, 0), value, 0); err == nil {
			r.held.keep(r, b, &p)
			r.filters.keep(r, b, &p)
		}
	}
}
