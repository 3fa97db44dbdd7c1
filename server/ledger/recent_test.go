package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
	"github.com/jurat-ledger/jurat/storage"
)

// positions returns where recent finds a digest, in the order of leaves.
func positions(r *recent, i int, mark uint64) (list []Position) {
	d := digest(i)
	r.find(d[:], mark, func(p Position) bool {
		list = append(list, p)
		return true
	})
	slices.SortFunc(list, comparePositions)
	return list
}

// recent finds what a list of all its leaves says, whatever was added and dropped: entries of all sizes, alone and together, in
// several slots, with digests that come again.
func TestRecentTwin(t *testing.T) {
	for _, w := range []entryWorld{{1, ownSegment}, {3, ownSegment}, {3, 2 * ownSegment}} {
		t.Run(fmt.Sprintf("slots=%d/largest=%d", w.slots, w.largest), func(t *testing.T) { testRecentTwin(t, w) })
	}
}

// An entryWorld is what random entries are like: in how many slots they are, and how many leaves they have at most, usually.
type entryWorld struct{ slots, largest int }

func testRecentTwin(t *testing.T, w entryWorld) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	r := newRecent(openStill(t, ledgertest.NewClock(start)).index)
	type leaf struct {
		Position
		digest int
	}
	var all []leaf // in the order they were added
	gone := make(map[Position]bool)
	counts := make(map[Position]uint64) // of (round, slot)
	var group []storage.AppendLeaves
	for k, round := 0, start.Unix(); k < 240; k++ {
		e, base := w.entry(rnd, calendar.Second(round), k%100 == 40, counts, group)
		for i := range e.Leaves.Len() {
			p := Position{Round: e.Round, Slot: e.Slot, Index: e.First + uint64(i)}
			all = append(all, leaf{p, base + i})
		}
		if group = append(group, e); k < 239 && rnd.IntN(3) > 0 {
			continue
		}
		r.add(r.prepare(group))
		group = group[:0]
		if rnd.IntN(20) == 0 {
			pieces := r.closed(e.Round - 1)
			pieces = slices.DeleteFunc(pieces, func(p piece) bool { return gone[p.Position] })
			pieces = pieces[:rnd.IntN(len(pieces)+1)]
			r.drop(pieces)
			for _, p := range pieces {
				for i := range p.n {
					at := p.Position
					at.Index += uint64(i)
					gone[at] = true
				}
			}
		}
		if rnd.IntN(20) == 0 {
			round++
		}
		if r.mark() != uint64(len(all)) {
			t.Fatalf("mark %d after %d leaves", r.mark(), len(all))
		}
		for range 5 {
			d, mark := rnd.IntN([]int{3000, w.largest}[rnd.IntN(2)]), rnd.IntN(len(all)+1)
			var must, may []Position // what is gone may still be found
			for _, l := range all[mark:] {
				if l.digest == d {
					if may = append(may, l.Position); !gone[l.Position] {
						must = append(must, l.Position)
					}
				}
			}
			slices.SortFunc(must, comparePositions)
			got := positions(r, d, uint64(mark))
			rest := slices.DeleteFunc(slices.Clone(got), func(p Position) bool { return gone[p] && slices.Contains(may, p) })
			if !slices.Equal(rest, must) || len(slices.Compact(got)) != len(got) {
				t.Fatalf("digest %d since %d of %d: %v, want %v", d, mark, len(all), got, must)
			}
		}
	}
	if held := r.held(); held > uint64(len(all)) || held < uint64(len(all)-len(gone)) {
		t.Errorf("%d leaves held of %d, %d dropped", held, len(all), len(gone))
	}
}

// entry returns an entry with leaves of digests from base on, for a random one of the slots of a round, in which counts leaves stand. It may
// look as if it followed those of group, whatever its slot.
func (w entryWorld) entry(rnd *rand.Rand, round calendar.Second, large bool, counts map[Position]uint64, group []storage.AppendLeaves) (e storage.AppendLeaves, base int) {
	e = storage.AppendLeaves{Round: round, Slot: uint32(rnd.IntN(w.slots))}
	slot := Position{Round: e.Round, Slot: e.Slot}
	e.First = counts[slot]
	if n := len(group); n > 0 && rnd.IntN(2) == 0 {
		e.First = max(e.First, group[n-1].First+uint64(group[n-1].Leaves.Len()))
	}
	n := 1 + rnd.IntN([]int{3, 100, w.largest}[rnd.IntN(3)])
	if large {
		n = 2*segmentLeaves + 3
	}
	counts[slot] = e.First + uint64(n)
	base = rnd.IntN(1000)
	e.Leaves = leaves(base, n)
	return e, base
}

// One digest filed a million times is found that often, and costs others nothing, in recent and in the index.
func TestRecentOneDigest(t *testing.T) {
	const times, each = 1 << 20, segmentLeaves / 2
	c := ledgertest.NewClock(start)
	l := openStill(t, c)
	l.mustStep(t)
	var same merkle.Leaves
	im := digest(1).Imprint()
	for range each {
		same.Append(im)
	}
	for range times / each {
		x := newTicket()
		x.request = request("canton", LaneMain, same)
		l.mustStep(t, x)
	}
	x := newTicket()
	x.request = request("canton", LaneMain, leaves(2, 1))
	l.mustStep(t, x)
	if n := len(positions(l.recent, 1, 0)); n != times {
		t.Errorf("found %d times in memory, want %d", n, times)
	}
	if got := positions(l.recent, 2, 0); len(got) != 1 || got[0].Index != times {
		t.Errorf("the other digest is found at %v", got)
	}
	c.Move(time.Second, 0)
	l.mustStep(t)
	if err := l.indexNext(l.store.Closed()); err != nil {
		t.Fatal(err)
	}
	d, n := digest(1), 0
	if err := l.index.Find(d[:], 0, func(uint64) bool { n++; return true }); err != nil || n != times || l.recent.held() != 0 {
		t.Errorf("found %d times in the index, %d held beside it: %v", n, l.recent.held(), err)
	}
}

// What small entries of one lane and of two bring stands in the index as it was filed, however many tables it fills.
func TestRecentTables(t *testing.T) {
	const (
		each  = ownSegment / 4
		times = 3 * segmentLeaves / each
	)
	for _, agencies := range [][]string{{"canton"}, {"canton", "ministry"}} {
		c := ledgertest.NewClock(start)
		l := openStill(t, c)
		l.mustStep(t)
		for i := range times {
			x := newTicket()
			x.request = request(agencies[i%len(agencies)], LaneMain, leaves(i*each, each))
			l.mustStep(t, x)
		}
		c.Move(time.Second, 0)
		l.mustStep(t)
		if err := l.indexNext(l.store.Closed()); err != nil {
			t.Fatal(err)
		}
		if held := l.recent.held(); held != 0 {
			t.Errorf("%d leaves held beside the index", held)
		}
		for i := range times * each {
			d := digest(i)
			k, at := i/each, i%each
			want := uint64(k%len(agencies)*(times/len(agencies))+k/len(agencies))*each + uint64(at)
			var got []uint64
			if err := l.index.Find(d[:], 0, func(number uint64) bool { got = append(got, number); return true }); err != nil || !slices.Contains(got, want) {
				t.Fatalf("%d agencies: digest %d is at %v, want %d: %v", len(agencies), i, got, want, err)
			}
		}
	}
}

// Every digest is found at every time while leaves move to the index in steps smaller than a round, and after a crash in
// between, which leaves the index in the middle of a round.
func TestFindWhileIndexMoves(t *testing.T) {
	w, fs := newCrashableWorld(t)
	w.ledger.backlog.step = ownSegment
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var filed, broken sync.Map // digests
	for k := range 2 {
		rnd := rand.New(rand.NewPCG(uint64(k), 1))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				filed.Range(func(i, _ any) bool {
					d := digest(i.(int) + 7*rnd.IntN(100))
					found, err := w.ledger.Find(context.Background(), nil, "canton", d[:])
					if err != nil || len(found) == 0 {
						broken.Store(i, err)
					}
					return true
				})
			}
		})
	}
	next := 0
	for _, n := range []int{ownSegment + 5, 100, 2 * ownSegment, 3, 1000, ownSegment, minIndexed} {
		w.file(request("canton", LaneMain, leaves(next, n)))
		w.file(request("ministry", LaneMain, leaves(next, 2)))
		if n > 1000 {
			filed.Store(next, true)
		}
		if next += n; n == 3 {
			w.pass(1)
		}
	}
	w.pass(1)
	for w.ledger.index.Cursor() < 2*ownSegment {
		w.pass(1)
	}
	n := w.restart(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	close(stop)
	wg.Wait()
	broken.Range(func(i, err any) bool {
		t.Errorf("digest near %d is not found: %v", i, err)
		return true
	})
	for range 20 {
		for i := 0; i < next; i += 4999 {
			n.mustFind("canton", i, 1)
		}
		n.pass(1)
	}
	if held, missing := n.ledger.recent.held(), n.ledger.store.TotalLeaves()-n.ledger.index.Cursor(); held < missing {
		t.Errorf("%d leaves held, %d missing in the index", held, missing)
	}
}
