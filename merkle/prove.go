package merkle

import (
	"fmt"
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
	if i >= n || n > MaxLeaves(base) {
		return nil, fmt.Errorf("leaf %d: no such leaf among %d of level %d", i, n, base)
	}
	path := shape.Path(n, i)
	chain := make(Chain, 0, len(path)+1) // room for the issuer link
	var level Level
	for _, l := range path {
		sibling, err := spanRoot(s, l.Sibling, base)
		if err != nil {
			return nil, fmt.Errorf("leaf %d of %d: %w", i, n, err)
		}
		up := base + Level(l.Height)
		chain = append(chain, Link{Left: l.Left, Correction: uint8(up - 1 - level), Sibling: sibling})
		level = up
	}
	return chain, nil
}

// spanRoot returns the root of a subtree.
func spanRoot(s TileSource, span shape.Span, base Level) (root Imprint, err error) {
	var buf [64]shape.Node
	for _, peak := range slices.Backward(span.AppendPeaks(buf[:0])) {
		up := peak.Height % KeptStep
		tile, err := s.Tile(peak.Height-up, peak.Index>>(KeptStep-up))
		if err != nil {
			return root, err
		}
		node, err := tile.node(up, peak.Index%(1<<(KeptStep-up)))
		if err != nil {
			return root, fmt.Errorf("node %d of height %d: %w", peak.Index, peak.Height, err)
		}
		if !root.IsZero() {
			node = HashNode(node, root, base+Level(peak.Height)+1).Imprint()
		}
		root = node
	}
	return root, nil
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
