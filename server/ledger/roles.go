package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/storage"
)

// files reports whether roles of a kind file digests, and so have a slot.
func files(k storage.RoleKind) bool { return k == storage.Agency || k == storage.Superuser }

// CreateRole makes a role, and the slot of its lane main if its kind files. It sets the role's Number. It returns ErrExists if
// the name is taken, or was once.
func (l *Ledger) CreateRole(ctx context.Context, r storage.Role) error {
	return l.administerWith(ctx, func() ([]storage.Entry, error) {
		if _, ok := l.Role(r.Name); ok {
			return nil, fmt.Errorf("role %q: %w", r.Name, ErrExists)
		}
		r.Number = 0
		if files(r.Kind) {
			return []storage.Entry{storage.CreateRole{Role: r}, l.newSlot(r.Name, LaneMain)}, nil
		}
		for _, other := range l.Roles() {
			r.Number = max(r.Number, other.Number)
		}
		r.Number++
		return []storage.Entry{storage.CreateRole{Role: r}}, nil
	})
}

// A RoleChange is what becomes of one role.
type RoleChange struct {
	Name string
	Line storage.JournalEvent // of the journal
	// Make is given the role and how many rounds hold leaves of it or are about to, and returns what it is from then on. It is called
	// in the goroutine of Run.
	Make func(was storage.Role, filed uint64) (storage.Role, error)
}

// ChangeRoles changes roles, all or, after the first error of a change, which is returned, none. They must have different names. A
// role whose kind files from then on gets the slot of its lane main. The role's Number stays. A role that does not exist is
// ErrNotFound.
func (l *Ledger) ChangeRoles(ctx context.Context, changes []RoleChange) error {
	lines := make([]storage.JournalEvent, len(changes))
	for i := range changes {
		lines[i] = changes[i].Line
	}
	return l.administerLines(ctx, lines, func() ([]storage.Entry, error) {
		var entries []storage.Entry
		slots := uint32(0)
		for _, c := range changes {
			was, ok := l.Role(c.Name)
			if !ok {
				return nil, fmt.Errorf("role %q: %w", c.Name, ErrNotFound)
			}
			r, err := c.Make(was, l.filedRounds(c.Name))
			if err != nil {
				return nil, err
			} else if r == was {
				continue
			}
			r.Name, r.Number = was.Name, was.Number
			entries = append(entries, storage.ChangeRole{Role: r})
			if _, ok := l.byLane[laneKey{c.Name, LaneMain}]; files(r.Kind) && !ok {
				made := l.newSlot(c.Name, LaneMain)
				made.Slot.ID += slots
				slots++
				entries = append(entries, made)
			}
			if _, ok := l.KSIKey(c.Name); ok && (r.Dropped || !files(r.Kind)) {
				entries = append(entries, storage.SetKSIKey{Login: c.Name})
			}
		}
		return entries, nil
	})
}

// filedRounds counts the rounds that hold leaves of an agency, the open one among them. It is called in the goroutine of Run.
func (l *Ledger) filedRounds(agency string) (n uint64) {
	ordinals := l.store.Ordinals()
	for _, s := range l.slots {
		if s.Agency != agency {
			continue
		}
		n += ordinals[s.ID]
		if l.open.trees[s.ID] != nil {
			n++
		}
	}
	return n
}

// errLaneThere has no line of the journal written: agencies could fill the disk with them.
var errLaneThere = errors.New("the lane is there")

// CreateLane makes the slot of an agency's lane, which takes leaves from the next round on, and returns its number. A lane
// that is there already stays as it is. An agency that does not exist, and a lane that no agency can have, are ErrNotFound.
func (l *Ledger) CreateLane(ctx context.Context, agency, lane string) (slot uint32, err error) {
	if _, ok := baseOf(lane); !ok {
		return 0, fmt.Errorf("lane %q: %w", lane, ErrNotFound)
	}
	err = l.administerWith(ctx, func() ([]storage.Entry, error) {
		if _, ok := l.byLane[laneKey{agency, LaneMain}]; !ok {
			return nil, fmt.Errorf("agency %q: %w", agency, ErrNotFound)
		}
		if id, ok := l.byLane[laneKey{agency, lane}]; ok {
			slot = id
			return nil, errLaneThere
		}
		made := l.newSlot(agency, lane)
		slot = made.ID
		return []storage.Entry{made}, nil
	})
	if errors.Is(err, errLaneThere) {
		err = nil
	}
	return slot, err
}
