package querytest

import (
	"context"
	"io"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query"
)

// An audit gives the faults of the ledger second by second.
type audit struct {
	l        *Ledger
	next, to calendar.Second
}

// Audit implements query.Ledger: it finds what Faults says.
func (l *Ledger) Audit(from, to calendar.Second) (query.Audit, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &audit{l, max(from, l.first), min(to, l.closed())}, nil
}

func (a *audit) Next(ctx context.Context) (faults []query.Fault, err error) {
	if a.next > a.to {
		return nil, io.EOF
	}
	for _, f := range a.l.Faults {
		if f.Round == a.next {
			faults = append(faults, f)
		}
	}
	a.next++
	return faults, ctx.Err()
}

// SlotRound implements query.Ledger.
func (l *Ledger) SlotRound(round calendar.Second, slot uint32) (leaves, sequence uint64, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, n := range l.counts {
		if p.Slot == slot && p.Round <= round && n > 0 {
			sequence++
		}
	}
	leaves = l.counts[query.Position{Round: round, Slot: slot}]
	return leaves, sequence, leaves > 0, nil
}

// Consistency implements query.Ledger: the roots of this calendar are none, so there is no proof.
func (l *Ledger) Consistency(from, _ calendar.Second) (*calendar.Consistency, error) {
	return nil, &query.Error{Code: "22023", Message: "second " + from.String() + " is not in the calendar"}
}
