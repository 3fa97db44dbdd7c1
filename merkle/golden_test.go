package merkle_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
)

// TestGolden compares rounds with the file. Signatures given out depend on every line of it.
func TestGolden(t *testing.T) {
	const file = "testdata/rounds.txt"
	var out bytes.Buffer
	fmt.Fprint(&out, "# Rounds. Leaf i is the SHA-256 of i in decimal; in mixed lists every third one is the imprint 05 || that || that.\n",
		"# The slot is 2 of 5, all others are empty; the blinding key is 32 bytes 42; the round is 1795310130.\n")
	for _, x := range []struct {
		n     int
		base  merkle.Level
		mixed bool
	}{{1, 0, false}, {1, 32, false}, {2, 0, false}, {3, 0, true}, {7, 32, false}, {300, 0, false}, {1000, 0, true}, {70000, 0, false}} {
		goldenRound(t, &out, x.n, x.base, x.mixed)
	}
	if *rewrite {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%s differs; with -rewrite it becomes:\n%s", file, out.Bytes())
	}
}

func goldenRound(t *testing.T, out *bytes.Buffer, n int, base merkle.Level, mixed bool) {
	const round = 1795310130
	var leaves merkle.Leaves
	for i := range n {
		d := sha256.Sum256(fmt.Append(nil, i))
		im := merkle.Digest(d).Imprint()
		if mixed && i%3 == 2 {
			im = parse(t, append(append([]byte{5}, d[:]...), d[:]...))
		}
		leaves.Append(im)
	}
	tree := merkle.NewTree(base)
	tree.Append(&leaves)
	fmt.Fprintf(out, "\nleaves %d base %d mixed %v\nroot %v level %d\n", n, base, mixed, tree.Root(), tree.RootLevel())
	for h, nodes := range tree.Kept() {
		for _, i := range []int{0, len(nodes) - 1} {
			fmt.Fprintf(out, "kept height %d node %d %v\n", h, i, nodes[i])
		}
	}
	m := merkle.Metadata{ClientID: "jura", MachineID: "jurat.example/main", Sequence: uint64(n), TimeMicros: round * 1e6}
	metadata := m.Append(nil)
	node := merkle.SlotNode(tree.Root(), metadata)
	slots := merkle.NewSlotTree(5, func(slot uint32) merkle.Digest {
		if slot == 2 {
			return node
		}
		return merkle.Blind([32]byte(bytes.Repeat([]byte{0x42}, 32)), round, slot)
	})
	fmt.Fprintf(out, "metadata %x\nslot node %v\nround root %v\n", metadata, node, slots.Root())
	r := newMemory(&leaves, tree)
	for _, i := range []int{0, n / 2, n - 1} {
		chain, err := merkle.ProveLeaf(r, base, uint64(n), uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		goldenChain(t, out, fmt.Sprintf("leaf %d", i), append(chain, merkle.IssuerLink(metadata, base, uint64(n))))
		if i == n-1 {
			break
		}
	}
	goldenChain(t, out, "slot 2", slots.Chain(2))
}

func goldenChain(t *testing.T, out *bytes.Buffer, name string, chain merkle.Chain) {
	index, err := chain.Index()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "chain of %s, index %#x\n", name, index)
	for i, l := range chain {
		side, sibling := "right", l.Sibling.String()
		if l.Left {
			side = "left "
		}
		if l.Metadata != nil {
			sibling = "metadata"
		}
		fmt.Fprintf(out, "\t%2d %s +%d %s\n", i, side, l.Correction, sibling)
	}
}
