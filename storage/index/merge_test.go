package index

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

func TestTier(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		tier int
	}{{1, 0}, {511, 0}, {512, 1}, {4095, 1}, {4096, 2}, {32767, 2}, {32768, 3}, {1 << 30, 8}, {1 << 39, 11}} {
		if got := tier(c.n); got != c.tier {
			t.Errorf("tier of %d: %d, want %d", c.n, got, c.tier)
		}
	}
}

// TestDue plays portions of all kinds of sizes through the choice of merges: few runs remain, tiers fall from old to new,
// and an entry is written about once a tier.
func TestDue(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for name, size := range map[string]func(i int) uint64{
		"ones":        func(int) uint64 { return 1 },
		"alternating": func(i int) uint64 { return []uint64{1, 1 << 20}[i%2] },
		"random":      func(int) uint64 { return 1 << rnd.IntN(20) },
		"falling":     func(i int) uint64 { return 1 << (20 - i%20) },
		"rising":      func(i int) uint64 { return 1 << (i % 20) },
		"ruler":       func(i int) uint64 { return uint64(i+1) & -uint64(i+1) },
	} {
		var runs []run
		var total, written uint64
		for i := range 20_000 {
			n := size(i)
			runs = append(runs, run{first: total, n: n})
			total += n
			written += n
			if rnd.IntN(4) == 0 {
				continue // merging lags
			}
			for {
				d := due(runs)
				if d == nil {
					break
				}
				at := slices.IndexFunc(runs, func(r run) bool { return r.first == d[0].first })
				r := run{first: d[0].first, n: d[len(d)-1].end() - d[0].first}
				if len(d) < 2 || len(d) > maxSources {
					t.Fatalf("%s: merge of %d runs", name, len(d))
				}
				runs = slices.Replace(runs, at, at+len(d), r)
				written += r.n
			}
			if !slices.IsSortedFunc(runs, func(a, b run) int { return tier(b.n) - tier(a.n) }) {
				t.Fatalf("%s: tiers grow: %v", name, runs)
			}
			if limit := (fanOut - 1) * (tier(total) + 1); len(runs) > limit {
				t.Fatalf("%s: %d runs after %d entries", name, len(runs), total)
			}
		}
		times := float64(written) / float64(total)
		t.Logf("%s: %d entries in %d runs, each written %.1f times", name, total, len(runs), times)
		// Portions of one leaf are merged seven at a time into the one bucket that is the lowest tier.
		if limit := 2 + 2*tier(total); times > float64(limit) && name != "ones" {
			t.Errorf("%s: entries written %.1f times in %d tiers", name, times, tier(total))
		}
	}
}

// keys returns how many keys of runs are stored, a bucket in a file counting as one, and the ids of those runs.
func (w *world) keys() (n int, ids map[uint64]bool) {
	w.t.Helper()
	ids = make(map[uint64]bool)
	it, err := w.db.NewIter(&pebble.IterOptions{LowerBound: runStart(0), UpperBound: []byte{prefix + 1}})
	if err != nil {
		w.t.Fatal(err)
	}
	for it.First(); it.Valid(); it.Next() {
		id, _, _, err := parsePartKey(it.Key())
		if err != nil {
			w.t.Fatal(err)
		}
		ids[id] = true
		n++
	}
	if err := it.Close(); err != nil {
		w.t.Fatal(err)
	}
	for _, name := range w.tables() {
		if !strings.HasSuffix(name, RunSuffix) {
			continue
		}
		id, err := strconv.ParseUint(strings.TrimSuffix(name, RunSuffix), 16, 64)
		if err != nil || ids[id] {
			w.t.Fatalf("file %s: %v", name, err)
		}
		ids[id] = true
		for _, r := range w.x.current.runs {
			if r.id == id {
				n += len(r.file.ends)
			}
		}
	}
	return n, ids
}

func (w *world) tables() []string {
	w.t.Helper()
	names, err := w.fs.List("tables")
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

// TestReaderKeepsRuns merges while a look-up is under way: its runs stay until it ends, and then go.
func TestReaderKeepsRuns(t *testing.T) {
	w := newWorld(t)
	d := numbered(4)
	for range fanOut {
		w.add(stream(func(i uint64) digest { return numbered(i % 7) }, 0, 70)...)
	}
	want := find(t, w.x, d, 0)
	var got []uint64
	err := w.x.Find(d[:], 0, func(n uint64) bool {
		if got = append(got, n); len(got) == 1 {
			w.mergeAll()
			if _, ids := w.keys(); len(ids) != fanOut+1 {
				t.Errorf("%d runs stored while the old ones are read", len(ids))
			}
		}
		return true
	})
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("found %v, want %v: %v", got, want, err)
	}
	w.mergeAll()
	if n, ids := w.keys(); n != bucketsOf(w) || len(ids) != 1 {
		t.Errorf("%d keys of %d runs stored at last", n, len(ids))
	}
	w.verify(0)
}

func bucketsOf(w *world) (n int) {
	for _, r := range w.x.current.runs {
		n += 1 << r.bucketBits()
	}
	return n
}

// stopAfter is a context that is cancelled once it was asked n times.
type stopAfter struct {
	context.Context
	n int
}

func (s *stopAfter) Err() error {
	if s.n--; s.n < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancel stops a merge at the points where it looks at its context: it leaves no trace.
func TestCancel(t *testing.T) {
	w := newWorld(t)
	for i := range fanOut {
		ds := stream(numbered, len(w.leaves), 20_000)
		if i < 2 {
			ds = stream(func(uint64) digest { return numbered(1) }, 0, 20_000)
		}
		w.add(ds...)
	}
	before, _ := w.keys()
	stops := 0
	for ; ; stops += 1 + stops/16 {
		merged, err := w.x.Merge(&stopAfter{context.Background(), stops})
		if err == nil {
			if !merged {
				t.Fatal("no merge was due")
			}
			break
		}
		if !errors.Is(err, context.Canceled) || merged {
			t.Fatalf("stop %d: merged %v, %v", stops, merged, err)
		}
		if n, _ := w.keys(); n != before || w.x.Runs() != fanOut || len(w.tables()) != 0 {
			t.Fatalf("stop %d: %d keys, %d before; %d runs; files %v", stops, n, before, w.x.Runs(), w.tables())
		}
	}
	if stops < 5 {
		t.Errorf("a merge of %d leaves looks at its context %d times", len(w.leaves), stops)
	}
	if _, ids := w.keys(); len(ids) != 1 || len(w.tables()) != 1 {
		t.Errorf("files %v are left", w.tables())
	}
	w.verify(0)
}

// TestConcurrent has readers, an adder and a merger work at once. A reader must see every leaf below a cursor that it read before.
func TestConcurrent(t *testing.T) {
	const portions, portion = 60, 1500
	w := newWorld(t)
	leaves := stream(func(i uint64) digest { return numbered(i % (portions * portion / 3)) }, 0, portions*portion)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for r := range 3 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(r), 1))
			for {
				select {
				case <-done:
					return
				default:
				}
				cursor := w.x.Cursor()
				if cursor == 0 {
					continue
				}
				n := rnd.Uint64N(cursor)
				seen := false
				err := w.x.Find(leaves[n][:], 0, func(got uint64) bool {
					if leaves[got] != leaves[n] {
						t.Errorf("leaf %d found for leaf %d", got, n)
					}
					seen = seen || got == n
					return true
				})
				if err != nil || !seen {
					t.Errorf("leaf %d below cursor %d: found %v, %v", n, cursor, seen, err)
					return
				}
			}
		})
	}
	added := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for last := false; !last; {
			select {
			case <-added:
				last = true
			default:
			}
			for merged := true; merged; {
				var err error
				if merged, err = w.x.Merge(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for i := range portions {
		w.add(leaves[i*portion : (i+1)*portion]...)
	}
	close(added)
	wg.Wait()
	w.mergeAll()
	if _, ids := w.keys(); len(ids) != w.x.Runs() {
		t.Errorf("%d runs stored, %d in use", len(ids), w.x.Runs())
	}
	w.verify(0)
}
