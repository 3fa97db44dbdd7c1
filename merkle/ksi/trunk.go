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
	var room [8]uint64
	indices := append(room[:0], t.indices...)
	indices[0] = index
	start := len(dst)
	dst = tlv.Reserve(dst)
	chains := len(dst)
	dst = appendHead(tlv.Reserve(dst), t.round, indices, leaf)
	for i := range chain {
		dst = appendLink(dst, &chain[i])
	}
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
	if n := len(chain) + l.count; n > merkle.MaxLinks {
		return nil, fmt.Errorf("%w: %d links", merkle.ErrChain, n)
	}
	index, err := chain.Index()
	if err != nil {
		return nil, err
	}
	first := uint64(1) << len(chain)
	return l.trunk.append(dst, leaf, chain, l.links, l.index*first|index&(first-1))
}
