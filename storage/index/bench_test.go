package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// benchLeaves is how many leaves the benchmarks index: a million, or JURAT_BENCH_LEAVES.
func benchLeaves(b *testing.B) int {
	s := os.Getenv("JURAT_BENCH_LEAVES")
	if s == "" {
		return 1 << 20
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func benchIndex(b *testing.B) (*pebble.DB, *Index) {
	b.Helper()
	dir := b.TempDir()
	cache := pebble.NewCache(256 << 20)
	defer cache.Unref()
	db, err := pebble.Open(dir+"/db", &pebble.Options{
		Cache: cache, Logger: quiet{}, FormatMajorVersion: pebble.FormatNewest, FS: vfs.Default,
	})
	if err != nil {
		b.Fatal(err)
	}
	x, err := Open(db, Options{Dir: dir + "/tables", Rand: testRand})
	if err != nil {
		b.Fatal(err)
	}
	return db, x
}

// fill adds n leaves in portions, merging after each.
func fill(b *testing.B, x *Index, n, portion int) {
	b.Helper()
	hs := make([]uint64, portion)
	for first := 0; first < n; first += portion {
		hs = hs[:min(portion, n-first)]
		for i := range hs {
			d := numbered(uint64(first + i))
			hs[i] = x.Hash(d[:])
		}
		if err := x.Add(uint64(first), hs); err != nil {
			b.Fatal(err)
		}
		for merged := true; merged; {
			var err error
			if merged, err = x.Merge(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkFill measures Add and Merge together, on disk.
func BenchmarkFill(b *testing.B) {
	n := benchLeaves(b)
	for _, portion := range []int{1 << 16, 1 << 20, 1 << 23} {
		b.Run(fmt.Sprintf("leaves=%d/portion=%d", n, portion), func(b *testing.B) {
			for b.Loop() {
				db, x := benchIndex(b)
				fill(b, x, n, portion)
				b.ReportMetric(float64(x.Runs()), "runs")
				if err := x.Close(); err != nil {
					b.Fatal(err)
				}
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}

// BenchmarkFind measures look-ups of digests that are there and of digests that are not.
func BenchmarkFind(b *testing.B) {
	n := benchLeaves(b)
	for _, portion := range []int{1 << 16, 1 << 20} {
		db, x := benchIndex(b)
		fill(b, x, n, portion)
		for name, base := range map[string]uint64{"hit": 0, "miss": 1 << 50} {
			b.Run(fmt.Sprintf("leaves=%d/runs=%d/%s", n, x.Runs(), name), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 1))
				found := 0
				for b.Loop() {
					d := numbered(base + rnd.Uint64N(uint64(n)))
					err := x.Find(d[:], 0, func(uint64) bool { found++; return false })
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(found)/float64(b.N), "found/op")
			})
		}
		if err := errors.Join(x.Close(), db.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	k := storedKey{1, 2, 3}.words()
	d := numbered(1)
	var sum uint64
	b.SetBytes(int64(len(d)))
	for b.Loop() {
		sum += k.hash(d[:])
	}
	b.ReportMetric(float64(sum%2), "bit")
}
