package ledger

import (
	"context"
	"fmt"
	"slices"

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
			found, err := l.find(ctx, r.Agency, im.Digest(), 0, 0)
			if err != nil {
				return nil, err
			}
			e.filed[im] = holds(found, im)
		}
	}
	return e, nil
}

// onlyNew returns the leaves of a part marked New that the agency has not filed yet, neither before nor earlier in the
// plan, with their places in the part, and notes them in the plan.
func (l *Ledger) onlyNew(p *plan, t *ticket, leaves *merkle.Leaves) (merkle.Leaves, []int, error) {
	var fresh merkle.Leaves
	filed := []int{}
	for i := range leaves.Len() {
		im := leaves.At(i)
		key := filedKey{t.request.Agency, im}
		if t.earlier.filed[im] || p.filed[key] {
			continue
		}
		found, err := l.find(context.Background(), t.request.Agency, im.Digest(), t.earlier.mark, t.earlier.cursor)
		if err != nil {
			return fresh, nil, fmt.Errorf("%w: %w", ErrFatal, err)
		}
		if holds(found, im) {
			continue
		}
		p.filed[key] = true
		fresh.Append(im)
		filed = append(filed, i)
	}
	return fresh, filed, nil
}

func holds(leaves []Leaf, im merkle.Imprint) bool {
	return slices.ContainsFunc(leaves, func(f Leaf) bool { return f.Imprint == im })
}
