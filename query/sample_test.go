package query_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// TestSampleInParts draws from tables of seconds that are long enough to be scanned in parts.
func TestSampleInParts(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		if a := run(t.Context(), w.current, "insert into hashes (digest) select sha256(i::text::bytea) from generate_series(1, 5) i"); a.err != nil {
			t.Fatal(a.err)
		}
		w.ledger.Advance(40_000 * time.Second)
	}
	for _, table := range []string{"rounds", "calendar"} {
		for _, method := range []string{"system", "bernoulli"} {
			all := run(t.Context(), w.current, "select count(*) from "+table)
			drawn := run(t.Context(), w.current, "select count(*) from "+table+" tablesample "+method+" (100)")
			if all.err != nil || drawn.err != nil || all.rows[0] != drawn.rows[0] {
				t.Errorf("%s %s: %v of %v, %v", table, method, drawn.rows, all.rows, drawn.err)
			}
		}
	}
}

// endless is a ledger that looks for a block of a sample in ever more rounds. Its statement is cancelled meanwhile.
type endless struct {
	*querytest.Ledger
	cancel context.CancelFunc
}

func (l *endless) Leaves(ctx context.Context, s query.LeafScan) (query.LeafCursor, error) {
	const enough = 10_000
	for round := range 2 * enough {
		if s.Sample(s.From, uint64(round)) {
			return l.Ledger.Leaves(ctx, s)
		}
		if round == enough {
			l.cancel()
		}
	}
	return nil, errors.New("the sample has no block although its statement is cancelled")
}

// TestCancelledSample cancels a statement while the ledger finds no block of its sample.
func TestCancelledSample(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := &endless{querytest.New(start), cancel}
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if a := run(ctx, s, "select count(*) from hashes tablesample system (0)"); a.err == nil || a.err.Code != "57014" {
		t.Error(a.err, a.rows)
	}
}
