package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// A Leaf is one filed imprint.
type Leaf struct {
	Position
	Imprint merkle.Imprint
	FiledAt time.Time
}

// Extent returns the first second of the ledger, the newest closed one and the one that is open.
func (l *Ledger) Extent() (first, closed, open calendar.Second) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.genesis.First, l.closed, l.open.second
}

// Slots returns all slots in order of their ids. The caller must not change them.
func (l *Ledger) Slots() []storage.Slot {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.slots[:len(l.slots):len(l.slots)]
}

func (l *Ledger) slot(id uint32) storage.Slot {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.slots[id]
}

// Role returns the role of a name; ok is false if there is none.
func (l *Ledger) Role(name string) (r storage.Role, ok bool) {
	roles := l.store.Roles()
	i := slices.IndexFunc(roles, func(r storage.Role) bool { return r.Name == name })
	if i < 0 {
		return r, false
	}
	return roles[i], true
}

// Certificates returns the certificates of the calendar keys, oldest first.
func (l *Ledger) Certificates() []storage.Certificate { return l.store.Certificates() }

// Find returns the leaves with this digest, whatever their algorithm, oldest first; only those of one agency unless
// agency is empty.
func (l *Ledger) Find(agency string, digest []byte) ([]Leaf, error) {
	positions := l.recent.find(digest) // before the index: leaves leave recent only after they entered it
	var placing error
	err := l.index.Find(digest, 0, func(number uint64) bool {
		var p Position
		p, placing = l.store.LeafNumber(number)
		positions = append(positions, p)
		return placing == nil
	})
	if err = cmp.Or(err, placing); err != nil {
		return nil, err
	}
	slices.SortFunc(positions, func(a, b Position) int {
		return cmp.Or(cmp.Compare(a.Round, b.Round), cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Index, b.Index))
	})
	var leaves []Leaf
	for _, p := range slices.Compact(positions) {
		if agency != "" && l.slot(p.Slot).Agency != agency {
			continue
		}
		leaf, err := l.readLeaf(p)
		if err != nil {
			return nil, err
		}
		if string(leaf.Imprint.Digest()) == string(digest) {
			leaves = append(leaves, leaf)
		}
	}
	return leaves, nil
}

// Leaf returns the leaf at p, or ErrNotFound.
func (l *Ledger) Leaf(p Position) (Leaf, error) {
	l.mu.RLock()
	durable := p.Round <= l.closed || p.Round == l.open.second && p.Index < l.open.counts[p.Slot]
	l.mu.RUnlock()
	if !durable {
		return Leaf{}, fmt.Errorf("leaf %d of slot %d in round %s: %w", p.Index, p.Slot, p.Round, ErrNotFound)
	}
	return l.readLeaf(p)
}

func (l *Ledger) readLeaf(p Position) (Leaf, error) {
	im, at, err := l.store.Leaf(p.Round, p.Slot, p.Index)
	if err != nil {
		return Leaf{}, fmt.Errorf("leaf %d of slot %d in round %s: %w", p.Index, p.Slot, p.Round, notFound(err))
	}
	return Leaf{Position: p, Imprint: im, FiledAt: at}, nil
}

// notFound makes the store's ErrNotFound the ledger's.
func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// A LeafCursor reads runs of durable leaves.
type LeafCursor struct {
	runs   *storage.LeafIter
	open   calendar.Second
	counts map[uint32]uint64 // durable leaves of the open round when the cursor was made
}

// Leaves reads the runs that s selects, of the open round only what was durable at the call.
func (l *Ledger) Leaves(s storage.LeafScan) (*LeafCursor, error) {
	c := &LeafCursor{counts: make(map[uint32]uint64)}
	l.mu.RLock()
	c.open = l.open.second
	for id, n := range l.open.counts {
		c.counts[id] = n
	}
	l.mu.RUnlock()
	s.To = min(s.To, c.open)
	var err error
	c.runs, err = l.store.Leaves(s)
	return c, err
}

// Next moves to the next run. It returns false at the end and after an error.
func (c *LeafCursor) Next() bool {
	for c.runs.Next() {
		if r := c.runs.Run(); r.Round < c.open || r.First < c.counts[r.Slot] {
			return true
		}
	}
	return false
}

// Run returns the run that Next moved to. Its leaves are valid until the next call of Next.
func (c *LeafCursor) Run() storage.Run { return c.runs.Run() }

// Err returns the error that ended the cursor, nil if it was the end.
func (c *LeafCursor) Err() error { return c.runs.Err() }

// Close ends the cursor.
func (c *LeafCursor) Close() error { return c.runs.Close() }

// Rounds reads the closed rounds with leaves that s selects.
func (l *Ledger) Rounds(s storage.RoundScan) (*storage.RoundIter, error) {
	_, closed, _ := l.Extent()
	s.To = min(s.To, closed)
	return l.store.Rounds(s)
}

// CalendarScan selects the closed seconds From to To, both included.
type CalendarScan struct {
	From, To calendar.Second
	Desc     bool
	Roots    bool // compute the calendar roots; they cost some hashes a second
}

// A CalendarBatch holds one column a field, in scan order.
type CalendarBatch struct {
	Round []calendar.Second
	Leaf  []merkle.Digest // round root, the zero digest in an idle second
	Idle  []bool
	Root  []merkle.Digest // calendar root as of the second; empty unless asked for
}

// batchSeconds is the most seconds of a CalendarBatch.
const batchSeconds = 1024

// A CalendarCursor reads every closed second.
type CalendarCursor struct {
	ledger *Ledger
	scan   CalendarScan // what is left
}

// Calendar reads the closed seconds that s selects, from the ledger's first on.
func (l *Ledger) Calendar(s CalendarScan) *CalendarCursor {
	first, closed, _ := l.Extent()
	s.From, s.To = max(s.From, first), min(s.To, closed)
	return &CalendarCursor{ledger: l, scan: s}
}

// Next fills b, reusing its memory; io.EOF ends.
func (c *CalendarCursor) Next(ctx context.Context, b *CalendarBatch) error {
	if c.scan.From > c.scan.To {
		return io.EOF
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	n := int(min(c.scan.To-c.scan.From+1, batchSeconds))
	from := c.scan.From
	if c.scan.Desc {
		from = c.scan.To - calendar.Second(n) + 1
		c.scan.To -= calendar.Second(n)
	} else {
		c.scan.From += calendar.Second(n)
	}
	if err := c.fill(b, from, n); err != nil {
		return err
	}
	if c.scan.Desc {
		slices.Reverse(b.Round)
		slices.Reverse(b.Leaf)
		slices.Reverse(b.Idle)
		slices.Reverse(b.Root)
	}
	return nil
}

func (c *CalendarCursor) fill(b *CalendarBatch, from calendar.Second, n int) error {
	b.Round, b.Idle, b.Root = b.Round[:0], b.Idle[:0], b.Root[:0]
	b.Leaf = slices.Grow(b.Leaf[:0], n)[:n]
	if err := c.ledger.store.ReadCalendarLeaves(b.Leaf, from); err != nil {
		return err
	}
	for i, leaf := range b.Leaf {
		b.Round = append(b.Round, from+calendar.Second(i))
		b.Idle = append(b.Idle, leaf == merkle.Digest{})
	}
	if !c.scan.Roots {
		return nil
	}
	frontier, err := calendar.Resume(calendarReader{c.ledger.store}, from-1)
	if err != nil {
		return err
	}
	for _, leaf := range b.Leaf {
		frontier.Append(leaf)
		b.Root = append(b.Root, frontier.Root())
	}
	return nil
}

// Close ends the cursor.
func (c *CalendarCursor) Close() error { return nil }
