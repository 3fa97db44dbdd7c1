package storage

import (
	"slices"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// SampleBlock is how many leaves a block of LeafScan.Sample has: leaves block × SampleBlock and up of each slot in a round.
const SampleBlock = 1024

// A drawing leads a LeafIter from one block of its sample to the next, past those between without reading them.
type drawing struct {
	wants  func(round calendar.Second, block uint64) bool
	slots  []uint32
	rounds *RoundIter // of closed rounds
	batch  RoundBatch // of them that were read and not taken yet
	open   horizon    // rounds that follow
	round  calendar.Second
	blocks uint64 // so many at most has a slot in the round
}

// draw begins the sample of a scan.
func (iter *LeafIter) draw(s *Store) (err error) {
	d := &drawing{wants: iter.scan.Sample, slots: iter.scan.Slots, open: iter.horizon, round: -1}
	to := min(iter.scan.To, iter.horizon.closed)
	d.rounds, err = s.Rounds(RoundScan{From: iter.scan.From, To: to, Counts: true, Slots: iter.scan.Slots})
	iter.drawing = d
	return err
}

func (d *drawing) close() error {
	if d.rounds == nil {
		return nil
	}
	return d.rounds.Close()
}

// next moves to the next round in which a block is wanted. ok is false at the end.
func (d *drawing) next() (ok bool, err error) {
	for {
		var leaves uint64
		if d.round, leaves, err = d.nextRound(); leaves == 0 || err != nil {
			return false, err
		}
		d.blocks = (leaves + SampleBlock - 1) / SampleBlock
		if _, ok := d.from(0); ok {
			return true, nil
		}
	}
}

// nextRound returns the next round that holds leaves, and how many; none at the end.
func (d *drawing) nextRound() (calendar.Second, uint64, error) {
	for {
		for i, n := range d.batch.Leaves {
			if n > 0 {
				round := d.batch.Round[i]
				d.batch.Round, d.batch.Leaves = d.batch.Round[i+1:], d.batch.Leaves[i+1:]
				return round, n, nil
			}
		}
		if !d.rounds.Next() {
			break
		}
		d.batch = *d.rounds.Batch()
	}
	if err := d.rounds.Err(); err != nil {
		return 0, 0, err
	}
	first, leaves := maxSecond+1, uint64(0)
	for round, counts := range d.open.open {
		if round <= max(d.round, d.open.closed) || round > first {
			continue
		}
		n := uint64(0)
		for slot, k := range counts {
			if d.slots == nil || slices.Contains(d.slots, slot) {
				n += k
			}
		}
		if n > 0 {
			first, leaves = round, n
		}
	}
	return first, leaves, nil
}

// from returns the first block of the round, from block on, that is wanted.
func (d *drawing) from(block uint64) (uint64, bool) {
	for ; block < d.blocks; block++ {
		if d.wants(d.round, block) {
			return block, true
		}
	}
	return 0, false
}

// wanted returns which of the leaves of a run are wanted, if it has n.
func (d *drawing) wanted(key Key, n int) (from, to int) {
	block := key.Number / SampleBlock
	rest := int(SampleBlock - key.Number%SampleBlock) // leaves of that block from the run's first on; what follows is of the next one
	if !d.wants(key.Round, block) {
		from = min(rest, n)
	}
	if to = n; n > rest && !d.wants(key.Round, block+1) {
		to = rest
	}
	return min(from, to), to
}

// sampled reports whether the run of key can hold leaves of the sample. If it cannot, to is where the next run that can stands, or one
// before it; the last key of all at the end.
func (d *drawing) sampled(key Key) (ok bool, to Key, err error) {
	for d.round < key.Round {
		if ok, err := d.next(); !ok || err != nil {
			return false, Key{Kind: KindRun, Round: maxSecond + 1}, err
		}
	}
	if d.round == key.Round {
		if from, to := d.wanted(key, MaxRun); from < to {
			return true, Key{}, nil
		}
		if block, ok := d.from(key.Number/SampleBlock + 1); ok {
			return false, d.before(key.Slot, block), nil
		}
		block, _ := d.from(0)
		return false, d.before(key.Slot+1, block), nil
	}
	block, _ := d.from(0)
	return false, d.before(0, block), nil
}

// before returns the least key that a run with leaves of a block can have.
func (d *drawing) before(slot uint32, block uint64) Key {
	first := block * SampleBlock
	return Key{Kind: KindRun, Round: d.round, Slot: slot, Number: first - min(first, MaxRun-1)}
}
