// Package printable checks names and other short texts that people read beside a proof.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Check returns an error, which calls the text what it is, unless it has 1 to most bytes of UTF-8, all of it printable.
func Check(what, text string, most int) error {
	return check(what, text, most, unicode.IsPrint)
}

// CheckSpaced is Check of a name that may hold spaces other than ' ', such as U+00A0: ledgers that are in use bear such ones.
func CheckSpaced(what, text string, most int) error {
	return check(what, text, most, func(r rune) bool { return unicode.IsPrint(r) || unicode.Is(unicode.Zs, r) })
}

func check(what, text string, most int, allowed func(rune) bool) error {
	switch {
	case text == "" || len(text) > most:
		return fmt.Errorf("%s %.300q: want 1 to %d bytes, not %d", what, text, most, len(text))
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !allowed(r) }):
		return fmt.Errorf("%s %.300q: want printable characters", what, text)
	}
	return nil
}
