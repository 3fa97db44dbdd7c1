package ledger

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// exportBytes is how much of a bundle Next returns at a time, about.
const exportBytes = 256 << 10

// An Export makes the bundle of what an agency filed in a span of time: see package bundle. It belongs to one goroutine at a
// time and must be closed.
type Export struct {
	ledger      *Ledger
	slots       []storage.Slot
	publication storage.Publication // that proofs are extended to, as far as they are not later; its Time is 0 for none
	runs        *storage.LeafIter
	round       calendar.Second // of the group at hand
	slot        uint32
	w           *bundle.Writer
	buf         bytes.Buffer // written; the first given bytes were returned
	given       int
	ended       bool
}

// Export begins the bundle of an agency's filings in the closed seconds among from to to, with the proofs that Signature
// gives; or, if published is set, with those up to the newest publication extended to it. An agency without lanes, and a span
// without closed seconds, are ErrNotFound.
func (l *Ledger) Export(agency string, from, to calendar.Second, published bool) (*Export, error) {
	return l.ExportLane(agency, "", from, to, published)
}

// ExportLane is Export of one lane alone, of all for the empty name. A lane that exists, and in which the agency never filed, gives
// a bundle without leaves.
func (l *Ledger) ExportLane(agency, lane string, from, to calendar.Second, published bool) (*Export, error) {
	first, closed, _ := l.Extent()
	h := bundle.Header{Server: l.genesis.Server, Agency: agency, From: max(from, first), To: min(to, closed)}
	if h.From > h.To {
		return nil, fmt.Errorf("closed seconds from %s to %s: %w", from, to, ErrNotFound)
	}
	e := &Export{ledger: l}
	var ids []uint32
	for _, s := range l.Slots() {
		if s.Agency == agency && (lane == "" || s.Lane == lane) {
			e.slots, ids = append(e.slots, s), append(ids, s.ID)
			h.Lanes = append(h.Lanes, bundle.Lane{Name: s.Lane, Base: s.Base})
		}
	}
	base, exists := baseOf(lane)
	if _, known := l.Role(agency); len(ids) == 0 && exists && known {
		h.Lanes, ids = []bundle.Lane{{Name: lane, Base: base}}, []uint32{}
	}
	if len(h.Lanes) == 0 {
		return nil, fmt.Errorf("agency %q: %w", agency, ErrNotFound)
	}
	if all := l.Publications(); published && len(all) > 0 {
		e.publication = all[len(all)-1]
	}
	var err error
	if e.w, err = bundle.NewWriter(&e.buf, h); err != nil {
		return nil, err
	}
	e.runs, err = l.store.Leaves(storage.LeafScan{From: h.From, To: h.To, Slots: ids})
	return e, err
}

// Next returns the next bytes of the bundle, valid until the call after; io.EOF ends.
func (e *Export) Next(ctx context.Context) ([]byte, error) {
	if e.ended {
		return nil, io.EOF
	}
	e.buf.Next(e.given)
	for e.buf.Len() < exportBytes {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !e.runs.Next() {
			if err := e.runs.Err(); err != nil {
				return nil, err
			}
			e.ended = true
			err := e.w.Close()
			return e.give(), err
		}
		run := e.runs.Run()
		if err := e.add(ctx, &run); err != nil {
			return nil, err
		}
	}
	return e.give(), nil
}

func (e *Export) give() []byte {
	e.given = e.buf.Len()
	return e.buf.Bytes()
}

// add adds a run, and before its first the group that it belongs to.
func (e *Export) add(ctx context.Context, run *storage.Run) error {
	if run.Round != e.round || run.Slot != e.slot {
		e.round, e.slot = run.Round, run.Slot
		record, err := e.ledger.record(run.Round)
		if err != nil {
			return err
		}
		s := slotOf(record, run.Slot)
		if s == nil {
			return fmt.Errorf("round %s has leaves in slot %d, its record has none: %w", run.Round, run.Slot, storage.ErrCorrupt)
		}
		signature, err := e.signature(ctx, Position{Round: run.Round, Slot: run.Slot})
		if err != nil {
			return err
		}
		lane := slices.IndexFunc(e.slots, func(s storage.Slot) bool { return s.ID == run.Slot })
		if err := e.w.Begin(run.Round, lane, s.Count, signature); err != nil {
			return err
		}
	}
	return e.w.Append(&run.Leaves)
}

// signature returns the signature of a leaf as it is exported.
func (e *Export) signature(ctx context.Context, p Position) ([]byte, error) {
	if e.publication.Time >= p.Round {
		return e.ledger.PublishedSignature(ctx, p, e.publication.Time)
	}
	return e.ledger.Signature(ctx, p)
}

// Close ends the export, whole or not.
func (e *Export) Close() error { return e.runs.Close() }
