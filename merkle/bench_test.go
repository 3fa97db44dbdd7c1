package merkle_test

import (
	"fmt"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

// BenchmarkTree builds subtrees in pieces of 1,024 leaves, as group commits hand them in, with every kernel.
func BenchmarkTree(b *testing.B) {
	for _, n := range []int{1, 64, 1 << 10, 1 << 16, 1 << 20} {
		for _, kernel := range lanes.Kernels() {
			b.Run(fmt.Sprintf("leaves=%d/kernel=%s", n, kernel.Name()), func(b *testing.B) {
				if !kernel.Available() {
					b.Skip("this processor cannot run it")
				}
				leaves := toLeaves(b, merkletest.Random(newRand(1), n, 1))
				b.ReportAllocs()
				var root merkle.Imprint
				for b.Loop() {
					tree := merkle.NewTreeWith(kernel, 0)
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
}

// BenchmarkClose asks a tree for its root after a few more leaves: what is left to do when a round ends.
func BenchmarkClose(b *testing.B) {
	for _, n := range []int{1 << 10, 1 << 16, 1 << 20} {
		for _, kernel := range lanes.Kernels() {
			b.Run(fmt.Sprintf("leaves=%d/kernel=%s", n, kernel.Name()), func(b *testing.B) {
				if !kernel.Available() {
					b.Skip("this processor cannot run it")
				}
				tree := merkle.NewTreeWith(kernel, 0)
				tree.Append(toLeaves(b, merkletest.Random(newRand(1), n-1, 1)))
				piece := toLeaves(b, merkletest.Random(newRand(2), 511, 1))
				b.ReportAllocs()
				for b.Loop() {
					tree.Append(piece)
					tree.Root()
				}
			})
		}
	}
}

// BenchmarkBuild builds trees on several goroutines, of leaves that are made on the way.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []uint64{1 << 16, 1 << 20, 1 << 24} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("leaves=%d/workers=%d/kernel=%s", n, workers, merkle.Kernel()), func(b *testing.B) {
				if testing.Short() && n > 1<<20 {
					b.Skip("a large tree")
				}
				for b.Loop() {
					if _, err := merkle.Build(0, n, workers, fill); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
			})
		}
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
