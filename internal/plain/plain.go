// Package plain makes text that others chose fit to be shown beside words of ours.
package plain

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text returns text as it is if it is UTF-8 that prints as itself, else quoted: a line feed, a control character, of which single bytes are
// some to old terminals, or what turns the direction of writing could pass for words of ours.
func Text(text string) string {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
