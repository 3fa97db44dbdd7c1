package bundle

import (
	"context"
	"errors"
	"io"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// A Report says what a bundle holds that is in order.
type Report struct {
	Header Header
	Rounds uint64 // with leaves of the agency
	Leaves uint64
	Lanes  []LaneReport // as in the header
	// Verdict is OK if every signature holds, NA if for some of them something is missing, FAIL after a fault.
	Verdict ksi.Verdict
	// Unproven counts the groups whose signature is NA; Missing says of the first what is missing, and Extended whether it is extended to a
	// publication.
	Unproven uint64
	Missing  string
	Extended bool
	// Certificates are those of the calendar keys that confirmed signatures, each once.
	Certificates []ksi.Certificate
}

// A LaneReport is what a bundle holds of one lane. Its sequence numbers follow on without a gap.
type LaneReport struct {
	Lane
	Groups uint64 // rounds with leaves
	Leaves uint64
	// Of its groups, if there are any.
	FirstRound, LastRound       calendar.Second
	FirstSequence, LastSequence uint64
}

// Verify reads a whole bundle and verifies every signature in it by o, whose Document it ignores. It stops at the first
// fault, a *Fault, or when reading fails or ctx is done; the report says what was in order before. progress is told of
// leaves now and then, and may be nil.
func Verify(ctx context.Context, r io.Reader, o ksi.Options, progress func(leaves uint64)) (Report, error) {
	var report Report
	b, err := NewReader(r)
	if err != nil {
		report.Verdict = ksi.FAIL
		return report, err
	}
	report.Header = b.Header()
	report.Lanes = make([]LaneReport, len(report.Header.Lanes))
	for i, l := range report.Header.Lanes {
		report.Lanes[i].Lane = l
	}
	o.Document = nil
	for {
		if ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
		g, err := b.Next()
		if err == io.EOF {
			return report, nil
		}
		if err == nil {
			err = report.add(ctx, g, &o)
		}
		if err != nil {
			report.Verdict = ksi.FAIL
			return report, err
		}
		if progress != nil {
			progress(report.Leaves)
		}
	}
}

// add verifies a group's signature and counts the group.
func (r *Report) add(ctx context.Context, g *Group, o *ksi.Options) error {
	place := &Fault{Offset: g.offset, Round: g.Round, Lane: g.Lane.Name}
	result := ksi.Verify(ctx, g.first, *o)
	switch result.Verdict {
	case ksi.FAIL:
		place.err = errors.New(result.String())
		return place
	case ksi.NA:
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.Unproven++; r.Unproven == 1 {
			place.err = errors.New(result.String())
			r.Verdict, r.Missing, r.Extended = ksi.NA, place.Error(), g.first.Extended()
		}
	}
	r.Certificates = result.AppendCertificate(r.Certificates)
	l := &r.Lanes[g.number]
	if l.Groups == 0 {
		l.FirstRound, l.FirstSequence = g.Round, g.Sequence
	}
	newest := calendar.Second(0)
	for i := range r.Lanes {
		newest = max(newest, r.Lanes[i].LastRound)
	}
	if g.Round > newest {
		r.Rounds++
	}
	l.LastRound, l.LastSequence = g.Round, g.Sequence
	l.Groups++
	l.Leaves += g.Len()
	r.Leaves += g.Len()
	return nil
}
