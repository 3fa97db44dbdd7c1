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
		for range 20 {
			bad := bytes.Clone(good)
			bad[len(bad)-1-rng.IntN(len(bad)-10)] ^= byte(1 + rng.IntN(255)) // not the version and the time of a run
			w.mustSet(key, bad)
			w.ledger.caches = newCaches()
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
		w.ledger.caches = newCaches()
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
		w.ledger.caches = newCaches()
		cold, err := w.ledger.Signature(context.Background(), p)
		if err != nil || !bytes.Equal(warm, cold) {
			t.Fatalf("%v: another proof when read anew: %v", p, err)
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
	var r recordCache
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
