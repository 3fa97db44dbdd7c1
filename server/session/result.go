package session

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/value"
	"github.com/jurat-ledger/jurat/wire"
	"github.com/jurat-ledger/jurat/wire/copyrow"
)

// result implements wire.Result.
type result struct {
	session *session
	query   *query.Result
	formats []int16
	in      *copyIn
	out     *copyOut
}

func newResult(s *session, q *query.Result, formats []int16) (wire.Result, error) {
	r := &s.result
	*r = result{session: s, query: q, formats: formats}
	if c := q.CopyIn(); c != nil {
		o, err := copyOptions(&c.Options, c.Columns)
		if err != nil {
			return nil, s.fail(queryError(err), "")
		}
		r.in = &copyIn{session: s, query: c, decoder: copyrow.NewDecoder(o), binary: o.Format == copyrow.Binary}
		r.in.row = r.in.takeRow
		if n := c.FixedSize(); n > 0 {
			r.in.decoder.SetFixed(copyrow.Fixed{Size: n, Room: c.Room, Took: c.Took})
		}
	}
	if c := q.CopyOut(); c != nil {
		o, err := copyOptions(c, q.Columns())
		if err != nil {
			return nil, s.fail(queryError(err), "")
		}
		r.out = &copyOut{encoder: copyrow.NewEncoder(o), binary: o.Format == copyrow.Binary, buf: make([]byte, 0, 256)}
	}
	return r, nil
}

func (r *result) Columns() []wire.Column {
	if r.in != nil || r.out != nil {
		return nil
	}
	return r.session.describe(r.query.Columns(), r.formats)
}

// AppendRow implements wire.Result: the bytes of the fields go from the vectors to dst.
func (r *result) AppendRow(ctx context.Context, dst []byte) ([]byte, error) {
	if r.out != nil {
		return r.out.appendRow(ctx, dst, r)
	}
	b, i, err := r.query.Next(ctx)
	if err != nil {
		return dst, stopped(ctx, err)
	}
	settings := r.session.query.Values()
	begin := len(dst)
	for k, v := range b.Cols {
		if kind := v.Type.Kind; len(dst)-begin > query.FreeRoom/2 || kind == value.Boxed || kind == value.Bytes && len(v.Bytes[i]) > query.FreeRoom/8 {
			if dst, err = r.grow(ctx, dst, begin, b.Cols[k:], i); err != nil {
				return dst[:begin], stopped(ctx, err)
			}
		}
		if v.IsNull(i) {
			dst = binary.BigEndian.AppendUint32(dst, 0xffffffff)
			continue
		}
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		if format(r.formats, k) == 1 {
			dst = value.AppendBinary(dst, settings, v, i)
		} else {
			dst = value.AppendText(dst, settings, v, i)
		}
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	if cap(dst)-begin > query.FreeRoom { // a value may have been longer than it seemed
		if err := r.query.Room(ctx, cap(dst)-begin); err != nil {
			return dst[:begin], stopped(ctx, err)
		}
	}
	return dst, nil
}

// grow makes room for the rest of a row, which begins at begin, once the statement may have it: its values at i of rest.
func (r *result) grow(ctx context.Context, dst []byte, begin int, rest []*value.Vector, i int) ([]byte, error) {
	n := len(dst) - begin
	for k, v := range rest {
		n += value.Length(v, i, format(r.formats, len(r.query.Columns())-len(rest)+k) == 1)
	}
	if n <= query.FreeRoom {
		return dst, nil
	}
	if err := r.query.Room(ctx, n); err != nil || begin+n <= cap(dst) {
		return dst, err
	}
	return append(make([]byte, 0, begin+n), dst...), nil
}

func (r *result) CopyIn() wire.CopyIn {
	if r.in == nil {
		return nil
	}
	return r.in
}

func (r *result) CopyOut() *wire.CopyFormat {
	if r.out == nil {
		return nil
	}
	return &wire.CopyFormat{Binary: r.out.binary, Columns: len(r.query.Columns())}
}

func (r *result) Tag() string { return r.query.Tag() }
func (r *result) Close()      { r.query.Close() }

// copyOptions turns the options of a COPY into those of copyrow.
func copyOptions(c *query.CopyOptions, cols []query.Column) (copyrow.Options, error) {
	f, ok := copyrow.ParseFormat(c.Format)
	if !ok {
		panic("session: COPY format " + c.Format)
	}
	o := copyrow.Defaults(f)
	o.Table, o.Header, o.Match, o.Force = c.Table, c.Header, c.Match, c.ForceQuote
	for _, col := range cols {
		o.Columns = append(o.Columns, col.Name)
	}
	if c.Delimiter != "" {
		o.Delimiter = c.Delimiter[0]
	}
	if c.Null != nil {
		o.Null = *c.Null
	}
	if c.Quote != "" {
		o.Quote, o.Escape = c.Quote[0], c.Quote[0]
	}
	if c.Escape != "" {
		o.Escape = c.Escape[0]
	}
	return o, o.Validate()
}

// queryError makes an error of copyrow one that query understands.
func queryError(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		return err
	}
	return &query.Error{Code: e.Code, Message: e.Message, Detail: e.Detail, Hint: e.Hint, Where: e.Where}
}

// copyIn implements wire.CopyIn.
type copyIn struct {
	session *session
	query   *query.CopyIn
	decoder *copyrow.Decoder
	binary  bool
	ctx     context.Context // of the call at hand
	row     func(fields [][]byte) error
}

func (c *copyIn) Format() wire.CopyFormat {
	return wire.CopyFormat{Binary: c.binary, Columns: len(c.query.Columns)}
}

// takeRow hands a row to query and says where its error is.
func (c *copyIn) takeRow(fields [][]byte) error {
	column, err := c.query.Row(c.ctx, fields)
	if err == nil {
		return nil
	}
	where := c.decoder.Context()
	if column >= 0 {
		where = c.decoder.ColumnContext(column, fields[column])
	}
	return c.session.fail(err, where)
}

func (c *copyIn) Write(ctx context.Context, b []byte) error {
	c.ctx = ctx
	defer func() { c.ctx = nil }()
	err := c.decoder.Write(b, c.row)
	if e := (*wire.Error)(nil); !c.binary && errors.As(err, &e) && e.Code == "22021" && strings.Contains(e.Where, `: "\x`) {
		e.Hint = `In the text format of COPY a backslash is written twice: \\x and hex digits. In csv it is written once.`
	}
	return err
}

func (c *copyIn) Finish(ctx context.Context) error {
	c.ctx = ctx
	defer func() { c.ctx = nil }()
	if err := c.decoder.Finish(c.row); err != nil {
		return err
	}
	return wireError(c.query.Finish())
}

func (c *copyIn) Silent(_ context.Context, silence time.Duration) error {
	return wireError(c.query.Silent(silence))
}

func (c *copyIn) Abort() { c.query.Abort() }

// copyOut encodes the rows of a COPY TO.
type copyOut struct {
	encoder        *copyrow.Encoder
	binary         bool
	begun, trailed bool
	fields         [][]byte
	buf            []byte // never nil, so that an empty field is none either
}

// appendRow appends the next CopyData payload: a row, since some clients take each for one. The line of column names is a
// payload too, the header of binary data goes with the first row, and its trailer is the last.
func (o *copyOut) appendRow(ctx context.Context, dst []byte, r *result) ([]byte, error) {
	if !o.begun {
		o.begun = true
		n := len(dst)
		if dst = o.encoder.AppendHeader(dst); len(dst) > n && !o.binary {
			return dst, nil
		}
	}
	b, i, err := r.query.Next(ctx)
	if errors.Is(err, io.EOF) {
		if !o.trailed {
			o.trailed = true
			n := len(dst)
			if dst = o.encoder.AppendTrailer(dst); len(dst) > n {
				return dst, nil
			}
		}
		return dst, io.EOF
	}
	if err != nil {
		return dst, stopped(ctx, err)
	}
	settings := r.session.query.Values()
	o.fields, o.buf = o.fields[:0], o.buf[:0]
	ends := make([]int, 0, 16)
	for k, v := range b.Cols {
		if v.IsNull(i) {
			ends = append(ends, -1)
			continue
		}
		if len(o.buf)+value.Length(v, i, o.binary) > query.FreeRoom/2 {
			if err := o.grow(ctx, r, b.Cols[k:], i); err != nil {
				return dst, stopped(ctx, err)
			}
		}
		if o.binary {
			o.buf = value.AppendBinary(o.buf, settings, v, i)
		} else {
			o.buf = value.AppendText(o.buf, settings, v, i)
		}
		ends = append(ends, len(o.buf))
	}
	at := 0
	for _, end := range ends {
		if end < 0 {
			o.fields = append(o.fields, nil)
			continue
		}
		o.fields = append(o.fields, o.buf[at:end:end])
		at = end
	}
	begin := len(dst)
	if n := len(o.buf) + 8*len(ends); n > query.FreeRoom/2 && begin+n > cap(dst) {
		dst = append(make([]byte, 0, begin+n), dst...)
	}
	dst = o.encoder.AppendRow(dst, o.fields)
	if n := cap(o.buf) + cap(dst) - begin; n > query.FreeRoom { // what is escaped is longer
		if err := r.query.Room(ctx, n); err != nil {
			return dst[:begin], stopped(ctx, err)
		}
	}
	return dst, nil
}

// grow makes room for the rest of the fields, the values at i of rest, once the statement may have them and the row that is made of them.
func (o *copyOut) grow(ctx context.Context, r *result, rest []*value.Vector, i int) error {
	n := len(o.buf)
	for _, v := range rest {
		n += value.Length(v, i, o.binary)
	}
	if err := r.query.Room(ctx, 2*n); err != nil {
		return err
	}
	if n > cap(o.buf) {
		o.buf = append(make([]byte, 0, n), o.buf...)
	}
	return nil
}
