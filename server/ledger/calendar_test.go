package ledger

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// TestCalendarCursor reads spans of a calendar of three blocks, in both orders and twice, so that roots are computed first and then kept
// ones, and compares leaves and roots with those of a calendar that grows second by second.
func TestCalendarCursor(t *testing.T) {
	w := newWorld(t)
	for i := range 2300 {
		if i%37 == 0 || i%1000 > 990 {
			w.file(request("canton", LaneMain, leaves(i, 1)))
		}
		w.pass(1)
	}
	first, closed, _ := w.ledger.Extent()
	n := int(closed-first) + 1
	leaf, root := make([]merkle.Digest, n), make([]merkle.Digest, n)
	if err := w.store.ReadCalendarLeaves(leaf, first); err != nil {
		t.Fatal(err)
	}
	f := calendar.NewFrontier(first)
	for i := range leaf {
		f.Append(leaf[i])
		root[i] = f.Root()
	}
	check := func(s CalendarScan) {
		t.Helper()
		c := w.ledger.Calendar(s)
		defer c.Close()
		from, to := max(s.From, first), min(s.To, closed)
		want, step := from, calendar.Second(1)
		if s.Desc {
			want, step = to, -1
		}
		var b CalendarBatch
		for {
			err := c.Next(context.Background(), &b)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, second := range b.Round {
				k := second - first
				if second != want || b.Leaf[i] != leaf[k] || b.Idle[i] != (leaf[k] == merkle.Digest{}) || s.Roots && b.Root[i] != root[k] {
					t.Fatalf("%+v: second %s, want %s: leaf %s, want %s, idle %t", s, second, want, b.Leaf[i], leaf[k], b.Idle[i])
				}
				want += step
			}
		}
		if end := max(to, from-1) + 1; !s.Desc && want != end || s.Desc && want != min(from, to+1)-1 {
			t.Fatalf("%+v: ended at %s", s, want)
		}
	}
	for range 2 {
		for _, span := range [][2]calendar.Second{{first, first}, {first + 1, first + 1024}, {first + 500, first + 1700}, {closed, closed},
			{closed - 30, closed + 5}, {closed + 1, closed + 9}, {first + 9, first + 8}, {first - 5, first + 1023}, {first + 1024, first + 2047}, {0, 1 << 40}} {
			for _, desc := range []bool{false, true} {
				for _, roots := range []bool{false, true} {
					check(CalendarScan{From: span[0], To: span[1], Desc: desc, Roots: roots})
				}
			}
		}
	}
	if w.ledger.caches.roots.bytes() == 0 {
		t.Error("no calendar roots are kept")
	}
}
