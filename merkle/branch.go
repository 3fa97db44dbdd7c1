package merkle

// CutNodes is how many leaves a cut of a tile has.
const CutNodes = 1 << cutHeight

const cutHeight = KeptStep / 2

// A Branch is the upper half of a whole tile: all of its nodes that stand over CutNodes leaves or more. With it a chain from
// a leaf takes CutNodes leaves and some hashes, and not the whole tile. A Branch may be used by many goroutines at once.
type Branch struct {
	nodes [2*CutNodes - 2]Digest // row by row, the lowest first
}

// branchRow returns where the nodes k heights above the leaves begin.
func branchRow(k uint8) int { return 2*CutNodes - 2<<(KeptStep-k) }

// Branch returns the upper half of a tile; ok is false unless the tile is whole.
func (t *Tile) Branch() (b *Branch, ok bool) {
	if t.branch != nil || max(t.leaves.Len(), len(t.rows[0])) != TileNodes {
		return nil, false
	}
	t.once.Do(t.hash)
	b = new(Branch)
	for k := uint8(cutHeight); k < KeptStep; k++ {
		copy(b.nodes[branchRow(k):], t.rows[k])
	}
	return b, true
}

// Cut returns what of a tile a chain from one of CutNodes leaves takes: these, which must be leaves cut*CutNodes of the tile
// and on, and the branch. base is the level of the leaves. ok is false if the branch is not that of these leaves.
func (b *Branch) Cut(leaves Leaves, base Level, cut uint64) (t *Tile, ok bool) {
	t = &Tile{level: base, leaves: leaves, first: cut * CutNodes, branch: b}
	if leaves.Len() != CutNodes || cut >= CutNodes {
		return nil, false
	}
	t.once.Do(t.hash)
	return t, t.rows[cutHeight][0] == b.nodes[cut]
}
