package merkle_test

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

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

// BenchmarkKeep builds the same trees with kept nodes and without, in turn, and reports the median of how much longer the first
// takes. Without, the heights are hashed one after the other in memory that is there already, which is all that a root takes.
func BenchmarkKeep(b *testing.B) {
	for _, lg := range []int{10, 16, 20, 22} {
		b.Run(fmt.Sprintf("leaves=%d/kernel=%s", 1<<lg, lanes.Default().Name()), func(b *testing.B) {
			leaves, _ := fill(make([]merkle.Digest, 1<<lg), 0)
			scratch := make([]merkle.Digest, len(leaves)/8)
			source := func(buf []merkle.Digest, first uint64) ([]merkle.Digest, error) {
				return leaves[first:][:len(buf)], nil
			}
			var ratios []float64
			for b.Loop() {
				start := time.Now()
				tree, err := merkle.Build(0, uint64(len(leaves)), 1, source)
				if err != nil {
					b.Fatal(err)
				}
				root := tree.Root()
				keeping := time.Since(start)
				start = time.Now()
				alone := rootAlone(scratch, leaves)
				ratios = append(ratios, float64(keeping)/float64(time.Since(start)))
				if root != alone.Imprint() {
					b.Fatalf("root %v, without kept nodes %v", root, alone)
				}
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "x-root-alone")
			b.ReportMetric(ratios[len(ratios)/4], "x-root-alone-p25")
			b.ReportMetric(ratios[len(ratios)*3/4], "x-root-alone-p75")
		})
	}
}

// rootAlone returns the root over leaves of level 0, a power of two of them. In scratch there is room for an eighth as many.
func rootAlone(scratch, leaves []merkle.Digest) merkle.Digest {
	kernel := lanes.Default()
	for level, nodes := 1, leaves; ; {
		height := min(lanes.MaxHeight, bits.Len(uint(len(nodes)))-1)
		if height == 0 {
			return nodes[0]
		}
		roots := scratch[:len(nodes)>>height]
		kernel.Reduce(lanes.Flat(roots), lanes.Flat(nodes), byte(level), height)
		nodes, scratch, level = roots, scratch[len(roots):], level+height
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
