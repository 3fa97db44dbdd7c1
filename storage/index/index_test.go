package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A digest of the tests. Shorter and longer ones are covered by TestHash.
type digest [32]byte

// numbered returns the i-th of a stream of different digests.
func numbered(i uint64) (d digest) {
	binary.BigEndian.PutUint64(d[:], i*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(d[8:], i)
	return d
}

// sameStart returns the i-th of different digests with equal first 24 bytes.
func sameStart(i uint64) (d digest) {
	for k := range 24 {
		d[k] = 0xab
	}
	binary.BigEndian.PutUint64(d[24:], i)
	return d
}

// constant is a source of keys for reproducible indexes.
type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c) + byte(i)
	}
	return len(p), nil
}

// A world is an index, its database and what should be in it.
type world struct {
	t      *testing.T
	fs     vfs.FS
	db     *pebble.DB
	x      *Index
	leaves []digest
}

// quiet drops the log of the database.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, a ...any) {
	panic(fmt.Errorf("%w: %s", errFatal, fmt.Sprintf(f, a...)))
}

var errFatal = errors.New("the database gave up")

func openDB(fs vfs.FS) (*pebble.DB, error) {
	return pebble.Open("db", &pebble.Options{FS: fs, Logger: quiet{}, FormatMajorVersion: pebble.FormatNewest})
}

var testRand io.Reader = constant(3)

func openIndex(db *pebble.DB, fs vfs.FS) (*Index, error) {
	return Open(db, Options{FS: fs, Dir: "tables", Rand: testRand})
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, fs: vfs.NewMem()}
	w.open()
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.db, err = openDB(w.fs); err != nil {
		w.t.Fatal(err)
	}
	if w.x, err = openIndex(w.db, w.fs); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reopen() {
	w.t.Helper()
	if err := w.db.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// empty drops the index, damaged or not, and opens an empty one.
func (w *world) empty() {
	w.t.Helper()
	if err := Drop(w.db); err != nil {
		w.t.Fatal(err)
	}
	x, err := openIndex(w.db, w.fs)
	if err != nil || x.Cursor() != 0 {
		w.t.Fatalf("open after deletion: %v", err)
	}
	w.x, w.leaves = x, nil
}

func (w *world) add(digests ...digest) {
	w.t.Helper()
	first := uint64(len(w.leaves))
	w.leaves = append(w.leaves, digests...)
	if err := w.x.Add(first, hashes(w.x, digests)); err != nil {
		w.t.Fatal(err)
	}
	if c := w.x.Cursor(); c != uint64(len(w.leaves)) {
		w.t.Fatalf("cursor %d after %d leaves", c, len(w.leaves))
	}
}

func (w *world) mergeAll() {
	w.t.Helper()
	for merged := true; merged; {
		var err error
		if merged, err = w.x.Merge(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func hashes(x *Index, digests []digest) []uint64 {
	hs := make([]uint64, len(digests))
	for i := range digests {
		hs[i] = x.Hash(digests[i][:])
	}
	return hs
}

// find returns all candidates, asked for in pages of the given size (0: at once).
func find(t *testing.T, x *Index, d digest, page int) (numbers []uint64) {
	t.Helper()
	for from := uint64(0); ; {
		n := 0
		err := x.Find(d[:], from, func(number uint64) bool {
			if number < from {
				t.Fatalf("find from %d gives %d", from, number)
			}
			numbers = append(numbers, number)
			from = number + 1
			n++
			return n != page
		})
		if err != nil {
			t.Fatal(err)
		}
		if page == 0 || n < page {
			return numbers
		}
	}
}

// check compares the index with the leaves that should be indexed.
func check(x *Index, leaves []digest) error {
	if c := x.Cursor(); c != uint64(len(leaves)) {
		return fmt.Errorf("cursor %d of %d leaves", c, len(leaves))
	}
	check := x.NewCheck()
	defer check.Close()
	for first := len(leaves); first > 0; { // in any order: here from behind
		from := max(0, first-1-first%2000)
		check.Add(uint64(from), hashes(x, leaves[from:first]))
		first = from
	}
	return check.Compare(context.Background(), func(first uint64, hs []uint64) error {
		copy(hs, hashes(x, leaves[first:first+uint64(len(hs))]))
		return nil
	})
}

// verify compares the whole index with the leaves, and the numbers of the digests of some 2,000 leaves with those of a
// map.
func (w *world) verify(page int) {
	w.t.Helper()
	if err := check(w.x, w.leaves); err != nil {
		w.t.Fatal(err)
	}
	twin := make(map[digest][]uint64)
	for i, d := range w.leaves {
		twin[d] = append(twin[d], uint64(i))
	}
	seen := make(map[digest]bool)
	for i := 0; i < len(w.leaves); i += 1 + len(w.leaves)/2000 {
		d := w.leaves[i]
		if seen[d] {
			continue
		}
		seen[d] = true
		if got := find(w.t, w.x, d, page); !slices.Equal(got, twin[d]) {
			w.t.Fatalf("%x: %d numbers, want %d: %v", d, len(got), len(twin[d]), got[:min(len(got), 9)])
		}
	}
	for i := range uint64(20) {
		d := numbered(1<<50 + i)
		if seen[d] = true; len(find(w.t, w.x, d, page)) != 0 {
			w.t.Fatalf("%x: found and never filed", d)
		}
	}
	w.verifyMany(twin, slices.Collect(maps.Keys(seen)))
}

// verifyMany looks digests up together and compares with a map, and then stops at the first number.
func (w *world) verifyMany(twin map[digest][]uint64, digests []digest) {
	w.t.Helper()
	hs := hashes(w.x, digests)
	slices.Sort(hs)
	byHash := make(map[uint64]digest)
	for _, d := range digests {
		byHash[w.x.Hash(d[:])] = d
	}
	got := make(map[digest][]uint64)
	n := 0
	err := w.x.FindMany(hs, func(i int, number uint64) bool {
		d := byHash[hs[i]]
		got[d] = append(got[d], number)
		n++
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range digests {
		if !slices.Equal(got[d], twin[d]) {
			w.t.Fatalf("%x among %d: %d numbers, want %d", d, len(digests), len(got[d]), len(twin[d]))
		}
	}
	if n == 0 {
		return
	}
	n = 0
	if err := w.x.FindMany(hs, func(int, uint64) bool { n++; return false }); err != nil || n != 1 {
		w.t.Fatalf("told to stop, %d numbers: %v", n, err)
	}
}

func stream(f func(uint64) digest, from, n int) []digest {
	ds := make([]digest, n)
	for i := range ds {
		ds[i] = f(uint64(from + i))
	}
	return ds
}

// TestSizes writes a run of every size from 0 to 2,000.
func TestSizes(t *testing.T) {
	w := newWorld(t)
	for n := range 2001 {
		w.empty()
		w.add(stream(numbered, n, n)...)
		if err := check(w.x, w.leaves); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < n; i += 1 + n/7 {
			if got := find(t, w.x, w.leaves[i], 0); !slices.Equal(got, []uint64{uint64(i)}) {
				t.Fatalf("%d leaves: leaf %d: %v", n, i, got)
			}
		}
	}
}

// TestSmallMerges merges all pairs of sizes around the steps of the format, and checks after each.
func TestSmallMerges(t *testing.T) {
	w := newWorld(t)
	sizes := []int{1, 2, 255, 511, 512, 513, 1024, 1025, 1500}
	for _, a := range sizes {
		for _, b := range sizes {
			w.empty()
			for i := range fanOut {
				w.add(stream(numbered, len(w.leaves), []int{a, b}[i%2])...)
			}
			w.mergeAll()
			if err := check(w.x, w.leaves); err != nil {
				t.Fatalf("sizes %d and %d: %v", a, b, err)
			}
		}
	}
}

// TestTwin adds portions of all kinds and sizes, merges and reopens at random, and compares with a map.
func TestTwin(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	worlds := 2
	if os.Getenv("JURAT_SOAK") != "" {
		worlds = 50
	}
	for range worlds {
		w := newWorld(t)
		for len(w.leaves) < 50_000 {
			n := 1 << rnd.IntN(13)
			n += rnd.IntN(n)
			if rnd.IntN(12) == 0 {
				n += batchEntries
			}
			base := rnd.IntN(1 << 20)
			kind := []func(uint64) digest{
				numbered,
				sameStart,
				func(uint64) digest { return numbered(7) },            // all equal
				func(i uint64) digest { return numbered(i % 5) },      // few different ones
				func(i uint64) digest { return sameStart(i * i % 9) }, // few different ones that begin alike
			}[rnd.IntN(5)]
			w.add(stream(kind, base, n)...)
			switch rnd.IntN(6) {
			case 0:
				w.reopen()
			case 1, 2:
				w.mergeAll()
			case 3:
				if _, err := w.x.Merge(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.verify([]int{0, 100, 1024}[rnd.IntN(3)])
		w.mergeAll()
		w.verify(777)
		w.reopen()
		w.verify(0)
	}
}

// TestOneDigest files one digest so often that its bucket is larger than a merge loads, next to others.
func TestOneDigest(t *testing.T) {
	w := newWorld(t)
	for i := range fanOut + 1 {
		ds := stream(numbered, i*1000, 40_000)
		for k := range ds {
			if k%8 != 0 {
				ds[k] = numbered(1 << 40)
			}
		}
		w.add(ds...)
	}
	w.add(stream(numbered, 1<<30, 1)...) // a small run that a later larger one makes part of itself
	w.verify(0)
	w.mergeAll()
	w.add(stream(func(uint64) digest { return numbered(1 << 40) }, 0, 40_000)...)
	w.mergeAll()
	w.verify(5000)
	// Pages of one from deep inside: each is the number asked for.
	for _, from := range []uint64{0, 1, 2, 99_999, 200_001, 359_999, 380_000, 399_999} {
		var got uint64
		d := numbered(1 << 40)
		if err := w.x.Find(d[:], from, func(n uint64) bool { got = n; return false }); err != nil {
			t.Fatal(err)
		}
		want := from
		for w.leaves[want] != d {
			want++
		}
		if got != want {
			t.Errorf("from %d: %d, want %d", from, got, want)
		}
	}
}

// TestAllEqual has nothing but one digest: all buckets but one are empty.
func TestAllEqual(t *testing.T) {
	w := newWorld(t)
	for range fanOut {
		w.add(stream(func(uint64) digest { return numbered(1) }, 0, 5000)...)
	}
	w.verify(0)
	w.mergeAll()
	if w.x.Runs() != 1 {
		t.Fatalf("%d runs", w.x.Runs())
	}
	w.verify(1000)
}

func TestAddRefuses(t *testing.T) {
	w := newWorld(t)
	w.add(stream(numbered, 0, 10)...)
	for name, err := range map[string]error{
		"gap":     w.x.Add(11, []uint64{1}),
		"overlap": w.x.Add(9, []uint64{1}),
		"large":   w.x.Add(10, make([]uint64, MaxAdd+1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	w.verify(0)
	full := &manifest{runs: []run{{id: 1, n: MaxNumber - 5}}}
	if err := w.db.Set(manifestKey, full.append(nil), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	x, err := openIndex(w.db, w.fs)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Add(MaxNumber-5, make([]uint64, 6)); err == nil {
		t.Error("number 2^40: no error")
	}
	if err := x.Add(MaxNumber-5, make([]uint64, 5)); err != nil || x.Cursor() != MaxNumber {
		t.Errorf("the last five numbers: cursor %d, %v", x.Cursor(), err)
	}
}

func TestTooManyRuns(t *testing.T) {
	w := newWorld(t)
	m := new(manifest)
	for i := range uint64(maxRuns) {
		m.runs = append(m.runs, run{id: i, first: i, n: 1})
	}
	if err := w.db.Set(manifestKey, m.append(nil), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	x, err := openIndex(w.db, w.fs)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Add(maxRuns, []uint64{1}); err == nil {
		t.Error("no error")
	}
}

func TestReadOnly(t *testing.T) {
	w := newWorld(t)
	w.add(stream(numbered, 0, 100)...)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := pebble.Open("db", &pebble.Options{FS: w.fs, Logger: quiet{}, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	x, err := Open(db, Options{FS: w.fs, Dir: "tables", ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := check(x, w.leaves); err != nil {
		t.Error(err)
	}
	if x.Add(100, []uint64{1}) == nil {
		t.Error("Add: no error")
	}
	if _, err := x.Merge(context.Background()); err == nil {
		t.Error("Merge: no error")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	w.open()
}

// TestKey checks that two indexes have different keys and that a key outlives the process.
func TestKey(t *testing.T) {
	w := newWorld(t)
	w.add(numbered(1))
	before := w.x.key
	testRand = constant(99)
	defer func() { testRand = constant(3) }()
	w.reopen()
	if w.x.key != before {
		t.Error("the key of a stored index changed")
	}
	if newWorld(t).x.key == before {
		t.Error("a new index has the key of another one")
	}
	w.verify(0)
}
