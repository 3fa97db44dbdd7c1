// Package load is the client of benchmarks: the messages of the Postgres protocol that filing and looking up need, written by
// hand into one buffer, so that a load generator costs the processors it shares with the server as little as can be. It
// speaks to servers that ask for no password.
package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/jurat-ledger/jurat/wire"
)

const (
	// maxMessage bounds the length of a server's message in bytes.
	maxMessage = 1 << 26
	// bufferSize is the initial size of either buffer in bytes.
	bufferSize = 1 << 16
	// patience is how long the server may take to do anything at all, give or take half of it.
	patience = 5 * time.Minute
)

// A Conn is a connection that is ready for a statement. It belongs to one goroutine at a time. After an error that is no
// *ServerError it is of no use any more.
type Conn struct {
	net  net.Conn
	late time.Time // when the server has done nothing for too long, unless that is put off
	in   []byte    // in[read:] is received and not consumed yet
	read int
	out  []byte
}

// A ServerError is an ErrorResponse. The connection is ready for the next statement.
type ServerError struct{ Code, Message string }

// Error returns the message with its SQLSTATE.
func (e *ServerError) Error() string { return e.Message + " (SQLSTATE " + e.Code + ")" }

// Dial connects to a server at a TCP address, or by the path of its Unix socket.
func Dial(ctx context.Context, address, user, database string) (*Conn, error) {
	var d net.Dialer
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	n, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &Conn{net: wire.NewSocket(n), in: make([]byte, 0, bufferSize), out: make([]byte, 0, bufferSize)}
	c.out = binary.BigEndian.AppendUint32(c.out, 0)
	c.out = binary.BigEndian.AppendUint32(c.out, 3<<16)
	for _, s := range []string{"user", user, "database", database, ""} {
		c.out = cstring(c.out, s)
	}
	binary.BigEndian.PutUint32(c.out, uint32(len(c.out)))
	err = c.flush()
	if err == nil {
		err = c.untilReady(nil)
	}
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("connecting to %s as %s: %w", address, user, err)
	}
	return c, nil
}

// Close closes the connection.
func (c *Conn) Close() error {
	c.out = append(c.out[:0], 'X', 0, 0, 0, 4)
	return errors.Join(c.flush(), c.net.Close())
}

// flush sends what is in out.
func (c *Conn) flush() error {
	if now := time.Now(); c.late.Sub(now) < patience/2 { // not for each message: a new deadline costs a timer
		c.late = now.Add(patience)
		if err := c.net.SetDeadline(c.late); err != nil {
			return err
		}
	}
	_, err := c.net.Write(c.out)
	c.out = c.out[:0]
	return err
}

// begin starts a message; end, given what begin returned, fills in its length.
func (c *Conn) begin(kind byte) int {
	c.out = append(c.out, kind, 0, 0, 0, 0)
	return len(c.out) - 4
}

func (c *Conn) end(at int) { binary.BigEndian.PutUint32(c.out[at:], uint32(len(c.out)-at)) }

func cstring(dst []byte, s string) []byte { return append(append(dst, s...), 0) }

// next returns the next message. Its body is valid until the call after.
func (c *Conn) next() (kind byte, body []byte, err error) {
	if err := c.fill(5); err != nil {
		return 0, nil, err
	}
	kind = c.in[c.read]
	length := int(binary.BigEndian.Uint32(c.in[c.read+1:]))
	if length < 4 || length > maxMessage {
		return 0, nil, fmt.Errorf("message %q of %d bytes", kind, length)
	}
	if err := c.fill(1 + length); err != nil {
		return 0, nil, err
	}
	body = c.in[c.read+5 : c.read+1+length]
	c.read += 1 + length
	return kind, body, nil
}

// fill receives until n bytes wait at least.
func (c *Conn) fill(n int) error {
	if len(c.in)-c.read >= n {
		return nil
	}
	c.in = c.in[:copy(c.in, c.in[c.read:])]
	c.read = 0
	if n > cap(c.in) {
		c.in = append(make([]byte, 0, 2*n), c.in...)
	}
	for len(c.in) < n {
		got, err := c.net.Read(c.in[len(c.in):cap(c.in)])
		c.in = c.in[:len(c.in)+got]
		if err != nil && len(c.in) < n {
			return err
		}
	}
	return nil
}

// untilReady consumes messages up to ReadyForQuery and returns the first error among them. row is called with each DataRow,
// unless nil.
func (c *Conn) untilReady(row func(body []byte) error) error {
	var first error
	for {
		kind, body, err := c.next()
		if err != nil {
			return errors.Join(first, err)
		}
		switch kind {
		case 'Z':
			return first
		case 'E':
			first = errors.Join(first, serverError(body))
		case 'D':
			if row == nil {
				continue
			}
			if err := row(body); err != nil {
				return err
			}
		case 'R':
			if len(body) != 4 || binary.BigEndian.Uint32(body) != 0 {
				return errors.New("the server asks for a password: benchmarks log in without one")
			}
		}
	}
}

func serverError(body []byte) error {
	e := new(ServerError)
	for len(body) > 1 {
		kind := body[0]
		var text string
		text, body = cut(body[1:])
		switch kind {
		case 'C':
			e.Code = text
		case 'M':
			e.Message = text
		}
	}
	return e
}

// cut returns the string before the first zero byte, and what follows it.
func cut(b []byte) (string, []byte) {
	for i, x := range b {
		if x == 0 {
			return string(b[:i]), b[i+1:]
		}
	}
	return string(b), nil
}
