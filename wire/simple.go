package wire

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/jackc/pgproto3/v2"
)

// errAbandoned is what a Script is closed with when a panic ended it.
var errAbandoned = errorf(codeInternal, "statement abandoned")

// simpleQuery runs a Query message up to ReadyForQuery. An error that it returns is to be reported.
func (c *conn) simpleQuery(body []byte) error {
	sql, err := decodeQuery(body)
	if err != nil {
		return err
	}
	ctx := c.beginCall()
	defer c.endCall()
	script, err := c.session.Query(ctx, sql)
	if err != nil {
		return err
	}
	s := simpleScript{c: c, script: script}
	defer s.abandon()
	return s.run(ctx)
}

// simpleScript runs the statements of a Query. The tag of each is held back until the next has begun or the implicit
// transaction is committed: the last CommandComplete is the promise that it is.
type simpleScript struct {
	c      *conn
	script Script // nil when closed
	tag    string
	held   bool
}

// run runs the statements and closes the script.
func (s *simpleScript) run(ctx context.Context) error {
	c := s.c
	empty := true
	var err error
	for {
		var result Result
		if result, err = s.script.Next(ctx); err != nil {
			break
		}
		empty = false
		s.release()
		var tag string
		if tag, _, err = c.result(ctx, result, true, 0); err != nil {
			break
		}
		c.reportNotices()
		s.tag, s.held = tag, true
		if err = c.out.relieve(); err != nil {
			break
		}
	}
	script := s.script
	s.script = nil
	if err != io.EOF {
		s.release()
		if closing := script.Close(ctx, err); closing != nil && !errors.Is(closing, err) {
			c.log.Warn("statement not undone", "error", closing)
		}
		return err
	}
	if err := script.Close(ctx, nil); err != nil {
		return err
	}
	c.reportNotices()
	s.release()
	if empty {
		c.out.message(emptyQuery)
	}
	return nil
}

// release sends the tag that was held back.
func (s *simpleScript) release() {
	if s.held {
		s.c.out.complete(s.tag)
		s.held = false
	}
}

// abandon closes the script if a panic kept run from doing so.
func (s *simpleScript) abandon() {
	if s.script != nil {
		s.script.Close(s.c.ctx, errAbandoned)
	}
}

// result sends the rows of a statement, at most limit unless that is 0, or runs its COPY. The simple protocol describes them
// first. more is true if it stopped at the limit; else the result is closed, and tag is its command tag unless it failed.
func (c *conn) result(ctx context.Context, r Result, describe bool, limit int) (tag string, more bool, err error) {
	defer func() {
		if !more {
			r.Close()
		}
	}()
	if in := r.CopyIn(); in != nil {
		err = c.copyIn(ctx, in)
	} else if f := r.CopyOut(); f != nil {
		err = c.copyOut(ctx, r, *f)
	} else {
		more, err = c.rows(ctx, r, describe, limit)
	}
	if err != nil || more {
		return "", more, err
	}
	return r.Tag(), false, nil
}

// rows sends rows until they or the limit end. more says that it was the limit.
func (c *conn) rows(ctx context.Context, r Result, describe bool, limit int) (more bool, err error) {
	columns := r.Columns()
	if describe && columns != nil {
		c.out.columns(columns)
	}
	for n := 0; limit == 0 || n < limit; n++ {
		c.out.openRow(len(columns))
		if err := c.pull(ctx, r); err == io.EOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

// pull has the result complete the message that was opened, and sends what is waiting if that is much. Without a row it takes
// the message back and returns why.
func (c *conn) pull(ctx context.Context, r Result) error {
	buf, err := r.AppendRow(ctx, c.out.buf)
	if err != nil {
		c.out.takeBack()
		return err
	}
	if n := len(buf) - c.out.opened; n > maxRow {
		c.out.takeBack()
		return errorf(codeTooLarge, "row of %d bytes exceeds the protocol's limit of %d", n, maxRow)
	}
	c.out.buf = buf
	c.out.closeMessage()
	if len(buf) < flushBytes {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.out.flush()
}

// copyOut sends the data of a COPY TO STDOUT.
func (c *conn) copyOut(ctx context.Context, r Result, f CopyFormat) error {
	overall, columns := copyFormat(f)
	c.out.message(&pgproto3.CopyOutResponse{OverallFormat: overall, ColumnFormatCodes: columns})
	for {
		c.out.openData()
		if err := c.pull(ctx, r); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	c.out.message(copyDone)
	return nil
}

// copyIn takes the data of a COPY FROM STDIN. The client is not watched meanwhile: it is read.
func (c *conn) copyIn(ctx context.Context, in CopyIn) error {
	c.beginCopy()
	defer c.endCopy()
	finished := false
	defer func() {
		if !finished {
			in.Abort()
		}
	}()
	overall, columns := copyFormat(in.Format())
	c.out.message(&pgproto3.CopyInResponse{OverallFormat: overall, ColumnFormatCodes: columns})
	if err := c.out.flush(); err != nil {
		return err
	}
	c.in.reserve()
	now := c.srv.cfg.Now()
	p := &copying{c: c, ctx: ctx, in: in, looked: now, heard: now}
	for {
		typ, err := p.header()
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch typ {
		case msgCopyData:
			if err := p.data(); err != nil {
				return err
			}
		case msgCopyDone:
			finished = true
			return in.Finish(ctx)
		case msgCopyFail:
			return c.copyFail()
		case msgFlush, msgSync: // sent by a client that did not know its statement for a COPY
		default:
			return fatalf(codeProtocolViolation, "unexpected message type 0x%02X during COPY from stdin", typ)
		}
	}
}

// A copying is a COPY FROM STDIN under way.
type copying struct {
	c   *conn
	ctx context.Context
	in  CopyIn

	looked time.Time // when Silent was asked last, or the copy began
	heard  time.Time // since when the client has sent less than largeBuffer
	bytes  int       // since then
}

// header waits for the next message and returns its type.
func (p *copying) header() (typ byte, err error) {
	ready := p.c.in.w-p.c.in.r >= headerBytes
	err = p.wait(ready, func() error {
		typ, err = p.c.in.header(p.c.srv.cfg.limit)
		return err
	})
	return typ, err
}

// data hands the payload of a CopyData message on as it arrives.
func (p *copying) data() error {
	in := &p.c.in
	for {
		var b []byte
		read := in.chunk
		err := p.wait(in.rest == 0 || in.w > in.r, func() (err error) {
			b, err = read()
			read = in.more
			return err
		})
		if err != nil || len(b) == 0 {
			return err
		}
		if p.bytes += len(b); p.bytes >= largeBuffer {
			p.bytes, p.heard = 0, p.c.srv.cfg.Now()
		}
		if err := p.in.Write(p.ctx, b); err != nil {
			return err
		}
	}
}

// wait reads what is ready, or waits for it and asks about once a second whether the statement has come to its end meanwhile.
func (p *copying) wait(ready bool, read func() error) error {
	c := p.c
	if ready {
		if err := read(); err != nil {
			return c.lost(err)
		}
		return nil
	}
	defer c.readUntil(time.Time{})
	for {
		now := c.srv.cfg.Now()
		if now.Sub(p.looked) >= c.srv.watchDelay {
			p.looked = now
			if err := p.in.Silent(p.ctx, now.Sub(p.heard)); err != nil {
				return err
			}
		}
		c.readUntil(p.looked.Add(c.srv.watchDelay))
		err := read()
		switch {
		case err == nil:
			return nil
		case p.ctx.Err() != nil:
			return context.Cause(p.ctx)
		case !errors.Is(err, os.ErrDeadlineExceeded) || c.tooLate():
			return c.lost(err)
		}
	}
}

// copyFail returns the error that a CopyFail asks for.
func (c *conn) copyFail() error {
	body, err := c.in.body()
	if err != nil {
		return c.lost(err)
	}
	reason, err := decodeQuery(body)
	if err != nil {
		return err
	}
	return errorf(codeCanceled, "COPY from stdin failed: %s", reason)
}

// lost returns a failed read as the error that ends a COPY and the connection.
func (c *conn) lost(err error) error {
	if e := (*Error)(nil); errors.As(c.readError(err), &e) {
		return e
	}
	c.in.err = err
	return errClientGone
}
