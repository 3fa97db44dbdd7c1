// Package tally counts what happens, cheaply and for whoever asks later: it knows nothing of who that is. The packages of
// the server keep such counts and hand out copies of them; package server gives them names and shows them to monitoring.
package tally

import (
	"slices"
	"sync/atomic"
)

// A Histogram counts values by size. Make it with NewHistogram. Its methods may be called from many goroutines at once.
type Histogram struct {
	bounds []int64
	counts []atomic.Uint64 // one more than bounds: the last is of what is larger than all of them
	sum    atomic.Int64
}

// NewHistogram returns a histogram of the values up to each bound. It panics if the bounds do not ascend.
func NewHistogram(bounds []int64) *Histogram {
	for i := 1; i < len(bounds); i++ {
		if bounds[i] <= bounds[i-1] {
			panic("tally: bounds do not ascend")
		}
	}
	return &Histogram{bounds: slices.Clone(bounds), counts: make([]atomic.Uint64, len(bounds)+1)}
}

// Add counts a value: a bound counts as what is below it.
func (h *Histogram) Add(v int64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.counts[i].Add(1)
	h.sum.Add(v)
}

// A Distribution is what a histogram has counted so far.
type Distribution struct {
	Bounds []int64  // in the unit of the values; not to be changed
	Counts []uint64 // values up to each bound and above the one before; the last is of those above all bounds
	Sum    int64    // of all values
}

// Read returns what is counted. Values that are added meanwhile may be in Sum and not in Counts, or the other way round.
func (h *Histogram) Read() Distribution {
	d := Distribution{Bounds: h.bounds, Counts: make([]uint64, len(h.counts)), Sum: h.sum.Load()}
	for i := range h.counts {
		d.Counts[i] = h.counts[i].Load()
	}
	return d
}

// Count returns how many values there are.
func (d *Distribution) Count() uint64 {
	n := uint64(0)
	for _, c := range d.Counts {
		n += c
	}
	return n
}

// Powers returns n bounds: first, then each factor times the one before.
func Powers(first, factor int64, n int) []int64 {
	bounds := make([]int64, n)
	for i := range bounds {
		bounds[i] = first
		first *= factor
	}
	return bounds
}
