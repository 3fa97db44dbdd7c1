package ledger

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
)

// errLookAgain sends a ticket with parts marked New back to be looked up: leaves moved from recent to the index since.
var errLookAgain = errors.New("ledger: look up again")

// lookUpNew finds out which leaves of the parts marked New the agency has filed already. That may read the disk and is
// done by the caller of Append; the committer then needs to look at recent alone, as long as nothing is dropped from it
// in between.
func (l *Ledger) lookUpNew(t *ticket) error {
	if !marked(t.request) {
		return nil
	}
	t.drops = l.recent.drops()
	t.known = make(map[merkle.Imprint]bool)
	for i := range t.request.Parts {
		part := &t.request.Parts[i]
		for j := 0; part.New && j < part.Leaves.Len(); j++ {
			im := part.Leaves.At(j)
			if _, ok := t.known[im]; ok {
				continue
			}
			leaves, err := l.Find(t.request.Agency, im.Digest())
			if err != nil {
				return err
			}
			t.known[im] = slices.ContainsFunc(leaves, func(f Leaf) bool { return f.Imprint == im })
		}
	}
	return nil
}

// onlyNew returns the leaves of a part marked New that the agency has not filed yet, neither before nor earlier in the
// plan, with their places in the part, and notes them in the plan.
func (l *Ledger) onlyNew(p *plan, t *ticket, leaves *merkle.Leaves) (merkle.Leaves, []int, error) {
	var fresh merkle.Leaves
	filed := []int{}
	for i := range leaves.Len() {
		im := leaves.At(i)
		key := filedKey{t.request.Agency, im}
		if t.known[im] || p.filed[key] {
			continue
		}
		again, err := l.filedRecently(t.request.Agency, im)
		if err != nil {
			return fresh, nil, fmt.Errorf("%w: %w", ErrFatal, err)
		}
		if again {
			continue
		}
		p.filed[key] = true
		fresh.Append(im)
		filed = append(filed, i)
	}
	return fresh, filed, nil
}

// filedRecently reports whether recent holds im as a leaf of the agency.
func (l *Ledger) filedRecently(agency string, im merkle.Imprint) (bool, error) {
	for _, p := range l.recent.find(im.Digest()) {
		if l.slots[p.Slot].Agency != agency {
			continue
		}
		leaf, err := l.readLeaf(p)
		if err != nil || leaf.Imprint == im {
			return err == nil, err
		}
	}
	return false, nil
}
