// Package hexrows decodes byte strings from rows of text: a prefix, hexadecimal digits and a newline each, all of one length.
//
// Strings of 32 bytes, digests, are decoded by generated assembly on x86 with AVX2, some nine times as fast as by the loop over a
// table that does the others, and all of them elsewhere or with the build tag purego. Both check everything, and the tests
// compare them with encoding/hex. The .s file is written by the generator in _asm, a module of its own: go generate here, or
// make generate.
package hexrows

//go:generate sh -c "cd _asm && go run . -out ../decode_amd64.s -stubs ../decode_amd64.go -pkg hexrows"

import (
	"encoding/binary"
	"fmt"
)

// MaxPrefix is the greatest size of a prefix, in bytes.
const MaxPrefix = 4

// vectorSize is the size of the strings, in bytes, that assembly decodes.
const vectorSize = 32

// maxCall is how many rows assembly decodes in one call, because it cannot be preempted: some 10 µs.
const maxCall = 2048

// Decode sets dst to the strings in the rows at the start of data, each of size bytes, as many as fit, up to the first row that
// is different, and returns how many. Bytes of dst behind them may have been written to. Capital digits count as digits. It
// panics if size is less than 1, or if prefix is empty or longer than MaxPrefix.
func Decode(dst, data []byte, prefix string, size int) (n int) {
	if size < 1 || len(prefix) < 1 || len(prefix) > MaxPrefix {
		panic(fmt.Sprintf("hexrows: prefix %q, %d bytes", prefix, size))
	}
	length := len(prefix) + 2*size + 1
	for most := min(len(dst)/size, len(data)/length); n < most; {
		some := min(most-n, maxCall)
		did := decode(dst[n*size:(n+some)*size], data[n*length:(n+some)*length], prefix, size)
		if n += did; did < some {
			break
		}
	}
	return n
}

// decodeTable is Decode of rows that are all there.
func decodeTable(dst, rows []byte, prefix string, size int) (n int) {
	for ; len(rows) > 0; n++ {
		digits := rows[len(prefix) : len(prefix)+2*size]
		if string(rows[:len(prefix)]) != prefix || rows[len(prefix)+2*size] != '\n' {
			return n
		}
		if size == vectorSize {
			if !unhex32((*[vectorSize]byte)(dst[n*size:]), (*[2 * vectorSize]byte)(digits)) {
				return n
			}
		} else if !unhex(dst[n*size:(n+1)*size], digits) {
			return n
		}
		rows = rows[len(prefix)+2*size+1:]
	}
	return n
}

// pairs are the values of two digits, the first in the lower byte of the index; notHex is set where one is none. It halves the
// time that arithmetic on eight digits at once takes.
var pairs = func() (table [1 << 16]uint16) {
	for i := range table {
		high, ok := Digit(byte(i))
		low, too := Digit(byte(i >> 8))
		if table[i] = uint16(high<<4 | low); !ok || !too {
			table[i] = notHex
		}
	}
	return table
}()

const notHex = 1 << 8

// Digit returns the value of a hexadecimal digit, small or capital; ok is false if c is none.
func Digit(c byte) (v byte, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// unhex32 decodes digits and reports whether they all are.
func unhex32(dst *[vectorSize]byte, digits *[2 * vectorSize]byte) bool {
	all := uint16(0)
	for i := 0; i < len(digits); i += 8 {
		x := binary.LittleEndian.Uint64(digits[i:])
		a, b, c, d := pairs[uint16(x)], pairs[uint16(x>>16)], pairs[uint16(x>>32)], pairs[x>>48]
		all |= a | b | c | d
		binary.LittleEndian.PutUint32(dst[i/2:], uint32(a)|uint32(b)<<8|uint32(c)<<16|uint32(d)<<24)
	}
	return all < notHex
}

// unhex decodes 2*len(dst) digits and reports whether they all are.
func unhex(dst, digits []byte) bool {
	all := uint16(0)
	for i := range dst {
		v := pairs[uint16(digits[2*i])|uint16(digits[2*i+1])<<8]
		all |= v
		dst[i] = byte(v)
	}
	return all < notHex
}
