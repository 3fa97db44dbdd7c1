package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// An httpListener serves HTTP on a listener of its own.
type httpListener struct {
	http  *http.Server
	ended chan struct{}
}

// serveHTTP serves ln, which log lines call by name, with what h says. Complaints about single clients are logged for debugging.
func (s *Server) serveHTTP(ln net.Listener, name string, h *http.Server) *httpListener {
	h.ReadTimeout, h.MaxHeaderBytes = opsTimeout, 8<<10
	h.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	l := &httpListener{http: h, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		if err := h.Serve(s.accepting.Listener(ln)); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error(name, "error", err.Error())
		}
	}()
	return l
}

// close ends the listener, giving running requests a moment.
func (l *httpListener) close() {
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if l.http.Shutdown(ctx) != nil {
		l.http.Close()
	}
	<-l.ended
}
