package server

import (
	"context"
	"time"
)

// systemClock is the clock of the machine.
type systemClock struct{ start time.Time }

func newSystemClock() systemClock { return systemClock{start: time.Now()} }

// Now returns the wall-clock time, without the monotonic reading, so that comparisons see steps.
func (systemClock) Now() time.Time { return time.Now().Round(0) }

func (c systemClock) Elapsed() time.Duration { return time.Since(c.start) }

func (systemClock) Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}
