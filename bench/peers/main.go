// Command peers measures other people's libraries beside this project, in the harness of package bench. It is a module of its
// own, so that they are no dependencies of the project.
//
//	go run . kernel      tree building: crypto/sha256, gohashtree as shipped and with its AVX-512 path forced, and merkle
//	go run . tessera     appending durably with Tessera's POSIX driver, in process
//	go run . immudb      committing durably with immudb's embedded store, in process
//
// All print JSON, for "jurat bench report".
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/jurat-ledger/jurat/bench"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	leaves := f.Uint64("leaves", 1<<19, "kernel: leaves of the largest tree")
	callers := f.Int("callers", 0, "tessera, immudb: how many append at the same time (default 8192, 24)")
	batch := f.Uint("batch", 0, "tessera: entries of a batch, which waits for a tenth of a second at most (default 4096); immudb: keys of a transaction (default 1000)")
	dir := f.String("dir", "", "tessera, immudb: where to make its temporary directory")
	runs := f.Int("runs", 3, "alternating runs of every contender")
	seconds := f.Float64("seconds", 1, "length of one timed run")
	seed := f.Uint64("seed", 1, "seed of the digests")
	commit := f.String("commit", "unknown revision", "what to record as the commit")
	if len(args) == 0 {
		return errors.New("give kernel, tessera or immudb, then flags")
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench.Bench{
		Seed:     *seed,
		Runs:     *runs,
		Seconds:  *seconds,
		Progress: func(string, int64, int64) {},
		Record: &bench.Record{
			Format:  bench.Format,
			Started: time.Now().UTC().Truncate(time.Second),
			Command: append([]string{"(peers)"}, args...),
			Machine: bench.ThisMachine(),
			Commit:  *commit,
			Seed:    *seed,
		},
	}
	var err error
	switch args[0] {
	case "kernel":
		err = b.Kernel(ctx, *leaves, rivals()...)
	case "tessera":
		err = measureTessera(ctx, b, setting{cmp.Or(*callers, 8192), cmp.Or(*batch, 4096), *dir})
	case "immudb":
		err = measureImmudb(ctx, b, setting{cmp.Or(*callers, 24), cmp.Or(*batch, 1000), *dir})
	default:
		err = fmt.Errorf("%q: give kernel, tessera or immudb", args[0])
	}
	if err != nil {
		return err
	}
	return b.Record.Write(os.Stdout)
}
