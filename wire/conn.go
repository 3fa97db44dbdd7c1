package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/internal/places"
)

// conn is one connection. Its goroutine owns all fields but those under mu.
type conn struct {
	origin      string // that start-up places are counted by: an address, or the account of a client on a Unix socket
	srv         *Server
	base        context.Context // ends when the server's patience does; calls' contexts derive from it
	log         *slog.Logger
	nc          net.Conn // the socket, or TLS over it; replaced under mu
	encrypted   bool
	tls         *tls.ConnectionState // nil without TLS
	certificate *x509.Certificate    // that the server showed
	uid         *uint32              // of the client's process, nil if it is not known
	in          input
	out         output
	session     Session
	pid         uint32 // 0 before admission; set under the server's mu, like key
	key         []byte
	skip        bool // after an error in the extended protocol: discard messages until Sync
	over        bool // after a FATAL error

	idle idle

	parse parseMessage // scratch
	bind  Bind         // scratch
	cycle cycle        // of the Bind that was served last

	ctx     context.Context // of calls; replaced under mu
	state   atomic.Uint32   // resting, calling or attended; left by others than this goroutine under mu
	calls   atomic.Uint32   // how many have begun
	ticking atomic.Bool     // the timer runs, or is about to be set again
	ending  atomic.Bool     // stopping or aborted

	mu       sync.Mutex // covers what follows, for the goroutines that cancel, stop and watch
	cancel   context.CancelCauseFunc
	stopping bool          // the server shuts down: reads fail at once while no call runs
	aborted  bool          // and its patience has ended
	late     time.Time     // when the rest of a message is too late; zero if none is waited for
	copying  bool          // the call reads: it must not be watched
	timer    *time.Timer   // starts the watcher
	seen     uint32        // calls, at the timer's last tick
	watching chan struct{} // open while the watcher reads; nil if none does
	recalled bool          // it is to end: reads fail at once
}

func newConn(s *Server, base context.Context, nc net.Conn) *conn {
	remote := nc.RemoteAddr().String()
	if IsLocal(nc.RemoteAddr()) {
		remote = From(nc.RemoteAddr())
	}
	c := &conn{srv: s, base: base, nc: nc, origin: places.Origin(nc.RemoteAddr()), uid: peerUID(nc), log: s.cfg.Logger.With("remote", remote)}
	if c.uid != nil {
		c.origin = fmt.Sprintf("account %d", *c.uid)
	}
	c.in.conn, c.in.memory = nc, &s.incoming
	c.out = output{conn: nc, now: s.cfg.Now, timeout: c.writeTimeout, opened: -1}
	return c
}

// From says where a client comes from: its address, "[local]" on a Unix socket, as PostgreSQL does, "" if that is not known.
func From(remote net.Addr) string {
	switch a := remote.(type) {
	case *net.TCPAddr:
		return a.IP.String()
	case *net.UnixAddr:
		return "[local]"
	}
	return ""
}

// IsLocal reports whether an address is one of a Unix socket.
func IsLocal(a net.Addr) bool {
	_, ok := a.(*net.UnixAddr)
	return ok
}

// serve runs the connection to its end.
func (c *conn) serve() {
	defer func() { c.nc.Close() }() // whatever it is by then
	defer c.in.drop()
	defer c.stopTicking()
	defer c.closeSession()
	c.setConn(NewSocket(c.nc))
	err := c.guard(c.run)
	if e := (*Error)(nil); errors.As(err, &e) {
		last := *e
		last.Severity = severityFatal
		c.sendError(&last)
		if c.out.flush() == nil && e.Code == codeProtocolViolation {
			places.Linger(c.nc, c.srv.cfg.Now())
		}
	}
	c.log.Debug("connection closed", "reason", err)
}

// run admits the client and serves its messages. An *Error that it returns is sent before the connection closes.
func (c *conn) run() error {
	c.beginStartup()
	if err := c.admit(); err != nil {
		return err
	}
	c.log.Debug("connection opened")
	for {
		if c.in.r == c.in.w {
			c.trim()
		}
		typ, err := c.next()
		if err != nil {
			return c.readError(err)
		}
		if typ == msgTerminate {
			return nil
		}
		if err := c.serveMessage(typ); err != nil {
			return err
		}
	}
}

// serveMessage serves the message whose header has been read. An error ends the connection.
func (c *conn) serveMessage(typ byte) error {
	if typ == msgCopyData || typ == msgCopyDone || typ == msgCopyFail || c.skip && typ != msgSync {
		return nil // left over from a COPY that failed, or discarded until Sync
	}
	body, err := c.in.body()
	if err != nil {
		return c.readError(err)
	}
	switch typ {
	case msgQuery:
		c.failed(c.guard(func() error { return c.simpleQuery(body) }))
		return c.ready()
	case msgFunctionCall:
		c.failed(errorf(codeUnsupported, "function calls through the protocol are not supported"))
		return c.ready()
	case msgSync:
		c.skip = false
		c.report(c.guard(func() error { return c.sync(body) }))
		return c.ready()
	case msgFlush:
		return c.out.flush()
	}
	if err = c.guard(func() error { return c.extended(typ, body) }); err != nil {
		c.skip, c.cycle = true, cycle{}
		c.failed(err)
		c.out.flush() // the client may wait for the error before it sends Sync
	}
	c.out.relieve()
	return c.ended()
}

// guard runs f and turns a panic into an error.
func (c *conn) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.out.takeBack()
			c.log.Error("panic", "panic", r, "stack", string(debug.Stack()))
			err = errorf(codeInternal, "internal error; the server's log has the details")
		}
	}()
	return f()
}

// reportable returns the error to send for err, and logs it if nobody meant it for a client.
func (c *conn) reportable(ctx context.Context, err error) *Error {
	e, known := asError(ctx, err)
	if !known {
		c.log.Error("statement failed", "error", err)
	}
	return e
}

// failed fails the transaction and reports err, if it is one.
func (c *conn) failed(err error) {
	if err != nil {
		c.session.Fail(err)
		c.report(err)
	}
}

// report appends the error that ended a statement, if it is one, after the notices before it.
func (c *conn) report(err error) {
	if err == nil || c.out.err != nil {
		return
	}
	c.reportNotices()
	e := c.reportable(c.ctx, err)
	c.over = c.over || e.fatal()
	c.sendError(e)
}

// reportNotices appends the session's notices.
func (c *conn) reportNotices() {
	for _, n := range c.session.Notices() {
		c.out.notice(n)
	}
}

// reportChanges appends the session's changed settings.
func (c *conn) reportChanges() {
	for _, p := range c.session.Changed() {
		c.out.parameter(p)
	}
}

// ready ends a statement or a series of them.
func (c *conn) ready() error {
	if err := c.ended(); err != nil {
		return err
	}
	c.reportChanges()
	c.idle.status = c.session.Status()
	if c.idle.status == 'I' {
		c.appendNotifications()
	}
	c.out.ready(c.idle.status)
	return c.out.flush()
}

// ended returns an error if the connection cannot go on.
func (c *conn) ended() error {
	if c.out.err != nil {
		return c.out.err
	}
	if c.over {
		c.out.flush()
		return errDone
	}
	return nil
}

// readError returns what to tell the client when reading from it failed.
func (c *conn) readError(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
	case c.stopping:
		return errShutdown
	case !c.aborted && !c.late.IsZero() && !c.srv.cfg.Now().Before(c.late):
		return errSlowMessage
	}
	return err
}

// trim gives up what a rare large message has left behind.
func (c *conn) trim() {
	c.out.trim()
	c.parse.sql = ""
	if cap(c.parse.types) > keepScratch {
		c.parse.types = nil
	}
	if cap(c.bind.Parameters) > keepScratch || cap(c.bind.ResultFormats) > keepScratch {
		c.bind = Bind{}
	}
	clear(c.bind.Parameters)
}

// closeSession ends the session, once.
func (c *conn) closeSession() {
	if s := c.session; s != nil {
		c.session = nil
		c.guard(func() error { s.Close(); return nil })
	}
}

// writeTimeout is the time that a client gets to read.
func (c *conn) writeTimeout() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aborted {
		return min(lastWords, c.srv.cfg.WriteTimeout)
	}
	return c.srv.cfg.WriteTimeout
}

// setConn replaces the connection by one over it.
func (c *conn) setConn(nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nc, c.in.conn, c.out.conn = nc, nc, nc
}

// beginStartup bounds the time until the client is admitted.
func (c *conn) beginStartup() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopping {
		c.nc.SetDeadline(c.srv.cfg.Now().Add(c.srv.cfg.StartupTimeout))
	}
}

// endStartup lifts that bound.
func (c *conn) endStartup() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setReadDeadlineLocked()
	c.in.pace = c.setLate
}

// setLate bounds how long the client may take over the rest of a message that has begun, or its next 64 KiB.
func (c *conn) setLate(begun bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = time.Time{}
	if begun {
		c.late = c.srv.cfg.Now().Add(c.srv.cfg.MessageTimeout)
	}
	c.setReadDeadlineLocked()
}
