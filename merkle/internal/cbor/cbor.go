// Package cbor reads and writes a strict subset of CBOR (RFC 8949): the deterministic encoding of section 4.2.1 of integers, byte
// and text strings, arrays, maps with text keys, true, false and null. There is one way to write a value, and Parse refuses
// every other: what it accepts, Append gives back byte for byte. Tags, floating point, indefinite lengths and undefined
// do not exist here.
package cbor

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// A Kind is the type of a Value.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	False
	True
	Int   // -2^63 to 2^63-1
	Bytes // a byte string
	Text  // a text string, valid UTF-8
	Array
	Map // with text keys, each once
)

// String names a kind.
func (k Kind) String() string {
	return [...]string{"null", "false", "true", "integer", "byte string", "text", "array", "map"}[k]
}

// A Value is one data item. Which of the other fields count says Kind.
type Value struct {
	Kind  Kind
	Int   int64
	Bytes []byte
	Text  string
	Items []Value // of an Array
	Pairs []Pair  // of a Map, in the order of Compare
}

// A Pair is one entry of a map.
type Pair struct {
	Key   string
	Value Value
}

// MaxDepth is how deep arrays and maps may stand in one another: a plain value has depth 0, an array of plain values 1.
const MaxDepth = 12

// MaxItems is how many values Parse reads at most, those in arrays and maps counted too. The longest bundle of a document has some 11,000.
const MaxItems = 1 << 14

// ErrFormat is wrapped by the errors of Parse and Check.
var ErrFormat = errors.New("not deterministic CBOR")

// Major types and simple values.
const (
	majorUint   = 0 << 5
	majorNegint = 1 << 5
	majorBytes  = 2 << 5
	majorText   = 3 << 5
	majorArray  = 4 << 5
	majorMap    = 5 << 5
	simpleFalse = 0xf4
	simpleTrue  = 0xf5
	simpleNull  = 0xf6
)

// Number makes an integer.
func Number(i int64) Value { return Value{Kind: Int, Int: i} }

// Blob makes a byte string, which shares b.
func Blob(b []byte) Value { return Value{Kind: Bytes, Bytes: b} }

// String makes a text string.
func String(s string) Value { return Value{Kind: Text, Text: s} }

// List makes an array.
func List(items ...Value) Value { return Value{Kind: Array, Items: items} }

// Compare orders the keys of a map as deterministic encoding demands: by their encoded bytes, so the shorter first.
func Compare(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// Check returns why Append cannot write v: text that is no UTF-8, keys out of order or twice, more than MaxDepth.
func (v *Value) Check() error { return v.check(MaxDepth) }

func (v *Value) check(depth int) error {
	switch v.Kind {
	case Text:
		if !utf8.ValidString(v.Text) {
			return fmt.Errorf("%w: text %.100q is not UTF-8", ErrFormat, v.Text)
		}
	case Array, Map:
		if depth == 0 {
			return fmt.Errorf("%w: nested deeper than %d", ErrFormat, MaxDepth)
		}
	}
	for i := range v.Items {
		if err := v.Items[i].check(depth - 1); err != nil {
			return err
		}
	}
	for i := range v.Pairs {
		p := &v.Pairs[i]
		switch {
		case !utf8.ValidString(p.Key):
			return fmt.Errorf("%w: key %.100q is not UTF-8", ErrFormat, p.Key)
		case i > 0 && Compare(v.Pairs[i-1].Key, p.Key) >= 0:
			return fmt.Errorf("%w: key %.100q does not come after %.100q", ErrFormat, p.Key, v.Pairs[i-1].Key)
		}
		if err := p.Value.check(depth - 1); err != nil {
			return fmt.Errorf("key %.100q: %w", p.Key, err)
		}
	}
	return nil
}

// Append appends the encoding of v, for which Check has no error.
func (v *Value) Append(dst []byte) []byte {
	switch v.Kind {
	case False:
		return append(dst, simpleFalse)
	case True:
		return append(dst, simpleTrue)
	case Int:
		if v.Int < 0 {
			return appendHead(dst, majorNegint, uint64(^v.Int))
		}
		return appendHead(dst, majorUint, uint64(v.Int))
	case Bytes:
		return append(appendHead(dst, majorBytes, uint64(len(v.Bytes))), v.Bytes...)
	case Text:
		return append(appendHead(dst, majorText, uint64(len(v.Text))), v.Text...)
	case Array:
		dst = appendHead(dst, majorArray, uint64(len(v.Items)))
		for i := range v.Items {
			dst = v.Items[i].Append(dst)
		}
		return dst
	case Map:
		dst = appendHead(dst, majorMap, uint64(len(v.Pairs)))
		for i := range v.Pairs {
			p := &v.Pairs[i]
			dst = append(appendHead(dst, majorText, uint64(len(p.Key))), p.Key...)
			dst = p.Value.Append(dst)
		}
		return dst
	}
	return append(dst, simpleNull)
}

// appendHead appends the first byte of an item and its argument, as short as it can be.
func appendHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

// Parse reads data, which must be exactly one item as Append writes it. Byte strings share the memory of data. Besides its texts it takes no
// more memory than MaxItems values do.
func Parse(data []byte) (Value, error) {
	p := parser{data: data}
	v, err := p.value(MaxDepth)
	if err == nil && p.at != len(data) {
		err = fmt.Errorf("%d bytes follow the item", len(data)-p.at)
	}
	if err != nil {
		return Value{}, fmt.Errorf("%w: offset %d: %w", ErrFormat, p.at, err)
	}
	return v, nil
}

type parser struct {
	data  []byte
	at    int
	items int // read so far
}

var errShort = errors.New("it ends too early")

// head reads the first byte of an item and its argument.
func (p *parser) head() (first byte, n uint64, err error) {
	if p.at == len(p.data) {
		return 0, 0, errShort
	}
	first = p.data[p.at]
	info := first & 31
	if info < 24 {
		p.at++
		return first, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, fmt.Errorf("first byte %02x: indefinite lengths and reserved forms are not used", first)
	}
	size := 1 << (info - 24)
	if len(p.data)-p.at-1 < size {
		return 0, 0, errShort
	}
	for _, b := range p.data[p.at+1 : p.at+1+size] {
		n = n<<8 | uint64(b)
	}
	if n < 24 || size > 1 && n>>(4*size) == 0 {
		return 0, 0, fmt.Errorf("%d is not written as short as it can be", n)
	}
	p.at += 1 + size
	return first, n, nil
}

func (p *parser) value(depth int) (Value, error) {
	start := p.at
	if p.items++; p.items > MaxItems {
		return Value{}, fmt.Errorf("more than %d values", MaxItems)
	}
	first, n, err := p.head()
	if err != nil {
		return Value{}, err
	}
	switch major := first & 0xe0; major {
	case majorUint, majorNegint:
		if n > math.MaxInt64 {
			p.at = start
			return Value{}, errors.New("an integer beyond 64 bits with a sign")
		}
		if major == majorNegint {
			return Number(^int64(n)), nil
		}
		return Number(int64(n)), nil
	case majorBytes:
		b, err := p.take(n)
		return Blob(b), err
	case majorText:
		s, err := p.text(n)
		return String(s), err
	case majorArray:
		return p.array(n, depth)
	case majorMap:
		return p.pairs(n, depth)
	}
	switch first {
	case simpleFalse:
		return Value{Kind: False}, nil
	case simpleTrue:
		return Value{Kind: True}, nil
	case simpleNull:
		return Value{}, nil
	}
	p.at = start
	return Value{}, fmt.Errorf("first byte %02x: tags, floating point and other simple values are not used", first)
}

// take returns the next n bytes.
func (p *parser) take(n uint64) ([]byte, error) {
	if n > uint64(len(p.data)-p.at) {
		return nil, errShort
	}
	b := p.data[p.at : p.at+int(n) : p.at+int(n)]
	p.at += int(n)
	return b, nil
}

func (p *parser) text(n uint64) (string, error) {
	b, err := p.take(n)
	if err == nil && !utf8.Valid(b) {
		err = errors.New("text is not UTF-8")
	}
	return string(b), err
}

// enter checks that there can be n items of size bytes at least.
func (p *parser) enter(n uint64, size, depth int) error {
	if depth == 0 {
		return fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	if n > uint64((len(p.data)-p.at)/size) {
		return errShort
	}
	return nil
}

func (p *parser) array(n uint64, depth int) (Value, error) {
	if err := p.enter(n, 1, depth); err != nil {
		return Value{}, err
	}
	v := Value{Kind: Array}
	for range n {
		item, err := p.value(depth - 1)
		if err != nil {
			return Value{}, err
		}
		v.Items = append(v.Items, item)
	}
	return v, nil
}

func (p *parser) pairs(n uint64, depth int) (Value, error) {
	if err := p.enter(n, 2, depth); err != nil {
		return Value{}, err
	}
	v := Value{Kind: Map}
	for i := range n {
		first, size, err := p.head()
		if err != nil {
			return Value{}, err
		}
		if first&0xe0 != majorText {
			return Value{}, errors.New("a key is not text")
		}
		key, err := p.text(size)
		if err != nil {
			return Value{}, err
		}
		if i > 0 && Compare(v.Pairs[i-1].Key, key) >= 0 {
			return Value{}, fmt.Errorf("key %.100q does not come after %.100q", key, v.Pairs[i-1].Key)
		}
		item, err := p.value(depth - 1)
		if err != nil {
			return Value{}, err
		}
		v.Pairs = append(v.Pairs, Pair{key, item})
	}
	return v, nil
}

// SortPairs puts the pairs of a map into their order; it returns a key that stands twice, if there is one.
func SortPairs(pairs []Pair) (twice string, ok bool) {
	slices.SortStableFunc(pairs, func(a, b Pair) int { return Compare(a.Key, b.Key) })
	for i := 1; i < len(pairs); i++ {
		if pairs[i-1].Key == pairs[i].Key {
			return pairs[i].Key, true
		}
	}
	return "", false
}
