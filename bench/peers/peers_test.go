package main

import (
	"context"
	"testing"

	"github.com/jurat-ledger/jurat/bench"
)

func tiny() *bench.Bench {
	return &bench.Bench{Seed: 1, Runs: 1, Seconds: 0.01, Progress: func(string, int64, int64) {}, Record: new(bench.Record)}
}

func TestKernel(t *testing.T) {
	b := tiny()
	if err := b.Kernel(t.Context(), 1<<10, rivals()...); err != nil {
		t.Fatal(err)
	}
	if n, least := len(b.Record.Samples), 2+len(rivals()); n < least {
		t.Errorf("%d samples, want at least %d", n, least)
	}
}

func TestLogs(t *testing.T) {
	for name, measure := range map[string]func(context.Context, *bench.Bench, setting) error{"tessera": measureTessera, "immudb": measureImmudb} {
		t.Run(name, func(t *testing.T) {
			b := tiny()
			if err := measure(t.Context(), b, setting{callers: 8, batch: 8, dir: t.TempDir()}); err != nil {
				t.Fatal(err)
			}
			s := b.Record.Samples[0]
			for _, unit := range []string{"rows/s", "settled-rows/s", "server-ns/row", "stored-B/row", "p50-us"} {
				if s.Values[unit] <= 0 {
					t.Errorf("%v %s", s.Values[unit], unit)
				}
			}
			if b.Record.Durability[name] == "" {
				t.Error("no word about durability")
			}
		})
	}
}
