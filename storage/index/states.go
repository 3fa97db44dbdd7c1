package index

import "sync/atomic"

// bucketStates say of each bucket of a run whether what is kept of it in memory is made: by the look-up that first read the bucket,
// while others do without.
type bucketStates []atomic.Uint32

const (
	unmade uint32 = iota
	making
	made
)

// made reports whether what is kept of a bucket may be read.
func (s bucketStates) made(bucket uint32) bool { return s[bucket].Load() == made }

// begin reports whether it is the caller who makes it. Who does calls end.
func (s bucketStates) begin(bucket uint32) bool {
	return s[bucket].Load() == unmade && s[bucket].CompareAndSwap(unmade, making)
}

// end says that it is made.
func (s bucketStates) end(bucket uint32) { s[bucket].Store(made) }
