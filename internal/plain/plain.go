// Package plain makes text that others chose fit to be shown beside words of ours.
package plain

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns text as it is if it is UTF-8 that prints as itself, else quoted: a line feed, a control character, of which single bytes are
// some to old terminals, or what turns the direction of writing could pass for words of ours, and a character that nobody sees makes a name
// look like another one. These are escaped then; what prints stays readable.
func Text(text string) string {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) || unseen(r) }) {
		return quote(text)
	}
	return text
}

// quote is strconv.Quote, which escapes what does not print, and escapes what is unseen too.
func quote(text string) string {
	var b strings.Builder
	for _, r := range strconv.Quote(text) {
		if unseen(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unseen reports whether r leaves no trace of its own, though it counts as a letter, a mark or a symbol.
func unseen(r rune) bool {
	const emptyBraille = 0x2800
	return r == emptyBraille || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
