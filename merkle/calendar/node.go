package calendar

import (
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
)

// level is the last byte of every calendar node's message.
const level = 0xff

// maxHeight is the height of a calendar over all seconds that Second can count.
const maxHeight = 63

// zeroNodes holds the perfect subtrees over idle seconds.
var zeroNodes = func() (nodes [maxHeight + 1]merkle.Digest) {
	for h := 1; h < len(nodes); h++ {
		nodes[h] = HashNode(nodes[h-1], nodes[h-1])
	}
	return nodes
}()

// ZeroNode returns the root of a perfect subtree of this height, at most 63, over idle seconds alone. Height 0 is the leaf
// of an idle second, the zero digest.
func ZeroNode(height uint8) merkle.Digest { return zeroNodes[height] }

// HashNode returns the calendar node over l and r: the SHA-256 of imprint(l) || imprint(r) || 0xff.
func HashNode(l, r merkle.Digest) merkle.Digest {
	pair := [2]merkle.Digest{l, r}
	var node [1]merkle.Digest
	lanes.HashPairs(lanes.Flat(node[:]), lanes.Flat(pair[:]), level)
	return node[0]
}

// reduce returns the root of a perfect subtree over nodes, whose count must be a power of two; it overwrites them.
func reduce(nodes []merkle.Digest) merkle.Digest {
	for len(nodes) > 1 {
		half := nodes[:len(nodes)/2]
		lanes.HashPairs(lanes.Flat(half), lanes.Flat(nodes), level)
		nodes = half
	}
	return nodes[0]
}
