package merkle

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/jurat-ledger/jurat/merkle/internal/shape"
)

// A NodeReader reads what is stored of one slot's subtree in one round. Its methods are called with ranges inside the
// stored tree only; what they cannot read whole is an error.
type NodeReader interface {
	// ReadLeaves appends leaves first to first+n-1 to dst.
	ReadLeaves(dst *Leaves, first uint64, n int) error
	// ReadNodes fills dst with the kept nodes first, first+1, … of a kept height.
	ReadNodes(dst []Digest, height uint8, first uint64) error
}

// A TreeReader reads a tree that is in memory.
type TreeReader struct {
	leaves *Leaves
	kept   map[uint8][]Digest // by height
}

// NewTreeReader returns a reader of a tree over leaves, which must stay as they are. Of the tree it holds the kept nodes alone.
func NewTreeReader(leaves *Leaves, t *Tree) *TreeReader {
	r := &TreeReader{leaves, make(map[uint8][]Digest)}
	for height, nodes := range t.Kept() {
		r.kept[height] = nodes
	}
	return r
}

// ReadLeaves implements NodeReader.
func (r *TreeReader) ReadLeaves(dst *Leaves, first uint64, n int) error {
	leaves := r.leaves.Slice(int(first), int(first)+n)
	dst.AppendLeaves(&leaves)
	return nil
}

// ReadNodes implements NodeReader.
func (r *TreeReader) ReadNodes(dst []Digest, height uint8, first uint64) error {
	kept := r.kept[height]
	if first+uint64(len(dst)) > uint64(len(kept)) {
		return fmt.Errorf("nodes %d to %d of height %d: %d are there", first, first+uint64(len(dst)), height, len(kept))
	}
	copy(dst, kept[first:])
	return nil
}

// ProveLeaf returns the chain from leaf i to the root of a subtree over n leaves of level base. The first correction holds
// base, because verification starts at level 0; a subtree of one leaf has a chain without links. It reads the tile that the
// way passes on each KeptStep heights and the last tile there, if the peaks at the right edge need it, each once.
func ProveLeaf(r NodeReader, base Level, n, i uint64) (Chain, error) {
	return ProveFromTiles(tileReader{r, base, n, make(map[tileName]*Tile, 4)}, base, n, i)
}

// A TileSource has the tiles of one slot's subtree in one round, read by ReadTile now or before.
type TileSource interface {
	// Tile returns a tile, as ReadTile takes height and index.
	Tile(height uint8, index uint64) (*Tile, error)
}

// ProveFromTiles is ProveLeaf for who keeps tiles: it hashes only where the right edge folds. It asks for at most two
// tiles for each KeptStep heights, but maybe more than once for one.
func ProveFromTiles(s TileSource, base Level, n, i uint64) (Chain, error) {
	return AppendProof(nil, s, base, n, i)
}

// AppendProof appends the links of the chain that ProveFromTiles returns to dst.
func AppendProof(dst Chain, s TileSource, base Level, n, i uint64) (Chain, error) {
	return appendLinks(dst, s, base, n, i, 0, MaxLinks)
}

// AppendProofUpTo appends the first links of that chain, those to the perfect node that stands height above the leaf: HasNode
// tells whether there is one.
func AppendProofUpTo(dst Chain, s TileSource, base Level, n, i uint64, height uint8) (Chain, error) {
	return appendLinks(dst, s, base, n, i, 0, int(height))
}

// AppendProofFrom appends the links that follow on those of AppendProofUpTo.
func AppendProofFrom(dst Chain, s TileSource, base Level, n, i uint64, height uint8) (Chain, error) {
	return appendLinks(dst, s, base, n, i, int(height), MaxLinks)
}

// HasNode reports whether leaf i of n stands below a perfect node of a height that is not the root.
func HasNode(n, i uint64, height uint8) bool { return (i>>height+1)<<height <= n && n > 1<<height }

// appendLinks appends links first to end-1 of the chain from a leaf, as many of them as there are.
func appendLinks(dst Chain, s TileSource, base Level, n, i uint64, first, end int) (Chain, error) {
	if i >= n || n > MaxLeaves(base) {
		return nil, fmt.Errorf("leaf %d: no such leaf among %d of level %d", i, n, base)
	}
	var room [64]shape.Link
	path := shape.AppendPath(room[:0], n, i)
	dst = slices.Grow(dst, len(path)+1) // room for the issuer link
	held := heldTile{source: s}
	var level Level
	if first > 0 {
		level = base + Level(path[first-1].Height)
	}
	for k := first; k < min(end, len(path)); k++ {
		l := &path[k]
		sibling, err := held.spanRoot(l.Sibling, base)
		if err != nil {
			return nil, fmt.Errorf("leaf %d of %d: %w", i, n, err)
		}
		up := base + Level(l.Height)
		dst = append(dst, Link{Left: l.Left, Correction: uint8(up - 1 - level), Sibling: sibling})
		level = up
	}
	return dst, nil
}

// A heldTile asks for a tile once for the links in a row that take a node of it.
type heldTile struct {
	source TileSource
	name   tileName
	tile   *Tile // nil before the first
}

// spanRoot returns the root of a subtree.
func (s *heldTile) spanRoot(span shape.Span, base Level) (root Imprint, err error) {
	if span.Count&(span.Count-1) == 0 {
		height := uint8(bits.TrailingZeros64(span.Count))
		return s.node(shape.Node{Height: height, Index: span.First >> height})
	}
	var buf [64]shape.Node
	for _, peak := range slices.Backward(span.AppendPeaks(buf[:0])) {
		node, err := s.node(peak)
		if err != nil {
			return root, err
		}
		if !root.IsZero() {
			node = HashNode(node, root, base+Level(peak.Height)+1).Imprint()
		}
		root = node
	}
	return root, nil
}

// node returns a perfect node.
func (s *heldTile) node(n shape.Node) (Imprint, error) {
	up := n.Height % KeptStep
	name := tileName{n.Height - up, n.Index >> (KeptStep - up)}
	if s.tile == nil || s.name != name {
		tile, err := s.source.Tile(name.height, name.index)
		if err != nil {
			return Imprint{}, err
		}
		s.name, s.tile = name, tile
	}
	node, err := s.tile.node(up, n.Index%(1<<(KeptStep-up)))
	if err != nil {
		return node, fmt.Errorf("node %d of height %d: %w", n.Index, n.Height, err)
	}
	return node, nil
}

type tileName struct {
	height uint8
	index  uint64
}

// A tileReader reads each tile once.
type tileReader struct {
	r     NodeReader
	base  Level
	n     uint64
	tiles map[tileName]*Tile
}

func (s tileReader) Tile(height uint8, index uint64) (*Tile, error) {
	name := tileName{height, index}
	if t := s.tiles[name]; t != nil {
		return t, nil
	}
	t, err := ReadTile(s.r, s.base, s.n, height, index)
	if err == nil {
		s.tiles[name] = t
	}
	return t, err
}
