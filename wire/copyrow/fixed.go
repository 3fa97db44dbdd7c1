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
	for most := min(len(dst)/size, len(data)/length); n < most; n++ {
		line := data[n*length : (n+1)*length]
		if line[length-1] != '\n' || string(line[:len(prefix)]) != prefix {
			return n
		}
		if !unhex(dst[n*size:(n+1)*size], line[len(prefix):length-1]) {
			return n
		}
	}
	return n
}

// unhex decodes 2*len(dst) hexadecimal digits and reports whether they all are.
func unhex(dst, digits []byte) bool {
	bad := uint64(0)
	for ; len(dst) >= 4; dst, digits = dst[4:], digits[8:] {
		v, wrong := unhex8(binary.LittleEndian.Uint64(digits))
		binary.LittleEndian.PutUint32(dst, v)
		bad |= wrong
	}
	for i := range dst {
		high, ok := digit(digits, 2*i)
		low, too := digit(digits, 2*i+1)
		if !ok || !too {
			return false
		}
		dst[i] = high<<4 | low
	}
	return bad == 0
}

// unhex8 decodes eight hexadecimal digits, the first in the lowest byte, into four bytes in the same order. bad is 0 if all
// are digits.
func unhex8(x uint64) (v uint32, bad uint64) {
	const each = 0x0101010101010101
	letter := x >> 6 & each // 1 where x can only be a letter, 0 where only 0 to 9
	low := x & (0x0f * each)
	value := low + 9*letter
	bad = (x|letter<<5)&(0xf0*each) ^ (0x30*each + 0x30*letter) // not '0'&^15, 'A'&^15 or 'a'&^15
	bad |= (value + 6*(each-letter)) & (0x10 * each)            // behind '9', 'F' or 'f'
	bad |= ^((low + 0x0f*each) >> 4) & letter                   // before 'A' or 'a'
	value = (value<<4 | value>>8) & 0x00ff00ff00ff00ff
	value = (value | value>>8) & 0x0000ffff0000ffff
	return uint32(value | value>>16), bad
}
