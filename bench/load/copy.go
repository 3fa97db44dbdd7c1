package load

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
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
	at := c.begin('Q')
	c.out = cstring(c.out, "COPY hashes (digest) FROM STDIN (FORMAT "+f.Name+")")
	c.end(at)
	if err := c.flush(); err != nil {
		return err
	}
	kind, body, err := c.next()
	switch {
	case err != nil:
		return err
	case kind == 'E':
		return errors.Join(serverError(body), c.untilReady(nil))
	case kind != 'G':
		return fmt.Errorf("message %q in answer to COPY", kind)
	}
	if err := c.copyRows(f, s, first, n); err != nil {
		return err
	}
	c.end(c.begin('c'))
	if err := c.flush(); err != nil {
		return err
	}
	return c.untilReady(nil)
}

// copyRows sends the data of a COPY, each frame as it is made.
func (c *Conn) copyRows(f CopyFormat, s stream.Stream, first, n uint64) error {
	if len(f.header) > 0 {
		at := c.begin('d')
		c.out = append(c.out, f.header...)
		c.end(at)
	}
	rows := uint64(frame / f.row)
	for done := uint64(0); done < n; {
		some := min(rows, n-done)
		at := c.begin('d')
		from := len(c.out)
		c.out = slices.Grow(c.out, int(some)*f.row)[:from+int(some)*f.row]
		for dst := c.out[from:]; len(dst) > 0; dst = dst[f.row:] {
			f.put(dst, s, first+done)
			done++
		}
		c.end(at)
		if err := c.flush(); err != nil {
			return err
		}
	}
	if len(f.trailer) > 0 {
		at := c.begin('d')
		c.out = append(c.out, f.trailer...)
		c.end(at)
	}
	return nil
}
