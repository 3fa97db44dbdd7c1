package query_test

import (
	"context"
	"errors"
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
	i := newIngest(t, ingestEngine(t, 0))
	i.begin()
	err := i.add(t.Context(), ingestMemory/32)
	wantCode(t, err, "54000")
	if want := ingestMemory / 2 / 32; i.rows != want {
		t.Errorf("refused after %d rows, want %d", i.rows, want)
	}
	i.end(err)
}

// Whoever finds the memory taken waits until a transaction ends, however it does. All memory is given back.
func TestIngestWaits(t *testing.T) {
	for _, how := range []string{"commit", "rollback", "close"} {
		synctest.Test(t, func(t *testing.T) {
			e := ingestEngine(t, 1<<20)
			first, second := newIngest(t, e), newIngest(t, e)
			first.begin()
			if err := first.add(t.Context(), 120_000); err != nil {
				t.Fatal(err)
			}
			second.begin()
			done := make(chan error, 1)
			go func() { done <- second.add(t.Context(), 60_000) }()
			synctest.Wait()
			select {
			case err := <-done:
				t.Fatalf("%s: did not wait: %v", how, err)
			default:
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
			if err := <-done; err != nil {
				t.Fatal(how, err)
			}
			second.end(nil)
			third := newIngest(t, e)
			third.begin()
			if err := third.add(t.Context(), ingestMemory/32); err != nil {
				t.Fatalf("%s: not all memory was given back: %v", how, err)
			}
			third.end(nil)
		})
	}
}

// A transaction whose wait would never end gets an error at once, and the others go on; so does one that is canceled, and
// one that has waited long.
func TestIngestDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := ingestEngine(t, 1<<20)
		first, second := newIngest(t, e), newIngest(t, e)
		first.begin()
		second.begin()
		if err := first.add(t.Context(), 50_000); err != nil { // its last part has room for 87,040 in all
			t.Fatal(err)
		}
		if err := second.add(t.Context(), 40_000); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- first.add(t.Context(), 60_000) }()
		synctest.Wait()
		err := second.add(t.Context(), 60_000)
		wantCode(t, err, "53200")
		second.end(err)
		if err := <-done; err != nil || time.Since(start) != 0 {
			t.Fatal(err, time.Since(start))
		}

		second.begin()
		canceled, cancel := context.WithCancel(t.Context())
		go func() { done <- second.add(canceled, 60_000) }()
		synctest.Wait()
		cancel()
		err = <-done
		wantCode(t, err, "57014")
		second.end(err)

		second.begin()
		err = second.add(t.Context(), 60_000)
		wantCode(t, err, "53200")
		if waited := time.Since(start); waited < 10*time.Second {
			t.Errorf("gave up after %s", waited)
		}
		second.end(err)
		first.end(nil)
	})
}
