package calendar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
)

// ErrInconsistent is wrapped by the errors of proofs of consistency that are none.
var ErrInconsistent = errors.New("the later calendar is not shown to extend the earlier one")

// A Consistency proves that the calendar as of second To extends that as of second From: that not one of the leaves of
// seconds 0 to From differs between the two. It is checked against the two calendar roots alone, as published, and with
// nothing but SHA-256.
//
// # How to check it by hand
//
// Write H(l, r) for SHA-256(01 || l || 01 || r || ff), l and r being nodes of 32 bytes, and let f = From, s = To.
//
//  1. If f+1 is a power of two, start with old = new = the earlier root. Otherwise start with old = new = the first node
//     of the proof, and go on with the second.
//  2. While f is odd, halve both f and s, dropping the lowest bit.
//  3. For each further node n: if s is 0, the proof is too long. If f is odd or f equals s, n is on the left: old becomes
//     H(n, old) and new becomes H(n, new); then, while f is even and not 0, halve both f and s. Otherwise n is on the
//     right: new becomes H(new, n). In both cases halve f and s once more.
//  4. The proof holds if s is 0, old is the earlier root and new is the later one.
//
// With From = To there is no node, and the two roots are the same.
//
// # Bytes
//
//	1 version, 01 | 8 From, big-endian | 8 To, big-endian | n × 32 node
//
// From and To say how many nodes there are: at most 63.
type Consistency struct {
	From, To Second
	Nodes    []merkle.Digest
}

// A Step is what one node of a proof of consistency does. The first step has no node where the proof starts with the
// earlier root.
type Step struct {
	Node     merkle.Digest
	Start    bool          // both begin with Node
	Left     bool          // the node is on the left of both; else on the right of New alone
	Old, New merkle.Digest // what the two are after the step
}

const (
	consistencyVersion = 1
	consistencyHeader  = 17
)

// ProveConsistency proves that the calendar as of second to extends that as of second from, 0 <= from <= to, to closed. It
// reads no more than Prove does twice.
func ProveConsistency(r Reader, from, to Second) (*Consistency, error) {
	if from < 0 || from > to {
		return nil, fmt.Errorf("second %d: no proof of consistency to second %d", int64(from), int64(to))
	}
	spans := consistencySpans(from, to)
	var peaks []shape.Node
	for _, s := range spans {
		peaks = s.AppendPeaks(peaks)
	}
	s, err := readStored(r, shape.Plan(peaks))
	if err != nil {
		return nil, fmt.Errorf("calendar of second %d: %w", int64(to), err)
	}
	c := &Consistency{From: from, To: to, Nodes: make([]merkle.Digest, len(spans))}
	for i, span := range spans {
		c.Nodes[i] = s.root(span)
	}
	return c, nil
}

// consistencySpans returns the subtrees whose roots make up a proof, in its order: RFC 6962's PROOF(from+1, D[to+1]).
func consistencySpans(from, to Second) []shape.Span {
	var up []shape.Span // from the root down
	tree := shape.Span{Count: uint64(to) + 1}
	m, whole := uint64(from)+1, true // leaves of tree in the earlier calendar; whether they begin at second 0
	for m < tree.Count {
		half := uint64(1) << (shape.Height(tree.Count) - 1)
		left := shape.Span{First: tree.First, Count: half}
		right := shape.Span{First: tree.First + half, Count: tree.Count - half}
		if m <= half {
			up, tree = append(up, right), left
		} else {
			up, tree, m, whole = append(up, left), right, m-half, false
		}
	}
	spans := make([]shape.Span, 0, len(up)+1)
	if !whole {
		spans = append(spans, tree)
	}
	for i := len(up) - 1; i >= 0; i-- {
		spans = append(spans, up[i])
	}
	return spans
}

// Steps checks the proof against the two roots, as the comment of Consistency says, and returns what each node of it does.
// The error wraps ErrInconsistent.
func (c *Consistency) Steps(old, new merkle.Digest) ([]Step, error) {
	if c.From < 0 || c.From > c.To || len(c.Nodes) != len(consistencySpans(c.From, c.To)) {
		return nil, fmt.Errorf("%d nodes from second %d to %d: %w", len(c.Nodes), int64(c.From), int64(c.To), ErrInconsistent)
	}
	rest := c.Nodes
	first := Step{Start: true, Node: old, Old: old, New: old}
	if f := uint64(c.From) + 1; f&(f-1) != 0 && c.From < c.To {
		first.Node, first.Old, first.New = rest[0], rest[0], rest[0]
		rest = rest[1:]
	}
	steps := []Step{first}
	f, s := uint64(c.From), uint64(c.To)
	if odd := bits.TrailingZeros64(^f); c.From < c.To {
		f, s = f>>odd, s>>odd
	}
	for _, n := range rest {
		last := steps[len(steps)-1]
		step := Step{Node: n, Left: f&1 == 1 || f == s, Old: last.Old}
		if step.Left {
			step.Old, step.New = HashNode(n, last.Old), HashNode(n, last.New)
			for f&1 == 0 && f != 0 {
				f, s = f>>1, s>>1
			}
		} else {
			step.New = HashNode(last.New, n)
		}
		f, s = f>>1, s>>1
		steps = append(steps, step)
	}
	switch last := steps[len(steps)-1]; {
	case last.Old != old:
		return nil, fmt.Errorf("the nodes lead to the root %x as of second %d: %w", last.Old, int64(c.From), ErrInconsistent)
	case last.New != new:
		return nil, fmt.Errorf("the nodes lead to the root %x as of second %d: %w", last.New, int64(c.To), ErrInconsistent)
	}
	return steps, nil
}

// Append appends the bytes of the proof.
func (c *Consistency) Append(dst []byte) []byte {
	dst = append(dst, consistencyVersion)
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.From))
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.To))
	for i := range c.Nodes {
		dst = append(dst, c.Nodes[i][:]...)
	}
	return dst
}

// ParseConsistency reads the bytes of a proof. Whether it proves anything is for Steps to say.
func ParseConsistency(b []byte) (*Consistency, error) {
	if len(b) < consistencyHeader || b[0] != consistencyVersion {
		return nil, errors.New("no proof of consistency: want version 1 and two seconds")
	}
	c := &Consistency{From: Second(binary.BigEndian.Uint64(b[1:])), To: Second(binary.BigEndian.Uint64(b[9:]))}
	if c.From < 0 || c.To < c.From {
		return nil, fmt.Errorf("no proof of consistency: from second %d to %d", int64(c.From), int64(c.To))
	}
	nodes := b[consistencyHeader:]
	if want := len(consistencySpans(c.From, c.To)); len(nodes) != want*len(merkle.Digest{}) {
		return nil, fmt.Errorf("proof of consistency of %d bytes: want %d nodes from second %d to %d", len(b), want, int64(c.From), int64(c.To))
	}
	for ; len(nodes) > 0; nodes = nodes[len(merkle.Digest{}):] {
		c.Nodes = append(c.Nodes, merkle.Digest(nodes[:len(merkle.Digest{})]))
	}
	return c, nil
}
