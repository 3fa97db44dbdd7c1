package fsck

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// checkRounds checks every closed round that holds leaves.
func (c *checker) checkRounds() error {
	iter, err := c.s.Rounds(storage.RoundScan{Stored: true, To: c.closed, Roots: true, Counts: true})
	if err != nil {
		return err
	}
	defer iter.Close()
	for iter.Next() {
		b := iter.Batch()
		for i, round := range b.Round {
			r, err := c.s.Round(round)
			if errors.Is(err, storage.ErrNotFound) {
				return different("round %s: body: missing", round)
			}
			if err != nil {
				return err
			}
			if r.Root != b.Root[i] || r.Leaves() != b.Leaves[i] || len(r.Slots) != int(b.Slots[i]) {
				return different("round %s: %d leaves in %d slots, scanned as %d in %d; root %s, scanned as %s", round,
					r.Leaves(), len(r.Slots), b.Leaves[i], b.Slots[i], r.Root, b.Root[i])
			}
			if err := c.checkRound(&r); err != nil {
				return err
			}
		}
		if err := c.pulse(); err != nil {
			return err
		}
	}
	return iter.Err()
}

func (c *checker) checkRound(r *storage.RoundRecord) error {
	if r.Round < c.frontier.Next() {
		return different("round %s: before the ledger's first, %s", r.Round, c.genesis.First)
	}
	if r.FirstLeaf != c.report.Leaves {
		return different("round %s: first leaf is number %d, rounds before give %d", r.Round, r.FirstLeaf, c.report.Leaves)
	}
	exist := uint32(0)
	for exist < uint32(len(c.slots)) && c.slots[exist].Created <= r.Round {
		exist++
	}
	if r.SlotCount != exist {
		return different("round %s: %d slots, %d were created before", r.Round, r.SlotCount, exist)
	}
	if err := c.checkRoundKeys(r); err != nil {
		return err
	}
	nodes := make(map[uint32]merkle.Digest)
	for i := range r.Slots {
		node, err := c.checkSlot(r, &r.Slots[i])
		if err != nil {
			return err
		}
		nodes[r.Slots[i].Slot] = node
	}
	root := merkle.NewSlotTree(r.SlotCount, func(slot uint32) merkle.Digest {
		if node, ok := nodes[slot]; ok {
			return node
		}
		return merkle.Blind(c.genesis.BlindingKey, int64(r.Round), slot)
	}).Root()
	if root != r.Root {
		return different("round %s: root is %s, slots give %s", r.Round, r.Root, root)
	}
	c.report.Rounds++
	c.report.Leaves += r.Leaves()
	c.report.Through = r.Round
	return c.checkCalendar(r)
}

// checkRoundKeys passes the keys of a round. A round that has a head is not sealed.
func (c *checker) checkRoundKeys(r *storage.RoundRecord) error {
	if r.Round/storage.BlockSeconds != c.block.start/storage.BlockSeconds {
		if err := c.checkBlock(); err != nil {
			return err
		}
	}
	if err := c.bodies.pass(storage.Key{Kind: storage.KindBody, Round: r.Round}); err != nil {
		return err
	}
	head := storage.Key{Kind: storage.KindHead, Round: r.Round}
	sealed := !c.heads.at(head)
	first := len(c.block.slots) == 0
	if !first && sealed != c.block.sealed {
		return different("round %s: its block is sealed in part", r.Round)
	}
	if !sealed {
		if err := c.heads.pass(head); err != nil {
			return err
		}
	}
	if first || !sealed {
		if err := c.checkNumber(r); err != nil {
			return err
		}
	}
	c.block.add(r, sealed)
	return nil
}

// checkNumber passes the key that leads from the number of a round's first leaf to the round.
func (c *checker) checkNumber(r *storage.RoundRecord) error {
	key := storage.Key{Kind: storage.KindNumber, Number: r.FirstLeaf}
	if c.numbers.at(key) {
		v := c.numbers.it.Value() // version, round
		if got := calendar.Second(binary.LittleEndian.Uint64(v[1:])); got != r.Round {
			return different("%s: leads to round %s, is the first of %s", key, got, r.Round)
		}
	}
	if err := c.numbers.pass(key); err != nil {
		return err
	}
	want := storage.Position{Round: r.Round, Slot: r.Slots[0].Slot}
	got, err := c.s.LeafNumber(r.FirstLeaf)
	if errors.Is(err, storage.ErrNotFound) {
		return different("%s: %v", key, err)
	}
	if err != nil {
		return err
	}
	if got != want {
		return different("%s: found at %+v, rounds give %+v", key, got, want)
	}
	return nil
}

// checkSlot derives the subtree of a slot from its leaves and returns the slot's node.
func (c *checker) checkSlot(r *storage.RoundRecord, s *storage.SlotRound) (node merkle.Digest, err error) {
	g, err := c.groups.peek()
	if err != nil && err != errEnd {
		return node, err
	}
	if err == nil && (g.round < r.Round || g.round == r.Round && g.slot < s.Slot) {
		return node, g.stray()
	}
	if err == errEnd || g.round != r.Round || g.slot != s.Slot {
		return node, different("round %s: slot %d: %d leaves, runs hold none", r.Round, s.Slot, s.Count)
	}
	if g.leaves != s.Count {
		return node, different("round %s: slot %d: %d leaves, runs hold %d", r.Round, s.Slot, s.Count, g.leaves)
	}
	tree := g.tree
	c.passGroup(g)
	if root := tree.Root(); root != s.Root {
		return node, different("round %s: slot %d: root is %s, leaves give %s", r.Round, s.Slot, s.Root, root)
	}
	if c.ordinals[s.Slot]++; s.Ordinal != c.ordinals[s.Slot] {
		return node, different("round %s: slot %d: ordinal is %d, rounds give %d", r.Round, s.Slot, s.Ordinal, c.ordinals[s.Slot])
	}
	for height, nodes := range tree.Kept() {
		if err := c.checkTiles(r.Round, s.Slot, height, nodes); err != nil {
			return node, err
		}
	}
	metadata := c.issuer(s.Slot, r.Round, s.Ordinal)
	return merkle.SlotNode(s.Root, metadata.Append(nil)), nil
}

// checkOpenTiles compares the nodes that are stored of a slot in an open round: some or all of those to keep.
func (c *checker) checkOpenTiles(g *group) error {
	kept := maps.Collect(g.tree.Kept())
	for w := c.tiles; !w.done && w.key.Round == g.round && w.key.Slot == g.slot; {
		nodes := kept[w.key.Height]
		n := (len(w.it.Value()) - 1) / len(merkle.Digest{})
		if w.key.Number > uint64(len(nodes)/storage.TileNodes) || int(w.key.Number)*storage.TileNodes+n > len(nodes) {
			return different("%s: %d nodes, leaves give %d of this height", w.key, n, len(nodes))
		}
		nodes = nodes[w.key.Number*storage.TileNodes:]
		if err := c.checkTile(w.key, nodes[:n]); err != nil {
			return err
		}
	}
	return nil
}

// checkTiles compares the kept nodes of one height.
func (c *checker) checkTiles(round calendar.Second, slot uint32, height uint8, nodes []merkle.Digest) error {
	for tile := 0; tile*storage.TileNodes < len(nodes); tile++ {
		key := storage.Key{Kind: storage.KindTile, Round: round, Slot: slot, Height: height, Number: uint64(tile)}
		want := nodes[tile*storage.TileNodes:]
		if err := c.checkTile(key, want[:min(len(want), storage.TileNodes)]); err != nil {
			return err
		}
	}
	return nil
}

// checkTile passes a tile and compares its nodes.
func (c *checker) checkTile(key storage.Key, want []merkle.Digest) error {
	if c.tiles.at(key) {
		if v := c.tiles.it.Value(); len(v) != 1+len(want)*len(merkle.Digest{}) {
			return different("%s: %d bytes, leaves give %d nodes", key, len(v), len(want))
		}
	}
	if err := c.tiles.pass(key); err != nil {
		return err
	}
	var got [storage.TileNodes]merkle.Digest
	first := key.Number * storage.TileNodes
	if err := c.s.ReadNodes(got[:len(want)], key.Round, key.Slot, key.Height, first); err != nil {
		return err
	}
	for i := range want {
		if got[i] != want[i] {
			return different("round %s: slot %d: node %d of height %d is %s, leaves give %s", key.Round, key.Slot,
				first+uint64(i), key.Height, got[i], want[i])
		}
	}
	c.report.Tiles++
	return nil
}

// checkCalendar adds the round to the calendar, compares what it completes and verifies the signature of its root.
func (c *checker) checkCalendar(r *storage.RoundRecord) error {
	if err := c.appendIdle(r.Round); err != nil {
		return err
	}
	c.frontier.Append(r.Root)
	if err := c.checkPublication(); err != nil {
		return err
	}
	if err := c.checkKept(); err != nil {
		return err
	}
	var leaf [1]merkle.Digest
	if err := c.s.ReadCalendarLeaves(leaf[:], r.Round); err != nil {
		return err
	}
	if leaf[0] != r.Root {
		return different("round %s: calendar leaf is %s, round root %s", r.Round, leaf[0], r.Root)
	}
	key := c.keys[string(r.Certificate)]
	if key == nil {
		return different("round %s: no certificate %x", r.Round, r.Certificate)
	}
	root := c.frontier.Root()
	if ksi.VerifyRSA(key, ksi.Publication{Time: r.Round, Root: root.Imprint()}, r.Signature) != nil {
		return different("round %s: signature is not that of certificate %x over calendar root %s", r.Round, r.Certificate, root)
	}
	c.report.Signatures++
	return nil
}

// appendIdle adds idle seconds to the calendar up to, not including, next, and checks what was published of them.
func (c *checker) appendIdle(next calendar.Second) error {
	for len(c.publications) > 0 && c.publications[0].Time < next {
		at := c.publications[0].Time
		if at < c.frontier.Next() {
			return different("publication of %s: before the ledger's first second, %s", at, c.genesis.First)
		}
		c.frontier.AppendIdle(uint64(at + 1 - c.frontier.Next()))
		if err := c.checkPublication(); err != nil {
			return err
		}
	}
	c.frontier.AppendIdle(uint64(next - c.frontier.Next()))
	return nil
}

// checkPublication compares the publication of the second that the calendar has come to, if there is one.
func (c *checker) checkPublication() error {
	if len(c.publications) == 0 || c.publications[0].Time != c.frontier.Next()-1 {
		return nil
	}
	p := &c.publications[0]
	if root := c.frontier.Root(); p.Root != root {
		return different("publication of %s: calendar root is %s, rounds give %s", p.Time, p.Root, root)
	}
	c.publications = c.publications[1:]
	c.report.Publications++
	return nil
}

// checkKept compares the calendar nodes that have become complete.
func (c *checker) checkKept() error {
	for _, n := range c.frontier.Kept() {
		key := storage.Key{Kind: storage.KindCalendar, Height: n.Height, Number: n.Index}
		if err := c.calendar[n.Height/storage.TileHeight].pass(key); err != nil {
			return err
		}
		var got [1]merkle.Digest
		if err := c.s.ReadCalendarNodes(got[:], n.Height, n.Index); err != nil {
			return err
		}
		if got[0] != n.Digest {
			return different("%s is %s, rounds give %s", key, got[0], n.Digest)
		}
		c.report.CalendarNodes++
	}
	return nil
}

// A blockCheck gathers what the columns of a block must say.
type blockCheck struct {
	start  calendar.Second // of its first round
	sealed bool
	rounds []calendar.Second
	slots  map[uint32]map[calendar.Second]uint64 // leaves of each slot in each round; empty before the first round
}

func (b *blockCheck) add(r *storage.RoundRecord, sealed bool) {
	if b.slots == nil {
		b.slots = make(map[uint32]map[calendar.Second]uint64)
	}
	b.start, b.sealed = r.Round, sealed
	b.rounds = append(b.rounds, r.Round)
	for _, s := range r.Slots {
		if b.slots[s.Slot] == nil {
			b.slots[s.Slot] = make(map[calendar.Second]uint64)
		}
		b.slots[s.Slot][r.Round] = s.Count
	}
}

// checkBlock passes the keys of the block that the last rounds were in and compares its slots' columns. Those of all
// slots together have been compared round by round.
func (c *checker) checkBlock() error {
	b := c.block
	c.block = blockCheck{}
	if !b.sealed {
		return nil
	}
	block := uint64(b.start / storage.BlockSeconds)
	for _, group := range []uint8{storage.GroupCounts, storage.GroupRoots} {
		if err := c.blocks.pass(storage.Key{Kind: storage.KindBlock, Number: block, Group: group}); err != nil {
			return err
		}
	}
	ids := make([]uint32, 0, len(b.slots))
	for id := range b.slots {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		key := storage.Key{Kind: storage.KindBlock, Number: block, Group: storage.GroupSlotCounts, Slot: id}
		if err := c.blocks.pass(key); err != nil {
			return err
		}
		if err := c.checkSlotCounts(key, b.rounds, b.slots[id]); err != nil {
			return err
		}
	}
	c.report.Blocks++
	return nil
}

// checkSlotCounts compares one slot's column of a block.
func (c *checker) checkSlotCounts(key storage.Key, rounds []calendar.Second, want map[calendar.Second]uint64) error {
	iter, err := c.s.Rounds(storage.RoundScan{Stored: true, From: rounds[0], To: rounds[len(rounds)-1], Counts: true, Slots: []uint32{key.Slot}})
	if err != nil {
		return err
	}
	defer iter.Close()
	for iter.Next() {
		b := iter.Batch()
		for i, round := range b.Round {
			if b.Leaves[i] != want[round] {
				return different("%s: round %s has %d leaves, its record says %d", key, round, b.Leaves[i], want[round])
			}
		}
	}
	return iter.Err()
}
