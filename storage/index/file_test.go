package index

import (
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// filed returns a world with one run that has a file, one bucket of it with several parts, and that file's bytes.
func filed(t *testing.T) (*world, []byte) {
	t.Helper()
	w := newWorld(t)
	leaves := stream(numbered, 0, batchEntries+1)
	for i := range 3 * partEntries {
		leaves[i*10] = numbered(1)
	}
	w.add(leaves...)
	w.verify(0)
	w.verify(7)
	return w, w.read(w.x.current.runs[0].file.path)
}

func (w *world) read(path string) []byte {
	w.t.Helper()
	f, err := w.fs.Open(path)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) write(path string, b []byte) {
	w.t.Helper()
	f, err := w.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := f.Write(append([]byte(nil), b...)); err != nil { // with -race, MemFS changes what it is given
		w.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// reject opens the index, reads all of it and returns the error that it meets.
func (w *world) reject() error {
	w.t.Helper()
	x, err := openIndex(w.db, w.fs)
	if err != nil {
		return err
	}
	return errors.Join(check(x, w.leaves), x.Close())
}

// TestFile changes the file of a run at places all over it, cuts it short and takes it away: nothing goes unseen, and the
// whole file is right again afterwards.
func TestFile(t *testing.T) {
	w, whole := filed(t)
	path := w.x.current.runs[0].file.path
	table := len(whole) - fileFoot - 8*len(w.x.current.runs[0].file.ends)
	places := []int{0, 1, 5, 6, table - 1, len(whole) - 1, len(whole) - 5}
	for i := 0; i < len(whole); i += 1 + len(whole)/100 {
		places = append(places, i)
	}
	for i := table; i < len(whole); i += 101 {
		places = append(places, i)
	}
	for _, i := range places {
		b := append([]byte(nil), whole...)
		b[i] ^= 1 << (i % 8)
		w.write(path, b)
		if err := w.reject(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d of %d changed: %v", i, len(whole), err)
		}
	}
	for _, n := range []int{0, 1, fileFoot, table, len(whole) - 1} {
		w.write(path, whole[:n])
		if err := w.reject(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut at %d of %d bytes: %v", n, len(whole), err)
		}
	}
	w.write(path, append(whole[:len(whole):len(whole)], 0))
	if err := w.reject(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
	b := append([]byte(nil), whole...)
	foot := b[len(b)-fileFoot:]
	foot[0]++
	w.write(path, b)
	if err := w.reject(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another version: %v", err)
	}
	if err := w.fs.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := w.reject(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("no file: %v", err)
	}
	w.write(path, whole)
	w.reopen()
	w.verify(0)
}

// TestFileDamaged damages a file while it is open, and cuts it: look-ups and merges say so.
func TestFileDamaged(t *testing.T) {
	w, whole := filed(t)
	d := w.leaves[1]
	r := &w.x.current.runs[0]
	at := int(r.file.start(bucketOf(w.x.Hash(d[:]), r.bucketBits())))
	for name, b := range map[string][]byte{"changed": append([]byte(nil), whole...), "cut": whole[:at+3]} {
		b[at+1] ^= 1
		w.write("tables/other", b)
		f, err := w.fs.Open("tables/other")
		if err != nil {
			t.Fatal(err)
		}
		good := r.file.f
		r.file.f = f
		if err := w.x.Find(d[:], 0, func(uint64) bool { return true }); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: found: %v", name, err)
		}
		if err := check(w.x, w.leaves); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: check: %v", name, err)
		}
		r.file.f = good
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		b[at+1] ^= 1
	}
	w.verify(0)
}

// TestInline reads an index of version 1, whose large runs stand in the database as well, and merges it into files.
func TestInline(t *testing.T) {
	w := newWorld(t)
	w.leaves = stream(numbered, 0, batchEntries+5)
	r := run{id: 7, n: uint64(len(w.leaves))}
	b := w.db.NewBatch()
	if err := newRunWriter(batchSink{b}, r).writeHashes(hashes(w.x, w.leaves)); err != nil {
		t.Fatal(err)
	}
	m := (&manifest{key: w.x.key.bytes(), runs: []run{r}}).append(nil)
	seal(manifestKey, m, manifestInline)
	if err := b.Set(manifestKey, m, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(pebble.Sync); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	w.verify(0)
	for range fanOut {
		w.add(stream(numbered, len(w.leaves), batchEntries+5)...)
	}
	w.mergeAll()
	w.reopen()
	w.verify(0)
	if n, ids := w.keys(); n != bucketsOf(w) || len(ids) != w.x.Runs() || len(w.tables()) != w.x.Runs() {
		t.Errorf("%d runs, %d stored, %d files", w.x.Runs(), len(ids), len(w.tables()))
	}
	value := w.stored(manifestKey)
	if value[0] != manifestVersion || binary.BigEndian.Uint64(value[len(value)-8:])&filedBit == 0 {
		t.Errorf("manifest %x", value)
	}
}
