package merkle_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

const smallest, largest = 1, 70 // leaves of the exhaustive trees

// kinds are the lists of leaves that differ in how they are hashed.
var kinds = []struct {
	name       string
	base       merkle.Level
	algorithms []byte
}{
	{"sha256", 0, []byte{1}},
	{"sha256 base 32", 32, []byte{1}},
	{"sha512", 0, []byte{5}},
	{"sha3-256", 0, []byte{8}}, // as long as SHA-256
	{"mixed", 0, merkletest.Algorithms},
	{"mixed base 32", 32, []byte{1, 5, 8}},
}

// issuer is the metadata of the tests.
var issuer = merkle.Metadata{ClientID: "jura", MachineID: "jurat.example/main", Sequence: 7, TimeMicros: 1795310130000000}

// TestSmallTrees compares each tree with its naive twin: root, level, each leaf's chain, with and without the issuer link.
func TestSmallTrees(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			rng := newRand(1)
			for n := smallest; n <= largest; n++ {
				imprints := merkletest.Random(rng, n, kind.algorithms...)
				leaves := toLeaves(t, imprints)
				tree := merkle.NewTree(kind.base)
				tree.Append(leaves)
				root, level := merkletest.Subtree(imprints, int(kind.base))
				if got := tree.Root(); got != parse(t, root) || int(tree.RootLevel()) != level || tree.Count() != uint64(n) {
					t.Fatalf("n=%d: root %v level %d, want %x level %d", n, got, tree.RootLevel(), root, level)
				}
				for i := range imprints {
					checkLeaf(t, newMemory(leaves, tree), kind.base, imprints, i)
				}
			}
		})
	}
}

// checkLeaf compares one chain with the twin's, up to the slot node.
func checkLeaf(t *testing.T, r *memory, base merkle.Level, imprints [][]byte, i int) {
	t.Helper()
	name := fmt.Sprintf("leaf %d of %d", i, len(imprints))
	n := uint64(len(imprints))
	chain, err := merkle.ProveLeaf(r, base, n, uint64(i))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	links := merkletest.SubtreePath(imprints, int(base), i)
	mustEqualLinks(t, name, chain, links)

	metadata := issuer.Append(nil)
	root, reached := merkletest.Climb(imprints[i], 0, links)
	link, node := merkletest.Issue(root, reached, metadata)
	chain = append(chain, merkle.IssuerLink(metadata, base, n))
	mustEqualLinks(t, name, chain, append(links, link))
	got, level, err := chain.Root(parse(t, imprints[i]), 0)
	if err != nil || got != parse(t, node) || level != merkle.SlotLevel {
		t.Fatalf("%s: slot node %v level %d, want %x: %v", name, got, level, node, err)
	}
	if slot := merkle.SlotNode(parse(t, root), metadata); slot.Imprint() != got {
		t.Fatalf("%s: slot node %v, chain leads to %v", name, slot, got)
	}
}

// TestChangedChains changes each link of each chain of each small round in each way: none may lead to the root.
func TestChangedChains(t *testing.T) {
	rng := newRand(2)
	for n := smallest; n <= largest; n++ {
		imprints := merkletest.Random(rng, n, 1, 5)
		leaves := toLeaves(t, imprints)
		tree := merkle.NewTree(0)
		tree.Append(leaves)
		metadata := issuer.Append(nil)
		slots := make([]merkle.Digest, 4)
		for i := range slots {
			slots[i] = merkle.Blind([32]byte{}, int64(n), uint32(i))
		}
		slots[2] = merkle.SlotNode(tree.Root(), metadata)
		round := merkle.NewSlotTree(3, func(slot uint32) merkle.Digest { return slots[slot] })
		r := newMemory(leaves, tree)
		for i := range imprints {
			chain, err := merkle.ProveLeaf(r, 0, uint64(n), uint64(i))
			if err != nil {
				t.Fatal(err)
			}
			chain = append(chain, merkle.IssuerLink(metadata, 0, uint64(n)))
			chain = append(chain, round.Chain(2)...)
			start, root := parse(t, imprints[i]), round.Root().Imprint()
			if got, level, err := chain.Root(start, 0); err != nil || got != root || level != merkle.SlotLevel+2 {
				t.Fatalf("n=%d leaf %d: %v level %d, want %v: %v", n, i, got, level, root, err)
			}
			checkChanges(t, fmt.Sprintf("n=%d leaf %d", n, i), chain, start, root)
			if other := leaves.At((i + 1) % n); other != start {
				if got, _, err := chain.Root(other, 0); err == nil && got == root {
					t.Fatalf("n=%d leaf %d: proves its neighbour", n, i)
				}
			}
		}
	}
}

// checkChanges changes each link of a chain in each way: it may then not lead to root.
func checkChanges(t *testing.T, name string, chain merkle.Chain, node, root merkle.Imprint) {
	t.Helper()
	step := 11 // bits; coprime to 8, so that each bit of a byte has its turn
	if soak {
		step = 1
	}
	var level merkle.Level
	for i := range chain { // node and level are those below link i
		check := func(what string, c merkle.Chain) {
			if got, _, err := c.Root(node, level); err == nil && got == root {
				t.Fatalf("%s: link %d %s: same root", name, i, what)
			}
		}
		alter := func(what string, f func(*merkle.Link)) {
			c := slices.Clone(chain[i:])
			f(&c[0])
			check(what, c)
		}
		check("dropped", chain[i+1:])
		alter("turned", func(l *merkle.Link) { l.Left = !l.Left })
		alter("one level up", func(l *merkle.Link) { l.Correction++ })
		alter("one level down", func(l *merkle.Link) { l.Correction-- })
		alter("emptied", func(l *merkle.Link) { l.Sibling, l.Metadata = merkle.Imprint{}, nil })
		alter("doubled", func(l *merkle.Link) { l.Sibling, l.Metadata = merkle.Digest{}.Imprint(), []byte{} })
		if i+1 < len(chain) {
			c := slices.Clone(chain[i:])
			c[0], c[1] = c[1], c[0]
			check("swapped with the next", c)
		}
		for bit := 0; bit < 8*(len(chain[i].Metadata)+len(chain[i].Sibling.Digest())); bit += step {
			alter("flipped", func(l *merkle.Link) { flip(t, l, bit) })
		}
		var err error
		if node, level, err = chain[i:i+1].Root(node, level); err != nil {
			t.Fatalf("%s: link %d: %v", name, i, err)
		}
	}
}

func flip(t *testing.T, l *merkle.Link, bit int) {
	if l.Metadata != nil {
		l.Metadata = slices.Clone(l.Metadata)
		l.Metadata[bit/8] ^= 1 << (bit % 8)
		return
	}
	b := l.Sibling.Append(nil)
	b[1+bit/8] ^= 1 << (bit % 8)
	l.Sibling = parse(t, b)
}

// TestRandomRounds compares random rounds of several slots, built in random pieces, with their naive twins.
func TestRandomRounds(t *testing.T) {
	sizes := []int{1, 255, 256, 257, 3000, 100_000}
	if soak {
		sizes = append(sizes, 65_535, 65_536, 65_537, 99_999, 80_000, 90_000)
	}
	for seed, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			rng := newRand(uint64(seed))
			slotCount := 1 + rng.IntN(9)
			var key [32]byte
			nodes := make([][]byte, 1<<merkle.SlotTreeHeight(uint32(slotCount)))
			for i := range nodes {
				nodes[i] = merkletest.Blind(key[:], uint64(seed), uint32(i))
			}
			got := map[uint32]merkle.Digest{}
			for slot, rest := uint32(0), size; slot < uint32(slotCount) && rest > 0; slot++ {
				n := rng.IntN(rest + 1)
				if slot == uint32(slotCount)-1 {
					n = rest
				}
				rest -= n
				if n == 0 {
					continue
				}
				kind := kinds[rng.IntN(len(kinds))]
				imprints := merkletest.Random(rng, n, kind.algorithms...)
				leaves := toLeaves(t, imprints)
				tree := merkle.NewTree(kind.base)
				for i := 0; i < n; {
					j := min(n, i+1+rng.IntN(1+rng.IntN(n)))
					piece := leaves.Slice(i, j)
					tree.Append(&piece)
					i = j
				}
				root, reached := merkletest.Subtree(imprints, int(kind.base))
				if n == 1 {
					reached = 0
				}
				meta := merkle.Metadata{ClientID: "a", MachineID: fmt.Sprint(slot), Sequence: uint64(seed), TimeMicros: 5}
				_, nodes[slot] = merkletest.Issue(root, reached, merkletest.Metadata("a", fmt.Sprint(slot), uint64(seed), 5))
				got[slot] = merkle.SlotNode(tree.Root(), meta.Append(nil))
				r := newMemory(leaves, tree)
				for range 4 {
					checkLeaf(t, r, kind.base, imprints, rng.IntN(n))
				}
			}
			checkSlots(t, uint32(slotCount), nodes, func(slot uint32) merkle.Digest {
				if d, ok := got[slot]; ok {
					return d
				}
				return merkle.Blind(key, int64(seed), slot)
			})
		})
	}
}

// checkSlots compares a slot tree and all its chains with the twin's over nodes.
func checkSlots(t *testing.T, slots uint32, nodes [][]byte, at func(uint32) merkle.Digest) {
	t.Helper()
	tree := merkle.NewSlotTree(slots, at)
	for i := range nodes {
		root, links := merkletest.Slots(nodes, i)
		if tree.Root().Imprint() != parse(t, root) {
			t.Fatalf("%d slots: root %v, want %x", slots, tree.Root(), root)
		}
		chain := tree.Chain(uint32(i))
		mustEqualLinks(t, fmt.Sprintf("slot %d of %d", i, slots), chain, links)
		got, level, err := chain.Root(parse(t, nodes[i]), merkle.SlotLevel)
		if err != nil || got != parse(t, root) || int(level) != 64+len(links) {
			t.Fatalf("slot %d of %d: %v level %d: %v", i, slots, got, level, err)
		}
	}
}

func TestSlotTree(t *testing.T) {
	rng := newRand(3)
	for slots := uint32(1); slots <= 70; slots++ {
		nodes := merkletest.Random(rng, 1<<merkle.SlotTreeHeight(slots), 1)
		if len(nodes) < int(slots) || len(nodes) >= 2*int(slots) {
			t.Fatalf("%d slots: %d positions", slots, len(nodes))
		}
		checkSlots(t, slots, nodes, func(slot uint32) merkle.Digest { return merkle.Digest(nodes[slot][1:]) })
	}
}

func TestBlind(t *testing.T) {
	key := [32]byte{1, 2, 3, 31: 9}
	for _, round := range []int64{0, 1, 1795310130, 1 << 40} {
		for _, slot := range []uint32{0, 1, 255, 1 << 31} {
			want := merkletest.Blind(key[:], uint64(round), slot)
			if got := merkle.Blind(key, round, slot); !bytes.Equal(got[:], want[1:]) {
				t.Errorf("round %d slot %d: %v, want %x", round, slot, got, want)
			}
		}
	}
}

// TestPieces builds one list of leaves in every way to cut it in three: root and kept nodes never differ, and asking for
// them midway changes nothing.
func TestPieces(t *testing.T) {
	imprints := merkletest.Random(newRand(4), 600, 1)
	leaves := toLeaves(t, imprints)
	whole := merkle.NewTree(0)
	whole.Append(leaves)
	for i := 0; i <= leaves.Len(); i += 13 {
		for j := i; j <= leaves.Len(); j += 17 {
			tree := merkle.NewTree(0)
			for _, cut := range [][2]int{{0, i}, {i, j}, {j, leaves.Len()}} {
				piece := leaves.Slice(cut[0], cut[1])
				tree.Append(&piece)
				if cut[1] > 0 && i%2 == 0 {
					if want, _ := merkletest.Subtree(imprints[:cut[1]], 0); j%5 == 0 && tree.Root() != parse(t, want) {
						t.Fatalf("cut at %d, %d: root of %d leaves", i, j, cut[1])
					}
					tree.Root()
				}
			}
			if tree.Root() != whole.Root() {
				t.Fatalf("cut at %d, %d: root %v, want %v", i, j, tree.Root(), whole.Root())
			}
			mustEqualKept(t, tree, whole)
		}
	}
}

func mustEqualKept(t *testing.T, got, want *merkle.Tree) {
	t.Helper()
	kept := map[uint8][]merkle.Digest{}
	for h, nodes := range got.Kept() {
		kept[h] = nodes
	}
	for h, nodes := range want.Kept() {
		if !slices.Equal(kept[h], nodes) {
			t.Fatalf("height %d: %d kept nodes differ from %d", h, len(kept[h]), len(nodes))
		}
		delete(kept, h)
	}
	if len(kept) > 0 {
		t.Fatalf("kept heights %v too many", kept)
	}
}

// TestKept compares all kept nodes of a tree of three kept heights' worth of leaves with the twin's.
func TestKept(t *testing.T) {
	imprints := merkletest.Random(newRand(5), 1<<16+300, 1)
	tree := merkle.NewTree(32)
	tree.Append(toLeaves(t, imprints))
	heights := 0
	for h, nodes := range tree.Kept() {
		heights++
		if want := len(imprints) >> h; len(nodes) != want {
			t.Fatalf("height %d: %d nodes, want %d", h, len(nodes), want)
		}
		for i, node := range nodes {
			want, level := merkletest.Subtree(imprints[i<<h:(i+1)<<h], 32)
			if node.Imprint() != parse(t, want) || level != 32+int(h) {
				t.Fatalf("height %d node %d: %v, want %x", h, i, node, want)
			}
		}
	}
	if heights != 2 {
		t.Fatalf("%d kept heights, want 2", heights)
	}
}

// TestReads bounds what a proof reads: per eight heights one tile on the leaf's way and one at the right edge.
func TestReads(t *testing.T) {
	rng := newRand(6)
	sizes := []uint64{1, 2, 255, 256, 257, 511, 513, 65535, 65536, 65537, 1 << 24, 1<<24 + 1, 1<<40 + 12345, 1<<63 - 1, 1 << 63}
	for range 200 {
		sizes = append(sizes, 1+rng.Uint64N(1<<(1+rng.IntN(40))))
	}
	for _, n := range sizes {
		indices := []uint64{0, n - 1, n / 2, n / 3, (n - 1) &^ 255}
		for range 10 {
			indices = append(indices, rng.Uint64N(n))
		}
		for _, i := range indices {
			r := &bounds{t: t, n: n, calls: map[uint8]int{}}
			chain, err := merkle.ProveLeaf(r, 0, n, i)
			if err != nil {
				t.Fatal(err)
			}
			if limit := 512 * (len(chain)/8 + 1); r.read > limit {
				t.Fatalf("leaf %d of %d: %d read, at most %d", i, n, r.read, limit)
			}
			for h, calls := range r.calls {
				if calls > 2 || (n&(n-1) == 0 && calls > 1) {
					t.Fatalf("leaf %d of %d: %d reads at height %d", i, n, calls, h)
				}
			}
		}
	}
}

// bounds is a NodeReader over made-up nodes that polices ranges.
type bounds struct {
	t     *testing.T
	n     uint64
	calls map[uint8]int
	read  int
}

func (b *bounds) check(height uint8, first uint64, n int) {
	tile := first >> merkle.KeptStep
	if n < 1 || first+uint64(n) > b.n>>height || (first+uint64(n)-1)>>merkle.KeptStep != tile || height%merkle.KeptStep != 0 {
		b.t.Fatalf("%d leaves: read of %d nodes from %d at height %d", b.n, n, first, height)
	}
	b.calls[height]++
	b.read += n
}

func (b *bounds) ReadLeaves(dst *merkle.Leaves, first uint64, n int) error {
	b.check(0, first, n)
	dst.AppendDigests(merkle.SHA256, make([]byte, 32*n))
	return nil
}

func (b *bounds) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	b.check(height, first, len(dst))
	return nil
}

// failing is a NodeReader whose k-th read fails, or comes back short.
type failing struct {
	*bounds
	k     int
	short bool
}

var errRead = errors.New("disk on fire")

func (f *failing) fails() bool { f.k--; return f.k == -1 }

func (f *failing) ReadLeaves(dst *merkle.Leaves, first uint64, n int) error {
	if !f.fails() {
		return f.bounds.ReadLeaves(dst, first, n)
	}
	if f.short {
		return f.bounds.ReadLeaves(dst, first, n-1)
	}
	return errRead
}

func (f *failing) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	if f.fails() {
		return errRead
	}
	return f.bounds.ReadNodes(dst, height, first)
}

func TestFailingReads(t *testing.T) {
	const n, i = 1 << 20, 12345
	for k := 0; ; k++ {
		_, err := merkle.ProveLeaf(&failing{bounds: &bounds{t: t, n: n, calls: map[uint8]int{}}, k: k}, 0, n, i)
		if err == nil {
			if k != 3 {
				t.Fatalf("%d reads, want 3", k)
			}
			break
		}
		if !errors.Is(err, errRead) {
			t.Fatalf("read %d: %v", k, err)
		}
	}
	if _, err := merkle.ProveLeaf(&failing{bounds: &bounds{t: t, n: n, calls: map[uint8]int{}}, short: true}, 0, n, i); err == nil {
		t.Fatal("a short read went unnoticed")
	}
	for _, bad := range []struct {
		base merkle.Level
		n, i uint64
	}{{0, 0, 0}, {0, 5, 5}, {32, 1<<31 + 1, 0}, {0, 1<<63 + 1, 7}} {
		if _, err := merkle.ProveLeaf(&bounds{t: t}, bad.base, bad.n, bad.i); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

func TestLimits(t *testing.T) {
	if got := merkle.MaxLeaves(32); got != 1<<31 {
		t.Errorf("MaxLeaves(32) = %d", got)
	}
	if got := merkle.RootLevel(32, 1<<31); got != merkle.SlotLevel-1 {
		t.Errorf("RootLevel(32, 2^31) = %d", got)
	}
	for name, f := range map[string]func(){
		"base level of a slot":  func() { merkle.NewTree(merkle.SlotLevel) },
		"too many leaves":       func() { tree := merkle.NewTree(63); tree.Append(toLeaves(t, merkletest.Random(newRand(1), 2, 1))) },
		"root of no leaves":     func() { merkle.NewTree(0).Root() },
		"level of no leaves":    func() { merkle.NewTree(0).RootLevel() },
		"round without slots":   func() { merkle.SlotTreeHeight(0) },
		"slot outside its tree": func() { merkle.NewSlotTree(1, func(uint32) merkle.Digest { return merkle.Digest{} }).Chain(1) },
		"leaf outside its tree": func() { shape.Path(3, 3) },
	} {
		mustPanic(t, name, f)
	}
}

func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", name)
		}
	}()
	f()
}
