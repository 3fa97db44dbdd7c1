package query

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A memoryMove is what a session does: it asks for so much, ends at 0, or gives up waiting at -1.
type memoryMove struct {
	session int
	n       int64
}

// memoryWorld is a leafMemory and its sessions after some moves.
type memoryWorld struct {
	m      *leafMemory
	shares []*leafShare
}

func (w *memoryWorld) do(move memoryMove) {
	s := w.shares[move.session]
	switch {
	case move.n > 0:
		w.m.enqueue(s, move.n)
	case move.n == 0:
		w.m.give(s, s.held)
	default:
		w.m.withdraw(s)
	}
}

func (w *memoryWorld) waits(s *leafShare) bool { return slices.Contains(w.m.waiting, s) }

// state is all that decides what happens next.
func (w *memoryWorld) state() string {
	text := ""
	for _, s := range w.shares {
		text += fmt.Sprint(s.held, " ")
	}
	for _, s := range w.m.waiting {
		text += fmt.Sprint(slices.Index(w.shares, s), ":", s.want, " ")
	}
	return text
}

// moves are all that can happen next.
func (w *memoryWorld) moves() (moves []memoryMove) {
	for i, s := range w.shares {
		if w.waits(s) {
			moves = append(moves, memoryMove{i, -1})
			continue
		}
		for n := int64(1); s.held+n <= w.m.most; n++ {
			moves = append(moves, memoryMove{i, n})
		}
		if s.held > 0 {
			moves = append(moves, memoryMove{i, 0})
		}
	}
	return moves
}

// check demands the promises of leafMemory.
func (w *memoryWorld) check(t *testing.T) {
	t.Helper()
	used, highest, goesOn := int64(0), int64(0), len(w.m.waiting) == 0
	for _, s := range w.shares {
		used += s.held
		highest = max(highest, s.held)
		if s.held > w.m.most {
			t.Fatalf("%s: one holds more than half", w.state())
		}
	}
	for _, s := range w.shares {
		if s.held == highest && s.held > 0 {
			goesOn = true
			if w.waits(s) {
				t.Fatalf("%s: who holds the most waits", w.state())
			}
		}
	}
	if used != w.m.used || highest != w.m.highest || used > w.m.limit {
		t.Fatalf("%s: %d of %d are used and %d is the most, it says %d and %d", w.state(), used, w.m.limit, highest, w.m.used, w.m.highest)
	}
	if !goesOn {
		t.Fatalf("%s: some wait and nobody can end", w.state())
	}
}

// TestMemoryShares goes through all states that a few sessions can come to.
func TestMemoryShares(t *testing.T) {
	const sessions, limit = 3, 8
	replay := func(history []memoryMove) *memoryWorld {
		w := &memoryWorld{m: newLeafMemory(limit)}
		for range sessions {
			w.shares = append(w.shares, new(leafShare))
		}
		for _, move := range history {
			w.do(move)
		}
		return w
	}
	seen := map[string]bool{}
	waited := 0
	for todo := [][]memoryMove{nil}; len(todo) > 0; todo = todo[1:] {
		w := replay(todo[0])
		w.check(t)
		waited = max(waited, len(w.m.waiting))
		for _, move := range w.moves() {
			next := append(slices.Clone(todo[0]), move)
			then := replay(next)
			if state := then.state(); !seen[state] {
				seen[state] = true
				todo = append(todo, next)
			}
		}
	}
	if t.Logf("%d states, %d waited at once", len(seen), waited); waited < sessions-1 {
		t.Error("no more than one ever waited")
	}
}

// TestMemoryOrder has sessions that wait served in their order, and newcomers behind them.
func TestMemoryOrder(t *testing.T) {
	m := newLeafMemory(8)
	shares := [5]leafShare{}
	m.enqueue(&shares[0], 4)
	m.enqueue(&shares[1], 3)
	m.enqueue(&shares[2], 2)
	m.enqueue(&shares[3], 1)
	if m.try(&shares[4], 1) {
		t.Error("a newcomer passes those that wait")
	}
	if !slices.Equal(m.waiting, []*leafShare{&shares[2], &shares[3]}) {
		t.Fatalf("%d wait", len(m.waiting))
	}
	m.withdraw(&shares[2])
	if len(m.waiting) != 0 || shares[3].held != 1 {
		t.Error("the next is not served when the first gives up")
	}
}

// TestShortSpans: a span is short from its end on, however far that is before its beginning.
func TestShortSpans(t *testing.T) {
	const from = calendar.Second(1_700_000_000)
	for _, c := range []struct {
		to    calendar.Second
		short bool
	}{
		{math.MinInt64, true}, {math.MinInt64 + 1, true}, {-1, true}, {from - 1, true}, {from, true}, {from + minSplit - 1, true},
		{from + minSplit, false}, {math.MaxInt64, false},
	} {
		if s := (secondSpan{from, c.to}); s.short() != c.short {
			t.Errorf("%d to %d: short is %t", s.from, s.to, s.short())
		}
	}
}
