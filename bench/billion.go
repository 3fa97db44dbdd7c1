package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/bench/load"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/bench/target"
)

// Billion says how the long run goes.
type Billion struct {
	// Leaves is how many digests are filed, in COPYs of CopyRows by Clients at the same time.
	Leaves   uint64
	CopyRows int
	Clients  int
	// Dir holds the data directory and the journal. A run that was cut short goes on where it was when it is started again
	// with the same directory. It stays when the run has ended.
	Dir string
	// Proofs is how many proofs are fetched and verified at the end.
	Proofs int
}

// A long is a long run at work.
type long struct {
	b       *Bench
	o       *Billion
	server  *target.Server
	digests stream.Stream
	journal *journal
	base    event // what earlier runs came to
	start   time.Time

	mu    sync.Mutex // covers all below
	acked map[uint64]bool
	next  uint64 // the first COPY that no client has taken
}

// Billion files very many leaves with one server, by COPY, with its usual durability; waits until all are indexed; compares the
// server's count of leaves with what was acknowledged; verifies proofs of leaves chosen at random; and has fsck compute every
// root again. The journal notes every COPY that was acknowledged, and the memory of the server then.
func (b *Bench) Billion(ctx context.Context, t *target.Target, o *Billion) error {
	if o.Leaves == 0 || o.CopyRows < 1 || o.Leaves%uint64(o.CopyRows) != 0 || o.Clients < 1 {
		return fmt.Errorf("%d leaves in COPYs of %d by %d clients: the first must be a multiple of the second", o.Leaves, o.CopyRows, o.Clients)
	}
	b.Promise(t.Name, t.Durability)
	j, events, err := openJournal(filepath.Join(o.Dir, "journal.jsonl"), journalHead{Format, b.Seed, o.Leaves, o.CopyRows})
	if err != nil {
		return err
	}
	defer j.close()
	s, err := t.Start(ctx, filepath.Join(o.Dir, "data"))
	if err != nil {
		return err
	}
	defer s.Kill()
	l := &long{b: b, o: o, server: s, digests: stream.Stream(b.Seed), journal: j, acked: make(map[uint64]bool)}
	if err := l.resume(ctx, events); err != nil {
		return err
	}
	values, err := l.run(ctx)
	if err != nil {
		return err
	}
	if err := s.Stop(); err != nil {
		return err
	}
	start := time.Now()
	b.Progress("fsck: computing every root again", 0, 0)
	if err := s.Check(ctx); err != nil {
		return err
	}
	values["fsck-s"] = time.Since(start).Seconds()
	stored, err := s.Stored(ctx)
	if err != nil {
		return err
	}
	values["stored-B/row"] = float64(stored) / float64(o.Leaves)
	b.Record.Samples = append(b.Record.Samples, Sample{Name: fmt.Sprintf("billion/leaves=%d/clients=%d/by=%s", o.Leaves, o.Clients, t.Name), Values: values})
	return l.curve(t.Name)
}

// copies is how many COPYs there are in all.
func (l *long) copies() uint64 { return l.o.Leaves / uint64(l.o.CopyRows) }

// resume learns which COPYs are filed: those in the journal, and of those that may have been under way when the last run
// ended, those that the server has.
func (l *long) resume(ctx context.Context, events []event) error {
	highest := uint64(0)
	for _, e := range events {
		l.acked[e.Copy] = true
		highest = max(highest, e.Copy+1)
		l.base = e
	}
	if err := warmUp(ctx, l.server); err != nil {
		return err
	}
	conn, err := l.server.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Prepare(lookup, "SELECT digest FROM hashes WHERE digest = $1"); err != nil {
		return err
	}
	for k := uint64(0); k < min(l.copies(), highest+uint64(l.o.Clients)); k++ {
		if l.acked[k] {
			continue
		}
		first, err := l.filed(conn, k*uint64(l.o.CopyRows))
		if err != nil {
			return err
		}
		last, err := l.filed(conn, (k+1)*uint64(l.o.CopyRows)-1)
		if err != nil {
			return err
		}
		if first != last {
			return fmt.Errorf("COPY %d was cut short and is filed in part", k)
		}
		if first {
			if err := l.note(k); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *long) filed(conn *load.Conn, i uint64) (bool, error) {
	d := l.digests.At(i)
	n, err := conn.Run(lookup, d[:], nil)
	if n > 1 {
		err = fmt.Errorf("digest %d of the run is filed %d times", i, n)
	}
	return n == 1, err
}

// run files what is not filed yet and returns what all runs together came to.
func (l *long) run(ctx context.Context) (map[string]float64, error) {
	l.start = time.Now()
	errs := make(chan error, l.o.Clients)
	for range l.o.Clients {
		go func() { errs <- l.client(ctx) }()
	}
	var err error
	for range l.o.Clients {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		return nil, err
	}
	total, err := l.so(0)
	if err != nil {
		return nil, err
	}
	l.b.Progress("waiting for the index", 0, 0)
	idle, err := l.server.Settle(ctx, closing)
	if err != nil {
		return nil, err
	}
	settled, err := l.so(0)
	if err != nil {
		return nil, err
	}
	rows := float64(l.o.Leaves)
	values := map[string]float64{
		"rows/s":         rows / total.Seconds,
		"settled-rows/s": rows / max(l.base.Seconds+idle.Sub(l.start).Seconds(), total.Seconds),
		"server-ns/row":  settled.CPU / rows * 1e9,
		"written-B/row":  settled.Written / rows,
		"peak-MB":        settled.Peak,
	}
	return values, l.verify(ctx, values)
}

// client files one COPY after the other.
func (l *long) client(ctx context.Context) error {
	conn, err := l.server.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for ctx.Err() == nil {
		k, ok := l.take()
		if !ok {
			return nil
		}
		if err := conn.Copy(load.Binary, l.digests, k*uint64(l.o.CopyRows), uint64(l.o.CopyRows)); err != nil {
			return err
		}
		if err := l.note(k); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// take returns the next COPY that is not filed.
func (l *long) take() (k uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.next < l.copies() && l.acked[l.next] {
		l.next++
	}
	l.next++
	return l.next - 1, l.next <= l.copies()
}

// note writes that a COPY is acknowledged.
func (l *long) note(k uint64) error {
	e, err := l.so(k)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[k] = true
	l.b.Progress("filing", int64(len(l.acked))*int64(l.o.CopyRows), int64(l.o.Leaves))
	return l.journal.append(e)
}

// so returns what has been spent so far, in all runs.
func (l *long) so(k uint64) (event, error) {
	u, err := l.server.Usage()
	if err != nil {
		return event{}, err
	}
	e := event{
		Copy:     k,
		Seconds:  l.base.Seconds,
		CPU:      l.base.CPU + u.CPU.Seconds(),
		Written:  l.base.Written + float64(u.Written),
		Resident: float64(u.Resident) / 1e6,
		Peak:     max(l.base.Peak, float64(u.Peak)/1e6),
	}
	if !l.start.IsZero() {
		e.Seconds += time.Since(l.start).Seconds()
	}
	return e, nil
}

// verify counts the leaves and proves some.
func (l *long) verify(ctx context.Context, values map[string]float64) error {
	p, err := newProver(ctx, l.server)
	if err != nil {
		return err
	}
	defer p.conn.Close()
	d := l.digests.At(l.o.Leaves - 1)
	if _, err := p.prove(ctx, d); err != nil { // its round is closed then
		return err
	}
	sum, err := p.conn.Exec("SELECT sum(leaves) FROM rounds")
	if err != nil {
		return err
	}
	warm, err := p.conn.Exec(fmt.Sprintf(`SELECT count(*) FROM hashes WHERE digest = '\x%064x'`, 0))
	if err != nil {
		return err
	}
	leaves, err1 := strconv.ParseUint(sum[0], 10, 64)
	extra, err2 := strconv.ParseUint(warm[0], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if leaves-extra != l.o.Leaves {
		return fmt.Errorf("the server counts %d leaves, %d were filed", leaves-extra, l.o.Leaves)
	}
	l.b.Progress("verifying proofs", 0, 0)
	start := time.Now()
	if err := p.sample(ctx, l.digests, l.o.Leaves, l.o.Proofs); err != nil {
		return err
	}
	values["verified-proofs"] = float64(l.o.Proofs)
	values["verify-ms/proof"] = time.Since(start).Seconds() * 1e3 / float64(l.o.Proofs)
	return nil
}

// points is how many samples the curve over time has at most.
const points = 200

// curve records memory and rate as the leaves grew.
func (l *long) curve(by string) error {
	events, err := l.journal.events()
	if err != nil {
		return err
	}
	every := max(1, (len(events)+points-1)/points)
	var before event
	for i := every - 1; i < len(events); i += every {
		e := events[i]
		rows := float64(every * l.o.CopyRows)
		values := map[string]float64{"resident-MB": e.Resident, "time-s": e.Seconds}
		if took := e.Seconds - before.Seconds; took > 0 {
			values["rows/s"] = rows / took
		}
		if cpu := e.CPU - before.CPU; cpu > 0 {
			values["server-ns/row"] = cpu / rows * 1e9
		}
		l.b.Record.Samples = append(l.b.Record.Samples, Sample{Name: fmt.Sprintf("billion-at/leaves=%d/by=%s", (i+1)*l.o.CopyRows, by), Values: values})
		before = e
	}
	return nil
}
