package ksi

import (
	"github.com/jurat-ledger/jurat/merkle"
)

// A Part says which of its chains a link of a signature belongs to.
type Part uint8

// The parts of the path from the document to the calendar root.
const (
	Aggregation Part = iota // from the document to the root of the second's round
	Calendar                // from there to the calendar root
)

// String returns "aggregation" or "calendar".
func (p Part) String() string { return [...]string{"aggregation", "calendar"}[p] }

// A SiblingKind says what stands beside the path in a link.
type SiblingKind uint8

// The kinds of siblings. Calendar links have hashes only.
const (
	SiblingHash SiblingKind = iota
	SiblingLegacyID
	SiblingMetadata
)

// String returns "hash", "legacy id" or "metadata".
func (k SiblingKind) String() string { return [...]string{"hash", "legacy id", "metadata"}[k] }

// An ExplainedLink is one step on the path from the document to the calendar root.
type ExplainedLink struct {
	Part  Part
	Chain int // number of the chain in its part, from 1; the calendar has one
	Step  int // number of the link in its chain, from 1

	Left       bool  // the path is the left operand, the sibling stands on the right
	Correction uint8 // levels skipped below this link; 0 in the calendar
	Level      int   // of the node that the link leads to; 0 in the calendar, whose nodes have none

	Kind    SiblingKind
	Sibling []byte  // as it enters the hash: an imprint, a legacy id, or the value of metadata. The caller must not change it
	Issuer  *Issuer // the identity in Sibling; nil if Kind is SiblingHash

	Algorithm merkle.Algorithm // that the node is hashed with
	Hash      merkle.Imprint   // of the node; zero if this program cannot compute it, or one below it
}

// Links explains the path from the document to the calendar root link by link. It computes what Verify does but judges
// nothing: every chain starts at the input that it claims, so that the first chain whose input is not the node before it
// is the broken one.
func (s *Signature) Links() []ExplainedLink {
	nodes := s.trace()
	all := make([]ExplainedLink, 0, len(nodes))
	for i := range s.chains {
		c := &s.chains[i]
		for j := range c.links {
			l := &c.links[j]
			n := nodes[l.offset]
			e := ExplainedLink{Part: Aggregation, Chain: i + 1, Step: j + 1, Left: l.left, Correction: l.correction,
				Level: n.level, Kind: l.kind, Sibling: l.sibling, Algorithm: c.algorithm, Hash: n.hash}
			if l.kind != SiblingHash {
				issuer := l.meta.issuer(l.kind == SiblingLegacyID)
				e.Issuer = &issuer
			}
			all = append(all, e)
		}
	}
	if s.calendar == nil {
		return all
	}
	below := s.calendar.input.Algorithm()
	for j := range s.calendar.links {
		l := &s.calendar.links[j]
		if l.left {
			below = l.sibling.Algorithm()
		}
		all = append(all, ExplainedLink{Part: Calendar, Chain: 1, Step: j + 1, Left: l.left, Sibling: l.sibling.Append(nil),
			Algorithm: below, Hash: nodes[l.offset].hash})
	}
	return all
}
