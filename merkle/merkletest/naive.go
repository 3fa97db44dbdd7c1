// Package merkletest is the naive twin of packages merkle and merkle/calendar: the same trees and chains, written straight
// from the formulas of KSI's format, recursively, without a thought for speed, and sharing no code with the twins it
// checks. Imprints are plain bytes here, algorithm id first. Bad arguments panic. Manual compares worked examples with the documentation.
package merkletest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// A Link is one step of a chain from leaf to root: KSI's left link if Left, with its sibling's bytes.
type Link struct {
	Left       bool
	Correction int
	Sibling    []byte
}

// Hash returns the SHA-256 imprint of parts, one after the other.
func Hash(parts ...[]byte) []byte {
	d := sha256.Sum256(bytes.Join(parts, nil))
	return append([]byte{1}, d[:]...)
}

// Subtree returns the root of the subtree over leaves of level base, and its level.
func Subtree(leaves [][]byte, base int) (root []byte, level int) {
	if len(leaves) == 1 {
		return leaves[0], base
	}
	k := split(len(leaves))
	left, x := Subtree(leaves[:k], base)
	right, y := Subtree(leaves[k:], base)
	level = 1 + max(x, y)
	return Hash(left, right, []byte{byte(level)}), level
}

// SubtreePath returns the chain from leaf i to the root of Subtree. The level of the chain starts at 0, not at base.
func SubtreePath(leaves [][]byte, base, i int) []Link {
	path, _ := subtreePath(leaves, base, i)
	return path
}

// subtreePath also returns the level that the chain reaches.
func subtreePath(leaves [][]byte, base, i int) (path []Link, reached int) {
	if len(leaves) == 1 {
		return nil, 0
	}
	level := subtreeLevel(len(leaves), base)
	k := split(len(leaves))
	link := Link{Left: i < k}
	if link.Left {
		path, reached = subtreePath(leaves[:k], base, i)
		link.Sibling, _ = Subtree(leaves[k:], base)
	} else {
		path, reached = subtreePath(leaves[k:], base, i-k)
		link.Sibling, _ = Subtree(leaves[:k], base)
	}
	link.Correction = level - 1 - reached
	return append(path, link), level
}

func subtreeLevel(n, base int) int {
	if n == 1 {
		return base
	}
	k := split(n)
	return 1 + max(subtreeLevel(k, base), subtreeLevel(n-k, base))
}

// Issue returns the link from the root of a subtree to its slot node and that node. reached is the level of the chain so
// far.
func Issue(root []byte, reached int, metadata []byte) (Link, []byte) {
	return Link{true, 64 - 1 - reached, metadata}, Hash(root, metadata, []byte{64})
}

// Metadata returns the value of a metadata element.
func Metadata(client, machine string, sequence, micros uint64) []byte {
	var rest []byte
	number := func(v uint64) []byte { return bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, v), "\x00") }
	for i, v := range [][]byte{[]byte(client + "\x00"), []byte(machine + "\x00"), number(sequence), number(micros)} {
		rest = append(append(rest, byte(i+1), byte(len(v))), v...)
	}
	if (len(rest)+3)%2 == 0 {
		return append([]byte{0x7e, 1, 1}, rest...)
	}
	return append([]byte{0x7e, 2, 1, 1}, rest...)
}

// Blind returns the imprint that stands for a slot without leaves.
func Blind(key []byte, round uint64, slot uint32) []byte {
	mac := hmac.New(sha256.New, key)
	for _, v := range []any{[]byte("jurat empty slot"), round, slot} {
		_ = binary.Write(mac, binary.BigEndian, v)
	}
	return append([]byte{1}, mac.Sum(nil)...)
}

// Slots returns the round root over nodes, whose count must be a power of two, and the chain to it from position i.
func Slots(nodes [][]byte, i int) (root []byte, path []Link) {
	for level := 65; len(nodes) > 1; level++ {
		path = append(path, Link{i%2 == 0, 0, nodes[i^1]})
		var up [][]byte
		for j := 0; j < len(nodes); j += 2 {
			up = append(up, Hash(nodes[j], nodes[j+1], []byte{byte(level)}))
		}
		nodes, i = up, i/2
	}
	return nodes[0], path
}

// Climb returns the imprint and level that links lead to from an imprint at a level.
func Climb(imprint []byte, level int, links []Link) ([]byte, int) {
	for _, l := range links {
		level += l.Correction + 1
		if l.Left {
			imprint = Hash(imprint, l.Sibling, []byte{byte(level)})
		} else {
			imprint = Hash(l.Sibling, imprint, []byte{byte(level)})
		}
	}
	return imprint, level
}

// Calendar returns the calendar root over leaves, one a second.
func Calendar(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	return Hash(Calendar(leaves[:k]), Calendar(leaves[k:]), []byte{0xff})
}

// CalendarPath returns the chain from leaf t to the root over leaves 0 to p. root returns the root over leaves first to
// last, as Calendar computes it.
func CalendarPath(t, p int, root func(first, last int) []byte) (path []Link) {
	o, r, x := 0, p, t
	for r > 0 {
		k := 1
		for 2*k <= r {
			k *= 2
		}
		if x < k {
			path = append(path, Link{Left: true, Sibling: root(o+k, o+r)})
			r = k - 1
		} else {
			path = append(path, Link{Left: false, Sibling: root(o, o+k-1)})
			o, x, r = o+k, x-k, r-k
		}
	}
	slices.Reverse(path)
	return path
}

// split returns the largest power of two below n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}
