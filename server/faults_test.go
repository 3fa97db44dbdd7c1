package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/server/ledger"
)

// A syncBuffer takes a log from many goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// file files a digest of a string and returns its round.
func (c *stillConn) file(what string) (round string) {
	c.t.Helper()
	rows, refused := c.answer(fmt.Sprintf("INSERT INTO hashes (digest) VALUES (sha256('%s')) RETURNING round", what), "")
	if refused != nil {
		c.t.Fatalf("%s: %v", what, refused)
	}
	return rows[0]
}

// one returns the answer to a query of one value.
func (c *stillConn) one(sql string) string {
	c.t.Helper()
	rows, refused := c.answer(sql, "")
	if refused != nil || len(rows) != 1 {
		c.t.Fatalf("%s: %q, %v", sql, rows, refused)
	}
	return rows[0]
}

// TestClockFaults: a client's view of a server whose clock stands still, is set back and jumps ahead. Nothing is ever filed under a
// second that is closed or that may be wrong, and filing goes on when the clock is right again.
func TestClockFaults(t *testing.T) {
	c, log := stillConfig(t, t.TempDir()), new(syncBuffer)
	c.Logger, c.HTTPListen = slog.New(slog.NewTextHandler(log, nil)), "127.0.0.1:0"
	s := serveStill(t, c, stillStart)
	conn := s.connect("super-s")
	const newest = "SELECT max(round) FROM calendar"
	conn.file("first")
	s.pass(3)

	closed := conn.one(newest)
	frozen := conn.file("frozen 1")
	if again := conn.file("frozen 2"); again != frozen || conn.one(newest) != closed {
		t.Errorf("on a clock that stands still: filed in %s and %s; %s was the newest second, now %s", frozen, again, closed, conn.one(newest))
	}
	s.pass(1)
	if closed = conn.one(newest); closed != frozen {
		t.Errorf("when time passes again %s is closed, want %s", closed, frozen)
	}

	s.clock.Move(0, -20*time.Second)
	back := conn.file("back 1")
	s.clock.Move(10*time.Second, 0)
	if again := conn.file("back 2"); again != back || back <= closed || conn.one(newest) != closed {
		t.Errorf("on a clock set back: filed in %s and %s; %s was the newest second, now %s", back, again, closed, conn.one(newest))
	}
	if status, page := s.get(t, "/readyz"); status != http.StatusOK { // within what a jump may be
		t.Errorf("readyz: %d: %s", status, page)
	}
	s.clock.Move(0, -time.Hour)
	if status, page := s.get(t, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(page, "clock behind: it shows ") {
		t.Errorf("readyz an hour behind: %d: %s", status, page)
	}
	s.clock.Move(0, time.Hour)
	if !strings.Contains(log.String(), "the clock was set back") {
		t.Errorf("the log does not tell that the clock was set back:\n%s", log)
	}
	s.clock.Move(11*time.Second, 0)
	s.pass(1)
	if got := conn.one("SELECT verdict FROM proofs p, verify(p.digest, p.signature) WHERE p.digest = sha256('back 2')"); got != `["OK"]` {
		t.Errorf("when the clock has caught up: %s", got)
	}

	if n := conn.one("SELECT count(*) FROM late_filings WHERE digest IN (sha256('back 1'), sha256('back 2')) AND late > '9 s'"); n != `["2"]` {
		t.Errorf("%s of 2 filings show that they came into a later round", n)
	}
	if n := conn.one("SELECT count(*) FROM late_filings"); n != `["2"]` {
		t.Errorf("%s filings came into a later round, want 2", n)
	}

	s.clock.Move(0, c.MaxClockJump+2*time.Second)
	wantClockJump(t, s, conn)
	if !strings.Contains(log.String(), "the clock jumped ahead") {
		t.Errorf("the log does not tell of the jump:\n%s", log)
	}
	conn.must("SELECT signature FROM proofs", "SELECT * FROM calendar", "SELECT confirm_clock()")
	if after := conn.file("confirmed"); after <= back {
		t.Errorf("filed in %s after a jump from %s", after, back)
	}
	s.pass(1)
	if n := conn.one("SELECT count(*) FROM proofs p, verify(p.digest, p.signature) v WHERE v.verdict = 'OK'"); n != `["6"]` {
		t.Errorf("%s of 6 proofs hold", n)
	}
	if n := conn.one("SELECT count(*) FROM audit_calendar('-infinity', 'infinity')"); n != `["0"]` {
		t.Errorf("%s faults", n)
	}
}

// wantClockJump demands that nothing is filed, and that the server says so where it is asked.
func wantClockJump(t *testing.T, s *stillServer, conn *stillConn) {
	t.Helper()
	for range 2 {
		if _, refused := conn.answer("INSERT INTO hashes (digest) VALUES (sha256('jumped'))", ""); refused == nil || refused.Code != "55000" ||
			!strings.Contains(refused.Hint, "confirm_clock()") {
			t.Fatalf("filed after a jump: %v", refused)
		}
	}
	if status, page := s.get(t, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(page, "clock") {
		t.Errorf("readyz: %d: %s", status, page)
	}
}

// TestDiskFaults: the disk answers EIO to a write or a sync of a kind of file while clients file. The server ends, gives no receipt
// afterwards, and the next start has all that was acknowledged.
func TestDiskFaults(t *testing.T) {
	for _, fault := range []struct {
		name  string
		kinds []errorfs.OpKind
		rows  int // of a statement
	}{
		{"write of the log", []errorfs.OpKind{errorfs.OpFileWrite}, 1},
		{"sync of the log", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, 1},
		{"write of a table", []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileWriteAt}, 70_000},
		{"sync of a table", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}, 70_000},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			var broken atomic.Bool
			dir := t.TempDir()
			c := testConfig(dir)
			c.Store.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if broken.Load() && slices.Contains(fault.kinds, op.Kind) && (fault.rows > 1 || strings.HasSuffix(op.Path, ".log")) {
					return &fs.PathError{Op: "fault", Path: op.Path, Err: syscall.EIO}
				}
				return nil
			}))
			s, err := New(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- s.Run(context.Background()) }()
			acked := fileUntilBroken(t, s, fault.rows, &broken)
			select {
			case err := <-done:
				if !errors.Is(err, ledger.ErrFatal) {
					t.Errorf("the server ended with %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the server goes on after a failed write")
			}
			c.Store.FS = nil
			again, _ := testServer(t, c)
			conn, err := pgconn.Connect(t.Context(), "postgres://jurat@"+again.Addr().String()+"/jurat?sslmode=disable")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			x := &stillConn{conn, t}
			for _, a := range acked {
				if got := x.one("SELECT count(*) FROM hashes WHERE digest = sha256('" + a + "')"); got != `["1"]` {
					t.Errorf("%s was acknowledged and stands there %s times", a, got)
				}
			}
		})
	}
}

// fileUntilBroken files by three clients, breaks the disk and returns what was acknowledged. Nothing may be acknowledged by a
// statement that was begun after another had failed.
func fileUntilBroken(t *testing.T, s *Server, rows int, broken *atomic.Bool) (acked []string) {
	t.Helper()
	var mu sync.Mutex
	var failed atomic.Bool
	var wg sync.WaitGroup
	var conns [3]*pgconn.PgConn
	for client := range conns {
		var err error
		if conns[client], err = pgconn.Connect(t.Context(), "postgres://jurat@"+s.Addr().String()+"/jurat?sslmode=disable"); err != nil {
			t.Fatal(err)
		}
	}
	for client, conn := range conns {
		wg.Go(func() {
			defer conn.Close(context.Background())
			for i := range 10_000 {
				if client == 0 && i == 3 {
					broken.Store(true)
				}
				what, late := fmt.Sprintf("%d/%d", client, i), failed.Load()
				_, err := conn.Exec(context.Background(), fmt.Sprintf(
					"INSERT INTO hashes (digest) SELECT sha256(('%s' || CASE g WHEN 1 THEN '' ELSE '/' || g END)::bytea) FROM generate_series(1, %d) g", what, rows)).ReadAll()
				switch {
				case err == nil && late:
					t.Errorf("%s was acknowledged after a failed write", what)
				case err == nil:
					mu.Lock()
					acked = append(acked, what)
					mu.Unlock()
				default:
					failed.Store(true)
					var e *pgconn.PgError
					if errors.As(err, &e) && e.Code != "58030" && e.Code != "57P01" {
						t.Errorf("%s: %v", what, err)
					}
					return
				}
			}
			t.Errorf("client %d saw no failure", client)
		})
	}
	wg.Wait()
	if len(acked) == 0 {
		t.Error("nothing was acknowledged before the fault")
	}
	return acked
}
