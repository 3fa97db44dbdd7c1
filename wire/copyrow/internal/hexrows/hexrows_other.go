//go:build purego || !amd64

package hexrows

// decode is Decode of rows that are all there, one at least.
func decode(dst, rows []byte, prefix string, size int) int {
	return decodeTable(dst, rows, prefix, size)
}
