package calendar

import (
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
)

// A Part is the leaves of some seconds of a calendar, held in memory; every other second is taken to be idle. Chains out of
// it are right where the part holds all that matters to them: of a chain from t to p, the left links depend on the seconds
// after t up to p alone.
//
// The zero Part is empty. It implements Reader.
type Part struct {
	seconds []Second // ascending
	leaves  []merkle.Digest
}

// Append adds the leaf of a second, which must be later than all before it.
func (p *Part) Append(s Second, leaf merkle.Digest) error {
	if n := len(p.seconds); s < 0 || n > 0 && s <= p.seconds[n-1] {
		return fmt.Errorf("second %d does not come after those before it", int64(s))
	}
	p.seconds, p.leaves = append(p.seconds, s), append(p.leaves, leaf)
	return nil
}

// Len returns the number of seconds that the part holds.
func (p *Part) Len() int { return len(p.seconds) }

// ReadLeaves implements Reader.
func (p *Part) ReadLeaves(dst []merkle.Digest, first Second) error {
	clear(dst)
	i, _ := slices.BinarySearch(p.seconds, first)
	for ; i < len(p.seconds) && p.seconds[i] < first+Second(len(dst)); i++ {
		dst[p.seconds[i]-first] = p.leaves[i]
	}
	return nil
}

// ReadNodes implements Reader: it computes the nodes.
func (p *Part) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	for i := range dst {
		dst[i] = p.node(p.seconds, p.leaves, height, first+uint64(i))
	}
	return nil
}

// node returns the perfect subtree of a height over the seconds index<<height on; seconds and leaves hold those that the
// part has of them, and maybe others.
func (p *Part) node(seconds []Second, leaves []merkle.Digest, height uint8, index uint64) merkle.Digest {
	from, _ := slices.BinarySearch(seconds, Second(index<<height))
	to, _ := slices.BinarySearch(seconds, Second((index+1)<<height))
	switch {
	case from == to:
		return ZeroNode(height)
	case height == 0:
		return leaves[from]
	}
	seconds, leaves = seconds[from:to], leaves[from:to]
	return HashNode(p.node(seconds, leaves, height-1, 2*index), p.node(seconds, leaves, height-1, 2*index+1))
}
