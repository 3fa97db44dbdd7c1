package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
)

// maxWaiting bounds the requests in flight on one connection; more wait for their turn.
const maxWaiting = 1024

var errClosed = errors.New("the client is closed")

// streams brings requests over one TCP connection at a time. It makes a new one when it is asked and the last is broken.
type streams struct {
	address string
	decode  func([]byte) (*pdu.Response, error)
	dialing chan struct{} // holds a token while somebody dials
	reading sync.WaitGroup

	mu      sync.Mutex // covers what follows, and the start of reading
	current *stream    // nil before the first
	closed  bool
}

func newStreams(address string, decode func([]byte) (*pdu.Response, error)) *streams {
	return &streams{address: address, decode: decode, dialing: make(chan struct{}, 1)}
}

// ask sends a request a second time if the connection breaks before the answer and was not made for it: the server may
// have closed it in the meantime, as servers do with what is idle.
func (s *streams) ask(ctx context.Context, q *pdu.Request, data []byte) (*pdu.Response, error) {
	for again := true; ; again = false {
		c, fresh, err := s.connection(ctx)
		if err == nil {
			var r *pdu.Response
			if r, err = c.ask(ctx, q, data); err == nil {
				return r, nil
			}
			if again && !fresh && c.failure() != nil && ctx.Err() == nil {
				continue
			}
		}
		return nil, fmt.Errorf("%s: %w", s.address, err)
	}
}

// connection returns the connection at hand, or a fresh one.
func (s *streams) connection(ctx context.Context) (c *stream, fresh bool, err error) {
	select {
	case s.dialing <- struct{}{}:
		defer func() { <-s.dialing }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	if c, err := s.sound(); c != nil || err != nil {
		return c, false, err
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, false, err
	}
	c = &stream{
		nc: nc, decode: s.decode, slots: make(chan struct{}, maxWaiting), writing: make(chan struct{}, 1),
		waiting: make(map[question]chan answer),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return nil, false, errClosed
	}
	s.current = c
	s.reading.Go(c.read)
	return c, true, nil
}

// sound returns the connection at hand unless it is broken.
func (s *streams) sound() (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if s.current == nil || s.current.failure() != nil {
		return nil, nil
	}
	return s.current, nil
}

func (s *streams) close() {
	s.mu.Lock()
	s.closed = true
	c := s.current
	s.mu.Unlock()
	if c != nil {
		c.fail(errClosed)
	}
	s.reading.Wait()
}

// A stream is one connection.
type stream struct {
	nc      net.Conn
	decode  func([]byte) (*pdu.Response, error)
	slots   chan struct{} // holds a token for each request in flight
	writing chan struct{} // holds a token while somebody writes

	mu      sync.Mutex // covers what follows
	waiting map[question]chan answer
	configs uint64 // configurations asked for
	err     error  // why the connection is broken; nil while it is not
}

// A question is what a response is matched by. Configurations have no request id: they are numbered apart from requests,
// and any configuration of the service answers all who wait for one.
type question struct {
	service pdu.Service
	config  bool
	id      uint64
}

type answer struct {
	response *pdu.Response
	err      error
}

func (c *stream) ask(ctx context.Context, q *pdu.Request, data []byte) (*pdu.Response, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	key, got, err := c.register(q)
	if err != nil {
		return nil, err
	}
	defer c.forget(key)
	if err := c.write(ctx, data); err != nil {
		return nil, err
	}
	select {
	case a := <-got:
		return a.response, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// register makes the answer to q come through the channel.
func (c *stream) register(q *pdu.Request) (question, <-chan answer, error) {
	key := question{service: q.Service, config: q.Config}
	switch {
	case q.Aggregate != nil:
		key.id = q.Aggregate.ID
	case q.Extend != nil:
		key.id = q.Extend.ID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return key, nil, c.err
	}
	if key.config { // never a number again: forget takes away what an answer may have taken away before
		c.configs++
		key.id = c.configs
	}
	got := make(chan answer, 1)
	c.waiting[key] = got
	return key, got, nil
}

func (c *stream) forget(key question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, key)
}

// write sends a PDU. A PDU that is not sent whole breaks the connection.
func (c *stream) write(ctx context.Context, data []byte) error {
	select {
	case c.writing <- struct{}{}:
		defer func() { <-c.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := c.nc.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.nc.SetWriteDeadline(time.Unix(1, 0))
		close(stopped)
	})
	defer func() {
		if !stop() {
			<-stopped // or it would hit the next who writes
		}
	}()
	if n, err := c.nc.Write(data); err != nil {
		if n == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		c.fail(err)
		return c.failure()
	}
	return nil
}

// read hands out responses until the connection breaks.
func (c *stream) read() {
	in := pdu.NewReader(c.nc)
	for {
		data, err := in.Next()
		if err == io.EOF {
			err = errors.New("the server closed the connection")
		}
		var r *pdu.Response
		if err == nil {
			r, err = c.decode(data)
		}
		if err != nil {
			c.fail(err)
			return
		}
		c.deliver(r)
	}
}

// deliver gives r to whom it answers. An error that names no request answers all requests to its service.
func (c *stream) deliver(r *pdu.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, got := range c.waiting {
		if key.service == r.Service && (r.Error != nil || key.config && r.Config != nil) {
			got <- answer{response: r}
			delete(c.waiting, key)
		}
	}
	key := question{service: r.Service}
	switch {
	case r.Aggregate != nil:
		key.id = r.Aggregate.ID
	case r.Extend != nil:
		key.id = r.Extend.ID
	default:
		return
	}
	if got := c.waiting[key]; got != nil {
		got <- answer{response: r}
		delete(c.waiting, key)
	}
}

// fail breaks the connection: all who wait get the error, unless it was broken before.
func (c *stream) fail(err error) {
	defer c.nc.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	for _, got := range c.waiting {
		got <- answer{err: err}
	}
	clear(c.waiting)
}

func (c *stream) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
