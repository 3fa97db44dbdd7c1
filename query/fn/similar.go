package fn

import (
	"strings"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

// similarPart is substring(s similar pattern escape e): what of s stands for the part of the pattern between two escaped
// double quotes.
func similarPart(env *Env, s []byte, pattern, escape string) ([]byte, error) {
	translated, err := similarToRegexp(pattern, escape)
	if err != nil {
		return nil, err
	}
	m, err := firstMatch(env, s, translated)
	if err != nil {
		return nil, err
	}
	if len(m) >= 4 && m[2] >= 0 {
		m = m[2:]
	}
	return s[m[0]:m[1]:m[1]], nil
}

// similarToRegexp makes a regular expression of a pattern of SIMILAR TO. Escaped double quotes divide it into three parts:
// the first takes as little as it can, the middle one is a group.
func similarToRegexp(pattern, escape string) (string, error) {
	if utf8.RuneCountInString(escape) > 1 {
		return "", &value.Error{
			Code: value.CodeBadEscape, Message: "invalid escape string", Hint: "Escape string must be empty or one character.",
		}
	}
	t := similarPattern{escape: escape, divided: escape != "" && strings.Contains(pattern, escape+`"`)}
	t.out.WriteString("^(?:")
	for _, c := range pattern {
		if err := t.add(c); err != nil {
			return "", err
		}
	}
	t.out.WriteString(")$")
	return t.out.String(), nil
}

// A similarPattern is a pattern on its way to a regular expression.
type similarPattern struct {
	escape  string
	out     strings.Builder
	divided bool // it has parts
	part    int  // the separators so far
	escaped bool
	class   bool
}

func (t *similarPattern) add(c rune) error {
	switch {
	case t.escaped:
		t.escaped = false
		if c == '"' {
			return t.divide()
		}
		if !strings.ContainsRune("0123456789", c) && c < utf8.RuneSelf && !isWordByte(byte(c)) {
			t.out.WriteByte('\\')
		}
		t.out.WriteRune(c)
	case t.escape != "" && strings.ContainsRune(t.escape, c):
		t.escaped = true
	case t.class:
		if c == '\\' {
			t.out.WriteByte('\\')
		}
		t.out.WriteRune(c)
		t.class = c != ']'
	case c == '[':
		t.out.WriteRune(c)
		t.class = true
	case c == '%':
		t.out.WriteString(".*")
		t.lazy()
	case c == '_':
		t.out.WriteByte('.')
	case c == '(':
		t.out.WriteString("(?:")
	case c == '\\' || c == '.' || c == '^' || c == '$':
		t.out.WriteByte('\\')
		t.out.WriteRune(c)
	default:
		t.out.WriteRune(c)
		if strings.ContainsRune("*+?}", c) {
			t.lazy()
		}
	}
	return nil
}

// lazy makes a repetition in the first of several parts take as little as it can.
func (t *similarPattern) lazy() {
	if t.divided && t.part == 0 {
		t.out.WriteByte('?')
	}
}

func (t *similarPattern) divide() error {
	t.part++
	switch t.part {
	case 1:
		t.out.WriteString(")(")
	case 2:
		t.out.WriteString(")(?:")
	default:
		return value.Errorf("2200C", "SQL regular expression may not contain more than two escape-double-quote separators")
	}
	return nil
}
