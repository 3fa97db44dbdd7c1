package ledger

import (
	"context"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
)

// MaxNew is the most leaves that a request may mark New: each is looked up, in part by the goroutine that commits.
const MaxNew = 100_000

// earlier is what was known of the leaves marked New before their ticket was put. What was filed since is found in
// recent from mark on, or in the index from cursor on.
type earlier struct {
	filed  map[merkle.Imprint]bool
	mark   uint64
	cursor uint64
}

// lookUpEarlier finds out which leaves of the parts marked New the agency has filed already. That may read the disk; the
// committer then has to look only at what was filed since.
func (l *Ledger) lookUpEarlier(ctx context.Context, r *Request) (*earlier, error) {
	if !marked(r) {
		return nil, nil
	}
	e := &earlier{filed: make(map[merkle.Imprint]bool), mark: l.recent.mark(), cursor: l.index.Cursor()}
	for i := range r.Parts {
		part := &r.Parts[i]
		if part.New && len(e.filed)+part.Leaves.Len() > MaxNew {
			return nil, fmt.Errorf("%w: more than %d leaves", ErrTooMany, MaxNew)
		}
		for j := 0; part.New && j < part.Leaves.Len(); j++ {
			im := part.Leaves.At(j)
			if _, ok := e.filed[im]; ok {
				continue
			}
			filed, err := l.holds(ctx, r.Agency, im, 0, 0)
			if err != nil {
				return nil, err
			}
			e.filed[im] = filed
		}
	}
	return e, nil
}

// A newPart is what of a part marked New is to be filed, with the places in the part.
type newPart struct {
	leaves merkle.Leaves
	places []int
}

// onlyNew returns what is to be filed of each part of a ticket that is marked New: the leaves that the agency has not filed yet,
// neither before nor earlier in the plan. It notes in the plan what the ticket files, unless it fails; then the plan is as it was.
func (l *Ledger) onlyNew(p *plan, t *ticket) (parts []newPart, err error) {
	if p.filed == nil {
		return nil, nil
	}
	mayFail := marked(t.request)
	var noted []filedKey
	defer func() {
		if err != nil {
			for _, key := range noted {
				delete(p.filed, key)
			}
		}
	}()
	parts = make([]newPart, len(t.request.Parts))
	for i := range t.request.Parts {
		part := &t.request.Parts[i]
		fresh := newPart{places: []int{}}
		for k := range part.Leaves.Len() {
			im := part.Leaves.At(k)
			key := filedKey{t.request.Agency, im}
			if p.filed[key] {
				continue
			}
			if part.New {
				filed := t.earlier.filed[im]
				if !filed {
					filed, err = l.holds(context.Background(), t.request.Agency, im, t.earlier.mark, t.earlier.cursor)
				}
				if err != nil {
					return nil, err
				}
				if filed {
					continue
				}
				fresh.leaves.Append(im)
				fresh.places = append(fresh.places, k)
			}
			p.filed[key] = true
			if mayFail {
				noted = append(noted, key)
			}
		}
		parts[i] = fresh
	}
	return parts, nil
}
