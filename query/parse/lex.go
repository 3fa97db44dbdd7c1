package parse

import (
	"strings"
	"unicode/utf8"
)

// A kind is the kind of a token.
type kind uint8

const (
	tkEOF   kind = iota
	tkIdent      // identifier or keyword; a quoted one has keyword 0
	tkString
	tkBit
	tkHex
	tkInteger
	tkFloat
	tkParam
	tkOp // any operator without a kind of its own
	tkPlus
	tkMinus
	tkStar
	tkSlash
	tkPercent
	tkCaret
	tkLess
	tkGreater
	tkEqual
	tkLessEqual
	tkGreaterEqual
	tkNotEqual
	tkArrow // =>
	tkLeftParen
	tkRightParen
	tkLeftBracket
	tkRightBracket
	tkComma
	tkSemicolon
	tkColon
	tkColonEqual // :=
	tkTypecast   // ::
	tkDot
	tkDotDot
	tkOther // a byte that starts no token
)

// A token is one word of the text, src[pos:end]. text is what it means: a folded identifier, a string without quotes
// and escapes, the name of an operator, the digits of a number or parameter.
type token struct {
	kind     kind
	class    class
	kw       keyword
	pos, end int32
	text     string
}

// Character classes, as bits.
const (
	isSpace = 1 << iota
	isIdentStart
	isIdentPart // starts included
	isDigit
	isOperator
)

// maxName is the length in bytes that identifiers are cut to; operators must not reach one more.
const maxName = 63

var chars = func() (t [256]uint8) {
	for _, c := range []byte(" \t\n\r\f") {
		t[c] |= isSpace
	}
	for c := 0; c < 256; c++ {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80 {
			t[c] |= isIdentStart | isIdentPart
		}
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= isDigit | isIdentPart
	}
	t['$'] |= isIdentPart
	for _, c := range []byte("+-*/<>=~!@#%^&|`?") {
		t[c] |= isOperator
	}
	return t
}()

var single = [256]kind{
	'(': tkLeftParen, ')': tkRightParen, '[': tkLeftBracket, ']': tkRightBracket, ',': tkComma, ';': tkSemicolon,
	'+': tkPlus, '-': tkMinus, '*': tkStar, '/': tkSlash, '%': tkPercent, '^': tkCaret, '<': tkLess, '>': tkGreater,
	'=': tkEqual, '.': tkDot, ':': tkColon,
}

// A lexer cuts src into tokens.
type lexer struct {
	src     string
	at      int // where the next token may start
	signs   int // end of a run of + and - found to be single tokens
	notices []*Error
}

// next reads the token after the last one into t.
func (l *lexer) next(t *token) {
	src, i := l.src, l.at
	if i < len(src) && src[i] == ' ' { // mostly
		i++
	}
	for i < len(src) {
		c := src[i]
		if chars[c]&isSpace == 0 && c != '-' && c != '/' {
			break
		}
		j := l.skipSpace(i)
		if j == i {
			break
		}
		i = j
	}
	t.pos = int32(i)
	t.class, t.kw = notKeyword, 0
	if i >= len(src) {
		t.kind, t.text, t.end = tkEOF, "", int32(i)
		l.at = i
		return
	}
	l.at = i + 1
	c := src[i]
	switch {
	case c == ',' || c == '(' || c == ')':
		t.kind, t.text = single[c], src[i:i+1]
	case chars[c]&isIdentStart != 0:
		l.word(t, i)
	case chars[c]&isDigit != 0:
		l.number(t, i)
	case c == '\'':
		l.quoted(t, i, i+1, tkString)
	case chars[c]&isOperator != 0:
		l.operator(t, i)
	default:
		l.punctuation(t, i)
	}
	t.end = int32(l.at)
}

// skipSpace returns the end of the space or comment at i, i itself if there is none.
func (l *lexer) skipSpace(i int) int {
	src := l.src
	for i < len(src) && chars[src[i]]&isSpace != 0 {
		i++
	}
	if strings.HasPrefix(src[i:], "--") {
		if n := strings.IndexAny(src[i:], "\r\n"); n >= 0 {
			return i + n
		}
		return len(src)
	}
	if !strings.HasPrefix(src[i:], "/*") {
		return i
	}
	depth, j := 1, i+2
	for j+1 < len(src) {
		switch {
		case src[j] == '*' && src[j+1] == '/':
			j += 2
			if depth--; depth == 0 {
				return j
			}
		case src[j] == '/' && src[j+1] == '*':
			j += 2
			depth++
		default:
			j++
		}
	}
	l.fail("unterminated /* comment", i, len(src))
	return j
}

// fail ends parsing with a syntax error about src[pos:end], in the form that Postgres gives errors of its scanner.
func (l *lexer) fail(message string, pos, end int) {
	panic(&Error{Code: CodeSyntax, Message: message + l.near(pos, end), Pos: pos})
}

// maxQuoted bounds how much of the text an error message repeats, in bytes.
const maxQuoted = 1000

// near says where src[pos:end] is.
func (l *lexer) near(pos, end int) string {
	if pos >= len(l.src) {
		return " at end of input"
	}
	return ` at or near "` + excerpt(l.src[pos:end]) + `"`
}

// excerpt is as much of s as an error message repeats.
func excerpt(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return clip(s, maxQuoted)
}

// clip cuts s, which is longer than n bytes, to at most n without cutting a character.
func clip(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// word reads an identifier, a keyword, or a string with a letter in front.
func (l *lexer) word(t *token, i int) {
	src := l.src
	if i+1 < len(src) && (src[i+1] == '\'' || src[i+1] == '&') && l.prefixed(t, i) {
		return
	}
	var (
		folded [maxKeyword]byte
		h      uint32
		upper  bool
		j      = i
	)
	for ; j < len(src); j++ {
		c := src[j]
		if chars[c]&isIdentPart == 0 {
			break
		}
		if c-'A' < 26 {
			upper = true
			c += 'a' - 'A'
		}
		if n := j - i; n < maxKeyword {
			folded[n] = c
			h = hashKeyword(h, c)
		}
	}
	l.at = j
	t.kind = tkIdent
	if n := j - i; n <= maxKeyword {
		if k := findKeyword(folded[:n], h); k != 0 {
			t.kw, t.class, t.text = k, classes[k], keywords[k].Word
			return
		}
		if upper {
			t.text = string(folded[:n])
			return
		}
	}
	t.text = src[i:j]
	if upper {
		t.text = foldASCII(t.text)
	}
	if j-i > maxName {
		t.text = l.truncate(t.text, i)
	}
}

// foldASCII turns A to Z to lower case and leaves all else alone.
func foldASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'A' < 26 {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// truncate cuts an identifier to the length that Postgres allows and notes that for the client.
func (l *lexer) truncate(name string, pos int) string {
	cut := clip(name, maxName)
	l.notices = append(l.notices, &Error{
		Code:    CodeNameTooLong,
		Message: `identifier "` + excerpt(name) + `" will be truncated to "` + cut + `"`,
		Pos:     pos,
	})
	return cut
}

// prefixed reads E'…', B'…', X'…', N'…', U&'…' and U&"…" at i; it returns false if none is there.
func (l *lexer) prefixed(t *token, i int) bool {
	c := l.src[i] | 0x20
	if l.src[i+1] == '\'' {
		switch c {
		case 'e':
			l.escaped(t, i)
		case 'b':
			l.quoted(t, i, i+2, tkBit)
		case 'x':
			l.quoted(t, i, i+2, tkHex)
		case 'n': // the word nchar, before a string
			t.kind, t.kw, t.text = tkIdent, kwNchar, keywords[kwNchar].Word
			t.class = classes[kwNchar]
		default:
			return false
		}
		return true
	}
	if c != 'u' || i+2 >= len(l.src) {
		return false
	}
	switch l.src[i+2] {
	case '\'':
		l.quoted(t, i, i+3, tkString)
	case '"':
		l.quotedIdent(t, i, i+3)
	default:
		return false
	}
	t.text = l.unicode(t.text, i, t.kind)
	if t.kind == tkIdent && len(t.text) > maxName {
		t.text = l.truncate(t.text, i)
	}
	return true
}

// number reads a number at i, where a digit is, or a point and a digit.
func (l *lexer) number(t *token, i int) {
	src, j := l.src, i
	t.kind = tkInteger
	j = digits(src, j)
	if j < len(src) && src[j] == '.' && !strings.HasPrefix(src[j:], "..") {
		t.kind = tkFloat
		j = digits(src, j+1)
	}
	if j < len(src) && src[j]|0x20 == 'e' {
		k := j + 1
		if k < len(src) && (src[k] == '+' || src[k] == '-') {
			k++
		}
		if e := digits(src, k); e > k {
			t.kind, j = tkFloat, e
		} else if k > j+1 {
			l.fail("trailing junk after numeric literal", i, k)
		}
	}
	if j < len(src) && chars[src[j]]&isIdentStart != 0 {
		l.fail("trailing junk after numeric literal", i, identEnd(src, j))
	}
	t.text = src[i:j]
	l.at = j
}

// digits returns the end of the digits at i.
func digits(src string, i int) int {
	for i < len(src) && chars[src[i]]&isDigit != 0 {
		i++
	}
	return i
}

// identEnd returns the end of the identifier characters at i.
func identEnd(src string, i int) int {
	for i < len(src) && chars[src[i]]&isIdentPart != 0 {
		i++
	}
	return i
}

// operator reads an operator at i by Postgres' rule: the longest run of operator characters without the start of a
// comment, but a + or - may only end it if it holds one of ~!@#^&|`?%.
func (l *lexer) operator(t *token, i int) {
	src := l.src
	if i < l.signs {
		t.kind, t.text = single[src[i]], src[i:i+1]
		return
	}
	j, strange := i, false
	for j < len(src) && chars[src[j]]&isOperator != 0 {
		c := src[j]
		if j+1 < len(src) && (c == '-' && src[j+1] == '-' || c == '/' && src[j+1] == '*') {
			break
		}
		strange = strange || strings.IndexByte("~!@#^&|`?%", c) >= 0
		j++
	}
	if !strange {
		end := j
		for j > i+1 && (src[j-1] == '+' || src[j-1] == '-') {
			j--
		}
		if j < end {
			l.signs = end
		}
	}
	l.at = j
	t.text = src[i:j]
	if j == i+1 {
		t.kind = single[src[i]]
		if t.kind == 0 {
			t.kind = tkOp
		}
		return
	}
	if len(t.text) > maxName {
		l.fail("operator too long", i, j)
	}
	switch t.text {
	case "<=":
		t.kind = tkLessEqual
	case ">=":
		t.kind = tkGreaterEqual
	case "<>":
		t.kind = tkNotEqual
	case "!=":
		t.kind, t.text = tkNotEqual, "<>"
	case "=>":
		t.kind = tkArrow
	default:
		t.kind = tkOp
	}
}

// punctuation reads what is left: parameters, dollar quotes, quoted identifiers, punctuation, and bytes that mean nothing.
func (l *lexer) punctuation(t *token, i int) {
	src := l.src
	c := src[i]
	next := byte(0)
	if i+1 < len(src) {
		next = src[i+1]
	}
	t.kind, t.text = single[c], src[i:i+1]
	switch {
	case c == '"':
		l.quotedIdent(t, i, i+1)
		if t.text == "" {
			l.fail("zero-length delimited identifier", i, l.at)
		}
		if len(t.text) > maxName {
			t.text = l.truncate(t.text, i)
		}
	case c == '$':
		l.dollar(t, i)
	case c == '.' && chars[next]&isDigit != 0:
		l.number(t, i)
	case c == '.' && next == '.':
		t.kind, l.at = tkDotDot, i+2
	case c == ':' && next == ':':
		t.kind, l.at = tkTypecast, i+2
	case c == ':' && next == '=':
		t.kind, l.at = tkColonEqual, i+2
	case t.kind == 0:
		t.kind = tkOther
	}
}

// dollar reads $1 or $tag$…$tag$ at i.
func (l *lexer) dollar(t *token, i int) {
	src := l.src
	j := digits(src, i+1)
	if j > i+1 {
		if j < len(src) && chars[src[j]]&isIdentStart != 0 {
			l.fail("trailing junk after parameter", i, identEnd(src, j))
		}
		t.kind, t.text, l.at = tkParam, src[i+1:j], j
		return
	}
	for j < len(src) && src[j] != '$' && chars[src[j]]&isIdentPart != 0 {
		j++
	}
	if j >= len(src) || src[j] != '$' {
		t.kind = tkOther
		return
	}
	tag := src[i : j+1]
	n := strings.Index(src[j+1:], tag)
	if n < 0 {
		l.fail("unterminated dollar-quoted string", i, len(src))
	}
	t.kind, t.text = tkString, src[j+1:j+1+n]
	l.at = j + 1 + n + len(tag)
}
