package ledger

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/jurat-ledger/jurat/merkle"
)

// sized returns a ticket of n leaves, which are all zeros.
func sized(n int) *ticket {
	t := newTicket()
	var leaves merkle.Leaves
	for range n {
		leaves.Append(merkle.Digest{}.Imprint())
	}
	t.request = request("canton", LaneMain, leaves)
	return t
}

// TestQueueOrder: a large request that waits for space is not overtaken by smaller ones that come later and would fit; one that gives up
// waiting stands in nobody's way.
func TestQueueOrder(t *testing.T) {
	const half = maxQueuedLeaves / 2
	first, large, small := sized(half), sized(half+1), sized(1)
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		queued := func(ctx context.Context, x *ticket) <-chan error {
			done := make(chan error, 1)
			go func() { done <- q.put(ctx, x, nil) }()
			synctest.Wait()
			return done
		}
		if err := <-queued(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		gone, giveUp := context.WithCancel(t.Context())
		given := queued(gone, large)
		waits := queued(t.Context(), large)
		behind := queued(t.Context(), small)
		if len(q.tickets) != 1 || q.waiting.Load() != 3 {
			t.Fatalf("%d tickets are in the queue, %d wait", len(q.tickets), q.waiting.Load())
		}
		giveUp()
		if err := <-given; err == nil {
			t.Error("who gave up is in the queue")
		}
		synctest.Wait()
		if len(q.tickets) != 1 {
			t.Fatal("the queue holds more than it may")
		}
		if got := q.take(); len(got) != 1 || got[0] != first {
			t.Fatal("the first does not come first")
		}
		if err := <-waits; err != nil {
			t.Fatal(err)
		}
		if err := <-behind; err != nil {
			t.Fatal(err)
		}
		if len(q.tickets) != 2 || q.tickets[0] != large || q.tickets[1] != small || q.line != 0 {
			t.Errorf("%d tickets, %d in line", len(q.tickets), q.line)
		}
	})
}
