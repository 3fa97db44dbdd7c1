package ksi

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
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
	node, level, err := chain.Root(leaf, 0)
	switch {
	case err != nil:
		return nil, err
	case len(chain) == 0 || node != t.node || level != t.level:
		return nil, fmt.Errorf("%w: to %s of level %d, not to %s of level %d", ErrOtherNode, node, level, t.node, t.level)
	}
	index, err := chain.Index()
	if err != nil {
		return nil, err
	}
	var room [8]uint64
	indices := append(room[:0], t.indices...)
	indices[0] = index
	start := len(dst)
	dst = appendAggregationChain(dst, t.round, indices, leaf, chain)
	return enclose(append(dst, t.tail...), start)
}
