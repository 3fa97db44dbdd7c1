package merkle

import "github.com/jurat-ledger/jurat/merkle/internal/lanes"

// CutNodes is how many leaves a cut of a tile has.
const CutNodes = 1 << cutHeight

const cutHeight = KeptStep / 2

// A Branch is what the upper half of a whole tile is made of: its nodes over CutNodes leaves each. With it a chain from a leaf
// takes CutNodes leaves and some hashes, and not the whole tile.
type Branch [CutNodes]Digest

// upperNodes is how many nodes stand between a branch and the top of its tile.
const upperNodes = CutNodes - 2

// Branch returns what the upper half of a tile is made of; ok is false unless the tile is whole.
func (t *Tile) Branch() (b *Branch, ok bool) {
	if t.branch != nil || max(t.leaves.Len(), len(t.rows[0])) != TileNodes {
		return nil, false
	}
	t.once.Do(t.hash)
	b = new(Branch)
	copy(b[:], t.rows[cutHeight])
	return b, true
}

// Cut returns what of a tile a chain from one of CutNodes leaves takes: these, which must be leaves cut*CutNodes of the tile
// and on, and the branch. base is the level of the leaves. ok is false if the branch is not that of these leaves.
func (b *Branch) Cut(leaves Leaves, base Level, cut uint64) (t *Tile, ok bool) {
	t = &Tile{level: base, leaves: leaves, first: cut * CutNodes, branch: b, room: make([]Digest, CutNodes+upperNodes)}
	if leaves.Len() != CutNodes || cut >= CutNodes {
		return nil, false
	}
	t.once.Do(t.hash)
	if t.rows[cutHeight][0] != b[cut] {
		return nil, false
	}
	room, below := t.room[CutNodes:], b[:]
	for k := cutHeight + 1; k < KeptStep; k++ {
		row := room[:len(below)/2]
		lanes.HashPairs(lanes.Flat(row), lanes.Flat(below), byte(base)+byte(k))
		t.rows[k], room, below = row, room[len(row):], row
	}
	return t, true
}
