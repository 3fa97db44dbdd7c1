package value

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

func badText(t *Type, text []byte) *Error {
	return Errorf(CodeBadText, "invalid input syntax for type %s: \"%s\"", t.SQL, text)
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// ParseChar reads a "char": \ooo in octal digits, or the first byte of any other text.
func ParseChar(text []byte) byte {
	if len(text) == 4 && text[0] == '\\' {
		n := 0
		for _, c := range text[1:] {
			if c < '0' || c > '7' {
				return text[0]
			}
			n = n<<3 | int(c-'0')
		}
		return byte(n)
	}
	if len(text) == 0 {
		return 0
	}
	return text[0]
}

// appendChar writes a "char". A byte that is no text by itself is written in octal digits.
func appendChar(dst []byte, c byte) []byte {
	switch {
	case c == 0:
		return dst
	case c < 0x80:
		return append(dst, c)
	}
	return append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
}

// parseInts reads the types of kind Int64.
func parseInts(s *Settings, t *Type, text []byte) (int64, error) {
	switch t.OID {
	case BoolOID:
		return parseBool(text)
	case CharOID:
		return int64(ParseChar(text)), nil
	case Int2OID, Int4OID, Int8OID:
		return parseInteger(t, text)
	case OIDOID, XIDOID, CIDOID:
		return parseOID(t, text)
	case DateOID:
		return parseDate(s, string(text))
	case TimeOID:
		return parseTime(s, string(text))
	case TimestampOID, TimestamptzOID:
		return parseTimestamp(s, t, string(text))
	case VoidOID:
		return 0, nil
	}
	return parseReg(s, t, string(text))
}

func parseInteger(t *Type, text []byte) (int64, error) {
	b := trimSpace(text)
	digits := b
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		digits = b[1:]
	}
	if len(digits) == 0 {
		return 0, badText(t, text)
	}
	good := span(string(digits), isDigit)
	i, err := strconv.ParseInt(string(b[:len(b)-len(digits)+good]), 10, int(t.Len)*8)
	overflow := err != nil && good > 0
	if good < len(digits) && !overflow {
		return 0, badText(t, text)
	}
	if overflow {
		return 0, Errorf(CodeOutOfRange, "value \"%s\" is out of range for type %s", text, t.SQL)
	}
	return i, nil
}

func parseOID(t *Type, text []byte) (int64, error) {
	b := trimSpace(text)
	i, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		if err.(*strconv.NumError).Err == strconv.ErrRange {
			return 0, Errorf(CodeOutOfRange, "value \"%s\" is out of range for type %s", text, t.SQL)
		}
		return 0, badText(t, text)
	}
	if i > math.MaxUint32 || i < math.MinInt32 {
		return 0, Errorf(CodeOutOfRange, "value \"%s\" is out of range for type %s", text, t.SQL)
	}
	return int64(uint32(i)), nil
}

func parseBool(text []byte) (int64, error) {
	b := strings.ToLower(string(trimSpace(text)))
	is := func(word string, least int) bool { return len(b) >= least && strings.HasPrefix(word, b) }
	switch {
	case is("true", 1), is("yes", 1), b == "on", b == "1":
		return 1, nil
	case is("false", 1), is("no", 1), is("off", 2), b == "0":
		return 0, nil
	}
	return 0, badText(Bool, text)
}

// appendIntText writes the types of kind Int64.
func appendIntText(dst []byte, s *Settings, t *Type, i int64) []byte {
	switch t.OID {
	case BoolOID:
		if i != 0 {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case CharOID:
		return appendChar(dst, byte(i))
	case Int2OID, Int4OID, Int8OID, OIDOID, XIDOID, CIDOID:
		return strconv.AppendInt(dst, i, 10)
	case DateOID:
		return appendDate(dst, i)
	case TimeOID:
		return appendTime(dst, i)
	case TimestampOID:
		return appendTimestamp(dst, i)
	case TimestamptzOID:
		return appendTimestamptz(dst, s.Zone, i)
	case VoidOID:
		return dst
	}
	return append(dst, regText(s, t, OID(i))...)
}

func parseFloat(t *Type, text string) (float64, error) {
	b := strings.TrimFunc(text, func(r rune) bool { return r < 128 && isSpace(byte(r)) })
	bits := int(t.Len) * 8
	number := b
	if len(b) == 4 && strings.EqualFold(b[1:], "nan") && (b[0] == '+' || b[0] == '-') {
		number = "nan"
	}
	switch {
	case strings.Contains(b, "_"):
		return 0, badText(t, []byte(text))
	case strings.ContainsAny(b, "xX") && !strings.ContainsAny(b, "pP"):
		number += "p0" // Go wants an exponent in hexadecimal
	}
	f, err := strconv.ParseFloat(number, bits)
	if err != nil && err.(*strconv.NumError).Err == strconv.ErrSyntax {
		return 0, badText(t, []byte(text))
	}
	if err != nil || f == 0 && strings.ContainsAny(mantissa(b), "123456789") && number == b {
		return 0, Errorf(CodeOutOfRange, "\"%s\" is out of range for type %s", b, t.SQL)
	}
	return f, nil
}

func mantissa(s string) string {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		return s[:i]
	}
	return s
}

func appendFloatText(dst []byte, s *Settings, t *Type, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	bits, digits, limit := 64, 15, 15
	if t == Float4 {
		bits, digits, limit = 32, 6, 6
	}
	prec := -1
	if s.ExtraFloatDigits <= 0 {
		prec = max(1, digits+s.ExtraFloatDigits) - 1
		limit = prec + 1
	}
	var scratch [32]byte
	e := strconv.AppendFloat(scratch[:0], f, 'e', prec, bits)
	x := bytes.IndexByte(e, 'e')
	exp, _ := strconv.Atoi(string(e[x+1:]))
	if exp < -4 || exp >= limit {
		m := e[:x]
		if prec > 0 {
			m = bytes.TrimRight(bytes.TrimRight(m, "0"), ".")
		}
		return append(append(dst, m...), e[x:]...)
	}
	if prec < 0 {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', max(0, prec-exp), bits)
	if bytes.IndexByte(dst[n:], '.') >= 0 {
		dst = bytes.TrimRight(bytes.TrimRight(dst, "0"), ".")
	}
	return dst
}

// parseBytes reads the types of kind Bytes. The result is fresh memory.
func parseBytes(s *Settings, t *Type, text []byte) ([]byte, error) {
	if t == Bytea {
		return ParseBytea(text)
	}
	if err := CheckUTF8(text); err != nil {
		return nil, err
	}
	if t.Unread {
		return nil, Errorf(CodeUnsupported, "type %s is not supported", t.SQL)
	}
	switch t.OID {
	case NameOID:
		return bytes.Clone(clip(text, 63)), nil
	case UUIDOID:
		return parseUUID(text)
	case BitOID, VarbitOID:
		return parseBits(s, text)
	case JSONOID:
		if err := checkJSON(s, text); err != nil {
			return nil, err
		}
	case JSONBOID:
		return normalJSON(s, text)
	}
	return append([]byte{}, text...), nil
}

// clip cuts text to at most n bytes, between characters.
func clip(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// CheckUTF8 returns the error 22021 if b is no text: not UTF-8, or with a zero byte.
func CheckUTF8(b []byte) error {
	i := 0
	for i < len(b) && b[i] != 0 && b[i] < utf8.RuneSelf {
		i++
	}
	for i < len(b) {
		r, n := utf8.DecodeRune(b[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	if i == len(b) {
		return nil
	}
	n := 1
	switch c := b[i]; {
	case c&0xe0 == 0xc0:
		n = 2
	case c&0xf0 == 0xe0:
		n = 3
	case c&0xf8 == 0xf0:
		n = 4
	}
	msg := "invalid byte sequence for encoding \"UTF8\":"
	for _, c := range b[i:min(len(b), i+n)] {
		msg += " 0x" + hex.EncodeToString([]byte{c})
	}
	return &Error{Code: CodeNotInRepertoire, Message: msg}
}

// ParseBytea reads the hex or escape form of a bytea.
func ParseBytea(text []byte) ([]byte, error) {
	if len(text) >= 2 && text[0] == '\\' && text[1] == 'x' {
		return DecodeHex(text[2:])
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c != '\\':
			out = append(out, c)
		case i+3 < len(text) && text[i+1] >= '0' && text[i+1] <= '3' && octal(text[i+2]) && octal(text[i+3]):
			out = append(out, (text[i+1]-'0')<<6|(text[i+2]-'0')<<3|(text[i+3]-'0'))
			i += 3
		case i+1 < len(text) && text[i+1] == '\\':
			out = append(out, '\\')
			i++
		default:
			return nil, Errorf(CodeBadText, "invalid input syntax for type bytea")
		}
	}
	return out, nil
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

// DecodeHex reads pairs of hexadecimal digits, between which white space may stand. The errors are 22023.
func DecodeHex(text []byte) ([]byte, error) {
	out := make([]byte, 0, len(text)/2)
	for i := 0; i < len(text); {
		c := text[i]
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		hi, ok := hexDigit(c)
		if !ok {
			return nil, badHex(text[i:])
		}
		if i+1 == len(text) {
			return nil, Errorf(CodeInvalidParameter, "invalid hexadecimal data: odd number of digits")
		}
		lo, ok := hexDigit(text[i+1])
		if !ok {
			return nil, badHex(text[i+1:])
		}
		out = append(out, hi<<4|lo)
		i += 2
	}
	return out, nil
}

func badHex(rest []byte) error {
	_, n := utf8.DecodeRune(rest)
	return Errorf(CodeInvalidParameter, "invalid hexadecimal digit: \"%s\"", rest[:n])
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func parseUUID(text []byte) ([]byte, error) {
	b := text
	if len(b) > 1 && b[0] == '{' && b[len(b)-1] == '}' {
		b = b[1 : len(b)-1]
	}
	out := make([]byte, 0, 16)
	for len(b) >= 2 && len(out) < 16 {
		hi, ok1 := hexDigit(b[0])
		lo, ok2 := hexDigit(b[1])
		if !ok1 || !ok2 {
			break
		}
		out = append(out, hi<<4|lo)
		b = b[2:]
		if len(out)%2 == 0 && len(out) < 16 && len(b) > 0 && b[0] == '-' {
			b = b[1:]
		}
	}
	if len(out) != 16 || len(b) != 0 {
		return nil, badText(UUID, text)
	}
	return out, nil
}

// appendBytesText writes the types of kind Bytes.
func appendBytesText(dst []byte, s *Settings, t *Type, b []byte) []byte {
	switch t.OID {
	case ByteaOID:
		if s.ByteaEscape {
			return appendEscape(dst, b)
		}
		return hex.AppendEncode(append(dst, '\\', 'x'), b)
	case UUIDOID:
		for i, n := 0, 0; n < 5; n++ {
			if n > 0 {
				dst = append(dst, '-')
			}
			size := [...]int{4, 2, 2, 2, 6}[n]
			dst = hex.AppendEncode(dst, b[i:i+size])
			i += size
		}
		return dst
	}
	return append(dst, b...)
}

// appendEscape writes the escape form of a bytea.
func appendEscape(dst, b []byte) []byte {
	for _, c := range b {
		switch {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
