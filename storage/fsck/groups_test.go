package fsck

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// manyRounds returns a store of rounds with two slots each, and an open round.
func manyRounds(t *testing.T, rounds int) *storage.Store {
	t.Helper()
	m := storagetest.NewMaker(15)
	s, err := storage.Create("store", m.Genesis(), storage.Options{FS: vfs.NewMem(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	entries := m.Begin(3)
	for i := range rounds {
		at := storagetest.First + calendar.Second(2*i)
		entries = append(entries, m.Append(at, 0, 1+i%3, i%5 == 0), m.Append(at, 2, 2, false), m.Close(at))
	}
	at := storagetest.First + calendar.Second(2*rounds)
	entries = append(entries, m.Append(at, 1, 4, false))
	if err := s.Propose(entries...); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestGroups compares the groups of many segments, read by any number of goroutines, with the runs one after the other.
func TestGroups(t *testing.T) {
	s := manyRounds(t, 2*segmentGroups)
	var want []group
	iter, err := s.Leaves(storage.LeafScan{To: math.MaxInt64})
	if err != nil {
		t.Fatal(err)
	}
	for iter.Next() {
		run := iter.Run()
		want = append(want, group{round: run.Round, slot: run.Slot, runs: 1, leaves: uint64(run.Leaves.Len())})
	}
	if err := errors.Join(iter.Err(), iter.Close()); err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 2, 5} {
		was := runtime.GOMAXPROCS(workers)
		c := &checker{ctx: t.Context(), s: s, slots: s.Slots(), closed: s.Closed()}
		segments := 0
		r := &groupReader{c: c}
		r.split(func(*segment) bool { segments++; return true })
		if segments < 4 {
			t.Errorf("%d segments only", segments)
		}
		r = c.readGroups()
		for i, w := range want {
			g, err := r.peek()
			if err != nil {
				t.Fatal(err)
			}
			if g.tree == nil || g.tree.Count() != g.leaves {
				t.Fatalf("group %d: tree %v", i, g.tree)
			}
			got := *g
			if got.tree = nil; got != w {
				t.Fatalf("group %d is %+v, want %+v", i, got, w)
			}
			r.next()
		}
		if g, err := r.peek(); err != errEnd {
			t.Errorf("behind the end %v, %v", g, err)
		}
		r.close()
		c.readGroups().close() // nobody reads what it gives
		runtime.GOMAXPROCS(was)
	}
}

// TestManySegments checks a store of many segments with its digest index, which tells whether leaves are numbered rightly.
func TestManySegments(t *testing.T) {
	s := manyRounds(t, 2*segmentGroups)
	x, err := index.Open(s.DB(), index.Options{Dir: "index", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	iter, err := s.Leaves(storage.LeafScan{To: s.Closed()})
	if err != nil {
		t.Fatal(err)
	}
	all := x.NewCheck()
	defer all.Close()
	var hashes []uint64
	for iter.Next() {
		run := iter.Run()
		hashes = append(hashes, hashLeaves(all, nil, &run.Leaves)...)
	}
	if err := errors.Join(iter.Err(), iter.Close(), x.Add(0, hashes)); err != nil {
		t.Fatal(err)
	}
	check := x.NewCheck()
	defer check.Close()
	r, err := Check(t.Context(), s, Options{Index: check})
	if err != nil || r.Indexed != uint64(len(hashes)) || r.Rounds != 2*segmentGroups {
		t.Errorf("%d leaves of %d in the index, %+v: %v", r.Indexed, len(hashes), r, err)
	}
}
