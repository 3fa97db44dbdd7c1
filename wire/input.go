package wire

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

const (
	smallBuffer = 4 << 10  // of an idle connection
	largeBuffer = 64 << 10 // drawn from a pool for what does not fit
	readAhead   = 512      // free bytes kept behind a message that had to be collected in a larger buffer
	headerBytes = 5        // type and length
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// input frames what a client sends. Slices that it returns are valid until its next method call. It is owned by the
// connection's goroutine, which during a call may lend its free space to the goroutine that watches the client.
type input struct {
	conn net.Conn
	buf  []byte
	r, w int  // buf[r:w] is read but not consumed
	rest int  // bytes of the message at hand that nobody has asked for yet
	full bool // the last read left no room: there is probably more to read
	err  error

	pace    func(begun bool) // told that a message has begun of which bytes are missing, again with each largeBuffer of it, and that none has; may be nil
	paced   bool             // what pace was told last
	arrived int              // bytes since
	memory  *budget          // of what is longer than largeBuffer; nil for no bound
	held    int64            // taken from it
}

// A budget bounds the memory that all connections together take for long messages that come in.
type budget struct {
	most int64
	used atomic.Int64
}

// take takes n bytes, or none if too few are left.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) <= b.most {
		return true
	}
	b.used.Add(-n)
	return false
}

// header skips what is left of the message before and returns the type of the next, whose body has rest bytes. limit gives the
// longest body for a type; negative means that there is no such message.
func (in *input) header(limit func(typ byte) int) (typ byte, err error) {
	if err := in.discard(); err != nil {
		return 0, err
	}
	in.setPace(false)
	if err := in.fill(headerBytes); err != nil {
		return 0, err
	}
	typ = in.buf[in.r]
	length := binary.BigEndian.Uint32(in.buf[in.r+1:])
	most := limit(typ)
	if most < 0 {
		return 0, fatalf(codeProtocolViolation, "invalid frontend message type %d", typ)
	}
	if length < 4 || int64(length)-4 > int64(most) {
		e := fatalf(codeProtocolViolation, "invalid message length")
		e.Detail = messageLength(typ, length, most)
		return 0, e
	}
	in.r += headerBytes
	in.rest = int(length) - 4
	return typ, nil
}

// body returns the whole body of the message at hand.
func (in *input) body() ([]byte, error) {
	n := in.rest
	if err := in.fill(n); err != nil {
		return nil, err
	}
	in.setPace(false)
	b := in.buf[in.r : in.r+n : in.r+n]
	in.r += n
	in.rest = 0
	return b, nil
}

// chunk returns the next bytes of the body at hand, as many as have arrived; none at its end.
func (in *input) chunk() ([]byte, error) {
	in.arrived = largeBuffer // whoever took the chunk before may have been slow: the client gets its time anew
	return in.more()
}

// more is chunk after a wait for it was cut off: the client's time goes on.
func (in *input) more() ([]byte, error) {
	if in.rest == 0 {
		return nil, nil
	}
	if err := in.fill(1); err != nil {
		return nil, err
	}
	n := min(in.rest, in.w-in.r)
	b := in.buf[in.r : in.r+n]
	in.r += n
	in.rest -= n
	return b, nil
}

// discard consumes what is left of the body at hand.
func (in *input) discard() error {
	for in.rest > 0 {
		if _, err := in.chunk(); err != nil {
			return err
		}
	}
	return nil
}

// fill reads until n bytes are waiting. The buffer grows with what arrives.
func (in *input) fill(n int) error {
	if in.w-in.r >= n {
		return nil
	}
	if in.r == in.w {
		in.r, in.w = 0, 0
		switch {
		case in.full && len(in.buf) <= largeBuffer:
			in.reserve()
		case in.rest == 0:
			in.shrink()
		}
	}
	if in.err != nil {
		return in.err
	}
	for in.w-in.r < n {
		if in.r > 0 && in.r+n > len(in.buf) {
			in.w = copy(in.buf, in.buf[in.r:in.w])
			in.r = 0
		}
		if in.w == len(in.buf) {
			if err := in.grow(n); err != nil {
				return err
			}
		}
		in.setPace(in.w > in.r || in.rest > 0)
		k, err := in.conn.Read(in.buf[in.w:])
		in.w += k
		in.arrived += k
		in.full = in.w == len(in.buf)
		if err != nil && in.w-in.r < n {
			if err == io.EOF && (in.w > in.r || in.rest > 0) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// setPace says whether the rest of a message is waited for.
func (in *input) setPace(begun bool) {
	if in.pace == nil || begun == in.paced && (!begun || in.arrived < largeBuffer) {
		return
	}
	in.paced, in.arrived = begun, 0
	in.pace(begun)
}

// grow makes room behind in.w, on the way to n bytes. Its error is what all connections together may not take.
func (in *input) grow(n int) error {
	var bigger []byte
	var taken int64
	switch {
	case len(in.buf) < smallBuffer:
		bigger = make([]byte, smallBuffer)
	case len(in.buf) < largeBuffer:
		bigger = largeBuffers.Get().(*[largeBuffer]byte)[:]
	default:
		size := max(min(2*len(in.buf), n+readAhead), len(in.buf)+readAhead)
		if taken = int64(size); in.memory != nil && !in.memory.take(taken) {
			return errTooMuch
		}
		bigger = make([]byte, size)
	}
	copy(bigger, in.buf[:in.w])
	in.drop()
	in.buf, in.held = bigger, taken
	return nil
}

// reserve makes sure that the buffer is a large one, for a COPY or a pipeline.
func (in *input) reserve() {
	for len(in.buf) < largeBuffer {
		_ = in.grow(largeBuffer) // a buffer of the pool takes nothing from the budget
	}
}

// shrink gives a large buffer back. The buffer must be empty.
func (in *input) shrink() {
	if len(in.buf) > smallBuffer {
		in.drop()
		in.buf = make([]byte, smallBuffer)
	}
}

// drop parts with the buffer.
func (in *input) drop() {
	if len(in.buf) == largeBuffer {
		largeBuffers.Put((*[largeBuffer]byte)(in.buf))
	}
	if in.memory != nil {
		in.memory.used.Add(-in.held)
	}
	in.buf, in.held = nil, 0
}
