package ledger

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/storage"
)

// maxPendingLines bounds the lines of the journal that wait to be written, which they do for a second, or as long as the disk
// is full. More are counted.
const maxPendingLines = 10_000

// journalDelay is how long lines wait at most for something else to be written with them.
const journalDelay = time.Second

// A journal holds the lines that are not written yet.
type journal struct {
	mu      sync.Mutex // covers what follows; never held over I/O
	pending []storage.JournalEvent
	lost    uint32 // lines since then that found no room

	written time.Duration // when pending was last written, by the unstepped counter; of the goroutine of Run alone
	failed  bool          // likewise: the log says that the journal cannot be read
}

// Record adds a line to the journal, with the time of now in the place of its own. It does not wait: the line is durable
// within about a second. While the disk is full lines stay in memory, up to 10,000; how many more there were is then a line of its
// own. A ledger that is open for reading alone keeps no journal.
func (l *Ledger) Record(e storage.JournalEvent) {
	if l.readOnly {
		return
	}
	e.Time, _ = l.watch.clock.Now()
	j := &l.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.pending) >= maxPendingLines {
		j.lost++
		return
	}
	j.pending = append(j.pending, e)
}

// force adds a line whatever room there is: it goes with a change that is about to be written.
func (j *journal) force(e storage.JournalEvent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = append(j.pending, e)
}

// Events that the ledger itself records.
const (
	JournalLost    = "lines lost" // they found no room in memory while the disk was full
	JournalPublish = "publish"    // the calendar root of a month was published
)

// take returns what waits to be written.
func (j *journal) take(now time.Time) []storage.JournalEvent {
	j.mu.Lock()
	defer j.mu.Unlock()
	taken := j.pending
	if j.lost > 0 {
		taken = append(taken, storage.JournalEvent{Time: now, Times: j.lost, Event: JournalLost,
			Detail: "the disk was full, and more happened than fits into memory"})
	}
	j.pending, j.lost = nil, 0
	return taken
}

// withJournal adds the lines that wait to entries that are about to be proposed.
func (l *Ledger) withJournal(entries []storage.Entry) []storage.Entry {
	now, elapsed := l.watch.clock.Now()
	l.journal.written = elapsed
	head := l.store.JournalHead()
	for _, e := range l.journal.take(now) {
		// A clock that jumped ahead does not date lines: all that follow would bear its time, and no day would be filed before.
		if believed := l.watch.believe(e.Time); !believed.Equal(e.Time) {
			shown := "; the clock, which had jumped ahead, showed " + e.Time.UTC().Format(time.RFC3339)
			e.Detail = strings.ToValidUTF8(e.Detail[:min(len(e.Detail), storage.MaxDetail-len(shown))], "") + shown
			e.Detail, e.Time = strings.TrimPrefix(e.Detail, "; "), believed
		}
		// A clock that is stepped back does not change the order of lines, nor what is filed.
		for _, earliest := range []time.Time{head.Time, storage.DayTime(head.Filed + 1)} {
			if e.Time.Before(earliest) && head.Lines > 0 {
				e.Time = earliest
			}
		}
		line := storage.JournalLine{Seq: head.Lines + 1, Previous: head.Hash, JournalEvent: e}
		entries = append(entries, storage.AppendJournal{JournalLine: line})
		head.Lines, head.Time, head.Hash = line.Seq, e.Time, line.Hash()
	}
	return entries
}

// writeJournal writes the lines that nothing else was written with. An error is fatal.
func (l *Ledger) writeJournal(wait time.Duration) error {
	if l.watch.elapsed()-l.journal.written < wait {
		return nil
	}
	return l.propose()
}

// dayOver returns the oldest day that is over and not filed, without its leaf; ok is false if there is none.
func (l *Ledger) dayOver(now time.Time) (d storage.JournalDay, ok bool, err error) {
	head, next := l.store.JournalHead(), uint64(1)
	if days := l.store.JournalDays(); len(days) > 0 {
		next = days[len(days)-1].Last + 1
	}
	if next > head.Lines || storage.Day(now) <= head.Filed+1 {
		return d, false, nil
	}
	first, err := l.journalLine(next)
	if err != nil {
		return d, false, err
	}
	if d.Day = storage.Day(first.Time); storage.Day(now) <= d.Day {
		return d, false, nil
	}
	if d.Last, err = l.store.JournalSince(storage.DayTime(d.Day + 1)); err != nil {
		return d, false, err
	}
	d.Last--
	last, err := l.journalLine(d.Last)
	d.Hash = last.Hash()
	return d, err == nil, err
}

// journalLine reads a line that is there.
func (l *Ledger) journalLine(seq uint64) (line storage.JournalLine, err error) {
	var bad error
	err = l.store.ReadJournal(seq, seq, false, func(x storage.JournalLine, lineErr error) bool {
		line, bad = x, lineErr
		return false
	})
	if err = cmp.Or(err, bad); err == nil && line.Seq != seq {
		err = fmt.Errorf("journal: line %d: missing: %w", seq, storage.ErrCorrupt)
	}
	return line, err
}

// fileJournalDay files the hash of the last line of a day that is over. A journal that cannot be read is reported and stops
// nothing. An error is fatal.
func (l *Ledger) fileJournalDay(now time.Time) error {
	day, over, err := l.dayOver(now)
	if err != nil && !l.journal.failed {
		l.journal.failed = true
		l.log.Error("the journal cannot be read, so its days are not filed: run jurat fsck", "error", err)
	}
	if !over || l.certificateEnds(now) != nil || l.store.Free() < l.reserve {
		return nil
	}
	id, ok := l.byLane[laneKey{storage.JournalAgency, storage.JournalLane}]
	if !ok {
		return l.propose(storage.CreateSlot{Slot: storage.Slot{ID: uint32(len(l.slots)), Agency: storage.JournalAgency,
			Lane: storage.JournalLane, Created: l.open.second + 1}})
	}
	if l.slots[id].Created > l.open.second {
		return nil
	}
	e := storage.AppendLeaves{Round: l.open.second, Slot: id, At: now}
	if t := l.open.trees[id]; t != nil {
		e.First = t.Count()
	}
	e.Leaves.Append(day.Hash.Imprint())
	day.Leaf = Position{Round: e.Round, Slot: id, Index: e.First}
	return l.file([]storage.AppendLeaves{e}, storage.FileJournalDay{JournalDay: day})
}

// lineKey is where a context holds the line of a change.
type lineKey struct{}

// WithLine returns a context in which an administrative change is written together with a line of the journal, all or nothing.
func WithLine(ctx context.Context, e storage.JournalEvent) context.Context {
	return context.WithValue(ctx, lineKey{}, e)
}

// JournalHead returns how far the journal has come.
func (l *Ledger) JournalHead() storage.JournalHead { return l.store.JournalHead() }

// JournalDays returns the days whose hash is filed, ascending. The caller must not change them.
func (l *Ledger) JournalDays() []storage.JournalDay { return l.store.JournalDays() }

// JournalSince returns the number of the first line that is not before a time.
func (l *Ledger) JournalSince(t time.Time) (uint64, error) { return l.store.JournalSince(t) }

// ReadJournal is storage.Store.ReadJournal.
func (l *Ledger) ReadJournal(from, to uint64, desc bool, f func(storage.JournalLine, error) bool) error {
	return l.store.ReadJournal(from, to, desc, f)
}

// A JournalFault is what VerifyJournal finds.
type JournalFault struct {
	Seq  uint64 // of the line concerned
	Text string
}

// VerifyJournal follows the hashes of lines from to to and compares them with the leaves of the days that are filed. It tells f of
// every fault, until f returns an error.
func (l *Ledger) VerifyJournal(ctx context.Context, from, to uint64, f func(JournalFault) error) error {
	head := l.store.JournalHead()
	to = min(to, head.Lines)
	v := journalVerifier{ledger: l, f: f, days: l.store.JournalDays(), next: max(from, 1)}
	first := v.next
	if first > 1 { // its Previous is that of the line before
		first--
	}
	if err := l.store.ReadJournal(first, to, false, func(line storage.JournalLine, bad error) bool {
		v.err = context.Cause(ctx)
		if line.Seq < v.next {
			v.take(line, bad)
		} else if v.err == nil {
			v.check(line, bad)
		}
		return v.err == nil
	}); err != nil {
		return err
	}
	v.missing(to + 1)
	if v.err == nil && to == head.Lines && v.known && v.hash != head.Hash {
		v.fault(to, "was changed: the journal's head has another hash")
	}
	return v.err
}

// A journalVerifier follows the hashes of lines.
type journalVerifier struct {
	ledger *Ledger
	f      func(JournalFault) error
	days   []storage.JournalDay
	next   uint64        // line that is due
	known  bool          // the line before was read
	hash   merkle.Digest // of it
	err    error         // of f, or of ctx
}

func (v *journalVerifier) fault(seq uint64, text string) {
	if v.err == nil {
		v.err = v.f(JournalFault{seq, text})
	}
}

// missing tells of the lines that are due before seq.
func (v *journalVerifier) missing(seq uint64) {
	for ; v.next < seq && v.err == nil; v.next++ {
		v.fault(v.next, "is missing")
		v.known = false
	}
}

func (v *journalVerifier) take(line storage.JournalLine, bad error) {
	if v.known = bad == nil; v.known {
		v.hash = line.Hash()
	}
}

func (v *journalVerifier) check(line storage.JournalLine, bad error) {
	v.missing(line.Seq)
	switch {
	case bad != nil:
		v.fault(line.Seq, bad.Error())
	case v.known && line.Previous != v.hash:
		v.fault(line.Seq, "does not follow the line before: one of the two was changed")
	case line.Seq == 1 && line.Previous != (merkle.Digest{}):
		v.fault(1, "was changed: nothing is before it")
	}
	v.take(line, bad)
	v.next = line.Seq + 1
	if d, ok := storage.JournalDayOf(v.days, line.Seq); ok && d.Last == line.Seq && v.known {
		v.checkDay(&d)
	}
}

// checkDay compares the last line of a day with the leaf.
func (v *journalVerifier) checkDay(d *storage.JournalDay) {
	leaf, err := v.ledger.Leaf(d.Leaf)
	switch {
	case err != nil:
		v.fault(d.Last, "the leaf of its day: "+err.Error())
	case leaf.Imprint != v.hash.Imprint():
		v.fault(d.Last, "was changed, or one before: the leaf of its day is another hash")
	}
}
