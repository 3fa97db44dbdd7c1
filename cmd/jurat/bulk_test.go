package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	client "github.com/jurat-ledger/jurat/bench/load"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
)

// TestKillBulk kills the server while nothing but large groups comes in, each of which it writes past the cache into a table, with
// a log that began at full length. Of every COPY that was acknowledged digests must be there: all of each client's last, and with
// JURAT_SOAK of the others, too.
func TestKillBulk(t *testing.T) {
	t.Parallel()
	kills := 2
	if soak() {
		kills = 30
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	copies := 0
	for k := range kills {
		s := startServer(t, dir)
		var mu sync.Mutex // covers acked
		acked := make(map[int]int)
		var wg sync.WaitGroup
		for c := range 2 {
			wg.Go(func() {
				conn, err := client.Dial(context.Background(), s.address, "jurat", "jurat")
				if err != nil {
					return
				}
				defer conn.Close()
				for n := 0; conn.Copy(client.Binary, bulkStream(k, c), uint64(n*bulkRows), bulkRows) == nil; n++ {
					mu.Lock()
					acked[c] = n + 1
					mu.Unlock()
				}
			})
		}
		<-time.After(time.Duration(200+r.IntN(400)) * time.Millisecond)
		s.kill()
		wg.Wait()
		mustReserve(t, dir)
		if out := run(t, dir, "fsck", "--data", dir); out.code != 0 {
			t.Fatalf("kill %d: fsck ended with %d:\n%s%s", k, out.code, out.stdout, out.stderr)
		}
		s = startServer(t, dir)
		for c, n := range acked {
			mustFindAll(t, s, bulkStream(k, c), n*bulkRows)
			copies += n
		}
		s.stop()
	}
	if copies < kills {
		t.Errorf("%d COPYs acknowledged only", copies)
	}
	t.Logf("%d digests acknowledged over %d kills", copies*bulkRows, kills)
}

// bulkRows is how many digests a COPY of TestKillBulk has: enough for a table.
const bulkRows = storage.DefaultTableLeaves

func bulkStream(kill, client int) stream.Stream { return stream.Stream(1000 + 10*kill + client) }

// mustReserve demands that the newest log is as long as a new one is, where the file system can do that.
func mustReserve(t *testing.T, dir string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, server.StoreDir, "db", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	slices.Sort(logs)
	newest := logs[len(logs)-1]
	info, err := os.Stat(newest)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() < 8<<20 {
		t.Logf("%s has %d bytes: the file system reserves none", newest, info.Size())
	}
}

// mustFindAll demands that of the first n digests of a stream all that it looks for are filed once each.
func mustFindAll(t *testing.T, s *serverProcess, digests stream.Stream, n int) {
	t.Helper()
	conn := s.connect()
	defer conn.Close(context.Background())
	const some = 8192
	step := 1
	if !soak() {
		step = 100
	}
	for first := 0; first < n; {
		var list [][]byte
		from := first
		for ; len(list) < some && first < n; first++ {
			if first%step == 0 || first >= n-bulkRows {
				d := digests.At(uint64(first))
				list = append(list, d[:])
			}
		}
		var found, different int
		err := conn.QueryRow(context.Background(), `SELECT count(*), count(DISTINCT digest) FROM hashes WHERE digest = ANY($1)`, list).Scan(&found, &different)
		if err != nil {
			t.Fatal(err)
		}
		if found != len(list) || different != len(list) {
			t.Fatalf("of %d acknowledged digests from %d on there are %d filings of %d", len(list), from, found, different)
		}
	}
}
