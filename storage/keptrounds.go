package storage

import (
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A closedHead is the head of a closed round whose block is not sealed yet, in memory.
type closedHead struct {
	round calendar.Second
	head
}

// roundsNow returns what readers of rounds may see: everything up to closed, blocks for what is before sealed and heads for the rest.
// err says why there are no heads.
func (s *Store) roundsNow() (closed, sealed calendar.Second, heads []closedHead, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.durable
	return d.closed, d.sealed, d.heads[:len(d.heads):len(d.heads)], d.headsErr
}

// keptRounds is how a RoundIter reads what is kept in memory. Blocks never change once they are sealed, so that they are read when
// they are needed, and only those that the cache does not hold.
type keptRounds struct {
	store    *Store
	sealed   calendar.Second // blocks before, heads from here on
	from, to uint64          // the blocks that the scan began with
	heads    []closedHead    // those that are selected and not read yet
	within   Span            // rounds with other numbers of leaves are left out
	narrow   bool            // within leaves some out
	numbers  []uint64        // leaves of rounds of the block at hand
	rows     []int32         // of numbers, those that are within
}

// newKept makes iter one that reads what is kept in memory.
func (s *Store) newKept(iter *RoundIter) error {
	closed, sealed, heads, err := s.roundsNow()
	scan := &iter.scan
	scan.To = min(scan.To, closed)
	if scan.To >= sealed && err != nil {
		return err
	}
	k := &keptRounds{store: s, sealed: sealed, heads: heads, within: Span{Max: ^uint64(0)}}
	if scan.From <= scan.To {
		k.from, k.to = blockOf(scan.From), blockOf(scan.To)
		first, _ := k.findHead(scan.From)
		end, _ := k.findHead(scan.To + 1)
		k.heads = heads[first:end]
	} else {
		k.heads = nil
	}
	iter.kept = k
	if scan.Leaves != nil {
		iter.Narrow(*scan.Leaves)
	}
	return nil
}

// findHead returns where the head of a second is in heads, or would be.
func (k *keptRounds) findHead(t calendar.Second) (i int, ok bool) {
	return slices.BinarySearchFunc(k.heads, t, func(h closedHead, t calendar.Second) int { return int(h.round - t) })
}

// wants reports whether a round with so many leaves is not left out.
func (k *keptRounds) wants(leaves uint64) bool {
	return !k.narrow || leaves >= k.within.Min && leaves <= k.within.Max
}

// Narrow says that from now on rounds whose number of leaves is not in s may be left out. Scans of some slots alone, and those of
// what is stored, read all the same.
func (iter *RoundIter) Narrow(s Span) {
	if k := iter.kept; k != nil {
		k.within, k.narrow = s, true
	}
}

// nextKept reads the next batch. It returns false at the end. A batch is empty where many blocks held nothing that is wanted.
func (iter *RoundIter) nextKept() (bool, error) {
	scan, k := &iter.scan, iter.kept
	for n := 0; len(iter.batch.Round) == 0; n++ {
		switch {
		case scan.From > scan.To:
			return false, nil
		case n == restBlocks:
			return true, nil
		case scan.Desc && scan.To >= k.sealed, scan.From >= k.sealed:
			iter.takeHeads()
		default:
			at := blockOf(scan.From)
			if scan.Desc {
				at = blockOf(scan.To)
			}
			c, err := iter.keptBlock(at)
			if err == nil {
				err = iter.takeBlock(c)
			}
			if err != nil {
				return false, err
			}
		}
	}
	iter.size = min(4*iter.size, BlockSeconds)
	return true, nil
}

// takeHeads adds rounds that have heads, iter.size at most.
func (iter *RoundIter) takeHeads() {
	scan, k, b := &iter.scan, iter.kept, &iter.batch
	n := min(iter.size, len(k.heads))
	list := k.heads[:n]
	if scan.Desc {
		rest := len(k.heads) - n
		list, k.heads = k.heads[rest:], k.heads[:rest]
		scan.To = k.sealed - 1
		if rest > 0 {
			scan.To = k.heads[rest-1].round
		}
	} else if k.heads = k.heads[n:]; len(k.heads) > 0 {
		scan.From = k.heads[0].round
	} else {
		scan.From = scan.To + 1
	}
	for i := range list {
		h := &list[i]
		if !k.wants(h.leaves) {
			continue
		}
		b.Round = append(b.Round, h.round)
		if scan.Roots {
			b.Root = append(b.Root, h.root)
		}
		if scan.Counts {
			b.Leaves, b.Slots = append(b.Leaves, h.leaves), append(b.Slots, h.slots)
		}
	}
	if scan.Desc {
		b.reverse()
	}
}

// keptBlock returns the counts of a block, or if it is idle of the next one in the direction of the scan, nil if there is none.
func (iter *RoundIter) keptBlock(block uint64) (*keptCounts, error) {
	cache := iter.kept.store.rounds
	if e := cache.get(cacheKey{block: block}); e != nil {
		return e.counts, nil
	}
	if !iter.single {
		next, ok, err := iter.seekBlock(block)
		if err != nil || !ok {
			return nil, err
		}
		if e := cache.get(cacheKey{block: next}); e != nil && next != block {
			return e.counts, nil
		}
		block = next
	}
	return iter.loadCounts(block)
}

// loadCounts reads the counts of a block, which are kept then.
func (iter *RoundIter) loadCounts(block uint64) (*keptCounts, error) {
	var k *keptCounts
	err := iter.blockValue(Key{Kind: KindBlock, Number: block, Group: GroupCounts}, func(c *cursor) error {
		var x counts
		err := x.decode(c)
		if err == nil {
			k = iter.kept.store.rounds.keepCounts(block, &x)
		}
		return err
	})
	return k, err
}

// seekBlock returns the number of a block that is stored: of the given one, or of the next one in the direction of the scan.
func (iter *RoundIter) seekBlock(block uint64) (next uint64, ok bool, err error) {
	if iter.blocks == nil {
		k := iter.kept
		to := min(k.to+1, blockOf(k.sealed))
		iter.blocks, err = newIter(iter.db, Key{Kind: KindBlock, Number: k.from}, Key{Kind: KindBlock, Number: to})
		if err != nil {
			return 0, false, err
		}
	}
	key := Key{Kind: KindBlock, Number: block}
	if iter.scan.Desc {
		key.Number++
		ok = iter.blocks.SeekLT(key.bytes())
	} else {
		ok = iter.blocks.SeekGE(key.bytes())
	}
	if !ok {
		return 0, false, Damaged(key, iter.blocks.Error())
	}
	key, err = ParseKey(iter.blocks.Key())
	return key.Number, err == nil, err
}

// blockValue decodes a value of a block. Of a scan of one round alone the block may be idle; then there is none.
func (iter *RoundIter) blockValue(k Key, decode func(*cursor) error) error {
	if iter.single {
		ok, err := get(iter.db, k, decode)
		if err == nil && !ok && k.Group != GroupCounts {
			err = missing(k)
		}
		return err
	}
	if iter.blocks == nil { // the block was found in memory
		if _, _, err := iter.seekBlock(k.Number); err != nil {
			return err
		}
	}
	ok, err := iter.column(k, decode)
	if err == nil && !ok {
		err = missing(k)
	}
	return err
}

// takeBlock adds rounds of a block, iter.size at most, and moves behind them. c is nil if no block is left.
func (iter *RoundIter) takeBlock(c *keptCounts) error {
	scan, k, b := &iter.scan, iter.kept, &iter.batch
	if c == nil {
		if scan.From = k.sealed; scan.Desc {
			scan.To = scan.From - 1
		}
		return nil
	}
	start := blockFirst(c.block)
	if scan.From >= start+BlockSeconds || scan.To < start {
		return iter.takeBlock(nil)
	}
	from, to := int(max(scan.From, start)-start), int(min(scan.To, start+BlockSeconds-1)-start)+1
	all, any := k.within.holds(&c.leaves)
	if any {
		b.Round = appendSeconds(b.Round, &c.seconds, start, from, to)
	}
	i, whole := c.seconds.rank(from), true
	if n := len(b.Round); n > iter.size {
		if whole = false; scan.Desc {
			b.Round = b.Round[n-iter.size:]
			i += n - iter.size
		} else {
			b.Round = b.Round[:iter.size]
		}
	}
	switch {
	case scan.Desc && whole:
		scan.To = start - 1
	case scan.Desc:
		scan.To = b.Round[0] - 1
	case whole:
		scan.From = start + BlockSeconds
	default:
		scan.From = b.Round[len(b.Round)-1] + 1
	}
	if len(b.Round) == 0 {
		return nil
	}
	return iter.fill(c, i, all)
}

// fill adds to the seconds of a batch, which are rounds i, i+1, … of a block, the columns that are asked for, and leaves out those that are
// not wanted. all says that all are.
func (iter *RoundIter) fill(c *keptCounts, i int, all bool) error {
	scan, k, b := &iter.scan, iter.kept, &iter.batch
	n := len(b.Round)
	k.rows = k.rows[:0]
	if scan.Root != nil {
		found := false
		if err := iter.withRoots(c, func(roots []byte) { found = containsDigest(roots, scan.Root) }); err != nil || !found {
			b.Round = b.Round[:0]
			return err
		}
	}
	if !all {
		k.numbers = slices.Grow(k.numbers[:0], n)[:n]
		unpack(k.numbers, &c.leaves, i)
		if k.rows = k.within.appendWithin(k.rows, k.numbers); len(k.rows) == 0 {
			b.Round = b.Round[:0]
			return nil
		}
		all = len(k.rows) == n
	}
	if scan.Counts {
		b.grow(n)
		unpack(b.Leaves, &c.leaves, i)
		unpack(b.Slots, &c.slots, i)
	}
	if !all {
		b.Round = picked(b.Round, k.rows)
		b.Leaves, b.Slots = picked(b.Leaves, k.rows), picked(b.Slots, k.rows)
	}
	if scan.Roots {
		if err := iter.fillRoots(c, i, all); err != nil {
			return err
		}
	}
	if scan.Desc {
		b.reverse()
	}
	return nil
}

// picked moves the given rows of a column to its beginning; an empty column stays so.
func picked[T any](list []T, rows []int32) []T {
	if len(list) == 0 {
		return list
	}
	for k, r := range rows {
		list[k] = list[r]
	}
	return list[:len(rows)]
}

// fillRoots adds the roots of rounds i, i+1, … of a block, or if not all of those that rows names.
func (iter *RoundIter) fillRoots(c *keptCounts, i int, all bool) error {
	b := &iter.batch
	return iter.withRoots(c, func(roots []byte) {
		b.Root = slices.Grow(b.Root, len(b.Round))[:len(b.Round)]
		if all {
			copyNodes(b.Root, roots[i*len(merkle.Digest{}):])
			return
		}
		for k, r := range iter.kept.rows {
			b.Root[k] = rootAt(roots, i+int(r))
		}
	})
}

// withRoots calls use with the roots of a block while they are valid.
func (iter *RoundIter) withRoots(c *keptCounts, use func(roots []byte)) error {
	cache := iter.kept.store.rounds
	if e := cache.get(cacheKey{c.block, true}); e != nil {
		use(e.roots)
		return nil
	}
	return iter.blockValue(Key{Kind: KindBlock, Number: c.block, Group: GroupRoots}, func(v *cursor) error {
		roots, err := decodeRoots(v, c.n)
		if err == nil {
			cache.keepRoots(c.block, roots)
			use(roots)
		}
		return err
	})
}
