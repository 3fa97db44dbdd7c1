package merkle

import (
	"fmt"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
)

// TileNodes is how many leaves or kept nodes of one height a whole tile has.
const TileNodes = 1 << KeptStep

// A Tile is an aligned run of up to TileNodes leaves or kept nodes of a subtree, and the nodes above them that a chain
// through them takes: all below the next kept height. Those are hashed when the first of them is needed, so that who only
// wants leaves pays for none. A Tile may be used by many goroutines at once and costs at most 64 bytes a leaf or node.
type Tile struct {
	level  Level  // of its leaves or nodes
	leaves Leaves // of height 0; empty above
	once   sync.Once
	room   []Digest           // of rows[1] and those above, one behind the other
	rows   [KeptStep][]Digest // rows[k]: complete nodes k heights up; rows[0] is empty where leaves are not
	first  uint64             // of a cut: its first leaf, counted from that of the tile
	branch *Branch            // of a cut: the nodes of its height in the tile, of which rows has those above; else nil
}

// ReadTile reads tile index of a kept height, or of height 0, of a subtree over n leaves of level base. The last one of a
// height has less than TileNodes where the subtree ends inside it.
func ReadTile(r NodeReader, base Level, n uint64, height uint8, index uint64) (*Tile, error) {
	t := new(Tile)
	if err := t.Read(r, base, n, height, index); err != nil {
		return nil, err
	}
	return t, nil
}

// Read makes t the tile that ReadTile returns, in the memory that it has. Nobody else may use t meanwhile, and after an error
// nobody at all before the next Read.
func (t *Tile) Read(r NodeReader, base Level, n uint64, height uint8, index uint64) error {
	first, count := index*TileNodes, n>>height
	if height%KeptStep != 0 || first >= count {
		return fmt.Errorf("tile %d of height %d: no such tile over %d leaves", index, height, n)
	}
	count = min(count-first, TileNodes)
	t.leaves.Reset()
	*t = Tile{level: base + Level(height), leaves: t.leaves, room: t.room}
	var err error
	if height > 0 {
		t.rows[0] = make([]Digest, count)
		err = r.ReadNodes(t.rows[0], height, first)
	} else if err = r.ReadLeaves(&t.leaves, first, int(count)); err == nil && t.leaves.Len() != int(count) {
		err = fmt.Errorf("got %d", t.leaves.Len())
	}
	if err != nil {
		return fmt.Errorf("tile %d of height %d, %d leaves or nodes: %w", index, height, count, err)
	}
	return nil
}

// CopyBytes is how much memory Copy takes.
const CopyBytes = 2 * TileNodes * len(Digest{})

// Copy returns a copy of a whole tile of leaves in memory of CopyBytes that is given away; leaves of other algorithms than SHA-256 are
// in memory of their own.
func (t *Tile) Copy(memory []byte) *Tile {
	if t.leaves.Len() != TileNodes || len(memory) != CopyBytes {
		panic("merkle: a copy of a tile that is not whole, or in memory of another size")
	}
	const half = CopyBytes / 2
	c := &Tile{level: t.level, room: unflat(memory[half:])}
	if alg, _, ok := t.leaves.Uniform(); ok && alg == SHA256 {
		c.leaves = LeavesIn(SHA256, memory[:half:half])
	}
	c.leaves.AppendLeaves(&t.leaves)
	return c
}

// Leaves returns the leaves of a tile of height 0; the caller must not change them. It is empty for other tiles.
func (t *Tile) Leaves() *Leaves { return &t.leaves }

// Kept returns node i of those that a tile above height 0 was read with; ok is false if it has none such.
func (t *Tile) Kept(i uint64) (node Digest, ok bool) {
	if i >= uint64(len(t.rows[0])) {
		return node, false
	}
	return t.rows[0][i], true
}

// Top returns the node over a tile, which is a kept one of the next kept height; ok is false unless the tile is whole.
func (t *Tile) Top() (top Digest, ok bool) {
	if t.branch != nil || max(t.leaves.Len(), len(t.rows[0])) != TileNodes {
		return top, false
	}
	t.once.Do(t.hash)
	lanes.HashPairs(top[:], lanes.Flat(t.rows[KeptStep-1]), byte(t.level)+KeptStep)
	return top, true
}

// Leaf returns leaf i of a tile of height 0; it panics if the tile, or the cut of one, does not hold it.
func (t *Tile) Leaf(i uint64) Imprint { return t.leaves.At(int(i - t.first)) }

// AppendPath appends the links from leaf i of a whole tile of leaves to the node over the tile: those of AppendProofUpTo for the height
// KeptStep, where that node is not the root.
func (t *Tile) AppendPath(dst Chain, i uint64) Chain {
	if t.leaves.Len() != TileNodes {
		panic("merkle: the path through a tile that is not whole")
	}
	t.once.Do(t.hash)
	n := len(dst)
	dst = slices.Grow(dst, KeptStep)[:n+KeptStep]
	path := dst[n:]
	path[0] = Link{Left: i%2 == 0, Correction: uint8(t.level), Sibling: t.leaves.At(int(i ^ 1))}
	for k := 1; k < KeptStep; k++ {
		i >>= 1
		path[k] = Link{Left: i%2 == 0, Sibling: t.rows[k][i^1].Imprint()}
	}
	return dst
}

// node returns node i of those k heights up.
func (t *Tile) node(k uint8, i uint64) (Imprint, error) {
	if t.branch != nil {
		switch {
		case k == cutHeight:
			return t.branch[i].Imprint(), nil
		case k > cutHeight:
			return t.rows[k][i].Imprint(), nil
		}
		i -= t.first >> k // beyond all if it is before the cut
	}
	if k == 0 && t.leaves.Len() > 0 {
		if i < uint64(t.leaves.Len()) {
			return t.leaves.At(int(i)), nil
		}
	} else {
		t.once.Do(t.hash)
		if i < uint64(len(t.rows[k])) {
			return t.rows[k][i].Imprint(), nil
		}
	}
	return Imprint{}, fmt.Errorf("the tile of %d leaves or nodes does not hold it", max(t.leaves.Len(), len(t.rows[0])))
}

// hash computes all rows but the lowest.
func (t *Tile) hash() {
	n := max(t.leaves.Len(), len(t.rows[0]))
	if cap(t.room) < n {
		t.room = make([]Digest, n)
	}
	room := t.room[:n]
	for k := 1; k < KeptStep; k++ {
		count := n >> k
		row := room[:count:count]
		room = room[count:]
		switch {
		case count == 0:
		case k == 1 && t.leaves.Len() > 0:
			hashLeafPairs(lanes.Default(), row, &t.leaves, 0, t.level+1)
		default:
			lanes.HashPairs(lanes.Flat(row), lanes.Flat(t.rows[k-1][:2*count]), byte(t.level)+byte(k))
		}
		t.rows[k] = row
	}
}
