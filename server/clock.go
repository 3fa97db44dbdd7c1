package server

import (
	"context"
	"time"
)

// systemClock is the clock of the machine.
type systemClock struct{ start time.Time }

func newSystemClock() systemClock { return systemClock{start: time.Now()} }

// Now returns the wall-clock time without its monotonic reading, so that comparisons see steps, and that reading.
func (c systemClock) Now() (wall time.Time, elapsed time.Duration) {
	now := time.Now()
	return now.Round(0), now.Sub(c.start)
}

func (systemClock) Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}
