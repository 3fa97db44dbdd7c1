package merkle_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

var rewrite = flag.Bool("rewrite", false, "rewrite golden files")

// soak asks for the long forms of tests.
var soak = os.Getenv("JURAT_SOAK") == "1"

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func parse(t testing.TB, b []byte) merkle.Imprint {
	t.Helper()
	im, err := merkle.ParseImprint(b)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func toLeaves(t testing.TB, imprints [][]byte) *merkle.Leaves {
	t.Helper()
	var l merkle.Leaves
	for _, b := range imprints {
		l.Append(parse(t, b))
	}
	return &l
}

// toChain turns the links of the twin into ours; long siblings that start like metadata are metadata.
func toChain(t testing.TB, links []merkletest.Link) merkle.Chain {
	t.Helper()
	chain := make(merkle.Chain, len(links))
	for i, l := range links {
		chain[i] = merkle.Link{Left: l.Left, Correction: uint8(l.Correction)}
		if l.Sibling[0] == 0x7e {
			chain[i].Metadata = l.Sibling
		} else {
			chain[i].Sibling = parse(t, l.Sibling)
		}
	}
	return chain
}

// toLinks is the inverse of toChain.
func toLinks(chain merkle.Chain) []merkletest.Link {
	links := make([]merkletest.Link, len(chain))
	for i, l := range chain {
		links[i] = merkletest.Link{Left: l.Left, Correction: int(l.Correction), Sibling: l.Metadata}
		if l.Metadata == nil {
			links[i].Sibling = l.Sibling.Append(nil)
		}
	}
	return links
}

func mustEqualLinks(t *testing.T, name string, got merkle.Chain, want []merkletest.Link) {
	t.Helper()
	links := toLinks(got)
	if len(links) != len(want) {
		t.Fatalf("%s: %d links, want %d", name, len(links), len(want))
	}
	for i := range want {
		g, w := links[i], want[i]
		if g.Left != w.Left || g.Correction != w.Correction || !bytes.Equal(g.Sibling, w.Sibling) {
			t.Fatalf("%s: link %d: %v, want %v", name, i, g, w)
		}
	}
}

// memory is a NodeReader over leaves and the kept nodes of a tree. It polices what ProveLeaf may ask for.
type memory struct {
	leaves *merkle.Leaves
	kept   map[uint8][]merkle.Digest
}

func newMemory(leaves *merkle.Leaves, tree *merkle.Tree) *memory {
	m := &memory{leaves: leaves, kept: map[uint8][]merkle.Digest{}}
	for h, nodes := range tree.Kept() {
		m.kept[h] = nodes
	}
	return m
}

func (m *memory) ReadLeaves(dst *merkle.Leaves, first uint64, n int) error {
	if first+uint64(n) > uint64(m.leaves.Len()) || n == 0 {
		return fmt.Errorf("memory: leaves %d+%d of %d", first, n, m.leaves.Len())
	}
	for i := range n {
		dst.Append(m.leaves.At(int(first) + i))
	}
	return nil
}

func (m *memory) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	nodes := m.kept[height]
	if first+uint64(len(dst)) > uint64(len(nodes)) || len(dst) == 0 {
		return fmt.Errorf("memory: nodes %d+%d of %d at height %d", first, len(dst), len(nodes), height)
	}
	copy(dst, nodes[first:])
	return nil
}
