package merkle

import (
	"slices"

	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
)

// Paths are ways from leaves of whole tiles to the nodes over the tiles, hashed side by side. The zero Paths has none. Their leaves
// are SHA-256 digests of one level.
type Paths struct {
	level Level
	ways  []way
	nodes []Digest // where the ways lead, once Hash was called
	pairs []Digest // room for Hash
}

// A way is one of Paths.
type way struct {
	siblings [KeptStep]Digest
	leaf     Digest
	index    uint8 // of the leaf in its tile
}

// Reset takes all ways away and keeps the memory.
func (p *Paths) Reset() { p.ways = p.ways[:0] }

// Len returns how many ways there are.
func (p *Paths) Len() int { return len(p.ways) }

// Add adds the way from leaf i of a tile as the next one and reports whether it did: the tile must be a whole one of SHA-256 leaves,
// of the level of all others.
func (p *Paths) Add(t *Tile, i uint64) bool {
	alg, digests, ok := t.leaves.Uniform()
	if !ok || alg != SHA256 || t.leaves.Len() != TileNodes || len(p.ways) > 0 && t.level != p.level {
		return false
	}
	t.once.Do(t.hash)
	p.level = t.level
	p.ways = slices.Grow(p.ways, 1)[:len(p.ways)+1]
	w := &p.ways[len(p.ways)-1]
	leaves := (*[TileNodes]Digest)(unflat(digests))
	w.index, w.leaf, w.siblings[0] = uint8(i), leaves[i], leaves[i^1]
	// The rows are read where hash has put them: looking for each in the tile costs a line of the cache more.
	room := (*[TileNodes]Digest)(t.room)
	for k, row := 1, uint64(0); k < KeptStep; k++ {
		i >>= 1
		w.siblings[k] = room[row+i^1]
		row += TileNodes >> k
	}
	return true
}

// Hash computes where all ways lead.
func (p *Paths) Hash() {
	n := len(p.ways)
	p.nodes = slices.Grow(p.nodes[:0], n)[:n]
	p.pairs = slices.Grow(p.pairs[:0], 2*n)[:2*n]
	for i := range p.ways {
		p.nodes[i] = p.ways[i].leaf
	}
	for k := range KeptStep {
		for i := range p.ways {
			w := &p.ways[i]
			at := int(w.index>>k) & 1
			p.pairs[2*i+at], p.pairs[2*i+at^1] = p.nodes[i], w.siblings[k]
		}
		lanes.HashPairs(lanes.Flat(p.nodes), lanes.Flat(p.pairs), byte(p.level)+byte(k)+1)
	}
}

// Top returns the node that way k leads to, as Hash has computed it, and its level.
func (p *Paths) Top(k int) (Digest, Level) { return p.nodes[k], p.level + KeptStep }

// Leaf returns the leaf of way k.
func (p *Paths) Leaf(k int) Imprint { return p.ways[k].leaf.Imprint() }

// Index returns what stands in the chain index for the KeptStep links of way k: 1 for a left link, that of the leaf in bit 0.
func (p *Paths) Index(k int) uint64 { return uint64(^p.ways[k].index) }

// Correction returns the correction of the first link of each way. That of all others is 0.
func (p *Paths) Correction() uint8 { return uint8(p.level) }

// Sibling returns the sibling of link j of way k.
func (p *Paths) Sibling(k, j int) *Digest { return &p.ways[k].siblings[j] }
