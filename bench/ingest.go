package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/bench/target"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// Servers says how benchmarks of servers run.
type Servers struct {
	// Targets are the contenders.
	Targets []*target.Target
	// Dir is where their data directories are made, each deleted when its run has ended.
	Dir string
	// CopyRows is how many rows one COPY holds.
	CopyRows int
	// Rate is how many operations a second latencies are measured at; 0 for half of what each contender was just measured
	// to sustain.
	Rate float64
}

// A Load is a way to file and the number of clients that do it at the same time.
type Load struct {
	Method  string // one of Methods
	Clients int
}

// Ingest files by each load on fresh servers, for as long as a run takes.
func (b *Bench) Ingest(ctx context.Context, o *Servers, loads []Load) error {
	b.promises(o)
	for _, l := range loads {
		m, err := methodOf(l.Method)
		if err != nil {
			return err
		}
		if l.Clients < 1 || o.CopyRows < 1 {
			return fmt.Errorf("%d clients, %d rows a COPY: give 1 at least", l.Clients, o.CopyRows)
		}
		name := fmt.Sprintf("how=%s/clients=%d", m.name, l.Clients)
		var contenders []Contender
		for _, t := range o.Targets {
			contenders = append(contenders, Contender{t.Name, func(ctx context.Context, run int) (map[string]float64, string, error) {
				i := ingestion{b: b, o: o, method: m, clients: l.Clients, run: run, name: name}
				values, err := i.measure(ctx, t)
				return values, "", err
			}})
		}
		if err := b.Alternate(ctx, "ingest/"+name, contenders...); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bench) promises(o *Servers) {
	for _, t := range o.Targets {
		b.Promise(t.Name, t.Durability)
	}
}

// with starts a target on a fresh directory, has it used, stops it and checks it. It returns the size of what the server
// keeps.
func (o *Servers) with(ctx context.Context, t *target.Target, use func(s *target.Server) error) (stored int64, err error) {
	base, err := os.MkdirTemp(o.Dir, "jurat-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(base)
	if err := os.Chmod(base, 0o711); err != nil { // PostgreSQL runs as another user
		return 0, err
	}
	s, err := t.Start(ctx, filepath.Join(base, "data"))
	if err != nil {
		return 0, err
	}
	defer s.Kill()
	if err := use(s); err != nil {
		return 0, err
	}
	running, err := s.Stored(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.Stop(); err != nil {
		return 0, err
	}
	if err := s.Check(ctx); err != nil {
		return 0, err
	}
	stopped, err := s.Stored(ctx)
	return max(running, stopped), err
}

// An ingestion is one run of a load on one target.
type ingestion struct {
	b       *Bench
	o       *Servers
	method  method
	clients int
	run     int
	name    string
}

// closing is how long it takes until the round that is open has surely closed.
const closing = 1200 * time.Millisecond

func (i *ingestion) measure(ctx context.Context, t *target.Target) (map[string]float64, error) {
	values := make(map[string]float64)
	filed := uint64(0)
	stored, err := i.o.with(ctx, t, func(s *target.Server) error {
		digests := stream.Stream(i.b.Seed)
		if err := warmUp(ctx, s); err != nil {
			return err
		}
		f, err := newFiler(ctx, s, i.method, i.clients, i.o.CopyRows, digests)
		if err != nil {
			return err
		}
		defer f.close()
		if err := i.load(ctx, s, f, values); err != nil {
			return err
		}
		p, err := newProver(ctx, s)
		if err != nil {
			return err
		}
		defer p.conn.Close()
		if i.method.rows == 1 {
			if err := i.openLoop(ctx, t, f, values["rows/s"]); err != nil {
				return err
			}
		}
		filed = f.next.Load()
		return p.sample(ctx, digests, filed, sampled)
	})
	if err == nil {
		values["stored-B/row"] = float64(stored) / float64(filed)
	}
	return values, err
}

// warmUp files a digest: a lane's very first filing waits for the next round.
func warmUp(ctx context.Context, s *target.Server) error {
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Exec(`INSERT INTO hashes (digest) VALUES ('\x` + fmt.Sprintf("%064x", 0) + `')`)
	return errors.Join(err, conn.Close())
}

// warm has every client file once before anything is measured: the first time a server takes its memory from the system,
// which in a virtual machine can cost more than all it does with it.
func (i *ingestion) warm(ctx context.Context, s *target.Server, f *filer) error {
	if _, err := f.each(f.file); err != nil {
		return err
	}
	_, err := s.Settle(ctx, closing)
	return err
}

// load measures the closed loop.
func (i *ingestion) load(ctx context.Context, s *target.Server, f *filer, values map[string]float64) error {
	if err := i.warm(ctx, s, f); err != nil {
		return err
	}
	filed := f.next.Load()
	stop := func() (*Latency, error) { return new(Latency), nil }
	if s.Target.Proofs {
		var err error
		if stop, err = watch(ctx, s, i.b.Seed); err != nil {
			return err
		}
	}
	before, err := s.Usage()
	if err != nil {
		return err
	}
	own, err := ProcessorTime()
	if err != nil {
		return err
	}
	start := time.Now()
	latency, took, err := f.closed(ctx, i.b.Seconds)
	if err != nil {
		return err
	}
	ownAfter, err := ProcessorTime()
	if err != nil {
		return err
	}
	waits, err := stop()
	if err != nil {
		return err
	}
	idle, err := s.Settle(ctx, closing)
	if err != nil {
		return err
	}
	after, err := s.Usage()
	if err != nil {
		return err
	}
	rows := float64(f.next.Load() - filed)
	values["rows/s"] = rows / took.Seconds()
	values["settled-rows/s"] = rows / max(idle.Sub(start), took).Seconds()
	values["server-ns/row"] = float64(after.CPU-before.CPU) / rows
	values["client-ns/row"] = float64(ownAfter-own) / rows
	values["written-B/row"] = float64(after.Written-before.Written) / rows
	if s.Target.Proofs {
		values["peak-MB"] = float64(after.Peak) / 1e6
	}
	if waits.Count() > 0 {
		values["proof-p50-ms"] = float64(waits.Quantile(0.5)) / 1e6
		values["proof-p99-ms"] = float64(waits.Quantile(0.99)) / 1e6
	}
	latency.Report(values)
	return nil
}

// openLoop measures latencies at a rate that does not depend on the answers.
func (i *ingestion) openLoop(ctx context.Context, t *target.Target, f *filer, sustained float64) error {
	rate := i.o.Rate
	if rate == 0 {
		rate = sustained / 2
	}
	latency, err := f.open(ctx, rate, i.b.Seconds)
	if err != nil {
		return err
	}
	values := map[string]float64{"offered/s": rate}
	latency.Report(values)
	i.b.Record.Samples = append(i.b.Record.Samples, Sample{Name: "open-loop/" + i.name + "/by=" + t.Name, Run: i.run, Values: values})
	return nil
}

// Rounds files rounds of 1, 10, 100 … leaves, up to maxLeaves, each by one COPY, and measures what a leaf costs the server
// until it is idle, a second or more later, and how long after the end of its second the last leaf's proof is there.
func (b *Bench) Rounds(ctx context.Context, o *Servers, maxLeaves uint64) error {
	b.promises(o)
	for _, t := range o.Targets {
		if !t.Proofs {
			continue // it has no rounds
		}
		_, err := o.with(ctx, t, func(s *target.Server) error { return b.rounds(ctx, s, maxLeaves) })
		if err != nil {
			return fmt.Errorf("round/by=%s: %w", t.Name, err)
		}
	}
	return nil
}

func (b *Bench) rounds(ctx context.Context, s *target.Server, maxLeaves uint64) error {
	if err := warmUp(ctx, s); err != nil {
		return err
	}
	p, err := newProver(ctx, s)
	if err != nil {
		return err
	}
	defer p.conn.Close()
	f, err := newFiler(ctx, s, methods[0], 1, 1, stream.Stream(b.Seed))
	if err != nil {
		return err
	}
	defer f.close()
	for run := range b.Runs {
		for n := uint64(1); n <= maxLeaves; n *= 10 {
			name := fmt.Sprintf("round/leaves=%d/by=%s", n, s.Target.Name)
			b.Progress(name, int64(run), int64(b.Runs))
			f.rows = int(n)
			values, err := round(ctx, s, p, f)
			if err != nil {
				return err
			}
			b.Record.Samples = append(b.Record.Samples, Sample{Name: name, Run: run, Values: values})
		}
	}
	return nil
}

// round files one round.
func round(ctx context.Context, s *target.Server, p *prover, f *filer) (map[string]float64, error) {
	if _, err := s.Settle(ctx, 0); err != nil {
		return nil, err
	}
	before, err := s.Usage()
	if err != nil {
		return nil, err
	}
	if err := f.file(f.clients[0]); err != nil {
		return nil, err
	}
	c := f.clients[0]
	signature, err := p.prove(ctx, c.stream.At(f.next.Load()-1))
	if err != nil {
		return nil, err
	}
	lag := time.Since(calendar.Second(signature.Time()).Time())
	if _, err := s.Settle(ctx, closing); err != nil {
		return nil, err
	}
	after, err := s.Usage()
	if err != nil {
		return nil, err
	}
	return map[string]float64{
		"server-ns/leaf": float64(after.CPU-before.CPU) / float64(f.rows),
		"written-B/leaf": float64(after.Written-before.Written) / float64(f.rows),
		"lag-ms":         float64(lag) / 1e6,
	}, nil
}
