package copyrow

import (
	"encoding/binary"
	"strings"
)

// An Encoder writes COPY data. Make it with NewEncoder. It keeps nothing between calls.
type Encoder struct {
	o      Options
	escape [256]byte // text: the byte that stands behind the backslash for this one, 0 if none need to
}

// NewEncoder returns an encoder for data described by o, which must be valid.
func NewEncoder(o Options) *Encoder {
	e := &Encoder{o: o}
	for c, letter := range map[byte]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v', '\\': '\\'} {
		e.escape[c] = letter
	}
	if e.escape[o.Delimiter] == 0 {
		e.escape[o.Delimiter] = o.Delimiter
	}
	return e
}

// AppendHeader appends what stands before the rows: nothing, a line of column names, or the header of binary data.
func (e *Encoder) AppendHeader(dst []byte) []byte {
	if e.o.Format == Binary {
		return append(append(dst, signature...), make([]byte, 8)...)
	}
	if !e.o.Header {
		return dst
	}
	for i, name := range e.o.Columns {
		if i > 0 {
			dst = append(dst, e.o.Delimiter)
		}
		dst = e.appendField(dst, []byte(name), len(e.o.Columns) == 1, false)
	}
	return append(dst, '\n')
}

// AppendRow appends a row. A nil field is NULL.
func (e *Encoder) AppendRow(dst []byte, fields [][]byte) []byte {
	if e.o.Format == Binary {
		return appendTuple(dst, fields)
	}
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, e.o.Delimiter)
		}
		if f == nil {
			dst = append(dst, e.o.Null...)
		} else {
			dst = e.appendField(dst, f, len(fields) == 1, e.o.Force != nil && e.o.Force[i])
		}
	}
	return append(dst, '\n')
}

// AppendTrailer appends what stands behind the rows: nothing, or the trailer of binary data.
func (e *Encoder) AppendTrailer(dst []byte) []byte {
	if e.o.Format == Binary {
		return append(dst, 0xff, 0xff)
	}
	return dst
}

func appendTuple(dst []byte, fields [][]byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(fields)))
	for _, f := range fields {
		if f == nil {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(f)))
		dst = append(dst, f...)
	}
	return dst
}

// appendField appends a field of text or csv. only says that the row has no other, force that csv quotes it in any case.
func (e *Encoder) appendField(dst, f []byte, only, force bool) []byte {
	if e.o.Format == CSV {
		return e.appendCSV(dst, f, only, force)
	}
	for _, c := range f {
		if letter := e.escape[c]; letter != 0 {
			dst = append(dst, '\\', letter)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// appendCSV quotes a field that could be taken for something else: NULL, two fields, two lines, the end marker.
func (e *Encoder) appendCSV(dst, f []byte, only, force bool) []byte {
	delimiter, quote, escape := e.o.Delimiter, e.o.Quote, e.o.Escape
	needed := force || string(f) == e.o.Null || only && string(f) == `\.`
	for _, c := range f {
		needed = needed || c == delimiter || c == quote || c == '\n' || c == '\r'
	}
	if !needed {
		return append(dst, f...)
	}
	dst = append(dst, quote)
	for _, c := range f {
		if c == quote || c == escape {
			dst = append(dst, escape)
		}
		dst = append(dst, c)
	}
	return append(dst, quote)
}

// String names the format as COPY's FORMAT option does.
func (f Format) String() string {
	switch f {
	case Text:
		return "text"
	case CSV:
		return "csv"
	}
	return "binary"
}

// ParseFormat reads the value of COPY's FORMAT option.
func ParseFormat(name string) (f Format, ok bool) {
	for _, f := range []Format{Text, CSV, Binary} {
		if strings.EqualFold(name, f.String()) {
			return f, true
		}
	}
	return 0, false
}
