package ledger

import (
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/internal/tally"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// Stats are what a ledger has done since it was opened, and where it stands. Histograms of times are in nanoseconds.
type Stats struct {
	GroupLeaves   tally.Distribution // leaves of each group commit
	GroupRequests tally.Distribution // requests that each of them carried out
	GroupTimes    tally.Distribution // from the plan of a group until it is durable
	CloseTimes    tally.Distribution // of closing a round with leaves: root, signature, durable
	Late          tally.Distribution // how long after its second such a round was closed
	Proofs        uint64             // signatures made, by whatever way
	PartsRead     uint64             // parts of buckets of the digest index, by look-ups
	Placed        uint64             // leaves whose place was looked up by their number, as the index gives it
	Closed        calendar.Second    // newest closed second
	Leaves        uint64             // of the closed rounds

	QueuedRequests, QueuedLeaves int           // that wait for the committer
	Waiting                      int           // requests that wait for space in the queue or for the index
	ClockAhead                   time.Duration // of the wall clock, beyond what the time that passed lets expect
	ClockJumped                  bool          // nothing is filed until ConfirmClock
	DiskFull                     bool          // a write waits for room, and the writer with it
	Idle                         time.Duration // since the writer last looked at clock and queue: at most seconds if all is well
	CertificateEnds              time.Time     // zero, as is Idle, for a ledger that is open for reading alone: it has neither
}

// meters are what Stats is made of.
type meters struct {
	groupLeaves, groupRequests, groupTimes, closeTimes, late *tally.Histogram

	proofs  atomic.Uint64
	placed  atomic.Uint64
	waiting atomic.Int64 // requests that wait for the index
	ahead   atomic.Int64 // nanoseconds
	jumped  atomic.Bool
	looked  atomic.Int64 // when the writer last looked, as the unstepped counter shows it
}

func newMeters(w *watch) *meters {
	times := tally.Powers(int64(100*time.Microsecond), 2, 18) // to 13 s
	m := &meters{
		groupLeaves:   tally.NewHistogram(tally.Powers(1, 4, 13)), // to 16.7 million
		groupRequests: tally.NewHistogram(tally.Powers(1, 2, 12)),
		groupTimes:    tally.NewHistogram(times),
		closeTimes:    tally.NewHistogram(times),
		late:          tally.NewHistogram(times),
	}
	m.look(w)
	return m
}

// look notes that the writer has looked at clock and queue.
func (m *meters) look(w *watch) {
	m.looked.Store(int64(w.elapsed()))
	m.ahead.Store(int64(w.ahead))
	m.jumped.Store(w.jumped)
}

// filed counts a group commit that took d.
func (m *meters) filed(p *plan, d time.Duration) {
	n := 0
	for i := range p.entries {
		n += p.entries[i].Leaves.Len()
	}
	m.groupLeaves.Add(int64(n))
	m.groupRequests.Add(int64(len(p.done)))
	m.groupTimes.Add(int64(d))
}

// closedRound counts a round with leaves that it took d to close, and that was closed so long after its second.
func (m *meters) closedRound(d, late time.Duration) {
	m.closeTimes.Add(int64(d))
	m.late.Add(int64(max(late, 0)))
}

// Stats returns what the ledger has done and where it stands.
func (l *Ledger) Stats() Stats {
	m := l.meters
	s := Stats{
		GroupLeaves:   m.groupLeaves.Read(),
		GroupRequests: m.groupRequests.Read(),
		GroupTimes:    m.groupTimes.Read(),
		CloseTimes:    m.closeTimes.Read(),
		Late:          m.late.Read(),
		Proofs:        m.proofs.Load(),
		PartsRead:     l.index.PartsRead(),
		Placed:        m.placed.Load(),
		Leaves:        l.store.TotalLeaves(),
		Waiting:       int(m.waiting.Load() + l.queue.waiting.Load()),
		ClockJumped:   m.jumped.Load(),
		DiskFull:      l.full(),
		ClockAhead:    time.Duration(m.ahead.Load()),
	}
	if !l.readOnly {
		s.Idle, s.CertificateEnds = l.watch.elapsed()-time.Duration(m.looked.Load()), l.certificate.X509.NotAfter
	}
	_, s.Closed, _ = l.Extent()
	l.queue.mu.Lock()
	s.QueuedRequests, s.QueuedLeaves = len(l.queue.tickets), l.queue.leaves
	l.queue.mu.Unlock()
	return s
}

// full reports whether a write waits for room on the disk.
func (l *Ledger) full() bool {
	select {
	case <-l.store.Full():
		return true
	default:
		return false
	}
}

// Filing returns why nothing can be filed now: ErrStopped, ErrFatal, ErrClockJump, ErrCertificateEnds or ErrDiskFull; nil if
// filing is open.
func (l *Ledger) Filing() error {
	l.mu.RLock()
	stopped := l.err
	l.mu.RUnlock()
	if stopped != nil {
		return stopped
	}
	if l.meters.jumped.Load() {
		return ErrClockJump
	}
	if l.full() || l.store.Free() < l.reserve {
		return ErrDiskFull
	}
	now, _ := l.watch.clock.Now()
	return l.certificateEnds(now)
}
