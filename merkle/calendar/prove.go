package calendar

import (
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
)

// A Reader reads the stored calendar: the leaves, which are the round roots, and the kept nodes. What is idle throughout
// need not be stored: an idle second reads as the zero digest, a kept node over idle seconds as the ZeroNode of its height.
// Methods are called with seconds and nodes that are complete as of the second asked for.
type Reader interface {
	// ReadLeaves fills dst with the leaves of seconds first, first+1, ….
	ReadLeaves(dst []merkle.Digest, first Second) error
	// ReadNodes fills dst with the nodes first, first+1, … of height 8, 16, 24 ….
	ReadNodes(dst []merkle.Digest, height uint8, first uint64) error
}

// Prove returns the chain from the leaf of second t to the calendar root as of second p, 0 <= t <= p, p closed. Its right
// links do not depend on p. Second 0 as p has a chain without links, which no KSI signature can hold.
//
// It reads at most two tiles of 256 leaves or nodes for each 8 heights, each range once, before it hashes anything.
func Prove(r Reader, t, p Second) (Chain, error) {
	if t < 0 || t > p {
		return nil, fmt.Errorf("second %d: no chain to second %d", int64(t), int64(p))
	}
	way := path(t, p)
	var nodes []shape.Node
	for _, l := range way {
		nodes = l.Sibling.AppendPeaks(nodes)
	}
	s, err := readStored(r, shape.Plan(nodes))
	if err != nil {
		return nil, fmt.Errorf("calendar of second %d: %w", int64(p), err)
	}
	chain := make(Chain, len(way))
	for i, l := range way {
		chain[i] = Link{Left: l.Left, Sibling: s.root(l.Sibling)}
	}
	return chain, nil
}

// RootAt returns the calendar root as of second p, p closed. It reads at most one tile for each 8 heights.
func RootAt(r Reader, p Second) (merkle.Digest, error) {
	f, err := Resume(r, p)
	if err != nil {
		return merkle.Digest{}, err
	}
	return f.Root(), nil
}

// stored is what a plan asked for.
type stored struct {
	plan  []shape.Range
	nodes [][]merkle.Digest // by place in plan
}

func readStored(r Reader, plan []shape.Range) (*stored, error) {
	s := &stored{plan: plan, nodes: make([][]merkle.Digest, len(plan))}
	for i, p := range plan {
		s.nodes[i] = make([]merkle.Digest, p.Count)
		if p.Height == 0 {
			if err := r.ReadLeaves(s.nodes[i], Second(p.First)); err != nil {
				return nil, fmt.Errorf("%d seconds from %d: %w", p.Count, p.First, err)
			}
		} else if err := r.ReadNodes(s.nodes[i], p.Height, p.First); err != nil {
			return nil, fmt.Errorf("%d nodes of height %d from %d: %w", p.Count, p.Height, p.First, err)
		}
	}
	return s, nil
}

// root returns the root of a subtree whose peaks were planned.
func (s *stored) root(span shape.Span) merkle.Digest {
	var buf [maxHeight + 1]shape.Node
	peaks := span.AppendPeaks(buf[:0])
	last := len(peaks) - 1
	root := s.node(peaks[last])
	for i := last - 1; i >= 0; i-- {
		root = HashNode(s.node(peaks[i]), root)
	}
	return root
}

// node returns a perfect subtree's root.
func (s *stored) node(n shape.Node) merkle.Digest {
	source := n.Source()
	rank, offset := shape.Find(s.plan, source)
	var scratch [1 << (shape.Step - 1)]merkle.Digest
	nodes := scratch[:copy(scratch[:source.Count], s.nodes[rank][offset:])]
	return reduce(nodes)
}
