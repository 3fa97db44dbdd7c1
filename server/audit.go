package server

import (
	"context"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/server/ledger"
)

func (s source) Audit(from, to calendar.Second) (query.Audit, error) {
	a, err := s.ledger.Audit(from, to)
	return audit{a}, clientError(err)
}

// An audit is one of the ledger as the query engine sees it.
type audit struct{ *ledger.Audit }

func (a audit) Next(ctx context.Context) ([]query.Fault, error) {
	in, err := a.Audit.Next(ctx)
	out := make([]query.Fault, len(in))
	for i, f := range in {
		out[i] = query.Fault(f)
	}
	return out, clientError(err)
}

func (s source) SlotRound(round calendar.Second, slot uint32) (leaves, sequence uint64, ok bool, err error) {
	r, ok, err := s.ledger.SlotRound(round, slot)
	return r.Count, r.Ordinal, ok, clientError(err)
}

func (s source) Consistency(from, to calendar.Second) (*calendar.Consistency, error) {
	c, err := s.ledger.Consistency(from, to)
	return c, clientError(err)
}
