package ledger

import (
	"context"
	"time"
)

// A Clock is the ledger's only source of time.
type Clock interface {
	// Now returns the wall-clock time, which may be stepped, and at the same moment the time since some fixed one, a
	// counter that nobody steps.
	Now() (wall time.Time, elapsed time.Duration)
	// Wait returns when d has passed, when wake is readable or when ctx is done, whichever comes first.
	Wait(ctx context.Context, d time.Duration, wake <-chan struct{})
}

// maxOutage is how much later than the newest closed second a start may be without somebody confirming the clock.
const maxOutage = 31 * 24 * time.Hour

// A watch compares the wall clock with the unstepped counter. Where the wall clock is behind what the counter lets
// expect, it is believed, but for one behind the last closed second, which was wrong before or is so now: what was expected stays until it is
// past that, so a clock that is set right again has not jumped. How far it may be ahead is bounded over all looks together, but for the 500 millionths that a
// bad clock is allowed to be fast. Only the goroutine of Run uses it.
type watch struct {
	clock   Clock
	maxJump time.Duration
	wall    time.Time     // at some look
	mono    time.Duration // at the same look
	jumped  bool
	back    bool          // tellBack has told so
	ahead   time.Duration // of the wall clock at the last look, beyond what the counter let expect; never negative
}

// newWatch trusts the clock as it stands, unless it says that the ledger, closed up to last, was down for longer than
// maxOutage, or for less than no time. One that is behind by more than maxJump is not set yet, as in 1970 at boot, and tells nothing of how long
// the ledger was down: it is trusted as soon as it is within maxOutage.
func newWatch(c Clock, maxJump time.Duration, last time.Time) *watch {
	w := &watch{clock: c, maxJump: maxJump}
	w.confirm()
	switch latest := last.Add(maxOutage); {
	case w.wall.After(latest), w.wall.Before(last.Add(-maxJump)):
		w.wall = latest
	case w.wall.Before(last):
		w.wall = last
	}
	return w
}

// elapsed returns what the unstepped counter shows.
func (w *watch) elapsed() time.Duration {
	_, elapsed := w.clock.Now()
	return elapsed
}

// look returns the wall-clock time, of a ledger that is closed up to last. jumped reports that it is ahead of what the counter lets expect
// by more than maxJump.
func (w *watch) look(last time.Time) (now time.Time, jumped bool) {
	now, mono := w.clock.Now()
	ahead := w.aheadBy(now, mono)
	if ahead <= 0 && !now.Before(last) {
		w.wall, w.mono = now, mono
	}
	w.ahead, w.jumped = max(ahead, 0), ahead > w.maxJump
	return now, w.jumped
}

// believe returns t, or what the counter lets expect now if t is ahead of that by more than maxJump.
func (w *watch) believe(t time.Time) time.Time {
	mono := w.elapsed()
	if w.aheadBy(t, mono) > w.maxJump {
		return w.wall.Add(mono - w.mono)
	}
	return t
}

// aheadBy returns how far t is ahead of what the counter lets expect when it shows mono, for a clock as fast as a bad one may be.
func (w *watch) aheadBy(t time.Time, mono time.Duration) time.Duration {
	passed := mono - w.mono
	return t.Sub(w.wall.Add(passed + passed/2000))
}

// confirm accepts the wall-clock time as it stands and returns it.
func (w *watch) confirm() time.Time {
	w.wall, w.mono = w.clock.Now()
	w.ahead, w.jumped = 0, false
	return w.wall
}

// tellBack logs that the clock was set back behind what is closed, and when it is past that again.
func (l *Ledger) tellBack(now time.Time) {
	back := now.Before(l.closed.Time().Add(-time.Second))
	if back == l.watch.back {
		return
	}
	if l.watch.back = back; back {
		l.log.Warn("the clock was set back: the open round waits until the clock is past the last closed second", "clock", now, "closed", l.closed.String())
	} else {
		l.log.Info("the clock is past the last closed second again", "clock", now)
	}
}
