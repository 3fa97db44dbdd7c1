package query

import (
	"context"
	"slices"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A Snapshot says what a ledger held at one moment. Since nothing in a ledger changes, it takes no more to read it as it
// stood then.
type Snapshot struct {
	Closed       calendar.Second                       // newest closed second
	Open         map[calendar.Second]map[uint32]uint64 // durable leaves of each slot in rounds that were open
	Slots        int                                   // that existed
	Publications []Publication                         // ascending by time
}

// asOf is a ledger as it stood at a snapshot. What is computed for single leaves and seconds, proofs above all, is that of
// the ledger itself.
type asOf struct {
	Ledger
	at *Snapshot
}

// reads returns the ledger that the statements of a transaction read: as of the snapshot of the transaction if there is one.
func (s *Session) reads(l Ledger) Ledger {
	if s.tx.asOf != nil {
		return asOf{l, s.tx.asOf}
	}
	return l
}

// snapshot returns what a statement that starts now is to see: the snapshot that its transaction took for its first
// statement under the isolation levels repeatable read and serializable, nil for the ledger as it stands.
func (s *Session) snapshot() *Snapshot {
	if s.tx.state == txBlock && s.tx.asOf == nil {
		if level, _ := s.settings.get("transaction_isolation"); level == "repeatable read" || level == "serializable" {
			taken := s.engine.Ledger.Snapshot()
			s.tx.asOf = &taken
		}
	}
	return s.tx.asOf
}

// ledger returns the ledger that a scan reads.
func (r *ScanRequest) ledger(l Ledger) Ledger {
	if r.AsOf != nil {
		return asOf{l, r.AsOf}
	}
	return l
}

// sees returns how many of a slot's leaves in a round the snapshot holds, if they are that many.
func (a asOf) sees(round calendar.Second, slot uint32, leaves uint64) uint64 {
	if counts, ok := a.at.Open[round]; ok {
		return min(leaves, counts[slot])
	}
	if round <= a.at.Closed {
		return leaves
	}
	return 0
}

// newest returns the newest round with leaves in the snapshot, or a later one.
func (a asOf) newest() calendar.Second {
	newest := a.at.Closed
	for round := range a.at.Open {
		newest = max(newest, round)
	}
	return newest
}

// Find implements Ledger.
func (a asOf) Find(ctx context.Context, dst []Leaf, agency string, digest []byte) ([]Leaf, error) {
	found, err := a.Ledger.Find(ctx, nil, agency, digest)
	return append(dst, slices.DeleteFunc(found, func(l Leaf) bool { return !a.holds(l.Position) })...), err
}

// FindAll implements Ledger.
func (a asOf) FindAll(ctx context.Context, agency string, digests [][]byte) ([]Leaf, error) {
	found, err := a.Ledger.FindAll(ctx, agency, digests)
	return slices.DeleteFunc(found, func(l Leaf) bool { return !a.holds(l.Position) }), err
}

func (a asOf) holds(p Position) bool { return a.sees(p.Round, p.Slot, p.Index+1) == p.Index+1 }

// Leaf implements Ledger.
func (a asOf) Leaf(ctx context.Context, p Position) (Leaf, bool, error) {
	if !a.holds(p) {
		return Leaf{}, false, nil
	}
	return a.Ledger.Leaf(ctx, p)
}

// Leaves implements Ledger.
func (a asOf) Leaves(ctx context.Context, s LeafScan) (LeafCursor, error) {
	s.To = min(s.To, a.newest())
	c, err := a.Ledger.Leaves(ctx, s)
	if err != nil {
		return nil, err
	}
	return &asOfLeaves{c, a}, nil
}

// asOfLeaves leaves out what came after a snapshot.
type asOfLeaves struct {
	LeafCursor
	a asOf
}

// Next implements LeafCursor.
func (c *asOfLeaves) Next(ctx context.Context, b *LeafBatch) error {
	for {
		if err := c.LeafCursor.Next(ctx, b); err != nil {
			return err
		}
		n := uint64(b.Leaves.Len())
		seen := c.a.sees(b.Round, b.Slot, b.First+n)
		if seen <= b.First {
			continue
		}
		if seen < b.First+n {
			b.Leaves = b.Leaves.Slice(0, int(seen-b.First))
		}
		return nil
	}
}

// Rounds implements Ledger.
func (a asOf) Rounds(ctx context.Context, s RoundScan) (RoundCursor, error) {
	s.To = min(s.To, a.at.Closed)
	return a.Ledger.Rounds(ctx, s)
}

// Calendar implements Ledger.
func (a asOf) Calendar(ctx context.Context, s CalendarScan) (CalendarCursor, error) {
	s.To = min(s.To, a.at.Closed)
	return a.Ledger.Calendar(ctx, s)
}

// Slots implements Ledger.
func (a asOf) Slots() []Slot { return a.Ledger.Slots()[:a.at.Slots] }

// Publications implements Ledger.
func (a asOf) Publications() []Publication { return a.at.Publications }
