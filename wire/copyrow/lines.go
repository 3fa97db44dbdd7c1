package copyrow

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/wire"
)

// lineEnd is the way in which lines end.
type lineEnd uint8

const (
	endUnknown lineEnd = iota
	endNL
	endCR
	endCRNL
)

// cut is what a scan has found.
type cut uint8

const (
	cutNone   cut = iota // the line does not end here
	cutLine              // a line ends
	cutMarker            // the end marker; the line before it counts if it is not empty
)

// lines is rows for text and csv.
func (d *Decoder) lines(data []byte, row func([][]byte) error) (used int, err error) {
	for {
		used += d.takeFixed(data[used:])
		rest := data[used:]
		end, next, found, err := d.scan(rest, false)
		if err != nil {
			return used, err
		}
		if found == cutNone {
			return used, nil
		}
		d.ended = found == cutMarker
		if !d.ended || end > 0 {
			if err := d.emit(rest[:end], row); err != nil {
				return used, err
			}
		}
		used += next
		if d.ended {
			return used, nil
		}
	}
}

// finishLines handles a last line without line end. The carry never holds more than one line.
func (d *Decoder) finishLines(row func([][]byte) error) error {
	end, _, found, err := d.scan(d.carry, true)
	if err != nil {
		return err
	}
	if found == cutNone {
		end = len(d.carry)
	}
	if end == 0 && found != cutLine {
		return nil
	}
	return d.emit(d.carry[:end], row)
}

// scan looks for the end of the first line in data. It returns the line's length and where the next begins. last says that
// nothing follows data.
func (d *Decoder) scan(data []byte, last bool) (end, next int, found cut, _ error) {
	var err *wire.Error
	if len(data) > 0 && d.scanned == 0 {
		d.inQuote, d.escaped, d.embedded = false, false, 0
	}
	if d.o.Format == CSV {
		end, next, found, err = d.scanCSV(data, last)
	} else {
		end, next, found, err = d.scanText(data, last)
	}
	if err != nil {
		d.line++
		d.current = nil
		err.Where = d.Context()
		return 0, 0, cutNone, err
	}
	if found != cutNone {
		d.scanned = 0
		if end > d.o.MaxRow {
			return 0, 0, cutNone, d.tooLarge()
		}
	}
	return end, next, found, nil
}

// scanText is scan for text. A byte behind a backslash never ends a line.
func (d *Decoder) scanText(data []byte, last bool) (end, next int, found cut, err *wire.Error) {
	i := d.scanned
	for ; i < len(data); i++ {
		switch c := data[i]; {
		case c > '\\':
		case c == '\n' || c == '\r':
			next, err := d.lineEnd(data, i, last)
			if next > 0 || err != nil {
				return i, next, cutLine, err
			}
			d.scanned = i
			return 0, 0, cutNone, nil
		case c == '\\':
			if i+1 == len(data) {
				d.scanned = i
				return 0, 0, cutNone, nil
			}
			if data[i+1] == '.' {
				next, ok, err := d.marker(data, i+2, last)
				if ok || err != nil {
					return i, next, cutMarker, err
				}
				d.scanned = i
				return 0, 0, cutNone, nil
			}
			i++
		}
	}
	d.scanned = i
	return 0, 0, cutNone, nil
}

// scanCSV is scan for csv. Line ends within quotes are data; the end marker stands alone on its line.
func (d *Decoder) scanCSV(data []byte, last bool) (end, next int, found cut, err *wire.Error) {
	quote, escape := d.o.Quote, d.o.Escape
	i := d.scanned
	if i == 0 && len(data) > 0 && data[0] == '\\' {
		next, found, err := d.markerLine(data, last)
		if next > 0 || err != nil {
			return 0, next, cutMarker, err
		}
		if found {
			return 0, 0, cutNone, nil // undecided
		}
	}
	for ; i < len(data); i++ {
		c := data[i]
		if d.inQuote && c == escape && escape != quote {
			d.escaped = !d.escaped
		}
		if c == quote && !d.escaped {
			d.inQuote = !d.inQuote
		}
		if c != escape || escape == quote {
			d.escaped = false
		}
		if d.inQuote && (c == '\n' && d.eol == endNL || c == '\r' && d.eol != endNL) {
			d.embedded++
		}
		if (c == '\n' || c == '\r') && !d.inQuote {
			next, err := d.lineEnd(data, i, last)
			if next > 0 || err != nil {
				return i, next, cutLine, err
			}
			break
		}
	}
	d.scanned = i
	return 0, 0, cutNone, nil
}

// lineEnd judges the \n or \r at data[i] outside quotes and returns where the next line begins, 0 if that cannot be told
// yet. All lines must end alike.
func (d *Decoder) lineEnd(data []byte, i int, last bool) (next int, err *wire.Error) {
	if data[i] == '\n' {
		if d.eol == endCR || d.eol == endCRNL {
			return 0, d.mixed("newline", "n")
		}
		d.eol = endNL
		return i + 1, nil
	}
	switch d.eol {
	case endNL:
		return 0, d.mixed("carriage return", "r")
	case endCR:
		return i + 1, nil
	}
	if i+1 == len(data) && !last {
		return 0, nil
	}
	if i+1 < len(data) && data[i+1] == '\n' {
		d.eol = endCRNL
		return i + 2, nil
	}
	if d.eol == endCRNL {
		return 0, d.mixed("carriage return", "r")
	}
	d.eol = endCR
	return i + 1, nil
}

// mixed returns the error for a line end unlike the first.
func (d *Decoder) mixed(name, letter string) *wire.Error {
	if d.o.Format == CSV {
		e := failure(codeBadFormat, "unquoted "+name+" found in data")
		e.Hint = "Use quoted CSV field to represent " + name + "."
		return e
	}
	e := failure(codeBadFormat, "literal "+name+" found in data")
	e.Hint = fmt.Sprintf("Use \"\\%s\" to represent %s.", letter, name)
	return e
}

// marker judges what follows \. at data[i] in text. ok is false if that cannot be told yet.
func (d *Decoder) marker(data []byte, i int, last bool) (next int, ok bool, err *wire.Error) {
	if i == len(data) && !last {
		return 0, false, nil
	}
	c := byteAt(data, i)
	if d.eol == endCRNL {
		if c == '\n' {
			return 0, false, failure(codeBadFormat, "end-of-copy marker does not match previous newline style")
		}
		if c != '\r' {
			return 0, false, failure(codeBadFormat, "end-of-copy marker corrupt")
		}
		if i++; i == len(data) && !last {
			return 0, false, nil
		}
		c = byteAt(data, i)
	}
	switch {
	case c != '\r' && c != '\n':
		return 0, false, failure(codeBadFormat, "end-of-copy marker corrupt")
	case d.eol == endNL && c != '\n', d.eol == endCRNL && c != '\n', d.eol == endCR && c != '\r':
		return 0, false, failure(codeBadFormat, "end-of-copy marker does not match previous newline style")
	}
	return i + 1, true, nil
}

// byteAt returns data[i], or 0 behind the end.
func byteAt(data []byte, i int) byte {
	if i < len(data) {
		return data[i]
	}
	return 0
}

// markerLine judges a csv line that begins with a backslash: next is where the marker ends if it is one. open says that this
// cannot be told yet.
func (d *Decoder) markerLine(data []byte, last bool) (next int, open bool, err *wire.Error) {
	want := `\.` + "\n"
	if d.eol == endCRNL {
		want = `\.` + "\r\n"
	}
	switch {
	case strings.HasPrefix(want, string(data[:min(len(data), len(want))])):
		if len(data) >= len(want) {
			if d.eol == endCR {
				return 0, false, failure(codeBadFormat, "end-of-copy marker does not match previous newline style")
			}
			return len(want), false, nil
		}
		return 0, !last, nil
	case len(data) >= 3 && string(data[:3]) == `\.`+"\r" && d.eol != endCRNL:
		if d.eol == endNL {
			return 0, false, failure(codeBadFormat, "end-of-copy marker does not match previous newline style")
		}
		return 3, false, nil
	}
	return 0, false, nil
}

// emit splits a line into fields and hands them on.
func (d *Decoder) emit(line []byte, row func([][]byte) error) error {
	d.line += 1 + d.embedded
	d.current = line
	if err := d.checkText(line); err != nil {
		d.current = nil
		err.Where = d.Context()
		return err
	}
	header := d.header
	if d.header = false; header && !d.o.Match {
		return nil
	}
	d.fields = d.fields[:0]
	if cap(d.scratch) < len(line) {
		d.scratch = make([]byte, 0, max(len(line), 2*cap(d.scratch)))
	}
	d.scratch = d.scratch[:0]
	var err error
	switch {
	case len(d.o.Columns) == 0 && len(line) == 0:
	case d.o.Format == CSV:
		err = d.splitCSV(line)
	default:
		err = d.splitText(line)
	}
	if err == nil && header {
		return d.checkHeader()
	}
	if err == nil {
		err = d.checkCount()
	}
	if err != nil {
		return err
	}
	return row(d.fields)
}

// checkText reports bytes that are no UTF-8 text. The caller adds the context.
func (d *Decoder) checkText(b []byte) *wire.Error {
	if utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return nil
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 || b[i] == 0 {
			return badText(b[i:])
		}
		i += n
	}
	panic("copyrow: text both valid and invalid")
}

// badText names the bytes of the sequence that b begins with.
func badText(b []byte) *wire.Error {
	n := 1
	switch {
	case b[0]&0xe0 == 0xc0:
		n = 2
	case b[0]&0xf0 == 0xe0:
		n = 3
	case b[0]&0xf8 == 0xf0:
		n = 4
	}
	var hex strings.Builder
	for _, c := range b[:min(n, len(b))] {
		fmt.Fprintf(&hex, " 0x%02x", c)
	}
	return failure(codeBadEncoding, "invalid byte sequence for encoding \"UTF8\":"+hex.String())
}
