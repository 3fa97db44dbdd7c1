package storage_test

import (
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// TestStage writes leaves of a round ahead while the round before goes on and closes, and reads everything after each step; what is
// discarded leaves nothing behind, and neither does what is proposed.
func TestStage(t *testing.T) {
	w := newWorld(t, 7)
	first := storagetest.First
	w.propose(w.m.Append(first, 0, 50, false))
	left := func(want int) {
		t.Helper()
		names, err := w.fs.List("store")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range names {
			if strings.HasSuffix(name, ".leaves.sst") {
				n++
			}
		}
		if n != want {
			t.Errorf("%d tables outside the database, want %d", n, want)
		}
	}
	next := []storage.AppendLeaves{w.m.Append(first+1, 1, 1500, true), w.m.Append(first+1, 0, 4*storage.MaxRun+1, false), w.m.Append(first+1, 1, 30, false)}
	for range 2 {
		g, err := w.s.Stage(next)
		if err != nil {
			t.Fatal(err)
		}
		left(3)
		g.Discard()
		left(0)
	}
	g, err := w.s.Stage(next)
	if err != nil {
		t.Fatal(err)
	}
	w.propose(w.m.Append(first, 1, 100, true)) // as a table too
	w.propose(w.m.Append(first, 0, 1, true))
	w.propose(w.m.Close(first))
	w.tw.check(t, w.s)
	left(3)
	if err := w.s.ProposeStaged(g); err != nil {
		t.Fatal(err)
	}
	for _, e := range next {
		w.tw.apply(e)
	}
	left(0)
	w.tw.check(t, w.s)
	w.propose(w.m.Append(first+1, 0, 3, false), w.m.Close(first+1))
	w.tw.check(t, w.s)
	w.s = reopen(t, w.fs, w.s)
	w.tw.check(t, w.s)
}
