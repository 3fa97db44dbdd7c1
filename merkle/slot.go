package merkle

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
)

// SlotNode returns the node of a slot in a round: the SHA-256 of imprint(root) || metadata || SlotLevel, where root is the
// root of the slot's subtree and metadata the value that Metadata.Append writes.
func SlotNode(root Imprint, metadata []byte) Digest {
	m := root.Append(make([]byte, 0, maxImprint+len(metadata)+1))
	return sha256.Sum256(append(append(m, metadata...), byte(SlotLevel)))
}

// IssuerLink returns the link from the root of a subtree over n leaves of level base to its slot node. Appended to the
// chain that ProveLeaf returns, it leads to SlotNode at SlotLevel whatever the height of the subtree: a chain over one leaf
// is still at level 0 there, whatever base is.
func IssuerLink(metadata []byte, base Level, n uint64) Link {
	level := RootLevel(base, n)
	if n == 1 {
		level = 0
	}
	return Link{Left: true, Correction: uint8(SlotLevel - 1 - level), Metadata: metadata}
}

// Blind returns what stands in the slot tree of a round for a slot without leaves, so that nobody without the key can tell
// it from the node of a busy slot: HMAC-SHA-256 under key of "jurat empty slot" || round || slot, round as 8 and slot as 4
// bytes, big-endian.
func Blind(key [32]byte, round int64, slot uint32) Digest {
	mac := hmac.New(sha256.New, key[:])
	m := binary.BigEndian.AppendUint64([]byte("jurat empty slot"), uint64(round))
	mac.Write(binary.BigEndian.AppendUint32(m, slot))
	return Digest(mac.Sum(nil))
}

// A SlotTree is the perfect tree over the slots of one round. Slot nodes stand at SlotLevel.
type SlotTree struct {
	rows [][]Digest // rows[h]: nodes of height h; the last row is the root alone
}

// SlotTreeHeight returns the height of the slot tree over this many slots, at least 1: the smallest k with 2^k >= slots.
func SlotTreeHeight(slots uint32) uint8 {
	if slots == 0 {
		panic("merkle: round without slots")
	}
	return uint8(bits.Len32(slots - 1))
}

// NewSlotTree returns the tree over slots 0 to slots-1, at least one. at is called in ascending order for every position
// from 0 to 2^SlotTreeHeight(slots)-1, positions without a slot included: it returns the SlotNode of a slot with leaves, and
// Blind for all others.
func NewSlotTree(slots uint32, at func(slot uint32) Digest) *SlotTree {
	k := SlotTreeHeight(slots)
	row := make([]Digest, 1<<k)
	for i := range row {
		row[i] = at(uint32(i))
	}
	t := &SlotTree{rows: [][]Digest{row}}
	for h := uint8(1); h <= k; h++ {
		up := make([]Digest, len(row)/2)
		lanes.HashPairs(lanes.Flat(up), lanes.Flat(row), byte(SlotLevel)+h)
		t.rows = append(t.rows, up)
		row = up
	}
	return t
}

// Root returns the round root, the calendar leaf of the round. With one slot it is the slot's node.
func (t *SlotTree) Root() Digest { return t.rows[len(t.rows)-1][0] }

// Chain returns the chain from the node of a slot, at SlotLevel, to the round root. All its corrections are 0; with one
// slot it has no links.
func (t *SlotTree) Chain(slot uint32) Chain {
	if int(slot) >= len(t.rows[0]) {
		panic(fmt.Sprintf("merkle: slot %d of %d", slot, len(t.rows[0])))
	}
	top := len(t.rows) - 1
	chain := make(Chain, top)
	for h := range top {
		i := slot >> h
		chain[h] = Link{Left: i%2 == 0, Sibling: t.rows[h][i^1].Imprint()}
	}
	return chain
}
