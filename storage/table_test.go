package storage_test

import (
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// ingested is how often a store has taken in tables.
func ingested(s *storage.Store) uint64 { return s.DB().Metrics().Ingest.Count }

// TestTables files groups around the size from which they are written as tables, between small ones and in slots that lie
// between each other, and reads everything after each, after a flush, after a compaction and after a reopening.
func TestTables(t *testing.T) {
	w := newWorld(t, 5)
	round := storagetest.First
	add := func(slot uint32, n int, mixed bool) storage.Entry { return w.m.Append(round, slot, n, mixed) }
	for i, step := range []struct {
		group  []storage.Entry
		tables bool
	}{
		{[]storage.Entry{add(1, 3, false), add(3, 2, true)}, false},
		{[]storage.Entry{add(2, 39, false)}, false},
		{[]storage.Entry{add(2, 40, false)}, true},
		{[]storage.Entry{add(0, 1, false), add(4, 117, true), add(1, 1, false)}, false},
		{[]storage.Entry{add(0, 1, false), add(4, 118, true), add(1, 1, false)}, true},
		{[]storage.Entry{add(2, 1025, false), add(1, 2048, true), add(2, 7, false), add(1, 1, false)}, true},
		{[]storage.Entry{add(2, 3, false)}, false},
		{[]storage.Entry{add(1, 100, false), w.m.Close(round)}, false},
	} {
		was := ingested(w.s)
		w.propose(step.group...)
		if got := ingested(w.s) > was; got != step.tables {
			t.Errorf("group %d: as tables %v, want %v", i, got, step.tables)
		}
		w.tw.check(t, w.s)
	}
	if err := w.s.DB().Flush(); err != nil {
		t.Fatal(err)
	}
	w.tw.check(t, w.s)
	w.s = reopen(t, w.fs, w.s)
	w.tw.check(t, w.s)
	if err := w.s.DB().Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	w.tw.check(t, w.s)
}

// TestTablesOnDisk files large groups on the disk of the machine and reads them after a reopening.
func TestTablesOnDisk(t *testing.T) {
	m := storagetest.NewMaker(8)
	dir := filepath.Join(t.TempDir(), "store")
	s, err := storage.Create(dir, m.Genesis(), options(nil))
	if err != nil {
		t.Fatal(err)
	}
	tw := newTwin(m.Genesis())
	for _, group := range [][]storage.Entry{
		m.Begin(2), {m.Append(storagetest.First, 0, 33_000, false)}, {m.Append(storagetest.First, 0, 70, true), m.Append(storagetest.First, 1, 40, false)},
		{m.Close(storagetest.First)},
	} {
		if err := s.Propose(group...); err != nil {
			t.Fatal(err)
		}
		tw.apply(group...)
	}
	if ingested(s) != 2 {
		t.Errorf("%d groups as tables, want 2", ingested(s))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = storage.Open(dir, options(nil)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tw.check(t, s)
}

// TestRunsApart shows that runs share no table with other keys, whatever is flushed and compacted.
func TestRunsApart(t *testing.T) {
	w := newWorld(t, 6)
	for i := range 40 {
		w.round(i % 3)
		if err := w.s.DB().Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.s.DB().Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	levels, err := w.s.DB().SSTables(pebble.WithKeyRangeFilter([]byte{byte(storage.KindRun)}, []byte{byte(storage.KindRun) + 1}))
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for _, level := range levels {
		for _, table := range level {
			tables++
			first, last := table.Smallest.UserKey[0], table.Largest.UserKey[0]
			if first != byte(storage.KindRun) || last != byte(storage.KindRun) {
				t.Errorf("a table holds keys from kind %q to %q", first, last)
			}
		}
	}
	if tables == 0 {
		t.Error("no table holds runs")
	}
}

// TestTablesLeft opens a store beside tables that a crash has left: they are removed, and other files are not.
func TestTablesLeft(t *testing.T) {
	fs := vfs.NewMem()
	m := storagetest.NewMaker(7)
	s := create(t, fs, m.Genesis())
	for _, name := range []string{"store/0.leaves.sst", "store/notes"} {
		f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	s = reopen(t, fs, s)
	defer s.Close()
	if _, err := fs.Stat("store/0.leaves.sst"); err == nil {
		t.Error("the table is still there")
	}
	if _, err := fs.Stat("store/notes"); err != nil {
		t.Error(err)
	}
}
