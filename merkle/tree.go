package merkle

import (
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
)

// KeptStep is the distance of the heights whose nodes are kept: 8, 16, 24 and so on. The height of a node counts from the
// leaves, which have height 0, whatever their level.
const KeptStep = shape.Step

// MaxLeaves returns how many leaves a subtree with this base level may have: as many as keep its root below SlotLevel.
func MaxLeaves(base Level) uint64 {
	if base >= SlotLevel {
		panic(fmt.Sprintf("merkle: base level %d", base))
	}
	return 1 << (SlotLevel - 1 - base)
}

// RootLevel returns the level of the root of a subtree over n > 0 leaves of level base: base itself if n is 1.
func RootLevel(base Level, n uint64) Level {
	if n == 0 || n > MaxLeaves(base) {
		panic(fmt.Sprintf("merkle: subtree of %d leaves of level %d", n, base))
	}
	return base + Level(shape.Height(n))
}

// A Tree computes the subtree of one slot while its leaves arrive. It holds the kept nodes, 0.4 % of the leaves, and what
// waits to be hashed in large units: at most 16 KiB for each four heights. Closing it so costs a few hundred hashes a
// height at most, however many leaves there are.
//
// A Tree belongs to one goroutine at a time.
type Tree struct {
	kernel *lanes.Kernel
	base   Level
	n      uint64
	mixed  bool       // leaves of another algorithm than SHA-256 came: row 0 is empty from then on
	odd    Imprint    // the last leaf, if mixed and n is odd
	rows   [][]Digest // nodes without a parent yet, by rowHeight; of row r the first is leftmost in a tree of row r+1
	kept   [][]Digest // kept[k]: all nodes of height KeptStep*(k+1)
}

// Rows are not for every height: between them, nodes exist only while they are hashed. Row 0 holds SHA-256 leaves, row 1
// the nodes over leaves of mixed algorithms, the others every fourth height, so that all kept nodes pass through one.
func rowHeight(r int) int {
	if r < 2 {
		return r
	}
	return lanes.MaxHeight * (r - 1)
}

// above returns the row that takes the roots over nodes of row r, and how many heights are between.
func above(r int) (row, height int) {
	row = max(2, r+1)
	return row, rowHeight(row) - rowHeight(r)
}

// unit is how many roots are computed at once: enough for the widest kernel.
const unit = 32

// NewTree returns an empty subtree whose leaves have level base, which must be below SlotLevel.
func NewTree(base Level) *Tree {
	MaxLeaves(base)
	return &Tree{kernel: lanes.Default(), base: base}
}

// Append adds leaves at the end. It panics if the tree would have more than MaxLeaves.
func (t *Tree) Append(leaves *Leaves) {
	count := leaves.Len()
	if uint64(count) > MaxLeaves(t.base)-t.n {
		panic(fmt.Sprintf("merkle: %d leaves after %d of level %d", count, t.n, t.base))
	}
	if count == 0 {
		return
	}
	if alg, digests, uniform := leaves.Uniform(); uniform && alg == SHA256 && !t.mixed {
		t.appendDigests(unflat(digests))
		return
	}
	t.mix()
	i := 0
	if t.n%2 == 1 {
		t.grow(1, 1)[0] = HashNode(t.odd, leaves.At(0), t.base+1)
		t.lift(1, false)
		i = 1
	}
	for count-i >= 2 {
		nodes := t.grow(1, min((count-i)/2, t.room(1)))
		hashLeafPairs(t.kernel, nodes, leaves, i, t.base+1)
		t.lift(1, false)
		i += 2 * len(nodes)
	}
	if i < count {
		t.odd = leaves.At(i)
	}
	t.n += uint64(count)
}

// appendDigests is Append of SHA-256 leaves, which must not exceed the limit. Whole units are hashed where they are.
func (t *Tree) appendDigests(leaves []Digest) {
	t.n += uint64(len(leaves))
	row, height := above(0)
	for len(leaves) > 0 {
		if len(t.row(0)) == 0 && len(leaves) >= unit<<height {
			units := max(1, min(len(leaves)>>height, t.room(row))/unit)
			nodes := t.grow(row, units*unit)
			t.kernel.Reduce(lanes.Flat(nodes), lanes.Flat(leaves[:len(nodes)<<height]), byte(t.base)+1, height)
			leaves = leaves[len(nodes)<<height:]
			t.keep(row, nodes)
			t.lift(row, false)
			continue
		}
		wait := t.grow(0, min(len(leaves), t.room(0)))
		leaves = leaves[copy(wait, leaves):]
		t.lift(0, false)
	}
}

// mix makes the nodes over the SHA-256 leaves that wait, because leaves of other algorithms come.
func (t *Tree) mix() {
	if t.mixed {
		return
	}
	t.mixed = true
	leaves := t.row(0)
	if len(leaves)%2 == 1 {
		t.odd = leaves[len(leaves)-1].Imprint()
		leaves = leaves[:len(leaves)-1]
	}
	t.kernel.HashPairs(lanes.Flat(t.grow(1, len(leaves)/2)), lanes.Flat(leaves), byte(t.base)+1)
	t.rows[0] = nil
	t.lift(1, false)
}

// Count returns the number of leaves.
func (t *Tree) Count() uint64 { return t.n }

// Root returns the root: the leaf itself if there is only one. It panics if there is none.
func (t *Tree) Root() Imprint {
	if t.n == 0 {
		panic("merkle: root of a tree without leaves")
	}
	t.settle()
	var root Imprint // of what is right of the nodes not yet looked at
	if t.mixed && t.n%2 == 1 {
		root = t.odd
	}
	var scratch [1 << lanes.MaxHeight]Digest
	for r, row := range t.rows {
		level := t.base + Level(rowHeight(r)) + 1
		for nodes := scratch[:copy(scratch[:], row)]; len(nodes) > 0; level++ {
			if last := len(nodes) - 1; last%2 == 0 {
				if root.IsZero() {
					root = nodes[last].Imprint()
				} else {
					root = HashNode(nodes[last].Imprint(), root, level).Imprint()
				}
			}
			half := nodes[:len(nodes)/2]
			t.kernel.HashPairs(lanes.Flat(half), lanes.Flat(nodes[:2*len(half)]), byte(level))
			nodes = half
		}
	}
	return root
}

// RootLevel returns the level of the root. It panics if there are no leaves.
func (t *Tree) RootLevel() Level { return RootLevel(t.base, t.n) }

// Kept returns the kept heights in ascending order, each with all nodes of this height that are complete, in order. The
// nodes stay valid and unchanged while leaves are added; the caller must not change them.
func (t *Tree) Kept() iter.Seq2[uint8, []Digest] {
	t.settle()
	return func(yield func(uint8, []Digest) bool) {
		for k, nodes := range t.kept {
			if !yield(uint8(KeptStep*(k+1)), slices.Clip(nodes)) {
				return
			}
		}
	}
}

// row returns the waiting nodes of row r.
func (t *Tree) row(r int) []Digest {
	for r >= len(t.rows) {
		t.rows = append(t.rows, nil)
	}
	return t.rows[r]
}

// room returns how many nodes row r may take before it must be lifted.
func (t *Tree) room(r int) int {
	_, height := above(r)
	return unit<<height - len(t.row(r))
}

// grow extends row r by n nodes and returns them for the caller to fill.
func (t *Tree) grow(r, n int) []Digest {
	row := t.row(r)
	end := len(row)
	switch {
	case end+n <= cap(row):
	case end+n <= fewWait:
		row = slices.Grow(row, n)
	default:
		b := rowBuffers.Get().(*rowBuffer)
		row = b[:copy(b[:], row)]
	}
	t.rows[r] = row[:end+n]
	return t.rows[r][end:]
}

// fewWait is up to how many nodes a row has memory of its own for, as most trees of few leaves stay below it.
const fewWait = unit

// A rowBuffer holds what waits in a row at most: less than a lift takes, and what one lift of the row below adds to it.
type rowBuffer [(unit + 4) << lanes.MaxHeight]Digest

// rowBuffers has those that no tree needs. Memory that was in use just before is in the cache and has its pages.
var rowBuffers = sync.Pool{New: func() any { return new(rowBuffer) }}

// release gives the buffers of rows back and leaves the rows memory for what waits in them.
func (t *Tree) release() {
	for r, row := range t.rows {
		if cap(row) == len(rowBuffer{}) {
			t.rows[r] = append([]Digest(nil), row...)
			rowBuffers.Put((*rowBuffer)(row[:cap(row)]))
		}
	}
}

// lift hashes whole units of row r, kept nodes among the roots are copied, and so on upwards. With all set every whole tree
// of a row is hashed, which leaves less nodes than make a node of the next row; without, less than a unit.
func (t *Tree) lift(r int, all bool) {
	for ; r < len(t.rows); r++ {
		_, height := above(r)
		take := len(t.rows[r]) &^ (unit<<height - 1)
		if all {
			take = len(t.rows[r]) &^ (1<<height - 1)
		}
		if take == 0 {
			if all {
				continue
			}
			return
		}
		t.liftRow(r, take)
		if r == 0 {
			r++ // above row 0 comes row 2
		}
	}
}

// liftRow hashes the first nodes of row r, take of them, which are whole trees.
func (t *Tree) liftRow(r, take int) {
	row, height := above(r)
	nodes := t.grow(row, take>>height)
	from := t.rows[r]
	t.kernel.Reduce(lanes.Flat(nodes), lanes.Flat(from[:take]), byte(t.base)+byte(rowHeight(r))+1, height)
	t.rows[r] = from[:copy(from, from[take:])]
	t.keep(row, nodes)
}

// keep copies nodes just made in row r if their height is a kept one.
func (t *Tree) keep(r int, nodes []Digest) {
	height := rowHeight(r)
	if height%KeptStep != 0 {
		return
	}
	k := height/KeptStep - 1
	if k == len(t.kept) {
		t.kept = append(t.kept, nil)
	}
	kept := t.kept[k]
	if cap(kept)-len(kept) < len(nodes) { // twice the memory: append alone would copy what is large too often
		kept = slices.Grow(kept, max(len(nodes), len(kept)))
	}
	t.kept[k] = append(kept, nodes...)
}

// appendNodes adds perfect subtrees of the height of a row, given by their roots, whose kept nodes are there already, to a
// tree without other nodes.
func (t *Tree) appendNodes(height int, nodes []Digest) {
	r := height/lanes.MaxHeight + 1
	for len(nodes) > 0 {
		wait := t.grow(r, min(len(nodes), t.room(r)))
		nodes = nodes[copy(wait, nodes):]
		t.lift(r, false)
	}
}

// clear empties the tree and keeps its memory for reuse.
func (t *Tree) clear() {
	t.n = 0
	for r := range t.rows {
		t.rows[r] = t.rows[r][:0]
	}
	for k := range t.kept {
		t.kept[k] = t.kept[k][:0]
	}
}

// settle hashes every whole tree that waits.
func (t *Tree) settle() {
	t.lift(0, true)
	t.release()
}
