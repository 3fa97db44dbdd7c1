package wire

import (
	"context"
	"errors"
	"os"
	"time"
)

// beginCall starts a call, or a series of calls that make up one statement, and returns its context. From here to endCall
// the client can cancel. The context is used again for the next call unless it has ended.
func (c *conn) beginCall() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil || c.ctx.Err() != nil {
		c.ctx, c.cancel = context.WithCancelCause(c.base)
	}
	c.busy = true
	if c.stopping {
		c.setReadDeadlineLocked()
	}
	c.armLocked()
	return c.ctx
}

// endCall ends what beginCall began.
func (c *conn) endCall() {
	c.unwatch()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if c.stopping {
		c.setReadDeadlineLocked()
	}
}

// cancelCall ends the context of the call that runs, if one does.
func (c *conn) cancelCall(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		c.cancel(cause)
	}
}

// stop ends the connection as soon as no call runs.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	c.setReadDeadlineLocked()
}

// abort ends the connection's input and soon its output. Calls learn of it by their context.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted = true
	c.setReadDeadlineLocked()
	c.nc.SetWriteDeadline(c.srv.cfg.Now().Add(lastWords))
}

// setReadDeadlineLocked lets reads wait for ever or as long as the client may be silent, or fail at once if the connection
// should end or has something to send.
func (c *conn) setReadDeadlineLocked() {
	if c.aborted || c.stopping && !c.busy || c.idle.waiting && c.idle.woken {
		c.nc.SetReadDeadline(past)
	} else {
		c.nc.SetReadDeadline(c.idle.until)
	}
}

// armLocked has the client watched if the call takes long.
func (c *conn) armLocked() {
	c.watchable = true
	if c.timer == nil {
		c.timer = time.AfterFunc(c.srv.watchDelay, c.watch)
	} else {
		c.timer.Reset(c.srv.watchDelay)
	}
}

// watch reads ahead while a call runs, to notice a client that goes away: it closes its side, or has nothing more to say than
// Terminate. It ends when there is no room left.
func (c *conn) watch() {
	c.mu.Lock()
	if !c.watchable || c.watching != nil {
		c.mu.Unlock()
		return
	}
	done := make(chan struct{})
	c.watching = done
	c.mu.Unlock()
	defer close(done)

	in := &c.in
	for in.w < len(in.buf) {
		n, err := in.conn.Read(in.buf[in.w:])
		in.w += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			in.err = err
		}
		if err != nil || in.w > in.r && in.buf[in.r] == msgTerminate {
			c.cancelCall(errClientGone)
			return
		}
	}
}

// unwatch takes the reading side back from the watcher.
func (c *conn) unwatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.watchable = false
	done := c.watching
	if done == nil {
		return
	}
	c.nc.SetReadDeadline(past)
	c.mu.Unlock()
	<-done
	c.mu.Lock()
	c.watching = nil
	c.setReadDeadlineLocked()
}

// rearm has the client watched again after a COPY has read.
func (c *conn) rearm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armLocked()
}
