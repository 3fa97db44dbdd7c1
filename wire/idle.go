package wire

import (
	"errors"
	"os"
	"time"
)

// idle is what a connection knows while it waits for its client. The fields are the connection's goroutine's but for those
// that are marked.
type idle struct {
	status byte      // that the last ReadyForQuery reported; 0 while messages of a series come in
	until  time.Time // when the client's silence ends the connection, or the copy is asked about it; zero for never; under the connection's mu
	cause  *Error    // of that end

	woken   bool // under the connection's mu: there may be notifications
	waiting bool // under the connection's mu: a read may be cut off to send them
}

// wake has the connection send notifications as soon as it is idle outside of a transaction. Any goroutine may call it.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle.woken = true
	if c.idle.waiting {
		c.setReadDeadlineLocked()
	}
}

// next waits for the next message and returns its type. Meanwhile notifications are sent as they come, and a client that is
// silent for too long in its state loses the connection.
func (c *conn) next() (byte, error) {
	if c.idle.status == 0 || c.in.w-c.in.r >= headerBytes {
		c.idle.status = 0
		return c.in.header(c.srv.cfg.limit)
	}
	c.startIdle()
	defer c.endIdle()
	for {
		typ, err := c.in.header(c.srv.cfg.limit)
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return typ, err
		}
		again, err := c.interrupted(err)
		if !again {
			return 0, err
		}
		if err := c.notify(); err != nil {
			return 0, err
		}
	}
}

// startIdle begins the client's silence.
func (c *conn) startIdle() {
	d, cause := c.session.IdleTimeout()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle.waiting, c.idle.cause = c.idle.status == 'I', cause
	if d > 0 {
		c.idle.until = c.srv.cfg.Now().Add(d)
	}
	if d > 0 || c.idle.woken {
		c.setReadDeadlineLocked()
	}
}

// endIdle ends it: a message has begun.
func (c *conn) endIdle() {
	c.idle.status = 0
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle.waiting = false
	if !c.idle.until.IsZero() || c.idle.woken {
		c.idle.until = time.Time{}
		c.setReadDeadlineLocked()
	}
}

// interrupted decides what a read means that was cut off: again if there may be notifications to send, else the error that
// ends the connection.
func (c *conn) interrupted(err error) (again bool, reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stopping || c.aborted:
		return false, err
	case c.idle.woken:
		c.idle.woken = false
		c.setReadDeadlineLocked()
		return true, nil
	case c.idle.cause != nil && !c.idle.until.IsZero() && !c.srv.cfg.Now().Before(c.idle.until):
		return false, c.idle.cause
	}
	return false, err
}

// notify sends what has come for an idle session.
func (c *conn) notify() error {
	if err := c.guard(func() error { c.appendNotifications(); return nil }); err != nil {
		return err
	}
	return c.out.flush()
}

// appendNotifications appends the session's notifications.
func (c *conn) appendNotifications() {
	list := c.session.Notifications()
	c.reportNotices()
	for _, n := range list {
		c.out.notification(n)
	}
}
