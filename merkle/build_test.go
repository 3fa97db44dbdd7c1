package merkle_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

// made returns leaf i of the trees here: cheap, and none like another.
func made(i uint64) (d merkle.Digest) {
	x := (i + 1) * 0x9e3779b97f4a7c15
	for k := 0; k < len(d); k += 8 {
		x ^= x >> 29
		x *= 0xbf58476d1ce4e5b9
		binary.LittleEndian.PutUint64(d[k:], x)
	}
	return d
}

func fill(buf []merkle.Digest, first uint64) ([]merkle.Digest, error) {
	for i := range buf {
		buf[i] = made(first + uint64(i))
	}
	return buf, nil
}

// appended returns the tree that Append makes of n leaves, in pieces.
func appended(base merkle.Level, n, piece uint64) *merkle.Tree {
	tree := merkle.NewTree(base)
	buf := make([]merkle.Digest, piece)
	for i := uint64(0); i < n; i += piece {
		_, _ = fill(buf, i)
		var leaves merkle.Leaves
		leaves.AppendDigests(merkle.SHA256, lanes.Flat(buf[:min(n-i, piece)]))
		tree.Append(&leaves)
	}
	return tree
}

// TestKernelTrees builds trees with every kernel, in random pieces, of SHA-256 leaves that others sometimes follow, asks
// midway, and compares with the naive twin.
func TestKernelTrees(t *testing.T) {
	for _, kernel := range lanes.Kernels() {
		t.Run(kernel.Name(), func(t *testing.T) {
			if !kernel.Available() {
				t.Skip("this processor cannot run it")
			}
			for seed := range uint64(40) {
				rng := newRand(seed)
				n := 1 + rng.IntN(1<<(4+seed%11))
				imprints := merkletest.Random(rng, n, 1)
				if seed%4 == 3 {
					imprints = append(imprints, merkletest.Random(rng, 1+rng.IntN(600), 1, 5)...)
				}
				leaves := toLeaves(t, imprints)
				tree := merkle.NewTreeWith(kernel, 32)
				for i := 0; i < len(imprints); {
					j := min(len(imprints), i+1+rng.IntN(1+rng.IntN(3000)))
					piece := leaves.Slice(i, j)
					tree.Append(&piece)
					if i = j; rng.IntN(4) > 0 {
						continue
					}
					if want, _ := merkletest.Subtree(imprints[:i], 32); tree.Root() != parse(t, want) {
						t.Fatalf("seed %d: root of %d leaves", seed, i)
					}
				}
				want, _ := merkletest.Subtree(imprints, 32)
				if tree.Root() != parse(t, want) {
					t.Fatalf("seed %d: root of %d leaves", seed, len(imprints))
				}
				for h, nodes := range tree.Kept() {
					if len(nodes) != len(imprints)>>h {
						t.Fatalf("seed %d: %d nodes of height %d over %d leaves", seed, len(nodes), h, len(imprints))
					}
					for i, node := range nodes {
						if want, _ := merkletest.Subtree(imprints[i<<h:(i+1)<<h], 32); node.Imprint() != parse(t, want) {
							t.Fatalf("seed %d: node %d of height %d", seed, i, h)
						}
					}
				}
			}
		})
	}
}

// TestBuild compares trees built by several goroutines with those built leaf by leaf, and goes on appending to them.
func TestBuild(t *testing.T) {
	sizes := []uint64{0, 1, 5, 4097, 1<<13 - 1, 1 << 13, 1<<13 + 1, 1 << 16, 5<<16 + 777}
	if soak {
		sizes = append(sizes, 1<<25+5) // kept nodes in large pages
	}
	for _, n := range sizes {
		for _, workers := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("leaves=%d/workers=%d", n, workers), func(t *testing.T) {
				tree, err := merkle.Build(7, n, workers, fill)
				if err != nil {
					t.Fatal(err)
				}
				want := appended(7, n, 1000)
				if tree.Count() != n {
					t.Fatalf("%d leaves", tree.Count())
				}
				for range 2 {
					if n > 0 && tree.Root() != want.Root() {
						t.Fatalf("root %v, want %v", tree.Root(), want.Root())
					}
					mustEqualKept(t, tree, want)
					more := toLeaves(t, merkletest.Random(newRand(n), 700, 1))
					tree.Append(more)
					want.Append(more)
					n = tree.Count()
				}
			})
		}
	}
}

// TestBuildSource has a source give leaves from memory of its own, few at a time, fail at every call in turn, and break
// its contract.
func TestBuildSource(t *testing.T) {
	const n = 2<<16 + 5000
	all, _ := fill(make([]merkle.Digest, n), 0)
	broken := errors.New("tape torn")
	var calls atomic.Int64
	at := int64(1 << 62)
	source := func(buf []merkle.Digest, first uint64) ([]merkle.Digest, error) {
		if calls.Add(1) == at {
			return nil, broken
		}
		return all[first : first+1+first%uint64(len(buf))%3000], nil
	}
	small := func(buf []merkle.Digest, first uint64) ([]merkle.Digest, error) {
		leaves, err := source(buf, first)
		return leaves[:min(len(leaves), len(buf))], err
	}
	tree, err := merkle.Build(0, n, 2, small)
	if err != nil {
		t.Fatal(err)
	}
	want := appended(0, n, 999)
	if tree.Root() != want.Root() {
		t.Fatalf("root %v, want %v", tree.Root(), want.Root())
	}
	mustEqualKept(t, tree, want)
	for at = calls.Load(); at > 0; at -= 7 {
		calls.Store(0)
		if _, err := merkle.Build(0, n, 2, small); !errors.Is(err, broken) {
			t.Fatalf("call %d failed, Build says %v", at, err)
		}
	}
	for name, bad := range map[string]merkle.Source{
		"nothing": func([]merkle.Digest, uint64) ([]merkle.Digest, error) { return nil, nil },
		"too much": func(buf []merkle.Digest, _ uint64) ([]merkle.Digest, error) {
			return make([]merkle.Digest, len(buf)+1), nil
		},
	} {
		if _, err := merkle.Build(0, n, 2, bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	mustPanic(t, "no workers", func() { _, _ = merkle.Build(0, 1, 0, fill) })
	mustPanic(t, "too many leaves", func() { _, _ = merkle.Build(63, 2, 1, fill) })
}

func TestUseKernel(t *testing.T) {
	if err := merkle.UseKernel("none such"); err == nil {
		t.Error("a kernel that does not exist")
	}
	if err := merkle.UseKernel(merkle.Kernel()); err != nil {
		t.Error(err)
	}
}
