package ledger

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
)

// FindAll finds what Find finds for each digest, and the proofs of what it finds are those of their places: digests filed twice
// and more, absent ones, those of other agencies; some recent, some in the index, some of the open round.
func TestFindAll(t *testing.T) {
	w := newWorld(t)
	const rounds, each = 5, minIndexed / 2
	var same merkle.Leaves
	for i := range 40 {
		same.Append(digest(i % 7).Imprint())
	}
	for i := range rounds {
		w.file(request("canton", LaneMain, leaves(i*each, each)))
		w.file(request("ministry", LaneMain, leaves(i*each+50, 90)))
		w.file(request("canton", LaneMain, same))
		w.pass(1)
	}
	for w.ledger.index.Cursor() < (rounds-2)*each {
		w.pass(1)
	}
	w.file(request("canton", LaneMain, leaves(60, 30)))
	w.file(request("ministry", LaneMain, same))

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, agency := range []string{"canton", "ministry", "nobody", ""} {
		for _, n := range []int{0, 1, 2, 10, 300} {
			digests := make([][]byte, n)
			for i := range digests {
				d := digest([]int{rng.IntN(10), 40 + rng.IntN(120), rng.IntN((rounds + 1) * each)}[rng.IntN(3)])
				digests[i] = d[:]
			}
			w.mustFindAll(agency, digests)
		}
	}
}

// mustFindAll demands that FindAll finds what Find does, in order of places.
func (w *world) mustFindAll(agency string, digests [][]byte) {
	w.t.Helper()
	ctx := context.Background()
	var want []Leaf
	for i, d := range digests {
		if slices.ContainsFunc(digests[:i], func(o []byte) bool { return bytes.Equal(o, d) }) {
			continue
		}
		found, err := w.ledger.Find(ctx, agency, d)
		if err != nil {
			w.t.Fatal(err)
		}
		want = append(want, found...)
	}
	slices.SortFunc(want, func(a, b Leaf) int { return comparePositions(a.Position, b.Position) })
	got, err := w.ledger.FindAll(ctx, agency, digests)
	if err != nil || !slices.Equal(got, want) {
		w.t.Fatalf("%d digests of %q: found %d leaves, want %d: %v", len(digests), agency, len(got), len(want), err)
	}
	slots := w.ledger.Slots()
	for _, leaf := range got {
		if agency != "" && slots[leaf.Slot].Agency != agency {
			w.t.Fatalf("%q finds %v of %q", agency, leaf.Position, slots[leaf.Slot].Agency)
		}
		if leaf.Round <= w.ledger.store.Closed() {
			w.mustProve(leaf.Position, leaf.Imprint)
		}
	}
}
