package merkle_test

import (
	"bytes"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
)

// randomLeaves returns n random leaves of an algorithm.
func randomLeaves(t testing.TB, alg merkle.Algorithm, n int, seed uint64) *merkle.Leaves {
	t.Helper()
	rng := newRand(seed)
	var l merkle.Leaves
	digest := make([]byte, alg.Size())
	for range n {
		for i := range digest {
			digest[i] = byte(rng.Uint32())
		}
		im, err := merkle.NewImprint(alg, digest)
		if err != nil {
			t.Fatal(err)
		}
		l.Append(im)
	}
	return &l
}

// readTile returns a tile of leaves of a tree over leaves.
func readTile(t testing.TB, leaves *merkle.Leaves, base merkle.Level, index uint64) *merkle.Tile {
	t.Helper()
	tree := merkle.NewTree(base)
	tree.Append(leaves)
	tile, err := merkle.ReadTile(merkle.NewTreeReader(leaves, tree), base, uint64(leaves.Len()), 0, index)
	if err != nil {
		t.Fatal(err)
	}
	return tile
}

// The ways from all leaves of two tiles, in groups of every size from 1 to 40 and of all, are the chains that AppendPath gives, and lead
// to the tops of the tiles, in the memory of Copy too.
func TestPaths(t *testing.T) {
	for _, base := range []merkle.Level{0, 32} {
		leaves := randomLeaves(t, merkle.SHA256, 2*merkle.TileNodes, uint64(base))
		tiles := []*merkle.Tile{readTile(t, leaves, base, 0), readTile(t, leaves, base, 1).Copy(make([]byte, merkle.CopyBytes))}
		var p merkle.Paths
		at := func(i int) (*merkle.Tile, uint64) { return tiles[i%2], uint64(i/2) % merkle.TileNodes }
		next := 0
		for size := range 41 {
			if size == 0 {
				size = 2 * merkle.TileNodes
			}
			p.Reset()
			first := next
			for ; next < first+size; next++ {
				if tile, i := at(next); !p.Add(tile, i) {
					t.Fatalf("leaf %d cannot be added", i)
				}
			}
			p.Hash()
			if p.Len() != size {
				t.Fatalf("%d ways of %d", p.Len(), size)
			}
			for k := range size {
				tile, i := at(first + k)
				checkPath(t, &p, k, tile, i)
			}
		}
	}
}

// checkPath demands that way k is that from leaf i of a tile.
func checkPath(t *testing.T, p *merkle.Paths, k int, tile *merkle.Tile, i uint64) {
	t.Helper()
	want := tile.AppendPath(nil, i)
	chain := make(merkle.Chain, merkle.KeptStep)
	for j := range chain {
		chain[j] = merkle.Link{Left: p.Index(k)>>j&1 == 1, Sibling: p.Sibling(k, j).Imprint()}
	}
	chain[0].Correction = p.Correction()
	for j := range want {
		if l := chain[j]; l.Left != want[j].Left || l.Correction != want[j].Correction || l.Sibling != want[j].Sibling {
			t.Fatalf("leaf %d, link %d: %v, want %v", i, j, l, want[j])
		}
	}
	node, level, err := want.Root(tile.Leaf(i), 0)
	top, up := p.Top(k)
	kept, ok := tile.Top()
	if err != nil || !ok || p.Leaf(k) != tile.Leaf(i) || top.Imprint() != node || kept != top || up != level || bytes.Equal(top[:], make([]byte, len(top))) {
		t.Fatalf("leaf %d leads to %s of level %d, want %s of level %d: %v", i, top, up, node, level, err)
	}
}

// Paths takes whole tiles of SHA-256 leaves of one level alone.
func TestPathsRefuse(t *testing.T) {
	whole := readTile(t, randomLeaves(t, merkle.SHA256, merkle.TileNodes, 1), 0, 0)
	mixed := randomLeaves(t, merkle.SHA256, merkle.TileNodes-1, 2)
	mixed.AppendLeaves(randomLeaves(t, merkle.SHA512, 1, 3))
	branch, _ := whole.Branch()
	leaves := whole.Leaves().Slice(0, merkle.CutNodes)
	cut, ok := branch.Cut(leaves, 0, 0)
	if !ok {
		t.Fatal("no cut")
	}
	long := readTile(t, randomLeaves(t, merkle.SHA512, merkle.TileNodes, 4), 0, 0)
	for name, tile := range map[string]*merkle.Tile{
		"short":         readTile(t, randomLeaves(t, merkle.SHA256, merkle.TileNodes-1, 5), 0, 0),
		"long digests":  long,
		"a copy":        long.Copy(make([]byte, merkle.CopyBytes)),
		"mixed":         readTile(t, mixed, 0, 0),
		"cut":           cut,
		"another level": readTile(t, randomLeaves(t, merkle.SHA256, merkle.TileNodes, 6), 32, 0),
	} {
		var p merkle.Paths
		if p.Add(whole, 3); p.Add(tile, 3) || p.Len() != 1 {
			t.Errorf("%s: taken", name)
		}
	}
	kept := long.Copy(make([]byte, merkle.CopyBytes))
	one, _ := long.Top()
	if other, ok := kept.Top(); !ok || one != other || kept.Leaf(7) != long.Leaf(7) {
		t.Error("the copy of a tile of long digests is another")
	}
}
