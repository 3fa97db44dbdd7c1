package ledger

import (
	"context"
	"time"
)

// A Clock is the ledger's only source of time.
type Clock interface {
	// Now returns the wall-clock time, which may be stepped.
	Now() time.Time
	// Elapsed returns the time since some fixed moment as a counter that nobody steps.
	Elapsed() time.Duration
	// Wait returns when d has passed, when wake is readable or when ctx is done, whichever comes first.
	Wait(ctx context.Context, d time.Duration, wake <-chan struct{})
}

// A watch compares the wall clock with the unstepped counter. Only the goroutine of Run uses it.
type watch struct {
	clock   Clock
	maxJump time.Duration
	wall    time.Time     // at the last look
	mono    time.Duration // at the last look
	jumped  bool
}

// newWatch trusts the clock as it stands.
func newWatch(c Clock, maxJump time.Duration) *watch {
	return &watch{clock: c, maxJump: maxJump, wall: c.Now(), mono: c.Elapsed()}
}

// look returns the wall-clock time. jumped reports that it ran ahead of the counter by more than maxJump at a look and
// has not come back since.
func (w *watch) look() (now time.Time, jumped bool) {
	now, mono := w.clock.Now(), w.clock.Elapsed()
	expected := w.wall.Add(mono - w.mono)
	if ahead := now.Sub(expected); ahead > w.maxJump {
		w.jumped = true
		return now, true
	}
	w.jumped = false
	w.wall, w.mono = now, mono
	return now, false
}

// confirm accepts the wall-clock time as it stands and returns it.
func (w *watch) confirm() time.Time {
	w.wall, w.mono, w.jumped = w.clock.Now(), w.clock.Elapsed(), false
	return w.wall
}
