package ksi

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
)

// Split takes a signature apart behind its first aggregation chain. Of that chain, and of those of other leaves that lead to
// the same node, the trunk makes signatures again: of this chain the very bytes of s. Only signatures of the form that Build
// writes can be taken apart so, hashed with SHA-256.
func (s *Signature) Split() (merkle.Chain, *Trunk, error) {
	first := &s.chains[0]
	if s.rfc3161 != nil {
		return nil, nil, errors.New("split: a signature converted from RFC 3161 has no chain from its document")
	}
	chain := make(merkle.Chain, len(first.links))
	for i := range first.links {
		l := &first.links[i]
		chain[i] = merkle.Link{Left: l.left, Correction: l.correction}
		var err error
		switch l.kind {
		case SiblingHash:
			chain[i].Sibling, err = merkle.ParseImprint(l.sibling)
		case SiblingMetadata:
			chain[i].Metadata = l.sibling
		default:
			err = errors.New("a legacy id is not written any more")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("split: link %d: %w", i, err)
		}
	}
	node, level, err := chain.Root(first.input, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("split: %w", err)
	}
	t := &Trunk{round: first.time, node: node, level: level, indices: make([]uint64, len(s.chains))}
	for i := 1; i < len(s.chains); i++ {
		index := s.chains[i].index
		t.indices[i] = index[len(index)-1]
	}
	index, err := chain.Index()
	if err != nil {
		return nil, nil, fmt.Errorf("split: %w", err)
	}
	head := first.offset + len(appendAggregationChain(nil, first.time, append([]uint64{index}, t.indices[1:]...), first.input, chain))
	if head <= len(s.raw) {
		t.tail = bytes.Clone(s.raw[head:])
	}
	again, err := t.Append(nil, first.input, chain)
	if err != nil || !bytes.Equal(again, s.raw) {
		return nil, nil, errors.New("split: the signature has another form than Build gives it")
	}
	return chain, t, nil
}

// Node returns the node that the trunk starts at, and its level.
func (t *Trunk) Node() (merkle.Imprint, merkle.Level) { return t.node, t.level }
