package index

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestAround looks one leaf up in a file with a damaged bucket: the buckets around are held and have filters, as in the file, but not the
// damaged one, which is an error only for who asks for it.
func TestAround(t *testing.T) {
	w := newWorld(t)
	w.add(stream(numbered, 0, batchEntries+1)...)
	w.add(stream(numbered, len(w.leaves), batchEntries+2)...) // neither run has most entries
	r := &w.x.current.runs[0]
	const asked, broken = 1, 3
	in := func(bucket uint32) []byte {
		for _, d := range w.leaves[:r.n] {
			if bucketOf(w.x.Hash(d[:]), r.bucketBits()) == bucket {
				return d[:]
			}
		}
		t.Fatal("no leaf in the bucket")
		return nil
	}
	w.flip(r.file.path, int64(r.file.start(broken))+partHead+5)
	find := func(digest []byte) error { return w.x.Find(digest, 0, func(uint64) bool { return true }) }
	if err := find(in(asked)); err != nil {
		t.Fatal(err)
	}
	if r.filters == nil || r.held == nil {
		t.Fatal("nothing is kept of the run")
	}
	for bucket := range uint32(1 << r.bucketBits()) {
		p, held := r.held.get(r, bucket)
		filter := r.filters.table.Load().states.made(bucket)
		if want := bucket < readAhead && bucket != broken; held != want || filter != want {
			t.Fatalf("bucket %d: held %v, filter %v", bucket, held, filter)
		}
		if !held {
			continue
		}
		want, closer, err := r.file.getPart(appendPartKey(nil, r.id, bucket, 0), bucket, 0)
		if err != nil || !bytes.Equal(p.entries, want.entries) {
			t.Fatalf("bucket %d is held as another one, %v", bucket, err)
		}
		closer.Close()
	}
	if err := find(in(broken)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("the damaged bucket: %v", err)
	}
}

// flip flips a bit of a byte of a file that is open.
func (w *world) flip(path string, at int64) {
	w.t.Helper()
	f, err := w.fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		w.t.Fatal(err)
	}
	var b [1]byte
	if _, err = f.ReadAt(b[:], at); err == nil {
		b[0] ^= 1
		_, err = f.WriteAt(b[:], at)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		w.t.Fatal(err)
	}
}
