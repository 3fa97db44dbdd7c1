package value

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
)

var errShort = Errorf("08P01", "insufficient data left in message")

func badBinary(t *Type) error {
	return Errorf(CodeBadBinary, "incorrect binary data format for type %s", t.SQL)
}

func parseBinary(s *Settings, t *Type, data []byte) (Datum, error) {
	if t.IsArray() {
		return parseBinaryArray(s, t, data)
	}
	switch t.Kind {
	case Int64:
		i, err := parseBinaryInt(t, data)
		return Datum{Type: t, I: i}, err
	case Float64:
		return parseBinaryFloat(t, data)
	case Bytes:
		b, err := parseBinaryBytes(s, t, data)
		return Datum{Type: t, B: b}, err
	}
	switch t.OID {
	case NumericOID:
		n, err := parseBinaryNumeric(data)
		return Datum{Type: t, X: n}, err
	case IntervalOID:
		if err := wantLen(t, data, 16); err != nil {
			return Datum{}, err
		}
		get := binary.BigEndian.Uint32
		return Datum{Type: t, X: Interval{
			Micros: int64(binary.BigEndian.Uint64(data)), Days: int32(get(data[8:])), Months: int32(get(data[12:])),
		}}, nil
	case RecordOID:
		return Datum{}, errRecordInput
	}
	if t.Fields != nil {
		return parseBinaryRow(s, t, data)
	}
	return Datum{}, Errorf(CodeUndefinedFunction, "no binary input function available for type %s", t.SQL)
}

func wantLen(t *Type, data []byte, n int) error {
	switch {
	case len(data) < n:
		return errShort
	case len(data) > n:
		return badBinary(t)
	}
	return nil
}

func parseBinaryInt(t *Type, data []byte) (int64, error) {
	if t == Void {
		return 0, nil
	}
	if err := wantLen(t, data, int(t.Len)); err != nil {
		return 0, err
	}
	var i int64
	switch t.Len {
	case 1:
		i = int64(data[0])
		if t == Bool && i != 0 {
			i = 1
		}
	case 2:
		i = int64(int16(binary.BigEndian.Uint16(data)))
	case 4:
		u := binary.BigEndian.Uint32(data)
		if i = int64(int32(u)); t != Int4 && t != Date {
			i = int64(u)
		}
	case 8:
		i = int64(binary.BigEndian.Uint64(data))
	}
	switch t.OID {
	case TimestampOID, TimestamptzOID:
		if FiniteTimestamp(i) && !ValidTimestamp(i) {
			return 0, Errorf(CodeDatetimeRange, "timestamp out of range")
		}
	case DateOID:
		if i != DateInf && i != DateNegInf && !ValidDate(i) {
			return 0, Errorf(CodeDatetimeRange, "date out of range")
		}
	case TimeOID:
		if i < 0 || i > Day {
			return 0, Errorf(CodeDatetimeRange, "time out of range")
		}
	}
	return i, nil
}

func parseBinaryFloat(t *Type, data []byte) (Datum, error) {
	if err := wantLen(t, data, int(t.Len)); err != nil {
		return Datum{}, err
	}
	if t == Float4 {
		return NewFloat(t, float64(math.Float32frombits(binary.BigEndian.Uint32(data)))), nil
	}
	return NewFloat(t, math.Float64frombits(binary.BigEndian.Uint64(data))), nil
}

func parseBinaryBytes(s *Settings, t *Type, data []byte) ([]byte, error) {
	switch t.OID {
	case ByteaOID:
		return append([]byte{}, data...), nil
	case UUIDOID:
		if err := wantLen(t, data, 16); err != nil {
			return nil, err
		}
		return bytes.Clone(data), nil
	case BitOID, VarbitOID:
		return parseBinaryBits(s, t, data)
	case JSONBOID:
		if len(data) == 0 {
			return nil, errShort
		}
		if data[0] != 1 {
			return nil, Errorf(CodeInternal, "unsupported jsonb version number %d", data[0])
		}
		return parseBytes(s, t, data[1:])
	}
	return parseBytes(s, t, data)
}

func appendBoxBinary(dst []byte, s *Settings, t *Type, x any) []byte {
	switch x := x.(type) {
	case Numeric:
		return x.appendBinary(dst)
	case Interval:
		dst = binary.BigEndian.AppendUint64(dst, uint64(x.Micros))
		dst = binary.BigEndian.AppendUint32(dst, uint32(x.Days))
		return binary.BigEndian.AppendUint32(dst, uint32(x.Months))
	case *Array:
		return x.appendBinary(dst, s)
	case *Record:
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(x.Fields)))
		for _, f := range x.Fields {
			dst = binary.BigEndian.AppendUint32(dst, f.Type.OID)
			dst = f.appendSized(dst, s)
		}
		return dst
	}
	panic("value: a " + t.Name + " of unknown make")
}

// appendSized appends the length of a value and its binary form; length -1 is null.
func (d Datum) appendSized(dst []byte, s *Settings) []byte {
	at := len(dst)
	dst = append(dst, 0xff, 0xff, 0xff, 0xff)
	if !d.Null {
		dst = d.AppendBinary(dst, s)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst
}

func (a *Array) appendBinary(dst []byte, s *Settings) []byte {
	put := binary.BigEndian.AppendUint32
	hasNull := uint32(0)
	for i := range a.Elems.Len() {
		if a.Elems.IsNull(i) {
			hasNull = 1
		}
	}
	dst = put(put(put(dst, uint32(len(a.Dims))), hasNull), a.Elems.Type.OID)
	for i, n := range a.Dims {
		dst = put(put(dst, uint32(n)), uint32(a.Lower[i]))
	}
	for i := range a.Elems.Len() {
		dst = a.Elems.Datum(i).appendSized(dst, s)
	}
	return dst
}

func parseBinaryArray(s *Settings, t *Type, data []byte) (Datum, error) {
	get := func() (int32, bool) {
		if len(data) < 4 {
			return 0, false
		}
		v := int32(binary.BigEndian.Uint32(data))
		data = data[4:]
		return v, true
	}
	dims, ok1 := get()
	flags, ok2 := get()
	oid, ok3 := get()
	switch {
	case !ok1 || !ok2 || !ok3:
		return Datum{}, errShort
	case dims < 0 || dims > maxDims:
		return Datum{}, Errorf(CodeBadBinary, "invalid number of dimensions: %d", dims)
	case flags != 0 && flags != 1:
		return Datum{}, Errorf(CodeBadBinary, "invalid array flags")
	case OID(oid) != t.Elem:
		return Datum{}, Errorf(CodeDatatypeMismatch,
			"binary data has array element type %d (%s) instead of expected %d (%s)", OID(oid), sqlName(OID(oid)), t.Elem, sqlName(t.Elem))
	}
	a := &Array{Elems: NewVector(MustType(t.Elem), 0)}
	total := int64(1)
	for range dims {
		n, ok1 := get()
		lower, ok2 := get()
		if !ok1 || !ok2 {
			return Datum{}, errShort
		}
		if total *= int64(n); n < 0 || total > maxElements {
			return Datum{}, Errorf(CodeProgramLimit, "array size exceeds the maximum allowed (%d)", maxElements)
		}
		a.Dims, a.Lower = append(a.Dims, n), append(a.Lower, lower)
	}
	if dims == 0 || total == 0 {
		a.Dims, a.Lower, total = nil, nil, 0
	}
	rest, err := parseBinaryElems(s, a.Elems, int(total), data)
	if err != nil {
		return Datum{}, err
	}
	if len(rest) > 0 {
		return Datum{}, badBinary(t)
	}
	if isVector(t) && len(a.Dims) == 0 {
		a.Dims, a.Lower = []int32{0}, []int32{0}
	}
	return Datum{Type: t, X: a}, nil
}

// parseBinaryElems reads so many elements of an array and returns what is behind them. Those of bytea share one copy of data.
func parseBinaryElems(s *Settings, elems *Vector, total int, data []byte) (rest []byte, err error) {
	const least = 4 // bytes of an element
	if total > len(data)/least {
		return nil, errShort
	}
	parse := parseBinary
	if elems.Type == Bytea {
		data = bytes.Clone(data)
		parse = func(_ *Settings, t *Type, data []byte) (Datum, error) {
			return Datum{Type: t, B: slices.Clip(data)}, nil
		}
	}
	elems.Reset(elems.Type, total)
	for i := range total {
		d, rest, err := parseSized(s, elems.Type, data, parse)
		if err != nil {
			return nil, err
		}
		data = rest
		elems.Set(i, d)
	}
	return data, nil
}

func sqlName(oid OID) string {
	if t := ByOID(oid); t != nil {
		return t.SQL
	}
	return "???"
}

// parseSized reads a value behind its length.
func parseSized(s *Settings, t *Type, data []byte, parse func(*Settings, *Type, []byte) (Datum, error)) (d Datum, rest []byte, err error) {
	if len(data) < 4 {
		return d, nil, errShort
	}
	n := int32(binary.BigEndian.Uint32(data))
	data = data[4:]
	if n == -1 {
		return Null(t), data, nil
	}
	if n < 0 || int(n) > len(data) {
		return d, nil, errShort
	}
	d, err = parse(s, t, data[:n])
	return d, data[n:], err
}
