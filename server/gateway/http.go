package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
)

const (
	maxHeaderBytes   = 8 << 10
	publicationsPath = "/publications.bin"

	index = `This is the KSI gateway of a Jurat ledger.

KSI clients send their requests here: aggregator and extender, protocol version 2,
by POST to any path. Login id and HMAC key are those of an agency.

GET ` + publicationsPath + ` is the publications file.
`
)

// serveHTTP serves ln until ctx ends and then until all connections have ended. It returns early with the error of a
// listener that somebody else closed.
func (s *Server) serveHTTP(ctx context.Context, ln net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	limited := newLimited(s.acceptor.Listener(ln), s)
	fresh := freshConns{conns: make(map[net.Conn]struct{})}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	srv := &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		Protocols:         &protocols,
		ReadHeaderTimeout: s.cfg.ReadTimeout,
		ReadTimeout:       s.cfg.ReadTimeout,
		WriteTimeout:      s.cfg.ReadTimeout + s.cfg.RequestTimeout + s.cfg.WriteTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnState: func(nc net.Conn, state http.ConnState) {
			fresh.note(nc, state)
			if state == http.StateClosed {
				limited.release(nc) // the last that the connection's goroutine does
			}
		},
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(limited) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		ended <- err
	}
	fresh.close()
	patience, done := context.WithTimeout(base, s.cfg.ShutdownTimeout)
	defer done()
	if srv.Shutdown(patience) != nil {
		cancel()
		srv.Close()
	}
	<-ended
	limited.wait()
	return err
}

// freshConns are connections that have not sent a byte. The HTTP server's own shutdown would wait five seconds for them.
type freshConns struct {
	mu      sync.Mutex // covers what follows
	conns   map[net.Conn]struct{}
	closing bool
}

func (f *freshConns) note(nc net.Conn, state http.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(f.conns, nc)
	case f.closing:
		nc.Close()
	default:
		f.conns[nc] = struct{}{}
	}
}

func (f *freshConns) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closing = true
	for nc := range f.conns {
		nc.Close()
	}
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		s.post(w, r)
	case http.MethodGet, http.MethodHead:
		s.get(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "want GET, HEAD or POST", http.StatusMethodNotAllowed)
	}
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, index)
	case publicationsPath:
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
		defer cancel()
		data, err := s.cfg.Ledger.PublicationsFile(ctx)
		if own, ok := errors.AsType[*Error](err); ok && own.Status.ClientFault() {
			http.Error(w, own.Message, http.StatusNotFound)
			return
		}
		if err != nil {
			s.cfg.Logger.Error("publications file", "error", err)
			http.Error(w, "the server failed; ask again later", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(data)
	default:
		http.Error(w, "there is nothing here; see /", http.StatusNotFound)
	}
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	var out reply
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, pdu.MaxSize))
	if err == nil {
		var c *call
		if c, out = s.authenticate(data, r.RemoteAddr); c != nil {
			out = s.run(r.Context(), c)
		}
	} else {
		s.cfg.Logger.Debug("KSI request refused", "error", err)
		out = unread(data, err)
	}
	code := http.StatusOK
	switch {
	case out.status.ClientFault():
		code = http.StatusBadRequest
	case out.status != pdu.OK:
		code = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/ksi-response")
	w.WriteHeader(code)
	w.Write(out.data)
}

// unread returns the reply to a body that could not be read beyond data.
func unread(data []byte, err error) reply {
	service, _ := pdu.ServiceOf(data)
	if _, ok := errors.AsType[*http.MaxBytesError](err); !ok {
		return bare(service, pdu.InvalidRequest, "the request did not arrive whole")
	}
	status := pdu.RequestTooLarge
	if service == pdu.Extender {
		status = pdu.InvalidRequest // extenders have no code of their own
	}
	return bare(service, status, "the request is longer than a PDU can be")
}
