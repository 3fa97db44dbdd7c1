package wire

import (
	"context"
	"errors"
	"os"
	"time"
)

// States of a connection's call. A pipeline makes a call for each of its messages, so beginning and ending one takes no lock
// unless another goroutine has to do with it.
const (
	resting  uint32 = iota
	calling         // ends by itself
	attended        // another goroutine cancels or watches the call: endCall has to take mu
)

// beginCall starts a call, or a series of calls that make up one statement, and returns its context. From here to endCall
// the client can cancel. The context is used again for the next call unless it has ended.
func (c *conn) beginCall() context.Context {
	if c.ctx == nil || c.ctx.Err() != nil {
		c.mu.Lock()
		c.ctx, c.cancel = context.WithCancelCause(c.base)
		c.mu.Unlock()
	}
	c.calls.Add(1)
	c.state.Store(calling)
	if c.ending.Load() {
		c.setReadDeadline()
	}
	if !c.ticking.Load() {
		c.startTicking()
	}
	return c.ctx
}

// endCall ends what beginCall began.
func (c *conn) endCall() {
	if !c.state.CompareAndSwap(calling, resting) {
		c.mu.Lock()
		c.unwatchLocked()
		c.state.Store(resting)
		c.mu.Unlock()
	}
	if c.ending.Load() {
		c.setReadDeadline()
	}
}

// attendLocked keeps the call that runs from ending before mu is released. It returns false if none runs.
func (c *conn) attendLocked() bool {
	return c.state.CompareAndSwap(calling, attended) || c.state.Load() == attended
}

// cancelCall ends the context of the call that runs, if one does.
func (c *conn) cancelCall(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.attendLocked() {
		c.cancel(cause)
	}
}

// stop ends the connection as soon as no call runs.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	c.ending.Store(true)
	c.setReadDeadlineLocked()
}

// terminate ends the call that runs, and the connection.
func (c *conn) terminate() {
	c.cancelCall(errShutdown)
	c.stop()
}

// abort ends the connection's input and soon its output. Calls learn of it by their context.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted = true
	c.ending.Store(true)
	c.setReadDeadlineLocked()
	c.nc.SetWriteDeadline(c.srv.cfg.Now().Add(lastWords))
}

func (c *conn) setReadDeadline() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setReadDeadlineLocked()
}

// setReadDeadlineLocked lets reads wait for ever, as long as the client may be silent or take over a message, or fail at once if the connection
// should end or has something to send, or the watcher should give the reading side back.
func (c *conn) setReadDeadlineLocked() {
	if c.aborted || c.recalled || c.stopping && c.state.Load() == resting || c.idle.waiting && c.idle.woken {
		c.nc.SetReadDeadline(past)
		return
	}
	until := c.idle.until
	if until.IsZero() || !c.late.IsZero() && c.late.Before(until) {
		until = c.late
	}
	c.nc.SetReadDeadline(until)
}

// readUntil bounds how long reads wait, zero for ever.
func (c *conn) readUntil(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle.until = until
	c.setReadDeadlineLocked()
}

// tooLate reports whether reads are to wait no longer, of the rest of a message or at all.
func (c *conn) tooLate() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.aborted || !c.late.IsZero() && !c.srv.cfg.Now().Before(c.late)
}

// startTicking starts the timer that finds calls that take long.
func (c *conn) startTicking() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ticking.Store(true)
	c.seen = c.calls.Load()
	if c.timer == nil {
		c.timer = time.AfterFunc(c.srv.watchDelay, c.tick)
	} else {
		c.timer.Reset(c.srv.watchDelay)
	}
}

// stopTicking stops the timer for good.
func (c *conn) stopTicking() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
}

// tick has the client watched if the call that runs began before the tick before. The timer ticks as long as calls are made,
// so that none has to set it.
func (c *conn) tick() {
	c.mu.Lock()
	seen := c.calls.Load()
	same := seen == c.seen
	c.seen = seen
	if same && !c.copying && c.watching == nil && c.attendLocked() {
		done := make(chan struct{})
		c.watching = done
		c.ticking.Store(false)
		c.mu.Unlock()
		defer close(done)
		c.watch()
		return
	}
	defer c.mu.Unlock()
	if same && c.state.Load() == resting {
		c.ticking.Store(false)
		if c.calls.Load() == seen {
			return
		}
		c.ticking.Store(true) // a call has begun that relies on the timer
	}
	c.timer.Reset(c.srv.watchDelay)
}

// watch reads ahead while a call runs, to notice a client that goes away: it closes its side, or has nothing more to say than
// Terminate. It ends when there is no room left.
func (c *conn) watch() {
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

// unwatchLocked takes the reading side back from the watcher. It releases mu meanwhile.
func (c *conn) unwatchLocked() {
	done := c.watching
	if done == nil {
		return
	}
	c.recalled = true
	c.setReadDeadlineLocked()
	c.mu.Unlock()
	<-done
	c.mu.Lock()
	c.watching, c.recalled = nil, false
	c.setReadDeadlineLocked()
}

// beginCopy has nobody but the connection's goroutine read until endCopy, although a call runs.
func (c *conn) beginCopy() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.copying = true
	c.unwatchLocked()
}

func (c *conn) endCopy() {
	c.mu.Lock()
	c.copying = false
	c.mu.Unlock()
	c.calls.Add(1) // what follows may take its time again
	if !c.ticking.Load() {
		c.startTicking()
	}
}
