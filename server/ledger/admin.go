package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jurat-ledger/jurat/storage"
)

// SetKSIKey gives a role the key, of 1 to storage.MaxKSIKey bytes, by which it logs in to the KSI gateway, in place of the
// one that it has; an empty key takes that one away. A role that does not exist, and a key to take away that is not
// there, are ErrNotFound; a longer key is ErrKey.
func (l *Ledger) SetKSIKey(ctx context.Context, login string, key []byte) error {
	return l.administerWith(ctx, func() ([]storage.Entry, error) {
		if _, ok := l.Role(login); !ok {
			return nil, fmt.Errorf("role %q: %w", login, ErrNotFound)
		}
		if len(key) > storage.MaxKSIKey {
			return nil, fmt.Errorf("role %q: %w: it has %d bytes, at most %d are allowed", login, ErrKey, len(key), storage.MaxKSIKey)
		}
		if _, ok := l.KSIKey(login); !ok && len(key) == 0 {
			return nil, fmt.Errorf("KSI key of role %q: %w", login, ErrNotFound)
		}
		return []storage.Entry{storage.SetKSIKey{Login: login, Key: key}}, nil
	})
}

// KSIKey returns the key by which a role logs in to the KSI gateway; ok is false if it has none.
func (l *Ledger) KSIKey(login string) (key []byte, ok bool) { return l.store.KSIKey(login) }

// ConfirmClock accepts the clock as it stands after a jump, so that filing goes on, and returns the time. One that has not jumped, and may be
// behind what is closed, needs no confirmation and gets none.
func (l *Ledger) ConfirmClock(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := l.administerWith(ctx, func() ([]storage.Entry, error) {
		now = l.confirmClock()
		return nil, nil
	})
	return now, err
}

func (l *Ledger) confirmClock() time.Time {
	now, _ := l.watch.clock.Now()
	if l.watch.jumped {
		now = l.watch.confirm()
	}
	l.log.Warn("an operator confirmed the clock", "clock", now)
	return now
}

// administerWith runs build in the goroutine of Run and makes what it returns durable, with the line that ctx holds.
func (l *Ledger) administerWith(ctx context.Context, build func() ([]storage.Entry, error)) error {
	var lines []storage.JournalEvent
	if line, ok := ctx.Value(lineKey{}).(storage.JournalEvent); ok {
		lines = append(lines, line)
	}
	return l.administerLines(ctx, lines, build)
}

// administerLines does what administerWith does, with these lines of the journal.
func (l *Ledger) administerLines(ctx context.Context, lines []storage.JournalEvent, build func() ([]storage.Entry, error)) error {
	t := newTicket()
	t.build, t.lines = build, lines
	return l.submit(ctx, t)
}
