// Package lanes hashes many equal-shaped nodes at once: whole tree levels of SHA-256 digests, pair by pair.
//
// A node message is 67 bytes: the imprint of the left child, the imprint of the right child, one level byte, where an
// imprint is the algorithm id 0x01 and 32 bytes of digest. The package knows this one shape and nothing of trees.
//
// Digests lie flat, one after the other, 32 bytes each. The implementation over crypto/sha256 is the definition that any
// faster kernel is compared with.
package lanes

import (
	"crypto/sha256"
	"fmt"
	"unsafe"
)

// Size is the size of a digest in bytes.
const Size = sha256.Size

const (
	algorithm   = 0x01              // id of SHA-256 in an imprint
	imprintSize = 1 + Size          // algorithm id, digest
	messageSize = 2*imprintSize + 1 // left child, right child, level
)

// HashPairs sets dst to the nodes over the pairs of src: node i is the SHA-256 of imprint(src[2i]) || imprint(src[2i+1])
// || level. src must be twice as long as dst. dst may start where src starts, so that a level can be replaced by the next
// one; otherwise the two must not overlap.
func HashPairs(dst, src []byte, level byte) {
	if len(dst)%Size != 0 || len(src) != 2*len(dst) {
		panic(fmt.Sprintf("lanes: %d bytes of pairs into %d bytes of nodes", len(src), len(dst)))
	}
	portable(dst, src, level)
}

// portable is HashPairs over crypto/sha256, without the check of lengths.
func portable(dst, src []byte, level byte) {
	var m [messageSize]byte
	m[0], m[imprintSize], m[messageSize-1] = algorithm, algorithm, level
	for len(dst) > 0 {
		copy(m[1:imprintSize], src[:Size])
		copy(m[1+imprintSize:], src[Size:2*Size])
		d := sha256.Sum256(m[:])
		copy(dst, d[:])
		dst, src = dst[Size:], src[2*Size:]
	}
}

// Flat returns digests as one piece of bytes that shares their storage.
func Flat[D ~[Size]byte](digests []D) []byte {
	// An array of bytes has alignment 1 and no padding: n of them are exactly n*Size bytes in a row.
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(digests))), len(digests)*Size)
}
