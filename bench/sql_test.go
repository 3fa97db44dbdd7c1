package bench

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jurat-ledger/jurat/bench/target"
	"github.com/jurat-ledger/jurat/bench/year"
	"github.com/jurat-ledger/jurat/server"
)

// BenchmarkSQL asks what analysts ask of a server in this process, so that it can be profiled. BENCH_SECONDS is how long the
// ledger is, BENCH_DATA a directory to keep it in.
func BenchmarkSQL(b *testing.B) {
	plan := year.Plan{Seed: 1, Seconds: 200_000}
	if s := os.Getenv("BENCH_SECONDS"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		plan.Seconds = n
	}
	dir := os.Getenv("BENCH_DATA")
	if dir == "" {
		dir = b.TempDir()
	}
	dir = filepath.Join(dir, "jurat")
	if _, err := os.Stat(dir); err != nil {
		if err := MakeYear(b.Context(), dir, plan, func(uint64) {}); err != nil {
			b.Fatal(err)
		}
	}
	c := server.DefaultConfig()
	c.DataDir, c.Listen, c.Logger = dir, "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := server.New(c)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	a := asker{name: "jurat", mayLack: true, server: &target.Server{Address: s.Addr().String(), User: "jurat", Database: "jurat"}}
	if err := a.connect(ctx); err != nil {
		b.Fatal(err)
	}
	defer a.conn.Close()
	for i := range questions {
		q := &questions[i]
		b.Run("query="+q.name, func(b *testing.B) {
			if lacks, err := a.warm(q, plan); err != nil {
				b.Fatal(err)
			} else if lacks {
				b.Skip("not supported")
			}
			for b.Loop() {
				if q.point {
					if _, _, err := a.askPoints(q, plan, 0, 1); err != nil {
						b.Fatal(err)
					}
				} else if _, _, err := a.ask(q, plan, 0, 1); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(plan.Seconds)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrounds/s")
		})
	}
}
