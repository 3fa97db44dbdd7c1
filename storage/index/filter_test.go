package index

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestFilter compares the filter of the last bucket of runs of all sizes with its entries: none is left out, and few hashes that are
// not there pass.
func TestFilter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 0))
	for _, size := range []uint64{1, 300, 512, 513, 1 << 15, 1 << 20, 1<<22 + 1} {
		r := &run{n: size}
		b := r.bucketBits()
		f := &filters{n: size}
		bucket := uint32(1<<b - 1)
		draw := func() uint64 { return ^uint64(0)<<(64-b) | rnd.Uint64()>>b }
		hashes := make([]uint64, max(size>>b, 1))
		var value []byte
		for i := range hashes {
			hashes[i] = draw()
			value = binary.BigEndian.AppendUint64(value, makeEntry(hashes[i], rnd.Uint64N(1<<(b+numberBits)), b))
		}
		if f.lack(bucket, draw()) || (*filters)(nil).lack(bucket, draw()) {
			t.Fatal("a bucket without a filter is said to lack a hash")
		}
		f.keep(r, bucket, &part{entries: value})
		if f.table.Load() != nil {
			t.Fatal("a bucket of several parts has a filter")
		}
		f.keep(r, bucket, &part{entries: value, last: true})
		for _, h := range hashes {
			if f.lack(bucket, h) {
				t.Fatalf("%d entries: hash %#x is left out", size, h)
			}
		}
		passed := 0
		for range 1000 {
			if !f.lack(bucket, draw()) {
				passed++
			}
		}
		if passed > 60 {
			t.Errorf("%d entries: %d of 1000 hashes pass that are not there", size, passed)
		}
	}
}

// TestFilterShare gives filters to runs as far as there is room.
func TestFilterShare(t *testing.T) {
	runs := []run{{n: 3 << 25, filed: true}, {n: 1 << 25, filed: true}, {n: 3 << 24, filed: true}, {n: 3 << 25, filed: true}, {n: 100}}
	x := &Index{opts: Options{CacheBytes: DefaultCacheBytes}}
	x.filter(runs)
	for i, want := range []bool{false, true, false, true, false} { // 1<<27 bytes: the newest, then what fits beside it
		if (runs[i].filters != nil) != want {
			t.Errorf("run %d of %d entries has filters: %v", i, runs[i].n, !want)
		}
	}
	kept := runs[1].filters
	runs = runs[:2]
	x.filter(runs)
	if runs[0].filters != nil || runs[1].filters != kept {
		t.Error("a run with more than half of all entries has filters, or a smaller one new ones")
	}
}

// TestFilters looks leaves up before and after filters are made, in three runs with files that share some digests.
func TestFilters(t *testing.T) {
	w := newWorld(t)
	for i := range uint32(3) {
		w.add(stream(numbered, len(w.leaves)*9/10, batchEntries+1+int(i))...)
	}
	for range 2 { // the second time with filters
		w.verify(0)
	}
	absent := numbered(1 << 50)
	hash := w.x.Hash(absent[:])
	kept, lacking := 0, 0
	for _, r := range w.x.current.runs {
		states := r.filters.table.Load().states
		for bucket := range states {
			if states.made(uint32(bucket)) {
				kept++
			}
			if r.filters.lack(uint32(bucket), hash) {
				lacking++
			}
		}
	}
	if kept < 100 || lacking < kept/2 {
		t.Errorf("%d filters, of which %d lack a hash that was never filed", kept, lacking)
	}
}
