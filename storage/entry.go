package storage

import (
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// An Entry is one element of the ledger's totally ordered log: AppendLeaves, KeepTiles, CloseRound, CloseIdle, CreateSlot,
// CreateRole, ChangeRole, SetKSIKey, AddCertificate, Publish, AppendJournal, FileJournalDay
// or SealBlock. See Store.Propose.
type Entry interface {
	// check panics if the entry does not follow from st: that is a mistake of the proposer.
	check(st *state)
	// write adds the entry's keys to w. It does not change w.st.
	write(w *writer) error
	// advance makes st the state after the entry.
	advance(st *state)
}

// Limits of what one entry may hold.
const (
	// MaxRun is the most leaves of one run.
	MaxRun = 1024
	// MaxName is the longest agency, lane or role name and certificate id in bytes.
	MaxName = 255
	// MaxKSIKey is the longest KSI key in bytes.
	MaxKSIKey = 255
	// MaxReferences is the most references of one publication.
	MaxReferences = 64
	// MaxReference is the longest reference in bytes.
	MaxReference = 1024
	// MaxReferenceBytes bounds the references of one publication together, in bytes.
	MaxReferenceBytes = 16 << 10
	// MaxSignature is the longest signature of a round in bytes.
	MaxSignature = 1<<16 - 1
	// BlockSeconds is the number of seconds of a block. Block b holds the seconds b*BlockSeconds to
	// (b+1)*BlockSeconds-1.
	BlockSeconds = 1024
	// TileNodes is the number of nodes of a full Tile.
	TileNodes = 256
	// TileHeight is the distance in heights between kept nodes, and the lowest height of one.
	TileHeight = 8
)

// AppendLeaves adds leaves to an open round. The leaves of a slot are numbered from 0 without gaps: First is the number
// of those already there.
type AppendLeaves struct {
	Round  calendar.Second // later than Closed
	Slot   uint32          // one that exists in Round
	First  uint64
	At     time.Time // when the ledger accepted them; kept to the microsecond
	Leaves merkle.Leaves
}

// KeepTiles stores kept nodes of an open round ahead of the entry that closes it, for which little is left to write then. They
// are such as closing the round would call for now. A KeepTiles that is proposed alone is written as tables, one for each slot.
type KeepTiles struct {
	Round calendar.Second
	Tiles []Tile // of the round, each once, ascending by slot, height and index
}

// CloseRound fixes a round that holds leaves. All seconds between the last closed one and the round were idle.
type CloseRound struct {
	RoundRecord
	Tiles    []Tile         // kept nodes of the round's slots, ascending by slot, height and index: all but what KeepTiles has stored
	Calendar []CalendarNode // kept nodes of the calendar that the round completes, idle ones left out
}

// CloseIdle fixes all seconds up to and including Through as idle.
type CloseIdle struct {
	Through  calendar.Second
	Calendar []CalendarNode // as in CloseRound
}

// CreateSlot adds a slot. Its ID is the number of slots there are; Created is not before that of any other.
type CreateSlot struct{ Slot }

// CreateRole adds a role. Its name must be new.
type CreateRole struct{ Role }

// ChangeRole puts a role in the place of the one of its name, which must exist. A name never goes away.
type ChangeRole struct{ Role }

// SetKSIKey gives a role the key by which it logs in to the KSI gateway, in place of the one that it has. An empty Key
// takes away the one that is there.
type SetKSIKey struct {
	Login string // name of the role
	Key   []byte // secret; at most MaxKSIKey bytes
}

// Publish records that a calendar root was published. Its time must be closed and not before the ledger's first second.
// A publication of the same time must have the same Root and Published; its references are replaced: where a root was
// printed is often known only later.
type Publish struct{ Publication }

// AddCertificate adds the certificate of a calendar key. Its ID must be new.
type AddCertificate struct{ Certificate }

// SealBlock turns the single records of a block into columns. Every second of the block must be closed, by an entry
// proposed before; SealableBlock tells which block is due. What readers see does not change.
type SealBlock struct{ Block uint64 }

// A Slot is an agency's lane.
type Slot struct {
	ID      uint32
	Agency  string
	Lane    string
	Base    merkle.Level    // of its leaves
	Created calendar.Second // the first round that it may hold leaves in, and exists in
}

// A Publication is a calendar root that was put where nobody can take it back.
type Publication struct {
	Time       calendar.Second
	Root       merkle.Digest // of the calendar as of Time
	References []string      // where it can be looked up, in words; CheckReferences says what fits
	Published  time.Time     // when the ledger first recorded it; kept to the microsecond
}

// A Certificate is that of a calendar key.
type Certificate struct {
	ID  []byte // as calendar authentication records name it
	DER []byte // X.509
}

// A SlotRound is what a round record says of one slot that holds leaves in the round.
type SlotRound struct {
	Slot    uint32
	Count   uint64         // of leaves, never 0
	Root    merkle.Imprint // of the slot's subtree
	Ordinal uint64         // 1, 2, 3 … over the slot's rounds that hold leaves
}

// A RoundRecord is what is kept of a closed round that holds leaves.
type RoundRecord struct {
	Round       calendar.Second
	Root        merkle.Digest
	FirstLeaf   uint64      // number of its first leaf: all leaves are numbered by round, slot, index
	SlotCount   uint32      // slots whose Created is not after Round: fixes the height of the slot tree
	Slots       []SlotRound // those with leaves, ascending
	Certificate []byte      // ID of the certificate of the calendar key that signed
	Signature   []byte      // of the calendar authentication record, RSA
}

// Leaves returns the number of leaves of all slots.
func (r *RoundRecord) Leaves() uint64 {
	var n uint64
	for i := range r.Slots {
		n += r.Slots[i].Count
	}
	return n
}

// A Tile is up to TileNodes adjacent kept nodes of a slot's subtree. A subtree of n leaves has n>>Height nodes that are
// roots of perfect trees of 2^Height leaves; those of every TileHeight-th height are kept.
type Tile struct {
	Round  calendar.Second
	Slot   uint32
	Height uint8           // 8, 16, 24 …
	Index  uint64          // of the tile: its first node is node Index*TileNodes of that height
	Nodes  []merkle.Digest // TileNodes, fewer only in the last tile of its height
}

// A CalendarNode is the root of the perfect subtree over the seconds Index<<Height to (Index+1)<<Height-1.
type CalendarNode struct {
	Height uint8 // 8, 16, 24 …
	Index  uint64
	Node   merkle.Digest
}
