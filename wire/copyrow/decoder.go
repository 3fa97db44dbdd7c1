package copyrow

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// maxShown is how much of a line or value an error's CONTEXT shows, in bytes.
const maxShown = 100

// A Decoder splits COPY data into rows. Make it with NewDecoder. After an error it must not be used any more.
type Decoder struct {
	o       Options
	carry   []byte // the beginning of a row whose end has not come
	scanned int    // bytes of that row that have been looked at
	ended   bool   // the end marker or trailer has come
	line    int64  // of the row at hand, from 1
	current []byte // that row's text, for CONTEXT; nil in binary data

	fields  [][]byte
	scratch []byte // fields after escapes are resolved

	eol     lineEnd // of all lines, once the first has ended
	header  bool    // a header line is still to come
	inQuote bool    // csv: the scan stands in a quoted field
	escaped bool    // csv: the scan stands behind an escape character

	embedded int64 // csv: line ends within the quotes of the row at hand, counted as Postgres counts them

	started bool // binary: the header is read

	fixed  Fixed  // takes the rows that it can; Size is 0 without one
	prefix string // text and csv: what stands before the digits of such rows
}

// NewDecoder returns a decoder for data described by o, which must be valid.
func NewDecoder(o Options) *Decoder {
	if o.MaxRow <= 0 {
		o.MaxRow = DefaultMaxRow
	}
	return &Decoder{o: o, header: o.Header}
}

// Write takes the next piece of the data and calls row for each row that it completes and that SetFixed's taker has not
// taken. A nil field is NULL. The fields are valid during the call only. An error of row is returned as it is.
func (d *Decoder) Write(b []byte, row func(fields [][]byte) error) error {
	for len(b) > 0 {
		if d.ended {
			return d.afterEnd()
		}
		if len(d.carry) == 0 {
			used, err := d.rows(b, row)
			if err != nil {
				return err
			}
			b = b[used:]
			if !d.ended {
				d.carry = append(d.carry[:0], b...)
				b = nil
			}
		} else {
			n := d.segment(b)
			d.carry = append(d.carry, b[:n]...)
			b = b[n:]
			used, err := d.rows(d.carry, row)
			if err != nil {
				return err
			}
			d.carry = d.carry[:copy(d.carry, d.carry[used:])]
		}
		if len(d.carry) > d.o.MaxRow {
			return d.tooLarge()
		}
	}
	return nil
}

// Finish ends the data: it calls row for a last line that has no line end.
func (d *Decoder) Finish(row func(fields [][]byte) error) error {
	if d.ended {
		return nil
	}
	if d.o.Format == Binary {
		return d.finishBinary()
	}
	return d.finishLines(row)
}

// Context is the CONTEXT of an error in the row at hand, in Postgres' words.
func (d *Decoder) Context() string {
	if d.current == nil {
		return fmt.Sprintf("COPY %s, line %d", d.o.Table, d.line)
	}
	return fmt.Sprintf("COPY %s, line %d: \"%s\"", d.o.Table, d.line, shown(d.current))
}

// ColumnContext is the CONTEXT of an error in a field of the row at hand. value is the field.
func (d *Decoder) ColumnContext(column int, value []byte) string {
	where := fmt.Sprintf("COPY %s, line %d, column %s", d.o.Table, d.line, d.o.Columns[column])
	switch {
	case d.o.Format == Binary:
		return where
	case value == nil:
		return where + ": null input"
	}
	return fmt.Sprintf("%s: \"%s\"", where, shown(value))
}

// shown returns as much of b as a CONTEXT shows, cut between characters.
func shown(b []byte) string {
	if len(b) <= maxShown {
		return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	}
	b = b[:maxShown]
	for i := 0; i < utf8.UTFMax && len(b) > 0; i++ {
		if r, _ := utf8.DecodeLastRune(b); r != utf8.RuneError {
			break
		}
		b = b[:len(b)-1]
	}
	return string(bytes.ToValidUTF8(b, []byte("\uFFFD"))) + "..."
}

// rows calls row for every row that data completes and returns the length of those rows. data begins with a row, of which
// the first d.scanned bytes have been looked at.
func (d *Decoder) rows(data []byte, row func([][]byte) error) (used int, err error) {
	if d.o.Format == Binary {
		return d.tuples(data, row)
	}
	return d.lines(data, row)
}

// segment returns how much of b to add to the carry so that it may hold a whole row, and not much more.
func (d *Decoder) segment(b []byte) int {
	if d.o.Format == Binary {
		n, _ := d.missing(d.carry)
		return min(len(b), n)
	}
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i+1]
	}
	if i := bytes.IndexByte(b, '\r'); i >= 0 && i+1 < len(b) {
		b = b[:i+2]
	}
	return len(b)
}

// afterEnd judges data behind the end: lines are ignored, tuples are not.
func (d *Decoder) afterEnd() error {
	if d.o.Format == Binary {
		d.line++
		return d.errorf(codeBadFormat, "received copy data after EOF marker")
	}
	return nil
}

func (d *Decoder) tooLarge() error {
	d.line++
	d.current = nil
	return d.errorf(codeLimitExceeded, "row of COPY data is larger than %d bytes", d.o.MaxRow)
}

// errorf returns an error about the row at hand.
func (d *Decoder) errorf(code, format string, args ...any) error {
	e := failure(code, fmt.Sprintf(format, args...))
	e.Where = d.Context()
	return e
}

// checkCount reports a row with too few or too many fields.
func (d *Decoder) checkCount() error {
	n := len(d.o.Columns)
	if len(d.fields) > n {
		return d.errorf(codeBadFormat, "extra data after last expected column")
	}
	if len(d.fields) < n {
		return d.errorf(codeBadFormat, "missing data for column \"%s\"", d.o.Columns[len(d.fields)])
	}
	return nil
}
