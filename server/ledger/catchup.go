package ledger

import (
	"context"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A catchUp adds leaves to the index while recovery reads them, if the index lacks more than memory is to hold: after a rebuild
// that was cut off, for one, it lacks all.
type catchUp struct {
	ledger *Ledger
	behind bool
	start  uint64          // number of the first leaf that is read
	leaves uint64          // of closed rounds
	round  calendar.Second // that is being read
}

// newCatchUp says in the log what the index lacks. A ledger that is open for reading alone cannot catch up.
func (l *Ledger) newCatchUp() (*catchUp, error) {
	c := &catchUp{ledger: l, start: l.index.Cursor(), leaves: l.store.TotalLeaves()}
	missing := c.leaves - c.start
	if l.readOnly {
		if err := CheckIndexed(c.leaves, c.start); err != nil {
			return nil, err
		}
	}
	c.behind = !l.readOnly && missing > l.backlog.limit
	switch {
	case c.behind:
		l.log.Warn("the digest index lacks more than memory is to hold: it is made whole before anything is served", "missing", missing)
	case missing >= minIndexed:
		l.log.Info("what the digest index lacks is read again", "missing", missing)
	}
	return c, nil
}

// reach is told of which round the leaves are that are read next. What was read before is handed over.
func (c *catchUp) reach(round calendar.Second, found *collector) error {
	if round == c.round {
		return nil
	}
	l, read := c.ledger, c.round
	c.round = round
	found.flush(l.recent)
	if !c.behind {
		return nil
	}
	through := min(read, l.closed)
	end := min(c.start+l.recent.mark(), c.leaves)
	for end-l.index.Cursor() >= l.backlog.step {
		if err := l.indexNext(through); err != nil {
			return fmt.Errorf("digest index: %w", err)
		}
		for merged := true; merged; {
			var err error
			if merged, err = l.mergeNext(context.Background()); err != nil {
				return fmt.Errorf("digest index: %w", err)
			}
		}
		l.log.Info("the digest index grows", "indexed", l.index.Cursor(), "leaves", c.leaves)
	}
	return nil
}
