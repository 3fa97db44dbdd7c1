package wire

import (
	"bytes"
	"encoding/binary"
)

// A cycle is a Bind of the unnamed portal and what a driver sends behind it for one statement of a pipeline, up to its Execute.
// A pipeline repeats it with nothing changed but the bytes of its parameters, and the answer to it is the same again and again.
type cycle struct {
	length    int // in bytes; 0 if what follows the Bind at hand is not the rest of one, or another one does not follow
	describes int // how many of its messages are Describe
}

// findCycle looks ahead in what has arrived: bind is the body of a Bind, and waiting what follows it.
func findCycle(bind, waiting []byte) cycle {
	n := 0
	for describes := 0; ; describes++ {
		if len(waiting)-n < headerBytes {
			return cycle{}
		}
		typ, length := waiting[n], int64(binary.BigEndian.Uint32(waiting[n+1:]))+1
		if typ != msgDescribe && typ != msgExecute || length < headerBytes || length >= int64(len(waiting)-n) {
			return cycle{}
		}
		n += int(length)
		if typ == msgDescribe {
			continue
		}
		if waiting[n] != msgBind {
			return cycle{}
		}
		return cycle{headerBytes + len(bind) + n, describes}
	}
}

// repeat serves, of what has arrived, the messages that repeat the cycle before them, which ended in a CommandComplete with
// the tag. What the session does not do again is left to be served message by message, since it may fail.
func (c *conn) repeat(tag string) error {
	in, b := &c.in, &c.bind
	size := c.cycle.length
	first, waiting := in.buf[in.r-size:in.r], in.buf[in.r:in.w]
	values := headerBytes + len("\x00") + len(b.Statement) + len("\x00") + 2 + 2*len(b.ParameterFormats) + 2
	var answer []byte
	n := 0
	ctx := c.beginCall()
	defer func() {
		c.endCall()
		in.r += n
	}()
	for len(waiting)-n >= size && takeParameters(first, waiting[n:n+size], values, b.Parameters) && c.session.Repeat(ctx, b) {
		n += size
		if answer != nil {
			c.out.buf = append(c.out.buf, answer...)
			continue
		}
		begin := len(c.out.buf)
		c.out.message(bindComplete)
		for range c.cycle.describes {
			c.out.message(noData)
		}
		c.out.complete(tag)
		answer = c.out.buf[begin:len(c.out.buf):len(c.out.buf)]
	}
	return ctx.Err()
}

// takeParameters sets the parameters of first, a cycle, to those of next if this repeats it. NULL stays what it is. The first
// parameter begins, with its length, at first[at:].
func takeParameters(first, next []byte, at int, parameters [][]byte) bool {
	compared := 0
	for i, p := range parameters {
		at += 4
		if p == nil {
			continue
		}
		if !bytes.Equal(first[compared:at], next[compared:at]) {
			return false
		}
		compared = at + len(p)
		parameters[i] = next[at:compared:compared]
		at = compared
	}
	return bytes.Equal(first[compared:], next[compared:])
}
