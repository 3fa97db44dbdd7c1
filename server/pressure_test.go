package server

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/jackc/pgx/v5/pgconn"
)

// slowDisk is a file system whose files take a time for each write and each sync.
func slowDisk(write, sync time.Duration) vfs.FS {
	return errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileWrite, errorfs.OpFileWriteAt:
			<-time.After(write)
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			<-time.After(sync)
		}
		return nil
	}))
}

// A flood is clients that file as fast as they are let.
type flood struct {
	t *testing.T
	s *Server

	mu    sync.Mutex // covers what follows
	acked []batch
}

// A batch is digests that were filed by one statement: those of a source of random bytes of that number.
type batch struct {
	number uint64
	n      int
}

func (b batch) source() io.Reader {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], b.number)
	return rand.NewChaCha8(seed)
}

// copyIn writes b as COPY binary has it.
func (b batch) copyIn(w io.Writer) error {
	out, from, row := bufio.NewWriter(w), b.source(), append([]byte{0, 1, 0, 0, 0, 32}, make([]byte, 32)...)
	out.WriteString("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for range b.n {
		io.ReadFull(from, row[6:])
		out.Write(row)
	}
	out.WriteString("\xff\xff")
	return out.Flush()
}

// insert returns an INSERT of b.
func (b batch) insert() string {
	from, digest := b.source(), make([]byte, 32)
	var sql strings.Builder
	sql.WriteString("INSERT INTO hashes (digest) VALUES ")
	for i := range b.n {
		io.ReadFull(from, digest)
		if i > 0 {
			sql.WriteByte(',')
		}
		sql.WriteString(`('\x` + hex.EncodeToString(digest) + `')`)
	}
	return sql.String()
}

// client files batches by a statement each until next has no more.
func (f *flood) client(next func() (batch, bool), file func(*pgconn.PgConn, batch) error) {
	conn, err := pgconn.Connect(context.Background(), "postgres://jurat@"+f.s.Addr().String()+"/jurat?sslmode=disable")
	if err != nil {
		f.t.Error(err)
		return
	}
	defer conn.Close(context.Background())
	for b, ok := next(); ok; b, ok = next() {
		if err := file(conn, b); err != nil {
			f.t.Error(err)
			return
		}
		f.mu.Lock()
		f.acked = append(f.acked, b)
		f.mu.Unlock()
	}
}

// unindexed returns how many digests the server keeps that are not indexed.
func (f *flood) unindexed() int64 {
	status, err := f.s.ledger.IndexStatus()
	if err != nil {
		f.t.Error(err)
	}
	return int64(status.Recent)
}

// mustHold demands that a server holds what was acknowledged, and nothing else.
func (f *flood) mustHold(s *Server) {
	f.t.Helper()
	conn, err := pgconn.Connect(context.Background(), "postgres://jurat@"+s.Addr().String()+"/jurat?sslmode=disable")
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	x, n := &stillConn{conn, f.t}, 0
	for _, b := range f.acked {
		n += b.n
		first, from := make([]byte, 32), b.source()
		io.ReadFull(from, first)
		io.CopyN(io.Discard, from, int64(b.n-2)*32)
		last := make([]byte, 32)
		io.ReadFull(from, last)
		if got := x.one(fmt.Sprintf(`SELECT count(*) FROM hashes WHERE digest IN ('\x%x', '\x%x')`, first, last)); got != `["2"]` {
			f.t.Errorf("batch %d was acknowledged, of its first and last digest %s are there", b.number, got)
		}
	}
	if got := x.one("SELECT count(*) FROM hashes"); got != fmt.Sprintf(`["%d"]`, n) {
		f.t.Errorf("%s digests are there, %d were acknowledged", got, n)
	}
}

// heap returns the bytes that are in use after a collection.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// unindexedBytes is what a digest takes in memory that is not indexed, at most.
const unindexedBytes = 24

// watch looks at the server until ended, and returns how many clients waited for memory at most, and the most bytes of heap in use above
// before, without those of digests that are not indexed.
func (f *flood) watch(before int64, ended *atomic.Bool) (waited int, most int64) {
	for last := f.unindexed(); !ended.Load(); {
		used := heap() - before
		now := f.unindexed()
		used -= max(last, now) * unindexedBytes // they were held when the heap was looked at, or some later
		waited, most, last = max(waited, f.s.engine.Stats().Waiting), max(most, used), now
		<-time.After(10 * time.Millisecond)
	}
	return waited, most
}

// TestSlowDisk has clients file several times as much at once as --ingest-memory allows, faster than the disk takes it. They wait, and
// none of them fails; the heap stays below what the flag allows, what digests take that are not indexed yet, and a margin; all that is acknowledged is there.
func TestSlowDisk(t *testing.T) {
	const (
		copiers, inserters = 24, 8
		copied, inserted   = 100_000, 500 // digests of a statement
		// What is written: memtables of 8 MiB, as many as fill before writes wait, and a group of digests on its way to them.
		// Of what clients and connections use here, each less than half a MiB.
		margin = (4*8 + 8 + (copiers+inserters)/2) << 20
	)
	type way struct {
		name        string
		tableLeaves int
	}
	waves, ways := 1, []way{{"tables", 0}}
	if os.Getenv("JURAT_SOAK") != "" {
		waves, ways = 10, append(ways, way{"log", 1 << 30})
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			c := testConfig(t.TempDir())
			c.IngestMemory, c.Store.TableLeaves, c.Store.FS = minIngestMemory, way.tableLeaves, slowDisk(300*time.Microsecond, 5*time.Millisecond)
			s, stop := testServer(t, c)
			f := &flood{t: t, s: s}
			before := heap()
			var numbers, copies atomic.Uint64
			var copying, all sync.WaitGroup
			var ended atomic.Bool
			for range copiers {
				copying.Go(func() {
					f.client(func() (batch, bool) {
						return batch{numbers.Add(1), copied}, copies.Add(1) <= uint64(copiers*waves)
					}, func(conn *pgconn.PgConn, b batch) error {
						out, in := io.Pipe()
						go func() { in.CloseWithError(b.copyIn(in)) }()
						_, err := conn.CopyFrom(context.Background(), out, "COPY hashes (digest) FROM STDIN (FORMAT binary)")
						out.Close()
						return err
					})
				})
			}
			for range inserters {
				all.Go(func() {
					f.client(func() (batch, bool) { return batch{numbers.Add(1), inserted}, !ended.Load() }, func(conn *pgconn.PgConn, b batch) error {
						_, err := conn.Exec(context.Background(), b.insert()).ReadAll()
						return err
					})
				})
			}
			all.Go(func() { copying.Wait(); ended.Store(true) })
			waited, most := f.watch(before, &ended)
			all.Wait()
			t.Logf("%d statements acknowledged; %d waited for memory; %d MiB of heap at most, %d allowed", len(f.acked), waited, most>>20, (c.IngestMemory+margin)>>20)
			if most > c.IngestMemory+margin {
				t.Errorf("%d MiB of heap are used besides what %d bytes a digest make that is not indexed, want %d at most", most>>20, unindexedBytes, (c.IngestMemory+margin)>>20)
			}
			if waited == 0 {
				t.Error("no client waited for memory: the disk is not slower than the clients")
			}
			stop()
			c.Store.FS = nil
			again, _ := testServer(t, c)
			f.mustHold(again)
		})
	}
}
