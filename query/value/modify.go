package value

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// headerSize is what Postgres adds to the modifiers of string types and numeric.
const headerSize = 4

// Typmod returns the modifier for type arguments as in varchar(10), numeric(10, 2), timestamp(3). The errors are 22023
// and 42601.
func Typmod(t *Type, args []int64) (int32, error) {
	if t.IsArray() {
		t = MustType(t.Elem)
	}
	switch t.OID {
	case VarcharOID, BpcharOID:
		if len(args) == 1 && args[0] < 1 {
			return 0, Errorf(CodeInvalidParameter, "length for type %s must be at least 1", shortName(t))
		}
		if len(args) == 1 && args[0] > 10485760 {
			return 0, Errorf(CodeInvalidParameter, "length for type %s cannot exceed 10485760", shortName(t))
		}
	case BitOID, VarbitOID:
		if len(args) == 1 && args[0] < 1 {
			return 0, Errorf(CodeInvalidParameter, "length for type %s must be at least 1", t.Name)
		}
		if len(args) == 1 && args[0] > maxBits {
			return 0, Errorf(CodeInvalidParameter, "length for type %s cannot exceed %d", t.Name, maxBits)
		}
	case TimeOID, TimestampOID, TimestamptzOID, IntervalOID:
		if len(args) == 1 && args[0] < 0 {
			return 0, Errorf(CodeInvalidParameter, "%s(%d) precision must not be negative", timeName(t), args[0])
		}
	case NumericOID:
		return numericTypmod(args)
	default:
		if t.Unread {
			return 0, Errorf(CodeUnsupported, "type %s is not supported", t.SQL)
		}
		return 0, Errorf(CodeSyntax, "type modifier is not allowed for type \"%s\"", t.Name)
	}
	if len(args) != 1 {
		return 0, Errorf(CodeInvalidParameter, "invalid type modifier")
	}
	switch {
	case t == Bit || t == Varbit:
		return int32(args[0]), nil
	case t.Kind == Bytes:
		return int32(args[0]) + headerSize, nil
	}
	n := int32(min(args[0], 6)) // more is six, as in Postgres, which warns
	if t == IntervalT {
		n |= allIntervalFields << 16
	}
	return n, nil
}

func shortName(t *Type) string {
	if t == Bpchar {
		return "char"
	}
	return "varchar"
}

func timeName(t *Type) string {
	name, _, _ := strings.Cut(strings.ToUpper(t.SQL), " ")
	return name
}

func numericTypmod(args []int64) (int32, error) {
	if len(args) < 1 || len(args) > 2 {
		return 0, Errorf(CodeInvalidParameter, "invalid NUMERIC type modifier")
	}
	p, s := args[0], int64(0)
	if p < 1 || p > 1000 {
		return 0, Errorf(CodeInvalidParameter, "NUMERIC precision %d must be between 1 and 1000", p)
	}
	if len(args) == 2 {
		s = args[1]
	}
	if s < -1000 || s > 1000 {
		return 0, Errorf(CodeInvalidParameter, "NUMERIC scale %d must be between -1000 and 1000", s)
	}
	return int32(p<<16|s&0x7ff) + headerSize, nil
}

// numericModifier takes a numeric's modifier apart.
func numericModifier(typmod int32) (precision, scale int) {
	m := typmod - headerSize
	return int(m >> 16 & 0xffff), int((m&0x7ff)^1024) - 1024
}

// FormatType returns the SQL name of a type with its modifier (-1: none), as format_type does.
func FormatType(t *Type, typmod int32) string {
	if typmod < 0 {
		return t.SQL
	}
	if t.IsArray() && !isVector(t) {
		return FormatType(MustType(t.Elem), typmod) + "[]"
	}
	mod := ""
	switch t.OID {
	case VarcharOID, BpcharOID:
		if typmod > headerSize {
			mod = strconv.Itoa(int(typmod) - headerSize)
		}
	case NumericOID:
		p, s := numericModifier(typmod)
		mod = strconv.Itoa(p) + "," + strconv.Itoa(s)
	case TimeOID, TimestampOID, TimestamptzOID, BitOID, VarbitOID:
		mod = strconv.Itoa(int(typmod))
	case IntervalOID:
		if p := typmod & anyPrecision; p <= 6 {
			mod = "(" + strconv.Itoa(int(p)) + ")"
		}
		return t.SQL + fieldsText(typmod) + mod
	}
	if mod == "" {
		return t.SQL
	}
	head, tail, found := strings.Cut(t.SQL, " ")
	if t == Varchar || t == Varbit || !found {
		return t.SQL + "(" + mod + ")"
	}
	return head + "(" + mod + ") " + tail
}

// HasModifier reports whether values of t change, or may be refused, under a modifier.
func HasModifier(t *Type, typmod int32) bool {
	if typmod < 0 {
		return false
	}
	if t.IsArray() {
		t = MustType(t.Elem)
	}
	switch t.OID {
	case VarcharOID, BpcharOID, NumericOID, TimeOID, TimestampOID, TimestamptzOID, IntervalOID, BitOID, VarbitOID:
		return true
	}
	return false
}

// Width returns the bytes up to which the values of a modifier are filled up, 0 if they are not.
func Width(t *Type, typmod int32) int {
	switch {
	case t == Bpchar && typmod > headerSize:
		return int(typmod) - headerSize
	case t == Bit && typmod > 0:
		return int(typmod)
	}
	return 0
}

// Modify enforces a modifier on a value. explicit is that of a cast in the statement, which cuts strings silently; else
// a string too long is an error 22001. A number too large is an error 22003.
func Modify(d Datum, typmod int32, explicit bool) (Datum, error) {
	if d.Null || !HasModifier(d.Type, typmod) {
		return d, nil
	}
	if d.Type.IsArray() {
		return modifyArray(d, typmod, explicit)
	}
	var err error
	switch d.Type.OID {
	case VarcharOID, BpcharOID:
		d.B, err = fitString(d.Type, d.B, int(typmod)-headerSize, explicit)
	case BitOID, VarbitOID:
		d.B, err = fitBits(d.Type, d.B, int(typmod), explicit)
	case NumericOID:
		d.X, err = fitNumeric(d.X.(Numeric), typmod)
	case IntervalOID:
		d.X = fitInterval(d.X.(Interval), typmod)
	default:
		if FiniteTimestamp(d.I) && typmod < 6 {
			d.I = roundMicros(d.I, int(typmod))
		}
	}
	return d, err
}

func modifyArray(d Datum, typmod int32, explicit bool) (Datum, error) {
	a := *d.X.(*Array)
	elems := NewVector(a.Elems.Type, a.Elems.Len())
	for i := range elems.Len() {
		e, err := Modify(a.Elems.Datum(i), typmod, explicit)
		if err != nil {
			return d, err
		}
		elems.Set(i, e)
	}
	a.Elems = elems
	d.X = &a
	return d, nil
}

func fitString(t *Type, b []byte, limit int, explicit bool) ([]byte, error) {
	n := utf8.RuneCount(b)
	if n > limit {
		end := 0
		for range limit {
			_, size := utf8.DecodeRune(b[end:])
			end += size
		}
		if !explicit && len(bytes.Trim(b[end:], " ")) > 0 {
			return nil, Errorf(CodeTruncation, "value too long for type %s(%d)", t.SQL, limit)
		}
		return b[:end:end], nil
	}
	if t == Bpchar && n < limit {
		padded := make([]byte, 0, len(b)+limit-n)
		padded = append(padded, b...)
		return append(padded, bytes.Repeat([]byte{' '}, limit-n)...), nil
	}
	return b, nil
}

func fitNumeric(n Numeric, typmod int32) (Numeric, error) {
	p, s := numericModifier(typmod)
	if n.form == nan {
		return n, nil
	}
	overflow := func(detail string) (Numeric, error) {
		return n, &Error{Code: CodeOutOfRange, Message: "numeric field overflow", Detail: detail}
	}
	if n.form != finite {
		return overflow("A field with precision " + strconv.Itoa(p) + ", scale " + strconv.Itoa(s) + " cannot hold an infinite value.")
	}
	r := n.Round(s)
	whole := p - s // digits before the point
	if r.Sign() != 0 {
		lead := len(r.digits()) - int(r.scale)
		if lead > whole {
			limit := "10^" + strconv.Itoa(whole)
			if whole == 0 {
				limit = "1"
			}
			return overflow("A field with precision " + strconv.Itoa(p) + ", scale " + strconv.Itoa(s) +
				" must round to an absolute value less than " + limit + ".")
		}
	}
	return r, nil
}

// roundMicros rounds to p digits of a second, half away from zero.
func roundMicros(t int64, p int) int64 {
	unit := pow10small[6-p]
	if t < 0 {
		return -((-t + unit/2) / unit * unit)
	}
	return (t + unit/2) / unit * unit
}
