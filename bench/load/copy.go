package load

import (
	"encoding/binary"
	"encoding/hex"
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
		n += hex.Encode(dst[n:], d[:])
		dst[n] = '\n'
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
