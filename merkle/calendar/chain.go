package calendar

import "github.com/jurat-ledger/jurat/merkle"

// A Link is one step of a calendar chain.
type Link struct {
	Left    bool // the chain's own node is the left operand; KSI calls this a left link
	Sibling merkle.Digest
}

// A Chain is the way from the leaf of a second to a calendar root, leaf first: a KSI calendar hash chain over SHA-256.
type Chain []Link

// Root computes the calendar root that the chain leads to from leaf.
func (c Chain) Root(leaf merkle.Digest) merkle.Digest {
	node := leaf
	for i := range c {
		if c[i].Left {
			node = HashNode(node, c[i].Sibling)
		} else {
			node = HashNode(c[i].Sibling, node)
		}
	}
	return node
}

// Directions returns which links are left ones, as AggregationTime takes them.
func (c Chain) Directions() []bool {
	left := make([]bool, len(c))
	for i := range c {
		left[i] = c[i].Left
	}
	return left
}
