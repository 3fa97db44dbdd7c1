package wire

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/binary"
	"log/slog"
	"math"
	"net"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/internal/places"
)

// Config says what a Server serves and within which limits. Handler and Now must be set; a zero limit means its default.
type Config struct {
	Handler Handler
	Now     func() time.Time // the clock of deadlines: the real one, since the kernel compares with it
	Logger  *slog.Logger     // nil discards
	// TLS is asked for each handshake; nil refuses TLS. Its NextProtos have ALPN. One with a single certificate allows for
	// channel binding.
	TLS func() *tls.Config
	// Authenticator decides who comes in; nil lets everybody.
	Authenticator Authenticator
	// CertificateRefused is told of clients whose certificate ended the handshake, with the reason for the log; nil if nobody asks.
	CertificateRefused func(remote net.Addr, reason error)

	MaxConnections  int           // sessions at a time; default 1,000. As many again may be starting up
	MaxMessage      int           // body of a Query, Parse, Bind or CopyData in bytes; default 64 MiB
	StartupTimeout  time.Duration // from accept to the end of admission; default 10 s
	MaxIncoming     int           // bytes that messages longer than 64 KiB take while they come in, all together; default 256 MiB, at least 2 × MaxMessage + 1 MiB
	MessageTimeout  time.Duration // for each 64 KiB of a message that has begun; default 60 s
	WriteTimeout    time.Duration // for each 64 KiB that a client should read; default 60 s
	ShutdownTimeout time.Duration // that running statements get when Serve is told to stop; default 10 s
}

const (
	defaultMaxConnections  = 1000
	defaultMessageTimeout  = time.Minute
	defaultStartupTimeout  = 10 * time.Second
	defaultWriteTimeout    = time.Minute
	defaultShutdownTimeout = 10 * time.Second

	watchDelay    = time.Second // a call that takes longer has its client watched
	lastWords     = time.Second // for writes after the shutdown's patience has ended
	longCancelKey = 32          // bytes, from protocol 3.2 on
	cancelKey     = 4           // bytes, before
)

// Defaults of Config.MaxMessage and Config.MaxIncoming.
const (
	DefaultMaxMessage  = 64 << 20
	DefaultMaxIncoming = 256 << 20
)

// A Server serves Postgres clients. Make it with New.
type Server struct {
	cfg        Config
	watchDelay time.Duration
	incoming   budget
	acceptor   *places.Acceptor

	mu       sync.Mutex // covers the fields below; never held while a connection does anything
	conns    map[*conn]struct{}
	byPID    map[uint32]*conn  // those with a session
	starting *places.Places    // of connections without a session
	accepted uint64            // connections so far
	refused  uint64            // of them, as too many
	errors   map[string]uint64 // sent so far, by class of their SQLSTATE
}

// New returns a server. It panics if c lacks a Handler or a clock.
func New(c Config) *Server {
	if c.Handler == nil || c.Now == nil {
		panic("wire: Config needs Handler and Now")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	orDefault(&c.MaxConnections, defaultMaxConnections)
	orDefault(&c.MaxMessage, DefaultMaxMessage)
	orDefault(&c.MaxIncoming, DefaultMaxIncoming)
	c.MaxIncoming = max(c.MaxIncoming, 2*c.MaxMessage+1<<20)
	orDefault(&c.MessageTimeout, defaultMessageTimeout)
	orDefault(&c.StartupTimeout, defaultStartupTimeout)
	orDefault(&c.WriteTimeout, defaultWriteTimeout)
	orDefault(&c.ShutdownTimeout, defaultShutdownTimeout)
	return &Server{
		cfg: c, watchDelay: watchDelay, incoming: budget{most: int64(c.MaxIncoming)}, acceptor: places.NewAcceptor("connection", c.Now, c.Logger),
		conns: make(map[*conn]struct{}), byPID: make(map[uint32]*conn), starting: places.New(c.MaxConnections), errors: make(map[string]uint64),
	}
}

func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Serve accepts connections until ctx ends, then closes the listener, tells idle clients 57P01, lets running statements finish
// within ShutdownTimeout, cancels the rest and returns nil when every session is closed. It returns early only with the
// error of a listener that somebody else closed, after the same farewell. It may be called for several listeners at a time.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	base, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	unlisten := context.AfterFunc(ctx, func() { ln.Close() })
	defer unlisten()
	defer ln.Close()

	var running sync.WaitGroup
	err := s.acceptor.Accept(ctx, ln, func(nc net.Conn) {
		c := newConn(s, base, nc)
		if !s.add(c) {
			refuse(c)
			return
		}
		running.Go(func() {
			defer s.remove(c)
			c.serve()
		})
	})
	s.drain(base, cancel, &running)
	return err
}

// drain ends the connections whose calls derive from base, gently at first.
func (s *Server) drain(base context.Context, cancel context.CancelCauseFunc, running *sync.WaitGroup) {
	s.each(base, (*conn).stop)
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	patience := time.NewTimer(s.cfg.ShutdownTimeout)
	defer patience.Stop()
	select {
	case <-done:
		return
	case <-patience.C:
	}
	cancel(errShutdown)
	s.each(base, (*conn).abort)
	<-done
}

// each calls f for the connections whose calls derive from base.
func (s *Server) each(base context.Context, f func(*conn)) {
	s.mu.Lock()
	var all []*conn
	for c := range s.conns {
		if c.base == base {
			all = append(all, c)
		}
	}
	s.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}

// add takes a new connection in; false means that too many are starting up.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted++
	if !s.starting.Take(c.origin) {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// admit gives a connection that has started up its process id and cancel key; false means too many sessions.
func (s *Server) admit(c *conn, keyBytes int) bool {
	key := make([]byte, keyBytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byPID) >= s.cfg.MaxConnections {
		return false
	}
	for c.pid == 0 {
		// At random: counting up would tell clients how often others connect.
		rand.Read(key[:4])
		if pid := binary.BigEndian.Uint32(key) & math.MaxInt32; s.byPID[pid] == nil { // clients keep it as a signed number
			c.pid = pid
		}
	}
	rand.Read(key)
	c.key = key
	s.byPID[c.pid] = c
	s.starting.Leave(c.origin)
	return true
}

// leave gives back the place of a connection whose session is refused, before the client is told: it takes nobody's place then.
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveLocked(c)
}

// leaveLocked takes a session's process id back, unless another one has it by now.
func (s *Server) leaveLocked(c *conn) {
	if s.byPID[c.pid] == c {
		delete(s.byPID, c.pid)
	}
}

// remove forgets a connection that has ended.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.pid == 0 {
		s.starting.Leave(c.origin)
	} else {
		s.leaveLocked(c)
	}
}

// cancel serves a CancelRequest. Wrong ids and keys are met with silence.
func (s *Server) cancel(pid uint32, key []byte) {
	s.mu.Lock()
	c := s.byPID[pid]
	s.mu.Unlock()
	if c != nil && subtle.ConstantTimeCompare(c.key, key) == 1 {
		c.cancelCall(errCanceled)
	}
}

// refuse turns a connection away that is too many even for start-up. Nothing is read; the answer fits any socket buffer.
func refuse(c *conn) {
	c.sendError(errTooMany)
	c.out.flush()
	c.nc.Close()
}
