package ledger

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/storage"
)

// longLeaves returns n leaves of SHA-512.
func longLeaves(i, n int) (l merkle.Leaves) {
	for j := range n {
		d := digest(i + j)
		long := sha512.Sum512(d[:])
		l.AppendDigests(merkle.SHA512, long[:])
	}
	return l
}

// fileMany files leaves of every kind: whole tiles of one agency and another's, with and without others beside them, of level 32, of long
// digests and mixed ones, a slot of one leaf, one of exactly a tile, one with a node of limbHeight. It returns the positions of some.
func fileMany(w *world) (positions []Position) {
	file := func(agency, lane string, l merkle.Leaves) {
		f := w.file(request(agency, lane, l))[0]
		n := l.Len()
		for _, i := range []int{0, 1, 255, 256, 300, 511, 512, n - 1, rand.IntN(n), rand.IntN(n), rand.IntN(n)} {
			if i < n {
				positions = append(positions, Position{Round: f.Round, Slot: f.Slot, Index: f.First + uint64(i)})
			}
		}
	}
	w.makeLanes()
	w.pass(1)
	const whole = 2*merkle.TileNodes + 9
	file("canton", LaneMain, leaves(0, whole))
	file("ministry", LaneMain, leaves(100, 2*whole))
	file("canton", LaneKSI, leaves(0, whole))
	w.pass(1)
	file("canton", LaneMain, leaves(5, 1))
	file("ministry", LaneMain, leaves(1<<20, merkle.TileNodes))
	w.pass(3) // the second in between is idle
	file("canton", LaneMain, longLeaves(1, whole))
	mixed := leaves(1<<21, whole)
	more := longLeaves(9, 10)
	mixed.AppendLeaves(&more)
	file("ministry", LaneMain, mixed)
	w.pass(1)
	file("canton", LaneMain, leaves(1<<22, 1<<limbHeight+300))
	w.pass(1)
	return positions
}

// pages are a Memory that has what was there before in it, and knows what it gave.
type pages struct{ given [][]byte }

func (p *pages) Alloc(n int) []byte {
	page := bytes.Repeat([]byte{0xa5}, n)
	p.given = append(p.given, page)
	return page[:n:n]
}

// has reports whether b is in one of the pages.
func (p *pages) has(b []byte) bool {
	return slices.ContainsFunc(p.given, func(page []byte) bool { return &page[0] == &b[0] && len(b) <= len(page) })
}

// Signatures of many leaves are, byte for byte, those made one by one with nothing kept: of every kind, in every order, some again
// and again, whether the tiles were kept before or not.
func TestSignatures(t *testing.T) {
	w := newWorld(t)
	positions := fileMany(w)
	want := make(map[Position][]byte)
	w.ledger.caches.wholeTop = 0
	for _, p := range positions {
		signature, err := w.ledger.Signature(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		want[p] = signature
	}
	w.ledger.caches = newCaches(DefaultCacheBytes)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 20 {
		list := make([]Position, []int{0, 1, 2, 20, maxSideBySide, 3*maxSideBySide + 7}[round%6])
		for i := range list {
			list[i] = positions[rng.IntN(len(positions))]
		}
		before := w.ledger.Stats().Proofs
		got, memory := make([][]byte, len(list)), &pages{}
		for i := range got {
			got[i] = []byte("what was there before")
		}
		if err := w.ledger.Signatures(t.Context(), got, list, memory); err != nil {
			t.Fatalf("%d signatures: %v", len(list), err)
		}
		for i, p := range list {
			if !bytes.Equal(got[i], want[p]) {
				t.Fatalf("%v: %x, made alone %x", p, got[i], want[p])
			}
			if !memory.has(got[i]) {
				t.Fatalf("%v is not in the memory that was given", p)
			}
			_ = append(got[i], "not into the next one"...)
		}
		if n := w.ledger.Stats().Proofs - before; n != uint64(len(list)) {
			t.Fatalf("%d of %d signatures are counted", n, len(list))
		}
	}
	var g group
	g.positions, g.signatures = positions, make([][]byte, len(positions))
	if err := g.collect(t.Context(), w.ledger); err != nil || len(g.of) < len(positions)/3 {
		t.Fatalf("%d of %d signatures would be made side by side: %v", len(g.of), len(positions), err)
	}
}

// Of many signatures, one of a leaf that is not there, or whose tile was changed in memory, is an error, alone and among others.
func TestSignaturesRefused(t *testing.T) {
	w := newWorld(t)
	positions := fileMany(w)
	for range 2 { // the second time all tiles are kept
		if err := w.ledger.Signatures(t.Context(), make([][]byte, len(positions)), positions, heap{}); err != nil {
			t.Fatal(err)
		}
	}
	p := positions[0]
	_, closed, _ := w.ledger.Extent()
	for name, bad := range map[string]Position{
		"index":       {Round: p.Round, Slot: p.Slot, Index: 1 << 20},
		"beside":      {Round: p.Round, Slot: p.Slot, Index: 2*merkle.TileNodes + 9},
		"slot":        {Round: p.Round, Slot: 99},
		"idle second": {Round: p.Round + 2},
		"later round": {Round: closed + 1000},
	} {
		for _, list := range [][]Position{{bad}, {p, bad}, append([]Position{bad}, positions...)} {
			if err := w.ledger.Signatures(t.Context(), make([][]byte, len(list)), list, heap{}); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s, %d positions: %v", name, len(list), err)
			}
		}
	}
	tile := w.ledger.caches.whole.row(slotName{p.Round, p.Slot}).get(0)
	_, digests, _ := tile.Leaves().Uniform()
	digests[len(digests)-1] ^= 1
	for _, i := range []uint64{254, 255} {
		bad := Position{Round: p.Round, Slot: p.Slot, Index: i}
		for _, list := range [][]Position{{bad}, append(positions[1:2:2], bad)} {
			if err := w.ledger.Signatures(t.Context(), make([][]byte, len(list)), list, heap{}); !errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("leaf %d beside one that was changed: %v", i, err)
			}
		}
		if _, err := w.ledger.Signature(t.Context(), bad); !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("leaf %d alone, beside one that was changed: %v", i, err)
		}
	}
}
