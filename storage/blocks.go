package storage

import (
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// SealableBlock returns the block that a SealBlock is due for: the oldest one with round heads, once all its seconds are
// closed. ok is false if there is none. Only the proposer calls it.
func (s *Store) SealableBlock() (block uint64, ok bool) {
	s.mu.RLock()
	from, to := s.durable.sealed, blockFirst(blockOf(s.durable.closed+1))
	s.mu.RUnlock()
	if from >= to {
		return 0, false
	}
	it, err := newIter(s.db, Key{Kind: KindHead, Round: from}, Key{Kind: KindHead, Round: to})
	if err != nil {
		s.log.Error("look for a block to seal", "error", err)
		return 0, false
	}
	defer it.Close()
	if !it.First() {
		if err := it.Error(); err != nil {
			s.log.Error("look for a block to seal", "error", err)
		}
		return 0, false
	}
	k, err := ParseKey(it.Key())
	if err != nil {
		s.log.Error("look for a block to seal", "error", err)
		return 0, false
	}
	return blockOf(k.Round), true
}

func (e SealBlock) check(st *state) {
	must(e.Block < blockOf(maxSecond) && blockFirst(e.Block) >= st.sealed, "seal block %d, heads from %s on", e.Block, st.sealed)
}

func (e SealBlock) advance(st *state) { st.sealed = blockFirst(e.Block + 1) }

func (e SealBlock) write(w *writer) error {
	start, end := blockFirst(e.Block), blockFirst(e.Block+1)
	must(end-1 <= w.closed, "seal block %d, closed through %s", e.Block, w.closed)
	it, err := newIter(w.db, Key{Kind: KindHead, Round: w.st.sealed}, Key{Kind: KindHead, Round: end})
	if err != nil {
		return err
	}
	defer it.Close()
	s := sealing{bySlot: make(map[uint32]*slotCounts)}
	for ok := it.First(); ok; ok = it.Next() {
		k, h, err := parseHead(it)
		if err != nil {
			return err
		}
		must(k.Round >= start, "seal block %d before that of round %s", e.Block, k.Round)
		var b body
		key := Key{Kind: KindBody, Round: k.Round}
		if ok, err := get(w.db, key, b.decode); err != nil {
			return err
		} else if !ok {
			return missing(key)
		}
		if err := s.add(int(k.Round-start), &h, b.slots); err != nil {
			return fmt.Errorf("round %s: %w", k.Round, err)
		}
	}
	if err := it.Error(); err != nil {
		return damaged(Key{Kind: KindHead, Round: start}, err)
	}
	must(s.counts.n > 0, "seal block %d, which is idle", e.Block)
	s.write(w, e.Block)
	return nil
}

// A sealing gathers the columns of a block.
type sealing struct {
	counts
	next   uint64          // number of the leaf after those so far
	last   uint64          // number of the first leaf of the last round so far
	roots  []merkle.Digest // of rounds with leaves
	bySlot map[uint32]*slotCounts
}

func (s *sealing) add(i int, h *head, slots []SlotRound) error {
	if s.n == 0 {
		s.first, s.next = h.first, h.first
	}
	r := RoundRecord{Slots: slots}
	if h.first != s.next || h.leaves != r.Leaves() || int(h.slots) != len(slots) {
		return fmt.Errorf("first leaf %d, want %d; %d leaves in %d slots, body says %d in %d: %w", h.first, s.next,
			h.leaves, h.slots, r.Leaves(), len(slots), ErrCorrupt)
	}
	s.n++
	s.seconds.set(i)
	s.last, s.next = h.first, h.first+h.leaves
	s.leaves = le.AppendUint64(s.leaves, h.leaves)
	s.slots = le.AppendUint32(s.slots, h.slots)
	s.roots = append(s.roots, h.root)
	for _, x := range slots {
		c := s.bySlot[x.Slot]
		if c == nil {
			c = new(slotCounts)
			s.bySlot[x.Slot] = c
		}
		c.seconds.set(i)
		c.leaves = le.AppendUint64(c.leaves, x.Count)
	}
	return nil
}

// write sets the columns and deletes the heads, and the leaf numbers of all rounds but the first.
func (s *sealing) write(w *writer, block uint64) {
	w.set(Key{Kind: KindBlock, Number: block, Group: GroupCounts}, &s.counts)
	w.buf = appendNodes(w.buf[:0], s.roots)
	w.setBytes(Key{Kind: KindBlock, Number: block, Group: GroupRoots}, w.buf)
	ids := make([]uint32, 0, len(s.bySlot))
	for id := range s.bySlot {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		w.set(Key{Kind: KindBlock, Number: block, Group: GroupSlotCounts, Slot: id}, s.bySlot[id])
	}
	w.deleteRange(Key{Kind: KindHead, Round: blockFirst(block)}, Key{Kind: KindHead, Round: blockFirst(block + 1)})
	if s.last > s.first {
		w.deleteRange(Key{Kind: KindNumber, Number: s.first + 1}, Key{Kind: KindNumber, Number: s.last + 1})
	}
}

// Columns of a block that readBlock reads.
const (
	columnCounts = 1 << iota
	columnRoots  // only with columnCounts
)

// A block is the columns of a sealed block. It owns its memory.
type block struct {
	start   calendar.Second
	counts  counts
	rootCol []byte // n × 32
}

// readBlock returns a sealed block; ok is false if it is idle or not sealed.
func readBlock(r pebble.Reader, n uint64, columns int) (b *block, ok bool, err error) {
	b = &block{start: blockFirst(n)}
	ok, err = get(r, Key{Kind: KindBlock, Number: n, Group: GroupCounts}, func(c *cursor) error {
		err := b.counts.decode(c)
		b.counts.leaves, b.counts.slots = slices.Clone(b.counts.leaves), slices.Clone(b.counts.slots)
		return err
	})
	if err != nil || !ok || columns&columnRoots == 0 {
		return b, ok, err
	}
	key := Key{Kind: KindBlock, Number: n, Group: GroupRoots}
	ok, err = get(r, key, func(c *cursor) error {
		nodes, err := decodeNodes(c, BlockSeconds)
		b.rootCol = slices.Clone(nodes)
		return err
	})
	if err == nil && !ok {
		err = missing(key)
	}
	if err == nil && len(b.rootCol) != b.counts.n*len(merkle.Digest{}) {
		err = fmt.Errorf("%s: %d bytes for %d rounds: %w", key, len(b.rootCol), b.counts.n, ErrCorrupt)
	}
	return b, err == nil, err
}

// head returns the head of round i of those that hold leaves.
func (b *block) head(i int) head {
	h := head{
		root:   merkle.Digest(b.rootCol[i*len(merkle.Digest{}):]),
		first:  b.counts.first,
		leaves: le.Uint64(b.counts.leaves[8*i:]),
		slots:  le.Uint32(b.counts.slots[4*i:]),
	}
	for j := range i {
		h.first += le.Uint64(b.counts.leaves[8*j:])
	}
	return h
}

// roundOf returns the round of leaf number n.
func (b *block) roundOf(n uint64) (calendar.Second, error) {
	next, i := b.counts.first, 0
	for second := range BlockSeconds {
		if !b.counts.seconds.has(second) {
			continue
		}
		next += le.Uint64(b.counts.leaves[8*i:])
		if i++; n < next {
			return b.start + calendar.Second(second), nil
		}
	}
	return 0, fmt.Errorf("block %d: leaf number %d is beyond: %w", blockOf(b.start), n, ErrCorrupt)
}

// roots fills in the roots of the block's rounds, where dst stands for the seconds first, first+1, ….
func (b *block) roots(dst []merkle.Digest, first calendar.Second) {
	from := max(first, b.start)
	to := min(first+calendar.Second(len(dst)), b.start+BlockSeconds)
	i := b.counts.seconds.rank(int(from - b.start))
	for second := from; second < to; second++ {
		if b.counts.seconds.has(int(second - b.start)) {
			dst[second-first] = merkle.Digest(b.rootCol[i*len(merkle.Digest{}):])
			i++
		}
	}
}
