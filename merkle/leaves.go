package merkle

import "fmt"

// Leaves is a list of imprints in filing order, stored flat: SHA-256 leaves, by far the most frequent, cost 32 bytes
// each. The zero Leaves is empty and ready to use. A list whose imprints all have one algorithm is uniform; the first
// imprint of another algorithm turns it into a mixed one.
type Leaves struct {
	n    int
	alg  Algorithm
	data []byte // uniform: digests; mixed: imprints
	off  []int  // mixed: where each imprint starts in data; nil while uniform
}

// Len returns the number of leaves.
func (l *Leaves) Len() int { return l.n }

// Uniform returns the algorithm that all leaves share and their digests, one after the other. ok is false for an empty
// list and for a mixed one. The caller must not change digests.
func (l *Leaves) Uniform() (alg Algorithm, digests []byte, ok bool) {
	return l.alg, l.data, l.n > 0 && l.off == nil
}

// At returns leaf i.
func (l *Leaves) At(i int) Imprint {
	if i < 0 || i >= l.n {
		panic(fmt.Sprintf("merkle: leaf %d of %d", i, l.n))
	}
	im := Imprint{alg: l.alg, size: uint8(l.alg.Size())}
	b := l.data
	if l.off == nil {
		b = b[i*int(im.size):]
	} else {
		b = b[l.off[i]:]
		im.alg = Algorithm(b[0])
		im.size = uint8(im.alg.Size())
		b = b[1:]
	}
	copy(im.d[:im.size], b)
	return im
}

// Append adds im at the end.
func (l *Leaves) Append(im Imprint) {
	if im.IsZero() {
		panic("merkle: zero imprint as leaf")
	}
	if l.n == 0 && l.off == nil {
		l.alg = im.alg
	}
	if l.off == nil && im.alg == l.alg {
		l.data = append(l.data, im.d[:im.size]...)
		l.n++
		return
	}
	l.mix()
	l.off = append(l.off, len(l.data))
	l.data = im.Append(l.data)
	l.n++
}

// AppendDigests adds digests of one algorithm, given one after the other. The length of digests must be a multiple of
// the size of alg.
func (l *Leaves) AppendDigests(alg Algorithm, digests []byte) {
	size := alg.Size()
	if size == 0 || len(digests)%size != 0 {
		panic(fmt.Sprintf("merkle: %d bytes as %s digests", len(digests), alg))
	}
	if l.n == 0 && l.off == nil {
		l.alg = alg
	}
	if l.off == nil && l.alg == alg {
		l.data = append(l.data, digests...)
		l.n += len(digests) / size
		return
	}
	for ; len(digests) > 0; digests = digests[size:] {
		im := Imprint{size: uint8(size), alg: alg}
		copy(im.d[:], digests[:size])
		l.Append(im)
	}
}

// AppendLeaves adds the leaves of from at the end.
func (l *Leaves) AppendLeaves(from *Leaves) {
	if alg, digests, ok := from.Uniform(); ok {
		l.AppendDigests(alg, digests)
		return
	}
	for i := range from.Len() {
		l.Append(from.At(i))
	}
}

// MakeLeaves returns an empty list with room for n digests of alg.
func MakeLeaves(alg Algorithm, n int) Leaves {
	if alg.Size() == 0 {
		panic(fmt.Sprintf("merkle: room for digests of %s", alg))
	}
	return LeavesIn(alg, make([]byte, n*alg.Size()))
}

// LeavesIn returns an empty list of digests of alg that are stored in memory, as far as they fit.
func LeavesIn(alg Algorithm, memory []byte) Leaves { return Leaves{alg: alg, data: memory[:0]} }

// Reserve makes an empty list one of digests of alg, with Room for n of them at least.
func (l *Leaves) Reserve(alg Algorithm, n int) {
	if l.n > 0 {
		panic("merkle: room reserved in a list of leaves")
	}
	if cap(l.data) < n*alg.Size() {
		l.data = make([]byte, n*alg.Size())
	}
	*l = LeavesIn(alg, l.data[:cap(l.data)])
}

// Room returns the memory behind the last leaf, for whole digests of alg: none if the list holds anything else. The caller
// writes digests to its start and takes them in by Extend.
func (l *Leaves) Room(alg Algorithm) []byte {
	size := alg.Size()
	if l.off != nil || l.alg != alg || size == 0 {
		return nil
	}
	room := cap(l.data) - len(l.data)
	return l.data[len(l.data) : len(l.data)+room-room%size]
}

// Extend adds the n digests that the caller has written to the start of what Room returned last.
func (l *Leaves) Extend(n int) {
	l.data = l.data[:len(l.data)+n*l.alg.Size()]
	l.n += n
}

// Slice returns leaves i to j-1 as a list that may share storage with l: it is valid until l is Reset. Appending to either
// does not change the other.
func (l *Leaves) Slice(i, j int) Leaves {
	if i < 0 || j < i || j > l.n {
		panic(fmt.Sprintf("merkle: leaves %d to %d of %d", i, j, l.n))
	}
	s := Leaves{n: j - i, alg: l.alg}
	if l.off == nil {
		size := l.alg.Size()
		s.data = l.data[i*size : j*size : j*size]
		return s
	}
	for k := i; k < j; k++ {
		im := l.At(k)
		s.off = append(s.off, len(s.data))
		s.data = im.Append(s.data)
	}
	return s
}

// Reset empties l and keeps its memory for reuse.
func (l *Leaves) Reset() { *l = Leaves{data: l.data[:0]} }

// mix turns a uniform list into a mixed one.
func (l *Leaves) mix() {
	if l.off != nil {
		return
	}
	size := l.alg.Size()
	data := make([]byte, 0, len(l.data)+l.n+MaxDigestSize+1)
	off := make([]int, 0, l.n+1)
	for i := range l.n {
		off = append(off, len(data))
		data = append(append(data, byte(l.alg)), l.data[i*size:(i+1)*size]...)
	}
	l.data, l.off = data, off
}
