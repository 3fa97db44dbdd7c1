package wire_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jurat-ledger/jurat/wire"
)

// testServer is a server over the fake, on a loopback port.
type testServer struct {
	*wire.Server
	h    *fakeHandler
	addr string
	stop func() error // ends Serve and returns its error; the test's end calls it, too
}

// serve starts a server. change may adapt its configuration.
func serve(t testing.TB, change func(*wire.Config)) *testServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, change)
}

func serveOn(t testing.TB, ln net.Listener, change func(*wire.Config)) *testServer {
	h := newFakeHandler()
	c := wire.Config{Handler: h, Now: time.Now, Logger: slog.New(slog.NewTextHandler(testLog{t}, nil))}
	if change != nil {
		change(&c)
	}
	s := &testServer{Server: wire.New(c), h: h, addr: ln.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := h.open.Load(); n != 0 {
			t.Errorf("%d sessions are open after Serve", n)
		}
	})
	return s
}

// testLog writes the server's log to the test's.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}

func TestPgx(t *testing.T) {
	s := serve(t, nil)
	ctx := context.Background()
	for _, version := range []string{"3.0", "3.2"} {
		conn, err := pgx.Connect(ctx, "postgres://jo@"+s.addr+"/db?sslmode=prefer&max_protocol_version="+version)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := conn.QueryRow(ctx, "select $1::text", "hello").Scan(&got); err != nil || got != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
		if err := conn.Ping(ctx); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
