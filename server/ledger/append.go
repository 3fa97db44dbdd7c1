package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/storage"
)

// A Request is what one statement or transaction files: all of it or nothing, in one round.
type Request struct {
	Agency string
	Parts  []Part
}

// A Part is a list of leaves for one lane. They get consecutive indices in the order of the list. The ledger reads
// Leaves until Append returns.
type Part struct {
	Lane   string
	Leaves merkle.Leaves
	// New leaves out what the agency has filed before, in any lane, and repetitions inside the request.
	New bool
}

// A Filing says where a part stands.
type Filing struct {
	Round calendar.Second
	Slot  uint32
	First uint64 // index of its first leaf
	Count int
	At    time.Time // when it was accepted
	// Filed lists which leaves of the part were filed, ascending; nil means all of them.
	Filed []int
}

// Append files r and returns when it is durable, one Filing a part. An error that is not ErrFatal means that nothing of
// r is filed and nothing of it will be.
func (l *Ledger) Append(ctx context.Context, r *Request) ([]Filing, error) {
	filings, err := l.append(ctx, withStatusEnd(r))
	return filings[:min(len(filings), len(r.Parts))], err
}

var statusEnd = seal.StatusEnd().Imprint()

// withStatusEnd returns a request that ends what it files in LaneStatus with seal.StatusEnd: r itself if it does, or files nothing there.
func withStatusEnd(r *Request) *Request {
	for i := len(r.Parts) - 1; i >= 0; i-- {
		p := &r.Parts[i]
		n := p.Leaves.Len()
		if p.Lane != LaneStatus || n == 0 {
			continue
		}
		if !p.New && p.Leaves.At(n-1) == statusEnd {
			break
		}
		var leaves merkle.Leaves
		leaves.Append(statusEnd)
		return &Request{Agency: r.Agency, Parts: append(slices.Clip(r.Parts), Part{Lane: LaneStatus, Leaves: leaves})}
	}
	return r
}

// append is Append for a request as it is.
func (l *Ledger) append(ctx context.Context, r *Request) ([]Filing, error) {
	for _, p := range r.Parts {
		if _, ok := baseOf(p.Lane); !ok {
			return nil, fmt.Errorf("lane %q: %w", p.Lane, ErrNotFound)
		}
	}
	err := l.waitIndexed(ctx)
	if err != nil {
		return nil, err
	}
	t := newTicket()
	t.request = r
	if t.earlier, err = l.lookUpEarlier(ctx, r); err != nil {
		return nil, err
	}
	err = l.submit(ctx, t)
	return t.filings, err
}

// submit puts t into the queue and waits until it is carried out. A ticket that the committer has taken is waited for
// whatever happens to ctx: its outcome is a matter of milliseconds, or of when there is room on the disk, and unknown until then.
func (l *Ledger) submit(ctx context.Context, t *ticket) error {
	if l.full() {
		return ErrDiskFull
	}
	full := l.store.Full()
	if err := l.queue.put(ctx, t, full); err != nil {
		return err
	}
	for {
		var why error
		select {
		case <-t.done:
			return t.err
		case <-full:
			why = ErrDiskFull
		case <-ctx.Done():
			why = context.Cause(ctx)
		}
		if t.withdraw() {
			return why
		}
		select {
		case <-t.done:
			return t.err
		case <-t.deferred:
		}
	}
}

// A plan is a group of tickets turned into entries.
type plan struct {
	round   calendar.Second
	now     time.Time // when its leaves are accepted
	entries []storage.AppendLeaves
	last    map[uint32]int    // newest entry of each slot
	counts  map[uint32]uint64 // of the round's slots, with what is planned
	filed   map[filedKey]bool // what is planned; nil unless a part is marked New
	done    []*ticket         // tickets that are carried out once the entries are durable
}

type filedKey struct {
	agency  string
	imprint merkle.Imprint
}

// commit carries out a group of tickets: administrative changes one by one, then all filings with one Sync. now is when
// the clock was read, jumped what it showed then. commit returns an error only if it is fatal.
func (l *Ledger) commit(group []*ticket, now time.Time, jumped bool) error {
	var filings []*ticket
	for _, t := range group {
		switch {
		case !t.take():
		case t.build == nil:
			filings = append(filings, t)
		default:
			if err := l.administer(t); err != nil {
				return err
			}
		}
	}
	switch err := l.closedForFiling(now, filings); {
	case jumped && !l.watch.jumped: // confirmed in this group: first the rounds have to close that are due
		for _, t := range filings {
			t.wait()
		}
		l.ready = append(l.ready, filings...)
		return nil
	case jumped, err != nil:
		for _, t := range filings {
			t.finish(cmp.Or(err, ErrClockJump))
		}
		return nil
	case now.After(l.open.second.Time()):
		panic(fmt.Sprintf("ledger: file in round %s at %s", l.open.second, now))
	}
	filings, err := l.ensureSlots(filings, now)
	if err != nil {
		return err
	}
	began := l.watch.elapsed()
	p := &plan{now: now, round: l.open.second, last: make(map[uint32]int), counts: make(map[uint32]uint64)}
	if l.late(filings, now) {
		p.round, p.now = l.open.second+1, l.open.second.Time().Add(time.Microsecond)
	}
	for _, t := range filings {
		if marked(t.request) {
			p.filed = make(map[filedKey]bool)
		}
	}
	for _, t := range filings {
		l.plan(p, t)
	}
	if p.round != l.open.second {
		l.stage(p)
		return nil
	}
	if len(p.entries) > 0 {
		if err := l.file(p.entries); err != nil {
			return err
		}
		took := l.watch.elapsed() - began
		l.paced(p, took)
		l.meters.filed(p, took)
	}
	for _, t := range p.done {
		t.finish(nil)
	}
	return nil
}

// administer carries out one administrative ticket.
func (l *Ledger) administer(t *ticket) error {
	entries, err := t.build()
	for i := 0; err == nil && i < len(t.lines); i++ {
		t.lines[i].Time, _ = l.watch.clock.Now()
		l.journal.force(t.lines[i])
	}
	if err == nil && (len(entries) > 0 || len(t.lines) > 0) {
		if err := l.propose(entries...); err != nil {
			return err
		}
	}
	t.finish(err)
	return nil
}

// ensureSlots creates the slots that tickets name and that do not exist, and returns the tickets whose slots can take
// leaves in the open round. The others are deferred to the next round. Tickets whose agency does not file at now are finished.
func (l *Ledger) ensureSlots(tickets []*ticket, now time.Time) (ready []*ticket, err error) {
	for _, t := range tickets {
		if err := l.mayFile(t.request.Agency, now); err != nil {
			t.finish(err)
			continue
		}
		usable := true
		for _, p := range t.request.Parts {
			id, ok := l.byLane[laneKey{t.request.Agency, p.Lane}]
			if !ok {
				id = uint32(len(l.slots))
				if err := l.propose(l.newSlot(t.request.Agency, p.Lane)); err != nil {
					return nil, err
				}
			}
			usable = usable && l.slots[id].Created <= l.open.second
		}
		if usable {
			ready = append(ready, t)
		} else {
			t.wait()
			l.deferred = append(l.deferred, t)
		}
	}
	return ready, nil
}

// mayFile decides whether an agency's role files at now: it may have been changed since the request was made, which may be long ago.
func (l *Ledger) mayFile(agency string, now time.Time) error {
	if _, ok := l.byLane[laneKey{agency, LaneMain}]; !ok {
		return fmt.Errorf("agency %q: %w", agency, ErrNotFound)
	}
	r, ok := l.store.Role(agency)
	if !ok {
		return nil
	}
	if !r.MayLogIn(now) || !files(r.Kind) {
		return fmt.Errorf("agency %q: %w", agency, ErrRole)
	}
	return nil
}

// newSlot returns the entry that creates the slot of a lane. It takes leaves from the round after the open one.
func (l *Ledger) newSlot(agency, lane string) storage.CreateSlot {
	base, ok := baseOf(lane)
	if !ok {
		panic("ledger: slot for lane " + lane)
	}
	return storage.CreateSlot{Slot: storage.Slot{
		ID: uint32(len(l.slots)), Agency: agency, Lane: lane, Base: base, Created: l.open.second + 1,
	}}
}

// plan gives the leaves of t their places in the round, or finishes t with an error.
func (l *Ledger) plan(p *plan, t *ticket) {
	r := t.request
	fresh, err := l.onlyNew(p, t)
	if err != nil { // nothing is written yet: it is the ticket's alone
		t.finish(err)
		return
	}
	for i := range r.Parts {
		part := &r.Parts[i]
		slot := l.byLane[laneKey{r.Agency, part.Lane}]
		first, ok := p.counts[slot]
		if tree := l.open.trees[slot]; !ok && tree != nil && p.round == l.open.second {
			first = tree.Count()
		}
		leaves, filed := part.Leaves, []int(nil)
		if part.New {
			leaves, filed = fresh[i].leaves, fresh[i].places
		}
		if leaves.Len() > 0 {
			p.add(storage.AppendLeaves{Round: p.round, Slot: slot, First: first, At: p.now, Leaves: leaves})
		}
		p.counts[slot] = first + uint64(leaves.Len())
		t.filings = append(t.filings, Filing{
			Round: p.round, Slot: slot, First: first, Count: leaves.Len(), At: p.now, Filed: filed,
		})
	}
	p.done = append(p.done, t)
}

// add plans an entry. Small ones of a slot become one, so that they are stored as one run.
func (p *plan) add(e storage.AppendLeaves) {
	n := e.Leaves.Len()
	if i, ok := p.last[e.Slot]; ok && p.entries[i].Leaves.Len()+n <= storage.MaxRun {
		p.entries[i].Leaves.AppendLeaves(&e.Leaves)
		return
	}
	if n < storage.MaxRun {
		e.Leaves = e.Leaves.Slice(0, n) // what is added to it must not change the request
	}
	p.last[e.Slot] = len(p.entries)
	p.entries = append(p.entries, e)
}

// marked reports whether a part of r is marked New.
func marked(r *Request) bool {
	for i := range r.Parts {
		if r.Parts[i].New {
			return true
		}
	}
	return false
}
