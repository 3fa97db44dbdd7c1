package value

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth bounds the recursion over JSON texts.
const maxJSONDepth = 1000

const (
	// maxJSONValues bounds the values of a JSON text that is read.
	maxJSONValues = 1 << 20
	// jsonValueBytes is about what each takes while it is.
	jsonValueBytes = 150
	// jsonStep is how many values are read between two looks at the budget.
	jsonStep = 1024
)

// A JSONKind says what a JSONNode is, in the order in which jsonb values compare.
type JSONKind uint8

// The kinds of JSON values.
const (
	JSONNull JSONKind = iota
	JSONString
	JSONNumber
	JSONBool
	JSONArray
	JSONObject
)

// A JSONNode is a JSON value.
type JSONNode struct {
	Kind   JSONKind
	Text   string      // of a string, decoded; of a number, as written; "true" or "false"
	Keys   []string    // of an object, in order of Items
	Items  []*JSONNode // elements of an array, values of an object
	Raw    []byte      // the text it was read from, without white space around
	number Numeric     // of a normal number
}

// ParseJSON reads a JSON text. normal brings it to the form of jsonb: numbers as numeric, keys in order, of equal keys
// only the last; the zero character is refused. The errors are 22P02 and 22P05, with detail, 54001 for a text that is too deep, and 54000
// for one of more than maxJSONValues values, and that of the budget of s, which may be nil.
func ParseJSON(s *Settings, text []byte, normal bool) (*JSONNode, error) {
	p := &jsonParser{settings: s, text: text, normal: normal}
	return p.parse()
}

// checkJSON returns the error of a text that is no JSON.
func checkJSON(s *Settings, text []byte) error {
	p := &jsonParser{settings: s, text: text}
	defer p.free()
	_, err := p.parse()
	return err
}

// normalJSON returns a JSON text as jsonb shows it.
func normalJSON(s *Settings, text []byte) ([]byte, error) {
	p := &jsonParser{settings: s, text: text, normal: true}
	defer p.free()
	n, err := p.parse()
	if err != nil {
		return nil, err
	}
	return n.Append(make([]byte, 0, len(text))), nil
}

func (p *jsonParser) parse() (*JSONNode, error) {
	n, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) {
		return nil, p.unexpected("end of input")
	}
	return n, nil
}

type jsonParser struct {
	settings *Settings
	text     []byte
	at       int
	normal   bool
	values   int // read so far
	taken    int // of the budget, in bytes
}

// free gives back what was taken for values that nobody uses any more.
func (p *jsonParser) free() {
	if p.taken > 0 && p.settings != nil && p.settings.Budget != nil {
		_ = p.settings.Budget.Take(-p.taken) // taking less cannot fail
	}
}

func badJSON(detail string) error {
	return &Error{Code: CodeBadText, Message: "invalid input syntax for type json", Detail: detail}
}

func (p *jsonParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r", p.text[p.at]) >= 0 {
		p.at++
	}
}

// unexpected is the error about the token that stands where want should.
func (p *jsonParser) unexpected(want string) error {
	if p.at >= len(p.text) {
		return badJSON("The input string ended unexpectedly.")
	}
	token, valid := p.token()
	if !valid {
		return badJSON("Token \"" + token + "\" is invalid.")
	}
	return badJSON("Expected " + want + ", but found \"" + token + "\".")
}

// token returns the text of the next token for an error, and whether it is one.
func (p *jsonParser) token() (text string, valid bool) {
	c := p.text[p.at]
	if strings.IndexByte("{}[],:", c) >= 0 {
		return string(c), true
	}
	start := p.at
	if c == '"' {
		if _, err := p.str(); err != nil {
			return string(p.text[start:]), true
		}
		return string(p.text[start:p.at]), true
	}
	end := start
	for end < len(p.text) && inJSONWord(p.text[end]) {
		end++
	}
	if end == start {
		return string(c), false
	}
	word := string(p.text[start:end])
	return word, word == "true" || word == "false" || word == "null" || isJSONNumber(word)
}

func inJSONWord(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '_' || c >= 0x80 || c == '.' || c == '+' || c == '-'
}

func isJSONNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	n := span(s, isDigit)
	if n == 0 || n > 1 && s[0] == '0' {
		return false
	}
	s = s[n:]
	if rest, ok := strings.CutPrefix(s, "."); ok {
		if n = span(rest, isDigit); n == 0 {
			return false
		}
		s = rest[n:]
	}
	if s != "" && s[0]|0x20 == 'e' {
		if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if n = span(s, isDigit); n == 0 {
			return false
		}
		s = s[n:]
	}
	return s == ""
}

func (p *jsonParser) value(depth int) (*JSONNode, error) {
	if depth > maxJSONDepth {
		return nil, Errorf("54001", "stack depth limit exceeded")
	}
	if p.values++; p.values > maxJSONValues {
		return nil, Errorf(CodeProgramLimit, "JSON text is too large: it has more than %d values", maxJSONValues)
	}
	if p.values%jsonStep == 0 {
		p.taken += jsonStep * jsonValueBytes
		if err := p.settings.Take(jsonStep * jsonValueBytes); err != nil {
			return nil, err
		}
	}
	p.space()
	start := p.at
	n := &JSONNode{}
	var err error
	switch {
	case p.at == len(p.text):
		err = p.unexpected("")
	case p.text[p.at] == '{':
		err = p.object(n, depth)
	case p.text[p.at] == '[':
		err = p.array(n, depth)
	case p.text[p.at] == '"':
		n.Kind = JSONString
		n.Text, err = p.str()
	default:
		err = p.scalar(n)
	}
	n.Raw = p.text[start:p.at]
	return n, err
}

func (p *jsonParser) scalar(n *JSONNode) error {
	word, valid := p.token()
	switch {
	case !valid || strings.IndexByte("}],:", word[0]) >= 0:
		return p.unexpected("JSON value")
	case word == "null":
	case word == "true" || word == "false":
		n.Kind, n.Text = JSONBool, word
	default:
		n.Kind, n.Text = JSONNumber, word
		if p.normal {
			number, err := ParseNumeric(word)
			if err != nil {
				return err
			}
			n.number, n.Text = number, number.String()
		}
	}
	p.at += len(word)
	return nil
}

func (p *jsonParser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *jsonParser) array(n *JSONNode, depth int) error {
	n.Kind = JSONArray
	p.at++
	if p.next() == ']' {
		p.at++
		return nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			return nil
		default:
			return p.unexpected("\",\" or \"]\"")
		}
	}
}

func (p *jsonParser) object(n *JSONNode, depth int) error {
	n.Kind = JSONObject
	p.at++
	if p.next() == '}' {
		p.at++
		return nil
	}
	for {
		if p.next() != '"' {
			if len(n.Items) == 0 {
				return p.unexpected("string or \"}\"")
			}
			return p.unexpected("string")
		}
		key, err := p.str()
		if err != nil {
			return err
		}
		if p.next() != ':' {
			return p.unexpected("\":\"")
		}
		p.at++
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.Keys, n.Items = append(n.Keys, key), append(n.Items, item)
		switch p.next() {
		case ',':
			p.at++
		case '}':
			p.at++
			if p.normal {
				n.sortKeys()
			}
			return nil
		default:
			return p.unexpected("\",\" or \"}\"")
		}
	}
}

// compareKeys orders object keys as jsonb does: by length, then by bytes.
func compareKeys(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// sortKeys orders the keys and keeps the last value of each.
func (n *JSONNode) sortKeys() {
	order := make([]int, len(n.Keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareKeys(n.Keys[a], n.Keys[b]) })
	keys, items := make([]string, 0, len(order)), make([]*JSONNode, 0, len(order))
	for _, i := range order {
		if k := len(keys); k > 0 && keys[k-1] == n.Keys[i] {
			items[k-1] = n.Items[i]
			continue
		}
		keys, items = append(keys, n.Keys[i]), append(items, n.Items[i])
	}
	n.Keys, n.Items = keys, items
}

// str reads a string in quotes.
func (p *jsonParser) str() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.text) && p.text[p.at] != '"' && p.text[p.at] != '\\' && p.text[p.at] >= ' ' {
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] == '"' {
		p.at++
		return string(p.text[start : p.at-1]), nil
	}
	out := append([]byte{}, p.text[start:p.at]...)
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			return "", badJSON("Character with value 0x" + hexByte(c) + " must be escaped.")
		case c != '\\':
			out = append(out, c)
		default:
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
		}
	}
	return "", badJSON("Token \"" + string(p.text[start-1:]) + "\" is invalid.")
}

func hexByte(c byte) string { return strconv.FormatUint(uint64(c)|0x100, 16)[1:] }

func (p *jsonParser) escape(out []byte) ([]byte, error) {
	if p.at == len(p.text) {
		return nil, badJSON("The input string ended unexpectedly.")
	}
	c := p.text[p.at]
	p.at++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		return p.unicode(out)
	}
	_, n := utf8.DecodeRune(p.text[p.at-1:])
	return nil, badJSON("Escape sequence \"\\" + string(p.text[p.at-1:p.at-1+n]) + "\" is invalid.")
}

func (p *jsonParser) hex4() (rune, bool) {
	if len(p.text)-p.at < 4 {
		return 0, false
	}
	r := rune(0)
	for _, c := range p.text[p.at : p.at+4] {
		d, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	p.at += 4
	return r, true
}

func (p *jsonParser) unicode(out []byte) ([]byte, error) {
	r, ok := p.hex4()
	switch {
	case !ok:
		return nil, badJSON("\"\\u\" must be followed by four hexadecimal digits.")
	case r == 0 && p.normal:
		return nil, &Error{
			Code: CodeUntranslatable, Message: "unsupported Unicode escape sequence", Detail: "\\u0000 cannot be converted to text.",
		}
	case !utf16.IsSurrogate(r):
		return utf8.AppendRune(out, r), nil
	case !p.normal && (r >= 0xdc00 || !strings.HasPrefix(string(p.text[p.at:min(len(p.text), p.at+2)]), "\\u")):
		return utf8.AppendRune(out, utf8.RuneError), nil // json keeps the text and looks no closer
	case r >= 0xdc00 || p.at+2 > len(p.text) || string(p.text[p.at:p.at+2]) != "\\u":
		return nil, badJSON("Unicode low surrogate must follow a high surrogate.")
	}
	p.at += 2
	low, ok := p.hex4()
	if !ok {
		return nil, badJSON("\"\\u\" must be followed by four hexadecimal digits.")
	}
	full := utf16.DecodeRune(r, low)
	if full == utf8.RuneError && p.normal {
		return nil, badJSON("Unicode low surrogate must follow a high surrogate.")
	}
	return utf8.AppendRune(out, full), nil
}

// Append appends the text of n as jsonb shows it.
func (n *JSONNode) Append(dst []byte) []byte {
	switch n.Kind {
	case JSONNull:
		return append(dst, "null"...)
	case JSONString:
		return AppendJSONString(dst, n.Text)
	case JSONNumber, JSONBool:
		return append(dst, n.Text...)
	case JSONArray:
		dst = append(dst, '[')
		for i, item := range n.Items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = item.Append(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i, item := range n.Items {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(AppendJSONString(dst, n.Keys[i]), ": "...)
		dst = item.Append(dst)
	}
	return append(dst, '}')
}

// AppendJSONString appends s in quotes.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	plain := 0
	for plain < len(s) && s[plain] >= ' ' && s[plain] != '"' && s[plain] != '\\' {
		plain++
	}
	dst = append(dst, s[:plain]...)
	for i := plain; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if c < ' ' {
				dst = append(append(dst, "\\u00"...), hexByte(c)...)
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

// Number returns the value of a number of a normal text.
func (n *JSONNode) Number() Numeric { return n.number }

// Get returns the value of a key of a normal object, nil if there is none.
func (n *JSONNode) Get(key string) *JSONNode {
	i, ok := slices.BinarySearchFunc(n.Keys, key, compareKeys)
	if n.Kind != JSONObject || !ok {
		return nil
	}
	return n.Items[i]
}

// CompareJSON orders normal values as jsonb does: an empty array comes before what is no container, unless it is part of
// another value.
func CompareJSON(a, b *JSONNode) int {
	switch {
	case a.Kind == JSONArray && len(a.Items) == 0 && b.Kind < JSONArray:
		return -1
	case b.Kind == JSONArray && len(b.Items) == 0 && a.Kind < JSONArray:
		return 1
	}
	return compareJSON(a, b)
}

func compareJSON(a, b *JSONNode) int {
	if a.Kind != b.Kind {
		return cmp.Compare(a.Kind, b.Kind)
	}
	switch a.Kind {
	case JSONString, JSONBool:
		return cmp.Compare(a.Text, b.Text)
	case JSONNumber:
		return a.number.Cmp(b.number)
	}
	if c := cmp.Compare(len(a.Items), len(b.Items)); c != 0 {
		return c
	}
	for i := range a.Items {
		if a.Kind == JSONObject {
			if c := cmp.Compare(a.Keys[i], b.Keys[i]); c != 0 {
				return c
			}
		}
		if c := compareJSON(a.Items[i], b.Items[i]); c != 0 {
			return c
		}
	}
	return 0
}
