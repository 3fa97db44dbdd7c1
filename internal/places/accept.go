package places

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// acceptRetry is the pause after a failed accept.
	acceptRetry = 50 * time.Millisecond
	// sayAgain is how long an Acceptor is silent after it has said that accepting fails.
	sayAgain = time.Minute
	// lingerTime and lingerBytes are how long, and for how much, Linger reads on.
	lingerTime  = 250 * time.Millisecond
	lingerBytes = 1 << 20
)

// keepAlive finds a client whose machine is gone within two minutes.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}

// An Acceptor accepts connections, and tries again where that fails: out of file descriptors, say. It is safe for concurrent use.
type Acceptor struct {
	what  string // is accepted, in the log
	now   func() time.Time
	log   *slog.Logger
	retry time.Duration

	mu     sync.Mutex // covers all below
	failed uint64
	said   uint64    // of them
	last   time.Time // when
}

// NewAcceptor returns an Acceptor; log lines call by name what it accepts.
func NewAcceptor(what string, now func() time.Time, log *slog.Logger) *Acceptor {
	return &Acceptor{what: what, now: now, log: log, retry: acceptRetry}
}

// Failed returns how often accepting has failed.
func (a *Acceptor) Failed() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

// Listener returns ln, whose Accept tries again where accepting fails.
func (a *Acceptor) Listener(ln net.Listener) net.Listener { return &retrying{ln, a} }

type retrying struct {
	net.Listener
	acceptor *Acceptor
}

func (l *retrying) Accept() (net.Conn, error) {
	return l.acceptor.next(context.Background(), l.Listener)
}

// next returns the next connection, or the error of a listener that is closed or fails when ctx has ended.
func (a *Acceptor) next(ctx context.Context, ln net.Listener) (net.Conn, error) {
	for {
		nc, err := ln.Accept()
		if tcp, ok := nc.(*net.TCPConn); ok {
			tcp.SetKeepAliveConfig(keepAlive)
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return nc, err
		}
		a.fail(err)
		select {
		case <-ctx.Done():
		case <-time.After(a.retry):
		}
	}
}

// Accept hands every accepted connection to serve until ctx ends or the listener is closed by somebody else, whose error it returns.
func (a *Acceptor) Accept(ctx context.Context, ln net.Listener, serve func(net.Conn)) error {
	for {
		nc, err := a.next(ctx, ln)
		switch {
		case err == nil:
			serve(nc)
		case ctx.Err() != nil:
			return nil
		default:
			return err
		}
	}
}

// fail counts a failure. The first is logged, and then one a minute, with how many there were since.
func (a *Acceptor) fail(err error) {
	now := a.now()
	a.mu.Lock()
	a.failed++
	n := a.failed - a.said
	say := a.last.IsZero() || now.Sub(a.last) >= sayAgain
	if say {
		a.said, a.last = a.failed, now
	}
	a.mu.Unlock()
	if say {
		a.log.Warn(a.what+" not accepted", "error", err, "times", n)
	}
}

// Linger tells a client that nothing more comes, and reads on for a moment: if a connection is closed while there is input left, the kernel
// takes back what the client has not read.
func Linger(nc net.Conn, now time.Time) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	nc.SetReadDeadline(now.Add(lingerTime))
	io.CopyN(io.Discard, nc, lingerBytes)
}
