package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// Two digests hashed together have the hashes that each has by itself.
func TestHashAll(t *testing.T) {
	x := newWorld(t).x
	rnd := rand.NewChaCha8([32]byte{7})
	for _, size := range []int{20, 32, 48, 64} {
		for n := range 9 {
			digests := make([]byte, n*size)
			if _, err := rnd.Read(digests); err != nil {
				t.Fatal(err)
			}
			got := make([]uint64, n)
			x.HashAll(got, digests, size)
			for i, h := range got {
				if want := x.Hash(digests[i*size : (i+1)*size]); h != want {
					t.Errorf("%d of %d digests of %d bytes: %#x, want %#x", i, n, size, h, want)
				}
			}
		}
	}
}

// naivePlaces returns the places of the hashes that agree with hash in what a batch keeps of it, the last first.
func naivePlaces(hashes []uint64, hash uint64) (places []int) {
	for i := len(hashes) - 1; i >= 0; i-- {
		if (hashes[i]^hash)>>(positionBits-batchBits) == 0 {
			places = append(places, i)
		}
	}
	return places
}

// A batch finds what a search through its hashes finds, also when its memory is used again.
func TestBatchTwin(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	pool := NewBatches()
	list := []*Batch{pool.Get(), pool.Get(), NewBatch(0)}
	for range 100 {
		b := list[rnd.IntN(len(list))]
		hashes := make([]uint64, rnd.IntN([]int{2, 10, 1000, 10000}[rnd.IntN(4)]))
		for i := range hashes {
			switch h := rnd.Uint64(); {
			case i > 0 && h%4 == 0:
				hashes[i] = hashes[rnd.IntN(i)]
			case i > 0 && h%4 == 1:
				hashes[i] = hashes[rnd.IntN(i)] ^ 1<<rnd.IntN(64)
			default:
				hashes[i] = h
			}
		}
		b.Set(hashes)
		if b.Len() != len(hashes) {
			t.Fatalf("%d leaves, want %d", b.Len(), len(hashes))
		}
		stored := make([]uint64, len(hashes))
		b.Hashes(stored)
		for i, h := range hashes {
			if storedBits(stored[i]) != storedBits(h) {
				t.Fatalf("hash %d comes back as %#x, was %#x", i, stored[i], h)
			}
		}
		for range 20 {
			hash := rnd.Uint64()
			if len(hashes) > 0 && hash%8 > 0 {
				hash = hashes[rnd.IntN(len(hashes))]
			}
			want := naivePlaces(hashes, hash)
			most := rnd.IntN(len(want) + 2) // after so many yield says stop
			var got []int
			all := b.Find(hash, func(place int) bool {
				got = append(got, place)
				return len(got) != most
			})
			stopped := most > 0 && most <= len(want)
			if stopped {
				want = want[:most]
			}
			if !slices.Equal(got, want) || all == stopped {
				t.Fatalf("%#x is found at %v, all: %v; want %v", hash, got, all, want)
			}
		}
	}
}

// dump returns all that the database holds.
func dump(t *testing.T, db *pebble.DB) []byte {
	t.Helper()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for ok := it.First(); ok; ok = it.Next() {
		b = append(append(append(b, it.Key()...), 0), it.Value()...)
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

// Batches are stored as their hashes are: in runs of fewer buckets than a batch has, and in larger ones; also when all are of
// one digest.
func TestAddBatches(t *testing.T) {
	for _, c := range []struct{ n, different int }{
		{1, 1}, {1000, 700}, {1 << 17, 1 << 17}, {1<<17 + 1, 1 << 17}, {1 << 18, 1}, {300_000, 200_000}, {1<<20 + 5, 1 << 20},
	} {
		t.Run(fmt.Sprintf("leaves=%d/different=%d", c.n, c.different), func(t *testing.T) {
			plain, batched := newWorld(t), newWorld(t)
			leaves := stream(func(i uint64) digest { return numbered(i % uint64(c.different)) }, 0, c.n)
			plain.add(leaves...)
			var list []*Batch
			rnd := rand.New(rand.NewPCG(1, uint64(c.n)))
			for rest := hashes(batched.x, leaves); len(rest) > 0; {
				k := min(len(rest), 1+rnd.IntN(MaxBatch))
				b := NewBatch(k)
				b.Set(rest[:k])
				list, rest = append(list, b), rest[k:]
			}
			if err := batched.x.AddBatches(0, list); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(dump(t, plain.db), dump(t, batched.db)) {
				t.Error("batches are stored in another way than their hashes")
			}
			if err := batched.x.AddBatches(0, list); err == nil {
				t.Error("batches are added twice")
			}
		})
	}
}
