package storage

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// state is what proposals are checked against. The store has two: the proposer's, ahead by what is being synced, and
// the durable one, which bounds readers.
type state struct {
	first    calendar.Second // of the ledger
	closed   calendar.Second
	leaves   uint64                                // of closed rounds
	open     map[calendar.Second]map[uint32]uint64 // leaves of each slot in rounds after closed
	kept     map[calendar.Second]map[tilePlace]int // nodes of tiles that KeepTiles has stored, in rounds after closed
	slots    []Slot
	ordinals []uint64 // by slot
	roles    map[string]Role
	ksiKeys  map[string][]byte // by role
	certs    []Certificate
	sealed   calendar.Second // no round before has a head
	heads    []closedHead    // those of all rounds from sealed on; readers share it, so it is only ever added to or cut
	headsErr error           // why heads could not be read, nil if it holds them

	journal     JournalHead
	journalDays []JournalDay // ascending; readers share it, so it is only ever added to

	publications []Publication // ascending; readers share it, so it is replaced, never changed
}

func (st *state) clone() *state {
	c := *st
	c.open = make(map[calendar.Second]map[uint32]uint64)
	for round, slots := range st.open {
		c.open[round] = make(map[uint32]uint64)
		for slot, n := range slots {
			c.open[round][slot] = n
		}
	}
	c.kept = make(map[calendar.Second]map[tilePlace]int)
	for round, tiles := range st.kept {
		c.kept[round] = maps.Clone(tiles)
	}
	c.heads = slices.Clone(st.heads)
	c.slots, c.ordinals, c.certs = slices.Clone(st.slots), slices.Clone(st.ordinals), slices.Clone(st.certs)
	c.roles = make(map[string]Role)
	for name, r := range st.roles {
		c.roles[name] = r
	}
	c.ksiKeys = maps.Clone(st.ksiKeys)
	return &c
}

// slotsIn returns how many slots exist in a round.
func (st *state) slotsIn(round calendar.Second) int {
	return sort.Search(len(st.slots), func(i int) bool { return st.slots[i].Created > round })
}

// certificate returns the number of the certificate with this ID, -1 if there is none.
func (st *state) certificate(id []byte) int {
	return slices.IndexFunc(st.certs, func(c Certificate) bool { return bytes.Equal(c.ID, id) })
}

// must panics unless ok: the proposer has broken the rules of an entry.
func must(ok bool, format string, args ...any) {
	if !ok {
		panic("storage: " + fmt.Sprintf(format, args...))
	}
}

func (e AppendLeaves) check(st *state) {
	if e.Round <= st.closed || e.Round > maxSecond {
		panic(fmt.Sprintf("storage: append to round %s, closed through %s", e.Round, st.closed))
	}
	if int(e.Slot) >= st.slotsIn(e.Round) {
		panic(fmt.Sprintf("storage: append to round %s: slot %d does not exist", e.Round, e.Slot))
	}
	if n := st.open[e.Round][e.Slot]; e.First != n || e.Leaves.Len() == 0 {
		panic(fmt.Sprintf("storage: append to round %s: slot %d: %d leaves at %d after %d", e.Round, e.Slot,
			e.Leaves.Len(), e.First, n))
	}
}

func (e AppendLeaves) advance(st *state) {
	slots := st.open[e.Round]
	if slots == nil {
		slots = make(map[uint32]uint64)
		st.open[e.Round] = slots
	}
	slots[e.Slot] += uint64(e.Leaves.Len())
}

func (e CloseRound) check(st *state) {
	st.checkIdle(e.Round - 1)
	must(e.Round > st.closed && e.Round <= maxSecond, "close round %s, closed through %s", e.Round, st.closed)
	must(e.FirstLeaf == st.leaves, "close round %s: first leaf %d, want %d", e.Round, e.FirstLeaf, st.leaves)
	must(int(e.SlotCount) == st.slotsIn(e.Round), "close round %s: %d slots exist, not %d", e.Round,
		st.slotsIn(e.Round), e.SlotCount)
	open := st.open[e.Round]
	must(len(e.Slots) > 0 && len(e.Slots) == len(open), "close round %s: %d slots, %d hold leaves", e.Round,
		len(e.Slots), len(open))
	for i := range e.Slots {
		s := &e.Slots[i]
		must(i == 0 || e.Slots[i-1].Slot < s.Slot, "close round %s: slot %d out of order", e.Round, s.Slot)
		must(s.Count > 0 && s.Count == open[s.Slot], "close round %s: slot %d: %d leaves, not %d", e.Round, s.Slot,
			open[s.Slot], s.Count)
		must(!s.Root.IsZero(), "close round %s: slot %d: no root", e.Round, s.Slot)
		must(s.Ordinal == st.ordinals[s.Slot]+1, "close round %s: slot %d: ordinal %d after %d", e.Round, s.Slot,
			s.Ordinal, st.ordinals[s.Slot])
	}
	must(st.certificate(e.Certificate) >= 0, "close round %s: unknown certificate %x", e.Round, e.Certificate)
	must(len(e.Signature) > 0 && len(e.Signature) <= MaxSignature, "close round %s: signature of %d bytes", e.Round,
		len(e.Signature))
	checkTiles(&e.RoundRecord, e.Tiles, st.kept[e.Round])
	checkCalendar(e.Calendar, st.closed, e.Round)
}

func (e CloseRound) advance(st *state) {
	for i := range e.Slots {
		st.ordinals[e.Slots[i].Slot] = e.Slots[i].Ordinal
	}
	leaves := e.Leaves()
	st.heads = append(st.heads, closedHead{e.Round, head{root: e.Root, first: e.FirstLeaf, leaves: leaves, slots: uint32(len(e.Slots))}})
	st.leaves += leaves
	delete(st.open, e.Round)
	delete(st.kept, e.Round)
	st.closed = e.Round
}

// checkIdle panics if an open round up to through holds leaves.
func (st *state) checkIdle(through calendar.Second) {
	for round := range st.open {
		must(round > through, "close idle through %s: round %s holds leaves", through, round)
	}
}

// kept returns how many nodes are kept of a subtree of n leaves at a height.
func kept(n uint64, height uint8) uint64 { return n >> height }

// keptHeight reports whether nodes of this height are kept.
func keptHeight(height uint8) bool { return height > 0 && height < 64 && height%TileHeight == 0 }

// A tilePlace names a tile of a round.
type tilePlace struct {
	slot   uint32
	height uint8
	index  uint64
}

// tileNodes returns how many nodes a tile has in a slot of so many leaves, 0 if it has none.
func tileNodes(leaves uint64, height uint8, index uint64) int {
	all := kept(leaves, height)
	if index > all/TileNodes {
		return 0
	}
	return int(min(TileNodes, all-index*TileNodes))
}

// checkTile panics unless t is a whole tile of the round whose slot has so many leaves.
func checkTile(round calendar.Second, t *Tile, leaves uint64) {
	n := 0
	if keptHeight(t.Height) {
		n = tileNodes(leaves, t.Height, t.Index)
	}
	must(t.Round == round && n > 0 && len(t.Nodes) == n, "round %s: tile %d of height %d in slot %d of round %s: %d nodes, %d leaves give %d",
		round, t.Index, t.Height, t.Slot, t.Round, len(t.Nodes), leaves, n)
}

// checkTiles panics unless tiles, and those that are stored ahead, are all kept nodes of the round, the former each once.
func checkTiles(r *RoundRecord, tiles []Tile, ahead map[tilePlace]int) {
	given := make(map[tilePlace]bool, len(tiles))
	for i := range tiles {
		t := &tiles[i]
		p := tilePlace{t.Slot, t.Height, t.Index}
		s, ok := slices.BinarySearchFunc(r.Slots, t.Slot, func(s SlotRound, id uint32) int { return int(s.Slot) - int(id) })
		must(ok && !given[p], "close round %s: stray tile %+v", r.Round, p)
		checkTile(r.Round, t, r.Slots[s].Count)
		given[p] = true
	}
	for i := range r.Slots {
		s := &r.Slots[i]
		for h := uint8(TileHeight); kept(s.Count, h) > 0; h += TileHeight {
			for p := (tilePlace{s.Slot, h, 0}); tileNodes(s.Count, h, p.index) > 0; p.index++ {
				must(given[p] || ahead[p] == tileNodes(s.Count, h, p.index), "close round %s: tile %+v is missing", r.Round, p)
			}
		}
	}
}

func (e KeepTiles) check(st *state) {
	must(e.Round > st.closed && len(e.Tiles) > 0, "keep %d tiles of round %s, closed through %s", len(e.Tiles), e.Round, st.closed)
	for i := range e.Tiles {
		t := &e.Tiles[i]
		must(i == 0 || compareTiles(&e.Tiles[i-1], t) < 0, "round %s: tile %d of height %d in slot %d out of order", e.Round, t.Index, t.Height, t.Slot)
		checkTile(e.Round, t, st.open[e.Round][t.Slot])
	}
}

// compareTiles orders tiles of a round as their keys.
func compareTiles(a, b *Tile) int {
	return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Height, b.Height), cmp.Compare(a.Index, b.Index))
}

func (e KeepTiles) advance(st *state) {
	tiles := st.kept[e.Round]
	if tiles == nil {
		tiles = make(map[tilePlace]int)
		st.kept[e.Round] = tiles
	}
	for i := range e.Tiles {
		t := &e.Tiles[i]
		tiles[tilePlace{t.Slot, t.Height, t.Index}] = len(t.Nodes)
	}
}

// checkCalendar panics unless nodes become complete by closing the seconds after from up to to.
func checkCalendar(nodes []CalendarNode, from, to calendar.Second) {
	for _, n := range nodes {
		must(keptHeight(n.Height) && n.Index <= uint64(maxSecond)>>n.Height, "close %s: calendar node %d of height %d",
			to, n.Index, n.Height)
		last := calendar.Second((n.Index+1)<<n.Height - 1)
		must(last > from && last <= to, "close %s: calendar node %d of height %d ends at %s, closed through %s", to,
			n.Index, n.Height, last, from)
	}
}

func (e CloseIdle) check(st *state) {
	must(e.Through > st.closed && e.Through <= maxSecond, "close idle through %s, closed through %s", e.Through, st.closed)
	st.checkIdle(e.Through)
	checkCalendar(e.Calendar, st.closed, e.Through)
}

func (e CloseIdle) advance(st *state) { st.closed = e.Through }

func (e CreateSlot) check(st *state) {
	must(int(e.ID) == len(st.slots), "create slot %d of %d", e.ID, len(st.slots))
	must(e.Created > st.closed && e.Created <= maxSecond, "create slot %d in %s, closed through %s", e.ID, e.Created,
		st.closed)
	must(e.ID == 0 || e.Created >= st.slots[e.ID-1].Created, "create slot %d in %s, before slot %d", e.ID, e.Created, e.ID-1)
	must(name(e.Agency) && name(e.Lane), "create slot %d: agency %q, lane %q", e.ID, e.Agency, e.Lane)
	for _, s := range st.slots {
		must(s.Agency != e.Agency || s.Lane != e.Lane, "create slot %d: is slot %d", e.ID, s.ID)
	}
}

func (e CreateSlot) advance(st *state) {
	st.slots = append(st.slots, e.Slot)
	st.ordinals = append(st.ordinals, 0)
}

func (e AddCertificate) check(st *state) {
	must(name(string(e.ID)) && len(e.DER) > 0 && st.certificate(e.ID) < 0, "add certificate %x", e.ID)
}

func (e AddCertificate) advance(st *state) { st.certs = append(st.certs, e.Certificate) }

func (e SetKSIKey) check(st *state) {
	_, ok := st.roles[e.Login]
	must(ok, "set KSI key of unknown role %q", e.Login)
	must(len(e.Key) <= MaxKSIKey, "set KSI key of %q: %d bytes", e.Login, len(e.Key))
	must(len(e.Key) > 0 || st.ksiKeys[e.Login] != nil, "remove KSI key of %q: has none", e.Login)
}

func (e SetKSIKey) advance(st *state) {
	if len(e.Key) == 0 {
		delete(st.ksiKeys, e.Login)
	} else {
		st.ksiKeys[e.Login] = bytes.Clone(e.Key)
	}
}

// publication returns the place of the publication of a time in publications, and whether it is there.
func (st *state) publication(at calendar.Second) (int, bool) {
	return slices.BinarySearchFunc(st.publications, at, func(p Publication, at calendar.Second) int { return cmp.Compare(p.Time, at) })
}

func (e Publish) check(st *state) {
	must(e.Time >= st.first && e.Time <= st.closed, "publish %s: ledger from %s, closed through %s", e.Time, st.first, st.closed)
	if err := CheckReferences(e.References); err != nil {
		panic(fmt.Sprintf("storage: publish %s: %v", e.Time, err))
	}
	if i, ok := st.publication(e.Time); ok {
		was := &st.publications[i]
		must(e.Root == was.Root, "publish %s: root %s after %s", e.Time, e.Root, was.Root)
		must(e.Published.UnixMicro() == was.Published.UnixMicro(), "publish %s: published %s after %s", e.Time, e.Published,
			was.Published)
	}
}

func (e Publish) advance(st *state) {
	p := e.Publication
	p.References = slices.Clone(p.References)
	p.Published = time.UnixMicro(p.Published.UnixMicro()).UTC()
	i, ok := st.publication(p.Time)
	st.publications = slices.Clone(st.publications)
	if ok {
		st.publications[i] = p
	} else {
		st.publications = slices.Insert(st.publications, i, p)
	}
}

// name reports whether s fits where names are stored.
func name(s string) bool { return len(s) > 0 && len(s) <= MaxName }
