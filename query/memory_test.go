package query_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// ingestMemory is what the sessions of these tests share: room for 131,072 digests, besides a little that each has.
const ingestMemory = 4 << 20

// An ingest is a session that copies.
type ingest struct {
	t      *testing.T
	s      *query.Session
	script *query.Script
	in     *query.CopyIn
	rows   int
}

func ingestEngine(t *testing.T, transactionLeaves int) *query.Engine {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	return query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat",
		IngestMemory: ingestMemory, TransactionLeaves: transactionLeaves})
}

func newIngest(t *testing.T, e *query.Engine) *ingest {
	t.Helper()
	s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
	if err != nil {
		t.Fatal(err)
	}
	return &ingest{t: t, s: s}
}

// begin starts a COPY.
func (i *ingest) begin() {
	i.t.Helper()
	var err error
	if i.script, err = i.s.Script("copy hashes (digest) from stdin (format binary)"); err != nil {
		i.t.Fatal(err)
	}
	r, err := i.script.Next(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	i.in = r.CopyIn()
}

// add copies n rows more, as many at a time as there is room for, one by one where there is none.
func (i *ingest) add(ctx context.Context, n int) error {
	for n > 0 {
		k := min(len(i.in.Room())/i.in.FixedSize(), n)
		if k > 0 {
			i.in.Took(k)
		} else if _, err := i.in.Row(ctx, [][]byte{make([]byte, 32)}); err != nil {
			i.in.Abort()
			return err
		} else {
			k = 1
		}
		n -= k
		i.rows += k
	}
	return nil
}

// end ends the COPY and its transaction; with err set it is rolled back.
func (i *ingest) end(err error) {
	i.t.Helper()
	if err == nil {
		if err := i.in.Finish(); err != nil {
			i.t.Fatal(err)
		}
	}
	if err := i.script.Close(i.t.Context(), err); err != nil {
		i.t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *query.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %v, want %s", err, code)
	}
}

// A transaction alone may have half of the memory; a larger one is refused, whatever is free.
func TestIngestLimit(t *testing.T) {
	for _, leaves := range []int{0, 1 << 20} { // bounded by their number, by their memory
		i := newIngest(t, ingestEngine(t, leaves))
		i.begin()
		err := i.add(t.Context(), ingestMemory/32)
		wantCode(t, err, "54000")
		want := ingestMemory / 2 / 32
		if leaves > 0 {
			want += query.UncountedLeaves
		}
		if i.rows != want {
			t.Errorf("refused after %d rows, want %d", i.rows, want)
		}
		i.end(err)
	}
}

// Whoever finds the memory taken waits until a transaction ends, however it does. All memory is given back.
func TestIngestWaits(t *testing.T) {
	for _, how := range []string{"commit", "rollback", "close"} {
		synctest.Test(t, func(t *testing.T) {
			e := ingestEngine(t, 1<<20)
			first, second, other := newIngest(t, e), newIngest(t, e), newIngest(t, e)
			first.begin()
			other.begin()
			if err := errors.Join(first.add(t.Context(), 60_000), other.add(t.Context(), 40_000)); err != nil {
				t.Fatal(err)
			}
			second.begin()
			start := time.Now()
			done := make(chan error, 1)
			go func() { done <- second.add(t.Context(), 66_000) }()
			<-time.After(time.Second)
			select {
			case err := <-done:
				t.Fatalf("%s: did not wait: %v", how, err)
			default:
			}
			if n := e.Stats().Waiting; n != 1 {
				t.Fatalf("%s: %d sessions wait", how, n)
			}
			switch how {
			case "commit":
				first.end(nil)
			case "rollback":
				first.in.Abort()
				first.end(context.Canceled)
			case "close":
				first.s.Close()
			}
			if err := <-done; err != nil || time.Since(start) != time.Second {
				t.Fatal(how, err, time.Since(start))
			}
			second.s.Close()
			other.s.Close()
			if n := e.Stats().IngestMemory; n != 0 {
				t.Fatalf("%s: %d bytes were not given back", how, n)
			}
		})
	}
}

// TestSilentCopyGivesWay: a COPY whose client is silent is given up for others that wait for its memory, in a transaction block too, and
// when statement_timeout is over; else it may be silent for ever.
func TestSilentCopyGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := ingestEngine(t, 1<<20)
		silent, other, waits := newIngest(t, e), newIngest(t, e), newIngest(t, e)
		run(t.Context(), silent.s, "begin; insert into hashes (digest) values (sha256('x')); savepoint s")
		silent.begin()
		other.begin()
		if err := errors.Join(silent.add(t.Context(), 60_000), other.add(t.Context(), 40_000)); err != nil {
			t.Fatal(err)
		}
		if err := silent.in.Silent(time.Hour); err != nil {
			t.Fatal(err)
		}
		waits.begin()
		done := make(chan error, 1)
		go func() { done <- waits.add(t.Context(), 66_000) }()
		synctest.Wait()
		if err := silent.in.Silent(14 * time.Second); err != nil {
			t.Fatal(err)
		}
		wantCode(t, silent.in.Silent(15*time.Second), "53200")
		silent.in.Abort()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := silent.script.Close(t.Context(), errors.New("given up")); err != nil {
			t.Fatal(err)
		}
		if a := run(t.Context(), silent.s, "rollback to s; commit; select count(*) from hashes where digest = sha256('x')"); a.err != nil || a.rows[0] != "1" {
			t.Errorf("%v, %v", a.rows, a.err)
		}
		for _, i := range []*ingest{silent, other, waits} {
			i.s.Close()
		}
		if n := e.Stats().IngestMemory; n != 0 {
			t.Errorf("%d bytes were not given back", n)
		}
	})
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	i := newIngest(t, query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"}))
	run(t.Context(), i.s, "set statement_timeout = '2s'")
	i.begin()
	if err := i.in.Silent(time.Second); err != nil {
		t.Fatal(err)
	}
	l.Advance(3 * time.Second)
	wantCode(t, i.in.Silent(3*time.Second), "57014")
	i.in.Abort()
	i.s.Close()
}

// Copying sessions wait for each other and none of them fails, however many they are and however little memory there is. What they
// hold stays within the limit.
func TestIngestManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sessions, copies = 60, 3
		e := ingestEngine(t, 1<<20)
		var wg sync.WaitGroup
		var ended atomic.Int32
		for k := range sessions {
			i, random := newIngest(t, e), rand.New(rand.NewPCG(7, uint64(k)))
			wg.Go(func() {
				for range copies {
					i.begin()
					for rows := random.IntN(ingestMemory / 2 / 32); rows > 0; {
						some := min(rows, 1+random.IntN(20_000))
						if err := i.add(t.Context(), some); err != nil {
							t.Error(err)
							i.end(err)
							return
						}
						rows -= some
						<-time.After(time.Duration(random.IntN(int(time.Second)))) // the client
					}
					i.in.Abort() // the ledger of these tests is slow
					i.end(context.Canceled)
				}
				ended.Add(1)
			})
		}
		go func() { wg.Wait(); ended.Add(1) }()
		waiting := 0
		for ended.Load() <= sessions && !t.Failed() {
			stats := e.Stats()
			if waiting = max(waiting, stats.Waiting); stats.IngestMemory > ingestMemory {
				t.Errorf("%d bytes are held", stats.IngestMemory)
			}
			<-time.After(10 * time.Millisecond)
		}
		wg.Wait()
		if waiting < sessions/2 {
			t.Errorf("%d sessions waited at once at most: the memory is not little", waiting)
		}
		if n := e.Stats().IngestMemory; n != 0 {
			t.Errorf("%d bytes were not given back", n)
		}
	})
}

// A session that waits gets an error when it is canceled, and when nobody takes or gives back memory for long.
func TestIngestDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := ingestEngine(t, 1<<20)
		first, second, third, other := newIngest(t, e), newIngest(t, e), newIngest(t, e), newIngest(t, e)
		first.begin()
		other.begin()
		if err := errors.Join(first.add(t.Context(), 60_000), other.add(t.Context(), 40_000)); err != nil {
			t.Fatal(err)
		}
		second.begin()
		done := make(chan error, 1)
		canceled, cancel := context.WithCancel(t.Context())
		go func() { done <- second.add(canceled, 66_000) }()
		synctest.Wait()
		cancel()
		err := <-done
		wantCode(t, err, "57014")
		second.end(err)

		second.begin()
		start := time.Now()
		go func() { done <- second.add(t.Context(), 66_000) }()
		<-time.After(25 * time.Second)
		third.begin()
		if err := third.add(t.Context(), 1000); err != nil { // so few do not count
			t.Fatal(err)
		}
		third.end(nil)
		if err := first.add(t.Context(), 5_000); err != nil { // goes on, so that second waits longer
			t.Fatal(err)
		}
		err = <-done
		wantCode(t, err, "53200")
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("gave up after %s", waited)
		}
		second.end(err)
		first.s.Close()
		other.s.Close()
	})
}

// What is rolled back to a savepoint gives its memory to what comes next.
func TestIngestSavepoint(t *testing.T) {
	e := ingestEngine(t, 1<<20)
	i := newIngest(t, e)
	exec := func(sql string) {
		t.Helper()
		if r := run(t.Context(), i.s, sql); r.err != nil {
			t.Fatal(sql, r.err)
		}
	}
	exec("BEGIN")
	for round := range 5 {
		exec("SAVEPOINT a")
		i.begin()
		if err := i.add(t.Context(), 50_000); err != nil {
			t.Fatal(err)
		}
		i.end(nil)
		exec("ROLLBACK TO a")
		if n := i.s.Chunks(); n != 0 {
			t.Fatalf("round %d: %d chunks are kept", round, n)
		}
	}
	exec("COMMIT")
}
