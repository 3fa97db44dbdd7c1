package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/bench"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/bench/target"
	"github.com/jurat-ledger/jurat/merkle"
)

// A setting says how a log is loaded.
type setting struct {
	callers int
	batch   uint
	dir     string
}

// A log is somebody else's ledger, in this process.
type log struct {
	// add appends digests and returns when they are durable. Several callers call it at once.
	add func(ctx context.Context, digests []merkle.Digest) error
	// settle returns when all work that was put off is done and what was appended can be proven; nothing is added after it.
	settle func(ctx context.Context) error
	// close frees what the log holds.
	close func() error
}

// measure has callers append some rows at a time, each its next ones when the last are durable.
func measure(ctx context.Context, b *bench.Bench, name string, s setting, rows int, open func(ctx context.Context, dir string) (log, error)) error {
	return b.Alternate(ctx, fmt.Sprintf("ingest/how=add/clients=%d", s.callers), bench.Contender{
		Name: name,
		Run: func(ctx context.Context, _ int) (values map[string]float64, _ string, err error) {
			dir, err := os.MkdirTemp(s.dir, "jurat-peers-")
			if err != nil {
				return nil, "", err
			}
			defer os.RemoveAll(dir)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			l, err := open(ctx, dir)
			if err != nil {
				return nil, "", err
			}
			defer func() { err = errors.Join(err, l.close()) }()
			values, err = appendAll(ctx, b, l, dir, s.callers, rows)
			return values, "", err
		},
	})
}

// appendAll loads a log for as long as a run takes.
func appendAll(ctx context.Context, b *bench.Bench, l log, dir string, callers, rows int) (map[string]float64, error) {
	before, err := bench.ProcessorTime()
	if err != nil {
		return nil, err
	}
	var next, failed atomic.Uint64
	latencies := make([]bench.Latency, min(callers, 64)) // callers share them
	locks := make([]sync.Mutex, len(latencies))
	start := time.Now()
	end := start.Add(time.Duration(b.Seconds * 1e9))
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			at, digests := i%len(latencies), make([]merkle.Digest, rows)
			for now := time.Now(); now.Before(end); now = time.Now() {
				first := next.Add(uint64(rows)) - uint64(rows)
				for k := range digests {
					stream.Stream(b.Seed).Put(digests[k][:], first+uint64(k))
				}
				if err := l.add(ctx, digests); err != nil {
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
	if err := l.settle(ctx); err != nil {
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
	count := float64(next.Load())
	values := map[string]float64{
		"rows/s":         count / took.Seconds(),
		"settled-rows/s": count / settled.Seconds(),
		"server-ns/row":  float64(after-before) / count,
		"stored-B/row":   float64(stored) / count,
	}
	all.Report(values)
	return values, nil
}
