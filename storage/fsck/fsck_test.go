package fsck_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/index"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

func options(fs vfs.FS) storage.Options {
	return storage.Options{FS: fs, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// newStore returns a small store that has every kind of key: two sealed blocks, single records, tiles of two heights,
// calendar nodes, publications of busy and idle seconds, a KSI key, open rounds.
func newStore(t testing.TB, fs vfs.FS, big int) *storage.Store {
	t.Helper()
	m := storagetest.NewMaker(7)
	s, err := storage.Create("store", m.Genesis(), options(fs))
	if err != nil {
		t.Fatal(err)
	}
	propose := func(entries ...storage.Entry) {
		t.Helper()
		if err := s.Propose(entries...); err != nil {
			t.Fatal(err)
		}
	}
	propose(m.Begin(3)...)
	first := storagetest.First
	propose(m.Append(first, 0, 1, false), m.Append(first, 2, 300, true), m.Close(first), m.Publish())
	propose(storage.SetKSIKey{Login: "jurat", Key: []byte("anon")})
	propose(m.Close(first+3), m.Publish("Gazette"))
	propose(m.Append(first+7, 1, big, false), m.Append(first+7, 2, 2, true), m.Close(first+7))
	propose(m.CreateSlot("late", "main", 0, first+1500))
	propose(m.Append(first+1500, 3, 3, true), m.Append(first+1500, 1, 3, false), m.Close(first+1500))
	propose(m.Append(first+1502, 1, 5, false), m.Close(first+1502))
	for {
		block, ok := s.SealableBlock()
		if !ok {
			break
		}
		propose(storage.SealBlock{Block: block})
	}
	propose(m.Close(first + 2100))
	if block, ok := s.SealableBlock(); ok {
		propose(storage.SealBlock{Block: block})
	}
	propose(m.Append(first+2500, 0, 2, false), m.Append(first+2500, 1, 2, false), m.Close(first+2500))
	propose(m.Append(first+2501, 0, 2, false), m.Close(first+2501), m.Publish("Gazette", "Herald"))
	propose(m.Append(first+2503, 1, 4, true), m.Append(first+2503, 1, 4, true), m.Append(first+2504, 2, 1, true))
	propose(m.Append(first+2504, 0, 300, false))
	kept, _ := m.Keep(first + 2504)
	propose(kept)
	return s
}

func TestClean(t *testing.T) {
	s := newStore(t, vfs.NewMem(), 70_000)
	defer s.Close()
	var told []fsck.Report
	got, err := fsck.Check(t.Context(), s, fsck.Options{Progress: func(r fsck.Report) { told = append(told, r) }})
	if err != nil {
		t.Fatal(err)
	}
	want := fsck.Report{
		Through:       storagetest.First + 2501,
		Rounds:        6,
		Blocks:        2,
		Leaves:        1 + 300 + 70_000 + 2 + 3 + 3 + 5 + 2 + 2 + 2,
		OpenLeaves:    309,
		Runs:          1 + 1 + 69 + 1 + 2 + 1 + 2 + 1 + 4,
		Tiles:         1 + 2 + 1 + 1,
		CalendarNodes: 2, // of height 8; the last rounds' is not complete
		Signatures:    6,
		Publications:  3,
	}
	if got != want {
		t.Fatalf("report %+v\nwant   %+v", got, want)
	}
	if len(told) == 0 || told[len(told)-1].Leaves != want.Leaves {
		t.Fatalf("progress %+v", told)
	}
}

func TestCancel(t *testing.T) {
	s := newStore(t, vfs.NewMem(), 1)
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fsck.Check(ctx, s, fsck.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// TestIndex checks a real index, in which one leaf is then another.
func TestIndex(t *testing.T) {
	for _, wrong := range []int{-1, 0, 700} {
		fs := vfs.NewMem()
		s := newStore(t, fs, 1000)
		defer s.Close()
		x, err := index.Open(s.DB(), index.Options{Dir: "index", FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		var hashes []uint64
		iter, err := s.Leaves(storage.LeafScan{To: s.Closed()})
		if err != nil {
			t.Fatal(err)
		}
		for iter.Next() {
			run := iter.Run()
			for i := range run.Leaves.Len() {
				im := run.Leaves.At(i)
				hashes = append(hashes, x.Hash(im.Digest()))
			}
		}
		if err := errors.Join(iter.Err(), iter.Close()); err != nil {
			t.Fatal(err)
		}
		if wrong >= 0 {
			hashes[wrong] ^= 1 << 60
		}
		for i := 0; i < len(hashes); i += 600 {
			if err := x.Add(uint64(i), hashes[i:min(i+600, len(hashes))]); err != nil {
				t.Fatal(err)
			}
		}
		check := x.NewCheck()
		r, err := fsck.Check(t.Context(), s, fsck.Options{Index: check})
		check.Close()
		if wrong < 0 && (err != nil || r.Indexed != uint64(len(hashes))) {
			t.Fatalf("%d leaves of %d: %v", r.Indexed, len(hashes), err)
		}
		if wrong >= 0 && (!errors.Is(err, index.ErrCorrupt) || !strings.HasPrefix(err.Error(), "index: ")) {
			t.Fatalf("leaf %d: %v", wrong, err)
		}
	}
}

// A pair is a key and value as stored.
type pair struct{ key, value []byte }

func pairs(t testing.TB, s *storage.Store) (all []pair) {
	t.Helper()
	it, err := s.DB().NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		all = append(all, pair{append([]byte(nil), it.Key()...), append([]byte(nil), it.Value()...)})
	}
	return all
}

// found changes a store, opens it again and reports what is found there; then it undoes the change.
func found(t testing.TB, fs vfs.FS, key, value, was []byte) error {
	t.Helper()
	set := func(value []byte) {
		db, err := pebble.Open("store/db", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest,
			Logger: quiet{}})
		if err != nil {
			t.Fatal(err)
		}
		if value == nil {
			err = db.Delete(key, pebble.Sync)
		} else {
			err = db.Set(key, value, pebble.Sync)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	set(value)
	defer set(was)
	s, err := storage.Open("store", options(fs))
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = fsck.Check(t.Context(), s, fsck.Options{})
	return err
}

type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(format) }

// harmless reports whether nothing that a proof says depends on byte i of the value of key: there is nothing to compare it
// with. Such bytes are the time at which a run was accepted, leaves of open rounds, roles and their KSI keys, all of a
// publication but its root, and the first second of ledger and slots, to which only bounds apply.
func harmless(key storage.Key, i int) bool {
	switch key.Kind {
	case storage.KindRun:
		return i >= 2 && i < 10 || key.Round > storagetest.First+2501
	case storage.KindRole:
		return true
	case storage.KindKSIKey:
		return i >= 1
	case storage.KindPublication:
		return i >= 33
	case storage.KindMeta:
		return key.Group == storage.GroupGenesis && i >= 1 && i < 9
	case storage.KindSlot:
		return i >= 2 && i < 10
	}
	return false
}

// TestDamage takes away each key, turns bits of each value, and adds keys next to each: all must be found.
func TestDamage(t *testing.T) {
	fs := vfs.NewMem()
	s := newStore(t, fs, 300)
	all := pairs(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ours := func(err error) bool {
		var d *fsck.Difference
		return errors.As(err, &d) || errors.Is(err, storage.ErrCorrupt) || errors.Is(err, storage.ErrVersion)
	}
	bits := 9 // of each value
	if os.Getenv("JURAT_SOAK") != "" {
		bits = 1000
	}
	kinds := make(map[storage.Kind]bool)
	for n, p := range all {
		key, err := storage.ParseKey(p.key)
		if err != nil {
			t.Fatal(err)
		}
		kinds[key.Kind] = true
		if err := found(t, fs, p.key, nil, p.value); !ours(err) && !unmissed(all, n) {
			t.Errorf("%s: deleted: %v", key, err)
		}
		for bit := n % 8; bit < len(p.value)*8; bit += max(3, len(p.value)*8/bits|1) {
			if harmless(key, bit/8) {
				continue
			}
			v := append([]byte(nil), p.value...)
			v[bit/8] ^= 1 << (bit % 8)
			if err := found(t, fs, p.key, v, p.value); !ours(err) {
				t.Errorf("%s: bit %d turned: %v", key, bit, err)
			}
		}
		for i := range p.key {
			k := append([]byte(nil), p.key...)
			k[i] ^= 1
			near, err := storage.ParseKey(k)
			if err == nil && (harmless(near, 0) || near.Kind == storage.KindRun && harmless(near, len(p.value))) ||
				k[0] == byte(storage.KindIndex) || contains(all, k) {
				continue
			}
			if err := found(t, fs, k, p.value, nil); !ours(err) {
				t.Errorf("key %x next to %s: %v", k, key, err)
			}
		}
	}
	for _, kind := range "BCDGHKLMNOPRSU" {
		if !kinds[storage.Kind(kind)] {
			t.Errorf("the store has no key of kind %c", kind)
		}
	}
	if s, err := storage.Open("store", options(fs)); err != nil {
		t.Fatal(err)
	} else if _, err := fsck.Check(t.Context(), s, fsck.Options{}); err != nil {
		t.Fatalf("after all: %v", err)
	} else {
		s.Close()
	}
}

// unmissed reports whether a store without key n is a valid one: it is a KSI key, a publication, the last run of a slot in an
// open round, or nodes of one. The one role has a KSI key, so it is missed.
func unmissed(all []pair, n int) bool {
	key, _ := storage.ParseKey(all[n].key)
	next := storage.Key{}
	if n+1 < len(all) {
		next, _ = storage.ParseKey(all[n+1].key)
	}
	last := next.Kind != key.Kind || next.Round != key.Round || next.Slot != key.Slot
	open := key.Round > storagetest.First+2501 && (key.Kind == storage.KindRun && last || key.Kind == storage.KindTile)
	return open || key.Kind == storage.KindKSIKey || key.Kind == storage.KindPublication
}

func contains(all []pair, key []byte) bool {
	for _, p := range all {
		if string(p.key) == string(key) {
			return true
		}
	}
	return false
}
