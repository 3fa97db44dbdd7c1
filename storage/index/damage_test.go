package index

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// stored returns a copy of a value.
func (w *world) stored(key []byte) []byte {
	w.t.Helper()
	v, closer, err := w.db.Get(key)
	if err != nil {
		w.t.Fatal(err)
	}
	defer closer.Close()
	return bytes.Clone(v)
}

func (w *world) store(key, value []byte) {
	w.t.Helper()
	if err := w.db.Set(key, value, nil); err != nil {
		w.t.Fatal(err)
	}
}

// mustReject expects Check and Merge to find damage.
func (w *world) mustReject(what string, merge bool) {
	w.t.Helper()
	if err := check(w.x, w.leaves); !errors.Is(err, ErrCorrupt) {
		w.t.Errorf("%s: check: %v", what, err)
	} else {
		w.t.Logf("%s: %v", what, err)
	}
	if !merge {
		return
	}
	if merged, err := w.x.Merge(context.Background()); merged || !errors.Is(err, ErrCorrupt) {
		w.t.Errorf("%s: merged %v: %v", what, merged, err)
	}
}

// damaged returns a world of fanOut runs, the key of a part of the first of them, and its value.
func damaged(t *testing.T) (w *world, key, value []byte) {
	w = newWorld(t)
	for range fanOut {
		w.add(stream(numbered, len(w.leaves), 1000)...)
	}
	key = appendPartKey(nil, w.x.current.runs[0].id, 1, 0)
	return w, key, w.stored(key)
}

func TestDamagedPart(t *testing.T) {
	w, key, value := damaged(t)
	for bit := 0; bit < 8*len(value); bit += 1 + bit/8 {
		v := bytes.Clone(value)
		v[bit/8] ^= 1 << (bit % 8)
		w.store(key, v)
		w.mustReject("a flipped bit", true)
		w.mustFailToFind(key)
	}
	if err := w.db.Delete(key, nil); err != nil {
		t.Fatal(err)
	}
	w.mustReject("a part that is missing", true)
	w.mustFailToFind(key)
	w.store(key, value)
	extra := appendPartKey(nil, w.x.current.runs[0].id, 1<<w.x.current.runs[0].bucketBits(), 0)
	w.store(extra, sealedPart(extra, 0, flagLast))
	w.mustReject("a bucket too many", true)
	if err := w.db.Delete(extra, nil); err != nil {
		t.Fatal(err)
	}
	w.mergeAll()
	w.verify(0)
}

// mustFailToFind looks up the digests of the bucket of key.
func (w *world) mustFailToFind(key []byte) {
	w.t.Helper()
	_, bucket, _, err := parsePartKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.x.current.runs[0]
	for _, d := range w.leaves[:r.n] {
		if bucketOf(w.x.Hash(d[:]), r.bucketBits()) != bucket {
			continue
		}
		if err := w.x.Find(d[:], 0, func(uint64) bool { return true }); !errors.Is(err, ErrCorrupt) {
			w.t.Fatalf("find: %v", err)
		}
		return
	}
	w.t.Fatal("no digest is in the bucket")
}

// TestWrongEntries has parts with right checksums and wrong entries, as only a programming error would write them. Merge
// cannot see all of them; Check must.
func TestWrongEntries(t *testing.T) {
	w, key, value := damaged(t)
	last := len(value) - 8
	for what, c := range map[string]struct {
		change func(v []byte) []byte
		merge  bool // Merge sees it too
	}{
		"another hash":     {func(v []byte) []byte { v[partHead+8] ^= 0x10; return v }, false},
		"another number":   {func(v []byte) []byte { v[last+7]++; return v }, false},
		"an entry fewer":   {func(v []byte) []byte { return v[:last] }, true},
		"an entry twice":   {func(v []byte) []byte { return append(v, v[last:]...) }, true},
		"number too large": {func(v []byte) []byte { v[last+6], v[last+7] = v[last+6]|3, 0xff; return v }, true},
		"order": {func(v []byte) []byte {
			return append(append(v[:partHead:partHead], v[last:]...), v[partHead:last]...)
		}, false},
		"hashes swapped": {func(v []byte) []byte {
			for i := range 6 {
				v[partHead+i], v[last+i] = v[last+i], v[partHead+i]
			}
			return v
		}, false},
	} {
		v := c.change(bytes.Clone(value))
		seal(key, v, partVersion)
		w.store(key, v)
		w.mustReject(what, c.merge)
	}
	w.store(key, value)
	w.verify(0)
	w.leaves[2500] = numbered(1 << 40) // a leaf changed under an intact index
	w.mustReject("another leaf", false)
}

// TestCheckPassesErrors wants errors of the caller and of the context back as they are.
func TestCheckPassesErrors(t *testing.T) {
	w, _, _ := damaged(t)
	unreadable := errors.New("leaf unreadable")
	compare := func(ctx context.Context, leaves func(uint64, []uint64) error) error {
		c := w.x.NewCheck() // without Add all leaves differ
		defer c.Close()
		return c.Compare(ctx, leaves)
	}
	err := compare(context.Background(), func(uint64, []uint64) error { return unreadable })
	if !errors.Is(err, unreadable) || errors.Is(err, ErrCorrupt) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := compare(ctx, func(uint64, []uint64) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestDamagedManifest(t *testing.T) {
	w, _, _ := damaged(t)
	v := w.stored(manifestKey)
	v[10] ^= 1
	w.store(manifestKey, v)
	if _, err := openIndex(w.db, w.fs); !errors.Is(err, ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
	leaves := w.leaves
	w.empty()
	w.add(leaves...)
	w.verify(0)
}

// TestOrphans leaves runs that no manifest names, and unfinished files: Open removes them, and nothing else.
func TestOrphans(t *testing.T) {
	w, _, _ := damaged(t)
	for _, id := range []uint64{3, 100, 101, 1 << 40} { // 3 is in use
		for bucket := range uint32(3) {
			key := appendPartKey(nil, id, bucket+1<<20, 0)
			if id != 3 {
				w.store(key, sealedPart(key, 1, flagLast))
			}
		}
	}
	w.store([]byte{prefix - 1, 1}, nil)
	w.store([]byte{prefix + 1, 1}, nil)
	for _, name := range []string{"5-0" + RunSuffix + ".sst", "0000000000000001" + RunSuffix, "other"} {
		f, err := w.fs.Create("tables/"+name, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w.reopen()
	if _, ids := w.keys(); len(ids) != fanOut || !ids[3] {
		t.Errorf("runs %v are stored", ids)
	}
	if names := w.tables(); len(names) != 1 || names[0] != "other" {
		t.Errorf("files %v are left", names)
	}
	w.stored([]byte{prefix - 1, 1})
	w.stored([]byte{prefix + 1, 1})
	w.verify(0)
	key := []byte{prefix, kindRun + 1}
	w.store(key, nil)
	if _, err := openIndex(w.db, w.fs); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a key of another shape: %v", err)
	}
	if err := w.db.Delete(key, pebble.Sync); err != nil {
		t.Fatal(err)
	}
}
