package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
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

// TestStopOnFullDisk: a server that is told to stop while what a client files waits for room ends although the disk stays full, and the
// next start has what was acknowledged.
func TestStopOnFullDisk(t *testing.T) {
	for _, rows := range []int{1, 70_000} { // through the log, as a table
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			t.Parallel()
			var full atomic.Bool
			c := testConfig(t.TempDir())
			log := new(syncBuffer)
			c.StopTime, c.Logger = 50*time.Millisecond, slog.New(slog.NewTextHandler(log, nil))
			c.Store.FS = fillable(&full)
			s, err := New(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			conn, err := pgconn.Connect(t.Context(), "postgres://jurat@"+s.Addr().String()+"/jurat?sslmode=disable")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			x := &stillConn{conn, t}
			x.file("before")

			full.Store(true)
			filed := make(chan error, 1)
			go func() {
				_, err := conn.Exec(context.Background(), fmt.Sprintf("INSERT INTO hashes (digest) SELECT sha256(g::text::bytea) FROM generate_series(1, %d) g", rows)).ReadAll()
				filed <- err
			}()
			<-s.store.Full()
			x.refusesBackup(s.Addr().String())
			stop()
			select {
			case err := <-done:
				if !errors.Is(err, ledger.ErrFatal) || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("the server ended with %v", err)
				}
			case <-time.After(time.Minute):
				t.Fatal("the server does not end while the disk is full")
			}
			select {
			case err := <-filed: // an error if the disk was full before the committer took the statement
				if err == nil {
					t.Error("acknowledged on a full disk")
				}
				filed <- err
			default:
			}
			if said := log.String(); !strings.Contains(said, "the disk is full") || strings.Contains(said, "writing goes on") {
				t.Errorf("the log says:\n%s", said)
			}

			full.Store(false)
			<-filed
			c.Store.FS = nil
			c.leftBehind(t)
			again, _ := testServer(t, c)
			if conn, err = pgconn.Connect(t.Context(), "postgres://jurat@"+again.Addr().String()+"/jurat?sslmode=disable"); err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			x = &stillConn{conn, t}
			if got := x.one("SELECT count(*) FROM hashes WHERE digest = sha256('before')"); got != `["1"]` {
				t.Errorf("what was acknowledged stands there %s times", got)
			}
		})
	}
}

// fillable returns the disk, on which nothing can be written while it is full.
func fillable(full *atomic.Bool) vfs.FS {
	return errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && slices.Contains([]errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt}, op.Kind) {
			return &fs.PathError{Op: "fault", Path: op.Path, Err: syscall.ENOSPC}
		}
		return nil
	}))
}

// refusesBackup asks another session of a server for a backup, which takes room that there is not.
func (x *stillConn) refusesBackup(address string) {
	x.t.Helper()
	conn, err := pgconn.Connect(x.t.Context(), "postgres://jurat@"+address+"/jurat?sslmode=disable")
	if err != nil {
		x.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(x.t.Context(), "SELECT count(*) FROM backup(false, NULL)").ReadAll()
	if e := (*pgconn.PgError)(nil); !errors.As(err, &e) || e.Code != "53100" || !strings.Contains(e.Hint, "Make room") {
		x.t.Errorf("a backup on a full disk: %v", err)
	}
}

// TestStartOnFullDisk: a server that starts on a full disk says so in /readyz, ends when it is told to although the disk stays full, and
// goes on by itself when there is room.
func TestStartOnFullDisk(t *testing.T) {
	c := testConfig(t.TempDir())
	s, stop := testServer(t, c)
	s.exec(t, "INSERT INTO hashes (digest) VALUES (sha256('before')) RETURNING signature")
	stop()
	var full atomic.Bool
	c.Store.FS = fillable(&full)
	full.Store(true)
	stop, done := c.startWaiting(t)
	stop()
	select {
	case err := <-done:
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "told to stop") {
			t.Errorf("the start ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the start does not end while the disk is full")
	}

	full.Store(false)
	c.Listeners = nil
	c.leftBehind(t)
	full.Store(true)
	stop, done = c.startWaiting(t)
	full.Store(false)
	again := c.Listeners[ListenerHTTP].Addr()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		if status, _ := getPage(t, again, "/readyz"); status == 200 {
			break
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("after there was room: %v", err)
	}
}

// leftBehind returns when what a server that ended has left behind is done, and has closed the store.
func (c *Config) leftBehind(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	opened, err := New(t.Context(), *c)
	for until := time.Now().Add(time.Minute); err != nil && time.Now().Before(until); <-tick.C {
		opened, err = New(t.Context(), *c)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.close(); err != nil {
		t.Fatal(err)
	}
}

// TestStopWhileRecovering: a start that takes long ends soon after it is told to, and the next one finds what was filed.
func TestStopWhileRecovering(t *testing.T) {
	c := testConfig(t.TempDir())
	s, stop := testServer(t, c)
	s.exec(t, "INSERT INTO hashes (digest) VALUES (sha256('before')) RETURNING signature")
	stop()
	reads, goOn := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(reads) })
	slow := c
	slow.Store.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileRead || op.Kind == errorfs.OpFileReadAt {
			begin()
			<-goOn
		}
		return nil
	}))
	ctx, told := context.WithCancel(t.Context())
	defer told()
	done := make(chan error, 1)
	go func() {
		_, err := New(ctx, slow)
		done <- err
	}()
	<-reads
	told()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "told to stop before it had started") {
			t.Errorf("the start ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the start does not end")
	}
	close(goOn)
	c.leftBehind(t)
	again, _ := testServer(t, c)
	conn, err := pgconn.Connect(t.Context(), "postgres://jurat@"+again.Addr().String()+"/jurat?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	x := &stillConn{conn, t}
	if got := x.one("SELECT count(*) FROM hashes WHERE digest = sha256('before')"); got != `["1"]` {
		t.Errorf("after an interrupted start, what was acknowledged stands there %s times", got)
	}
}

// startWaiting starts a server on a full disk, and returns when it says that it waits for room.
func (c *Config) startWaiting(t *testing.T) (stop context.CancelFunc, done <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Listeners = map[string]net.Listener{ListenerHTTP: ln}
	ctx, stop := context.WithCancel(t.Context())
	ended, config := make(chan error, 1), *c
	go func() {
		s, err := New(ctx, config)
		if err == nil {
			err = s.Run(ctx)
		}
		ended <- err
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	status, said := getPage(t, ln.Addr(), "/readyz")
	for until := time.Now().Add(time.Minute); !strings.Contains(said, "disk full") && time.Now().Before(until); <-tick.C {
		status, said = getPage(t, ln.Addr(), "/readyz")
	}
	if status != 503 || !strings.Contains(said, "disk full") {
		t.Errorf("/readyz while a start waits for room: %d %q", status, said)
	}
	return stop, ended
}
