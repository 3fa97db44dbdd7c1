package ledger

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

// Errors that callers decide on.
var (
	// ErrFatal says that disk and memory may disagree: the process must stop and start anew.
	ErrFatal = errors.New("the ledger has stopped after a failed write")
	// ErrStopped says that the ledger is shutting down and takes nothing more.
	ErrStopped = errors.New("the ledger is shutting down")
	// ErrReadOnly says that the ledger was opened for reading alone: nothing is filed or closed.
	ErrReadOnly = errors.New("the ledger is open for reading alone")
	// ErrClockJump says that the clock ran ahead by more than Config.MaxClockJump; nothing is filed until ConfirmClock.
	ErrClockJump = errors.New("the clock jumped ahead")
	// ErrCertificateEnds says that the calendar certificate ends: what is filed now could not be proven.
	ErrCertificateEnds = errors.New("the calendar certificate ends")
	// ErrDiskFull says that the disk has no room for filings. Proofs are made all the same, and filing goes on when there is room.
	ErrDiskFull = errors.New("the disk is full")
	// ErrTooMany says that a request or an answer is larger than the ledger can hold in memory.
	ErrTooMany = errors.New("too many leaves")
	// ErrNotFound says that there is no such leaf, round or agency.
	ErrNotFound = errors.New("not found")
	// ErrRole says that the role for which a request is made was dropped, may not log in any more or does not file.
	ErrRole = errors.New("the role does not file any more")
	// ErrExists says that a role of that name exists.
	ErrExists = errors.New("exists already")
	// ErrKey says that a KSI key has no length that one can have.
	ErrKey = errors.New("not a KSI key")
	// ErrNotClosed says that a second is not closed yet: nothing is known of the calendar as of then.
	ErrNotClosed = errors.New("not closed yet")
	// ErrBeforeFirst says that a second is before the ledger's first.
	ErrBeforeFirst = errors.New("before the ledger's first second")
	// ErrRange says that a calendar chain would end before it starts.
	ErrRange = errors.New("the calendar chain would end before it starts")
	// ErrNoPublication says that there is no publication to extend to.
	ErrNoPublication = errors.New("no publication")
	// ErrReferences says that references do not fit a publication.
	ErrReferences = errors.New("the references cannot be kept")
	// ErrInvalid says that bytes are no signature, or one that contradicts itself.
	ErrInvalid = errors.New("not a valid signature")
	// ErrForeign says that a signature is of another calendar.
	ErrForeign = errors.New("the signature is not of this ledger's calendar")
)

// Lanes that every agency has. Others do not exist.
const (
	LaneMain = "main"
	LaneSeal = "seal"         // printed seals
	LaneKSI  = bundle.KSILane // roots of clients' own trees of up to level bundle.KSIBase
	// LaneStatus is for what an agency says of its printed seals later.
	LaneStatus = "status"
)

// baseOf returns the base level of a lane's leaves; ok is false if there is no such lane.
func baseOf(lane string) (base merkle.Level, ok bool) {
	switch lane {
	case LaneMain, LaneSeal, LaneKSI, LaneStatus:
		return bundle.BaseOf(lane), true
	}
	return 0, false
}

// A Position names a leaf.
type Position = storage.Position

// Config is what a ledger is made of.
type Config struct {
	Store *storage.Store
	Index *index.Index
	// Key signs calendar roots.
	Key crypto.Signer
	// Certificate is that of Key; the store holds it too.
	Certificate ksi.Certificate
	Clock       Clock
	// MaxClockJump is how far the clock may run ahead of the time that has passed before filing stops.
	MaxClockJump time.Duration
	// DiskReserve is how many bytes filing leaves free on the disk, for rounds to be closed and for what works in the background;
	// with less, nothing is filed.
	DiskReserve uint64
	// CacheBytes is the memory of what proofs of closed rounds are made of, once asked for; 0 for DefaultCacheBytes.
	CacheBytes int
	// Backlog is how many closed leaves may be missing in the index before filing waits for it: they are found in memory, at 8 bytes
	// each where many are filed at once, else 24; 0 for DefaultBacklog.
	Backlog uint64
	// ReadOnly gives out what Store and Index hold, which may be open for reading alone, and changes nothing: leaves of the
	// round that was open have no proof. Key and Certificate are not needed.
	ReadOnly bool
	// MonthlyPublications publishes the calendar root as of the 15th of every month, 00:00:00 UTC.
	MonthlyPublications bool
	// RoundClosed is told of every round with leaves that is closed, Published of every publication that is recorded, in the
	// goroutine of Run: they must not block. Either may be nil.
	RoundClosed func(round calendar.Second, root merkle.Digest)
	Published   func(storage.Publication)
	Logger      *slog.Logger
}

// A Ledger owns the open round. Exactly one goroutine, that of Run, writes.
type Ledger struct {
	store       *storage.Store
	index       *index.Index
	key         crypto.Signer
	certificate ksi.Certificate
	log         *slog.Logger
	genesis     storage.Genesis
	monthly     bool   // publish the calendar root of every month
	reserve     uint64 // bytes that filing leaves free on the disk
	manyLeaves  uint64
	stageLeaves int
	readOnly    bool
	observer    observer
	meters      *meters

	queue   *queue
	journal journal
	recent  *recent
	backlog backlog
	caches  *caches

	landmarks landmarks

	// Used by the goroutine of Run alone.
	watch    *watch
	frontier *calendar.Frontier // calendar up to closed
	deferred []*ticket          // wait for the next round, in which their slots exist
	ready    []*ticket          // were deferred, and the next round is open
	warned   time.Time          // when the log last warned of the end of the certificate
	stopped  bool               // the log has said that filing has stopped for it
	staging  *staging           // a group for the round after the open one; nil if there is none
	pace     time.Duration      // that a leaf takes in large groups
	ending   bool               // Run is to end
	low      bool               // the disk had no room for the last filings
	failed   calendar.Second    // monthly publication that could not be made

	mu     sync.RWMutex // covers all below; written by the goroutine of Run alone
	slots  []storage.Slot
	byLane map[laneKey]uint32
	closed calendar.Second
	open   *openRound
	err    error // why the ledger stopped
}

type laneKey struct{ agency, lane string }

// An openRound is the round that takes leaves. Its trees belong to the goroutine of Run.
type openRound struct {
	second calendar.Second
	done   chan struct{} // closed when the round is closed or the ledger has stopped
	trees  map[uint32]*merkle.Tree
}

func newOpenRound(s calendar.Second) *openRound {
	return &openRound{second: s, done: make(chan struct{}), trees: make(map[uint32]*merkle.Tree)}
}

// Open recovers the ledger from its store. Run must be called for anything to be filed or closed.
func Open(c Config) (*Ledger, error) {
	l := &Ledger{
		store:       c.Store,
		index:       c.Index,
		key:         c.Key,
		certificate: c.Certificate,
		log:         c.Logger,
		genesis:     c.Store.Genesis(),
		monthly:     c.MonthlyPublications,
		reserve:     c.DiskReserve,
		manyLeaves:  manyLeaves,
		stageLeaves: stageLeaves,
		readOnly:    c.ReadOnly,
		observer:    observer{c.RoundClosed, c.Published},
		queue:       newQueue(),
		backlog:     newBacklog(cmp.Or(c.Backlog, DefaultBacklog)),
		recent:      newRecent(c.Index),
		caches:      newCaches(cmp.Or(c.CacheBytes, DefaultCacheBytes)),
		watch:       newWatch(c.Clock, c.MaxClockJump, c.Store.Closed().Time()),
		byLane:      make(map[laneKey]uint32),
		closed:      c.Store.Closed(),
	}
	l.meters = newMeters(l.watch)
	l.landmarks.store = c.Store
	if err := l.recover(); err != nil {
		return nil, fmt.Errorf("recover ledger: %w", err)
	}
	if l.readOnly {
		l.queue.close(ErrReadOnly)
		l.err = ErrReadOnly
	}
	return l, nil
}

// recover applies what the store holds to the empty state.
func (l *Ledger) recover() error {
	for _, s := range l.store.Slots() {
		l.apply(storage.CreateSlot{Slot: s})
	}
	var err error
	if l.frontier, err = calendar.Resume(storage.CalendarReader{Store: l.store}, l.closed); err != nil {
		return err
	}
	return l.recoverOpen()
}

// recoverOpen finds the leaves of the round that was open and those that the index does not hold.
func (l *Ledger) recoverOpen() error {
	catchUp, err := l.newCatchUp()
	if err != nil {
		return err
	}
	first := Position{Round: l.closed + 1}
	if next := l.index.Cursor(); next < l.store.TotalLeaves() {
		if first, err = l.store.LeafNumber(next); err != nil {
			return err
		}
	}
	l.open = newOpenRound(l.closed + 1) // the first step moves it on, if the clock can be believed
	runs, err := l.store.Leaves(storage.LeafScan{From: first.Round, To: maxSecond})
	if err != nil {
		return err
	}
	defer runs.Close()
	var found collector
	for runs.Next() {
		e := storage.AppendLeaves(runs.Run())
		if err := catchUp.reach(e.Round, &found); err != nil {
			return err
		}
		found.add(l.recent, &e, first)
		if e.Round <= l.closed {
			continue
		}
		if e.Round != l.open.second {
			if len(l.open.trees) > 0 {
				return fmt.Errorf("leaves of two open rounds, %s and %s: run jurat fsck", l.open.second, e.Round)
			}
			l.open = newOpenRound(e.Round)
		}
		l.grow(&e)
	}
	if err := runs.Err(); err != nil {
		return err
	}
	if err := catchUp.reach(maxSecond, &found); err != nil {
		return err
	}
	if len(l.open.trees) > 0 {
		l.log.Info("the last stop was not clean: the round that was open is recovered and goes on", "round", l.open.second.String(),
			"slots", len(l.open.trees))
	}
	return nil
}

// A collector collects runs as they are stored into entries of the size that recent keeps best.
type collector struct{ entry storage.AppendLeaves }

// add adds the leaves of e, which are only read now, from position first on.
func (c *collector) add(r *recent, e *storage.AppendLeaves, first Position) {
	n, skip := e.Leaves.Len(), 0
	if e.Round == first.Round && (e.Slot < first.Slot || e.Slot == first.Slot && e.First < first.Index) {
		if skip = n; e.Slot == first.Slot {
			skip = int(min(uint64(n), first.Index-e.First))
		}
	}
	if skip == n {
		return
	}
	was := &c.entry
	if was.Round != e.Round || was.Slot != e.Slot || was.Leaves.Len()+n > segmentLeaves {
		c.flush(r)
		*was = storage.AppendLeaves{Round: e.Round, Slot: e.Slot, First: e.First + uint64(skip), Leaves: was.Leaves}
	}
	leaves := e.Leaves.Slice(skip, n)
	was.Leaves.AppendLeaves(&leaves)
}

// flush hands over what is collected.
func (c *collector) flush(r *recent) {
	if c.entry.Leaves.Len() > 0 {
		r.add(r.prepare([]storage.AppendLeaves{c.entry}))
		c.entry.Leaves.Reset()
	}
}

// maxSecond is later than every round.
const maxSecond calendar.Second = 1<<62 - 1

// apply brings the state in memory to where the store stands after e. It is called for entries that are durable: by
// Run after a commit, by recover after a start. Leaves are not among them: see file.
func (l *Ledger) apply(e storage.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := e.(type) {
	case storage.CreateSlot:
		l.byLane[laneKey{e.Agency, e.Lane}] = e.ID
		l.slots = append(l.slots, e.Slot)
	case storage.CloseRound:
		l.closed = e.Round
	case storage.CloseIdle:
		l.closed = e.Through
	case storage.CreateRole, storage.ChangeRole, storage.SetKSIKey, storage.Publish, storage.SealBlock, storage.AppendJournal: // only the store knows of these
	default:
		panic(fmt.Sprintf("ledger: entry %T", e))
	}
}

// file makes leaves durable and applies them, and with them entries of which only the store knows. The trees grow while the store writes: nobody else sees them, and a failed
// write ends Run. An error is fatal.
func (l *Ledger) file(entries []storage.AppendLeaves, more ...storage.Entry) error {
	group, leaves := make([]storage.Entry, 0, len(entries)+len(more)), 0
	for _, e := range entries {
		group = append(group, e)
		leaves += e.Leaves.Len()
	}
	group = append(group, more...)
	written := make(chan error, 1)
	if leaves > inlineLeaves {
		go func() { written <- l.store.Propose(group...) }()
	}
	found := l.recent.prepare(entries)
	for i := range entries {
		l.grow(&entries[i])
	}
	if leaves <= inlineLeaves {
		written <- l.store.Propose(group...)
	}
	if err := <-written; err != nil {
		return fmt.Errorf("%w: %w", ErrFatal, err)
	}
	l.recent.add(found)
	return nil
}

// inlineLeaves is up to how many leaves a group's trees grow before it is written: that takes less time than to have another
// goroutine write.
const inlineLeaves = 256

// grow adds leaves to the open round's trees.
func (l *Ledger) grow(e *storage.AppendLeaves) {
	if e.Round != l.open.second {
		panic(fmt.Sprintf("ledger: leaves of %s applied to open round %s", e.Round, l.open.second))
	}
	growIn(l.open.trees, l.slots, e)
}

// growIn adds leaves to the trees of their round.
func growIn(trees map[uint32]*merkle.Tree, slots []storage.Slot, e *storage.AppendLeaves) {
	t := trees[e.Slot]
	if t == nil {
		t = merkle.NewTree(slots[e.Slot].Base)
		trees[e.Slot] = t
	}
	if t.Count() != e.First {
		panic(fmt.Sprintf("ledger: round %s: slot %d: run at %d after %d leaves", e.Round, e.Slot, e.First, t.Count()))
	}
	t.Append(&e.Leaves)
}

// propose makes entries and the lines of the journal that wait durable and applies them. An error is fatal.
func (l *Ledger) propose(entries ...storage.Entry) error {
	if entries = l.withJournal(entries); len(entries) == 0 {
		return nil
	}
	if err := l.store.Propose(entries...); err != nil {
		return fmt.Errorf("%w: %w", ErrFatal, err)
	}
	for _, e := range entries {
		l.apply(e)
		l.observer.tell(e)
	}
	return nil
}

// Run owns the open round until ctx is done; it then commits what waits, closes the round at its second and returns
// nil. Any other return is ErrFatal.
func (l *Ledger) Run(ctx context.Context) error {
	if l.readOnly {
		<-ctx.Done()
		return nil
	}
	err := l.loop(ctx)
	if err == nil {
		err = l.finish()
	}
	stopped := err
	if stopped == nil {
		stopped = ErrStopped
	}
	l.stop(stopped)
	return err
}

func (l *Ledger) loop(ctx context.Context) error {
	for {
		if err := l.step(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		wake := l.queue.wake
		if l.staging != nil { // until the round closes nothing else is filed
			wake = l.staging.wake
		}
		l.watch.clock.Wait(ctx, l.untilClose(), wake)
	}
}

// maxNap bounds how long the clock goes unwatched.
const maxNap = time.Second

// untilClose returns how long to wait for tickets before the clock wants a look.
func (l *Ledger) untilClose() time.Duration {
	if l.watch.jumped {
		return maxNap
	}
	now, _ := l.watch.clock.Now()
	return min(max(l.open.second.Time().Sub(now), 0), maxNap)
}

// step closes what is due and commits what waits. The clock is read after the tickets are taken, so none of them is
// younger than that time and filed under an earlier one.
func (l *Ledger) step() error {
	for {
		var group []*ticket
		if l.staging == nil {
			group = l.queue.take()
		}
		was := l.watch.jumped
		now, jumped := l.watch.look(l.closed.Time())
		l.meters.look(l.watch)
		l.tellBack(now)
		if jumped {
			failAll(l.deferred, ErrClockJump)
			l.deferred = nil
			if !was {
				l.log.Error("the clock jumped ahead: filing stops until an operator has checked it and run SELECT confirm_clock()",
					"clock", now, "open_round", l.open.second.String())
			}
		} else if err := l.closeDue(now); err != nil {
			return failAll(group, err)
		}
		if err := l.writeJournal(journalDelay); err != nil {
			return failAll(group, err)
		}
		if ended, err := l.endStaging(now, jumped); err != nil {
			return failAll(group, err)
		} else if !ended {
			return nil
		}
		group = append(l.ready, group...)
		l.ready = nil
		if len(group) == 0 {
			return nil
		}
		if err := l.commit(group, now, jumped); err != nil {
			return failAll(group, err)
		}
	}
}

// failAll finishes the tickets that are not finished with err and returns it.
func failAll(tickets []*ticket, err error) error {
	for _, t := range tickets {
		t.fail(err)
	}
	return err
}

// finish commits what is queued and closes the open round if it holds leaves, waiting for its second, but not for a
// clock that was stepped back: such a round is closed after the next start.
func (l *Ledger) finish() error {
	l.queue.close(ErrStopped)
	l.ending = true
	if err := l.step(); err != nil {
		return err
	}
	for range 3 {
		if len(l.open.trees) == 0 && len(l.deferred) == 0 && l.staging == nil {
			break
		}
		l.watch.clock.Wait(context.Background(), l.untilClose(), nil)
		if err := l.step(); err != nil {
			return err
		}
	}
	return l.writeJournal(0)
}

// stop fails everyone who waits.
func (l *Ledger) stop(err error) {
	l.queue.close(err)
	l.mu.Lock()
	l.err = err
	close(l.open.done)
	l.mu.Unlock()
	l.backlog.wake()
	l.dropStaging(err)
	for group := l.queue.take(); group != nil; group = l.queue.take() {
		failAll(group, err)
	}
	failAll(l.ready, err)
	failAll(l.deferred, err)
}
