package seal

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
)

// SaltSize is the length of a salt in bytes.
const SaltSize = 16

// A Value is the value of a field: text, an integer, true, false, null, an array or a map.
type Value = cbor.Value

// A Field is a named value. Fields stand in the order of their names, the shorter first.
type Field = cbor.Pair

// Content is what an agency says in a seal.
type Content struct {
	// Salt is random, so that nobody who guesses the fields can find out from the leaf that he guessed right.
	Salt   [SaltSize]byte
	Fields []Field
	// NotBefore and NotAfter are the first and the last second in which the document holds, by its own word; 0 for no bound.
	NotBefore, NotAfter calendar.Second
}

// ErrContent is wrapped by the errors of Check and FieldsFromJSON.
var ErrContent = errors.New("the content of a seal")

// Check returns why c cannot be sealed.
func (c *Content) Check() error {
	if len(c.Fields) == 0 {
		return fmt.Errorf("%w: no fields", ErrContent)
	}
	v := c.value()
	if err := v.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrContent, err)
	}
	if name, ok := hasBytes(&v.Items[1]); ok {
		return fmt.Errorf("%w: field %q: byte strings are not used: write them as text, in hex or base64", ErrContent, name)
	}
	for _, s := range [...]calendar.Second{c.NotBefore, c.NotAfter} {
		if s < 0 || s > calendar.LastWritable {
			return fmt.Errorf("%w: date %d lies outside the years 1970 to 9999", ErrContent, int64(s))
		}
	}
	if c.NotAfter != 0 && c.NotAfter < c.NotBefore {
		return fmt.Errorf("%w: it ends, %s, before it begins, %s", ErrContent, c.NotAfter, c.NotBefore)
	}
	return nil
}

// hasBytes returns the first field whose value holds a byte string.
func hasBytes(v *Value) (name string, ok bool) {
	for i := range v.Pairs {
		p := &v.Pairs[i]
		if p.Value.Kind == cbor.Bytes {
			return p.Key, true
		}
		if _, ok := hasBytes(&p.Value); ok {
			return p.Key, true
		}
	}
	for i := range v.Items {
		if _, ok := hasBytes(&v.Items[i]); ok || v.Items[i].Kind == cbor.Bytes {
			return "", true
		}
	}
	return "", false
}

func (c *Content) value() Value {
	v := cbor.List(cbor.Blob(c.Salt[:]), Value{Kind: cbor.Map, Pairs: c.Fields}, optional(c.NotBefore), optional(c.NotAfter))
	for v.Items[len(v.Items)-1].Kind == cbor.Null {
		v.Items = v.Items[:len(v.Items)-1]
	}
	return v
}

func optional(s calendar.Second) Value {
	if s == 0 {
		return Value{}
	}
	return cbor.Number(int64(s))
}

// Append appends the CBOR of c, for which Check has no error.
func (c *Content) Append(dst []byte) []byte {
	v := c.value()
	return v.Append(dst)
}

// Leaf returns the SHA-256 of the content: what is filed.
func (c *Content) Leaf() merkle.Digest { return sha256.Sum256(c.Append(nil)) }

// parseContent reads what value makes.
func parseContent(v *Value) (c Content, err error) {
	if v.Kind != cbor.Array || len(v.Items) < 2 || len(v.Items) > 4 {
		return c, errors.New("the content is no array of 2 to 4")
	}
	salt, fields := &v.Items[0], &v.Items[1]
	switch {
	case salt.Kind != cbor.Bytes || len(salt.Bytes) != SaltSize:
		return c, fmt.Errorf("the salt is no byte string of %d", SaltSize)
	case fields.Kind != cbor.Map:
		return c, fmt.Errorf("the fields are no map, but: %s", fields.Kind)
	case v.Items[len(v.Items)-1].Kind == cbor.Null:
		return c, errors.New("the content ends with null")
	}
	c.Salt, c.Fields = [SaltSize]byte(salt.Bytes), fields.Pairs
	for i, s := range [...]*calendar.Second{&c.NotBefore, &c.NotAfter} {
		if 2+i >= len(v.Items) {
			break
		}
		switch date := &v.Items[2+i]; {
		case date.Kind == cbor.Null:
		case date.Kind != cbor.Int || date.Int <= 0:
			return c, errors.New("a date is no second after 1970-01-01T00:00:00Z")
		default:
			*s = calendar.Second(date.Int)
		}
	}
	return c, c.Check()
}
