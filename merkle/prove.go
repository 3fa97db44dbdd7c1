package merkle

import (
	"fmt"

	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
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
// base, because verification starts at level 0; a subtree of one leaf has a chain without links. It reads at most two
// tiles of 256 leaves or nodes for each KeptStep heights, each range once, before it hashes anything.
func ProveLeaf(r NodeReader, base Level, n, i uint64) (Chain, error) {
	if i >= n || n > MaxLeaves(base) {
		return nil, fmt.Errorf("leaf %d: no such leaf among %d of level %d", i, n, base)
	}
	path := shape.Path(n, i)
	var nodes []shape.Node
	for _, l := range path {
		nodes = l.Sibling.AppendPeaks(nodes)
	}
	s, err := readStored(r, shape.Plan(nodes))
	if err != nil {
		return nil, fmt.Errorf("leaf %d of %d: %w", i, n, err)
	}
	chain := make(Chain, 0, len(path)+1) // room for the issuer link
	var level Level
	for _, l := range path {
		up := base + Level(l.Height)
		chain = append(chain, Link{Left: l.Left, Correction: uint8(up - 1 - level), Sibling: s.root(l.Sibling, base)})
		level = up
	}
	return chain, nil
}

// stored is what a plan asked for.
type stored struct {
	plan   []shape.Range
	leaves []Leaves   // by place in plan, where the height is 0
	nodes  [][]Digest // by place in plan, elsewhere
}

func readStored(r NodeReader, plan []shape.Range) (*stored, error) {
	s := &stored{plan: plan, leaves: make([]Leaves, len(plan)), nodes: make([][]Digest, len(plan))}
	for i, p := range plan {
		if p.Height > 0 {
			s.nodes[i] = make([]Digest, p.Count)
			if err := r.ReadNodes(s.nodes[i], p.Height, p.First); err != nil {
				return nil, fmt.Errorf("nodes %d to %d of height %d: %w", p.First, p.First+uint64(p.Count)-1, p.Height, err)
			}
			continue
		}
		err := r.ReadLeaves(&s.leaves[i], p.First, p.Count)
		if err == nil && s.leaves[i].Len() != p.Count {
			err = fmt.Errorf("got %d leaves", s.leaves[i].Len())
		}
		if err != nil {
			return nil, fmt.Errorf("leaves %d to %d: %w", p.First, p.First+uint64(p.Count)-1, err)
		}
	}
	return s, nil
}

// root returns the root of a subtree whose peaks were planned.
func (s *stored) root(span shape.Span, base Level) Imprint {
	var buf [64]shape.Node
	peaks := span.AppendPeaks(buf[:0])
	last := len(peaks) - 1
	root := s.node(peaks[last], base)
	for i := last - 1; i >= 0; i-- {
		root = HashNode(s.node(peaks[i], base), root, base+Level(peaks[i].Height)+1).Imprint()
	}
	return root
}

// node returns a perfect subtree's root.
func (s *stored) node(n shape.Node, base Level) Imprint {
	source := n.Source()
	rank, offset := shape.Find(s.plan, source)
	if n.Height == 0 {
		return s.leaves[rank].At(offset)
	}
	if source.Height > 0 {
		var scratch [1 << (KeptStep - 1)]Digest
		nodes := scratch[:copy(scratch[:source.Count], s.nodes[rank][offset:])]
		return reduce(nodes, base+Level(source.Height)).Imprint()
	}
	var scratch [1 << (KeptStep - 2)]Digest
	nodes := scratch[:source.Count/2]
	hashLeafPairs(lanes.Default(), nodes, &s.leaves[rank], offset, base+1)
	return reduce(nodes, base+1).Imprint()
}
