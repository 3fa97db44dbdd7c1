package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
)

// A stillServer is a server whose time passes as a test says.
type stillServer struct {
	*Server
	t     *testing.T
	clock *ledgertest.Clock
	stop  func()
}

// stillStart is in the middle of a second.
var stillStart = time.Date(2026, 11, 22, 1, 15, 29, 500e6, time.UTC)

// stillConfig is of a server whose first superuser is super-s, and that lets everybody in who comes from loopback.
func stillConfig(t *testing.T, dir string) Config {
	t.Helper()
	c := testConfig(dir)
	c.Role = "super-s"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, HBAFile), []byte("host all all 127.0.0.0/8 trust\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// serveStill runs a server on a clock that begins at a time, until the test ends or stop is called.
func serveStill(t *testing.T, c Config, at time.Time) *stillServer {
	t.Helper()
	clock := ledgertest.NewClock(at)
	c.Clock = clock
	s, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	x := &stillServer{Server: s, t: t, clock: clock}
	x.stop = sync.OnceFunc(func() {
		cancel()
		for {
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("run: %v", err)
				}
				return
			case <-time.After(time.Millisecond):
				clock.Move(100*time.Millisecond, 0) // the open round is closed at its second
			}
		}
	})
	t.Cleanup(x.stop)
	return x
}

// pass lets n seconds pass, one after the other, and waits until each is closed.
func (s *stillServer) pass(n int) {
	s.t.Helper()
	for range n {
		_, _, open := s.ledger.Extent()
		s.clock.Move(max(open.Time().Sub(s.now()), 0), 0)
		for closed := open - 1; closed < open; _, closed, _ = s.ledger.Extent() {
			<-time.After(100 * time.Microsecond) // the ledger tells nobody outside it
		}
		s.clock.Move(500*time.Millisecond, 0)
	}
}

// A stillConn is a connection of a role.
type stillConn struct {
	*pgconn.PgConn
	t *testing.T
}

func (s *stillServer) connect(role string) *stillConn {
	s.t.Helper()
	conn, err := pgconn.Connect(context.Background(), "postgres://"+role+"@"+s.Addr().String()+"/jurat?sslmode=disable")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close(context.Background()) })
	return &stillConn{conn, s.t}
}

// must runs statements that succeed.
func (c *stillConn) must(statements ...string) {
	c.t.Helper()
	for _, sql := range statements {
		if _, err := c.Exec(context.Background(), sql).ReadAll(); err != nil {
			c.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// answer runs statements, COPY with copied as input, and returns the rows as text and the error of the client.
func (c *stillConn) answer(sql, copied string) (rows []string, refused *pgconn.PgError) {
	c.t.Helper()
	var err error
	ctx := context.Background()
	switch {
	case strings.HasPrefix(sql, "COPY") && strings.Contains(sql, "FROM STDIN"):
		_, err = c.CopyFrom(ctx, strings.NewReader(copied), sql)
	case strings.HasPrefix(sql, "COPY"):
		var out bytes.Buffer
		_, err = c.CopyTo(ctx, &out, sql)
		rows = strings.SplitAfter(out.String(), "\n")
		rows = rows[:len(rows)-1]
	default:
		var results []*pgconn.Result
		results, err = c.Exec(ctx, sql).ReadAll()
		for _, r := range results {
			for _, row := range r.Rows {
				rows = append(rows, fmt.Sprintf("%q", row))
			}
		}
	}
	if err != nil && !errors.As(err, &refused) {
		c.t.Fatalf("%s: %v", sql, err)
	}
	return rows, refused
}
