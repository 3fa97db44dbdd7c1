package copyrow

import (
	"encoding/binary"
	"math"
)

const (
	signature   = "PGCOPY\n\xff\r\n\x00"
	fixedHeader = len(signature) + 8 // signature, flags, length of the extension
	flagOIDs    = 1 << 16            // rows begin with an object id: no longer supported
	flagsMust   = 0xffff0000         // flags that a reader must know
)

// tuples is rows for binary data.
func (d *Decoder) tuples(data []byte, row func([][]byte) error) (used int, err error) {
	if !d.started {
		n, err := d.readHeader(data)
		if n == 0 || err != nil {
			return 0, err
		}
		used = n
		d.started = true
	}
	for {
		used += d.takeFixed(data[used:])
		n, err := d.tuple(data[used:])
		if n == 0 || err != nil {
			return used, err
		}
		used += n
		if d.ended {
			if used < len(data) {
				return used, d.afterEnd()
			}
			return used, nil
		}
		if err := row(d.fields); err != nil {
			return used, err
		}
	}
}

// readHeader returns the length of the header, 0 if it is not all there.
func (d *Decoder) readHeader(data []byte) (int, error) {
	n := min(len(data), len(signature))
	if string(data[:n]) != signature[:n] {
		return 0, failure(codeBadFormat, "COPY file signature not recognized")
	}
	if len(data) < fixedHeader {
		return 0, nil
	}
	flags := binary.BigEndian.Uint32(data[len(signature):])
	if flags&flagOIDs != 0 {
		return 0, failure(codeBadFormat, "invalid COPY file header (WITH OIDS)")
	}
	if flags&flagsMust != 0 {
		return 0, failure(codeBadFormat, "unrecognized critical flags in COPY file header")
	}
	extension := binary.BigEndian.Uint32(data[len(signature)+4:])
	if extension > math.MaxInt32 {
		return 0, failure(codeBadFormat, "invalid COPY file header (missing length)")
	}
	if int(extension) > d.o.MaxRow {
		return 0, failure(codeLimitExceeded, "COPY file header is too long")
	}
	if len(data) < fixedHeader+int(extension) {
		return 0, nil
	}
	return fixedHeader + int(extension), nil
}

// tuple reads one row into d.fields, or the trailer. It returns its length, 0 if it is not all there.
func (d *Decoder) tuple(data []byte) (int, error) {
	if len(data) < 2 {
		return 0, nil
	}
	count := int(int16(binary.BigEndian.Uint16(data)))
	if count == -1 {
		d.ended = true
		return 2, nil
	}
	if count != len(d.o.Columns) {
		d.line++
		return 0, d.errorf(codeBadFormat, "row field count is %d, expected %d", count, len(d.o.Columns))
	}
	d.fields = d.fields[:0]
	at := 2
	for column := range count {
		if len(data) < at+4 {
			return 0, nil
		}
		n := int(int32(binary.BigEndian.Uint32(data[at:])))
		at += 4
		if n == -1 {
			d.fields = append(d.fields, nil)
			continue
		}
		if n < 0 {
			d.line++
			e := failure(codeBadFormat, "invalid field size")
			e.Where = d.ColumnContext(column, nil)
			return 0, e
		}
		if at+n > d.o.MaxRow {
			return 0, d.tooLarge()
		}
		if len(data) < at+n {
			return 0, nil
		}
		d.fields = append(d.fields, data[at:at+n:at+n])
		at += n
	}
	d.line++
	return at, nil
}

// missing returns how many bytes must follow data, the beginning of a header or row, before more of it can be told, and the
// column that they belong to, negative before the first. It is at least 1.
func (d *Decoder) missing(data []byte) (n, column int) {
	if !d.started {
		if len(data) < fixedHeader {
			return fixedHeader - len(data), -1
		}
		return fixedHeader + int(binary.BigEndian.Uint32(data[fixedHeader-4:])) - len(data), -1
	}
	if len(data) < 2 {
		return 2 - len(data), -1
	}
	at := 2
	for column := range d.o.Columns {
		if len(data) < at+4 {
			return at + 4 - len(data), column
		}
		if n := int(int32(binary.BigEndian.Uint32(data[at:]))); n >= 0 {
			at += n
		}
		at += 4
		if len(data) < at {
			return at - len(data), column
		}
	}
	panic("copyrow: a whole row is called incomplete")
}

// finishBinary checks that the data ends between rows. The trailer may be missing.
func (d *Decoder) finishBinary() error {
	if !d.started {
		switch n := len(d.carry); {
		case n < len(signature):
			return failure(codeBadFormat, "COPY file signature not recognized")
		case n < len(signature)+4:
			return failure(codeBadFormat, "invalid COPY file header (missing flags)")
		case n < fixedHeader:
			return failure(codeBadFormat, "invalid COPY file header (missing length)")
		}
		return failure(codeBadFormat, "invalid COPY file header (wrong length)")
	}
	if len(d.carry) > 0 {
		d.line++
		e := failure(codeBadFormat, "unexpected EOF in COPY data")
		e.Where = d.Context()
		if _, column := d.missing(d.carry); column >= 0 {
			e.Where = d.ColumnContext(column, nil)
		}
		return e
	}
	return nil
}
