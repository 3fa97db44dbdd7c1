//go:build !purego

package hexrows

import "golang.org/x/sys/cpu"

// decode is Decode of rows that are all there, one at least.
func decode(dst, rows []byte, prefix string, size int) int {
	if size != vectorSize || !cpu.X86.HasAVX2 {
		return decodeTable(dst, rows, prefix, size)
	}
	var word, mask uint32
	for i := range len(prefix) {
		word |= uint32(prefix[i]) << (8 * i)
		mask |= 0xff << (8 * i)
	}
	return decodeAVX2(&dst[0], &rows[0], len(dst)/vectorSize, word, mask, uintptr(len(prefix)))
}
