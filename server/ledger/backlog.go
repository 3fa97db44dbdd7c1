package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// DefaultBacklog is the default of Config.Backlog.
const DefaultBacklog = 1 << 24

// MostBehind is how many closed leaves the digest index of a stopped ledger may lack: DefaultBacklog, beyond which a server has those who
// file wait, and what the rounds that it closes then still bring.
const MostBehind = 2 * DefaultBacklog

// ErrBehind says that the digest index lacks more closed leaves than it may.
var ErrBehind = errors.New("the digest index is too far behind")

// CheckIndexed returns an error that wraps ErrBehind if more closed leaves than MostBehind are not indexed.
func CheckIndexed(leaves, indexed uint64) error {
	if leaves-indexed <= MostBehind {
		return nil
	}
	return fmt.Errorf("%w: it lacks %d of %d leaves, and may lack %d", ErrBehind, leaves-indexed, leaves, MostBehind)
}

// A backlog makes those who file wait while the index is too far behind.
type backlog struct {
	limit uint64 // closed leaves
	step  uint64 // how many the index takes at once, give or take a batch

	mu      sync.Mutex    // covers changed
	changed chan struct{} // closed, and replaced, when the index has grown or the ledger has stopped
}

// newBacklog returns a backlog of at most so many closed leaves, of which the index takes a quarter at once.
func newBacklog(limit uint64) backlog {
	return backlog{limit: limit, step: limit / 4, changed: make(chan struct{})}
}

// due returns how many closed leaves may be missing in the index before it grows while others are filed.
func (b *backlog) due() uint64 { return b.limit / 8 * 5 }

// next returns a channel that is closed at the next change.
func (b *backlog) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// wake lets all who wait look again.
func (b *backlog) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.changed)
	b.changed = make(chan struct{})
}

// waitIndexed returns nil once the index is near enough, and an error if the ledger has stopped or ctx is done before. So
// memory is bounded when more is filed than the index can take: clients wait.
func (l *Ledger) waitIndexed(ctx context.Context) error {
	for {
		changed := l.backlog.next() // before the look, so that no change is missed
		indexed := l.index.Cursor() // before the total, which it never passes
		if l.store.TotalLeaves()-indexed <= l.backlog.limit {
			return nil
		}
		l.mu.RLock()
		stopped := l.err
		l.mu.RUnlock()
		if stopped != nil {
			return stopped
		}
		if err := await(ctx, changed, l.store.Full(), &l.meters.waiting); err != nil {
			return err
		}
	}
}
