// Package ledgertest holds what tests of ledgers share: a clock that they move.
package ledgertest

import (
	"context"
	"sync"
	"time"
)

// A Clock stands still until somebody moves it. It is a clock of package ledger.
type Clock struct {
	mu      sync.Mutex
	wall    time.Time
	mono    time.Duration
	seen    time.Duration // mono when Now was called last
	changed chan struct{}
}

// NewClock returns a clock that shows a time.
func NewClock(at time.Time) *Clock {
	return &Clock{wall: at, changed: make(chan struct{})}
}

// Now returns the wall clock's time and that of the monotonic clock.
func (c *Clock) Now() (time.Time, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = c.mono
	return c.wall, c.mono
}

// Wall returns the wall clock's time as Now does, but counts as no look at the clock.
func (c *Clock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

// Elapsed returns the monotonic clock's time likewise.
func (c *Clock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

// Wait waits until d has passed since Now was called last, from which d was computed: the clock may have moved between, and
// may not move again.
func (c *Clock) Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	c.mu.Lock()
	end := c.seen + d
	c.mu.Unlock()
	for {
		c.mu.Lock()
		passed, changed := c.mono >= end, c.changed
		c.mu.Unlock()
		if passed {
			return
		}
		select {
		case <-changed:
		case <-wake:
			return
		case <-ctx.Done():
			return
		}
	}
}

// Move lets d pass and steps the wall clock by step besides.
func (c *Clock) Move(d, step time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(d+step), c.mono+d
	close(c.changed)
	c.changed = make(chan struct{})
}
