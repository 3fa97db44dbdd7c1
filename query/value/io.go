package value

import (
	"encoding/binary"
	"math"
)

// ParseText is the input function of a type: it reads the text form and applies the modifier (-1: none). It keeps no
// part of text.
func ParseText(s *Settings, t *Type, typmod int32, text []byte) (Datum, error) {
	if t == IntervalT && typmod >= 0 {
		v, err := parseInterval(s, string(text), typmod)
		return NewBox(t, v), err
	}
	d, err := parseText(s, t, text)
	if err != nil || typmod < 0 {
		return d, err
	}
	return Modify(d, typmod, false)
}

func parseText(s *Settings, t *Type, text []byte) (Datum, error) {
	if t.IsArray() {
		return parseArray(s, t, text)
	}
	switch t.Kind {
	case Int64:
		i, err := parseInts(s, t, text)
		return Datum{Type: t, I: i}, err
	case Float64:
		f, err := parseFloat(t, string(text))
		return Datum{Type: t, F: f}, err
	case Bytes:
		b, err := parseBytes(s, t, text)
		return Datum{Type: t, B: b}, err
	}
	return parseBoxed(s, t, text)
}

// ParseBinary is the receive function of a type. It keeps no part of data. Malformed data is an error 22P03 or 08P01.
func ParseBinary(s *Settings, t *Type, typmod int32, data []byte) (Datum, error) {
	d, err := parseBinary(s, t, data)
	if err != nil || typmod < 0 {
		return d, err
	}
	return Modify(d, typmod, false)
}

// AppendText appends the text form of value i of v, which must not be null.
func AppendText(dst []byte, s *Settings, v *Vector, i int) []byte {
	switch v.Type.Kind {
	case Int64:
		return appendIntText(dst, s, v.Type, v.Ints[i])
	case Float64:
		return appendFloatText(dst, s, v.Type, v.Floats[i])
	case Bytes:
		return appendBytesText(dst, s, v.Type, v.Bytes[i])
	}
	return appendBoxText(dst, s, v.Type, v.Boxes[i])
}

// Length returns about how many bytes AppendBinary or AppendText appends for value i of v, and the four of its length: for long byte
// strings exactly so many, unless they are escaped.
func Length(v *Vector, i int, binary bool) int {
	switch {
	case v.Type.Kind == Int64 || v.Type.Kind == Float64 || v.IsNull(i):
		return 32
	case v.Type.Kind == Boxed:
		return boxLength(v.Boxes[i], binary)
	case v.Type == Bytea && !binary:
		return 6 + 2*len(v.Bytes[i])
	}
	return 32 + len(v.Bytes[i])
}

// boxLength is Length for a boxed value.
func boxLength(box any, binary bool) (n int) {
	switch b := box.(type) {
	case *Array:
		n = 32
		for i := range b.Elems.Len() {
			if n += 4; b.Elems.Type.Kind == Bytes || b.Elems.Type.Kind == Boxed {
				n += Length(b.Elems, i, binary)
			} else {
				n += 8
			}
		}
	case *Record:
		n = 32
		for _, f := range b.Fields {
			if n += 12 + len(f.B); f.X != nil {
				n += boxLength(f.X, binary)
			}
		}
	case Numeric:
		n = 32 + 3*b.HeapBytes()
	default:
		n = 64
	}
	return n
}

// AppendText appends the text form of d, which must not be null.
func (d Datum) AppendText(dst []byte, s *Settings) []byte {
	switch d.Type.Kind {
	case Int64:
		return appendIntText(dst, s, d.Type, d.I)
	case Float64:
		return appendFloatText(dst, s, d.Type, d.F)
	case Bytes:
		return appendBytesText(dst, s, d.Type, d.B)
	}
	return appendBoxText(dst, s, d.Type, d.X)
}

// Text returns the text form of d, "" if it is null.
func (d Datum) Text(s *Settings) string {
	if d.Null {
		return ""
	}
	return string(d.AppendText(nil, s))
}

// AppendBinary appends the binary form of value i of v, which must not be null: what a DataRow carries after the length.
func AppendBinary(dst []byte, s *Settings, v *Vector, i int) []byte {
	switch v.Type.Kind {
	case Int64:
		return appendIntBinary(dst, v.Type, v.Ints[i])
	case Float64:
		return appendFloatBinary(dst, v.Type, v.Floats[i])
	case Bytes:
		return appendBytesBinary(dst, v.Type, v.Bytes[i])
	}
	return appendBoxBinary(dst, s, v.Type, v.Boxes[i])
}

// AppendBinary appends the binary form of d, which must not be null.
func (d Datum) AppendBinary(dst []byte, s *Settings) []byte {
	switch d.Type.Kind {
	case Int64:
		return appendIntBinary(dst, d.Type, d.I)
	case Float64:
		return appendFloatBinary(dst, d.Type, d.F)
	case Bytes:
		return appendBytesBinary(dst, d.Type, d.B)
	}
	return appendBoxBinary(dst, s, d.Type, d.X)
}

func appendIntBinary(dst []byte, t *Type, i int64) []byte {
	switch t.Len {
	case 1:
		return append(dst, byte(i))
	case 2:
		return binary.BigEndian.AppendUint16(dst, uint16(i))
	case 4:
		if t == Void {
			return dst
		}
		return binary.BigEndian.AppendUint32(dst, uint32(i))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(i))
}

func appendFloatBinary(dst []byte, t *Type, f float64) []byte {
	if math.IsNaN(f) {
		f = math.Float64frombits(0x7ff8 << 48) // as Postgres writes it; Go's has another payload
	}
	if t == Float4 {
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(f)))
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

func appendBytesBinary(dst []byte, t *Type, b []byte) []byte {
	switch t {
	case JSONB:
		dst = append(dst, 1)
	case Bit, Varbit:
		return appendBinaryBits(dst, b)
	}
	return append(dst, b...)
}
