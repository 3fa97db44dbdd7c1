package fn

import (
	"strings"
	"sync"

	"github.com/jurat-ledger/jurat/query/value"
)

const (
	// maxRegexps bounds the compiled expressions kept.
	maxRegexps = 256
	// maxKeptStates bounds their states: a state takes some 150 bytes.
	maxKeptStates = 1 << 18
)

// A regexpCache keeps compiled expressions; when full it starts anew.
type regexpCache struct {
	mu     sync.Mutex                 // covers all below
	m      map[string]*compiledRegexp // by flags and text
	states int
}

var regexps regexpCache

func (c *regexpCache) get(key string) (*compiledRegexp, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	re, ok := c.m[key]
	return re, ok
}

func (c *regexpCache) put(key string, re *compiledRegexp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.m[key]; ok {
		return
	}
	if c.m == nil || len(c.m) >= maxRegexps || c.states+re.weight > maxKeptStates {
		c.m, c.states = map[string]*compiledRegexp{}, 0
	}
	c.m[key] = re
	c.states += re.weight
}

func patternFunctions() []*Function {
	return []*Function{
		def("like(text,text) bool", map2[strs, strs, bools](like)),
		def("like_escape(text,text) text", map2[texts, texts, texts](likeEscape)),
		def("regexp_replace(text,text,text) text", rowwise(regexpReplace)),
		def("regexp_replace(text,text,text,text) text", rowwise(regexpReplace)),
		def("regexp_match(text,text) _text", rowwise(regexpMatch)),
		def("regexp_match(text,text,text) _text", rowwise(regexpMatch)),
		def("regexp_like(text,text) bool", map2[strs, strs, bools](func(env *Env, s, p []byte) (bool, error) { return matches(env, s, p, "") })),
		def("regexp_like(text,text,text) bool", map3[strs, strs, texts, bools](func(env *Env, s, p []byte, f string) (bool, error) {
			return matches(env, s, p, f)
		})),
		def("regexp_split_to_array(text,text) _text", rowwise(regexpSplit)),
		def("regexp_split_to_array(text,text,text) _text", rowwise(regexpSplit)),
		def("substring(text,text) text", rowwise(regexpSubstring)),
	}
}

// likeEscape rewrites a pattern with another escape character into one with a backslash.
func likeEscape(_ *Env, pattern, escape string) (string, error) {
	r := []rune(escape)
	if len(r) > 1 {
		return "", &value.Error{
			Code: value.CodeBadEscape, Message: "invalid escape string", Hint: "Escape string must be empty or one character.",
		}
	}
	if escape == `\` {
		return pattern, nil
	}
	var out strings.Builder
	escaped := false
	for _, c := range pattern {
		switch {
		case len(r) == 1 && c == r[0] && !escaped:
			out.WriteByte('\\')
			escaped = true
			continue
		case c == '\\' && !escaped:
			out.WriteString(`\\`)
		default:
			out.WriteRune(c)
		}
		escaped = false
	}
	return out.String(), nil
}

func flagsOf(args []value.Datum, at int) string {
	if len(args) > at {
		return string(args[at].B)
	}
	return ""
}

func regexpReplace(env *Env, args []value.Datum) (value.Datum, error) {
	flags := flagsOf(args, 3)
	re, err := compile(string(args[1].B), flags, len(args[0].B))
	if err != nil {
		return value.Datum{}, err
	}
	s, with := args[0].B, string(args[2].B)
	limit := 1
	if strings.Contains(flags, "g") {
		limit = -1
	}
	list, err := re.all(env, s, 0, limit)
	if err != nil {
		return value.Datum{}, err
	}
	return replaceAll(env, s, with, list)
}

// replaceAll puts a replacement in the place of matches.
func replaceAll(env *Env, s []byte, with string, matches [][]int) (value.Datum, error) {
	var out []byte
	var err error
	var room room
	at := 0
	for _, m := range matches {
		out = append(out, s[at:m[0]]...)
		if out, err = expand(env, &room, out, with, s, m); err != nil {
			return value.Datum{}, err
		}
		at = m[1]
	}
	return value.NewBytes(value.Text, append(out, s[at:]...)), nil
}

// expand appends a replacement, in which \1 to \9 and \& stand for parts of the match. The errors are those of room.reach, for the string
// so far.
func expand(env *Env, room *room, dst []byte, with string, s []byte, m []int) ([]byte, error) {
	for i := 0; i < len(with); i++ {
		c := with[i]
		if c != '\\' || i+1 == len(with) {
			dst = append(dst, c)
			continue
		}
		i++
		group := -1
		switch n := with[i]; {
		case n == '&':
			group = 0
		case n >= '1' && n <= '9':
			group = int(n - '0')
		case n == '\\':
			dst = append(dst, '\\')
			continue
		default:
			dst = append(dst, '\\', n)
			continue
		}
		if 2*group < len(m) && m[2*group] >= 0 {
			part := s[m[2*group]:m[2*group+1]]
			if err := room.reach(env, len(dst)+len(part)); err != nil {
				return nil, err
			}
			dst = append(dst, part...)
		}
	}
	return dst, room.reach(env, len(dst))
}

func regexpMatch(env *Env, args []value.Datum) (value.Datum, error) {
	flags := flagsOf(args, 2)
	if strings.Contains(flags, "g") {
		return value.Datum{}, &value.Error{
			Code: value.CodeInvalidParameter, Message: "regexp_match() does not support the \"global\" option",
			Hint: "Use the regexp_matches function instead.",
		}
	}
	re, err := compile(string(args[1].B), flags, len(args[0].B))
	if err != nil {
		return value.Datum{}, err
	}
	m, err := re.find(env, args[0].B, 0)
	if err != nil {
		return value.Datum{}, err
	}
	if m == nil {
		return value.Datum{}, errNull
	}
	return groups(args[0].B, m), nil
}

// groups returns the parts of s in the parentheses of a match, or all of the match if there are none.
func groups(s []byte, m []int) value.Datum {
	if len(m) > 2 {
		m = m[2:]
	}
	elems := value.NewVector(value.Text, len(m)/2)
	for i := range elems.Bytes {
		if m[2*i] < 0 {
			elems.SetNull(i)
		} else {
			elems.Bytes[i] = s[m[2*i]:m[2*i+1]:m[2*i+1]]
		}
	}
	return value.ArrayOf(elems)
}

func regexpSplit(env *Env, args []value.Datum) (value.Datum, error) {
	re, err := compile(string(args[1].B), flagsOf(args, 2), len(args[0].B))
	if err != nil {
		return value.Datum{}, err
	}
	parts, err := re.split(env, args[0].B)
	if err != nil {
		return value.Datum{}, err
	}
	elems := value.NewVector(value.Text, len(parts))
	copy(elems.Bytes, parts)
	return value.ArrayOf(elems), nil
}

func regexpSubstring(env *Env, args []value.Datum) (value.Datum, error) {
	re, err := compile(string(args[1].B), "", len(args[0].B))
	if err != nil {
		return value.Datum{}, err
	}
	m, err := re.find(env, args[0].B, 0)
	if err != nil {
		return value.Datum{}, err
	}
	if len(m) > 2 {
		m = m[2:]
	}
	if m == nil || m[0] < 0 {
		return value.Datum{}, errNull
	}
	return value.NewBytes(value.Text, args[0].B[m[0]:m[1]:m[1]]), nil
}
