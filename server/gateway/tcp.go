package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/internal/places"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
)

// writeBytes bounds answers that are written together.
const writeBytes = 16 << 10

// conn is one TCP connection. One goroutine reads, one writes, and each request has its own.
type conn struct {
	s     *Server
	nc    net.Conn
	slots chan struct{} // holds a token for each PDU from before it is read until its answer is written
	out   chan []byte   // answers; has room for as many as there are slots, so nobody waits to put one in

	stopping chan struct{} // closed when no further PDU is to be read

	mu      sync.Mutex // covers what follows, and the read deadline
	stopped bool
}

func newConn(s *Server, nc net.Conn) *conn {
	return &conn{
		s: s, nc: nc, slots: make(chan struct{}, s.cfg.MaxPipelined), out: make(chan []byte, s.cfg.MaxPipelined),
		stopping: make(chan struct{}),
	}
}

// serve runs the connection to its end. Requests are cancelled when base ends, or the client is gone.
func (c *conn) serve(base context.Context) {
	defer c.nc.Close()
	ctx, cancel := context.WithCancel(base)
	defer cancel()
	unblock := context.AfterFunc(ctx, func() { c.nc.Close() })
	defer unblock()
	var writing, requests sync.WaitGroup
	writing.Go(func() { c.write(cancel) })
	err := c.read(ctx, &requests)
	if gone(err) {
		cancel()
	}
	requests.Wait()
	close(c.out)
	writing.Wait()
	if err != io.EOF && !gone(err) {
		places.Linger(c.nc, c.s.cfg.Now())
	}
	c.s.cfg.Logger.Debug("KSI connection closed", "remote", c.nc.RemoteAddr().String(), "reason", err)
}

var (
	errRefused  = errors.New("a PDU was refused")
	errStopping = errors.New("the server stops")
)

// gone reports whether an error of read means that nobody waits for the answers. A client that closed its sending side, or
// says nothing more, still may.
func gone(err error) bool {
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case err == errRefused, err == errStopping, err == io.EOF, err == io.ErrUnexpectedEOF, isNet && timeout.Timeout():
		return false
	}
	return true
}

// read takes PDUs until it is told to stop, the client ends, or a PDU is refused.
func (c *conn) read(ctx context.Context, requests *sync.WaitGroup) error {
	in := pdu.NewReader(c.nc)
	idle := c.s.cfg.ReadTimeout
	for {
		select {
		case c.slots <- struct{}{}:
		case <-c.stopping:
			return errStopping
		case <-ctx.Done():
			return ctx.Err()
		}
		c.setReadDeadline(idle)
		if err := in.Wait(); err != nil {
			return c.readError(err)
		}
		c.setReadDeadline(c.s.cfg.ReadTimeout)
		data, err := in.Next()
		if errors.Is(err, pdu.ErrNotPDU) {
			c.out <- bare(pdu.Aggregator, pdu.InvalidRequest, err.Error()).data
			return errRefused
		}
		if err != nil {
			return c.readError(err)
		}
		call, refusal := c.s.authenticate(data, c.nc.RemoteAddr().String())
		if call == nil {
			c.out <- refusal.data
			return errRefused
		}
		idle = c.s.cfg.IdleTimeout
		requests.Go(func() { c.out <- c.s.run(ctx, call).data })
	}
}

// readError returns err, or errStopping if that is its cause.
func (c *conn) readError(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errStopping
	}
	return err
}

func (c *conn) setReadDeadline(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped {
		c.nc.SetReadDeadline(c.s.cfg.Now().Add(d))
	}
}

// stop makes read return; what was read is still answered.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped {
		c.stopped = true
		close(c.stopping)
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// write sends answers until there are no more. After a failed write it calls gone and drops them.
func (c *conn) write(gone func()) {
	w := bufio.NewWriterSize(c.nc, writeBytes)
	var broken error
	for b := range c.out {
		if broken == nil {
			c.nc.SetWriteDeadline(c.s.cfg.Now().Add(c.s.cfg.WriteTimeout))
			if _, broken = w.Write(b); broken == nil && len(c.out) == 0 {
				broken = w.Flush()
			}
			if broken != nil {
				gone()
			}
		}
		<-c.slots
	}
}

// serveTCP serves ln until ctx ends and then until all connections have ended. It returns early with the error of a
// listener that somebody else closed.
func (s *Server) serveTCP(ctx context.Context, ln net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	limited := newLimited(ln, s)
	unlisten := context.AfterFunc(ctx, func() { ln.Close() })
	defer unlisten()
	defer ln.Close()
	var mu sync.Mutex // covers conns
	conns := make(map[*conn]struct{})
	each := func(f func(*conn)) {
		mu.Lock()
		defer mu.Unlock()
		for c := range conns {
			f(c)
		}
	}
	err := s.acceptor.Accept(ctx, limited, func(nc net.Conn) {
		c := newConn(s, nc)
		mu.Lock()
		conns[c] = struct{}{}
		mu.Unlock()
		go func() {
			defer limited.release(nc)
			c.serve(base)
			mu.Lock()
			defer mu.Unlock()
			delete(conns, c)
		}()
	})
	each((*conn).stop)
	patience := time.AfterFunc(s.cfg.ShutdownTimeout, cancel)
	defer patience.Stop()
	limited.wait()
	return err
}
