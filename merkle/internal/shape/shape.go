// Package shape knows which node stands where: the shape of a tree over n leaves, the way from a leaf to its root, and
// the stored nodes from which that way is computed. It hashes nothing.
//
// Slot subtrees and the calendar have one shape: n > 1 leaves split at the largest power of two below n (RFC 6962, KSI's
// canonical binary tree). Every complete subtree is perfect and starts at a multiple of its size, so the pair (height,
// index) names it. A subtree at the right edge is a fold of perfect ones, the peaks, one for every bit of its count.
//
// Stored are the leaves and the perfect nodes of every height that is a multiple of Step. A tile is an aligned run of
// 2^Step stored nodes of one height. Siblings on the way through Step heights fill exactly the tile that the way passes,
// but for the node on the way; peaks of Step heights fill the last, incomplete tile. So a way to the root takes at most
// two tiles for each Step heights.
package shape

import (
	"cmp"
	"math/bits"
	"slices"
)

// Step is the distance of the heights whose nodes are stored.
const Step = 8

// A Node is a perfect subtree: leaves Index<<Height up to (Index+1)<<Height.
type Node struct {
	Height uint8
	Index  uint64
}

// A Span is a run of leaves that forms a subtree.
type Span struct{ First, Count uint64 }

// A Link is one step from a leaf to the root.
type Link struct {
	Left    bool  // the leaf is on the left side, the sibling on the right
	Height  uint8 // of the node that the step reaches
	Sibling Span
}

// A Range is a run of stored nodes of one height.
type Range struct {
	Height uint8 // a multiple of Step
	First  uint64
	Count  int
}

// Height returns the height of a tree over n > 0 leaves: the longest way to its root.
func Height(n uint64) uint8 { return uint8(bits.Len64(n - 1)) }

// Path returns the way from leaf i to the root of a tree over n leaves, i < n, leaf first.
func Path(n, i uint64) []Link { return AppendPath(make([]Link, 0, Height(n)), n, i) }

// AppendPath appends Path to dst.
func AppendPath(dst []Link, n, i uint64) []Link {
	if i >= n {
		panic("shape: leaf outside its tree")
	}
	start := len(dst)
	for tree := (Span{0, n}); tree.Count > 1; {
		h := Height(tree.Count)
		half := uint64(1) << (h - 1)
		left, right := Span{tree.First, half}, Span{tree.First + half, tree.Count - half}
		if i < right.First {
			dst = append(dst, Link{Left: true, Height: h, Sibling: right})
			tree = left
		} else {
			dst = append(dst, Link{Left: false, Height: h, Sibling: left})
			tree = right
		}
	}
	slices.Reverse(dst[start:])
	return dst
}

// AppendPeaks appends the perfect subtrees that s consists of, left to right, which is from the highest to the lowest.
func (s Span) AppendPeaks(dst []Node) []Node {
	first := s.First
	for rest := s.Count; rest > 0; {
		h := uint8(bits.Len64(rest) - 1)
		dst = append(dst, Node{h, first >> h})
		first += 1 << h
		rest -= 1 << h
	}
	return dst
}

// Source returns the stored nodes that n is computed from.
func (n Node) Source() Range {
	up := n.Height % Step
	return Range{Height: n.Height - up, First: n.Index << up, Count: 1 << up}
}

// Plan returns the ranges to read for nodes: each source once, ascending, joined inside a tile where they touch or where
// one node is between them, as on a way through that tile. So a range never crosses a tile.
func Plan(nodes []Node) []Range {
	sources := make([]Range, len(nodes))
	for i, n := range nodes {
		sources[i] = n.Source()
	}
	slices.SortFunc(sources, func(a, b Range) int {
		return cmp.Or(cmp.Compare(a.Height, b.Height), cmp.Compare(a.First, b.First))
	})
	var plan []Range
	for _, s := range sources {
		if len(plan) > 0 {
			last := &plan[len(plan)-1]
			end := last.First + uint64(last.Count)
			if s.Height == last.Height && s.First>>Step == last.First>>Step && s.First <= end+1 {
				last.Count = int(max(end, s.First+uint64(s.Count)) - last.First)
				continue
			}
		}
		plan = append(plan, s)
	}
	return plan
}

// Find returns the place of source among the ranges of a plan: the range and the offset in it.
func Find(plan []Range, source Range) (rank, offset int) {
	for i, r := range plan {
		if r.Height == source.Height && r.First <= source.First &&
			source.First+uint64(source.Count) <= r.First+uint64(r.Count) {
			return i, int(source.First - r.First)
		}
	}
	panic("shape: node outside the plan")
}
