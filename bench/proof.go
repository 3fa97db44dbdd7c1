package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/bench/load"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/bench/target"
)

// many is how many digests a look-up of many holds.
const many = 100

// Proofs files leaves on each target and then looks random ones up: one by its digest, many by their digests, and, where there
// are receipts, one by its receipt. For every run all servers are started anew: which processors the kernel gives a server and its
// clients decides much of the rate, and lasts as long as they do. Some proofs are verified at the end.
func (b *Bench) Proofs(ctx context.Context, o *Servers, p *Proofs) error {
	b.promises(o)
	return b.proofs(ctx, o, o.Targets, nil, p)
}

// Proofs says what is looked up and how.
type Proofs struct {
	// Leaves is how many are stored.
	Leaves uint64
	// Clients are how many look up at the same time, each number in turn.
	Clients []int
	// Warm is how many seconds of looking up go ahead of what is measured, with each server at each start, after all of its files
	// have been read once: large loads are written past the cache of the operating system, and a server keeps what it was asked
	// for. At 0 they are as many as one measurement takes, and no files are read.
	Warm float64
}

// proofs starts the targets that are left, one inside the other, and then measures with all of them running.
func (b *Bench) proofs(ctx context.Context, o *Servers, left []*target.Target, ready []*library, p *Proofs) error {
	if len(left) == 0 {
		return b.lookUps(ctx, ready, p)
	}
	_, err := o.with(ctx, left[0], func(s *target.Server) error {
		l := &library{server: s, digests: stream.Stream(b.Seed), n: p.Leaves}
		if err := b.fill(ctx, o, l); err != nil {
			return err
		}
		return b.proofs(ctx, o, left[1:], append(ready, l), p)
	})
	return err
}

// A library is a server with leaves to look up.
type library struct {
	server   *target.Server
	digests  stream.Stream
	n        uint64
	receipts [][]byte // of some leaves chosen at random
}

// remembered is how many receipts a library holds.
const remembered = 500

// fill files the leaves and waits until they are indexed.
func (b *Bench) fill(ctx context.Context, o *Servers, l *library) error {
	if err := warmUp(ctx, l.server); err != nil {
		return err
	}
	conn, err := l.server.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for i := uint64(0); i < l.n; i += uint64(o.CopyRows) {
		b.Progress("filing leaves to look up with "+l.server.Target.Name, int64(i), int64(l.n))
		if err := conn.Copy(load.Binary, l.digests, i, min(uint64(o.CopyRows), l.n-i)); err != nil {
			return err
		}
	}
	if l.server.Target.Tidy != "" {
		if _, err := conn.Exec(l.server.Target.Tidy); err != nil {
			return err
		}
	}
	if _, err := l.server.Settle(ctx, closing); err != nil || !l.server.Target.Proofs {
		return err
	}
	if err := conn.Prepare("receipt", "SELECT receipt FROM hashes WHERE digest = $1"); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(b.Seed, 1))
	for range remembered {
		d := l.digests.At(random.Uint64N(l.n))
		_, err := conn.Run("receipt", d[:], func(_, _ int, v []byte) { l.receipts = append(l.receipts, append([]byte(nil), v...)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// A search is a way to look up.
type search struct {
	name string
	rows int
	sql  func(t *target.Target) string
	// parameter appends the statement's parameter to dst.
	parameter func(dst []byte, l *library, r *rand.Rand) []byte
}

var searches = []search{
	{"digest", 1, func(t *target.Target) string { return t.Lookup }, func(dst []byte, l *library, r *rand.Rand) []byte {
		d := l.digests.At(r.Uint64N(l.n))
		return append(dst, d[:]...)
	}},
	{"many", many, func(t *target.Target) string { return t.LookupMany }, func(dst []byte, l *library, r *rand.Rand) []byte {
		digests := make([]byte, many*stream.Size)
		for i, at := range distinct(r, many, l.n) {
			l.digests.Put(digests[i*stream.Size:], at)
		}
		return load.AppendArray(dst, digests, stream.Size)
	}},
	{"receipt", 1, func(*target.Target) string { return lookupByReceipt }, func(dst []byte, l *library, r *rand.Rand) []byte {
		return append(dst, l.receipts[r.IntN(len(l.receipts))]...)
	}},
}

// distinct returns count different numbers below n, which must be greater.
func distinct(r *rand.Rand, count int, n uint64) []uint64 {
	seen := make(map[uint64]bool, count)
	var all []uint64
	for len(all) < count {
		if i := r.Uint64N(n); !seen[i] {
			seen[i] = true
			all = append(all, i)
		}
	}
	return all
}

// restart starts the server of a library anew, connects clients and warms all up.
func (l *library) restart(ctx context.Context, b *Bench, clients int, seconds float64) (*filer, error) {
	b.Progress("starting "+l.server.Target.Name+" anew, and warming it up", 0, 0)
	if err := l.server.Restart(ctx); err != nil {
		return nil, err
	}
	if seconds > 0 {
		if err := l.readFiles(); err != nil {
			return nil, err
		}
	}
	f, err := newFiler(ctx, l.server, method{rows: 1}, clients, 1, l.digests)
	if err != nil {
		return nil, err
	}
	if _, err = f.each(l.ready); err == nil {
		_, err = l.server.Settle(ctx, 0)
	}
	for i, s := range searches {
		warm := b.Seconds // has the heap grown as the search needs
		if i == 0 {
			warm = max(warm, seconds) // and the caches filled
		}
		if err == nil && l.answers(s) {
			_, err = b.lookUp(ctx, f, l, s, 1<<32, warm)
		}
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// readFiles reads all files of a server.
func (l *library) readFiles() error {
	err := filepath.WalkDir(l.server.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, f)
		return errors.Join(err, f.Close())
	})
	if errors.Is(err, fs.ErrNotExist) { // a file that the server has just removed
		return nil
	}
	return err
}

// ready has a client's connection do once what makes it as fast as it will be.
func (l *library) ready(c *client) error {
	if touch := l.server.Target.Touch; touch != "" {
		if _, err := c.conn.Exec(touch); err != nil {
			return err
		}
	}
	for _, s := range searches {
		if !l.answers(s) {
			continue
		}
		if err := c.conn.Prepare(s.name, s.sql(l.server.Target)); err != nil {
			return err
		}
	}
	return nil
}

// answers reports whether leaves can be looked up in a library by s.
func (l *library) answers(s search) bool { return s.name != "receipt" || l.server.Target.Proofs }

// lookUps measures all runs.
func (b *Bench) lookUps(ctx context.Context, libraries []*library, p *Proofs) error {
	if p.Leaves <= many {
		return fmt.Errorf("%d leaves to look up: give more than %d", p.Leaves, many)
	}
	if len(p.Clients) == 0 || slices.Min(p.Clients) < 1 {
		return fmt.Errorf("%d clients look up: give 1 at least", p.Clients)
	}
	for run := range b.Runs {
		if err := b.lookUpRun(ctx, libraries, p, run); err != nil {
			return err
		}
	}
	for _, l := range libraries {
		prover, err := newProver(ctx, l.server)
		if err != nil {
			return err
		}
		err = prover.sample(ctx, l.digests, l.n, sampled)
		if err = errors.Join(err, prover.conn.Close()); err != nil {
			return err
		}
	}
	return nil
}

// lookUpRun starts all servers anew and looks up in every way in one after the other; every run begins with another server, since the
// place in this order was measured to matter. Connections stay for the run: a process of PostgreSQL takes a page fault, some 12 µs on a
// virtual machine, for each page that it sees first.
func (b *Bench) lookUpRun(ctx context.Context, libraries []*library, p *Proofs, run int) error {
	clients := make([]*filer, len(libraries))
	for i, l := range libraries {
		f, err := l.restart(ctx, b, slices.Max(p.Clients), p.Warm)
		if err != nil {
			return fmt.Errorf("%s: %w", l.server.Target.Name, err)
		}
		defer f.close()
		clients[i] = f
	}
	for _, s := range searches {
		for _, n := range p.Clients {
			for k := range libraries {
				i := (k + run) % len(libraries)
				l := libraries[i]
				if !l.answers(s) {
					continue
				}
				some := &filer{clients: clients[i].clients[:n]}
				c := Contender{l.server.Target.Name, func(ctx context.Context, run int) (map[string]float64, string, error) {
					if _, err := b.lookUp(ctx, some, l, s, 1<<33+uint64(run), b.Seconds/4); err != nil {
						return nil, "", err
					}
					values, err := b.lookUp(ctx, some, l, s, uint64(run), b.Seconds)
					return values, "", err
				}}
				sample, err := b.measure(ctx, fmt.Sprintf("proof/leaves=%d/find=%s/clients=%d", p.Leaves, s.name, n), c, run, run, b.Runs)
				if err != nil {
					return err
				}
				b.Record.Samples = append(b.Record.Samples, sample)
			}
		}
	}
	return nil
}

// lookUp has clients look leaves up for some seconds.
func (b *Bench) lookUp(ctx context.Context, f *filer, l *library, s search, seed uint64, seconds float64) (map[string]float64, error) {
	var number atomic.Uint64
	before, err := l.server.Usage()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	end := start.Add(time.Duration(seconds * 1e9))
	latency, err := f.each(func(c *client) error {
		random := rand.New(rand.NewPCG(b.Seed+seed, number.Add(1)))
		for ctx.Err() == nil {
			c.buf = s.parameter(c.buf[:0], l, random)
			now := time.Now()
			rows, err := c.conn.Run(s.name, c.buf, nil)
			if err != nil {
				return err
			}
			c.latency.Add(time.Since(now))
			if rows != s.rows {
				return fmt.Errorf("looking up %d digests by %s found %d", s.rows, s.name, rows)
			}
			if now.After(end) {
				return nil
			}
		}
		return context.Cause(ctx)
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	after, err := l.server.Usage()
	if err != nil {
		return nil, err
	}
	ops := float64(latency.Count())
	values := map[string]float64{
		"ops/s":        ops / took.Seconds(),
		"server-us/op": float64(after.CPU-before.CPU) / ops / 1e3,
	}
	if s.rows > 1 {
		values["found/s"] = ops * float64(s.rows) / took.Seconds()
	}
	latency.Report(values)
	return values, nil
}
