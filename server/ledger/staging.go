package ledger

import (
	"fmt"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/storage"
)

// stageLeaves is from how many leaves for each of its slots on a group may be filed in the round after the open one.
const stageLeaves = 1 << 17

// A staging is a group on its way into the round after the open one. Its leaves are written, as tables that the store does not
// know yet, and its trees grow, while the open round closes at its second; then the group is proposed and its tickets are done.
type staging struct {
	plan  *plan
	began time.Duration // as the unstepped counter shows it
	paced bool          // how long it took is noted

	wake chan struct{} // gets a message at the end, for who waits for the clock besides
	done chan struct{} // closed when what follows is set
	// Of the goroutine that fills it until then, of that of Run afterwards.
	staged *storage.Staged
	trees  map[uint32]*merkle.Tree
	found  []prepared
	err    error
}

// late reports whether to file so many leaves in so many slots, which takes about as long as such groups took before, would go on
// beyond the end of the open round and hold it up. What is marked New looks for what was filed before, which must not change.
func (l *Ledger) late(filings []*ticket, now time.Time) bool {
	leaves := 0
	for _, t := range filings {
		leaves += t.leaves()
	}
	left := l.open.second.Time().Sub(now)
	if l.ending || leaves < l.stageLeaves || left > time.Second || l.pace*time.Duration(leaves)/4*5 <= left {
		return false
	}
	slots := make(map[laneKey]bool)
	for _, t := range filings {
		if marked(t.request) {
			return false
		}
		for i := range t.request.Parts {
			slots[laneKey{t.request.Agency, t.request.Parts[i].Lane}] = true
		}
	}
	return leaves >= l.stageLeaves*len(slots)
}

// paced notes that a group took d.
func (l *Ledger) paced(p *plan, d time.Duration) {
	leaves := 0
	for i := range p.entries {
		leaves += p.entries[i].Leaves.Len()
	}
	if leaves >= storage.DefaultTableLeaves {
		l.pace = (3*l.pace + d/time.Duration(leaves)) / 4
	}
}

// stage begins to file what is planned in the round after the open one.
func (l *Ledger) stage(p *plan) {
	s := &staging{plan: p, began: l.watch.elapsed(), wake: make(chan struct{}, 1), done: make(chan struct{}), trees: make(map[uint32]*merkle.Tree)}
	l.staging = s
	grown := make(chan struct{})
	slots := l.slots // the goroutine of Run may add some meanwhile
	go func() {
		defer close(grown)
		s.found = l.recent.prepare(p.entries)
		for i := range p.entries {
			growIn(s.trees, slots, &p.entries[i])
		}
	}()
	go func() {
		s.staged, s.err = l.store.Stage(p.entries)
		<-grown
		close(s.done)
		s.wake <- struct{}{}
	}()
}

// endStaging files what is staged once the round before is closed, and waits until it can. It reports whether nothing is staged any
// more. When the clock was stepped back, or rounds passed, the group is filed in the round that is open. An error is fatal.
func (l *Ledger) endStaging(now time.Time, jumped bool) (ended bool, err error) {
	s := l.staging
	if s == nil {
		return true, nil
	}
	select {
	case <-s.done:
		if !s.paced {
			s.paced = true
			l.paced(s.plan, l.watch.elapsed()-s.began)
		}
	default:
	}
	back := l.open.second.Time().Sub(now) > time.Second
	if l.open.second < s.plan.round && !back && !jumped {
		return false, nil
	}
	<-s.done
	l.staging = nil
	switch {
	case s.err != nil:
		err := fmt.Errorf("%w: %w", ErrFatal, s.err)
		return true, failAll(s.plan.done, err)
	case l.open.second == s.plan.round && !jumped:
		return true, l.fileStaged(s)
	}
	s.staged.Discard()
	for _, t := range s.plan.done {
		t.filings = nil
		t.wait()
	}
	l.ready = append(s.plan.done, l.ready...)
	return true, nil
}

// fileStaged files what is staged in the round that is open now. An error is fatal.
func (l *Ledger) fileStaged(s *staging) error {
	if err := l.store.ProposeStaged(s.staged); err != nil {
		return failAll(s.plan.done, fmt.Errorf("%w: %w", ErrFatal, err))
	}
	l.open.trees = s.trees
	l.recent.add(s.found)
	took := l.watch.elapsed() - s.began
	l.meters.filed(s.plan, took)
	for _, t := range s.plan.done {
		t.finish(nil)
	}
	return nil
}

// dropStaging ends what is staged when the ledger stops.
func (l *Ledger) dropStaging(err error) {
	if s := l.staging; s != nil {
		<-s.done
		if s.err == nil {
			s.staged.Discard()
		}
		failAll(s.plan.done, err)
		l.staging = nil
	}
}
