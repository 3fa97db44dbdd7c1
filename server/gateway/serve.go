package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/jurat-ledger/jurat/internal/places"
)

// Serve serves HTTP and TCP clients until ctx ends; either listener may be nil. It then closes the listeners, lets the
// requests in flight end within ShutdownTimeout, cancels the rest and returns nil when every connection is closed. It
// returns early only with the error of a listener that somebody else closed, after the same farewell. It closes both
// listeners in any case.
func (s *Server) Serve(ctx context.Context, httpListener, tcpListener net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	var errs [2]error
	start := func(ln net.Listener, serve func(context.Context, net.Listener) error, err *error) {
		if ln != nil {
			running.Go(func() {
				defer stop()
				*err = serve(ctx, ln)
			})
		}
	}
	start(httpListener, s.serveHTTP, &errs[0])
	start(tcpListener, s.serveTCP, &errs[1])
	running.Wait()
	return errors.Join(errs[:]...)
}

// A limited listener accepts no more connections at a time than its server allows, and leaves places for other addresses; what is over
// that is closed at once.
type limited struct {
	net.Listener
	logger *slog.Logger
	total  *atomic.Int64 // connections of the server
	places *places.Places
	open   sync.WaitGroup
}

func newLimited(ln net.Listener, s *Server) *limited {
	return &limited{Listener: ln, logger: s.cfg.Logger, total: &s.open, places: places.New(s.cfg.MaxConnections)}
}

// Accept waits for the next connection, for which release must be called when it has ended.
func (l *limited) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.places.Take(places.Origin(nc.RemoteAddr())) {
			l.open.Add(1)
			l.total.Add(1)
			return nc, nil
		}
		l.logger.Debug("KSI connection refused: there are too many", "remote", nc.RemoteAddr().String())
		nc.Close()
	}
}

func (l *limited) release(nc net.Conn) {
	l.places.Leave(places.Origin(nc.RemoteAddr()))
	l.total.Add(-1)
	l.open.Done()
}

// wait returns when all connections have ended. Nobody may accept any more.
func (l *limited) wait() { l.open.Wait() }
