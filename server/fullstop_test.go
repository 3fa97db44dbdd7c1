package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
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
			c.Store.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if full.Load() && slices.Contains([]errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt}, op.Kind) {
					return &fs.PathError{Op: "fault", Path: op.Path, Err: syscall.ENOSPC}
				}
				return nil
			}))
			s, err := New(c)
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
			if err := <-filed; err == nil {
				t.Error("acknowledged on a full disk")
			}
			if said := log.String(); !strings.Contains(said, "given up") || strings.Contains(said, "writing goes on") {
				t.Errorf("the log says:\n%s", said)
			}

			c.Store.FS = nil
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
