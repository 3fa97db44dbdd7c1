package ledger

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jurat-ledger/jurat/storage"
)

const (
	// maxQueuedLeaves bounds the leaves that wait to be committed. Whoever brings more waits outside, so a disk slower
	// than the clients slows the clients, not the server's memory. A larger request waits for an empty queue.
	maxQueuedLeaves = 8 << 20
	// maxGroupLeaves bounds the leaves of one group commit, unless a single request has more.
	maxGroupLeaves = 1 << 18
)

// A ticket is a request on its way through the committer.
type ticket struct {
	request *Request
	// build makes the entries of an administrative change from the ledger's state; nil for filings. It runs in the
	// goroutine of Run.
	build func() ([]storage.Entry, error)
	lines []storage.JournalEvent // written with what build makes

	earlier *earlier // what was known of the parts marked New before the ticket was put; nil if there are none

	state atomic.Uint32

	// Set before done is closed.
	filings []Filing
	err     error
	done    chan struct{}

	deferred chan struct{} // capacity 1: the ticket was taken and waits again
}

func newTicket() *ticket {
	return &ticket{done: make(chan struct{}), deferred: make(chan struct{}, 1)}
}

// States of a ticket. Whoever moves it away from waiting decides whether it is carried out.
const (
	waiting uint32 = iota
	taken
	withdrawn
)

func (t *ticket) take() bool     { return t.state.CompareAndSwap(waiting, taken) }
func (t *ticket) withdraw() bool { return t.state.CompareAndSwap(waiting, withdrawn) }

// wait puts a ticket that was taken back among those that wait.
func (t *ticket) wait() {
	t.state.Store(waiting)
	select {
	case t.deferred <- struct{}{}:
	default:
	}
}

func (t *ticket) finish(err error) {
	t.err = err
	close(t.done)
}

// fail finishes t with err unless it is finished.
func (t *ticket) fail(err error) {
	select {
	case <-t.done:
	default:
		t.finish(err)
	}
}

// leaves returns how many leaves the ticket brings at most.
func (t *ticket) leaves() int {
	n := 0
	if t.request != nil {
		for i := range t.request.Parts {
			n += t.request.Parts[i].Leaves.Len()
		}
	}
	return n
}

// A queue holds the tickets that wait for the committer.
type queue struct {
	wake    chan struct{} // capacity 1: tickets were put
	waiting atomic.Int64  // puts that wait for space

	mu      sync.Mutex // covers all below
	tickets []*ticket
	leaves  int
	line    int           // puts that wait or come behind one that does
	space   chan struct{} // closed and replaced when leaves shrinks
	err     error         // why nothing may be put any more

	turn chan struct{} // holds what the first of the line has; the others of it get it in their order
}

func newQueue() *queue {
	q := &queue{wake: make(chan struct{}, 1), space: make(chan struct{}), turn: make(chan struct{}, 1)}
	q.turn <- struct{}{}
	return q
}

// put adds t at the end, waiting for space, which nobody takes who came later. It returns the error of close if the queue is closed, and
// ErrDiskFull once full is closed.
func (q *queue) put(ctx context.Context, t *ticket, full <-chan struct{}) error {
	q.mu.Lock()
	if q.line == 0 {
		if done, err := q.tryPut(t); done {
			q.mu.Unlock()
			return err
		}
	}
	q.line++
	q.mu.Unlock()
	err := await(ctx, q.turn, full, &q.waiting)
	for done := false; err == nil && !done; {
		q.mu.Lock()
		done, err = q.tryPut(t)
		space := q.space
		q.mu.Unlock()
		if !done {
			err = await(ctx, space, full, &q.waiting)
		}
		if done || err != nil {
			q.turn <- struct{}{}
		}
	}
	q.mu.Lock()
	q.line--
	q.mu.Unlock()
	return err
}

// tryPut adds t at the end if there is space, or returns why nothing may be put any more; done is false if t has to wait. The caller
// holds mu.
func (q *queue) tryPut(t *ticket) (done bool, err error) {
	if q.err != nil {
		return true, q.err
	}
	n := t.leaves()
	if q.leaves > 0 && q.leaves+n > maxQueuedLeaves {
		return false, nil
	}
	q.tickets = append(q.tickets, t)
	q.leaves += n
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true, nil
}

// await returns nil when ready is closed or gives something, ErrDiskFull when full is, and the cause when ctx ends. It is counted in waiting.
func await(ctx context.Context, ready, full <-chan struct{}, waiting *atomic.Int64) error {
	waiting.Add(1)
	defer waiting.Add(-1)
	select {
	case <-ready:
		return nil
	case <-full:
		return ErrDiskFull
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// take removes the tickets at the front: as many as hold maxGroupLeaves together, but at least one if there is any.
func (q *queue) take() []*ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	k, sum := 0, 0
	for k < len(q.tickets) {
		n := q.tickets[k].leaves()
		if k > 0 && sum+n > maxGroupLeaves {
			break
		}
		sum += n
		k++
	}
	if k == 0 {
		return nil
	}
	group := slices.Clone(q.tickets[:k])
	q.tickets = slices.Delete(q.tickets, 0, k) // clears what it leaves behind
	q.leaves -= sum
	close(q.space)
	q.space = make(chan struct{})
	return group
}

// close makes put fail with err from now on. Tickets in the queue stay.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	close(q.space)
	q.space = make(chan struct{})
}
