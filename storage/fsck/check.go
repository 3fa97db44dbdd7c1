package fsck

import (
	"bytes"
	"context"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// A checker is a check under way.
type checker struct {
	ctx     context.Context
	s       *storage.Store
	o       Options
	report  Report
	genesis storage.Genesis
	slots   []storage.Slot
	// The slot of the journal, -1 if there is none, and its leaves.
	journalSlot   int
	journalLeaves uint64
	closed        calendar.Second
	keys          map[string]*rsa.PublicKey // by certificate ID

	// What the rounds so far have led to.
	frontier     *calendar.Frontier
	publications []storage.Publication // of seconds that frontier has not come to
	ordinals     []uint64
	block        blockCheck

	// Where each kind of key should be.
	groups   *groupReader
	bodies   *walk
	heads    *walk
	numbers  *walk
	blocks   *walk
	tiles    *walk
	calendar []*walk // by height / storage.TileHeight
}

// kindWalks are the walks over the whole of a kind.
func (c *checker) kindWalks() map[storage.Kind]**walk {
	return map[storage.Kind]**walk{
		storage.KindBody:   &c.bodies,
		storage.KindHead:   &c.heads,
		storage.KindNumber: &c.numbers,
		storage.KindBlock:  &c.blocks,
		storage.KindTile:   &c.tiles,
	}
}

// walks returns all walks; those that are not open are nil.
func (c *checker) walks() []*walk {
	walks := slices.Clone(c.calendar)
	for _, w := range c.kindWalks() {
		walks = append(walks, *w)
	}
	return walks
}

// open makes the iterators.
func (c *checker) open() error {
	for kind, w := range c.kindWalks() {
		var err error
		if *w, err = newKindWalk(c.s.DB(), kind); err != nil {
			return err
		}
	}
	for height := 0; height < 64; height += storage.TileHeight {
		from := []byte{byte(storage.KindCalendar), byte(height)}
		to := []byte{byte(storage.KindCalendar), byte(height) + storage.TileHeight}
		w, err := newWalk(c.s.DB(), from, to)
		if err != nil {
			return err
		}
		c.calendar = append(c.calendar, w)
	}
	c.groups = c.readGroups()
	return nil
}

func (c *checker) close() {
	if c.groups != nil {
		c.groups.close()
	}
	for _, w := range c.walks() {
		if w != nil {
			w.it.Close()
		}
	}
}

// pulse tells how far the check is and fails if nobody waits for it any more.
func (c *checker) pulse() error {
	if c.o.Progress != nil {
		c.o.Progress(c.report)
	}
	return c.ctx.Err()
}

// checkSmall checks slots, roles, KSI keys, certificates, the genesis and the form of publications and of the journal's days.
func (c *checker) checkSmall() error {
	for _, kind := range []storage.Kind{storage.KindMeta, storage.KindSlot, storage.KindRole, storage.KindKSIKey,
		storage.KindCertificate, storage.KindOrdinal, storage.KindPublication, storage.KindJournalDay} {
		w, err := newKindWalk(c.s.DB(), kind)
		for err == nil && !w.done {
			err = w.pass(w.key)
		}
		if w != nil {
			w.it.Close()
		}
		if err != nil {
			return err
		}
	}
	c.ordinals = make([]uint64, len(c.slots))
	if c.closed < c.genesis.First-1 {
		return different("progress: closed through %s, before the ledger's first second, %s", c.closed, c.genesis.First)
	}
	for i, s := range c.slots {
		m := c.issuer(uint32(i), 0, 1)
		if err := m.Check(); err != nil {
			return different("slot %d: %v", i, err)
		}
		if s.Base >= merkle.SlotLevel {
			return different("slot %d: base level %d", i, s.Base)
		}
		if s.Created < c.genesis.First || i > 0 && s.Created < c.slots[i-1].Created {
			return different("slot %d: created %s, before the ledger or another slot", i, s.Created)
		}
	}
	roles := c.s.Roles()
	for _, login := range c.s.KSILogins() {
		if !slices.ContainsFunc(roles, func(r storage.Role) bool { return r.Name == login }) {
			return different("role %q: has a KSI key, but does not exist", login)
		}
	}
	return c.checkCertificates()
}

// checkCertificates parses the certificates and keeps their keys.
func (c *checker) checkCertificates() error {
	c.keys = make(map[string]*rsa.PublicKey)
	for i, x := range c.s.Certificates() {
		cert, err := ksi.ParseCertificate(x.DER)
		if err != nil {
			return different("certificate %d: %v", i, err)
		}
		key, ok := cert.X509.PublicKey.(*rsa.PublicKey)
		if !ok || !bytes.Equal(cert.ID, x.ID) {
			return different("certificate %d: id is %x, its bytes give %x; key of type %T", i, x.ID, cert.ID, cert.X509.PublicKey)
		}
		if c.keys[string(x.ID)] != nil {
			return different("certificate %d: is there twice", i)
		}
		c.keys[string(x.ID)] = key
	}
	return nil
}

// issuer returns the metadata that links a slot to its round.
func (c *checker) issuer(slot uint32, round calendar.Second, ordinal uint64) merkle.Metadata {
	return merkle.IssuerMetadata(c.genesis.Server, c.slots[slot].Agency, c.slots[slot].Lane, ordinal, int64(round))
}

// checkEnd checks what must agree once all closed rounds are through.
func (c *checker) checkEnd() error {
	if err := c.checkBlock(); err != nil {
		return err
	}
	if err := c.appendIdle(c.closed + 1); err != nil {
		return err
	}
	if err := c.checkKept(); err != nil {
		return err
	}
	if len(c.publications) > 0 {
		return different("publication of %s: closed through %s only", c.publications[0].Time, c.closed)
	}
	if n := c.s.TotalLeaves(); n != c.report.Leaves {
		return different("progress: %d leaves, rounds give %d", n, c.report.Leaves)
	}
	for i, n := range c.s.Ordinals() {
		if n != c.ordinals[i] {
			return different("slot %d: ordinal is %d, rounds give %d", i, n, c.ordinals[i])
		}
	}
	c.report.Through = c.closed
	return c.pulse()
}

// checkLeft fails if keys are left behind the last round, open ones included.
func (c *checker) checkLeft() error {
	for _, w := range c.walks() {
		if err := w.end(); err != nil {
			return err
		}
	}
	return nil
}

// checkOpenRounds checks the runs of rounds that are not closed, where the leaves of each slot are numbered without gaps, and
// the nodes that are stored of them.
func (c *checker) checkOpenRounds() error {
	for _, open := range c.s.OpenRounds() {
		for left := len(open.Counts); left > 0; left-- {
			g, err := c.groups.peek()
			if err != nil && err != errEnd {
				return err
			}
			if err == errEnd || g.round > open.Round {
				return different("round %s: leaves of %d slots are missing", open.Round, left)
			}
			if g.round < open.Round {
				return g.stray()
			}
			if n := open.Counts[g.slot]; g.leaves != n {
				return different("round %s: slot %d: %d leaves, want %d", open.Round, g.slot, g.leaves, n)
			}
			c.report.OpenLeaves += g.leaves
			if err := c.checkOpenTiles(g); err != nil {
				return err
			}
			c.passGroup(g)
		}
	}
	switch g, err := c.groups.peek(); err {
	case nil:
		return g.stray()
	case errEnd:
		return nil
	default:
		return err
	}
}

func (g *group) stray() error {
	return different("round %s: slot %d: %d runs: the round has no such slot", g.round, g.slot, g.runs)
}

// passGroup moves on behind g.
func (c *checker) passGroup(g *group) {
	if int(g.slot) == c.journalSlot {
		c.journalLeaves += g.leaves
	}
	c.report.Runs += g.runs
	c.groups.next()
}

// checkIndex compares the digest index with the leaves.
func (c *checker) checkIndex() error {
	if c.o.Index == nil {
		return nil
	}
	cursor := c.o.Index.Cursor()
	if cursor > c.report.Leaves {
		return different("index: holds %d leaves of %d", cursor, c.report.Leaves)
	}
	h := hasher{s: c.s, index: c.o.Index}
	defer h.close()
	if err := c.o.Index.Compare(c.ctx, h.fill); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	c.report.Indexed = cursor
	return c.pulse()
}

// A hasher gives the index the hashes of leaves by number.
type hasher struct {
	s     *storage.Store
	index Index
	next  uint64 // number of the leaf that run and at stand at
	iter  *storage.LeafIter
	run   storage.Run
	at    int
}

func (h *hasher) close() {
	if h.iter != nil {
		h.iter.Close()
	}
}

// fill fills hashes with those of leaves first, first+1, ….
func (h *hasher) fill(first uint64, hashes []uint64) error {
	if h.iter == nil || first != h.next {
		if err := h.seek(first); err != nil {
			return err
		}
	}
	for i := range hashes {
		for h.at == h.run.Leaves.Len() {
			if !h.iter.Next() {
				return fmt.Errorf("leaf number %d: not found: %v", first+uint64(i), h.iter.Err())
			}
			h.run, h.at = h.iter.Run(), 0
		}
		im := h.run.Leaves.At(h.at)
		hashes[i] = h.index.Hash(im.Digest())
		h.at++
	}
	h.next = first + uint64(len(hashes))
	return nil
}

// seek goes to leaf number n.
func (h *hasher) seek(n uint64) error {
	h.close()
	p, err := h.s.LeafNumber(n)
	if err != nil {
		return err
	}
	if h.iter, err = h.s.Leaves(storage.LeafScan{From: p.Round, To: h.s.Closed()}); err != nil {
		return err
	}
	for h.iter.Next() {
		h.run = h.iter.Run()
		if h.run.Slot == p.Slot && p.Index-h.run.First < uint64(h.run.Leaves.Len()) {
			h.at = int(p.Index - h.run.First)
			return nil
		}
	}
	return fmt.Errorf("leaf number %d: not found: %v", n, h.iter.Err())
}
