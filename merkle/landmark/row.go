package landmark

import (
	"errors"
	"math/bits"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
)

// A row is consecutive nodes of one height, of which only those are kept that are not zero nodes: what a file takes in memory is in
// proportion to its bytes then, however long a ledger was idle, or somebody says so.
type row struct {
	zero merkle.Digest
	n    int
	set  []uint64 // bit i%64 of word i/64: node i is kept
	rank []int    // how many nodes are kept before those of each word
	kept []merkle.Digest
}

func newRow(zero merkle.Digest, nodes []merkle.Digest) *row {
	r := &row{zero: zero}
	r.append(nodes)
	return r
}

// append adds nodes behind the others.
func (r *row) append(nodes []merkle.Digest) {
	n := r.n
	for i := range nodes {
		if nodes[i] != r.zero {
			r.keep(n+i, nodes[i])
		}
	}
	r.grow(n + len(nodes))
}

// keep adds a node that is not the zero node, behind all others that are kept.
func (r *row) keep(i int, node merkle.Digest) {
	r.grow(i + 1)
	r.set[i/64] |= 1 << (i % 64)
	r.kept = append(r.kept, node)
}

// grow makes r one of n nodes, the new ones zero nodes.
func (r *row) grow(n int) {
	for len(r.set) < (n+63)/64 {
		r.set, r.rank = append(r.set, 0), append(r.rank, len(r.kept))
	}
	r.n = max(r.n, n)
}

// at returns node i.
func (r *row) at(i int) merkle.Digest {
	bit := uint64(1) << (i % 64)
	if r.set[i/64]&bit == 0 {
		return r.zero
	}
	return r.kept[r.rank[i/64]+bits.OnesCount64(r.set[i/64]&(bit-1))]
}

// next returns the first node from i on that is kept, n if there is none.
func (r *row) next(i int) int {
	for ; i < r.n; i = (i/64 + 1) * 64 {
		if word := r.set[i/64] >> (i % 64); word != 0 {
			return i + bits.TrailingZeros64(word)
		}
	}
	return r.n
}

// clone returns a copy to be added to.
func (r *row) clone() *row {
	return &row{r.zero, r.n, slices.Clone(r.set), slices.Clone(r.rank), slices.Clone(r.kept)}
}

// from returns the nodes from i on as a row of their own.
func (r *row) from(i int) *row {
	tail := &row{zero: r.zero}
	for k := r.next(i); k < r.n; k = r.next(k + 1) {
		tail.keep(k-i, r.at(k))
	}
	tail.grow(r.n - i)
	return tail
}

// above adds to up, the nodes of the height above, those that it lacks. before is the node in front of r where the first of r is a right
// child, nil where it is a left one.
func (r *row) above(up *row, before *merkle.Digest) {
	shift := 0
	if before != nil {
		shift = 1
	}
	at := func(i int) merkle.Digest {
		if i < shift {
			return *before
		}
		return r.at(i - shift)
	}
	n := (r.n + shift) / 2
	var parents []int
	var children []merkle.Digest
	for i := 2 * up.n; i < 2*n; {
		if i >= shift || *before == r.zero {
			i = r.next(max(0, i-shift)) + shift
		}
		if i >= 2*n {
			break
		}
		parents, children = append(parents, i/2), append(children, at(i&^1), at(i|1))
		i = i&^1 + 2
	}
	nodes := make([]merkle.Digest, len(parents))
	lanes.HashPairs(lanes.Flat(nodes), lanes.Flat(children), level)
	for k, i := range parents {
		up.keep(i, nodes[k])
	}
	up.grow(n)
}

// appendTo appends a bitmap of the nodes that are kept, and those.
func (r *row) appendTo(dst []byte) []byte {
	for i := range (r.n + 7) / 8 {
		dst = append(dst, byte(r.set[i/8]>>(i%8*8)))
	}
	for i := range r.kept {
		dst = append(dst, r.kept[i][:]...)
	}
	return dst
}

// row reads n nodes that appendTo wrote.
func (r *reader) row(n int, zero merkle.Digest) (*row, error) {
	bitmap, err := r.take((n + 7) / 8)
	if err != nil {
		return nil, err
	}
	nodes := &row{zero: zero}
	for i, b := range bitmap {
		for ; b != 0; b &= b - 1 {
			k := 8*i + bits.TrailingZeros8(b)
			if k >= n {
				return nil, errors.New("a bit that stands for nothing is set")
			}
			node, err := r.digest(zero)
			if err != nil {
				return nil, err
			}
			nodes.keep(k, node)
		}
	}
	nodes.grow(n)
	return nodes, nil
}
