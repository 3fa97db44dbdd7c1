package ksi

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// ErrOtherNode says that a chain does not lead to the node that a Trunk starts at.
var ErrOtherNode = errors.New("the chain leads to another node")

// A Trunk is all above one node of a round's tree, serialized once for the signatures of the many leaves below it. It does
// not change, so that many goroutines may use it at once.
type Trunk struct {
	round   calendar.Second
	node    merkle.Imprint
	level   merkle.Level
	indices []uint64 // of the chain below, left to be filled in, and of those above, zero for one without links
	tail    []byte   // all elements but the chain below
}

// NewTrunk makes a trunk of parts that start at a node instead of a leaf: Leaf is that node, level its level. Errors say as
// those of Build which part does not fit.
func NewTrunk(p Parts, level merkle.Level) (*Trunk, error) {
	t := &Trunk{round: p.Round, node: p.Leaf, level: level, indices: make([]uint64, 1, 1+len(p.Chains))}
	tail, root, _, err := p.appendAggregation(make([]byte, 0, 2048), level)
	if err == nil {
		tail, err = p.appendEnding(tail, root)
	}
	if err != nil {
		return nil, fmt.Errorf("signatures of round %d: %w", int64(p.Round), err)
	}
	for _, c := range p.Chains {
		var index uint64
		if len(c) > 0 {
			if index, err = c.Index(); err != nil {
				return nil, fmt.Errorf("signatures of round %d: %w", int64(p.Round), err)
			}
		}
		t.indices = append(t.indices, index)
	}
	t.tail = slices.Clip(tail)
	return t, nil
}

// Len returns how many bytes the trunk holds.
func (t *Trunk) Len() int { return len(t.tail) }

// Append appends the signature of a leaf, the very bytes that Build gives for the same parts: chain must lead from the leaf
// to the trunk's node and its level, else the error is ErrOtherNode. The signature is checked by nothing else.
func (t *Trunk) Append(dst []byte, leaf merkle.Imprint, chain merkle.Chain) ([]byte, error) {
	if len(chain) == 0 {
		return nil, fmt.Errorf("%w: a chain without links", ErrOtherNode)
	}
	if err := leads(leaf, 0, chain, t.node, t.level); err != nil {
		return nil, err
	}
	index, err := chain.Index()
	if err != nil {
		return nil, err
	}
	return t.append(dst, leaf, chain, nil, index)
}

// leads returns an error unless a chain leads from a node to another one.
func leads(from merkle.Imprint, at merkle.Level, chain merkle.Chain, to merkle.Imprint, level merkle.Level) error {
	node, up, err := chain.Root(from, at)
	if err == nil && (node != to || up != level) {
		err = fmt.Errorf("%w: to %s of level %d, not to %s of level %d", ErrOtherNode, node, up, to, level)
	}
	return err
}

// append is Append for a chain that is known to lead to the trunk. links are its last ones, serialized, and index is that of all.
func (t *Trunk) append(dst []byte, leaf merkle.Imprint, chain merkle.Chain, links []byte, index uint64) ([]byte, error) {
	start := len(dst)
	dst, chains := t.begin(dst, &leaf, index)
	for i := range chain {
		dst = appendLink(dst, &chain[i])
	}
	return t.finish(dst, start, chains, links)
}

// begin appends what stands before the first link of a signature and returns where its first chain begins. finish has to follow.
func (t *Trunk) begin(dst []byte, leaf *merkle.Imprint, index uint64) (_ []byte, chains int) {
	var room [8]uint64
	indices := append(room[:0], t.indices...)
	indices[0] = index
	dst = tlv.Reserve(dst)
	return appendHead(tlv.Reserve(dst), t.round, indices, leaf), len(dst)
}

// finish appends the last links of the first chain, serialized, and all above it to a signature that begins at start, its chains at
// chains.
func (t *Trunk) finish(dst []byte, start, chains int, links []byte) ([]byte, error) {
	dst = append(dst, links...)
	if err := fits(dst, chains, len(t.tail)); err != nil {
		return nil, err
	}
	tlv.Fill(dst, chains, tagAggregation, 0)
	dst = append(dst, t.tail...)
	tlv.Fill(dst, start, tagSignature, 0)
	return dst, nil
}

// A Limb is a trunk and the end of the chains to it that the signatures of many leaves share, checked and serialized once for all
// of them. It does not change, so that many goroutines may use it at once.
type Limb struct {
	trunk *Trunk
	node  merkle.Imprint
	level merkle.Level
	count int    // of the links
	index uint64 // of them alone
	links []byte
}

// NewLimb returns the limb that starts at a node of a level below the trunk's; links must lead from there to the trunk's node,
// else the error is ErrOtherNode.
func (t *Trunk) NewLimb(node merkle.Imprint, level merkle.Level, links merkle.Chain) (*Limb, error) {
	if err := leads(node, level, links, t.node, t.level); err != nil {
		return nil, err
	}
	index, err := links.Index()
	if err != nil {
		return nil, err
	}
	l := &Limb{trunk: t, node: node, level: level, count: len(links), index: index}
	for i := range links {
		l.links = appendLink(l.links, &links[i])
	}
	l.links = slices.Clip(l.links)
	return l, nil
}

// Len returns how many bytes the limb holds, those of the trunk among them.
func (l *Limb) Len() int { return len(l.links) + l.trunk.Len() }

// Own returns how many bytes the limb holds besides the trunk.
func (l *Limb) Own() int { return len(l.links) }

// Append is Trunk.Append for a chain that must lead from the leaf to the limb's node.
func (l *Limb) Append(dst []byte, leaf merkle.Imprint, chain merkle.Chain) ([]byte, error) {
	if err := leads(leaf, 0, chain, l.node, l.level); err != nil {
		return nil, err
	}
	index, err := chain.Index()
	if err == nil {
		index, err = l.whole(len(chain), index)
	}
	if err != nil {
		return nil, err
	}
	return l.trunk.append(dst, leaf, chain, l.links, index)
}

// whole returns the index of a chain whose first n links have an index of their own, the leading 1 counted or not.
func (l *Limb) whole(n int, index uint64) (uint64, error) {
	if all := n + l.count; all > merkle.MaxLinks {
		return 0, fmt.Errorf("%w: %d links", merkle.ErrChain, all)
	}
	first := uint64(1) << n
	return l.index*first | index&(first-1), nil
}

// AppendPath is Append for way k of paths, which must have been hashed.
func (l *Limb) AppendPath(dst []byte, p *merkle.Paths, k int) ([]byte, error) {
	top, level := p.Top(k)
	if node := top.Imprint(); node != l.node || level != l.level {
		return nil, fmt.Errorf("%w: to %s of level %d, not to %s of level %d", ErrOtherNode, node, level, l.node, l.level)
	}
	index, err := l.whole(merkle.KeptStep, p.Index(k))
	if err != nil {
		return nil, err
	}
	start, leaf := len(dst), p.Leaf(k)
	dst, chains := l.trunk.begin(dst, &leaf, index)
	for j := range merkle.KeptStep {
		left := index>>j&1 == 1
		if correction := p.Correction(); j == 0 && correction != 0 {
			dst = appendLink(dst, &merkle.Link{Left: left, Correction: correction, Sibling: p.Sibling(k, j).Imprint()})
			continue
		}
		dst = appendDigestLink(dst, left, p.Sibling(k, j))
	}
	return l.trunk.finish(dst, start, chains, l.links)
}

// appendDigestLink appends a link without a correction whose sibling is a SHA-256 digest.
func appendDigestLink(dst []byte, left bool, sibling *merkle.Digest) []byte {
	const size = 1 + len(sibling)
	dst = tlv.AppendHeader(dst, linkTag(left), 0, 2+size)
	dst = append(tlv.AppendHeader(dst, tagSibling, 0, size), byte(merkle.SHA256))
	return append(dst, sibling[:]...)
}
