package merkle

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// A Link is one step of a chain. Its sibling is an imprint or metadata, never both.
type Link struct {
	Left       bool    // the chain's own node is the left operand; KSI calls this a left link
	Correction uint8   // added to the level, besides the 1 that every link adds
	Sibling    Imprint // zero if the sibling is metadata
	Metadata   []byte  // value of a KSI metadata element; nil if the sibling is an imprint
}

// A Chain is the way from a leaf up to a root, leaf first: a KSI aggregation hash chain over SHA-256.
type Chain []Link

// MaxLinks is the greatest number of links of a chain: its shape must fit into a 64-bit chain index.
const MaxLinks = 63

// ErrChain is wrapped by the errors of Chain.
var ErrChain = errors.New("malformed chain")

// Root computes the node that the chain leads to from start, a node of the given level, and the level of that node. Without
// links that is start itself. A link over level 255, and a link with both or none of sibling and metadata, is an error.
func (c Chain) Root(start Imprint, level Level) (Imprint, Level, error) {
	if start.IsZero() {
		return Imprint{}, 0, fmt.Errorf("%w: no input", ErrChain)
	}
	var buf [512]byte
	node := start
	for i := range c {
		l := &c[i]
		if l.Sibling.IsZero() == (l.Metadata == nil) {
			return Imprint{}, 0, fmt.Errorf("link %d: %w: want either a sibling or metadata", i, ErrChain)
		}
		up := int(level) + int(l.Correction) + 1
		if up > 255 {
			return Imprint{}, 0, fmt.Errorf("link %d: %w: level %d", i, ErrChain, up)
		}
		level = Level(up)
		m := buf[:0]
		if l.Left {
			m = l.appendSibling(node.Append(m))
		} else {
			m = node.Append(l.appendSibling(m))
		}
		node = Digest(sha256.Sum256(append(m, byte(level)))).Imprint()
	}
	return node, level, nil
}

// Index returns the KSI chain index of the chain, which states its shape: the bits after the leading 1 are its links from
// root to leaf, 1 for a left link, so bit 0 belongs to the first link. More than MaxLinks links are an error.
func (c Chain) Index() (uint64, error) {
	if len(c) > MaxLinks {
		return 0, fmt.Errorf("%w: %d links", ErrChain, len(c))
	}
	index := uint64(1) << len(c)
	for i, l := range c {
		if l.Left {
			index |= 1 << i
		}
	}
	return index, nil
}

// appendSibling appends the bytes of the sibling that enter the hash.
func (l *Link) appendSibling(dst []byte) []byte {
	if l.Metadata != nil {
		return append(dst, l.Metadata...)
	}
	return l.Sibling.Append(dst)
}
