package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Types of client messages.
const (
	msgBind         = 'B'
	msgClose        = 'C'
	msgCopyData     = 'd'
	msgCopyDone     = 'c'
	msgCopyFail     = 'f'
	msgDescribe     = 'D'
	msgExecute      = 'E'
	msgFlush        = 'H'
	msgFunctionCall = 'F'
	msgParse        = 'P'
	msgQuery        = 'Q'
	msgSync         = 'S'
	msgTerminate    = 'X'
)

// smallMessage is the longest body of messages that carry no SQL and no data.
const smallMessage = 10000

// limit returns the longest body of a message type after admission, negative for a type that does not exist.
func (c *Config) limit(typ byte) int {
	switch typ {
	case msgQuery, msgParse, msgBind, msgCopyData, msgFunctionCall:
		return c.MaxMessage
	case msgDescribe, msgExecute, msgClose, msgCopyFail, msgCopyDone, msgFlush, msgSync, msgTerminate:
		return smallMessage
	}
	return -1
}

// messageLength words the detail of an error about a length field.
func messageLength(typ byte, length uint32, most int) string {
	return fmt.Sprintf("Message of type %q gives its length as %d bytes; allowed are 4 to %d.", typ, length, int64(most)+4)
}

// A cursor reads the fields of a message body. After a field that is not there ok is false and all fields are zero.
type cursor struct {
	b  []byte
	ok bool
}

// take returns the next n bytes.
func (c *cursor) take(n int) []byte {
	if !c.ok || n < 0 || n > len(c.b) {
		c.ok = false
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) byte() byte {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) int16() int16 {
	if v := c.take(2); v != nil {
		return int16(binary.BigEndian.Uint16(v))
	}
	return 0
}

func (c *cursor) int32() int32 {
	if v := c.take(4); v != nil {
		return int32(binary.BigEndian.Uint32(v))
	}
	return 0
}

// count reads a 16-bit count of things that take at least size bytes each.
func (c *cursor) count(size int) int {
	n := int(uint16(c.int16()))
	if n*size > len(c.b) {
		c.ok = false
	}
	if !c.ok {
		return 0
	}
	return n
}

// text reads a zero-terminated string, without copying.
func (c *cursor) text() []byte {
	n := bytes.IndexByte(c.b, 0)
	if n < 0 {
		c.ok = false
		return nil
	}
	v := c.take(n)
	c.take(1)
	return v
}

// end reports whether all fields were there and nothing follows them.
func (c *cursor) end() bool { return c.ok && len(c.b) == 0 }

// decodeQuery returns the text of a Query, or the reason of a CopyFail.
func decodeQuery(body []byte) (string, error) {
	c := cursor{body, true}
	sql := c.text()
	if !c.end() {
		return "", errInvalidFormat
	}
	return string(sql), nil
}

// parseMessage is a Parse message.
type parseMessage struct {
	name, sql string
	types     []uint32
}

// decodeParse reads a Parse; the slice of p is used again.
func decodeParse(body []byte, p *parseMessage) error {
	c := cursor{body, true}
	name, sql := c.text(), c.text()
	p.types = p.types[:0]
	for range c.count(4) {
		p.types = append(p.types, uint32(c.int32()))
	}
	if !c.end() {
		return errInvalidFormat
	}
	p.name, p.sql = string(name), string(sql)
	return nil
}

// decodeBind reads a Bind; the slices of b are used again, its parameters lie in body.
func decodeBind(body []byte, b *Bind) error {
	c := cursor{body, true}
	portal, statement := c.text(), c.text()
	b.ParameterFormats = c.formats(b.ParameterFormats)
	b.Parameters = b.Parameters[:0]
	for range c.count(4) {
		var v []byte
		if n := c.int32(); n != -1 {
			v = c.take(int(n))
		}
		b.Parameters = append(b.Parameters, v)
	}
	b.ResultFormats = c.formats(b.ResultFormats)
	if !c.end() {
		return errInvalidFormat
	}
	if n := len(b.ParameterFormats); n > 1 && n != len(b.Parameters) {
		return errorf(codeProtocolViolation, "bind message has %d parameter formats but %d parameters", n, len(b.Parameters))
	}
	for _, formats := range [...][]int16{b.ParameterFormats, b.ResultFormats} {
		for _, f := range formats {
			if f != 0 && f != 1 {
				return errorf(codeInvalidParameter, "unsupported format code: %d", f)
			}
		}
	}
	if b.Portal != string(portal) || b.Statement != string(statement) { // a pipeline names the same ones again and again
		b.Portal, b.Statement = string(portal), string(statement)
	}
	return nil
}

// formats reads a list of format codes.
func (c *cursor) formats(dst []int16) []int16 {
	dst = dst[:0]
	for range c.count(2) {
		dst = append(dst, c.int16())
	}
	return dst
}

// decodeTarget reads a Describe or Close: 'S' and a statement's name, or 'P' and a portal's.
func decodeTarget(body []byte, message string) (kind byte, name string, err error) {
	c := cursor{body, true}
	kind = c.byte()
	text := c.text()
	if !c.end() {
		return 0, "", errInvalidFormat
	}
	if kind != 'S' && kind != 'P' {
		return 0, "", errorf(codeProtocolViolation, "invalid %s message subtype %d", message, kind)
	}
	return kind, string(text), nil
}

// decodeExecute reads an Execute. rows is 0 for all of them.
func decodeExecute(body []byte) (portal string, rows int, err error) {
	c := cursor{body, true}
	text := c.text()
	n := c.int32()
	if !c.end() {
		return "", 0, errInvalidFormat
	}
	return string(text), max(int(n), 0), nil
}
