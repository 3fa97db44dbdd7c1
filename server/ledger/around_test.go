package ledger

import (
	"bytes"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// One proof has the whole tiles around its leaf kept, as far as they belong to the slot: as wholes, or their branches where the slot's tiles
// do not all fit, or none where nothing has room. Proofs of all leaves are those made with nothing kept.
func TestReadAround(t *testing.T) {
	const tiles = 2*readAhead + 3
	const n = tiles*merkle.TileNodes + 5
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, n)))[0]
	w.pass(2)
	at := func(tile int) Position {
		return Position{Round: f.Round, Slot: f.Slot, Index: uint64(tile)*merkle.TileNodes + 77}
	}
	var want [tiles][]byte
	sign := func(tile int) []byte {
		signature, err := w.ledger.Signature(t.Context(), at(tile))
		if err == nil {
			_, err = ksi.Parse(signature)
		}
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	w.ledger.caches.wholeTop = 0
	for i := range want {
		want[i] = sign(i)
	}
	for _, c := range []struct{ room, first, whole, branches int }{
		{maxBranches, 3, readAhead, 0},
		{maxBranches, tiles - 1, 3, 0},
		{(tiles - 1) * wholeSize, readAhead, 0, readAhead}, // room for all tiles but one
		{(tiles - 1) * wholeSize, 2 * readAhead, 0, 3},
		{wholeSize - 1, 3, 0, 1}, // the one that was asked for
	} {
		w.ledger.caches = newCaches(DefaultCacheBytes)
		w.ledger.caches.wholeTop = c.room
		sign(c.first)
		if whole, branches := w.ledger.caches.whole.held(), len(w.ledger.caches.branches.values); whole != c.whole || branches != c.branches {
			t.Errorf("room for %d bytes, tile %d asked for: %d tiles and %d branches, want %d and %d", c.room, c.first, whole, branches, c.whole, c.branches)
		}
		for i := range want {
			if got := sign(i); !bytes.Equal(got, want[i]) {
				t.Fatalf("room for %d bytes: another proof in tile %d", c.room, i)
			}
		}
	}
}
