package fn

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

// textForms declares functions that read texts of some syntax.
func textForms() []*Function {
	ident := def("parse_ident(text,bool) _text", rowwise(parseIdent))
	ident.Defaults, ident.Default = 1, []value.Datum{value.NewBool(true)}
	return []*Function{
		ident,
		def("unistr(text) text", map1[texts, texts](func(_ *Env, s string) (string, error) { return unistr(s) })),
		def("pg_size_bytes(text) int8", map1[texts, ints](func(_ *Env, s string) (int64, error) { return sizeBytes(s) })),
		def("set_bit(bytea,int8,int4) bytea", rowwise(func(_ *Env, args []value.Datum) (value.Datum, error) {
			at, bits := args[1].I, int64(len(args[0].B))*8
			switch {
			case at < 0 || at >= bits:
				return value.Datum{}, value.Errorf(value.CodeSubscript, "index %d out of valid range, 0..%d", at, bits-1)
			case args[2].I != 0 && args[2].I != 1:
				return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "new bit must be 0 or 1")
			}
			b := []byte(string(args[0].B))
			b[at/8] = b[at/8]&^(1<<(at%8)) | byte(args[2].I)<<(at%8)
			return value.NewBytes(value.Bytea, b), nil
		})),
	}
}

// parseIdent takes a name apart at its dots.
func parseIdent(_ *Env, args []value.Datum) (value.Datum, error) {
	whole := string(args[0].B)
	fault := func(detail string) (value.Datum, error) {
		return value.Datum{}, &value.Error{Code: value.CodeInvalidParameter, Message: "string is not a valid identifier: \"" + whole + "\"", Detail: detail}
	}
	elems := value.NewVector(value.Text, 0)
	const blank = " \t\n\r\f"
	rest := strings.TrimLeft(whole, blank)
	for after := false; ; after = true {
		word := ""
		if tail, ok := strings.CutPrefix(rest, `"`); ok {
			for {
				part, left, ok := strings.Cut(tail, `"`)
				if !ok {
					return fault("String has unclosed double quotes.")
				}
				word, tail = word+part, left
				if !strings.HasPrefix(tail, `"`) {
					break
				}
				word, tail = word+`"`, tail[1:]
			}
			if rest = tail; word == "" {
				return fault("Quoted identifier must not be empty.")
			}
		} else {
			n := 0
			for n < len(rest) && (isWordByte(rest[n]) || rest[n] >= utf8.RuneSelf || n > 0 && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '$')) {
				n++
			}
			word, rest = strings.ToLower(rest[:n]), rest[n:]
			switch {
			case n > 0:
			case strings.HasPrefix(rest, "."):
				return fault("No valid identifier before \".\".")
			case after:
				return fault("No valid identifier after \".\".")
			default:
				return fault("")
			}
		}
		elems.Append(value.NewText(word))
		rest = strings.TrimLeft(rest, blank)
		if tail, ok := strings.CutPrefix(rest, "."); ok {
			rest = strings.TrimLeft(tail, blank)
			continue
		}
		if rest != "" && args[1].Bool() {
			return fault("")
		}
		return value.ArrayOf(elems), nil
	}
}

// unistr decodes \XXXX, \+XXXXXX, \uXXXX, \UXXXXXXXX and \\.
func unistr(s string) (string, error) {
	var out strings.Builder
	high := rune(0) // the first half of a surrogate pair
	for s != "" {
		text, rest, found := strings.Cut(s, `\`)
		if high != 0 && (text != "" || !found) {
			return "", value.Errorf(value.CodeSyntax, "invalid Unicode surrogate pair")
		}
		out.WriteString(text)
		if !found {
			break
		}
		if tail, ok := strings.CutPrefix(rest, `\`); ok {
			if high != 0 {
				return "", value.Errorf(value.CodeSyntax, "invalid Unicode surrogate pair")
			}
			out.WriteByte('\\')
			s = tail
			continue
		}
		c, tail, ok := unicodeEscape(rest)
		if !ok {
			return "", &value.Error{
				Code: value.CodeSyntax, Message: "invalid Unicode escape",
				Hint: "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.",
			}
		}
		switch s = tail; {
		case c > utf8.MaxRune || c == 0:
			return "", value.Errorf(value.CodeInvalidParameter, "invalid Unicode code point: %04X", c)
		case high != 0:
			if c = utf16.DecodeRune(high, c); c == utf8.RuneError {
				return "", value.Errorf(value.CodeSyntax, "invalid Unicode surrogate pair")
			}
			high = 0
			out.WriteRune(c)
		case c >= 0xd800 && c < 0xdc00:
			high = c
		case c >= 0xdc00 && c < 0xe000:
			return "", value.Errorf(value.CodeSyntax, "invalid Unicode surrogate pair")
		default:
			out.WriteRune(c)
		}
	}
	if high != 0 {
		return "", value.Errorf(value.CodeSyntax, "invalid Unicode surrogate pair")
	}
	return out.String(), nil
}

// unicodeEscape reads what follows the backslash.
func unicodeEscape(s string) (c rune, rest string, ok bool) {
	n := 4
	switch {
	case strings.HasPrefix(s, "+"):
		s, n = s[1:], 6
	case strings.HasPrefix(s, "u"):
		s = s[1:]
	case strings.HasPrefix(s, "U"):
		s, n = s[1:], 8
	}
	if len(s) < n {
		return 0, "", false
	}
	i, err := strconv.ParseUint(s[:n], 16, 32)
	return rune(min(i, 0x7fffffff)), s[n:], err == nil
}

// sizeBytes reads a size like pg_size_pretty's.
func sizeBytes(s string) (int64, error) {
	text := strings.TrimSpace(s)
	n := 0
	for n < len(text) && strings.IndexByte("0123456789.+-eE", text[n]) >= 0 && !(n > 0 && (text[n]|0x20) == 'e' && (n+1 == len(text) || strings.IndexByte("0123456789+-", text[n+1]) < 0)) {
		n++
	}
	number, err := value.ParseNumeric(text[:n])
	if err != nil || n == 0 {
		return 0, value.Errorf(value.CodeInvalidParameter, "invalid size: \"%s\"", s)
	}
	unit := strings.TrimSpace(text[n:])
	shift := 0
	if unit != "" {
		shift = -1
		for i, u := range []string{"bytes", "kb", "mb", "gb", "tb", "pb"} {
			if strings.EqualFold(unit, u) {
				shift = i
			}
		}
		if shift < 0 {
			return 0, &value.Error{
				Code: value.CodeInvalidParameter, Message: "invalid size: \"" + s + "\"", Detail: "Invalid size unit: \"" + unit + "\".",
				Hint: "Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".",
			}
		}
	}
	if number, err = number.Mul(value.IntNumeric(1 << (10 * shift))); err != nil {
		return 0, err
	}
	i, ok := number.Round(0).Int64()
	if !ok {
		return 0, outOfRange(value.Int8)
	}
	return i, nil
}
