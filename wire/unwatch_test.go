package wire

import (
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// A lateConn is a connection whose reader notices a deadline only when it is let: as on a machine that has no processor for it.
type lateConn struct {
	net.Conn
	look chan struct{} // lets the reader look, once
	set  chan struct{} // gets a value for each deadline

	mu       sync.Mutex // covers what follows
	deadline time.Time
}

func (c *lateConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	c.set <- struct{}{}
	return nil
}

func (c *lateConn) Read([]byte) (int, error) {
	for range c.look {
		c.mu.Lock()
		over := !c.deadline.IsZero()
		c.mu.Unlock()
		if over {
			return 0, os.ErrDeadlineExceeded
		}
	}
	return 0, net.ErrClosed
}

// TestStopWhileUnwatching: a server that stops while a call that was watched ends does not keep the watcher at its reading, for which
// the end of the call waits.
func TestStopWhileUnwatching(t *testing.T) {
	s := New(Config{Handler: struct{ Handler }{}, Now: time.Now})
	nc := &lateConn{look: make(chan struct{}, 1), set: make(chan struct{}, 10)}
	c := &conn{srv: s, nc: nc, watching: make(chan struct{}), cancel: func(error) {}}
	c.in = input{conn: nc, buf: make([]byte, 1)}
	c.state.Store(attended)
	go func(done chan struct{}) {
		defer close(done)
		c.watch()
	}(c.watching)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.endCall()
	}()
	<-nc.set
	c.stop()
	nc.look <- struct{}{}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the call does not end")
	}
	close(nc.look)
}
