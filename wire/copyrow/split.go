package copyrow

import (
	"bytes"

	"github.com/jurat-ledger/jurat/wire/copyrow/internal/hexrows"
)

// splitText splits a line of text into d.fields. A field without escapes is a part of the line.
func (d *Decoder) splitText(line []byte) error {
	delimiter := d.o.Delimiter
	for at := 0; ; {
		start, escapes := at, false
		end := fieldEnd(line, at, delimiter)
		for {
			i := bytes.IndexByte(line[at:end], '\\')
			if i < 0 {
				break
			}
			escapes = true
			if at += i + 2; at > end { // the delimiter, or the end of the line, stands behind a backslash
				at = min(at, len(line))
				end = fieldEnd(line, at, delimiter)
			}
		}
		at = end
		field := line[start:at:at]
		switch {
		case string(field) == d.o.Null:
			field = nil
		case escapes:
			var err error
			if field, err = d.unescape(field); err != nil {
				return err
			}
		}
		d.addField(field)
		if at == len(line) {
			return nil
		}
		at++
	}
}

// fieldEnd returns where the next delimiter stands in line, from at on, or its end.
func fieldEnd(line []byte, at int, delimiter byte) int {
	if i := bytes.IndexByte(line[at:], delimiter); i >= 0 {
		return at + i
	}
	return len(line)
}

// addField adds a field to the row at hand. One too many is enough to know that the row is wrong.
func (d *Decoder) addField(field []byte) {
	if len(d.fields) <= len(d.o.Columns) {
		d.fields = append(d.fields, field)
	}
}

// unescape appends a field of text without its escapes to the scratch buffer, which has room, and returns it there.
func (d *Decoder) unescape(field []byte) ([]byte, error) {
	start := len(d.scratch)
	dst := d.scratch
	numeric := false
	for i := 0; i < len(field); i++ {
		plain := fieldEnd(field, i, '\\')
		dst = append(dst, field[i:plain]...)
		if i = plain + 1; i >= len(field) {
			break // a backslash at the end of a line stands for nothing
		}
		c := field[i]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'v':
			c = '\v'
		case '0', '1', '2', '3', '4', '5', '6', '7':
			numeric = true
			c -= '0'
			for n := 0; n < 2 && i+1 < len(field) && field[i+1]&^7 == '0'; n++ {
				i++
				c = c<<3 | field[i]&7
			}
		case 'x':
			if v, ok := digit(field, i+1); ok {
				numeric = true
				i++
				c = v
				if v, ok := digit(field, i+1); ok {
					i++
					c = c<<4 | v
				}
			}
		}
		dst = append(dst, c)
	}
	d.scratch = dst
	out := dst[start:len(dst):len(dst)]
	if numeric {
		if err := d.checkText(out); err != nil {
			err.Where = d.Context()
			return nil, err
		}
	}
	return out, nil
}

// digit returns the value of the hexadecimal digit at b[i], if there is one.
func digit(b []byte, i int) (byte, bool) {
	if i >= len(b) {
		return 0, false
	}
	return hexrows.Digit(b[i])
}

// splitCSV splits a line of csv into d.fields. A field without quotes is a part of the line.
func (d *Decoder) splitCSV(line []byte) error {
	delimiter, quote := d.o.Delimiter, d.o.Quote
	for at := 0; ; {
		start := at
		for at < len(line) && line[at] != delimiter && line[at] != quote {
			at++
		}
		field := line[start:at:at]
		if at < len(line) && line[at] == quote {
			var err error
			if field, at, err = d.unquote(line, start, at); err != nil {
				return err
			}
		} else if string(field) == d.o.Null {
			field = nil
		}
		d.addField(field)
		if at == len(line) {
			return nil
		}
		at++
	}
}

// unquote appends the csv field that begins at line[start] and has its first quote at line[at] to the scratch buffer, which
// has room. It returns the field there and where it ends in line.
func (d *Decoder) unquote(line []byte, start, at int) (field []byte, end int, err error) {
	delimiter, quote, escape := d.o.Delimiter, d.o.Quote, d.o.Escape
	from := len(d.scratch)
	dst := append(d.scratch, line[start:at]...)
	quoted := false
	for ; at < len(line); at++ {
		c := line[at]
		switch {
		case !quoted && c == delimiter:
			d.scratch = dst
			return dst[from:len(dst):len(dst)], at, nil
		case !quoted && c == quote:
			quoted = true
		case quoted && c == escape && at+1 < len(line) && (line[at+1] == escape || line[at+1] == quote):
			at++
			dst = append(dst, line[at])
		case quoted && c == quote:
			quoted = false
		default:
			dst = append(dst, c)
		}
	}
	if quoted {
		return nil, 0, d.errorf(codeBadFormat, "unterminated CSV quoted field")
	}
	d.scratch = dst
	return dst[from:len(dst):len(dst)], at, nil
}
