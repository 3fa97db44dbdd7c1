package storage

import (
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// limit cuts the list of single seconds of a scan to its range, and then the range to the list.
func (iter *RoundIter) limit() {
	scan := &iter.scan
	from, _ := slices.BinarySearch(scan.Seconds, scan.From)
	to, found := slices.BinarySearch(scan.Seconds, scan.To)
	if found {
		to++
	}
	if from >= to {
		scan.Seconds, scan.To = []calendar.Second{}, scan.From-1
		return
	}
	scan.Seconds = scan.Seconds[from:to]
	scan.From, scan.To = scan.Seconds[0], scan.Seconds[to-from-1]
}

// listed returns the next second of the list in the direction of the scan; ok is false if none is left.
func (iter *RoundIter) listed() (second calendar.Second, ok bool) {
	list := iter.scan.Seconds
	switch {
	case len(list) == 0:
		return 0, false
	case iter.scan.Desc:
		return list[len(list)-1], true
	}
	return list[0], true
}

// pass takes the second that listed returns off the list.
func (iter *RoundIter) pass() {
	list := iter.scan.Seconds
	if iter.scan.Desc {
		iter.scan.Seconds = list[:len(list)-1]
	} else {
		iter.scan.Seconds = list[1:]
	}
}

// nextListed reads the next batch of a scan of single seconds. It returns false at the end. A batch is empty where many blocks held
// nothing that is wanted.
func (iter *RoundIter) nextListed() (bool, error) {
	if iter.kept == nil {
		return iter.nextStored()
	}
	var c *keptCounts // of the block before
	blocks := 0
	for len(iter.batch.Round) < BlockSeconds {
		second, ok := iter.listed()
		if !ok {
			return len(iter.batch.Round) > 0, nil
		}
		if block := blockOf(second); second < iter.kept.sealed && (c == nil || c.block != block) {
			if blocks++; blocks > restBlocks {
				break
			}
			var err error
			if c, err = iter.listedBlock(block); err != nil {
				return false, err
			}
		}
		switch {
		case second >= iter.kept.sealed:
			iter.takeHead(second)
		case c != nil:
			if err := iter.takeSecond(c, second); err != nil {
				return false, err
			}
		}
		iter.pass()
	}
	return true, nil
}

// listedBlock returns the counts of a block, nil if it is idle.
func (iter *RoundIter) listedBlock(block uint64) (*keptCounts, error) {
	if e := iter.kept.store.rounds.get(cacheKey{block: block}); e != nil {
		return e.counts, nil
	}
	next, ok, err := iter.seekBlock(block)
	if err != nil || !ok || next != block {
		return nil, err
	}
	return iter.loadCounts(block)
}

// takeHead adds the round of a second whose block is not sealed, if there is one that is wanted.
func (iter *RoundIter) takeHead(second calendar.Second) {
	i, ok := iter.kept.findHead(second)
	if !ok {
		return
	}
	h := &iter.kept.heads[i]
	if !iter.kept.wants(h.leaves) {
		return
	}
	iter.add(second, h.leaves, h.slots, h.root)
}

// takeSecond adds the round of a second of a block, if there is one that is wanted.
func (iter *RoundIter) takeSecond(c *keptCounts, second calendar.Second) error {
	scan, at := &iter.scan, int(second-blockFirst(c.block))
	if !c.seconds.has(at) {
		return nil
	}
	i := c.seconds.rank(at)
	var leaves [1]uint64
	unpack(leaves[:], &c.leaves, i)
	if !iter.kept.wants(leaves[0]) {
		return nil
	}
	var root merkle.Digest
	if scan.Roots || scan.Root != nil {
		if err := iter.withRoots(c, func(roots []byte) { root = rootAt(roots, i) }); err != nil {
			return err
		}
		if scan.Root != nil && root != *scan.Root {
			return nil
		}
	}
	var slots [1]uint32
	unpack(slots[:], &c.slots, i)
	iter.add(second, leaves[0], slots[0], root)
	return nil
}

// add adds a round to the batch.
func (iter *RoundIter) add(second calendar.Second, leaves uint64, slots uint32, root merkle.Digest) {
	b := &iter.batch
	b.Round = append(b.Round, second)
	if iter.scan.Roots {
		b.Root = append(b.Root, root)
	}
	if iter.scan.Counts {
		b.Leaves, b.Slots = append(b.Leaves, leaves), append(b.Slots, slots)
	}
}

// nextStored is nextListed for what is read from the database: a batch is of one round.
func (iter *RoundIter) nextStored() (bool, error) {
	for n := 0; len(iter.batch.Round) == 0; n++ {
		second, ok := iter.listed()
		if !ok {
			return false, nil
		}
		if n == restBlocks {
			return true, nil
		}
		iter.pass()
		iter.scan.From, iter.scan.To = second, second
		found, err := iter.readHead(second)
		if err == nil && !found {
			err = iter.readListed(second)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// readHead adds the round of a second that has a head.
func (iter *RoundIter) readHead(second calendar.Second) (found bool, err error) {
	if second < iter.sealed || iter.heads == nil {
		return false, nil
	}
	key := Key{Kind: KindHead, Round: second}
	if !iter.heads.SeekGE(key.bytes()) {
		return false, Damaged(key, iter.heads.Error())
	}
	k, h, err := parseHead(iter.heads)
	if err != nil || k != key {
		return false, err
	}
	iter.batch.Round = append(iter.batch.Round, second)
	if iter.scan.Roots {
		iter.batch.Root = append(iter.batch.Root, h.root)
	}
	if iter.scan.Counts {
		err = iter.countHead(second, &h)
	}
	return true, err
}

// readListed adds the round of a second out of its block, if there is one.
func (iter *RoundIter) readListed(second calendar.Second) error {
	key := Key{Kind: KindBlock, Number: blockOf(second)}
	if !iter.blocks.SeekGE(key.bytes()) {
		return Damaged(key, iter.blocks.Error())
	}
	got, err := ParseKey(iter.blocks.Key())
	if err != nil || got.Number != key.Number {
		return err
	}
	return iter.readBlock(key.Number)
}
