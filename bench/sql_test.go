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

// Every question has one answer, whoever is asked: PostgreSQL in one process and in several, and this program, which splits a
// ledger of this length between two goroutines or, told not to, reads it in one.
func TestSQL(t *testing.T) {
	t.Parallel()
	b := tiny()
	b.Runs = 1
	o := &SQL{Seconds: 150_000, Target: servers(t).Targets[0], Dir: t.TempDir(), Postgres: true, Serial: true}
	if err := os.Chmod(filepath.Dir(o.Dir), 0o711); err != nil { // PostgreSQL runs as another user
		t.Fatal(err)
	}
	if _, err := target.Postgres(true); err != nil {
		t.Logf("not compared with PostgreSQL: %v", err)
		o.Postgres = false
	}
	if err := b.SQL(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	asked := make(map[string]int)
	for _, s := range b.Record.Samples {
		asked[s.Key("query")]++
		if s.Checksum == "" {
			t.Errorf("%s has no checksum", s.Name)
		}
	}
	for _, q := range questions {
		if asked[q.name] < 2 {
			t.Errorf("%s was answered %d times", q.name, asked[q.name])
		}
	}
}

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
	s, err := server.New(b.Context(), c)
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
