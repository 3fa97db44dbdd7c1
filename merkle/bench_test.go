package merkle_test

import (
	"fmt"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

// BenchmarkTree builds subtrees in pieces of 1,024 leaves, as group commits hand them in.
func BenchmarkTree(b *testing.B) {
	for _, n := range []int{1, 64, 1 << 10, 1 << 16, 1 << 20} {
		b.Run(fmt.Sprintf("leaves=%d", n), func(b *testing.B) {
			leaves := toLeaves(b, merkletest.Random(newRand(1), n, 1))
			b.ReportAllocs()
			var root merkle.Imprint
			for b.Loop() {
				tree := merkle.NewTree(0)
				for i := 0; i < n; i += 1024 {
					piece := leaves.Slice(i, min(n, i+1024))
					tree.Append(&piece)
				}
				root = tree.Root()
			}
			b.ReportMetric(float64(max(n-1, 1))*float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
			b.Logf("root %v", root)
		})
	}
}

// BenchmarkProveLeaf proves leaves out of memory.
func BenchmarkProveLeaf(b *testing.B) {
	for _, n := range []int{64, 1 << 10, 1 << 17} {
		b.Run(fmt.Sprintf("leaves=%d", n), func(b *testing.B) {
			leaves := toLeaves(b, merkletest.Random(newRand(1), n, 1))
			tree := merkle.NewTree(0)
			tree.Append(leaves)
			r := newMemory(leaves, tree)
			rng := newRand(2)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := merkle.ProveLeaf(r, 0, uint64(n), rng.Uint64N(uint64(n))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
