package value

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
)

// Compare compares two values of the same type, neither of them null, by the type's default order.
func Compare(a, b Datum) int {
	switch a.Type.Kind {
	case Int64:
		return cmp.Compare(a.I, b.I)
	case Float64:
		return CompareFloat(a.F, b.F)
	case Bytes:
		return compareBytes(a.Type, a.B, b.B)
	}
	return compareBoxes(a.X, b.X)
}

// CompareAt compares value i of v with value j of w, which has the same type; neither is null.
func CompareAt(v *Vector, i int, w *Vector, j int) int {
	switch v.Type.Kind {
	case Int64:
		return cmp.Compare(v.Ints[i], w.Ints[j])
	case Float64:
		return CompareFloat(v.Floats[i], w.Floats[j])
	case Bytes:
		return compareBytes(v.Type, v.Bytes[i], w.Bytes[j])
	}
	return compareBoxes(v.Boxes[i], w.Boxes[j])
}

// CompareFloat compares floats as SQL does: NaN equals itself and is greater than all others.
func CompareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return cmp.Compare(BoolInt(math.IsNaN(a)), BoolInt(math.IsNaN(b)))
}

func compareBytes(t *Type, a, b []byte) int {
	switch t.OID {
	case BpcharOID:
		return bytes.Compare(TrimPadding(a), TrimPadding(b))
	case JSONBOID:
		return CompareJSON(mustJSON(a), mustJSON(b))
	}
	return bytes.Compare(a, b)
}

// TrimPadding returns a bpchar without the spaces at its end, which do not count.
func TrimPadding(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// mustJSON reads a jsonb, which is valid by construction.
func mustJSON(text []byte) *JSONNode {
	n, err := ParseJSON(nil, text, true)
	if err != nil {
		panic("value: a jsonb that is no JSON: " + err.Error())
	}
	return n
}

func compareBoxes(a, b any) int {
	switch a := a.(type) {
	case Numeric:
		return a.Cmp(b.(Numeric))
	case Interval:
		return a.Cmp(b.(Interval))
	case *Array:
		return compareArrays(a, b.(*Array))
	case *Record:
		return compareRecords(a, b.(*Record))
	}
	panic("value: values that do not compare")
}

// compareArrays compares element by element, null last, then by the number of elements, then by shape.
func compareArrays(a, b *Array) int {
	n, m := a.Elems.Len(), b.Elems.Len()
	for i := range min(n, m) {
		if c := compareNullable(a.Elems.Datum(i), b.Elems.Datum(i)); c != 0 {
			return c
		}
	}
	if c := cmp.Or(cmp.Compare(n, m), cmp.Compare(len(a.Dims), len(b.Dims))); c != 0 {
		return c
	}
	for i := range a.Dims {
		if c := cmp.Or(cmp.Compare(a.Dims[i], b.Dims[i]), cmp.Compare(a.Lower[i], b.Lower[i])); c != 0 {
			return c
		}
	}
	return 0
}

func compareRecords(a, b *Record) int {
	for i := range min(len(a.Fields), len(b.Fields)) {
		if c := compareNullable(a.Fields[i], b.Fields[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a.Fields), len(b.Fields))
}

func compareNullable(a, b Datum) int {
	if a.Null || b.Null {
		return cmp.Compare(BoolInt(a.Null), BoolInt(b.Null))
	}
	return Compare(a, b)
}

// Comparable reports whether values of t have an order; json and the opaque types have none.
func Comparable(t *Type) bool {
	if t.IsArray() {
		return Comparable(MustType(t.Elem))
	}
	return !t.Opaque && t != JSON && (!t.Pseudo || t == RecordT || t == Unknown)
}

// AppendSortKey appends a key for value i of v, which is not null. Keys of one type compare by bytes as the values do,
// are equal exactly if the values are, and none is the start of another, so that keys of several columns may follow
// each other.
func AppendSortKey(dst []byte, v *Vector, i int) []byte {
	switch {
	case v.Type.Kind == Int64:
		return appendIntKey(dst, v.Ints[i])
	case v.Type.EqualAsBytes():
		return appendBytesKey(dst, v.Bytes[i])
	}
	return appendKey(dst, v.Datum(i))
}

func appendKey(dst []byte, d Datum) []byte {
	switch d.Type.Kind {
	case Int64:
		return appendIntKey(dst, d.I)
	case Float64:
		bits := math.Float64bits(d.F + 0) // -0 becomes 0
		switch {
		case math.IsNaN(d.F):
			bits = math.MaxUint64
		case bits>>63 == 1:
			bits = ^bits
		default:
			bits |= 1 << 63
		}
		return binary.BigEndian.AppendUint64(dst, bits)
	case Bytes:
		switch d.Type.OID {
		case BpcharOID:
			return appendBytesKey(dst, TrimPadding(d.B))
		case JSONBOID:
			n := mustJSON(d.B)
			if n.Kind == JSONArray && len(n.Items) == 0 {
				return append(dst, 0) // before all others, see CompareJSON
			}
			return appendJSONKey(dst, n)
		}
		return appendBytesKey(dst, d.B)
	}
	switch x := d.X.(type) {
	case Numeric:
		return x.appendKey(dst)
	case Interval:
		days, micros := x.span()
		return appendIntKey(appendIntKey(dst, days), micros)
	case *Array:
		for i := range x.Elems.Len() {
			dst = appendNullableKey(dst, x.Elems.Datum(i))
		}
		dst = append(dst, 0, byte(len(x.Dims)))
		for i := range x.Dims {
			dst = appendIntKey(appendIntKey(dst, int64(x.Dims[i])), int64(x.Lower[i]))
		}
		return dst
	case *Record:
		for _, f := range x.Fields {
			dst = appendNullableKey(dst, f)
		}
		return append(dst, 0)
	}
	panic("value: a " + d.Type.Name + " without order")
}

func appendNullableKey(dst []byte, d Datum) []byte {
	if d.Null {
		return append(dst, 2)
	}
	return appendKey(append(dst, 1), d)
}

func appendIntKey(dst []byte, i int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(i)^1<<63)
}

// appendBytesKey writes 0 as 0 255 and ends with 0 1.
func appendBytesKey(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return append(append(dst, b...), 0, 1)
		}
		dst = append(append(dst, b[:i]...), 0, 255)
		b = b[i+1:]
	}
}

// appendKey writes the sign, the exponent and the digits without zeros at the end; all inverted if negative.
func (n Numeric) appendKey(dst []byte) []byte {
	sign := n.Sign()
	switch {
	case n.form == nan:
		return append(dst, 5)
	case n.form == posInf:
		return append(dst, 4)
	case n.form == negInf:
		return append(dst, 0)
	case sign == 0:
		return append(dst, 2)
	}
	digits := n.digits()
	exp := len(digits) - int(n.scale)
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	dst = append(dst, byte(2+sign))
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(exp+1<<20))
	dst = append(append(dst, digits...), 0)
	if sign < 0 {
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

func appendJSONKey(dst []byte, n *JSONNode) []byte {
	dst = append(dst, byte(n.Kind)+1)
	switch n.Kind {
	case JSONString, JSONBool:
		return appendBytesKey(dst, []byte(n.Text))
	case JSONNumber:
		return n.number.appendKey(dst)
	case JSONNull:
		return dst
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(n.Items)))
	for i, item := range n.Items {
		if n.Kind == JSONObject {
			dst = appendBytesKey(dst, []byte(n.Keys[i]))
		}
		dst = appendJSONKey(dst, item)
	}
	return dst
}
