package index

import (
	"bytes"
	"testing"
)

// TestHeld looks leaves up before and after buckets are held, in three runs with files that share some digests, one of them with
// a bucket of several parts, and compares what is held with the files.
func TestHeld(t *testing.T) {
	w, _ := filed(t)
	for i := range 2 {
		w.add(stream(numbered, len(w.leaves)*9/10, batchEntries+2+i)...)
	}
	for range 2 {
		w.verify(0)
	}
	kept := 0
	for i := range w.x.current.runs {
		r := &w.x.current.runs[i]
		for bucket := range uint32(1 << r.bucketBits()) {
			p, ok := r.held.get(r, bucket)
			if !ok {
				continue
			}
			kept++
			want, closer, err := r.file.getPart(appendPartKey(nil, r.id, bucket, 0), bucket, 0)
			if err != nil || !bytes.Equal(p.entries, want.entries) || p.last != want.last {
				t.Fatalf("run %d holds another bucket %d than its file, %v", r.id, bucket, err)
			}
			closer.Close()
		}
	}
	if kept < 300 {
		t.Errorf("%d buckets are held", kept)
	}
}

// TestHeldShare holds files as far as there is room, and goes on holding those that stay.
func TestHeldShare(t *testing.T) {
	file := func(size uint64) *runFile { return &runFile{ends: []uint64{size}} }
	const half = DefaultCacheBytes / 3 / 2
	x := &Index{opts: Options{CacheBytes: DefaultCacheBytes}}
	runs := []run{{file: file(1), filed: true}, {file: file(half), filed: true}, {file: file(half - 13), filed: true}, {n: 100}}
	x.hold(runs)
	for i, want := range []bool{true, false, true, false} { // the newest, then what fits beside it
		if (runs[i].held != nil) != want {
			t.Errorf("run %d is held: %v", i, !want)
		}
	}
	kept := runs[2].held
	runs = append(runs, run{file: file(1), filed: true})
	x.hold(runs)
	if runs[2].held != kept || runs[4].held == nil {
		t.Error("a run that stays is held anew, or a new one is not")
	}
}
