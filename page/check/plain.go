package check

import (
	"strconv"
	"strings"
)

// plain returns text that others chose as it may be shown: quoted, as the command line does, if it holds anything that does not print as
// itself, such as a line feed or what turns the direction of writing.
func plain(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// plains is plain for each of texts.
func plains(texts []string) (out []string) {
	for _, text := range texts {
		out = append(out, plain(text))
	}
	return out
}
