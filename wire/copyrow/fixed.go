package copyrow

import (
	"encoding/binary"
	"strings"

	"github.com/jurat-ledger/jurat/wire/copyrow/internal/hexrows"
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
		} else if n = hexrows.Decode(dst, data[used:], d.prefix, f.Size); n > 0 {
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
