package copyrow

import (
	"encoding/binary"
	"strings"
)

// Fixed takes rows of a single column many at a time: those whose field is a byte string of Size bytes in its most usual
// form, which is bytes in binary data and \x with hex digits in text and csv. All other rows go to the row function of
// Write, in their order.
type Fixed struct {
	Size int // of a field, 1 to 255
	// Room returns where the next fields are to go, one behind the other. If there is no room for a field, the next row
	// goes to the row function.
	Room func() []byte
	// Took is told how many fields now stand at the start of what Room returned last.
	Took func(n int)
}

// hexSpecial are the characters that have a meaning in a byte string written as text.
const hexSpecial = `\x0123456789abcdefABCDEF`

// SetFixed has f take the rows that it can. It must be called before the first Write; it does nothing where the options
// leave no such row.
func (d *Decoder) SetFixed(f Fixed) {
	if len(d.o.Columns) != 1 || f.Size < 1 || f.Size > 255 {
		return
	}
	d.prefix = ""
	switch d.o.Format {
	case Text:
		d.prefix = `\\x`
	case CSV:
		d.prefix = `\x`
		if strings.IndexByte(hexSpecial, d.o.Quote) >= 0 || strings.IndexByte(hexSpecial, d.o.Escape) >= 0 {
			return
		}
	}
	if d.o.Format != Binary && strings.IndexByte(hexSpecial, d.o.Delimiter) >= 0 {
		return
	}
	if length := len(d.prefix) + 2*f.Size; length > d.o.MaxRow || len(d.o.Null) >= 2*f.Size {
		return
	}
	d.fixed = f
}

// takeFixed hands the rows at the start of data to Fixed, as far as it takes them, and returns their length.
func (d *Decoder) takeFixed(data []byte) (used int) {
	f := &d.fixed
	if f.Size == 0 || d.header || d.scanned > 0 || d.eol != endUnknown && d.eol != endNL {
		return 0
	}
	for {
		dst := f.Room()
		dst = dst[:len(dst)-len(dst)%f.Size]
		var n, length int
		if d.o.Format == Binary {
			n = unpackTuples(dst, data[used:], f.Size)
			length = n * (tupleHead + f.Size)
		} else if n = unpackLines(dst, data[used:], d.prefix, f.Size); n > 0 {
			d.eol = endNL
			length = n * (len(d.prefix) + 2*f.Size + 1)
		}
		if n == 0 {
			return used
		}
		d.line += int64(n)
		used += length
		f.Took(n)
	}
}

// tupleHead is the length of what stands before the field in a binary row of one column.
const tupleHead = 6

// unpackTuples copies the fields of binary rows at the start of data to dst, as many as fit, up to the first row that is not
// one field of size bytes, and returns how many.
func unpackTuples(dst, data []byte, size int) (n int) {
	const headMask = 1<<(8*tupleHead) - 1   // of a little-endian word
	head := uint64(1)<<8 | uint64(size)<<40 // 00 01, 00 00 00 size
	length := tupleHead + size
	most := min(len(dst)/size, len(data)/length)
	if size == 32 {
		for ; n < most; n++ {
			row := (*[tupleHead + 32]byte)(data[n*length:])
			if binary.LittleEndian.Uint64(row[:])&headMask != head {
				return n
			}
			*(*[32]byte)(dst[n*32:]) = [32]byte(row[tupleHead:])
		}
		return n
	}
	for ; n < most; n++ {
		row := data[n*length : (n+1)*length]
		if string(row[:tupleHead]) != string([]byte{0, 1, 0, 0, 0, byte(size)}) {
			return n
		}
		copy(dst[n*size:(n+1)*size], row[tupleHead:])
	}
	return n
}

// unpackLines decodes lines of prefix, 2*size hexadecimal digits and a newline at the start of data to dst, as many as fit,
// up to the first line that is different, and returns how many.
func unpackLines(dst, data []byte, prefix string, size int) (n int) {
	length := len(prefix) + 2*size + 1
	most := min(len(dst)/size, len(data)/length)
	for ; n < most; n++ {
		line := data[n*length : (n+1)*length]
		if line[length-1] != '\n' || string(line[:len(prefix)]) != prefix {
			return n
		}
		digits := line[len(prefix) : length-1]
		if size == 32 {
			if !unhex32((*[32]byte)(dst[n*32:]), (*[64]byte)(digits)) {
				return n
			}
		} else if !unhex(dst[n*size:(n+1)*size], digits) {
			return n
		}
	}
	return n
}

// pairs are the values of two hexadecimal digits, the first in the lower byte of the index; notHex is set where one is none. It
// halves the time that arithmetic on eight digits at once takes.
var pairs = func() (table [1 << 16]uint16) {
	for i := range table {
		high, ok := digit([]byte{byte(i)}, 0)
		low, too := digit([]byte{byte(i >> 8)}, 0)
		if table[i] = uint16(high<<4 | low); !ok || !too {
			table[i] = notHex
		}
	}
	return table
}()

const notHex = 1 << 8

// unhex32 decodes 64 hexadecimal digits and reports whether they all are.
func unhex32(dst *[32]byte, digits *[64]byte) bool {
	all := uint16(0)
	for i := 0; i < 64; i += 8 {
		x := binary.LittleEndian.Uint64(digits[i:])
		a, b, c, d := pairs[uint16(x)], pairs[uint16(x>>16)], pairs[uint16(x>>32)], pairs[x>>48]
		all |= a | b | c | d
		binary.LittleEndian.PutUint32(dst[i/2:], uint32(a)|uint32(b)<<8|uint32(c)<<16|uint32(d)<<24)
	}
	return all < notHex
}

// unhex decodes 2*len(dst) hexadecimal digits and reports whether they all are.
func unhex(dst, digits []byte) bool {
	all := uint16(0)
	for i := range dst {
		v := pairs[uint16(digits[2*i])|uint16(digits[2*i+1])<<8]
		all |= v
		dst[i] = byte(v)
	}
	return all < notHex
}
