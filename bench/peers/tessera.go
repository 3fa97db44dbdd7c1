package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/jurat-ledger/jurat/bench"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/bench/target"
)

// A setting says how Tessera is loaded.
type setting struct {
	callers int
	batch   uint
	dir     string
}

// measureTessera has callers append digests, each its next one when the last is sequenced durably, and waits at the end until
// all are integrated and a checkpoint of them is published.
func measureTessera(ctx context.Context, b *bench.Bench, s setting) error {
	b.Promise("tessera", fmt.Sprintf("Tessera v1.0.4, POSIX driver, in process without HTTP; every file is written O_SYNC and its directory synced before an entry counts as sequenced; batches of %d, 100 ms", s.batch))
	return b.Alternate(ctx, fmt.Sprintf("ingest/how=add/clients=%d", s.callers), bench.Contender{
		Name: "tessera",
		Run: func(ctx context.Context, _ int) (map[string]float64, string, error) {
			dir, err := os.MkdirTemp(s.dir, "jurat-peers-")
			if err != nil {
				return nil, "", err
			}
			defer os.RemoveAll(dir)
			values, err := appendAll(ctx, b, s, dir)
			return values, "", err
		},
	})
}

func newAppender(ctx context.Context, s setting, dir string) (*tessera.Appender, func(context.Context) error, error) {
	secret, _, err := note.GenerateKey(nil, "bench.example")
	if err != nil {
		return nil, nil, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, nil, err
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithBatching(s.batch, 100*time.Millisecond).
		WithCheckpointInterval(time.Second).WithPushback(uint(2 * s.callers))
	a, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	return a, shutdown, err
}

func appendAll(ctx context.Context, b *bench.Bench, s setting, dir string) (map[string]float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a, shutdown, err := newAppender(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	before, err := bench.ProcessorTime()
	if err != nil {
		return nil, err
	}
	var next, failed atomic.Uint64
	latencies := make([]bench.Latency, min(s.callers, 64)) // callers share them
	locks := make([]sync.Mutex, len(latencies))
	start := time.Now()
	end := start.Add(time.Duration(b.Seconds * 1e9))
	var wg sync.WaitGroup
	for i := range s.callers {
		wg.Go(func() {
			at := i % len(latencies)
			for now := time.Now(); now.Before(end); now = time.Now() {
				d := stream.Stream(b.Seed).At(next.Add(1) - 1)
				if _, err := a.Add(ctx, tessera.NewEntry(d[:]))(); err != nil {
					failed.Add(1)
					return
				}
				locks[at].Lock()
				latencies[at].Add(time.Since(now))
				locks[at].Unlock()
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if failed.Load() > 0 {
		return nil, errors.New("entries were refused")
	}
	if err := shutdown(ctx); err != nil {
		return nil, err
	}
	settled := time.Since(start)
	after, err := bench.ProcessorTime()
	if err != nil {
		return nil, err
	}
	stored, err := target.DirectorySize(dir)
	if err != nil {
		return nil, err
	}
	all := &latencies[0]
	for i := range latencies[1:] {
		all.Merge(&latencies[1+i])
	}
	rows := float64(next.Load())
	values := map[string]float64{
		"rows/s":         rows / took.Seconds(),
		"settled-rows/s": rows / settled.Seconds(),
		"server-ns/row":  float64(after-before) / rows,
		"stored-B/row":   float64(stored) / rows,
	}
	all.Report(values)
	return values, nil
}
