// Package tlv reads and writes KSI TLV, the encoding of KSI signatures, publications files and protocol messages. It
// knows elements, integers and strings, and not what any tag means.
//
// # Format
//
// An element is a header and a value. The header is two bytes (TLV8) if the tag is at most 0x1f and the value at most
// 255 bytes long, and four bytes (TLV16) otherwise:
//
//	        byte 0                      byte 1      byte 2       byte 3
//	TLV8    0 N F t t t t t             length
//	TLV16   1 N F t t t t t (high 5)    tag (low)   length hi    length lo
//
// N, non-critical: a reader that does not know the tag may ignore the element. F, forward: such a reader passes it on.
//
//	02 04 6b 02 48 e6    tag 0x02, four bytes
//	88 00 01 37          tag 0x800, 311 bytes follow
//	7e 01 01             tag 0x1e with N and F, one byte
//
// Values are integers (big-endian, at most eight bytes, no leading zero; zero is the empty value), strings (UTF-8, one
// NUL at the end that is counted, none inside), or plain bytes, which may hold elements again.
//
// # Strictness
//
// The reader refuses whatever the writer would not produce: a four-byte header where two bytes would do, an element
// that overruns its parent, an integer with a leading zero. So two different byte strings never read as the same
// elements. Flags belong to the element and are kept.
//
// Every error is an *Error. It names the path of tags to the element and the offset of its header in the input.
package tlv

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// A Tag says what an element is. Its meaning depends on the element around it.
type Tag uint16

const (
	maxTag       = 0x1fff
	maxShortTag  = 0x1f
	maxShortSize = 0xff

	// MaxSize is the greatest length of a value in bytes.
	MaxSize = 0xffff
)

const wide = 0x80 // first header byte: the header has four bytes

// Flags are the two flag bits of a header, as they stand in its first byte.
type Flags uint8

// The flags of an element.
const (
	NonCritical Flags = 0x40 // N: may be ignored by a reader that does not know the tag
	Forward     Flags = 0x20 // F: should be passed on by a reader that does not know the tag
)

// An Element is one element of an input. It shares the memory of the input.
type Element struct {
	Tag    Tag
	Flags  Flags
	Offset int // of the header, from the start of the outermost input

	raw    []byte
	header int // length of the header, 2 or 4
}

// Raw returns the whole element, header included. The caller must not change it.
func (e *Element) Raw() []byte { return e.raw }

// Value returns the value of e. The caller must not change it.
func (e *Element) Value() []byte { return e.raw[e.header:] }

// ValueOffset returns the offset of the first byte of the value, from the start of the outermost input.
func (e *Element) ValueOffset() int { return e.Offset + e.header }

// Children returns a reader of the elements in the value of e.
func (e *Element) Children() Reader { return Reader{rest: e.Value(), offset: e.ValueOffset()} }

// Uint returns the value of e as an integer.
func (e *Element) Uint() (uint64, error) {
	v := e.Value()
	if len(v) > 8 {
		return 0, e.Errorf("integer of %d bytes, at most 8 are allowed", len(v))
	}
	if len(v) > 0 && v[0] == 0 {
		return 0, e.Errorf("integer with a leading zero byte")
	}
	var n uint64
	for _, b := range v {
		n = n<<8 | uint64(b)
	}
	return n, nil
}

// Text returns the value of e as a string, without the NUL at its end.
func (e *Element) Text() (string, error) {
	v := e.Value()
	if len(v) == 0 || v[len(v)-1] != 0 {
		return "", e.Errorf("string does not end in NUL")
	}
	s := string(v[:len(v)-1])
	if strings.IndexByte(s, 0) >= 0 {
		return "", e.Errorf("string with a NUL inside")
	}
	if !utf8.ValidString(s) {
		return "", e.Errorf("string is not UTF-8")
	}
	return s, nil
}

// Errorf returns an *Error about e. The format and its arguments are those of fmt.Errorf.
func (e *Element) Errorf(format string, args ...any) error {
	return e.Wrap(fmt.Errorf(format, args...))
}

// Wrap returns err as an *Error about e: if err already is about an element, e is taken to be around that element.
func (e *Element) Wrap(err error) error {
	if inner, ok := errors.AsType[*Error](err); ok {
		return &Error{Path: append([]Tag{e.Tag}, inner.Path...), Offset: inner.Offset, Err: inner.Err}
	}
	return &Error{Path: []Tag{e.Tag}, Offset: e.Offset, Err: err}
}

// An Error says what is wrong with an element.
type Error struct {
	Path   []Tag // from the outermost element to the one at fault; empty if its header could not be read
	Offset int   // of the header of the element at fault, from the start of the input
	Err    error
}

// Error returns the fault after the path and offset of the element: "0x800.0x801.0x02 at byte 8: …".
func (e *Error) Error() string {
	var b strings.Builder
	for i, t := range e.Path {
		if i > 0 {
			b.WriteByte('.')
		}
		fmt.Fprintf(&b, "0x%02x", uint16(t))
	}
	if len(e.Path) > 0 {
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "at byte %d: %v", e.Offset, e.Err)
	return b.String()
}

// Unwrap returns the fault without its place.
func (e *Error) Unwrap() error { return e.Err }

// A Reader reads elements that stand one after the other. The zero Reader is at the end of its input.
type Reader struct {
	rest   []byte
	offset int
}

// NewReader returns a reader of the elements in input. The elements share the memory of input.
func NewReader(input []byte) Reader { return Reader{rest: input} }

// More reports whether there is anything left to read.
func (r *Reader) More() bool { return len(r.rest) > 0 }

// Offset returns the offset of what Next reads next, from the start of the outermost input.
func (r *Reader) Offset() int { return r.offset }

// Skip leaves out n bytes that are no element. There must be so many.
func (r *Reader) Skip(n int) {
	r.rest = r.rest[n:]
	r.offset += n
}

// Next reads one element. After an error the reader stays where it is.
func (r *Reader) Next() (Element, error) {
	b := r.rest
	if len(b) < 2 {
		return Element{}, r.errorf("%d bytes left, an element has at least 2", len(b))
	}
	e := Element{Tag: Tag(b[0] & maxShortTag), Flags: Flags(b[0]) & (NonCritical | Forward), Offset: r.offset, header: 2}
	size := int(b[1])
	if b[0]&wide != 0 {
		if len(b) < 4 {
			return Element{}, r.errorf("%d bytes left of a four-byte header", len(b))
		}
		e.Tag, e.header = e.Tag<<8|Tag(b[1]), 4
		size = int(b[2])<<8 | int(b[3])
		if e.Tag <= maxShortTag && size <= maxShortSize {
			return Element{}, r.errorf("four-byte header for tag 0x%02x and %d bytes, two bytes suffice", uint16(e.Tag), size)
		}
	}
	if len(b) < e.header+size {
		return Element{}, r.errorf("tag 0x%02x wants %d bytes, %d are left", uint16(e.Tag), size, len(b)-e.header)
	}
	e.raw = b[: e.header+size : e.header+size]
	r.rest = b[e.header+size:]
	r.offset += e.header + size
	return e, nil
}

func (r *Reader) errorf(format string, args ...any) error {
	return &Error{Offset: r.offset, Err: fmt.Errorf(format, args...)}
}

// ParseOne reads input as exactly one element with nothing behind it.
func ParseOne(input []byte) (Element, error) {
	r := NewReader(input)
	e, err := r.Next()
	if err != nil {
		return Element{}, err
	}
	if r.More() {
		return Element{}, r.errorf("%d bytes after the end", len(r.rest))
	}
	return e, nil
}

// Append appends an element with the given value to dst. It panics if the value is longer than MaxSize.
func Append(dst []byte, tag Tag, flags Flags, value []byte) []byte {
	return append(AppendHeader(dst, tag, flags, len(value)), value...)
}

// AppendUint appends an element whose value is the integer n to dst.
func AppendUint(dst []byte, tag Tag, flags Flags, n uint64) []byte {
	size := (bits.Len64(n) + 7) / 8
	dst = AppendHeader(dst, tag, flags, size)
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(n>>shift))
	}
	return dst
}

// AppendText appends an element whose value is the string s to dst. It panics if s is not UTF-8, holds a NUL or is
// longer than MaxSize-1.
func AppendText(dst []byte, tag Tag, flags Flags, s string) []byte {
	if !ValidText(s) {
		panic(fmt.Sprintf("tlv: %q as string", s))
	}
	dst = AppendHeader(dst, tag, flags, len(s)+1)
	return append(append(dst, s...), 0)
}

// ValidText reports whether s can be a string: UTF-8 without NUL, at most MaxSize-1 bytes.
func ValidText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 && len(s) < MaxSize
}

// Enclose turns the bytes of dst from start on into the value of one element, so that children are appended first and
// enclosed then. It panics if they are more than MaxSize.
func Enclose(dst []byte, start int, tag Tag, flags Flags) []byte {
	size := len(dst) - start
	dst = AppendHeader(dst, tag, flags, size)
	header := [4]byte{}
	n := copy(header[:], dst[start+size:])
	copy(dst[start+n:], dst[start:start+size])
	copy(dst[start:], header[:n])
	return dst
}

// headerSize is the size in bytes of a header that is not short.
const headerSize = 4

// Reserve appends room for the header of an element whose tag does not fit a short header. Its value is appended then, and Fill
// called: unlike Enclose that moves nothing.
func Reserve(dst []byte) []byte { return append(dst, make([]byte, headerSize)...) }

// Fill writes the header of the element that dst has held from start on since Reserve and that ends with dst. It panics if the tag fits
// a short header, or the value is longer than MaxSize.
func Fill(dst []byte, start int, tag Tag, flags Flags) {
	if tag <= maxShortTag {
		panic(fmt.Sprintf("tlv: room of %d bytes for the header of tag %#x", headerSize, uint16(tag)))
	}
	AppendHeader(dst[:start], tag, flags, len(dst)-start-headerSize)
}

// AppendHeader appends the header of an element whose value, of size bytes, is appended next. It panics as Append does where there is no
// such element.
func AppendHeader(dst []byte, tag Tag, flags Flags, size int) []byte {
	if tag > maxTag || size > MaxSize || flags&^(NonCritical|Forward) != 0 {
		panic(fmt.Sprintf("tlv: element with tag %#x, flags %#x, %d bytes", uint16(tag), uint8(flags), size))
	}
	if tag <= maxShortTag && size <= maxShortSize {
		return append(dst, byte(flags)|byte(tag), byte(size))
	}
	return append(dst, wide|byte(flags)|byte(tag>>8), byte(tag), byte(size>>8), byte(size))
}
