package query

import (
	"context"
	"runtime"
	"runtime/debug"
)

// An aheadCursor reads a calendar's next batch while the one before is worked at: calendar roots take about as long to compute as
// to be written to a client. One goroutine at most is at work for it, and Close awaits its end.
type aheadCursor struct {
	cursor  CalendarCursor
	session *Session
	given   int              // batches
	next    chan calendarGot // what the goroutine gives; nil if none is at work
	spare   CalendarBatch    // memory for it
}

// A calendarGot is what a call of Next gave.
type calendarGot struct {
	batch CalendarBatch
	err   error
}

// readAhead returns a cursor that reads ahead where the session may have helpers.
func readAhead(c CalendarCursor, s *Session) CalendarCursor {
	if helpers, _ := s.settings.get("max_parallel_workers_per_gather"); helpers == "0" || runtime.GOMAXPROCS(0) < 2 {
		return c
	}
	return &aheadCursor{cursor: c, session: s}
}

// Next implements CalendarCursor. A scan that ends with its first batch has nothing read in vain.
func (c *aheadCursor) Next(ctx context.Context, b *CalendarBatch) error {
	if c.given++; c.given == 1 {
		return c.cursor.Next(ctx, b)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.next == nil {
		c.start(ctx)
	}
	got := <-c.next
	c.next = nil
	if got.err != nil {
		return got.err
	}
	c.spare, *b = *b, got.batch
	c.start(ctx)
	return nil
}

// start has a goroutine read the next batch. It takes less than a millisecond, and is not cut short by the end of the call that it is
// made in: a portal may be read by several.
func (c *aheadCursor) start(ctx context.Context) {
	next := make(chan calendarGot, 1)
	c.next = next
	got := calendarGot{batch: c.spare}
	c.spare = CalendarBatch{}
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				c.session.engine.Logger.Error("reading ahead panicked", "panic", r, "stack", string(debug.Stack()))
				got.err = errf(codeInternal, "internal error: %v", r)
			}
			next <- got
		}()
		got.err = c.cursor.Next(ctx, &got.batch)
	}()
}

// Close implements CalendarCursor.
func (c *aheadCursor) Close() error {
	if c.next != nil {
		<-c.next
		c.next = nil
	}
	return c.cursor.Close()
}
