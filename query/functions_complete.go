package query

import (
	"context"
	"errors"
	"io"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// completeness gives a row for each closed round and lane in which an agency filed in a span of time: the sequence number
// that stands in the proofs and the one that should, the number of leaves that the round root rests on and how many there
// are with consecutive indices from 0 on.
func (c *ledgerCalls) completeness(env *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	agency := string(args[0].B)
	if err := mayExport(env.Session.(*Session), agency); err != nil {
		return nil, err
	}
	from, to, err := c.closedSpan(args[1], args[2])
	if err != nil {
		return nil, err
	}
	first, closed, _ := c.ledger.Extent()
	k := &completeness{ledger: c.ledger, agency: agency, next: max(from, first), to: min(to, closed), sequences: map[uint32]uint64{}, fromFirst: from <= first}
	for _, s := range c.ledger.Slots() {
		if s.Agency == agency {
			k.slots = append(k.slots, s)
		}
	}
	// Who mistypes an agency must not take silence for good news.
	if _, known := c.ledger.Role(agency); !known && len(k.slots) == 0 {
		return nil, errf(codeInvalidParameter, "there is no agency %q", agency).
			hint("SELECT agency FROM agencies lists those that have filed, as they are spelled.")
	}
	return &batchSeries{more: k.more}, nil
}

// A completeness is a count of an agency's filings under way.
type completeness struct {
	ledger    Ledger
	agency    string
	slots     []Slot
	next, to  calendar.Second
	sequences map[uint32]uint64 // of each slot, as far as known
	fromFirst bool              // sequences begin with 1
}

// more counts the next rounds in which the agency filed.
func (k *completeness) more(ctx context.Context) ([][]value.Datum, error) {
	if k.next > k.to || len(k.slots) == 0 {
		return nil, io.EOF
	}
	cursor, err := k.ledger.Rounds(ctx, RoundScan{From: k.next, To: k.to, Agency: k.agency})
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	var b RoundBatch
	err = cursor.Next(ctx, &b)
	if errors.Is(err, io.EOF) {
		k.next = k.to + 1
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	last := b.Round[len(b.Round)-1]
	found, err := k.found(ctx, k.next, last)
	if err != nil {
		return nil, err
	}
	k.next = last + 1
	var rows [][]value.Datum
	for _, round := range b.Round {
		for _, s := range k.slots {
			row, err := k.row(round, s, found[Position{Round: round, Slot: s.ID}])
			if err != nil {
				return nil, err
			}
			if row != nil {
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// found counts the leaves of each round and slot that have consecutive indices.
func (k *completeness) found(ctx context.Context, from, to calendar.Second) (map[Position]uint64, error) {
	ids := make([]uint32, len(k.slots))
	for i, s := range k.slots {
		ids[i] = s.ID
	}
	cursor, err := k.ledger.Leaves(ctx, LeafScan{From: from, To: to, Slots: ids})
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	found := map[Position]uint64{}
	var b LeafBatch
	for {
		err := cursor.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		if at := (Position{Round: b.Round, Slot: b.Slot}); found[at] == b.First {
			found[at] += uint64(b.Leaves.Len())
		}
	}
}

// row returns the row of a round and slot, nil if there is nothing of it.
func (k *completeness) row(round calendar.Second, s Slot, found uint64) ([]value.Datum, error) {
	leaves, sequence, ok, err := k.ledger.SlotRound(round, s.ID)
	if err != nil || !ok && found == 0 {
		return nil, err
	}
	number := func(n uint64) value.Datum { return value.NewInt(value.Int8, int64(n)) }
	before, known := k.sequences[s.ID]
	expected := value.Null(value.Int8)
	if known || k.fromFirst {
		expected = number(before + 1)
	}
	k.sequences[s.ID] = sequence
	complete := ok && leaves == found && (expected.Null || sequence == before+1)
	return []value.Datum{value.NewText(s.Lane), momentOf(round), number(sequence), expected, number(leaves), number(found), value.NewBool(complete)}, nil
}
