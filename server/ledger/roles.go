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

// ChangeRole puts what change makes of a role in its place; a role whose kind files from then on gets the slot of its lane
// main. change is called in the goroutine of Run, with how many rounds hold leaves of the role or are about to; its error is
// returned. The role's Number stays. A role that does not exist is ErrNotFound.
func (l *Ledger) ChangeRole(ctx context.Context, name string, change func(r storage.Role, filed uint64) (storage.Role, error)) error {
	return l.administerWith(ctx, func() ([]storage.Entry, error) {
		was, ok := l.Role(name)
		if !ok {
			return nil, fmt.Errorf("role %q: %w", name, ErrNotFound)
		}
		r, err := change(was, l.filedRounds(name))
		if err != nil || r == was {
			return nil, err
		}
		r.Name, r.Number = was.Name, was.Number
		entries := []storage.Entry{storage.ChangeRole{Role: r}}
		if _, ok := l.byLane[laneKey{name, LaneMain}]; files(r.Kind) && !ok {
			entries = append(entries, l.newSlot(name, LaneMain))
		}
		if _, ok := l.KSIKey(name); ok && (r.Dropped || !files(r.Kind)) {
			entries = append(entries, storage.SetKSIKey{Login: name})
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
