package fn

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

// like reports whether s matches a LIKE pattern. It goes back at most to the last percent sign, so that no pattern takes
// more than len(s) * len(pattern) steps. The errors are 22025 and 57014.
func like(env *Env, s, pattern []byte) (bool, error) {
	si, pi := 0, 0
	backS, backP := -1, -1
	for steps := 1; ; steps++ {
		if steps&0xffff == 0 {
			if err := env.Check(); err != nil {
				return false, err
			}
		}
		if pi == len(pattern) && si == len(s) {
			return true, nil
		}
		if pi < len(pattern) {
			switch c := pattern[pi]; {
			case c == '%':
				pi++
				backS, backP = si, pi
				continue
			case c == '_' && si < len(s):
				_, n := utf8.DecodeRune(s[si:])
				si, pi = si+n, pi+1
				continue
			case c == '\\' && pi+1 == len(pattern) && si < len(s):
				return false, value.Errorf(value.CodeBadEscape, "LIKE pattern must not end with escape character")
			case c == '\\' && si < len(s) && pattern[pi+1] == s[si]:
				si, pi = si+1, pi+2
				continue
			case c != '\\' && c != '_' && si < len(s) && c == s[si]:
				si, pi = si+1, pi+1
				continue
			}
		}
		if backP < 0 || backS >= len(s) {
			return false, nil
		}
		_, n := utf8.DecodeRune(s[backS:])
		backS += n
		si, pi = backS, backP
	}
}

func patternOperators() []*Function {
	var out []*Function
	add := func(left, right string, name string, match func(env *Env, s, p []byte) (bool, error)) {
		for _, not := range []bool{false, true} {
			op := name
			if not {
				op = "!" + name
			}
			out = append(out, def(op+"("+left+","+right+") bool", map2[strs, strs, bools](func(env *Env, s, p []byte) (bool, error) {
				ok, err := match(env, s, p)
				return ok != not, err
			})))
		}
	}
	for _, t := range []string{"text", "name", "bpchar"} {
		add(t, "text", "~~", like)
		add(t, "text", "~~*", func(env *Env, s, p []byte) (bool, error) { return like(env, bytes.ToLower(s), bytes.ToLower(p)) })
		add(t, "text", "~", func(env *Env, s, p []byte) (bool, error) { return matches(env, s, p, "") })
		add(t, "text", "~*", func(env *Env, s, p []byte) (bool, error) { return matches(env, s, p, "i") })
	}
	add("bytea", "bytea", "~~", like)
	return out
}

func matches(env *Env, s, pattern []byte, flags string) (bool, error) {
	re, err := compile(string(pattern), flags, len(s))
	if err != nil {
		return false, err
	}
	return re.match(env, s)
}

// compile makes a regular expression of one of Postgres' advanced ones, with its flags. What Go's linear-time engine
// does not have (back references, look-around) is refused: 0A000. The other errors are 2201B and 22023, and 54000 for an
// expression that could keep a processor for long with a text of so many bytes.
func compile(pattern, flags string, text int) (*compiledRegexp, error) {
	key := flags + "\x00" + pattern
	re, ok := regexps.get(key)
	if !ok {
		var err error
		if re, err = compileNew(pattern, flags); err != nil {
			return nil, err
		}
		regexps.put(key, re)
	}
	if text > maxRegexpSteps/re.weight {
		return nil, value.Errorf(value.CodeProgramLimit, "regular expression is too complex for a text of %d bytes", text)
	}
	return re, nil
}

func compileNew(pattern, flags string) (*compiledRegexp, error) {
	if _, err := regexpMode(flags); err != nil {
		return nil, err
	}
	pattern, more := embeddedOptions(pattern)
	flags += more
	mode, err := regexpMode(flags)
	if err != nil || strings.Contains(more, "g") {
		return nil, value.Errorf(value.CodeBadRegexp, "invalid regular expression: invalid embedded option")
	}
	if strings.Contains(flags, "q") {
		return newCompiledRegexp(mode + regexp.QuoteMeta(pattern))
	}
	if strings.Contains(flags, "x") {
		pattern = withoutSpaces(pattern)
	}
	translated, err := translateRegexp(pattern, !strings.Contains(mode, "s"))
	if err != nil {
		return nil, err
	}
	return newCompiledRegexp(mode + translated)
}

// embeddedOptions takes what an expression says of itself at its beginning off it: ***: and ***=, which stands for option q, or
// options in (?).
func embeddedOptions(pattern string) (rest, options string) {
	if rest, ok := strings.CutPrefix(pattern, "***="); ok {
		return rest, "q"
	}
	rest = strings.TrimPrefix(pattern, "***:")
	if inside, ok := strings.CutPrefix(rest, "(?"); ok {
		n := strings.IndexFunc(inside, func(c rune) bool { return c < 'a' || c > 'z' })
		if n > 0 && inside[n] == ')' {
			return inside[n+1:], inside[:n]
		}
	}
	return rest, ""
}

// withoutSpaces takes white space and comments off an expression of the expanded syntax.
func withoutSpaces(pattern string) string {
	var out strings.Builder
	for p := pattern; p != ""; {
		n := 1
		switch {
		case p[0] == '\\' && len(p) > 1:
			n = 2
		case p[0] == '[':
			n = classLength(p)
		case strings.HasPrefix(p, "(?#"):
			n = strings.IndexByte(p+")", ')') + 1
		case p[0] == '#':
			p = p[min(strings.IndexByte(p+"\n", '\n')+1, len(p)):]
			continue
		case strings.IndexByte(" \t\n\r\f\v", p[0]) >= 0:
			p = p[1:]
			continue
		}
		n = min(n, len(p))
		out.WriteString(p[:n])
		p = p[n:]
	}
	return out.String()
}

// classLength returns how long the class in brackets is that p begins with.
func classLength(p string) int {
	i := 1
	if strings.HasPrefix(p[i:], "^") {
		i++
	}
	if strings.HasPrefix(p[i:], "]") {
		i++
	}
	for ; i < len(p) && p[i] != ']'; i++ {
		if p[i] == '\\' {
			i++
		} else if strings.HasPrefix(p[i:], "[:") {
			i += strings.Index(p[i:]+":]", ":]") + 1
		}
	}
	return i + 1
}

func regexpMode(flags string) (string, error) {
	multi, fold, plain := "s", "", ' '
	for _, c := range flags {
		switch c {
		case 'i':
			fold = "i"
		case 'c':
			fold = ""
		case 'n', 'm':
			multi = "m"
		case 'p':
			multi = ""
		case 'w':
			multi = "sm"
		case 's':
			multi = "s"
		case 'b', 'e':
			plain = c
		case 'g', 'q', 't', 'x':
		default:
			return "", value.Errorf(value.CodeInvalidParameter, "invalid regular expression option: \"%c\"", c)
		}
	}
	if plain != ' ' {
		return "", value.Errorf(value.CodeUnsupported, "regular expressions of option \"%c\" are not supported: write an advanced one", plain)
	}
	if multi+fold == "" {
		return "", nil
	}
	return "(?" + multi + fold + ")", nil
}

// regexpFault says what is wrong in Postgres' words.
func regexpFault(err error) string {
	text := err.Error()
	for _, f := range [][2]string{
		{"missing closing ]", "brackets [] not balanced"}, {"missing closing )", "parentheses () not balanced"},
		{"unexpected )", "parentheses () not balanced"}, {"missing argument to repetition", "quantifier operand invalid"},
		{"invalid nested repetition", "quantifier operand invalid"}, {"invalid repeat count", "invalid repetition count(s)"},
		{"invalid character class range", "invalid character range"}, {"invalid escape", "invalid escape \\ sequence"},
		{"trailing backslash", "invalid escape \\ sequence"},
	} {
		if strings.Contains(text, f[0]) {
			return f[1]
		}
	}
	return strings.TrimPrefix(text, "error parsing regexp: ")
}

// Letters and digits of all scripts, in a class.
const (
	letters = `\pL`
	digits  = `\p{Nd}`
	spaces  = `\s\v\x{85}\x{1680}\x{2000}-\x{2006}\x{2008}-\x{200a}\x{2028}\x{2029}\x{205f}\x{3000}`
)

// classes are the classes of characters that package regexp has for ASCII alone.
var classes = map[string]string{
	"[:space:]": spaces, "[:alpha:]": letters, "[:alnum:]": letters + digits, "[:word:]": letters + digits + "_", "[:lower:]": `\p{Ll}`, "[:upper:]": `\p{Lu}`,
	"[:punct:]": `[:punct:]\pP\pS`,
}

// translateRegexp rewrites what Postgres spells otherwise than Go; lines says that no complement of a class has the newline.
func translateRegexp(p string, lines bool) (string, error) {
	var out strings.Builder
	inClass := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			s, n, err := translateEscape(p, i+1, inClass)
			if err != nil {
				return "", err
			}
			out.WriteString(s)
			i += n
			continue
		case inClass && c == '[' && i+1 < len(p) && strings.IndexByte(":.=", p[i+1]) >= 0:
			end := strings.Index(p[i+2:], string(p[i+1])+"]")
			if end < 0 {
				return "", value.Errorf(value.CodeBadRegexp, "invalid regular expression: brackets [] not balanced")
			}
			if p[i+1] != ':' {
				return "", value.Errorf(value.CodeUnsupported, "[%c in brackets of regular expressions is not supported", p[i+1])
			}
			class := p[i : i+2+end+2]
			if all, ok := classes[class]; ok {
				class = all
			}
			out.WriteString(class)
			i += 2 + end + 1
			continue
		case inClass && c == '[':
			out.WriteString(`\[`)
			continue
		case c == '[' && !inClass:
			inClass = true
			out.WriteByte(c)
			if i+1 < len(p) && p[i+1] == '^' {
				i++
				out.WriteByte('^')
				if lines {
					out.WriteString(`\n`)
				}
				if i+1 < len(p) && p[i+1] == '-' {
					i++
					out.WriteString(`\-`)
				}
			}
			if i+1 < len(p) && p[i+1] == ']' {
				i++
				out.WriteString(`\]`)
			}
			continue
		case c == ']':
			inClass = false
		case c == '(' && !inClass && strings.HasPrefix(p[i:], "(?#"):
			i += strings.IndexByte(p[i:]+")", ')')
			continue
		case c == '(' && !inClass && strings.HasPrefix(p[i:], "(?") && i+2 < len(p) && strings.IndexByte("=!<", p[i+2]) >= 0:
			return "", value.Errorf(value.CodeUnsupported, "look-around in regular expressions is not supported")
		}
		out.WriteByte(c)
	}
	return out.String(), nil
}

// translateEscape rewrites the escape whose backslash stands before byte i of an expression; n is how many bytes it has behind that.
func translateEscape(p string, i int, inClass bool) (s string, n int, err error) {
	c := p[i]
	switch {
	case c == 'u' || c == 'U' || c == 'x':
		return translateHex(p, i)
	case c >= '1' && c <= '9' && !inClass:
		return "", 0, value.Errorf(value.CodeUnsupported, "back references in regular expressions are not supported")
	case (c == 'm' || c == 'M') && !beside(p, i, c == 'M'):
		return "", 0, value.Errorf(value.CodeUnsupported, "\\%c in regular expressions is not supported beside what may be no letter or digit: write \\y", c)
	case strings.IndexByte("WSD", c) >= 0 && inClass:
		return "", 0, value.Errorf(value.CodeUnsupported, "\\%c in brackets is not supported", c)
	case c == 's' && inClass, c == 'w' && inClass, c == 'd' && inClass:
		return escapes[c], 1, nil
	case c == 's' || c == 'w' || c == 'd':
		return "[" + escapes[c] + "]", 1, nil
	case c == 'S' || c == 'W' || c == 'D':
		return "[^" + escapes[c+'a'-'A'] + "]", 1, nil
	case escapes[c] != "":
		return escapes[c], 1, nil
	case c < 0x80 && !unicode.IsLetter(rune(c)) && !unicode.IsDigit(rune(c)) && c != '_':
		return `\` + string(c), 1, nil
	case c >= 0x80:
		return string([]byte{c}), 1, nil
	}
	return "", 0, value.Errorf(value.CodeBadRegexp, "invalid regular expression: invalid escape \\ sequence")
}

// escapes are Go's for those of Postgres, of \s, \w and \d what stands in brackets.
var escapes = map[byte]string{
	's': spaces, 'w': letters + digits + "_", 'd': "0-9", 'm': `\b`, 'M': `\b`, 'y': `\b`, 'Y': `\B`, 'A': `\A`, 'Z': `\z`, 'b': `\x08`, 'B': `\\`,
	'e': `\x1b`, 'a': `\x07`, 't': `\t`, 'n': `\n`, 'r': `\r`, 'f': `\f`, 'v': `\v`, '0': `\x00`,
}

// translateHex rewrites an escape of a character by its number: u and four digits, U and eight, x and any.
func translateHex(p string, i int) (s string, n int, err error) {
	for n = 1; i+n < len(p) && strings.IndexByte("0123456789abcdefABCDEF", p[i+n]) >= 0; n++ {
	}
	want := map[byte]int{'u': 4, 'U': 8}[p[i]]
	if want > 0 {
		n = min(n, 1+want)
	}
	if n == 1 || want > 0 && n < 1+want {
		return "", 0, value.Errorf(value.CodeBadRegexp, "invalid regular expression: invalid escape \\ sequence")
	}
	return `\x{` + p[i+1:i+n] + "}", n, nil
}

// beside reports whether what stands behind the escape at byte i of an expression, or before it, is a character of a word for sure.
func beside(p string, i int, before bool) bool {
	if !before {
		return beginsWord(p[i+1:])
	}
	p = strings.TrimSuffix(p[:i-1], "+")
	last, n := utf8.DecodeLastRuneInString(p)
	escaped := strings.HasSuffix(p[:len(p)-n], `\`)
	return n > 0 && (!escaped && inWord(last) || escaped && last == 'w')
}

// beginsWord reports whether what an expression matches begins with a character of a word for sure: its first part is one, or a group all
// of whose branches begin so, and may not be left out.
func beginsWord(p string) bool {
	must := func(rest string) bool { return rest == "" || strings.IndexByte("*?{", rest[0]) < 0 }
	rest, group := strings.CutPrefix(p, "(")
	if !group {
		if rest, ok := strings.CutPrefix(p, `\w`); ok {
			return must(rest)
		}
		r, n := utf8.DecodeRuneInString(p)
		return n > 0 && inWord(r) && must(p[n:])
	}
	rest = strings.TrimPrefix(rest, "?:")
	if !beginsWord(rest) {
		return false
	}
	depth := 0
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '[':
			i += classLength(rest[i:]) - 1
		case '(':
			depth++
		case '|':
			if depth == 0 && !beginsWord(rest[i+1:]) {
				return false
			}
		case ')':
			if depth == 0 {
				return must(rest[i+1:])
			}
			depth--
		}
	}
	return false
}
