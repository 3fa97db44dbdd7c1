package index

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkBatch measures what is done with every leaf before the index takes it in: hashing, sorting and finding.
func BenchmarkBatch(b *testing.B) {
	k := storedKey{1, 2, 3}.words()
	rnd := rand.NewChaCha8([32]byte{1})
	digests := make([]byte, 32*MaxBatch)
	if _, err := rnd.Read(digests); err != nil {
		b.Fatal(err)
	}
	hashes := make([]uint64, MaxBatch)
	k.hashPairs(hashes, digests)
	batch := NewBatch(MaxBatch)
	batch.Set(hashes)
	perLeaf := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxBatch, "ns/leaf")
	}
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			for i := range hashes {
				hashes[i] = k.hash(digests[32*i : 32*i+32])
			}
		}
		perLeaf(b)
	})
	b.Run("hash-pairs", func(b *testing.B) {
		for b.Loop() {
			k.hashPairs(hashes, digests)
		}
		perLeaf(b)
	})
	b.Run("set", func(b *testing.B) {
		for b.Loop() {
			batch.Set(hashes)
		}
		perLeaf(b)
	})
	b.Run("find", func(b *testing.B) {
		found := 0
		for i := 0; b.Loop(); i++ {
			batch.Find(hashes[i*977%MaxBatch], func(int) bool { found++; return true })
		}
		if found < b.N {
			b.Fatalf("%d found of %d", found, b.N)
		}
	})
}
