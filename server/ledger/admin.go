package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jurat-ledger/jurat/storage"
)

// CreateRole makes a login role and the slot of its lane main. It returns ErrExists if the name is taken.
func (l *Ledger) CreateRole(ctx context.Context, r storage.Role) error {
	return l.administerWith(ctx, func() ([]storage.Entry, error) {
		if _, ok := l.Role(r.Name); ok {
			return nil, fmt.Errorf("role %q: %w", r.Name, ErrExists)
		}
		return []storage.Entry{storage.CreateRole{Role: r}, l.newSlot(r.Name, LaneMain)}, nil
	})
}

// ConfirmClock accepts the clock as it stands after a jump, so that filing goes on. It returns that time.
func (l *Ledger) ConfirmClock(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := l.administerWith(ctx, func() ([]storage.Entry, error) {
		now = l.watch.confirm()
		l.log.Warn("an operator confirmed the clock", "clock", now)
		return nil, nil
	})
	return now, err
}

// administerWith runs build in the goroutine of Run and makes what it returns durable.
func (l *Ledger) administerWith(ctx context.Context, build func() ([]storage.Entry, error)) error {
	t := newTicket()
	t.build = build
	return l.submit(ctx, t)
}
