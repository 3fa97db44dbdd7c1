package storage

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A RoundScan selects the closed rounds From to To, both included, that hold leaves.
type RoundScan struct {
	From, To calendar.Second
	Desc     bool
	Roots    bool     // fill RoundBatch.Root
	Counts   bool     // fill RoundBatch.Leaves and RoundBatch.Slots
	Slots    []uint32 // ascending; count these slots only; nil for all. It does not select rounds
	// Root, unless nil, is the root of the rounds looked for: others may be left out, and batches may be empty.
	Root *merkle.Digest
	// Leaves, unless nil, says how many leaves the rounds looked for have: others may be left out, and batches may be empty.
	Leaves *Span
	Few    int // so many rounds are likely to be enough, 0 if unknown: the first batches are short
	// Seconds, unless nil, are the only seconds whose rounds are selected, ascending and each once. Batches may be empty then.
	Seconds []calendar.Second
	// Stored has every value read from the database, as audits want it, and not out of what is kept in memory.
	Stored bool
}

// A RoundBatch holds one column a field, in scan order.
type RoundBatch struct {
	Round  []calendar.Second
	Root   []merkle.Digest // empty unless asked for
	Leaves []uint64        // empty unless asked for
	Slots  []uint32        // slots with leaves; empty unless asked for
}

func (b *RoundBatch) reset() {
	b.Round, b.Root, b.Leaves, b.Slots = b.Round[:0], b.Root[:0], b.Leaves[:0], b.Slots[:0]
}

// grow makes room for the counts of n rounds.
func (b *RoundBatch) grow(n int) {
	b.Leaves, b.Slots = slices.Grow(b.Leaves, n)[:n], slices.Grow(b.Slots, n)[:n]
}

func (b *RoundBatch) reverse() {
	slices.Reverse(b.Round)
	slices.Reverse(b.Root)
	slices.Reverse(b.Leaves)
	slices.Reverse(b.Slots)
}

// A RoundIter reads batches of rounds: from sealed blocks, which hold the older ones, and from heads. It belongs to one
// goroutine at a time and must be closed. Where kept is set, it does so as keptRounds says.
type RoundIter struct {
	db     *pebble.DB
	blocks *pebble.Iterator // block keys
	heads  *pebble.Iterator // head keys from scan.From to scan.To, of the same state as blocks; nil if all is sealed
	scan   RoundScan        // From and To cut to what is closed
	next   uint64           // next block to look for: it or, if the scan descends, one before it; blocksEnd at the end
	onHead bool             // heads stands at the next round to read
	size   int              // most rounds of the next batch from heads
	single bool             // one round is selected and still to be read; there are no iterators then
	sealed calendar.Second  // no round before has a head
	kept   *keptRounds      // nil if all is read from the database
	batch  RoundBatch
	err    error
}

// blocksEnd is no block.
const blocksEnd = ^uint64(0)

// restBlocks is how many blocks without the wanted root Next looks through before it returns an empty batch, so that a scan of
// years can be given up. They take about a millisecond.
const restBlocks = 64

// Rounds returns an iterator over rounds as they stand now.
func (s *Store) Rounds(scan RoundScan) (*RoundIter, error) {
	scan.From, scan.To = max(scan.From, 0), min(scan.To, s.Closed())
	iter := &RoundIter{db: s.db, scan: scan, next: blocksEnd, size: BlockSeconds}
	if scan.Few > 0 {
		iter.size = min(scan.Few, BlockSeconds)
	}
	if scan.Seconds != nil {
		iter.limit()
	}
	if iter.scan.From > iter.scan.To {
		return iter, nil
	}
	if !scan.Stored && scan.Slots == nil {
		iter.single = scan.From == scan.To && scan.Seconds == nil
		return iter, s.newKept(iter)
	}
	// Asked for before the iterators exist, so that none of the heads they see is before it. Without it they would step over
	// the deletions of all heads that were ever sealed.
	iter.sealed = s.sealed()
	if scan.From == scan.To && scan.Slots == nil && scan.Seconds == nil {
		iter.single = true
		return iter, nil
	}
	if err := iter.open(); err != nil {
		iter.Close()
		return nil, err
	}
	return iter, nil
}

func (iter *RoundIter) open() (err error) {
	from, to := blockOf(iter.scan.From), blockOf(iter.scan.To)
	iter.blocks, err = newIter(iter.db, Key{Kind: KindBlock, Number: from}, Key{Kind: KindBlock, Number: to + 1})
	if err != nil {
		return err
	}
	if iter.next = from; iter.scan.Desc {
		iter.next = to
	}
	if iter.scan.To < iter.sealed {
		return nil
	}
	// A clone and not a snapshot of the database: to close one of those waits for writes of the database's files.
	iter.heads, err = iter.blocks.Clone(pebble.CloneOptions{IterOptions: &pebble.IterOptions{
		LowerBound: Key{Kind: KindHead, Round: max(iter.scan.From, iter.sealed)}.bytes(),
		UpperBound: Key{Kind: KindHead, Round: iter.scan.To + 1}.bytes(),
	}})
	if err != nil {
		return err
	}
	if iter.scan.Desc {
		iter.onHead = iter.heads.Last()
	} else {
		iter.onHead = iter.heads.First()
	}
	return Damaged(Key{Kind: KindHead, Round: iter.scan.From}, iter.heads.Error())
}

// Next reads the next batch, of 1 to BlockSeconds rounds, or of none where a wanted root was looked for in vain for a while. It
// returns false at the end and after an error.
func (iter *RoundIter) Next() bool {
	iter.batch.reset()
	if iter.scan.Seconds != nil && iter.err == nil {
		var ok bool
		ok, iter.err = iter.nextListed()
		return ok && iter.err == nil
	}
	if iter.kept != nil && iter.err == nil {
		var ok bool
		ok, iter.err = iter.nextKept()
		return ok && iter.err == nil
	}
	if iter.single {
		iter.single = false
		return iter.done(iter.readRound())
	}
	if iter.scan.Desc && iter.onHead {
		return iter.done(iter.readHeads())
	}
	for n := 0; iter.err == nil && iter.next != blocksEnd && len(iter.batch.Round) == 0; n++ {
		if n == restBlocks {
			return true
		}
		iter.err = iter.readNextBlock()
	}
	if iter.err == nil && len(iter.batch.Round) == 0 && iter.onHead {
		iter.err = iter.readHeads()
	}
	return iter.done(iter.err)
}

func (iter *RoundIter) done(err error) bool {
	iter.err = err
	return err == nil && len(iter.batch.Round) > 0
}

// readRound adds the one round that is selected, if it holds leaves. To get its values costs less than to make iterators.
func (iter *RoundIter) readRound() error {
	var h head
	var ok bool
	var err error
	if iter.scan.From >= iter.sealed {
		ok, err = get(iter.db, Key{Kind: KindHead, Round: iter.scan.From}, h.decode)
	}
	if !ok && err == nil { // a block is sealed atomically: looking for the head first never misses both
		h, ok, err = blockHead(iter.db, iter.scan.From, iter.scan.Roots)
	}
	if !ok || err != nil {
		return err
	}
	iter.batch.Round = append(iter.batch.Round, iter.scan.From)
	if iter.scan.Roots {
		iter.batch.Root = append(iter.batch.Root, h.root)
	}
	if iter.scan.Counts {
		return iter.countHead(iter.scan.From, &h)
	}
	return nil
}

// readNextBlock finds the next block and adds those of its rounds that are selected.
func (iter *RoundIter) readNextBlock() error {
	block, ok, err := iter.seekBlock(iter.next)
	if err != nil || !ok {
		iter.next = blocksEnd
		return err
	}
	if iter.next = block + 1; iter.scan.Desc {
		iter.next = block - 1 // block 0 leads to blocksEnd
	}
	if iter.scan.Root != nil {
		if found, err := iter.hasRoot(block, iter.scan.Root); err != nil || !found {
			return err
		}
	}
	return iter.readBlock(block)
}

// hasRoot reports whether a round of a block has a root.
func (iter *RoundIter) hasRoot(block uint64, root *merkle.Digest) (found bool, err error) {
	key := Key{Kind: KindBlock, Number: block, Group: GroupRoots}
	ok, err := iter.column(key, func(c *cursor) error {
		roots, err := decodeNodes(c, BlockSeconds)
		found = err == nil && containsDigest(roots, root)
		return err
	})
	if err == nil && !ok {
		err = missing(key)
	}
	return found, err
}

// containsDigest reports whether list, of digests one after the other, contains one.
func containsDigest(list []byte, d *merkle.Digest) bool {
	first := le.Uint64(d[:])
	for ; len(list) >= len(d); list = list[len(d):] {
		if le.Uint64(list) == first && merkle.Digest(list[:len(d)]) == *d {
			return true
		}
	}
	return false
}

// column moves to a key of a block and decodes its value. ok is false if there is none.
func (iter *RoundIter) column(k Key, decode func(*cursor) error) (ok bool, err error) {
	if !iter.blocks.SeekGE(k.bytes()) {
		return false, Damaged(k, iter.blocks.Error())
	}
	if got, err := ParseKey(iter.blocks.Key()); err != nil || got != k {
		return false, err
	}
	v, err := iter.blocks.ValueAndErr()
	if err != nil {
		return false, Damaged(k, err)
	}
	c := newCursor(v)
	if err := decode(&c); err != nil {
		return false, fmt.Errorf("%s: %w", k, err)
	}
	return true, nil
}

func (iter *RoundIter) readBlock(block uint64) error {
	key := Key{Kind: KindBlock, Number: block, Group: GroupCounts}
	start := blockFirst(block)
	from, to := int(max(iter.scan.From, start)-start), int(min(iter.scan.To, start+BlockSeconds-1)-start)+1
	var seconds bitmap
	var i, j, n int // rounds i to j-1 of the block's n are selected
	ok, err := iter.column(key, func(c *cursor) error {
		var x counts
		err := x.decode(c)
		if err != nil {
			return err
		}
		seconds, n = x.seconds, x.n
		i, j = seconds.rank(from), seconds.rank(to)
		iter.batch.Round = appendSeconds(iter.batch.Round, &seconds, start, from, to)
		if iter.scan.Counts && iter.scan.Slots == nil {
			iter.batch.grow(j - i)
			leaves, slots := x.leaves[8*i:8*j], x.slots[4*i:4*j]
			for k := range iter.batch.Leaves {
				iter.batch.Leaves[k] = le.Uint64(leaves[8*k:])
			}
			for k := range iter.batch.Slots {
				iter.batch.Slots[k] = le.Uint32(slots[4*k:])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !ok {
		return missing(key)
	}
	if iter.scan.Roots && i < j {
		if err := iter.readRoots(block, i, j, n); err != nil {
			return err
		}
	}
	if iter.scan.Counts && iter.scan.Slots != nil && i < j {
		if err := iter.readSlotCounts(block, &seconds, from, to); err != nil {
			return err
		}
	}
	if iter.scan.Desc {
		iter.batch.reverse()
	}
	return nil
}

// appendSeconds appends the seconds from from to to-1 of a block that have bits in m.
func appendSeconds(dst []calendar.Second, m *bitmap, start calendar.Second, from, to int) []calendar.Second {
	for base := from &^ 63; base < to; base += 64 {
		word := le.Uint64(m[base/8:])
		if base < from {
			word &= ^uint64(0) << (from - base)
		}
		if to-base < 64 {
			word &= 1<<(to-base) - 1
		}
		if word == ^uint64(0) {
			n := len(dst)
			dst = slices.Grow(dst, 64)[:n+64]
			for i := range dst[n:] {
				dst[n+i] = start + calendar.Second(base+i)
			}
			continue
		}
		for ; word != 0; word &= word - 1 {
			dst = append(dst, start+calendar.Second(base+bits.TrailingZeros64(word)))
		}
	}
	return dst
}

// readRoots adds the roots of rounds i to j-1 of a block's n.
func (iter *RoundIter) readRoots(block uint64, i, j, n int) error {
	key := Key{Kind: KindBlock, Number: block, Group: GroupRoots}
	ok, err := iter.column(key, func(c *cursor) error {
		roots, err := decodeRoots(c, n)
		if err != nil {
			return err
		}
		iter.batch.Root = slices.Grow(iter.batch.Root, j-i)[:j-i]
		copyNodes(iter.batch.Root, roots[i*len(merkle.Digest{}):])
		return nil
	})
	if err == nil && !ok {
		err = missing(key)
	}
	return err
}

// readSlotCounts adds the counts of the selected slots in the seconds from from to to-1 of a block.
func (iter *RoundIter) readSlotCounts(block uint64, seconds *bitmap, from, to int) error {
	iter.batch.grow(len(iter.batch.Round))
	clear(iter.batch.Leaves)
	clear(iter.batch.Slots)
	for _, slot := range iter.scan.Slots {
		key := Key{Kind: KindBlock, Number: block, Group: GroupSlotCounts, Slot: slot}
		_, err := iter.column(key, func(c *cursor) error {
			var x slotCounts
			if err := x.decode(c); err != nil {
				return err
			}
			k, at := x.seconds.rank(from), 0 // rounds of the slot, of the batch
			for second := from; second < to; second++ {
				busy := seconds.has(second)
				if x.seconds.has(second) {
					if !busy {
						return fmt.Errorf("leaves in idle second %d: %w", second, ErrCorrupt)
					}
					iter.batch.Leaves[at] += le.Uint64(x.leaves[8*k:])
					iter.batch.Slots[at]++
					k++
				}
				if busy {
					at++
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readHeads adds rounds that have heads, BlockSeconds at most.
func (iter *RoundIter) readHeads() error {
	for iter.onHead && len(iter.batch.Round) < iter.size {
		k, h, err := parseHead(iter.heads)
		if err != nil {
			return err
		}
		iter.batch.Round = append(iter.batch.Round, k.Round)
		if iter.scan.Roots {
			iter.batch.Root = append(iter.batch.Root, h.root)
		}
		if iter.scan.Counts {
			if err := iter.countHead(k.Round, &h); err != nil {
				return err
			}
		}
		if iter.scan.Desc {
			iter.onHead = iter.heads.Prev()
		} else {
			iter.onHead = iter.heads.Next()
		}
	}
	iter.size = min(4*iter.size, BlockSeconds)
	return Damaged(Key{Kind: KindHead, Round: iter.scan.From}, iter.heads.Error())
}

// countHead adds the counts of a round that has a head.
func (iter *RoundIter) countHead(round calendar.Second, h *head) error {
	leaves, slots := h.leaves, h.slots
	if iter.scan.Slots != nil {
		var b body
		key := Key{Kind: KindBody, Round: round}
		ok, err := get(iter.db, key, b.decode) // kept for good, and as old as the head
		if err != nil {
			return err
		}
		if !ok {
			return missing(key)
		}
		leaves, slots = 0, 0
		for i := range b.slots {
			if _, ok := slices.BinarySearch(iter.scan.Slots, b.slots[i].Slot); ok {
				leaves += b.slots[i].Count
				slots++
			}
		}
	}
	iter.batch.Leaves = append(iter.batch.Leaves, leaves)
	iter.batch.Slots = append(iter.batch.Slots, slots)
	return nil
}

// Batch returns the batch that Next read. It is valid until the next call of Next.
func (iter *RoundIter) Batch() *RoundBatch { return &iter.batch }

// Err returns the error that ended the iteration, nil if it was the end.
func (iter *RoundIter) Err() error { return iter.err }

// Close releases the iterator.
func (iter *RoundIter) Close() error {
	var err error
	for _, it := range []*pebble.Iterator{iter.blocks, iter.heads} {
		if it != nil {
			err = firstError(err, it.Close())
		}
	}
	return err
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
