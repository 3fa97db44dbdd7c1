package value

import (
	"strings"
)

var errRecordInput = Errorf(CodeUnsupported, "input of anonymous composite types is not implemented")

// parseBoxed reads the types of kind Boxed other than arrays.
func parseBoxed(s *Settings, t *Type, text []byte) (Datum, error) {
	switch t.OID {
	case NumericOID:
		n, err := ParseNumeric(string(text))
		return Datum{Type: t, X: n}, err
	case IntervalOID:
		v, err := parseInterval(s, string(text), -1)
		return Datum{Type: t, X: v}, err
	case RecordOID:
		return Datum{}, errRecordInput
	}
	if t.Fields != nil {
		return parseRow(s, t, text)
	}
	return Datum{}, Errorf(CodeUnsupported, "cannot accept a value of type %s", strings.Trim(t.SQL, `"`))
}

func appendBoxText(dst []byte, s *Settings, t *Type, x any) []byte {
	switch x := x.(type) {
	case Numeric:
		return x.Append(dst)
	case Interval:
		return x.append(dst, s.IntervalStyle)
	case *Array:
		return appendArrayText(dst, s, t, x)
	case *Record:
		return x.appendText(dst, s)
	}
	panic("value: a " + t.Name + " of unknown make")
}

// appendText appends "(1,\"a b\",)".
func (r *Record) appendText(dst []byte, s *Settings) []byte {
	dst = append(dst, '(')
	for i, f := range r.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		if f.Null {
			continue
		}
		text := f.AppendText(nil, s)
		quote := len(text) == 0
		for _, c := range text {
			quote = quote || c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || isSpace(c)
		}
		if !quote {
			dst = append(dst, text...)
			continue
		}
		dst = append(dst, '"')
		for _, c := range text {
			if c == '"' || c == '\\' {
				dst = append(dst, c)
			}
			dst = append(dst, c)
		}
		dst = append(dst, '"')
	}
	return append(dst, ')')
}
