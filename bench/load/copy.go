package load

import (
	"encoding/binary"
	"slices"

	"github.com/jurat-ledger/jurat/bench/stream"
)

// A CopyFormat is a format of COPY.
type CopyFormat struct {
	// Name is as in "FORMAT name".
	Name            string
	header, trailer []byte
	row             int // bytes of a row
	put             func(dst []byte, s stream.Stream, i uint64)
}

// The formats of COPY.
var (
	Binary = CopyFormat{
		Name:    "binary",
		header:  append([]byte("PGCOPY\n\xff\r\n\x00"), 0, 0, 0, 0, 0, 0, 0, 0),
		trailer: []byte{0xff, 0xff},
		row:     2 + 4 + stream.Size,
		put: func(dst []byte, s stream.Stream, i uint64) {
			binary.BigEndian.PutUint16(dst, 1)
			binary.BigEndian.PutUint32(dst[2:], stream.Size)
			s.Put(dst[6:], i)
		},
	}
	Text = CopyFormat{Name: "text", row: len(`\\x`) + 2*stream.Size + 1, put: putHex(`\\x`)}
	CSV  = CopyFormat{Name: "csv", row: len(`\x`) + 2*stream.Size + 1, put: putHex(`\x`)}
)

// putHex writes a row as text.
func putHex(prefix string) func(dst []byte, s stream.Stream, i uint64) {
	return func(dst []byte, s stream.Stream, i uint64) {
		d := s.At(i)
		n := copy(dst, prefix)
		encodeHex((*[2 * stream.Size]byte)(dst[n:]), &d)
		dst[n+2*stream.Size] = '\n'
	}
}

// digits are the two hexadecimal digits of each byte, the first in the lower byte.
var digits = func() (table [256]uint16) {
	const hex = "0123456789abcdef"
	for i := range table {
		table[i] = uint16(hex[i>>4]) | uint16(hex[i&15])<<8
	}
	return table
}()

// encodeHex is hex.Encode, four bytes at once: a client that writes digits slowly takes processors from the server.
func encodeHex(dst *[2 * stream.Size]byte, d *[stream.Size]byte) {
	for i := 0; i < stream.Size; i += 4 {
		a, b, c, e := digits[d[i]], digits[d[i+1]], digits[d[i+2]], digits[d[i+3]]
		binary.LittleEndian.PutUint64(dst[2*i:], uint64(a)|uint64(b)<<16|uint64(c)<<32|uint64(e)<<48)
	}
}

// frame is how many bytes of rows a CopyData message holds at most.
const frame = 64 << 10

// Copy files n digests of a stream, from the first on, with one COPY into hashes (digest). They are acknowledged when it
// returns.
func (c *Conn) Copy(f CopyFormat, s stream.Stream, first, n uint64) error {
	rows, done, ended := uint64(frame/f.row), uint64(0), false
	return c.CopyIn("COPY hashes (digest) FROM STDIN (FORMAT "+f.Name+")", func(dst []byte) []byte {
		if ended {
			return dst
		}
		if done == 0 {
			dst = append(dst, f.header...)
		}
		from, some := len(dst), min(rows, n-done)
		dst = slices.Grow(dst, int(some)*f.row)[:from+int(some)*f.row]
		for row := dst[from:]; len(row) > 0; row = row[f.row:] {
			f.put(row, s, first+done)
			done++
		}
		if ended = done == n; ended {
			dst = append(dst, f.trailer...)
		}
		return dst
	})
}
