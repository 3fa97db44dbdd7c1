package parse

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string without backslash escapes whose token starts at pos and whose text starts at i.
func (l *lexer) quoted(t *token, pos, i int, k kind) {
	t.kind = k
	s, end := l.segment(pos, i)
	next := l.continuation(end)
	if next == 0 {
		t.text, l.at = s, end
		return
	}
	var b strings.Builder
	b.WriteString(s)
	for next != 0 {
		s, end = l.segment(pos, next)
		b.WriteString(s)
		next = l.continuation(end)
	}
	t.text, l.at = b.String(), end
}

// segment reads to the closing quote of the string whose text starts at i, and returns the text and where it ends.
func (l *lexer) segment(pos, i int) (text string, end int) {
	n := closingQuote(l.src[i:], '\'')
	if n < 0 {
		l.fail(unterminated(l.src[pos]), pos, len(l.src))
	}
	text = l.src[i : i+n]
	if strings.IndexByte(text, '\'') >= 0 {
		text = strings.ReplaceAll(text, "''", "'")
	}
	return text, i + n + 1
}

// unterminated is the message for a string that starts with c.
func unterminated(c byte) string {
	switch c {
	case 'b', 'B':
		return "unterminated bit string literal"
	case 'x', 'X':
		return "unterminated hexadecimal string literal"
	}
	return "unterminated quoted string"
}

// closingQuote returns the index of the first quote that is not doubled, -1 if there is none.
func closingQuote(s string, quote byte) int {
	i := 0
	for {
		n := strings.IndexByte(s[i:], quote)
		if n < 0 {
			return -1
		}
		i += n
		if i+1 >= len(s) || s[i+1] != quote {
			return i
		}
		i += 2
	}
}

// continuation returns where the text of a string goes on that was closed before i, 0 if it does not: SQL joins strings
// that only space with a line break, and comments to the end of a line, part.
func (l *lexer) continuation(i int) int {
	src, newline := l.src, false
	for i < len(src) {
		switch c := src[i]; {
		case c == '\n' || c == '\r':
			newline = true
			i++
		case chars[c]&isSpace != 0:
			i++
		case c == '-' && strings.HasPrefix(src[i:], "--"):
			i = l.skipSpace(i)
			if i >= len(src) {
				return 0
			}
		case c == '\'' && newline:
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// escaped reads E'…' at i.
func (l *lexer) escaped(t *token, i int) {
	t.kind = tkString
	src, j := l.src, i+2
	n := strings.IndexAny(src[j:], `'\`)
	if n >= 0 && src[j+n] == '\'' && (j+n+1 == len(src) || src[j+n+1] != '\'') && l.continuation(j+n+1) == 0 {
		t.text, l.at = src[j:j+n], j+n+1
		return
	}
	e := escapes{l: l, pos: i}
	for {
		n := strings.IndexAny(src[j:], `'\`)
		if n < 0 {
			l.fail("unterminated quoted string", i, len(src))
		}
		e.plain(src[j:j+n], j)
		j += n
		switch {
		case src[j] == '\\':
			j = e.escape(j)
		case strings.HasPrefix(src[j:], "''"):
			e.plain("'", j)
			j += 2
		default:
			l.at = j + 1
			if j = l.continuation(l.at); j == 0 {
				t.text = e.finish(l.at - 1)
				return
			}
		}
	}
}

// escapes undoes the escapes of the string that starts at pos.
type escapes struct {
	l        *lexer
	pos      int
	quiet    bool // errors do not repeat the text, as Postgres does it for U&'…'
	b        []byte
	high     rune // first half of a surrogate pair, else 0
	rawBytes bool // \x or \ooo gave bytes above ASCII, which may be no UTF-8
}

// fail ends parsing with an error about src[at:end].
func (e *escapes) fail(message string, at, end int) {
	if e.quiet {
		panic(&Error{Code: CodeSyntax, Message: message, Pos: at})
	}
	e.l.fail(message, at, end)
}

// plain adds text as it is, which stands at at.
func (e *escapes) plain(s string, at int) {
	if s != "" {
		e.noHalf(at)
		e.b = append(e.b, s...)
	}
}

// noHalf refuses anything but the second half of a surrogate pair after the first.
func (e *escapes) noHalf(at int) {
	if e.high == 0 {
		return
	}
	end := at
	if at < len(e.l.src) {
		_, size := utf8.DecodeRuneInString(e.l.src[at:])
		end += size
	}
	e.fail("invalid Unicode surrogate pair", at, end)
}

// escape adds what the escape at j means and returns where it ends.
func (e *escapes) escape(j int) int {
	src := e.l.src
	if j+1 >= len(src) {
		e.l.fail("unterminated quoted string", e.pos, len(src))
	}
	c := src[j+1]
	if c == 'u' || c == 'U' {
		return e.unicodeEscape(j)
	}
	e.noHalf(j)
	j += 2
	switch {
	case c >= '0' && c <= '7':
		v, n := int(c-'0'), 1
		for n < 3 && j < len(src) && src[j] >= '0' && src[j] <= '7' {
			v, n, j = v*8+int(src[j]-'0'), n+1, j+1
		}
		c = byte(v)
		e.rawBytes = e.rawBytes || c >= 0x80
	case c == 'x' && j < len(src) && hexDigit(src[j]) >= 0:
		v, n := 0, 0
		for n < 2 && j < len(src) && hexDigit(src[j]) >= 0 {
			v, n, j = v*16+hexDigit(src[j]), n+1, j+1
		}
		c = byte(v)
		e.rawBytes = e.rawBytes || c >= 0x80
	case c == 'b':
		c = '\b'
	case c == 'f':
		c = '\f'
	case c == 'n':
		c = '\n'
	case c == 'r':
		c = '\r'
	case c == 't':
		c = '\t'
	case c == 'v':
		c = '\v'
	}
	if c == 0 {
		panic(&Error{Code: CodeBadEncoding, Message: `invalid byte sequence for encoding "UTF8": 0x00`, Pos: -1})
	}
	e.b = append(e.b, c)
	return j
}

// hexDigit is the value of a hexadecimal digit, -1 for any other byte.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// unicodeEscape adds the character of \uXXXX or \UXXXXXXXX at j and returns where the escape ends.
func (e *escapes) unicodeEscape(j int) int {
	n := 4
	if e.l.src[j+1] == 'U' {
		n = 8
	}
	r := hexNumber(e.l.src[j+2:], n)
	if r < 0 {
		panic(&Error{Code: CodeInvalidEscape, Message: "invalid Unicode escape",
			Hint: `Unicode escapes must be \uXXXX or \UXXXXXXXX.`, Pos: j})
	}
	e.rune(rune(r), j, j+2+n)
	return j + 2 + n
}

// hexNumber reads n hexadecimal digits at the start of s; -1 if they are not there, or are no int32.
func hexNumber(s string, n int) int64 {
	if len(s) < n {
		return -1
	}
	v, err := strconv.ParseUint(s[:n], 16, 64)
	if err != nil {
		return -1
	}
	return int64(v)
}

// rune adds an escaped character, or joins the halves of a surrogate pair, that stands at src[at:end].
func (e *escapes) rune(r rune, at, end int) {
	switch {
	case r == 0 || r > utf8.MaxRune || r < 0:
		e.fail("invalid Unicode escape value", at, end)
	case e.high != 0:
		pair := utf16.DecodeRune(e.high, r)
		if pair == utf8.RuneError {
			e.fail("invalid Unicode surrogate pair", at, end)
		}
		e.high, r = 0, pair
	case r >= 0xdc00 && r < 0xe000:
		e.fail("invalid Unicode surrogate pair", at, end)
	case utf16.IsSurrogate(r):
		e.high = r
		return
	}
	e.b = utf8.AppendRune(e.b, r)
}

// finish returns the whole string, which ends at at.
func (e *escapes) finish(at int) string {
	e.noHalf(at)
	s := string(e.b)
	if e.rawBytes && !utf8.ValidString(s) {
		panic(badEncoding(s))
	}
	return s
}

// upperASCII turns a to z to upper case and leaves all else alone.
func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'a' < 26 {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}

// badEncoding is the error for text that is no UTF-8.
func badEncoding(s string) *Error {
	i := 0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		i += size
	}
	var b strings.Builder
	b.WriteString(`invalid byte sequence for encoding "UTF8":`)
	for _, c := range []byte(s[i:min(len(s), i+sequenceLength(s[i]))]) {
		b.WriteString(" 0x" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
	}
	return &Error{Code: CodeBadEncoding, Message: b.String(), Pos: -1}
}

// sequenceLength is how many bytes the UTF-8 sequence has that starts with c.
func sequenceLength(c byte) int {
	switch {
	case c&0xe0 == 0xc0:
		return 2
	case c&0xf0 == 0xe0:
		return 3
	case c&0xf8 == 0xf0:
		return 4
	}
	return 1
}

// quotedIdent reads "…" whose token starts at pos and whose text starts at i.
func (l *lexer) quotedIdent(t *token, pos, i int) {
	n := closingQuote(l.src[i:], '"')
	if n < 0 {
		l.fail("unterminated quoted identifier", pos, len(l.src))
	}
	t.kind, t.text = tkIdent, l.src[i:i+n]
	if strings.IndexByte(t.text, '"') >= 0 {
		t.text = strings.ReplaceAll(t.text, `""`, `"`)
	}
	l.at = i + n + 1
}

// unicode undoes the escapes of a U&'…' or U&"…" that stands at pos and whose text is s, with the escape character of
// UESCAPE if that follows.
func (l *lexer) unicode(s string, pos int, k kind) string {
	if k == tkIdent && s == "" {
		l.fail("zero-length delimited identifier", pos, l.at)
	}
	esc := l.uescape()
	if strings.IndexByte(s, esc) < 0 {
		return s
	}
	e := escapes{l: l, pos: pos, quiet: true}
	for i := 0; i < len(s); {
		at := pos + len("U&'") + i // as Postgres counts: doubled quotes are one
		if s[i] != esc {
			n := i + 1
			for n < len(s) && s[n] != esc {
				n++
			}
			e.plain(s[i:n], at)
			i = n
			continue
		}
		rest := s[i+1:]
		switch {
		case rest != "" && rest[0] == esc:
			e.plain(rest[:1], at)
			i += 2
		case rest != "" && rest[0] == '+' && hexNumber(rest[1:], 6) >= 0:
			e.rune(rune(hexNumber(rest[1:], 6)), at, at)
			i += 8
		case hexNumber(rest, 4) >= 0:
			e.rune(rune(hexNumber(rest, 4)), at, at)
			i += 5
		default:
			panic(&Error{Code: CodeSyntax, Message: "invalid Unicode escape",
				Hint: `Unicode escapes must be \XXXX or \+XXXXXX.`, Pos: at})
		}
	}
	return e.finish(pos + len("U&'") + len(s))
}

// uescape reads UESCAPE 'c' if it comes next and returns the escape character.
func (l *lexer) uescape() byte {
	const word = "uescape"
	i := l.at
	for {
		j := l.skipSpace(i)
		if j == i {
			break
		}
		i = j
	}
	end := i + len(word)
	if end > len(l.src) || !strings.EqualFold(l.src[i:end], word) ||
		end < len(l.src) && chars[l.src[end]]&isIdentPart != 0 {
		return '\\'
	}
	l.at = end
	var t token
	l.next(&t)
	if t.kind != tkString || l.src[t.pos] != '\'' {
		l.fail("UESCAPE must be followed by a simple string literal", int(t.pos), int(t.end))
	}
	if len(t.text) != 1 || hexDigit(t.text[0]) >= 0 || chars[t.text[0]]&isSpace != 0 ||
		strings.Contains(`+'"`, t.text) {
		l.fail("invalid Unicode escape character", int(t.pos), int(t.end))
	}
	return t.text[0]
}
