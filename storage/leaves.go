package storage

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A LeafScan selects the runs of rounds From to To, both included, in order of round, slot and index, or in exactly the
// reverse order.
type LeafScan struct {
	From, To calendar.Second
	Slots    []uint32 // ascending; nil for all
	Desc     bool     // reverses the order of the runs, not that of the leaves in a run
	// Sample, unless nil, says which leaves are selected. The order is not reversed then.
	Sample func(round calendar.Second, block uint64) bool
}

// A Run is leaves of one round and slot with consecutive indices that were accepted together.
type Run struct {
	Round  calendar.Second
	Slot   uint32
	First  uint64 // index of its first leaf
	At     time.Time
	Leaves merkle.Leaves // at most MaxRun
}

// An OpenRound is a round that holds leaves and is not closed.
type OpenRound struct {
	Round  calendar.Second
	Counts map[uint32]uint64 // leaves of each slot that holds any
}

// OpenRounds returns the rounds to be closed next, ascending. After Open these are what was open when the store was
// last in use.
func (s *Store) OpenRounds() []OpenRound {
	h := s.horizon(0, maxSecond)
	rounds := make([]OpenRound, 0, len(h.open))
	for round, counts := range h.open {
		rounds = append(rounds, OpenRound{round, counts})
	}
	slices.SortFunc(rounds, func(a, b OpenRound) int { return int(a.Round - b.Round) })
	return rounds
}

// Durable returns how far the ledger is durable at one moment: the newest closed second, and the rounds to be closed next
// with what they hold.
func (s *Store) Durable() (closed calendar.Second, open map[calendar.Second]map[uint32]uint64) {
	h := s.horizon(0, maxSecond)
	return h.closed, h.open
}

// A horizon is how far leaves are durable.
type horizon struct {
	closed calendar.Second
	open   map[calendar.Second]map[uint32]uint64
}

// horizon returns it for rounds from to to. It must be taken before the iterator that it bounds.
func (s *Store) horizon(from, to calendar.Second) horizon {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := horizon{closed: s.durable.closed, open: make(map[calendar.Second]map[uint32]uint64)}
	for round, counts := range s.durable.open {
		if round < from || round > to {
			continue
		}
		h.open[round] = make(map[uint32]uint64, len(counts))
		for slot, n := range counts {
			h.open[round][slot] = n
		}
	}
	return h
}

// durableLeaves returns how many leaves of a slot in a round readers may see; those of closed rounds all.
func (s *Store) durableLeaves(round calendar.Second, slot uint32) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if round <= s.durable.closed {
		return math.MaxUint64
	}
	return s.durable.open[round][slot]
}

// A LeafIter reads runs. It belongs to one goroutine at a time and must be closed.
type LeafIter struct {
	it      *pebble.Iterator // nil if nothing is selected
	scan    LeafScan
	horizon horizon
	drawing *drawing // of the sample that is selected, nil for all
	started bool
	run     Run
	err     error
}

// Leaves returns an iterator over runs as they stand now, those of open rounds included.
func (s *Store) Leaves(scan LeafScan) (*LeafIter, error) {
	scan.From, scan.To = max(scan.From, 0), min(scan.To, maxSecond)
	iter := &LeafIter{scan: scan}
	if scan.From > scan.To || scan.Slots != nil && len(scan.Slots) == 0 {
		return iter, nil
	}
	iter.horizon = s.horizon(scan.From, scan.To)
	var err error
	iter.it, err = newIter(s.db, Key{Kind: KindRun, Round: scan.From}, Key{Kind: KindRun, Round: scan.To + 1})
	if err == nil && scan.Sample != nil {
		if err = iter.draw(s); err != nil {
			iter.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	return iter, nil
}

// Next moves to the next run. It returns false at the end and after an error.
func (iter *LeafIter) Next() bool {
	if iter.it == nil || iter.err != nil {
		return false
	}
	ok := iter.step()
	for ok {
		key, err := ParseKey(iter.it.Key())
		if err != nil {
			iter.err = err
			return false
		}
		place, wanted := iter.place(key.Slot)
		if !wanted {
			ok = iter.skip(key, place)
			continue
		}
		if iter.drawing != nil {
			var to Key
			if wanted, to, iter.err = iter.drawing.sampled(key); iter.err != nil {
				return false
			}
			if !wanted {
				ok = iter.it.SeekGE(to.bytes())
				continue
			}
		}
		if limit := iter.limit(key); key.Number < limit {
			iter.err = iter.read(key, limit)
			if iter.err != nil || iter.run.Leaves.Len() > 0 {
				return iter.err == nil
			}
		}
		ok = iter.step()
	}
	if err := iter.it.Error(); err != nil {
		iter.err = Damaged(Key{Kind: KindRun, Round: iter.run.Round}, err)
	}
	return false
}

// step moves by one run.
func (iter *LeafIter) step() bool {
	first := !iter.started
	iter.started = true
	switch {
	case first && iter.scan.Desc:
		return iter.it.Last()
	case first:
		return iter.it.First()
	case iter.scan.Desc:
		return iter.it.Prev()
	}
	return iter.it.Next()
}

// place returns where slot stands among the selected ones, and whether it is one.
func (iter *LeafIter) place(slot uint32) (int, bool) {
	if iter.scan.Slots == nil {
		return 0, true
	}
	return slices.BinarySearch(iter.scan.Slots, slot)
}

// skip moves over runs of slots that are not selected. place is that of the first selected slot after the one of key.
func (iter *LeafIter) skip(key Key, place int) bool {
	slots := iter.scan.Slots
	to := Key{Kind: KindRun, Round: key.Round}
	if !iter.scan.Desc {
		if place == len(slots) {
			to.Round, place = to.Round+1, 0
		}
		to.Slot = slots[place]
		return iter.it.SeekGE(to.bytes())
	}
	if place == 0 {
		if to.Round == 0 {
			return false
		}
		to.Round, place = to.Round-1, len(slots)
	}
	to.Slot, to.Number = slots[place-1], math.MaxUint64
	return iter.it.SeekLT(to.bytes())
}

// limit returns how many leaves of the slot of key are durable.
func (iter *LeafIter) limit(key Key) uint64 {
	if key.Round <= iter.horizon.closed {
		return math.MaxUint64
	}
	return iter.horizon.open[key.Round][key.Slot]
}

// read decodes the run that the iterator stands at.
func (iter *LeafIter) read(key Key, limit uint64) error {
	v, err := iter.it.ValueAndErr()
	if err != nil {
		return Damaged(key, err)
	}
	var r run
	c := newCursor(v)
	if err := r.decode(&c); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	from, to := 0, int(min(uint64(r.n), limit-key.Number))
	if iter.drawing != nil {
		from, to = iter.drawing.wanted(key, to)
	}
	x := &iter.run
	x.Round, x.Slot, x.First, x.At = key.Round, key.Slot, key.Number+uint64(from), r.time()
	x.Leaves.Reset()
	r.appendTo(&x.Leaves, from, to)
	return nil
}

// Run returns the run that Next moved to. Its leaves are valid until the next call of Next.
func (iter *LeafIter) Run() Run { return iter.run }

// Err returns the error that ended the iteration, nil if it was the end.
func (iter *LeafIter) Err() error { return iter.err }

// Close releases the iterator.
func (iter *LeafIter) Close() error {
	if iter.it == nil {
		return nil
	}
	if iter.drawing != nil {
		return errors.Join(iter.drawing.close(), iter.it.Close())
	}
	return iter.it.Close()
}

// Accepted says when the ledger accepted leaves: those of a slot from First on, up to the next Accepted of a list.
type Accepted struct {
	First uint64
	At    time.Time
}

// ReadAccepted appends leaves first to first+n-1 of a slot in a round to dst and returns when they were accepted. Leaves of an open
// round that are not durable are ErrNotFound; leaves of a closed round that are not there are ErrCorrupt.
func (s *Store) ReadAccepted(dst *merkle.Leaves, round calendar.Second, slot uint32, first uint64, n int) ([]Accepted, error) {
	return s.readAccepted(dst, round, slot, first, n, true)
}

// ReadUnchecked is ReadAccepted for who compares the node over the leaves with a kept one: no checksum covers them, but one
// does cover when they were accepted.
func (s *Store) ReadUnchecked(dst *merkle.Leaves, round calendar.Second, slot uint32, first uint64, n int) ([]Accepted, error) {
	return s.readAccepted(dst, round, slot, first, n, false)
}

func (s *Store) readAccepted(dst *merkle.Leaves, round calendar.Second, slot uint32, first uint64, n int, checked bool) ([]Accepted, error) {
	key := Key{Kind: KindRun, Round: round, Slot: slot, Number: first}
	if limit := s.durableLeaves(round, slot); first > limit || uint64(n) > limit-first {
		return nil, fmt.Errorf("%s: %d leaves of %d: %w", key, n, limit, ErrNotFound)
	}
	var accepted []Accepted
	for n > 0 {
		took, at := s.runs.read(dst, round, slot, first, n, checked)
		if took == 0 {
			key.Number = first
			return s.readRuns(dst, key, n, accepted)
		}
		accepted = append(accepted, at)
		first, n = first+uint64(took), n-took
	}
	return accepted, nil
}

// readRuns is ReadAccepted by an iterator of the database, for n > 0 leaves from that of key on; it appends to accepted.
func (s *Store) readRuns(dst *merkle.Leaves, key Key, n int, accepted []Accepted) ([]Accepted, error) {
	it, err := slotRuns(s.db, key.Round, key.Slot)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	first := key.Number
	for ok := seekRun(it, key); ; ok = it.Next() {
		if !ok {
			if err := it.Error(); err != nil {
				return nil, Damaged(key, err)
			}
			return nil, missing(Key{Kind: KindRun, Round: key.Round, Slot: key.Slot, Number: first})
		}
		r, skip, err := runAt(it, first)
		if err != nil {
			return nil, err
		}
		take := min(n, r.n-skip)
		r.appendTo(dst, skip, skip+take)
		accepted = append(accepted, Accepted{first, r.time()})
		first, n = first+uint64(take), n-take
		if n == 0 { // not a step further: that might read the next block
			return accepted, nil
		}
	}
}

// slotRuns returns an iterator over the runs of a slot in a round.
func slotRuns(r pebble.Reader, round calendar.Second, slot uint32) (*pebble.Iterator, error) {
	return newIter(r, Key{Kind: KindRun, Round: round, Slot: slot},
		Key{Kind: KindRun, Round: round, Slot: slot, Number: math.MaxUint64})
}

// shortRuns is how many runs seekRun passes before it looks from the other side.
const shortRuns = 8

// seekRun moves to the run that holds leaf k.Number of the slot of k, or else to the last one that begins no later. It
// reports whether there is such a run. Runs have no fixed length, but none is longer than MaxRun, so the first one behind
// the least key that can be right is it wherever runs are full. To come from behind would be to read the block before it too.
func seekRun(it *pebble.Iterator, k Key) bool {
	from := k
	from.Number -= min(k.Number, MaxRun-1)
	ok := it.SeekGE(from.bytes())
	for range shortRuns {
		if !ok {
			break
		}
		key, r, err := readRun(it)
		if err != nil || key.Number > k.Number {
			break // who comes from behind reports what is damaged, if it matters
		}
		if k.Number-key.Number < uint64(r.n) {
			return true
		}
		ok = it.Next()
	}
	return it.SeekLT(after(k))
}

// after returns the first key behind k.
func after(k Key) []byte { return append(k.bytes(), 0) }

// readRun decodes the run that it stands at.
func readRun(it *pebble.Iterator) (key Key, r run, err error) {
	if key, err = ParseKey(it.Key()); err != nil {
		return key, r, err
	}
	v, err := it.ValueAndErr()
	if err != nil {
		return key, r, Damaged(key, err)
	}
	c := newCursor(v)
	if err := r.decode(&c); err != nil {
		return key, run{}, fmt.Errorf("%s: %w", key, err)
	}
	return key, r, nil
}

// runAt decodes the run that it stands at, which must contain leaf index of its slot. skip is the number of leaves before
// that one.
func runAt(it *pebble.Iterator, index uint64) (r run, skip int, err error) {
	key, r, err := readRun(it)
	if err != nil {
		return r, 0, err
	}
	if index < key.Number || index-key.Number >= uint64(r.n) {
		return r, 0, fmt.Errorf("%s: %d leaves, want leaf %d: %w", key, r.n, index, ErrCorrupt)
	}
	return r, int(index - key.Number), nil
}

// Leaf returns a leaf and when the ledger accepted it. ErrNotFound says that there is none at this place.
func (s *Store) Leaf(round calendar.Second, slot uint32, index uint64) (merkle.Imprint, time.Time, error) {
	key := Key{Kind: KindRun, Round: round, Slot: slot, Number: index}
	none := fmt.Errorf("round %s: slot %d: leaf %d: %w", round, slot, index, ErrNotFound)
	if round < 0 || round > maxSecond || index >= min(s.durableLeaves(round, slot), math.MaxInt64) {
		return merkle.Imprint{}, time.Time{}, none
	}
	it, err := slotRuns(s.db, round, slot)
	if err != nil {
		return merkle.Imprint{}, time.Time{}, err
	}
	defer it.Close()
	if !seekRun(it, key) {
		if err := it.Error(); err != nil {
			return merkle.Imprint{}, time.Time{}, Damaged(key, err)
		}
		if it.First() { // the first run does not start at 0
			return merkle.Imprint{}, time.Time{}, missing(key)
		}
		return merkle.Imprint{}, time.Time{}, none
	}
	r, skip, err := runAt(it, index)
	if err != nil {
		if r.n > 0 && !it.Next() { // a whole run, but the last one: the slot has fewer leaves
			err = none
		}
		return merkle.Imprint{}, time.Time{}, err
	}
	var leaf merkle.Leaves
	r.appendTo(&leaf, skip, skip+1)
	return leaf.At(0), r.time(), nil
}
