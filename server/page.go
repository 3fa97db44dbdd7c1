package server

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/internal/places"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/page"
	"github.com/jurat-ledger/jurat/page/check"
	"github.com/jurat-ledger/jurat/server/ledger"
	"github.com/jurat-ledger/jurat/storage"
)

const (
	// pageConnections bounds the connections to the page's listener: who comes beyond is turned away.
	pageConnections = 512
	// pageTimeout bounds the time for a request, and that for an answer: 2 MB at 35 kB/s.
	pageTimeout = time.Minute
	// pageIdle bounds how long a connection may wait for its next request.
	pageIdle = 15 * time.Second
)

// startPage serves the page on ln.
func (s *Server) startPage(ln net.Listener) (*httpListener, error) {
	handler, err := s.pageHandler()
	if errors.Is(err, page.ErrNotBuilt) {
		s.log.Warn("verification page", "error", err)
		handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, page.ErrNotBuilt.Error(), http.StatusServiceUnavailable)
		})
	} else if err != nil {
		return nil, err
	}
	if !loopback(ln.Addr().String()) {
		ln = s.tls.listener(ln)
	}
	return s.serveHTTP(&bounded{ln, places.New(pageConnections)}, "listener of the verification page",
		&http.Server{Handler: handler, WriteTimeout: pageTimeout, IdleTimeout: pageIdle}), nil
}

func (s *Server) pageHandler() (http.Handler, error) {
	v, err := page.Built()
	if err != nil {
		return nil, err
	}
	files, err := page.Files(v)
	if err != nil {
		return nil, err
	}
	return page.Handler(page.HandlerConfig{Files: files, Trust: s.pageTrust, Status: s.pageStatus, Now: s.now, Log: s.log}), nil
}

// pageTrust returns what the page trusts: what verifiers of this ledger are told to.
// Of a directory without the key that signs publications files, which can be served only to be looked at, that is nothing; with a key that has
// ended it is no publications file, which no page would accept.
func (s *Server) pageTrust(context.Context) (t check.Trust, err error) {
	if s.publisher.key == nil || s.publisher.key.signer == nil {
		return t, nil
	}
	root, err := rootFiles.loadCertificate(s.config.DataDir)
	if err != nil {
		return t, err
	}
	t.Roots = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.X509.Raw}))
	t.Constraints = []string{"E=" + ksi.Email(s.publisher.key.certificate.X509)}
	file, err := s.publisher.publicationsFile()
	switch {
	case err == nil:
		t.Publications = file.Append(nil)
	case file == nil:
		return t, err
	}
	landmarks, err := s.ledger.LandmarksFile(0)
	if errors.Is(err, ledger.ErrNotClosed) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.Landmarks = landmarks.Append(nil)
	return t, nil
}

// maxStatusList bounds in bytes the status lists that the page gets: longer ones are had from the agency.
const maxStatusList = 16 << 20

// pageStatus returns the status list of an agency: the bundle of its lane of that name, which an agency makes so that all read it.
func (s *Server) pageStatus(ctx context.Context, agency string) ([]byte, error) {
	_, closed, _ := s.ledger.Extent()
	made := slices.ContainsFunc(s.ledger.Slots(), func(o storage.Slot) bool { return o.Agency == agency && o.Lane == seal.StatusLane })
	if !made {
		return nil, nil
	}
	e, err := s.ledger.ExportLane(agency, seal.StatusLane, 0, closed, false)
	if errors.Is(err, ledger.ErrNotFound) { // no second is closed yet
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer e.Close()
	var list []byte
	for {
		data, err := e.Next(ctx)
		if errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		if list = append(list, data...); len(list) > maxStatusList {
			s.log.Warn("status list is too long for the verification page", "agency", agency, "limit", maxStatusList)
			return nil, nil
		}
	}
}

// A bounded listener closes connections for which there is no place.
type bounded struct {
	net.Listener
	places *places.Places
}

func (l *bounded) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if origin := places.Origin(nc.RemoteAddr()); l.places.Take(origin) {
			return &boundedConn{Conn: nc, release: sync.OnceFunc(func() { l.places.Leave(origin) })}, nil
		}
		nc.Close()
	}
}

type boundedConn struct {
	net.Conn
	release func()
}

func (c *boundedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
