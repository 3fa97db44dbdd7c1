package calendar

import (
	"fmt"
	"math/bits"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
)

// A Node is a calendar node to be stored: the root of the perfect subtree over seconds Index<<Height up to
// (Index+1)<<Height.
type Node struct {
	Height uint8 // 8, 16, 24 …
	Index  uint64
	Digest merkle.Digest
}

// A Frontier is the right edge of the calendar: all that its growth depends on. It holds one perfect subtree, a peak, for
// every bit of the number of seconds so far, so a second costs two hashes on average and its root some fifteen.
//
// A Frontier belongs to one goroutine at a time.
type Frontier struct {
	count uint64                       // leaves so far: seconds 0 to count-1
	peaks [maxHeight + 1]merkle.Digest // peaks[h] is valid if bit h of count is set
	kept  []Node                       // completed since the last call of Kept
}

// batch is how many leaves AppendAll turns into one node at most; a power of two.
const batch = 1 << 12

// NewFrontier returns the calendar before first, the ledger's first second: all seconds before it are idle.
func NewFrontier(first Second) *Frontier {
	if first < 0 {
		panic(fmt.Sprintf("calendar: first second %d", int64(first)))
	}
	f := &Frontier{}
	f.AppendIdle(uint64(first))
	return f
}

// Resume returns the calendar as of second last, read from what is stored: at most one tile for each 8 heights.
func Resume(r Reader, last Second) (*Frontier, error) {
	if last < 0 {
		return nil, fmt.Errorf("second %d: before the calendar", int64(last))
	}
	f := &Frontier{count: uint64(last) + 1}
	peaks := shape.Span{Count: f.count}.AppendPeaks(nil)
	s, err := readStored(r, shape.Plan(peaks))
	if err != nil {
		return nil, fmt.Errorf("calendar of second %d: %w", int64(last), err)
	}
	for _, p := range peaks {
		f.peaks[p.Height] = s.node(p)
	}
	return f, nil
}

// Next returns the second whose leaf comes next; the calendar so far ends right before it.
func (f *Frontier) Next() Second { return Second(f.count) }

// Append adds the leaf of the next second: the root of its round.
func (f *Frontier) Append(leaf merkle.Digest) { f.push(0, leaf) }

// AppendAll adds the leaves of the next seconds, as Append would one by one, but hashes many nodes at once: it costs an eighth
// where the processor has wide vectors.
func (f *Frontier) AppendAll(leaves []merkle.Digest) {
	var scratch [batch / 2]merkle.Digest
	for len(leaves) > 0 {
		// The largest perfect subtree that fits the place, the number and scratch.
		h := min(bits.TrailingZeros64(f.count), bits.Len(uint(len(leaves)))-1, bits.Len(batch)-1)
		row := leaves[:1<<h]
		leaves = leaves[1<<h:]
		for up := 1; up <= h; up++ {
			half := scratch[:len(row)/2]
			lanes.HashPairs(lanes.Flat(half), lanes.Flat(row), level)
			row = half
			if up%shape.Step == 0 && up < h {
				f.keep(up, f.count>>up, row...)
			}
		}
		f.push(h, row[0])
	}
}

// AppendIdle adds seconds without a round. Any number of them costs some hundred hashes at most.
func (f *Frontier) AppendIdle(seconds uint64) {
	for seconds > 0 {
		// The largest perfect subtree that fits both the place and the number.
		h := min(bits.TrailingZeros64(f.count), bits.Len64(seconds)-1, maxHeight-1)
		f.push(h, zeroNodes[h])
		seconds -= 1 << h
	}
}

// Root returns the calendar root as of the last second added. It panics if there is none.
func (f *Frontier) Root() merkle.Digest {
	if f.count == 0 {
		panic("calendar: root before the first second")
	}
	rest := f.count
	root := f.peaks[bits.TrailingZeros64(rest)]
	for rest &= rest - 1; rest != 0; rest &= rest - 1 {
		root = HashNode(f.peaks[bits.TrailingZeros64(rest)], root)
	}
	return root
}

// Kept returns the nodes to be stored that were completed since its last call, in order of completion. Nodes over idle
// seconds alone are not among them.
func (f *Frontier) Kept() []Node {
	kept := f.kept
	f.kept = nil
	return kept
}

// push adds a perfect subtree of height h, for which the count must be even enough, and merges what becomes complete.
func (f *Frontier) push(h int, node merkle.Digest) {
	count := f.count >> h
	f.count += 1 << h
	for ; ; count /= 2 {
		if h%shape.Step == 0 && h > 0 {
			f.keep(h, count, node)
		}
		if count%2 == 0 {
			break
		}
		node = HashNode(f.peaks[h], node)
		h++
	}
	f.peaks[h] = node
}

// keep notes the nodes of height h from index on that are not over idle seconds alone.
func (f *Frontier) keep(h int, index uint64, nodes ...merkle.Digest) {
	for i, node := range nodes {
		if node != zeroNodes[h] {
			f.kept = append(f.kept, Node{uint8(h), index + uint64(i), node})
		}
	}
}
