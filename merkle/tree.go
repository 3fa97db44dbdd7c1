package merkle

import (
	"fmt"
	"iter"
	"slices"

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

// A Tree computes the subtree of one slot while its leaves arrive. It holds no leaves: only the nodes that wait for a
// neighbour, at most a few kilobytes a height, and the kept nodes, 0.4 % of the leaves.
//
// A Tree belongs to one goroutine at a time.
type Tree struct {
	base Level
	n    uint64
	odd  Imprint    // the last leaf, if n is odd
	rows [][]Digest // rows[h]: nodes of height h without a parent yet, the first at an even index; rows[0] is empty
	kept [][]Digest // kept[k]: all nodes of height KeptStep*(k+1)
}

// group is how many nodes of a row are hashed at once: enough to fill wide kernels twice.
const group = 128

// NewTree returns an empty subtree whose leaves have level base, which must be below SlotLevel.
func NewTree(base Level) *Tree {
	MaxLeaves(base)
	return &Tree{base: base, rows: make([][]Digest, 1)}
}

// Append adds leaves at the end. It panics if the tree would have more than MaxLeaves.
func (t *Tree) Append(leaves *Leaves) {
	count := leaves.Len()
	if uint64(count) > MaxLeaves(t.base)-t.n {
		panic(fmt.Sprintf("merkle: %d leaves after %d of level %d", count, t.n, t.base))
	}
	i := 0
	if t.n%2 == 1 && count > 0 {
		t.grow(1, 1)[0] = HashNode(t.odd, leaves.At(0), t.base+1)
		t.lift(1, false)
		i = 1
	}
	for count-i >= 2 {
		nodes := t.grow(1, min((count-i)/2, group-len(t.row(1))))
		hashLeafPairs(nodes, leaves, i, t.base+1)
		t.lift(1, false)
		i += 2 * len(nodes)
	}
	if i < count {
		t.odd = leaves.At(i)
	}
	t.n += uint64(count)
}

// Count returns the number of leaves.
func (t *Tree) Count() uint64 { return t.n }

// Root returns the root: the leaf itself if there is only one. It panics if there is none.
func (t *Tree) Root() Imprint {
	if t.n == 0 {
		panic("merkle: root of a tree without leaves")
	}
	t.settle()
	var root Imprint
	if t.n%2 == 1 {
		root = t.odd
	}
	for h, row := range t.rows {
		switch {
		case len(row) == 0:
		case root.IsZero():
			root = row[0].Imprint()
		default:
			root = HashNode(row[0].Imprint(), root, t.base+Level(h)+1).Imprint()
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

// row returns the waiting nodes of height h.
func (t *Tree) row(h int) []Digest {
	if h == len(t.rows) {
		t.rows = append(t.rows, nil)
	}
	return t.rows[h]
}

// grow extends the row of height h by n nodes and returns them for the caller to fill.
func (t *Tree) grow(h, n int) []Digest {
	row := t.row(h)
	end := len(row)
	row = slices.Grow(row, n)[:end+n]
	t.rows[h] = row
	return row[end:]
}

// lift takes in nodes that were added to the row of height h: kept ones are copied, whole groups become nodes of the next
// height, and so on upwards. With all set every pair does. A row is so shorter than group afterwards, shorter than 2 with
// all set.
func (t *Tree) lift(h int, all bool) {
	for ; h < len(t.rows); h++ {
		take := 0
		if row := t.rows[h]; all {
			take = len(row) &^ 1
		} else if len(row) >= group {
			take = group
		}
		if take == 0 {
			if all {
				continue
			}
			return
		}
		nodes := t.grow(h+1, take/2)
		row := t.rows[h]
		lanes.HashPairs(lanes.Flat(nodes), lanes.Flat(row[:take]), byte(t.base)+byte(h)+1)
		t.rows[h] = row[:copy(row, row[take:])]
		t.keep(h+1, nodes)
	}
}

// keep copies nodes just made if their height is a kept one.
func (t *Tree) keep(h int, nodes []Digest) {
	if h%KeptStep != 0 {
		return
	}
	k := h/KeptStep - 1
	if k == len(t.kept) {
		t.kept = append(t.kept, nil)
	}
	t.kept[k] = append(t.kept[k], nodes...)
}

// settle hashes every pair that waits, which leaves one node in the row of each height whose bit is set in n.
func (t *Tree) settle() { t.lift(1, true) }
