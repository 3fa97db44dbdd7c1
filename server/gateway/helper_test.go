package gateway_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi/client"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/server/gateway"
)

// patience is what tests wait for what must happen.
const patience = 20 * time.Second

// A served gateway, on two loopback ports.
type served struct {
	*ledger
	tb        testing.TB
	http, tcp string // addresses, host:port
	log       lockedBuffer
	cancel    context.CancelFunc
	ended     chan error
	stopOnce  sync.Once
}

// serve starts a gateway over a new ledger. When the test ends, it stops it and looks for goroutines that are left.
func serve(tb testing.TB, change func(*gateway.Config)) *served {
	tb.Helper()
	goroutines := runtime.NumGoroutine()
	s := &served{ledger: newLedger(tb), tb: tb, ended: make(chan error, 1)}
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		return ln
	}
	h, t := listen(), listen()
	s.http, s.tcp = h.Addr().String(), t.Addr().String()
	c := gateway.Config{Ledger: s.ledger, Now: time.Now, MaxRequests: 1 << 20,
		Logger: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&c)
	}
	g := gateway.New(c)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() { s.ended <- g.Serve(ctx, h, t) }()
	tb.Cleanup(func() {
		s.stop()
		waitFor(tb, func() bool { return runtime.NumGoroutine() <= goroutines })
		if strings.Contains(s.log.String(), "secret of") {
			tb.Errorf("a key is in the log:\n%s", &s.log)
		}
	})
	return s
}

// stop stops the gateway and waits until it has.
func (s *served) stop() {
	s.tb.Helper()
	s.stopOnce.Do(func() {
		s.cancel()
		select {
		case err := <-s.ended:
			if err != nil {
				s.tb.Error(err)
			}
		case <-time.After(patience):
			s.tb.Error("Serve does not return")
		}
	})
}

// client returns a client of the gateway over the scheme, http or ksi+tcp.
func (s *served) client(scheme, user string) *client.Client {
	s.tb.Helper()
	address := s.http
	if scheme == "ksi+tcp" {
		address = s.tcp
	}
	c, err := client.New(client.Config{URL: scheme + "://" + address, User: user, Key: s.keys[user], Timeout: patience})
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(c.Close)
	return c
}

// dial opens a TCP connection.
func (s *served) dial() *net.TCPConn {
	s.tb.Helper()
	nc, err := net.Dial("tcp", s.tcp)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return nc.(*net.TCPConn)
}

// post sends a body by HTTP and returns the status and what was answered.
func (s *served) post(path string, body []byte) (int, []byte) {
	s.tb.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	r, err := c.Post("http://"+s.http+path, "application/ksi-request", bytes.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	defer r.Body.Close()
	if got := r.Header.Get("Content-Type"); got != "application/ksi-response" {
		s.tb.Errorf("content type %q", got)
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		s.tb.Fatal(err)
	}
	return r.StatusCode, answer
}

// request makes a PDU of q under a login and a key.
func request(tb testing.TB, q pdu.Request, login, key string) []byte {
	tb.Helper()
	q.Header.Login = login
	data, err := q.Append(nil, merkle.SHA256, []byte(key))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// response reads a PDU. It fails the test unless its HMAC is made with the key, or it holds a bare error and key is empty.
func response(tb testing.TB, data []byte, key string) *pdu.Response {
	tb.Helper()
	e, err := pdu.Parse(data)
	if err != nil {
		tb.Fatalf("%x: %v", data, err)
	}
	r, err := e.Response()
	if err != nil {
		tb.Fatalf("%x: %v", data, err)
	}
	if authentic := e.Authentic([]byte(key)); authentic != (key != "") || authentic != (r.Error == nil) {
		tb.Fatalf("%x: authentic %v", data, authentic)
	}
	return r
}

func next(tb testing.TB, in *pdu.Reader) []byte {
	tb.Helper()
	data, err := in.Next()
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// waitFor waits until done reports true.
func waitFor(tb testing.TB, done func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			var stacks [1 << 16]byte
			tb.Fatalf("waited too long\n%s", stacks[:runtime.Stack(stacks[:], true)])
		}
	}
}

// A lockedBuffer is a buffer for many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
