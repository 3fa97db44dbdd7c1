package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// Errors that callers decide on.
var (
	// ErrNotFound says that there is no such store, round or leaf.
	ErrNotFound = errors.New("not found")
	// ErrExists is returned by Create for a directory that holds a store.
	ErrExists = errors.New("the directory holds a store")
	// ErrLocked is returned by Create and Open while another process has the store open.
	ErrLocked = errors.New("another process has the store open: stop it first")
	// ErrMoved is returned by Propose when the store's directory is not any more the one that was opened.
	ErrMoved = errors.New("the data directory was deleted, moved or replaced while it was open: put it back, or restore it from a backup")
	// ErrCorrupt says that stored bytes are not what this package writes. jurat fsck tells the extent.
	ErrCorrupt = errors.New("corrupt store")
	// ErrVersion says that a value has a format version that this program does not know: a newer one wrote it.
	ErrVersion = errors.New("unknown format version: use the program that wrote it, or a newer one")
)

// version is the format version of every value.
const version = 1

// A cursor reads a key or value field by field. After the first error all reads give zeros; end returns it.
type cursor struct {
	b     []byte
	off   int
	order binary.ByteOrder
	err   error
	field func(from, to int, text string) // told of every field read; nil for none
}

func newCursor(value []byte) cursor { return cursor{b: value, order: binary.LittleEndian} }

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("offset %d: %s: %w", c.off, fmt.Sprintf(format, args...), ErrCorrupt)
	}
}

// take reads n bytes. A nil result means an error, unless n is 0.
func (c *cursor) take(n int, name string) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || len(c.b)-c.off < n {
		c.fail("%s: want %d bytes, have %d", name, n, len(c.b)-c.off)
		return nil
	}
	c.off += n
	return c.b[c.off-n : c.off]
}

// tell reports the n bytes before the cursor as a field. The arguments are formatted only if somebody listens.
func (c *cursor) tell(n int, name string, value any) {
	if c.field != nil && c.err == nil {
		c.field(c.off-n, c.off, fmt.Sprintf("%s = %v", name, value))
	}
}

func (c *cursor) u8(name string) uint8 {
	b := c.take(1, name)
	if b == nil {
		return 0
	}
	if c.field != nil {
		c.tell(1, name, b[0])
	}
	return b[0]
}

func (c *cursor) u32(name string) uint32 {
	b := c.take(4, name)
	if b == nil {
		return 0
	}
	x := c.order.Uint32(b)
	if c.field != nil {
		c.tell(4, name, x)
	}
	return x
}

func (c *cursor) u64(name string) uint64 {
	b := c.take(8, name)
	if b == nil {
		return 0
	}
	x := c.order.Uint64(b)
	if c.field != nil {
		c.tell(8, name, x)
	}
	return x
}

func (c *cursor) second(name string) calendar.Second {
	b := c.take(8, name)
	if b == nil {
		return 0
	}
	x := calendar.Second(c.order.Uint64(b))
	if x < 0 || x > maxSecond {
		c.off -= 8
		c.fail("%s: second %d", name, x)
		return 0
	}
	if c.field != nil {
		c.tell(8, name, x)
	}
	return x
}

func (c *cursor) digest(name string) (d merkle.Digest) {
	b := c.take(len(d), name)
	copy(d[:], b)
	if c.field != nil {
		c.tell(len(d), name, short(d[:]))
	}
	return d
}

// imprint reads an algorithm byte and the digest of its length.
func (c *cursor) imprint(name string) (im merkle.Imprint) {
	if c.err != nil {
		return im
	}
	n := 0
	if c.off < len(c.b) {
		n = merkle.Algorithm(c.b[c.off]).Size()
	}
	if n == 0 {
		c.fail("%s: no imprint", name)
		return im
	}
	b := c.take(1+n, name)
	if b == nil {
		return im
	}
	im, err := merkle.ParseImprint(b)
	if err != nil {
		c.fail("%s: %v", name, err)
		return im
	}
	if c.field != nil {
		c.tell(len(b), name, im.Algorithm().String()+" "+short(im.Digest()))
	}
	return im
}

// bytes reads n bytes that stand for themselves. They share memory with the value.
func (c *cursor) bytes(n int, name string) []byte {
	b := c.take(n, name)
	if c.field != nil && len(b) > 0 {
		c.tell(len(b), name, short(b))
	}
	return b
}

// text reads a string that its length precedes in one byte.
func (c *cursor) text(name string) string {
	n := c.take(1, name)
	if n == nil {
		return ""
	}
	s := string(c.take(int(n[0]), name))
	if c.field != nil {
		c.tell(1+len(s), name, fmt.Sprintf("%q", s))
	}
	return s
}

// longText reads a string that its length precedes in two bytes.
func (c *cursor) longText(name string) string {
	n := c.take(2, name)
	if n == nil {
		return ""
	}
	s := string(c.take(int(c.order.Uint16(n)), name))
	if c.field != nil {
		c.tell(2+len(s), name, fmt.Sprintf("%q", s))
	}
	return s
}

// rest reads what is left. It shares memory with the value.
func (c *cursor) rest(name string) []byte { return c.bytes(len(c.b)-c.off, name) }

// bitmap reads a block's bitmap and returns the number of ones.
func (c *cursor) bitmap(m *bitmap) (n int) {
	copy(m[:], c.take(len(m), "bitmap"))
	n = m.count()
	if c.err == nil && n == 0 {
		c.off -= len(m)
		c.fail("bitmap: no second")
	}
	if c.field != nil {
		c.tell(len(m), "bitmap", fmt.Sprintf("%d seconds", n))
	}
	return n
}

// version reads the version byte and refuses unknown ones.
func (c *cursor) version() { c.versions(version) }

// versions reads the version byte, returns it and refuses those above newest.
func (c *cursor) versions(newest uint8) uint8 {
	v := c.take(1, "version")
	if v == nil {
		return 0
	}
	if v[0] < version || v[0] > newest {
		c.err = fmt.Errorf("offset 0: version %d: %w", v[0], ErrVersion)
		return 0
	}
	if c.field != nil {
		c.tell(1, "version", v[0])
	}
	return v[0]
}

// end returns the first error; bytes that are left over are one.
func (c *cursor) end() error {
	if c.err == nil && c.off != len(c.b) {
		c.fail("%d bytes too many", len(c.b)-c.off)
	}
	return c.err
}

// short returns the first bytes of b in hex.
func short(b []byte) string {
	if len(b) <= 8 {
		return fmt.Sprintf("%x", b)
	}
	return fmt.Sprintf("%x… (%d bytes)", b[:8], len(b))
}

// A bitmap has a bit for every second of a block.
type bitmap [BlockSeconds / 8]byte

func (m *bitmap) set(i int)      { m[i/8] |= 1 << (i % 8) }
func (m *bitmap) has(i int) bool { return m[i/8]>>(i%8)&1 != 0 }

// count returns the number of ones.
func (m *bitmap) count() int { return m.rank(BlockSeconds) }

// rank returns the number of ones before bit i.
func (m *bitmap) rank(i int) int {
	n, j := 0, 0
	for ; (j+8)*8 <= i; j += 8 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(m[j:]))
	}
	for j *= 8; j < i; j++ {
		if m.has(j) {
			n++
		}
	}
	return n
}
