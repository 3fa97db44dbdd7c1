package ledger

import (
	"bytes"
	"context"
	"errors"
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
		found, err := w.ledger.Find(ctx, nil, agency, d)
		if err != nil {
			w.t.Fatal(err)
		}
		want = append(want, found...)
	}
	slices.SortFunc(want, func(a, b Leaf) int { return comparePositions(a.Position, b.Position) })
	got, err := w.ledger.FindAll(ctx, nil, agency, digests)
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

// TestAbsentAsOthers: for an agency, a look-up of a digest that nobody has filed takes the same reads as that of one that another agency
// has, in the index or filed lately, alone and among others, so that the time of the answer does not tell them apart.
func TestAbsentAsOthers(t *testing.T) {
	w := newWorld(t)
	const rounds, each, n = 4, minIndexed, 300
	for i := range rounds {
		w.file(request("ministry", LaneMain, leaves(i*each, each)))
		w.pass(1)
	}
	for w.ledger.index.Cursor() < (rounds-1)*each {
		w.pass(1)
	}
	w.file(request("ministry", LaneMain, leaves(rounds*each, n)))
	work := func(first, together int) (parts, placed uint64) {
		for range 2 { // the first time makes filters
			before := w.ledger.Stats()
			for i := first; i < first+n; i += together {
				digests := make([][]byte, together)
				for k := range digests {
					d := digest(i + k)
					digests[k] = d[:]
				}
				var found []Leaf
				var err error
				if together == 1 {
					found, err = w.ledger.Find(t.Context(), nil, "canton", digests[0])
				} else {
					found, err = w.ledger.FindAll(t.Context(), nil, "canton", digests)
				}
				if err != nil || len(found) > 0 {
					t.Fatal(found, err)
				}
			}
			after := w.ledger.Stats()
			parts, placed = after.PartsRead-before.PartsRead, after.Placed-before.Placed
		}
		return parts, placed
	}
	for _, together := range []int{1, 10} {
		for name, first := range map[string]int{"another's": 0, "another's of late": rounds * each, "nobody's": 1 << 40} {
			// Filters let some per cent of what is not there through; two digests of one bucket share its part.
			if parts, placed := work(first, together); placed != n || parts < n*9/10 || parts > n+n/5 {
				t.Errorf("%d look-ups of %s, %d at once: %d parts of buckets and %d places read", n, name, together, parts, placed)
			}
		}
	}
}

// TestFindAllTooMany: digests that were filed so often together that an answer would take too much memory are to be asked for apart.
func TestFindAllTooMany(t *testing.T) {
	w := newWorld(t)
	const digests, copies = 4, MaxFoundTogether/4 + 1
	var list [][]byte
	for i := range digests {
		d := digest(i)
		list = append(list, d[:])
		var many merkle.Leaves
		for range copies {
			many.Append(d.Imprint())
		}
		w.file(request("canton", LaneMain, many))
	}
	if found, err := w.ledger.FindAll(t.Context(), nil, "canton", list); !errors.Is(err, ErrTooMany) {
		t.Errorf("%d leaves, %v", len(found), err)
	}
	for _, agency := range []string{"canton", ""} {
		if found, err := w.ledger.FindAll(t.Context(), nil, agency, list[1:]); err != nil || len(found) != (digests-1)*copies {
			t.Errorf("%q: %d leaves, %v", agency, len(found), err)
		}
	}
	if found, err := w.ledger.FindAll(t.Context(), nil, "ministry", list); err != nil || len(found) != 0 {
		t.Errorf("another agency: %d leaves, %v", len(found), err)
	}
}
