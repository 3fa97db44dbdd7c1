package value

import (
	"strconv"
	"strings"
)

// maxDims is the most dimensions an array has; maxElements the most elements.
const (
	maxDims     = 6
	maxElements = 1 << 27
)

// elementBytes returns about what a value of a type takes as an element of an array that is read.
func (t *Type) elementBytes() int {
	if t.Kind == Int64 || t.Kind == Float64 {
		return 16
	}
	return 48
}

func isVector(t *Type) bool { return t.OID == Int2VectorOID || t.OID == OIDVectorOID }

func appendArrayText(dst []byte, s *Settings, t *Type, a *Array) []byte {
	if isVector(t) {
		for i := range a.Elems.Len() {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = AppendText(dst, s, a.Elems, i)
		}
		return dst
	}
	if len(a.Dims) == 0 {
		return append(dst, "{}"...)
	}
	custom := false
	for _, l := range a.Lower {
		custom = custom || l != 1
	}
	if custom {
		for i, l := range a.Lower {
			dst = append(strconv.AppendInt(append(dst, '['), int64(l), 10), ':')
			dst = append(strconv.AppendInt(dst, int64(l)+int64(a.Dims[i])-1, 10), ']')
		}
		dst = append(dst, '=')
	}
	dst, _ = appendDim(dst, s, a, 0, 0)
	return dst
}

// appendDim writes one dimension from element next on and returns the element after it.
func appendDim(dst []byte, s *Settings, a *Array, dim, next int) ([]byte, int) {
	dst = append(dst, '{')
	for i := range int(a.Dims[dim]) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dim+1 < len(a.Dims) {
			dst, next = appendDim(dst, s, a, dim+1, next)
			continue
		}
		if a.Elems.IsNull(next) {
			dst = append(dst, "NULL"...)
		} else {
			dst = appendElement(dst, AppendText(nil, s, a.Elems, next))
		}
		next++
	}
	return append(dst, '}'), next
}

func appendElement(dst, text []byte) []byte {
	quote := len(text) == 0 || len(text) == 4 && strings.EqualFold(string(text), "null")
	for _, c := range text {
		quote = quote || c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || isSpace(c)
	}
	if !quote {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func badArray(text []byte, detail string) error {
	return &Error{Code: CodeBadText, Message: "malformed array literal: \"" + string(text) + "\"", Detail: detail}
}

// An arrayReader reads the text form of an array.
type arrayReader struct {
	s     *Settings
	elem  *Type
	text  []byte // all of it, for errors
	rest  []byte
	dims  []int32 // lengths; -1 while unknown
	elems *Vector
	room  int // bytes that were asked for
}

// Details of malformed array literals, in Postgres' words.
const (
	detailStart    = "Array value must start with \"{\" or dimension information."
	detailContents = "Array contents must start with \"{\"."
	detailEnd      = "Unexpected end of input."
	detailJunk     = "Junk after closing right brace."
	detailDims     = "Specified array dimensions do not match array contents."
	detailRagged   = "Multidimensional arrays must have sub-arrays with matching dimensions."
	detailElement  = "Unexpected array element."
)

func parseArray(s *Settings, t *Type, text []byte) (Datum, error) {
	elem := MustType(t.Elem)
	if isVector(t) {
		return parseVector(s, t, elem, text)
	}
	r := &arrayReader{s: s, elem: elem, text: text, rest: trimSpace(text), elems: NewVector(elem, 0)}
	lower, upper, err := r.bounds()
	if err != nil {
		return Datum{}, err
	}
	if len(r.rest) == 0 || r.rest[0] != '{' {
		if upper != nil {
			return Datum{}, badArray(text, detailContents)
		}
		return Datum{}, badArray(text, detailStart)
	}
	if err := r.readDim(0); err != nil {
		return Datum{}, err
	}
	if len(trimSpace(r.rest)) > 0 {
		return Datum{}, badArray(text, detailJunk)
	}
	a := &Array{Elems: r.elems}
	if r.elems.Len() > 0 {
		a.Dims, a.Lower = r.dims, make([]int32, len(r.dims))
		for i := range a.Lower {
			a.Lower[i] = 1
		}
	}
	if upper != nil {
		if len(upper) != len(a.Dims) {
			return Datum{}, badArray(text, detailDims)
		}
		for i := range upper {
			if upper[i]-lower[i]+1 != a.Dims[i] {
				return Datum{}, badArray(text, detailDims)
			}
		}
		a.Lower = lower
	}
	return Datum{Type: t, X: a}, nil
}

// bounds reads "[0:2][1:4]=".
func (r *arrayReader) bounds() (lower, upper []int32, err error) {
	if len(r.rest) == 0 || r.rest[0] != '[' {
		return nil, nil, nil
	}
	head, body, ok := strings.Cut(string(r.rest), "=")
	if !ok {
		return nil, nil, badArray(r.text, "Missing \"=\" after array dimensions.")
	}
	for head = strings.TrimSpace(head); head != ""; {
		end := strings.IndexByte(head, ']')
		if head[0] != '[' || end < 0 {
			return nil, nil, badArray(r.text, "Missing \"]\" after array dimensions.")
		}
		lo, hi, two := strings.Cut(head[1:end], ":")
		if !two {
			lo, hi = "1", lo
		}
		l, err1 := strconv.ParseInt(lo, 10, 32)
		h, err2 := strconv.ParseInt(hi, 10, 32)
		if err1 != nil || err2 != nil {
			return nil, nil, badArray(r.text, "\"[\" must introduce explicitly-specified array dimensions.")
		}
		if h < l {
			return nil, nil, Errorf(CodeSubscript, "upper bound cannot be less than lower bound")
		}
		if h-l >= maxElements {
			return nil, nil, Errorf(CodeProgramLimit, "array size exceeds the maximum allowed (%d)", maxElements)
		}
		lower, upper = append(lower, int32(l)), append(upper, int32(h))
		head = head[end+1:]
	}
	r.rest = trimSpace([]byte(body))
	return lower, upper, nil
}

func (r *arrayReader) skip() {
	for len(r.rest) > 0 && isSpace(r.rest[0]) {
		r.rest = r.rest[1:]
	}
}

// readDim reads "{…}" of dimension dim.
func (r *arrayReader) readDim(dim int) error {
	if dim == maxDims {
		return Errorf(CodeProgramLimit, "number of array dimensions (%d) exceeds the maximum allowed (%d)", dim+1, maxDims)
	}
	if dim == len(r.dims) {
		if r.elems.Len() > 0 {
			return badArray(r.text, detailElement)
		}
		r.dims = append(r.dims, -1)
	}
	r.rest = r.rest[1:]
	count := int32(0)
	for {
		r.skip()
		if len(r.rest) == 0 {
			return badArray(r.text, detailEnd)
		}
		if c := r.rest[0]; c == '}' {
			if count > 0 || dim > 0 {
				return badArray(r.text, "Unexpected \"}\" character.")
			}
			r.rest = r.rest[1:]
			return r.endDim(dim, 0)
		}
		if err := r.readItem(dim); err != nil {
			return err
		}
		count++
		r.skip()
		if len(r.rest) == 0 {
			return badArray(r.text, detailEnd)
		}
		c := r.rest[0]
		r.rest = r.rest[1:]
		switch c {
		case '}':
			return r.endDim(dim, count)
		case ',':
		default:
			return badArray(r.text, detailElement)
		}
	}
}

func (r *arrayReader) endDim(dim int, count int32) error {
	if r.dims[dim] < 0 {
		r.dims[dim] = count
	}
	if r.dims[dim] != count {
		return badArray(r.text, detailRagged)
	}
	return nil
}

func (r *arrayReader) readItem(dim int) error {
	if r.rest[0] == '{' {
		return r.readDim(dim + 1)
	}
	if dim+1 < len(r.dims) {
		return badArray(r.text, detailRagged)
	}
	text, quoted, err := r.readElement()
	if err != nil {
		return err
	}
	if need := r.elems.Len() * r.elem.elementBytes(); need > r.room {
		more := max(need/4, 2*unasked)
		r.room += more
		if err := r.s.Take(more); err != nil {
			return err
		}
	}
	if !quoted && strings.EqualFold(string(text), "null") {
		r.elems.Append(Null(r.elem))
		return nil
	}
	d, err := ParseText(r.s, r.elem, -1, text)
	if err != nil {
		return err
	}
	r.elems.Append(d)
	return nil
}

// readElement reads up to the comma or brace behind an element.
func (r *arrayReader) readElement() (text []byte, quoted bool, err error) {
	end := 0 // length of text without unquoted white space at its end
	escaped := false
	for len(r.rest) > 0 {
		c := r.rest[0]
		switch {
		case c == ',' || c == '}':
			if len(text) == 0 && !quoted {
				return nil, false, badArray(r.text, "Unexpected \""+string(rune(c))+"\" character.")
			}
			return text[:end], quoted || escaped, nil
		case c == '{':
			return nil, false, badArray(r.text, "Unexpected \"{\" character.")
		case c == '"':
			if quoted || len(text) > 0 {
				return nil, false, badArray(r.text, detailElement)
			}
			quoted, r.rest = true, r.rest[1:]
			if text, err = r.readQuoted(); err != nil {
				return nil, false, err
			}
			end = len(text)
			continue
		case c == '\\' && len(r.rest) > 1:
			r.rest = r.rest[1:]
			text = append(text, r.rest[0])
			end, escaped = len(text), true
		case quoted && !isSpace(c):
			return nil, false, badArray(r.text, detailElement)
		case quoted:
		default:
			text = append(text, c)
			if !isSpace(c) {
				end = len(text)
			}
		}
		r.rest = r.rest[1:]
	}
	return nil, false, badArray(r.text, detailEnd)
}

func (r *arrayReader) readQuoted() (text []byte, err error) {
	for len(r.rest) > 0 {
		c := r.rest[0]
		r.rest = r.rest[1:]
		if c == '"' {
			return text, nil
		}
		if c == '\\' && len(r.rest) > 0 {
			c, r.rest = r.rest[0], r.rest[1:]
		}
		text = append(text, c)
	}
	return nil, badArray(r.text, detailEnd)
}

// parseVector reads "1 2 3".
func parseVector(s *Settings, t, elem *Type, text []byte) (Datum, error) {
	a := &Array{Elems: NewVector(elem, 0)}
	for _, word := range strings.Fields(string(text)) {
		d, err := ParseText(s, elem, -1, []byte(word))
		if err != nil {
			return Datum{}, err
		}
		a.Elems.Append(d)
	}
	a.Dims, a.Lower = []int32{int32(a.Elems.Len())}, []int32{0}
	return Datum{Type: t, X: a}, nil
}
