package fn

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

func errTooLong() error {
	return value.Errorf(value.CodeProgramLimit, "requested length too large")
}

// pure1 makes a kernel of a function of one string that cannot fail.
func pure1(f func(string) string) Kernel {
	return map1[texts, texts](func(_ *Env, s string) (string, error) { return f(s), nil })
}

func stringFunctions() []*Function {
	out := []*Function{
		def("lower(text) text", pure1(func(s string) string { return mapRunes(s, unicode.ToLower) })),
		def("upper(text) text", pure1(func(s string) string { return mapRunes(s, unicode.ToUpper) })),
		def("initcap(text) text", pure1(initcap)),
		def("reverse(text) text", pure1(reverse)),
		def("quote_ident(text) text", pure1(QuoteIdent)),
		def("quote_literal(text) text", pure1(quoteLiteral)),
		def("quote_literal(anyelement) text stable", formatKernelWith(quoteLiteral)),
		def("quote_nullable(text) text nullable", rowwise(quoteNullable)),
		def("quote_nullable(anyelement) text stable nullable", rowwise(quoteNullable)),
		def("md5(text) text", map1[strs, texts](md5Hex)),
		def("md5(bytea) text", map1[strs, texts](md5Hex)),
		def("ascii(text) int4", map1[strs, ints](asciiOf)),
		def("chr(int4) text", map1[ints, texts](chr)),
		def("repeat(text,int4) text", map2[strs, ints, strs](repeat)),
		def("left(text,int4) text", map2[strs, ints, strs](left)),
		def("right(text,int4) text", map2[strs, ints, strs](right)),
		def("replace(text,text,text) text", map3[texts, texts, texts, texts](replace)),
		def("translate(text,text,text) text", map3[texts, texts, texts, texts](translate)),
		def("strpos(text,text) int4", map2[strs, strs, ints](strpos)),
		def("position(text,text) int4", map2[strs, strs, ints](strpos)),
		def("starts_with(text,text) bool", map2[strs, strs, bools](func(_ *Env, s, p []byte) (bool, error) {
			return bytes.HasPrefix(s, p), nil
		})),
		def("split_part(text,text,int4) text", map3[texts, texts, ints, texts](splitPart)),
		def("concat(any) text stable nullable variadic", rowwise(concat)),
		def("concat_ws(text,any) text stable nullable variadic", rowwise(concatWS)),
		def("overlay(text,text,int4) text", rowwise(overlay)),
		def("overlay(text,text,int4,int4) text", rowwise(overlay)),
		def("to_hex(int4) text", map1[ints, texts](func(_ *Env, i int64) (string, error) {
			return strconv.FormatUint(uint64(uint32(i)), 16), nil
		})),
		def("to_hex(int8) text", map1[ints, texts](func(_ *Env, i int64) (string, error) {
			return strconv.FormatUint(uint64(i), 16), nil
		})),
		def("length(bpchar) int4", map1[strs, ints](func(_ *Env, s []byte) (int64, error) {
			return int64(utf8.RuneCount(value.TrimPadding(s))), nil
		})),
		def("octet_length(bpchar) int4", octetLength),
		def("octet_length(text) int4", octetLength),
		def("bit_length(text) int4", map1[strs, ints](func(_ *Env, s []byte) (int64, error) { return int64(len(s)) * 8, nil })),
	}
	for _, name := range []string{"length", "char_length", "character_length"} {
		out = append(out, def(name+"(text) int4", map1[strs, ints](func(_ *Env, s []byte) (int64, error) {
			return int64(utf8.RuneCount(s)), nil
		})))
	}
	for _, name := range []string{"substr", "substring"} {
		out = append(out,
			def(name+"(text,int4) text", map2[strs, ints, strs](substrFrom)),
			def(name+"(text,int4,int4) text", map3[strs, ints, ints, strs](substr)))
	}
	out = append(out, trims()...)
	out = append(out, pads()...)
	out = append(out, formatFunctions()...)
	out = append(out, rarerFunctions()...)
	return append(out, patternFunctions()...)
}

// mapRunes maps each character; lengths stay whatever the mapping makes them.
func mapRunes(s string, f func(rune) rune) string { return strings.Map(f, s) }

func initcap(s string) string {
	word := false
	return strings.Map(func(r rune) rune {
		alnum := unicode.IsLetter(r) || unicode.IsDigit(r)
		defer func() { word = alnum }()
		if word {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func reverse(s string) string {
	out := make([]byte, len(s))
	at := len(s)
	for _, r := range s {
		at -= utf8.RuneLen(r)
		utf8.EncodeRune(out[at:], r)
	}
	return string(out)
}

func md5Hex(_ *Env, b []byte) (string, error) {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:]), nil
}

func asciiOf(_ *Env, s []byte) (int64, error) {
	if len(s) == 0 {
		return 0, nil
	}
	r, _ := utf8.DecodeRune(s)
	return int64(r), nil
}

func chr(_ *Env, i int64) (string, error) {
	switch {
	case i == 0:
		return "", value.Errorf(value.CodeProgramLimit, "null character not permitted")
	case i < 0:
		return "", value.Errorf(value.CodeInvalidParameter, "character number must be positive")
	case i > unicode.MaxRune:
		return "", value.Errorf(value.CodeProgramLimit, "requested character too large for encoding: %d", i)
	case i >= 0xd800 && i < 0xe000:
		return "", value.Errorf(value.CodeProgramLimit, "requested character not valid for encoding: %d", i)
	}
	return string(rune(i)), nil
}

func repeat(env *Env, s []byte, n int64) ([]byte, error) {
	n = max(0, n)
	if len(s) > 0 && n > MaxOutput/int64(len(s)) {
		return nil, errTooLong()
	}
	if err := env.fits(len(s) * int(n)); err != nil {
		return nil, err
	}
	return bytes.Repeat(s, int(n)), env.Check()
}

// runeEnd returns the byte at which character n of s starts, or the end.
func runeEnd(s []byte, n int64) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRune(s[at:])
		at += size
	}
	return at
}

func left(_ *Env, s []byte, n int64) ([]byte, error) {
	if n < 0 {
		n = max(0, int64(utf8.RuneCount(s))+n)
	}
	end := runeEnd(s, n)
	return s[:end:end], nil
}

func right(_ *Env, s []byte, n int64) ([]byte, error) {
	skip := -n
	if n >= 0 {
		skip = max(0, int64(utf8.RuneCount(s))-n)
	}
	return s[runeEnd(s, skip):], nil
}

func substrFrom(_ *Env, s []byte, from int64) ([]byte, error) {
	return s[runeEnd(s, from-1):], nil
}

var errNegativeSubstring = value.Errorf(value.CodeSubstring, "negative substring length not allowed")

func substr(_ *Env, s []byte, from, n int64) ([]byte, error) {
	if n < 0 {
		return nil, errNegativeSubstring
	}
	start := runeEnd(s, from-1)
	if from < 1 {
		n += from - 1
	}
	end := start + runeEnd(s[start:], n)
	return s[start:end:end], nil
}

func replace(env *Env, s, old, with string) (string, error) {
	if old == "" {
		return s, nil
	}
	if n := strings.Count(s, old); n > 0 {
		if err := env.fits(len(s) + n*(len(with)-len(old))); err != nil {
			return "", err
		}
	}
	return strings.ReplaceAll(s, old, with), nil
}

func translate(env *Env, s, from, to string) (string, error) {
	if err := env.Settings.Take(4 * (len(from) + len(to))); err != nil {
		return "", err
	}
	target := []rune(to)
	become := map[rune]rune{} // -1 for nothing
	n := 0
	for _, c := range from {
		if _, ok := become[c]; !ok {
			become[c] = -1
			if n < len(target) {
				become[c] = target[n]
			}
		}
		n++
	}
	return strings.Map(func(r rune) rune {
		if c, ok := become[r]; ok {
			return c
		}
		return r
	}, s), nil
}

func strpos(_ *Env, s, sub []byte) (int64, error) {
	i := bytes.Index(s, sub)
	if i < 0 {
		return 0, nil
	}
	return int64(utf8.RuneCount(s[:i])) + 1, nil
}

func splitPart(env *Env, s, sep string, n int64) (string, error) {
	if n == 0 {
		return "", value.Errorf(value.CodeInvalidParameter, "field position must not be zero")
	}
	if sep == "" {
		if n == 1 || n == -1 {
			return s, nil
		}
		return "", nil
	}
	if s == "" {
		return "", nil
	}
	if err := env.Settings.Take(strings.Count(s, sep) * int(unsafe.Sizeof(s))); err != nil {
		return "", err
	}
	parts := strings.Split(s, sep)
	if n < 0 {
		n += int64(len(parts)) + 1
	}
	if n < 1 || n > int64(len(parts)) {
		return "", nil
	}
	return parts[n-1], nil
}

// showDatum returns the text form of a value that is not null.
func showDatum(env *Env, d value.Datum) []byte { return d.AppendText(nil, env.Settings) }

func concat(env *Env, args []value.Datum) (value.Datum, error) {
	var out []byte
	var room room
	for _, d := range args {
		if !d.Null {
			out = d.AppendText(out, env.Settings)
		}
		if err := room.reach(env, len(out)); err != nil {
			return value.Datum{}, err
		}
	}
	return value.NewBytes(value.Text, out), nil
}

func concatWS(env *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errNull
	}
	var out []byte
	var room room
	first := true
	for _, d := range args[1:] {
		if d.Null {
			continue
		}
		if !first {
			out = append(out, args[0].B...)
		}
		first = false
		out = d.AppendText(out, env.Settings)
		if err := room.reach(env, len(out)); err != nil {
			return value.Datum{}, err
		}
	}
	return value.NewBytes(value.Text, out), nil
}

// overlay replaces part of a text or bytea.
func overlay(env *Env, args []value.Datum) (value.Datum, error) {
	s, with, from := args[0].B, args[1].B, args[2].I
	isText := args[0].Type == value.Text
	n := int64(len(with))
	if isText {
		n = int64(utf8.RuneCount(with))
	}
	if len(args) == 4 {
		n = args[3].I
	}
	if from <= 0 {
		return value.Datum{}, errNegativeSubstring
	}
	if from+n > math.MaxInt32 {
		return value.Datum{}, outOfRange(value.Int4)
	}
	start, end := int(min(from-1, int64(len(s)))), int(max(0, min(from-1+n, int64(len(s)))))
	if isText {
		start, end = runeEnd(s, from-1), runeEnd(s, from-1+n)
	}
	if err := env.fits(len(s) - (end - start) + len(with)); err != nil {
		return value.Datum{}, err
	}
	out := append(append([]byte{}, s[:start]...), with...)
	return value.NewBytes(args[0].Type, append(out, s[end:]...)), nil
}

func octetLength(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		out.Ints[i] = int64(len(args[0].Bytes[i]))
	}
	return nil
}

// formatKernelWith shows any value as text and passes it through f.
func formatKernelWith(f func(string) string) Kernel {
	return rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
		return value.NewText(f(string(showDatum(env, args[0])))), nil
	})
}

func quoteNullable(env *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.NewText("NULL"), nil
	}
	return value.NewText(quoteLiteral(string(showDatum(env, args[0])))), nil
}

// quoteLiteral returns s as an SQL literal.
func quoteLiteral(s string) string {
	prefix := ""
	if strings.Contains(s, `\`) {
		prefix = "E"
		s = strings.ReplaceAll(s, `\`, `\\`)
	}
	return prefix + "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// reserved holds the keywords that quote_ident puts in quotes: all but the unreserved.
var reserved = func() map[string]bool {
	m := map[string]bool{}
	for _, k := range parse.Keywords() {
		m[k.Word] = k.Class != 'U'
	}
	return m
}()

// QuoteIdent returns s as an SQL identifier, in quotes where needed.
func QuoteIdent(s string) string {
	plain := s != "" && (s[0] == '_' || s[0] >= 'a' && s[0] <= 'z')
	for i := 0; plain && i < len(s); i++ {
		c := s[i]
		plain = c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
	}
	if plain && !reserved[s] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// side says which ends a trim works on.
type side struct{ left, right bool }

func trims() []*Function {
	var out []*Function
	for _, t := range []struct {
		name string
		side
	}{{"btrim", side{true, true}}, {"ltrim", side{true, false}}, {"rtrim", side{false, true}}} {
		out = append(out,
			def(t.name+"(text) text", map1[strs, strs](func(_ *Env, s []byte) ([]byte, error) {
				return trimText(s, []byte(" "), t.side), nil
			})),
			def(t.name+"(text,text) text", map2[strs, strs, strs](func(_ *Env, s, set []byte) ([]byte, error) {
				return trimText(s, set, t.side), nil
			})),
			def(t.name+"(bytea,bytea) bytea", map2[strs, strs, strs](func(_ *Env, s, set []byte) ([]byte, error) {
				return trimBytes(s, set, t.side), nil
			})))
	}
	return out
}

// fewTrimmed is the length up to which a set of characters is searched.
const fewTrimmed = 16

func trimText(s, set []byte, at side) []byte {
	has := func(r rune) bool { return bytes.ContainsRune(set, r) }
	if len(set) > fewTrimmed {
		runes := map[rune]bool{}
		for _, r := range string(set) {
			runes[r] = true
		}
		has = func(r rune) bool { return runes[r] }
	}
	if at.left {
		s = bytes.TrimLeftFunc(s, has)
	}
	if at.right {
		s = bytes.TrimRightFunc(s, has)
	}
	return s
}

func trimBytes(s, set []byte, at side) []byte {
	var has [256]bool
	for _, c := range set {
		has[c] = true
	}
	for at.left && len(s) > 0 && has[s[0]] {
		s = s[1:]
	}
	for at.right && len(s) > 0 && has[s[len(s)-1]] {
		s = s[:len(s)-1]
	}
	return s
}

func pads() []*Function {
	var out []*Function
	for _, name := range []string{"lpad", "rpad"} {
		pad := func(env *Env, s []byte, n int64, fill []byte) ([]byte, error) {
			return padTo(env, s, n, fill, name == "lpad")
		}
		out = append(out,
			def(name+"(text,int4) text", map2[strs, ints, strs](func(env *Env, s []byte, n int64) ([]byte, error) {
				return pad(env, s, n, []byte(" "))
			})),
			def(name+"(text,int4,text) text", map3[strs, ints, strs, strs](func(env *Env, s []byte, n int64, fill []byte) ([]byte, error) {
				return pad(env, s, n, fill)
			})))
	}
	return out
}

// padTo cuts or fills s to n characters.
func padTo(env *Env, s []byte, n int64, fill []byte, atLeft bool) ([]byte, error) {
	have := int64(utf8.RuneCount(s))
	if n <= have || len(fill) == 0 {
		end := runeEnd(s, n)
		return s[:end:end], nil
	}
	if n > MaxOutput/utf8.UTFMax {
		return nil, errTooLong()
	}
	var padding []byte
	var room room
	for need := n - have; need > 0; {
		if err := room.reach(env, len(s)+len(padding)); err != nil {
			return nil, err
		}
		end := runeEnd(fill, need)
		padding = append(padding, fill[:end]...)
		need -= int64(utf8.RuneCount(fill[:end]))
	}
	if atLeft {
		return append(padding, s...), nil
	}
	return append(append([]byte{}, s...), padding...), nil
}

func stringOperators() []*Function {
	join := map2[strs, strs, strs](func(env *Env, a, b []byte) ([]byte, error) {
		if err := env.fits(len(a) + len(b)); err != nil {
			return nil, err
		}
		return append(append(make([]byte, 0, len(a)+len(b)), a...), b...), nil
	})
	out := []*Function{
		def("||(text,text) text", join),
		def("||(bytea,bytea) bytea", join),
		def("||(text,anynonarray) text stable", rowwise(joinAny)),
		def("||(anynonarray,text) text stable", rowwise(joinAny)),
		def("^@(text,text) bool", map2[strs, strs, bools](func(_ *Env, s, p []byte) (bool, error) {
			return bytes.HasPrefix(s, p), nil
		})),
	}
	return append(out, patternOperators()...)
}

func joinAny(env *Env, args []value.Datum) (value.Datum, error) {
	return value.NewBytes(value.Text, append(castText(env, args[0]), castText(env, args[1])...)), nil
}

// castText returns what a cast to text gives, which differs from the text form for some types.
func castText(env *Env, d value.Datum) []byte {
	switch d.Type {
	case value.Bool:
		return strconv.AppendBool(nil, d.I != 0)
	case value.Bpchar:
		return append([]byte{}, value.TrimPadding(d.B)...)
	}
	return showDatum(env, d)
}
