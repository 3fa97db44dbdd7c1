package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jurat-ledger/jurat/bench"
	"github.com/jurat-ledger/jurat/bench/report"
	"github.com/jurat-ledger/jurat/bench/target"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this program on this machine, and others beside it",
		Long: `Measure on this machine what the program can do. Contenders run alternately (A, B, A, B …); what is printed is medians over the
runs, with the range, and ratios to the first contender. Digests come from a seed; checksums of what was computed are
printed. Servers are started for real on a temporary directory, with their usual durability, which the first lines name;
after a load proofs are sampled and verified, and fsck checks the rest.

The units are explained in the comment of package bench; --json gives every run, which "jurat bench report" makes tables and
pictures of.`,
		Example: `  jurat bench all
  jurat bench kernel --leaves 1048576 --runs 7
  jurat bench ingest --how copy-binary,insert --clients 1,64 --peer postgres --peer postgres-unindexed --json > ingest.json
  jurat bench billion --data /var/tmp/billion
  jurat bench report ingest.json -o report.html`,
	}
	for _, b := range benchmarks {
		cmd.AddCommand(b.command())
	}
	cmd.AddCommand(newBenchReport())
	return cmd
}

// benchOptions are the flags of all benchmarks; each shows those that it reads.
type benchOptions struct {
	json             bool
	commit           string
	seed             uint64
	runs             int
	seconds          float64
	leaves, copyRows uint64
	clients          []int
	methods          []string
	peers            []string
	over             []string
	serveFlags       []string
	dir, data        string
	rate             float64
	proofs           int
	warm             float64
}

// A benchmark is a subcommand.
type benchmark struct {
	name, short, long string
	flags             func(f *pflag.FlagSet, o *benchOptions)
	run               func(ctx context.Context, b *bench.Bench, o *benchOptions) error
}

var benchmarks = []benchmark{
	{"kernel", "Tree building in one thread against crypto/sha256", "",
		func(f *pflag.FlagSet, o *benchOptions) { leavesFlag(f, o, 1<<19, "leaves of the largest tree") },
		func(ctx context.Context, b *bench.Bench, o *benchOptions) error { return b.Kernel(ctx, o.leaves) }},
	{"tree", "Tree building by the number of leaves, in one thread and in two",
		"From 2^24 leaves on they are made while the tree grows: what that takes is told apart.",
		func(f *pflag.FlagSet, o *benchOptions) {
			leavesFlag(f, o, 1<<20, "leaves of the largest tree, a power of two")
		},
		func(ctx context.Context, b *bench.Bench, o *benchOptions) error { return b.Tree(ctx, o.leaves) }},
	{"calendar", "Building a year's calendar, and verifying it again from its round roots", "",
		func(f *pflag.FlagSet, o *benchOptions) { leavesFlag(f, o, bench.Year, "seconds of the calendar") },
		func(ctx context.Context, b *bench.Bench, o *benchOptions) error { return b.Calendar(ctx, o.leaves) }},
	{"ingest", "Filing with a server, by every way and any number of clients", "",
		func(f *pflag.FlagSet, o *benchOptions) { serverFlags(f, o); ingestFlags(f, o) }, runIngest},
	{"round", "What a leaf costs as rounds grow", "",
		func(f *pflag.FlagSet, o *benchOptions) {
			leavesFlag(f, o, 1_000_000, "leaves of the largest round")
			serverFlags(f, o)
		}, runRounds},
	{"proof", "Looking proofs up, by digest, by receipt and many at once", "",
		func(f *pflag.FlagSet, o *benchOptions) {
			leavesFlag(f, o, 2_000_000, "leaves that are stored")
			f.IntSliceVar(&o.clients, "clients", []int{1, 8}, "how many look up at the same time")
			f.Float64Var(&o.warm, "warm", 3, "seconds of looking up ahead of each run, after the servers were started anew and all files read once")
			serverFlags(f, o)
		}, runProofs},
	{"billion", "A long run: file, index, prove, check, with memory over time",
		`File very many digests with one server by COPY, wait until all are indexed, count them, verify sampled proofs, and have fsck
compute every root again. With --data the run can be cut short and started again: it goes on where it was, by the journal in
that directory, which notes every acknowledged COPY. A billion leaves take some 50 GB of disk; delete the directory yourself.`,
		func(f *pflag.FlagSet, o *benchOptions) {
			leavesFlag(f, o, 1_000_000_000, "leaves to file, a multiple of --copy-rows")
			f.StringVar(&o.data, "data", "", "directory of the run, to go on with it later (default a temporary one)")
			f.IntSliceVar(&o.clients, "clients", []int{2}, "how many file at the same time")
			f.IntVar(&o.proofs, "proofs", 1000, "proofs to verify at the end")
			serverFlags(f, o)
		}, runBillion},
	{"sql", "What analysts ask of rounds and calendar, of a ledger with a round for nearly every second",
		`Make a ledger with made-up round roots and signatures, so that a year of seconds takes ten minutes and 9 GB of disk, and ask it
in SQL: counts, sums by day, gaps, the largest rounds, joins, single rounds. With --peer postgres PostgreSQL is asked the same of
the same rows, in one process and with parallel plans; answers must be equal. Times are medians. With --data the ledger, and
PostgreSQL's copy of another 5 GB, are kept, and taken again by a later run of the same length and seed; delete them yourself.`,
		func(f *pflag.FlagSet, o *benchOptions) {
			leavesFlag(f, o, bench.Year, "seconds of the ledger")
			f.StringVar(&o.data, "data", "", "directory of the ledger, to ask it again later (default a temporary one)")
			f.StringSliceVar(&o.methods, "query", nil, "names of the questions to ask (default all)")
			serverFlags(f, o)
		}, runSQL},
	{"all", "A short run of everything but billion, in about two minutes", "",
		func(f *pflag.FlagSet, o *benchOptions) {
			leavesFlag(f, o, 0, "bound on leaves and seconds of everything, for a quick look (default none)")
			serverFlags(f, o)
			ingestFlags(f, o)
		}, runAll},
}

func leavesFlag(f *pflag.FlagSet, o *benchOptions, n uint64, usage string) {
	f.Uint64Var(&o.leaves, "leaves", n, usage)
}

func serverFlags(f *pflag.FlagSet, o *benchOptions) {
	f.Uint64Var(&o.copyRows, "copy-rows", 1_000_000, "rows of one COPY")
	f.StringArrayVar(&o.peers, "peer", nil, "another contender: postgres, postgres-unindexed, or the path of another jurat program; may be repeated")
	f.StringSliceVar(&o.over, "over", []string{"tcp"}, "how clients reach servers: tcp, unix, or both alternately")
	f.StringArrayVar(&o.serveFlags, "serve-flag", nil, "flag for \"jurat serve\", such as --statement-memory=1000000; may be repeated")
	f.StringVar(&o.dir, "dir", "", "where to make temporary data directories (default that of the system): it decides which disk is measured")
}

func ingestFlags(f *pflag.FlagSet, o *benchOptions) {
	f.StringSliceVar(&o.methods, "how", nil, fmt.Sprintf("ways to file: %s (default all)", strings.Join(bench.Methods(), ", ")))
	f.IntSliceVar(&o.clients, "clients", nil, "how many file at the same time, each number in turn (default as the way needs)")
	f.Float64Var(&o.rate, "rate", 0, "operations a second that latencies are measured at, in open loop (default half of what each contender sustains)")
}

func (m *benchmark) command() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   m.name,
		Short: m.short,
		Long:  strings.TrimSpace(m.short + ".\n\n" + m.long),
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return m.measure(ctx, cmd, &o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print every run as JSON, for \"jurat bench report\"")
	f.StringVar(&o.commit, "commit", "", "what to record as the commit (default that of the build)")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the digests")
	f.IntVar(&o.runs, "runs", 1, "alternating runs of every contender")
	f.Float64Var(&o.seconds, "seconds", 1, "length of one timed run, where it can be chosen")
	m.flags(f, &o)
	return cmd
}

func (m *benchmark) measure(ctx context.Context, cmd *cobra.Command, o *benchOptions) error {
	if o.runs < 1 || o.seconds < 0 {
		return errors.New("give --runs of 1 at least and --seconds that are not negative")
	}
	r := &bench.Record{
		Format:  bench.Format,
		Started: time.Now().UTC().Truncate(time.Second),
		Command: commandLine(cmd),
		Machine: bench.ThisMachine(),
		Commit:  cmp.Or(o.commit, revision()),
		Seed:    o.seed,
	}
	shown := newShown()
	b := &bench.Bench{Seed: o.seed, Runs: o.runs, Seconds: o.seconds, Progress: shown.set, Record: r}
	err := m.run(ctx, b, o)
	shown.done()
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted: nothing is recorded; a long run with --data goes on when it is started again")
	case err != nil:
		return err
	}
	if o.json {
		return r.Write(cmd.OutOrStdout())
	}
	return report.Text(cmd.OutOrStdout(), []*bench.Record{r})
}

// commandLine returns the subcommand and the flags that were given, in order of name.
func commandLine(cmd *cobra.Command) []string {
	line := []string{"bench", cmd.Name()}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "json" && f.Name != "commit" {
			line = append(line, "--"+f.Name+"="+f.Value.String())
		}
	})
	return line
}

// targets returns the contenders: first the peers, as what ratios are of, then this program.
func (o *benchOptions) targets() ([]*target.Target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := []*target.Target{target.Jurat("jurat", self, o.serveFlags...)}
	for i, name := range o.peers {
		var t *target.Target
		switch name {
		case "postgres", "postgres-unindexed":
			t, err = target.Postgres(name == "postgres")
		default:
			_, err = exec.LookPath(name)
			t = target.Jurat(filepath.Base(name)+"-peer", name, o.serveFlags...)
		}
		if err != nil {
			return nil, fmt.Errorf("--peer %s: %w", name, err)
		}
		if slices.ContainsFunc(all, func(o *target.Target) bool { return o.Name == t.Name }) {
			return nil, fmt.Errorf("--peer %s: another peer has this name; give the program a name of its own", name)
		}
		all = slices.Insert(all, i, t)
	}
	return overSockets(all, o.over)
}

// overSockets returns each contender once for each kind of socket.
func overSockets(all []*target.Target, kinds []string) (targets []*target.Target, err error) {
	for _, t := range all {
		for _, kind := range kinds {
			switch kind {
			case "tcp":
				targets = append(targets, t)
			case "unix":
				targets = append(targets, t.OverUnixSocket())
			default:
				return nil, fmt.Errorf("--over %s: choose from tcp and unix", kind)
			}
		}
	}
	return targets, nil
}

func (o *benchOptions) servers() (*bench.Servers, error) {
	targets, err := o.targets()
	return &bench.Servers{Targets: targets, Dir: o.dir, CopyRows: int(o.copyRows), Rate: o.rate}, err
}

// usualClients are how many clients a way to file is measured with unless told otherwise.
var usualClients = map[string][]int{
	"copy-binary": {1, 4}, "copy-text": {1}, "copy-csv": {1}, "unnest": {1, 4}, "values": {1, 4}, "pipeline": {1, 4}, "pgx": {1, 4},
	"insert": {1, 8, 64},
}

func runIngest(ctx context.Context, b *bench.Bench, o *benchOptions) error {
	s, err := o.servers()
	if err != nil {
		return err
	}
	loads, err := o.loads(func(usual []int) []int { return usual })
	if err != nil {
		return err
	}
	return b.Ingest(ctx, s, loads)
}

// loads returns the loads that --how and --clients name, or the usual ones, of whose numbers of clients pick takes some.
func (o *benchOptions) loads(pick func(usual []int) []int) ([]bench.Load, error) {
	for _, m := range o.methods {
		if !slices.Contains(bench.Methods(), m) {
			return nil, fmt.Errorf("--how %s: choose from %s", m, strings.Join(bench.Methods(), ", "))
		}
	}
	var loads []bench.Load
	for _, m := range bench.Methods() {
		if len(o.methods) > 0 && !slices.Contains(o.methods, m) {
			continue
		}
		clients := o.clients
		if len(clients) == 0 {
			clients = pick(usualClients[m])
		}
		for _, n := range clients {
			loads = append(loads, bench.Load{Method: m, Clients: n})
		}
	}
	return loads, nil
}

func runRounds(ctx context.Context, b *bench.Bench, o *benchOptions) error {
	s, err := o.servers()
	if err != nil {
		return err
	}
	return b.Rounds(ctx, s, o.leaves)
}

func runProofs(ctx context.Context, b *bench.Bench, o *benchOptions) error {
	s, err := o.servers()
	if err != nil {
		return err
	}
	return b.Proofs(ctx, s, &bench.Proofs{Leaves: o.leaves, Clients: o.clients, Warm: o.warm})
}

func runBillion(ctx context.Context, b *bench.Bench, o *benchOptions) (err error) {
	targets, err := o.targets()
	if err != nil {
		return err
	}
	if len(targets) > 1 || len(o.clients) != 1 {
		return errors.New("the long run is that of one server by one number of clients: leave --peer out")
	}
	dir, done, err := o.dataDir()
	if err != nil {
		return err
	}
	defer done()
	return b.Billion(ctx, targets[0], &bench.Billion{Leaves: o.leaves, CopyRows: int(o.copyRows), Clients: o.clients[0], Dir: dir, Proofs: o.proofs})
}

// dataDir returns the directory of --data, or a temporary one that done deletes.
func (o *benchOptions) dataDir() (dir string, done func(), err error) {
	if o.data != "" {
		return o.data, func() {}, os.MkdirAll(o.data, 0o755)
	}
	dir, err = os.MkdirTemp(o.dir, "jurat-bench-")
	return dir, func() { os.RemoveAll(dir) }, err
}

func runSQL(ctx context.Context, b *bench.Bench, o *benchOptions) error {
	own := *o
	own.peers = nil
	targets, err := own.targets()
	if err != nil {
		return err
	}
	if len(o.peers) > 1 || len(o.peers) == 1 && o.peers[0] != "postgres" {
		return errors.New("--peer: the rows can be given to postgres alone")
	}
	dir, done, err := o.dataDir()
	if err != nil {
		return err
	}
	defer done()
	return b.SQL(ctx, &bench.SQL{Seconds: o.leaves, Postgres: len(o.peers) == 1, Target: targets[0], Dir: dir, Only: o.methods})
}

// runAll runs every benchmark but the long one, at a size that takes about two minutes in all.
func runAll(ctx context.Context, b *bench.Bench, o *benchOptions) error {
	atMost := func(n uint64) uint64 {
		if o.leaves > 0 {
			return min(n, o.leaves)
		}
		return n
	}
	if err := b.Kernel(ctx, atMost(1<<16)); err != nil {
		return err
	}
	if err := b.Tree(ctx, max(1<<10, powerOfTwo(atMost(1<<18)))); err != nil {
		return err
	}
	if err := b.Calendar(ctx, atMost(1<<23)); err != nil {
		return err
	}
	s, err := o.servers()
	if err != nil {
		return err
	}
	s.CopyRows = int(atMost(o.copyRows))
	loads, err := o.loads(func(usual []int) []int { return usual[len(usual)-1:] })
	if err != nil {
		return err
	}
	if err := b.Ingest(ctx, s, loads); err != nil {
		return err
	}
	if err := b.Rounds(ctx, s, atMost(1_000_000)); err != nil {
		return err
	}
	return b.Proofs(ctx, s, &bench.Proofs{Leaves: max(1000, atMost(1_000_000)), Clients: []int{1, 4}})
}

// powerOfTwo returns the greatest power of two that is not above n, which must not be 0.
func powerOfTwo(n uint64) uint64 {
	for n&(n-1) != 0 {
		n &= n - 1
	}
	return n
}

// A shown shows what benchmarks tell of their progress, which they do from several goroutines.
type shown struct {
	mu  sync.Mutex // covers bar
	bar *progress
}

func newShown() *shown { return &shown{bar: newProgress("", 0)} }

func (s *shown) set(what string, done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar.what != what {
		s.bar.done()
		quick := s.bar.next // a step may be over before its first second is
		s.bar = newProgress(what, total)
		s.bar.next = quick
	}
	s.bar.set(done)
}

func (s *shown) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bar.done()
}

func newBenchReport() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "report RESULTS.json...",
		Short: "Make tables or a page with plots of what bench --json printed",
		Long: `Read results that "jurat bench --json" printed and print them as tables, or with -o write a page of tables and plots: one
HTML file without anything fetched, or, if the name ends in /, a directory of SVG files.`,
		Example: "  jurat bench report bench/results/*.json -o report.html",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var records []*bench.Record
			for _, path := range args {
				r, err := readRecord(path)
				if err != nil {
					return err
				}
				records = append(records, r)
			}
			return writeReport(cmd.OutOrStdout(), out, records)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "HTML file to write, or a directory, ending in /, for SVG files")
	return cmd
}

func readRecord(path string) (*bench.Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := bench.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func writeReport(words io.Writer, out string, records []*bench.Record) error {
	if out == "" {
		return report.Text(words, records)
	}
	if !strings.HasSuffix(out, "/") {
		var page bytes.Buffer
		if err := report.HTML(&page, records); err != nil {
			return err
		}
		return writeWhole(out, page.Bytes())
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, p := range report.Plots(records) {
		if err := writeWhole(filepath.Join(out, p.Name+".svg"), p.SVG); err != nil {
			return err
		}
	}
	return nil
}
