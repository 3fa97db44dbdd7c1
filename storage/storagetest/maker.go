// Package storagetest makes the entries of small valid ledgers, real trees and signatures included, for tests.
//
// A Maker is the part of a ledger that decides what to propose, without clock, clients or concurrency. What it gives is
// valid entry by entry, so storage accepts it and fsck finds nothing.
package storagetest

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/storage"
)

// First is the first second of every ledger made here: the 24th of its block, so that a first block of 1,000 seconds
// exists.
const First calendar.Second = 1_700_000_000/storage.BlockSeconds*storage.BlockSeconds + 24

// algorithms are those that leaves have. SHA-256 is the most frequent.
var algorithms = []merkle.Algorithm{merkle.SHA256, merkle.SHA256, merkle.SHA256, merkle.SHA512, merkle.RIPEMD160, merkle.SHA3_384}

// A Maker makes entries. Its methods panic on what no ledger does.
type Maker struct {
	Rand *mathrand.Rand

	genesis  storage.Genesis
	slots    []storage.Slot
	ordinals []uint64
	closed   calendar.Second
	leaves   uint64
	frontier *calendar.Frontier
	open     map[calendar.Second]map[uint32]*merkle.Tree
	given    map[string]bool // tiles that Keep has given, as place names them, with how many nodes
}

// NewMaker returns a Maker whose leaves follow from the seed.
func NewMaker(seed uint64) *Maker {
	m := &Maker{
		Rand:     mathrand.New(mathrand.NewPCG(seed, 2)),
		genesis:  storage.Genesis{Server: "test.example", First: First},
		closed:   First - 1,
		frontier: calendar.NewFrontier(First),
		open:     make(map[calendar.Second]map[uint32]*merkle.Tree),
		given:    make(map[string]bool),
	}
	for i := range m.genesis.BlindingKey {
		m.genesis.BlindingKey[i] = byte(m.Rand.Uint32())
	}
	return m
}

// calendarKey is shared by all Makers of a process: making one takes long.
var calendarKey = sync.OnceValues(func() (*rsa.PrivateKey, ksi.Certificate) {
	return ksitest.NewKey(1024, "test.example", First.Time(), First.Time())
})

// Genesis returns the genesis of the ledger.
func (m *Maker) Genesis() storage.Genesis { return m.genesis }

// Closed returns the newest closed second.
func (m *Maker) Closed() calendar.Second { return m.closed }

// Certificate returns the entry that every ledger needs before it closes a round.
func (m *Maker) Certificate() storage.AddCertificate {
	_, cert := calendarKey()
	return storage.AddCertificate{Certificate: storage.Certificate{ID: cert.ID, DER: cert.X509.Raw}}
}

// CreateSlot returns an entry for a slot that exists from a round on.
func (m *Maker) CreateSlot(agency, lane string, base merkle.Level, from calendar.Second) storage.CreateSlot {
	s := storage.Slot{ID: uint32(len(m.slots)), Agency: agency, Lane: lane, Base: base, Created: from}
	m.slots, m.ordinals = append(m.slots, s), append(m.ordinals, 0)
	return storage.CreateSlot{Slot: s}
}

// Begin returns the entries that found a ledger with this many slots: a certificate, a role and the slots.
func (m *Maker) Begin(slots int) []storage.Entry {
	entries := []storage.Entry{m.Certificate(), storage.CreateRole{Role: storage.Role{Name: "jurat", Kind: storage.Superuser}}}
	for i := range slots {
		base := merkle.Level(0)
		if i%3 == 2 {
			base = 32
		}
		entries = append(entries, m.CreateSlot(fmt.Sprintf("agency %d", i/3), []string{"main", "seal", "ksi"}[i%3], base, First))
	}
	return entries
}

// Append returns an entry of n random leaves, mixed ones if mixed is set, SHA-256 ones else.
func (m *Maker) Append(round calendar.Second, slot uint32, n int, mixed bool) storage.AppendLeaves {
	at := m.acceptedBefore(round)
	var leaves merkle.Leaves
	var digest [merkle.MaxDigestSize]byte
	for range n {
		alg := merkle.SHA256
		if mixed {
			alg = algorithms[m.Rand.IntN(len(algorithms))]
		}
		for i := range digest {
			digest[i] = byte(m.Rand.Uint32())
		}
		im, err := merkle.NewImprint(alg, digest[:alg.Size()])
		if err != nil {
			panic(err)
		}
		leaves.Append(im)
	}
	return m.append(round, slot, at, leaves)
}

// AppendLeaves returns an entry of the leaves given.
func (m *Maker) AppendLeaves(round calendar.Second, slot uint32, leaves merkle.Leaves) storage.AppendLeaves {
	return m.append(round, slot, m.acceptedBefore(round), leaves)
}

// acceptedBefore is when leaves of a round are accepted.
func (m *Maker) acceptedBefore(round calendar.Second) time.Time {
	return round.Time().Add(-time.Duration(m.Rand.IntN(1e6)) * time.Microsecond)
}

func (m *Maker) append(round calendar.Second, slot uint32, at time.Time, leaves merkle.Leaves) storage.AppendLeaves {
	if m.open[round] == nil {
		m.open[round] = make(map[uint32]*merkle.Tree)
	}
	tree := m.open[round][slot]
	if tree == nil {
		tree = merkle.NewTree(m.slots[slot].Base)
		m.open[round][slot] = tree
	}
	e := storage.AppendLeaves{
		Round:  round,
		Slot:   slot,
		First:  tree.Count(),
		At:     at,
		Leaves: leaves,
	}
	tree.Append(&e.Leaves)
	return e
}

// Keep returns the entry that stores the nodes to keep of an open round, as far as no Keep before has given them; ok is false if
// there are none. Close leaves them out.
func (m *Maker) Keep(round calendar.Second) (e storage.KeepTiles, ok bool) {
	e = storage.KeepTiles{Round: round, Tiles: m.tiles(round, m.open[round])}
	for i := range e.Tiles {
		m.given[place(&e.Tiles[i])] = true
	}
	return e, len(e.Tiles) > 0
}

func place(t *storage.Tile) string {
	return fmt.Sprint(t.Round, t.Slot, t.Height, t.Index, len(t.Nodes))
}

// tiles returns the tiles of a round that Keep has not given, in order.
func (m *Maker) tiles(round calendar.Second, trees map[uint32]*merkle.Tree) (tiles []storage.Tile) {
	for _, id := range slices.Sorted(maps.Keys(trees)) {
		for height, nodes := range trees[id].Kept() {
			for i := 0; i < len(nodes); i += storage.TileNodes {
				t := storage.Tile{Round: round, Slot: id, Height: height, Index: uint64(i / storage.TileNodes),
					Nodes: nodes[i:min(i+storage.TileNodes, len(nodes))]}
				if !m.given[place(&t)] {
					tiles = append(tiles, t)
				}
			}
		}
	}
	return tiles
}

// Close returns the entry that closes everything up to and including a second. Of the rounds in between only the last may
// hold leaves.
func (m *Maker) Close(through calendar.Second) storage.Entry {
	idle := uint64(through - m.closed)
	trees := m.open[through]
	if len(trees) == 0 {
		m.frontier.AppendIdle(idle)
		m.closed = through
		return storage.CloseIdle{Through: through, Calendar: m.kept()}
	}
	delete(m.open, through)
	e := storage.CloseRound{RoundRecord: storage.RoundRecord{Round: through, FirstLeaf: m.leaves}}
	for id, tree := range trees {
		m.ordinals[id]++
		m.leaves += tree.Count()
		e.Slots = append(e.Slots, storage.SlotRound{Slot: id, Count: tree.Count(), Root: tree.Root(), Ordinal: m.ordinals[id]})
	}
	e.Tiles = m.tiles(through, trees)
	slices.SortFunc(e.Slots, func(a, b storage.SlotRound) int { return int(a.Slot) - int(b.Slot) })
	for e.SlotCount < uint32(len(m.slots)) && m.slots[e.SlotCount].Created <= through {
		e.SlotCount++
	}
	e.Root = m.root(&e.RoundRecord)
	m.frontier.AppendIdle(idle - 1)
	m.frontier.Append(e.Root)
	m.closed = through
	e.Calendar = m.kept()
	key, cert := calendarKey()
	a, err := ksi.SignAuthentication(rand.Reader, key, cert, ksi.Publication{Time: through, Root: m.frontier.Root().Imprint()})
	if err != nil {
		panic(err)
	}
	e.Certificate, e.Signature = a.CertificateID, a.Signature
	return e
}

// Publish returns the entry that publishes the calendar root as of the newest closed second, a minute later.
func (m *Maker) Publish(references ...string) storage.Publish {
	return storage.Publish{Publication: storage.Publication{Time: m.closed, Root: m.frontier.Root(), References: references,
		Published: m.closed.Time().Add(time.Minute)}}
}

func (m *Maker) kept() []storage.CalendarNode {
	var nodes []storage.CalendarNode
	for _, n := range m.frontier.Kept() {
		nodes = append(nodes, storage.CalendarNode{Height: n.Height, Index: n.Index, Node: n.Digest})
	}
	return nodes
}

// root returns the root of a round.
func (m *Maker) root(r *storage.RoundRecord) merkle.Digest {
	next := 0
	return merkle.NewSlotTree(r.SlotCount, func(id uint32) merkle.Digest {
		if next == len(r.Slots) || r.Slots[next].Slot != id {
			return merkle.Blind(m.genesis.BlindingKey, int64(r.Round), id)
		}
		s := &r.Slots[next]
		next++
		metadata := merkle.Metadata{
			ClientID:   m.slots[id].Agency,
			MachineID:  m.genesis.Server + "/" + m.slots[id].Lane,
			Sequence:   s.Ordinal,
			TimeMicros: uint64(r.Round) * 1e6,
		}
		return merkle.SlotNode(s.Root, metadata.Append(nil))
	}).Root()
}
