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
	if err == nil {
		if block = blockOf(k.Round); block < s.unsealable {
			return 0, false
		}
		_, err = gather(s.db, from, block)
	}
	if err != nil {
		s.unsealable = block + 1
		s.log.Error("a block cannot be sealed: run jurat fsck and restore a backup; until then every start reads all rounds since", "error", err)
		return 0, false
	}
	return block, true
}

func (e SealBlock) check(st *state) {
	must(e.Block < blockOf(maxSecond) && blockFirst(e.Block) >= st.sealed, "seal block %d, heads from %s on", e.Block, st.sealed)
}

func (e SealBlock) advance(st *state) {
	st.sealed = blockFirst(e.Block + 1)
	n := 0
	for n < len(st.heads) && st.heads[n].round < st.sealed {
		n++
	}
	st.heads = st.heads[n:]
}

func (e SealBlock) write(w *writer) error {
	must(blockFirst(e.Block+1)-1 <= w.closed, "seal block %d, closed through %s", e.Block, w.closed)
	s, err := gather(w.db, w.st.sealed, e.Block)
	if err != nil {
		return err
	}
	must(s.counts.n > 0, "seal block %d, which is idle", e.Block)
	s.write(w, e.Block)
	return nil
}

// gather reads the rounds of a block, before which all are sealed up to a second.
func gather(db pebble.Reader, sealed calendar.Second, block uint64) (*sealing, error) {
	start, end := blockFirst(block), blockFirst(block+1)
	it, err := newIter(db, Key{Kind: KindHead, Round: sealed}, Key{Kind: KindHead, Round: end})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	s := &sealing{bySlot: make(map[uint32]*slotCounts)}
	for ok := it.First(); ok; ok = it.Next() {
		k, h, err := parseHead(it)
		if err != nil {
			return nil, err
		}
		must(k.Round >= start, "seal block %d before that of round %s", block, k.Round)
		var b body
		key := Key{Kind: KindBody, Round: k.Round}
		if ok, err := get(db, key, b.decode); err != nil {
			return nil, err
		} else if !ok {
			return nil, missing(key)
		}
		if err := s.add(int(k.Round-start), &h, b.slots); err != nil {
			return nil, fmt.Errorf("round %s: %w", k.Round, err)
		}
	}
	if err := it.Error(); err != nil {
		return nil, Damaged(Key{Kind: KindHead, Round: start}, err)
	}
	return s, nil
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

// readCounts calls use with the leaf counts of a sealed block while they are valid. ok is false if the block is idle or not
// sealed.
func readCounts(r pebble.Reader, block uint64, use func(*counts) error) (ok bool, err error) {
	return get(r, Key{Kind: KindBlock, Number: block, Group: GroupCounts}, func(c *cursor) error {
		var x counts
		if err := x.decode(c); err != nil {
			return err
		}
		return use(&x)
	})
}

// readRoots calls use with the n roots of a sealed block, one after the other, while they are valid.
func readRoots(r pebble.Reader, block uint64, n int, use func(roots []byte)) error {
	key := Key{Kind: KindBlock, Number: block, Group: GroupRoots}
	ok, err := get(r, key, func(c *cursor) error {
		roots, err := decodeRoots(c, n)
		if err == nil {
			use(roots)
		}
		return err
	})
	if err == nil && !ok {
		err = missing(key)
	}
	return err
}

// decodeRoots returns the n roots of a block.
func decodeRoots(c *cursor, n int) ([]byte, error) {
	roots, err := decodeNodes(c, BlockSeconds)
	if err == nil && len(roots) != n*len(merkle.Digest{}) {
		err = fmt.Errorf("%d bytes for %d rounds: %w", len(roots), n, ErrCorrupt)
	}
	return roots, err
}

// head returns the head, but for the root, of round i of those that hold leaves.
func (x *counts) head(i int) head {
	h := head{first: x.first, leaves: le.Uint64(x.leaves[8*i:]), slots: le.Uint32(x.slots[4*i:])}
	for j := range i {
		h.first += le.Uint64(x.leaves[8*j:])
	}
	return h
}

// roundOf returns which second of the block leaf number n is in, -1 for none.
func (x *counts) roundOf(n uint64) int {
	next, i := x.first, 0
	for second := range BlockSeconds {
		if !x.seconds.has(second) {
			continue
		}
		next += le.Uint64(x.leaves[8*i:])
		if i++; n < next {
			return second
		}
	}
	return -1
}

// blockHead returns the head of a round out of its sealed block, its root only if wanted. ok is false if there is none.
func blockHead(r pebble.Reader, round calendar.Second, root bool) (h head, ok bool, err error) {
	block, second := blockOf(round), int(round-blockFirst(blockOf(round)))
	i, n := -1, 0
	if _, err := readCounts(r, block, func(x *counts) error {
		if x.seconds.has(second) {
			i, n = x.seconds.rank(second), x.n
			h = x.head(i)
		}
		return nil
	}); err != nil || i < 0 || !root {
		return h, i >= 0 && err == nil, err
	}
	err = readRoots(r, block, n, func(roots []byte) { h.root = merkle.Digest(roots[i*len(h.root):]) })
	return h, err == nil, err
}

// readBlockLeaves fills in the roots of a sealed block's rounds, where dst stands for the seconds first, first+1, ….
func readBlockLeaves(r pebble.Reader, block uint64, dst []merkle.Digest, first calendar.Second) error {
	start := blockFirst(block)
	from := int(max(first, start) - start)
	to := int(min(first+calendar.Second(len(dst)), start+BlockSeconds) - start)
	var seconds bitmap
	n := 0
	if ok, err := readCounts(r, block, func(x *counts) error {
		seconds, n = x.seconds, x.n
		return nil
	}); err != nil || !ok {
		return err
	}
	return readRoots(r, block, n, func(roots []byte) {
		i := seconds.rank(from)
		for second := from; second < to; second++ {
			if seconds.has(second) {
				dst[start+calendar.Second(second)-first] = merkle.Digest(roots[i*len(merkle.Digest{}):])
				i++
			}
		}
	})
}
