package ledger

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// Whatever byte of a leaf or of a kept node is damaged: a proof that needs it is refused, and one that is given verifies.
func TestDamageBeforeProof(t *testing.T) {
	const n = 700
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, n)))[0]
	w.pass(2)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, key := range []storage.Key{
		{Kind: storage.KindRun, Round: f.Round, Slot: f.Slot},
		{Kind: storage.KindTile, Round: f.Round, Slot: f.Slot, Height: merkle.KeptStep},
	} {
		good, closer, err := w.store.DB().Get(key.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		good = bytes.Clone(good)
		closer.Close()
		refused := 0
		for k := range 20 {
			bad := bytes.Clone(good)
			bad[len(bad)-1-rng.IntN(len(bad)-10)] ^= byte(1 + rng.IntN(255)) // not the version and the time of a run
			w.mustSet(key, bad)
			w.ledger.caches = newCaches(DefaultCacheBytes)
			if k%2 == 1 {
				w.ledger.caches.wholeTop = 0
			}
			for i := 0; i < n; i += 1 + rng.IntN(40) {
				err := prove(w.ledger, Position{Round: f.Round, Slot: f.Slot, Index: uint64(i)}, digest(i).Imprint())
				if errors.Is(err, storage.ErrCorrupt) {
					refused++
				} else if err != nil {
					t.Fatalf("%s damaged, leaf %d: %v", key, i, err)
				}
			}
		}
		if refused == 0 {
			t.Errorf("%s damaged: nothing refused", key)
		}
		w.mustSet(key, good)
		w.ledger.caches = newCaches(DefaultCacheBytes)
	}
	w.mustProve(Position{Round: f.Round, Slot: f.Slot, Index: n - 1}, digest(n-1).Imprint())
}

func (w *world) mustSet(key storage.Key, value []byte) {
	w.t.Helper()
	if err := w.store.DB().Set(key.Append(nil), value, nil); err != nil {
		w.t.Fatal(err)
	}
}

// Proofs and leaves are the same whether their tiles, records and trunks are kept or read anew, with several slots in a
// round, runs that cross tiles, and filed late into the round.
func TestProofFromCaches(t *testing.T) {
	w := newWorld(t)
	next := 0
	filed := map[Position]merkle.Imprint{}
	for range 3 {
		for _, n := range []int{1, 255, 2, 300} {
			for _, agency := range []string{"canton", "ministry"} {
				f := w.file(request(agency, LaneMain, leaves(next, n)))[0]
				for i := range n {
					filed[Position{Round: f.Round, Slot: f.Slot, Index: f.First + uint64(i)}] = digest(next + i).Imprint()
				}
				next += n
			}
		}
		w.pass(2)
	}
	for p, im := range filed {
		warm, err := w.ledger.Signature(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := w.ledger.Leaf(p)
		if err != nil || leaf.Imprint != im || leaf.Position != p {
			t.Fatalf("%v: leaf %v, %v", p, leaf, err)
		}
		stored, at, err := w.store.Leaf(p.Round, p.Slot, p.Index)
		if err != nil || stored != im || !at.Equal(leaf.FiledAt) {
			t.Fatalf("%v: filed at %v, stored %v: %v", p, leaf.FiledAt, at, err)
		}
		if p.Index%16 != 0 {
			continue
		}
		for _, top := range []int{maxBranches, 0} {
			w.ledger.caches = newCaches(DefaultCacheBytes)
			w.ledger.caches.wholeTop = top
			for _, what := range []string{"read anew", "kept"} {
				again, err := w.ledger.Signature(context.Background(), p)
				if err != nil || !bytes.Equal(warm, again) {
					t.Fatalf("%v: another proof when %s, %d bytes for tiles: %v", p, what, top, err)
				}
			}
			if kept := w.ledger.caches.whole.held(); (kept > 0) != (top > 0 && (p.Index|255) < slotOf(w.ledger.caches.records.round(p.Round), p.Slot).Count) {
				t.Fatalf("%v: %d whole tiles kept, %d bytes for them", p, kept, top)
			}
		}
		w.mustProve(p, im)
	}
	for n := range uint64(next) {
		warm, err := w.ledger.leafNumber(n)
		cold, coldErr := w.store.LeafNumber(n)
		if err != nil || coldErr != nil || warm != cold {
			t.Fatalf("leaf number %d: %v, stored %v: %v, %v", n, warm, cold, err, coldErr)
		}
	}
	for _, p := range []Position{{Round: 1 << 62}, {Round: -1}, {Slot: 9}, {Index: 1}} {
		if _, err := w.ledger.Leaf(p); !errors.Is(err, ErrNotFound) {
			t.Errorf("leaf %v: %v", p, err)
		}
	}
}

// Proofs of the leaves of one tile that is kept, signed and published by turns, are those made without anything kept.
func TestKeptTileByTurns(t *testing.T) {
	const n = 3*merkle.TileNodes + 9
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, n)))[0]
	w.pass(3)
	published := w.publish(f.Round + 1)
	ctx := context.Background()
	for _, i := range []uint64{0, 255, 256, 300, n - 1} {
		p := Position{Round: f.Round, Slot: f.Slot, Index: i}
		var cold [2][]byte
		for turn := range 6 {
			if turn < 2 {
				w.ledger.caches = newCaches(DefaultCacheBytes)
			}
			data, err := w.ledger.Signature(ctx, p)
			if turn%2 == 1 {
				data, err = w.ledger.PublishedSignature(ctx, p, published.Time)
			}
			if err != nil {
				t.Fatal(err)
			}
			if turn < 2 {
				cold[turn] = data
			}
			if !bytes.Equal(data, cold[turn%2]) {
				t.Fatalf("leaf %d, turn %d: %x, made without anything kept %x", i, turn, data, cold[turn%2])
			}
		}
		if bytes.Equal(cold[0], cold[1]) {
			t.Fatalf("leaf %d: the published signature is the signed one", i)
		}
	}
}

// Of a slot with a kept node of height 16, whatever byte of the nodes of height 8 or 16 is damaged: a proof that needs it is refused,
// whether what is below was read before or not, and one that is given verifies.
func TestDamagedUpperNode(t *testing.T) {
	const n = 1<<limbHeight + 300
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, n)))[0]
	w.pass(2)
	places := []int{0, 255, 256, 1<<limbHeight - 1, 1 << limbHeight, n - 1}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, key := range []storage.Key{
		{Kind: storage.KindTile, Round: f.Round, Slot: f.Slot, Height: merkle.KeptStep},
		{Kind: storage.KindTile, Round: f.Round, Slot: f.Slot, Height: limbHeight},
	} {
		good, closer, err := w.store.DB().Get(key.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		good = bytes.Clone(good)
		closer.Close()
		refused := 0
		for k := range 12 {
			w.mustSet(key, good)
			w.ledger.caches = newCaches(DefaultCacheBytes)
			w.ledger.caches.wholeTop = k % 2 * maxBranches
			if k%4 > 1 { // leaves and branches are at hand, what is above them is not
				for _, i := range places {
					w.mustProve(Position{Round: f.Round, Slot: f.Slot, Index: uint64(i)}, digest(i).Imprint())
				}
				fresh := newCaches(DefaultCacheBytes)
				w.ledger.caches.nodes, w.ledger.caches.limbs = fresh.nodes, fresh.limbs
			}
			bad := bytes.Clone(good)
			bad[len(bad)-1-rng.IntN(len(merkle.Digest{}))] ^= byte(1 + rng.IntN(255)) // of the last node, which others need
			w.mustSet(key, bad)
			for _, i := range append(places, rng.IntN(n)) {
				err := prove(w.ledger, Position{Round: f.Round, Slot: f.Slot, Index: uint64(i)}, digest(i).Imprint())
				if errors.Is(err, storage.ErrCorrupt) {
					refused++
				} else if err != nil {
					t.Fatalf("%s damaged, leaf %d: %v", key, i, err)
				}
			}
		}
		if refused < 12 {
			t.Errorf("%s damaged: %d refused", key, refused)
		}
		w.mustSet(key, good)
	}
	w.ledger.caches = newCaches(DefaultCacheBytes)
	w.mustProve(Position{Round: f.Round, Slot: f.Slot, Index: n - 1}, digest(n-1).Imprint())
}

// Whole tiles are kept in the room that branches leave, and go slab by slab.
func TestTileShare(t *testing.T) {
	var source merkle.Tile
	all := leaves(0, merkle.TileNodes)
	tree := merkle.NewTree(0)
	tree.Append(&all)
	if err := source.Read(merkle.NewTreeReader(&all, tree), 0, merkle.TileNodes, 0, 0); err != nil {
		t.Fatal(err)
	}
	tile := &leafTile{Tile: &source}
	const rounds = 3 * slabTiles
	put := func(c *caches, i int) bool {
		return c.keepTile(tileName{round: calendar.Second(i / 2), index: uint64(i % 2)}, tile, 2, nil) != nil
	}
	c := newCaches(DefaultCacheBytes)
	c.wholeTop = 3*slabSize + branchSize + rounds/2*(rowSize+2*placeSize)
	for i := range rounds {
		if !put(c, i) || c.whole.held() != i+1 {
			t.Fatalf("tile %d finds no room, %d are kept", i, c.whole.held())
		}
	}
	for i := range 2 {
		if put(c, rounds+i) {
			t.Fatalf("tile %d finds room", rounds+i)
		}
		if tiles, branches := c.whole.held(), len(c.branches.values); tiles != rounds-i*slabTiles || branches != 1+i {
			t.Fatalf("%d tiles and %d branches", tiles, branches)
		}
	}
	for i := range rounds {
		put(c, 2*rounds+i)
		if bytes := c.whole.size + c.branches.bytes(); bytes > c.wholeTop {
			t.Fatalf("%d bytes of %d", bytes, c.wholeTop)
		}
		for name, row := range c.whole.rows {
			if kept := row.get(0); kept == nil && row.get(1) == nil || kept != nil && kept.Leaf(3) != all.At(3) {
				t.Fatalf("round %d: another tile than was put, or none", name.round)
			}
		}
	}
	c.whole.shrink(0)
	if c.whole.size != 0 || len(c.whole.rows) != 0 || c.whole.held() != 0 {
		t.Fatalf("%d bytes, %d rows and %d tiles of nothing", c.whole.size, len(c.whole.rows), c.whole.held())
	}
}

// What caches hold stays within their limits, and what they give is what was put.
func TestCacheLimits(t *testing.T) {
	c := newCache[int, int](100)
	for i := range 1000 {
		c.put(i, -i, 1+i%7)
		if c.size > 100 {
			t.Fatalf("%d of 100", c.size)
		}
		if v, ok := c.get(i); !ok || v != -i {
			t.Fatalf("%d: %d %v", i, v, ok)
		}
	}
	r := recordCache{limit: maxRecordBytes}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		i := rng.IntN(2000)
		x := &storage.RoundRecord{Round: calendar.Second(i), FirstLeaf: uint64(i * 10), Slots: make([]storage.SlotRound, 1+i%500)}
		x.Slots[0].Count = 7
		r.put(x)
	}
	size := 0
	for _, x := range r.records {
		size += recordSize(x)
	}
	if size != r.size || size > maxRecordBytes || len(r.records) < 100 {
		t.Errorf("%d records of %d bytes, said to be %d", len(r.records), size, r.size)
	}
	hit := 0
	for i := range 2000 {
		x := r.round(calendar.Second(i))
		if x == nil {
			continue
		}
		hit++
		if int(x.Round) != i || r.number(x.FirstLeaf) != x || r.number(x.FirstLeaf+6) != x || r.number(x.FirstLeaf+7) != nil {
			t.Fatalf("round %d: found as %v", i, x.Round)
		}
	}
	if hit != len(r.records) {
		t.Errorf("%d of %d records found", hit, len(r.records))
	}
}

// held returns how many tiles are kept.
func (s *shelf) held() (n int) {
	for _, slab := range s.slabs {
		n += len(slab.names)
	}
	return n
}
