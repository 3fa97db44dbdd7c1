//go:build !purego

package lanes

import (
	"sync"
	"unsafe"
)

const width512 = 32 // nodes that one call hashes

// A buffer512 holds the message words of 16 nodes, transposed: vector i has word i of each. The generator knows its layout.
type buffer512 [77 * 64]byte

// scratch512 are the buffers of one goroutine: left[h] holds the messages at height h that wait for their neighbours,
// right those of the neighbours, which are hashed at once. All fit into the nearest cache, beside the digests.
type scratch512 struct {
	right buffer512
	left  [MaxHeight]buffer512
	pairs [2 * width512 * Size]byte // for less than 32 nodes
}

var pool512 = sync.Pool{New: func() any {
	// A vector over two cache lines costs twice.
	b := make([]byte, unsafe.Sizeof(scratch512{})+63)
	return (*scratch512)(unsafe.Pointer(&b[-uintptr(unsafe.Pointer(&b[0]))&63]))
}}

// few is the number of nodes from which a call is faster than SHA-NI for each.
const few = 13

// hashAVX512 hashes 32 nodes at a time. The rest is filled up with what happens to be in memory, or left to SHA-NI.
func hashAVX512(dst, src []byte, level byte) {
	s := pool512.Get().(*scratch512)
	for ; len(dst) >= width512*Size; dst, src = dst[width512*Size:], src[2*width512*Size:] {
		s.trees(dst, src, level, 1)
	}
	if len(dst) >= few*Size {
		copy(s.pairs[:], src)
		s.trees(s.pairs[:], s.pairs[:], level, 1)
		copy(dst, s.pairs[:])
	} else {
		hashSHANI(dst, src, level)
	}
	pool512.Put(s)
}

// hashTrees is Reduce of a multiple of 32 trees.
func hashTrees(dst, src []byte, level byte, height int) {
	s := pool512.Get().(*scratch512)
	for ; len(dst) > 0; dst, src = dst[width512*Size:], src[width512*Size<<height:] {
		s.trees(dst, src, level, height)
	}
	pool512.Put(s)
}

// trees computes the roots of 32 trees. A lane of a vector has two neighbouring trees, and a call hashes two neighbouring
// nodes of each lane. So children and parents are in one lane, and no word ever moves to another: the digests of a call
// are the left or the right halves of messages, and every second call is followed by one a height further up.
func (s *scratch512) trees(dst, src []byte, level byte, height int) {
	stride := uintptr(2*Size) << height
	rows := unsafe.Pointer(unsafe.SliceData(src))
	for i := range 1 << (height - 1) {
		b := &s.right
		ahead := uintptr(rows) + 16*stride + uintptr(i)*width512*2*Size // of the next 32 trees, if there are any
		load512(&s.left[0][0], &b[0], (*byte)(unsafe.Add(rows, 4*Size*i)), stride, second(level))
		for h := range height {
			if h == 1 { // one prefetch is enough: of something near
				ahead = uintptr(unsafe.Pointer(b))
			}
			if h == height-1 {
				hash512(&s.left[h][0], &b[0], nil, &dst[0], ahead, 0)
				break
			}
			above := second(level+byte(h)+1) << 16
			if i>>h&1 == 0 {
				hash512(&s.left[h][0], &b[0], &s.left[h+1][0], nil, ahead, above)
				break
			}
			hash512(&s.left[h][0], &b[0], &b[0], nil, ahead, above)
		}
	}
}
