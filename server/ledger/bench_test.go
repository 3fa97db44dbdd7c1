package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
	"github.com/jurat-ledger/jurat/storage"
)

// benchSizes are the ledgers that proofs are measured in: rounds and leaves of each. The large ones, whose leaves do not fit
// in the caches, are measured when BENCH_LARGE is set.
var benchSizes = []struct{ rounds, leaves int }{{4, 1 << 12}, {4, 1 << 18}, {1 << 8, 1 << 12}}

// BenchmarkProof makes proofs of leaves chosen at random, on disk, of a place and of a digest, and finds the places of digests
// alone. Every round was asked for before.
func BenchmarkProof(b *testing.B) {
	for _, size := range benchSizes {
		if size.rounds*size.leaves > 1<<16 && os.Getenv("BENCH_LARGE") == "" {
			continue
		}
		b.Run(fmt.Sprintf("rounds=%d/leaves=%d", size.rounds, size.leaves), func(b *testing.B) {
			l, first := benchLedger(b, size.rounds, size.leaves)
			place := func(i int) Position {
				return Position{Round: first + calendar.Second(i/size.leaves), Index: uint64(i % size.leaves)}
			}
			total := size.rounds * size.leaves
			ctx := context.Background()
			for i := 0; i < total; i += size.leaves {
				if _, err := l.Signature(ctx, place(i)); err != nil {
					b.Fatal(err)
				}
			}
			find := func(i int) (Position, error) {
				d := digest(i)
				found, err := l.Find(ctx, nil, "canton", d[:])
				if err == nil && (len(found) != 1 || found[0].Position != place(i)) {
					err = fmt.Errorf("digest %d found at %v", i, found)
				}
				return place(i), err
			}
			sign := func(p Position) error {
				_, err := l.Signature(ctx, p)
				return err
			}
			b.Run("place", func(b *testing.B) { random(b, total, func(i int) error { return sign(place(i)) }) })
			b.Run("find", func(b *testing.B) {
				random(b, total, func(i int) error {
					_, err := find(i)
					return err
				})
			})
			b.Run("many", func(b *testing.B) { benchMany(b, l, total) })
			b.Run("digest", func(b *testing.B) {
				random(b, total, func(i int) error {
					p, err := find(i)
					if err == nil {
						err = sign(p)
					}
					return err
				})
			})
		})
	}
}

// benchMany makes proofs of 100 digests at once.
func benchMany(b *testing.B, l *Ledger, total int) {
	const many = 100
	random(b, total, func(int) error {
		digests := make([][]byte, many)
		for i := range digests {
			d := digest(rand.IntN(total))
			digests[i] = d[:]
		}
		found, err := l.FindAll(b.Context(), nil, "canton", digests)
		if err != nil || len(found) == 0 {
			return fmt.Errorf("%d leaves found: %w", len(found), err)
		}
		positions := make([]Position, len(found))
		for i := range found {
			positions[i] = found[i].Position
		}
		return l.Signatures(b.Context(), make([][]byte, len(positions)), positions, heap{})
	})
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/proof")
}

// random calls f with numbers below total chosen at random.
func random(b *testing.B, total int, f func(i int) error) {
	rng := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		if err := f(rng.IntN(total)); err != nil {
			b.Fatal(err)
		}
	}
}

// benchLedger returns a ledger on disk with rounds of leaves, all in the index, and its first round.
func benchLedger(b *testing.B, rounds, each int) (*Ledger, calendar.Second) {
	l, clock := startLedger(b)
	_, _, first := l.Extent()
	for i := range rounds {
		if _, err := l.Append(b.Context(), request("canton", LaneMain, leaves(i*each, each))); err != nil {
			b.Fatal(err)
		}
		closeOpen(b, l, clock)
	}
	for l.store.TotalLeaves()-l.index.Cursor() >= minIndexed {
		clock.Move(time.Second, 0)
		runtime.Gosched()
	}
	return l, first
}

// closeOpen closes the open round and returns how long that takes from the end of its second.
func closeOpen(b *testing.B, l *Ledger, clock *ledgertest.Clock) time.Duration {
	_, _, open := l.Extent()
	start := time.Now()
	clock.Move(open.Time().Sub(clock.Wall()), 0)
	if err := l.waitClosed(b.Context(), open); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// startLedger returns a new ledger on disk, at work until the benchmark ends.
func startLedger(b *testing.B) (*Ledger, *ledgertest.Clock) {
	b.Chdir(b.TempDir())
	if err := create(vfs.Default); err != nil {
		b.Fatal(err)
	}
	clock := ledgertest.NewClock(start)
	l, store, err := openLedger(vfs.Default, clock)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- l.Run(ctx) }()
	go func() { done <- l.RunIndex(ctx) }()
	b.Cleanup(func() {
		stop()
		for range 2 {
			for waiting := true; waiting; {
				select {
				case err := <-done:
					if err != nil {
						b.Error(err)
					}
					waiting = false
				case <-time.After(time.Millisecond):
					clock.Move(time.Second, 0)
				}
			}
		}
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	return l, clock
}

// BenchmarkClose closes rounds: from the end of their second until they are durable, the digest index growing meanwhile. Rounds of
// ten million leaves are closed when BENCH_LARGE is set.
func BenchmarkClose(b *testing.B) {
	for _, n := range []int{1, 1 << 10, 1 << 16, 10_000_000} {
		if n > 1<<16 && os.Getenv("BENCH_LARGE") == "" {
			continue
		}
		b.Run(fmt.Sprintf("leaves=%d", n), func(b *testing.B) {
			l, clock := startLedger(b)
			var all []time.Duration
			for b.Loop() {
				for at := 0; at < n; at += 1 << 16 {
					if _, err := l.Append(b.Context(), request("canton", LaneMain, leaves(at, min(1<<16, n-at)))); err != nil {
						b.Fatal(err)
					}
				}
				all = append(all, closeOpen(b, l, clock))
			}
			slices.Sort(all)
			b.ReportMetric(all[len(all)/2].Seconds()*1e3, "ms-to-close")
			b.ReportMetric(all[len(all)-1].Seconds()*1e3, "ms-to-close-max")
		})
	}
}

// BenchmarkJournal files single leaves by many clients at once, without a journal, with 100 lines recorded a second, of which 200 seconds
// are what a day takes of lines that anybody can cause, and with 10,000.
func BenchmarkJournal(b *testing.B) {
	for _, lines := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			l, clock := startLedger(b)
			ctx, stop := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-tick.C:
						clock.Move(10*time.Millisecond, 0)
						for range lines / 100 {
							l.Record(storage.JournalEvent{Times: 1, Event: "login", Actor: "canton"})
						}
					case <-ctx.Done():
						return
					}
				}
			}()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := l.Append(ctx, request("canton", LaneMain, leaves(i, 1))); err != nil {
						b.Error(err)
						return
					}
				}
			})
			stop()
			<-done
		})
	}
}
