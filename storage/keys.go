package storage

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A Kind is the first byte of a key: what the key holds.
type Kind byte

// The kinds of keys, as the package comment draws them. KindIndex belongs to the digest index.
const (
	KindBlock       Kind = 'B'
	KindCalendar    Kind = 'C'
	KindBody        Kind = 'D'
	KindNumber      Kind = 'G'
	KindKSIKey      Kind = 'H'
	KindJournal     Kind = 'J'
	KindCertificate Kind = 'K'
	KindRun         Kind = 'L'
	KindMeta        Kind = 'M'
	KindTile        Kind = 'N'
	KindOrdinal     Kind = 'O'
	KindPublication Kind = 'P'
	KindHead        Kind = 'R'
	KindSlot        Kind = 'S'
	KindRole        Kind = 'U'
	KindIndex       Kind = 'X'
	KindJournalDay  Kind = 'Y'
)

// Groups of KindBlock and of KindMeta: a byte of the key that says which of several values it is.
const (
	GroupCounts     = 0 // of KindBlock: leaf counts
	GroupRoots      = 1 // of KindBlock: round roots
	GroupSlotCounts = 2 // of KindBlock: leaf counts of one slot
	GroupGenesis    = 0 // of KindMeta
	GroupProgress   = 1 // of KindMeta
	GroupJournal    = 2 // of KindMeta: the head of the journal
)

// A Key is a key in parts. Each kind uses the fields that its comment names.
type Key struct {
	Kind   Kind
	Group  uint8           // KindBlock, KindMeta
	Round  calendar.Second // KindRun, KindTile, KindHead, KindBody, KindPublication
	Slot   uint32          // KindRun, KindTile, KindSlot, KindOrdinal, KindBlock with GroupSlotCounts
	Height uint8           // KindTile, KindCalendar
	// Number is the index of the first leaf (KindRun), the tile (KindTile), the node (KindCalendar), the block
	// (KindBlock), the number of the leaf (KindNumber), of the certificate (KindCertificate), of the line (KindJournal) or of the
	// day (KindJournalDay).
	Number uint64
	Name   string // KindRole, KindKSIKey
}

// maxKey is the room that a key needs at most, its name apart.
const maxKey = 24

// Append appends k as bytes to dst.
func (k *Key) Append(dst []byte) []byte {
	be := binary.BigEndian
	dst = append(dst, byte(k.Kind))
	switch k.Kind {
	case KindBlock:
		dst = append(be.AppendUint64(dst, k.Number), k.Group)
		if k.Group == GroupSlotCounts {
			dst = be.AppendUint32(dst, k.Slot)
		}
	case KindCalendar:
		dst = be.AppendUint64(append(dst, k.Height), k.Number)
	case KindBody, KindHead, KindPublication:
		dst = be.AppendUint64(dst, uint64(k.Round))
	case KindNumber, KindJournal:
		dst = be.AppendUint64(dst, k.Number)
	case KindCertificate, KindJournalDay:
		dst = be.AppendUint32(dst, uint32(k.Number))
	case KindRun:
		dst = be.AppendUint32(be.AppendUint64(dst, uint64(k.Round)), k.Slot)
		dst = be.AppendUint64(dst, k.Number)
	case KindTile:
		dst = be.AppendUint32(be.AppendUint64(dst, uint64(k.Round)), k.Slot)
		dst = be.AppendUint64(append(dst, k.Height), k.Number)
	case KindMeta:
		dst = append(dst, k.Group)
	case KindOrdinal, KindSlot:
		dst = be.AppendUint32(dst, k.Slot)
	case KindRole, KindKSIKey:
		dst = append(dst, k.Name...)
	default:
		panic(fmt.Sprintf("storage: key of kind %q", byte(k.Kind)))
	}
	return dst
}

// bytes returns k as bytes.
func (k Key) bytes() []byte { return k.Append(make([]byte, 0, maxKey+len(k.Name))) }

// ParseKey reads what Append writes. Its errors wrap ErrCorrupt.
func ParseKey(b []byte) (Key, error) {
	bad := func(why string) (Key, error) { return Key{}, fmt.Errorf("key %x: %s: %w", b, why, ErrCorrupt) }
	if len(b) == 0 {
		return bad("empty")
	}
	k := Key{Kind: Kind(b[0])}
	c := cursor{b: b, off: 1, order: binary.BigEndian}
	switch k.Kind {
	case KindBlock:
		k.Number, k.Group = c.u64("block"), c.u8("group")
		if k.Group > GroupSlotCounts {
			return bad("unknown group")
		}
		if k.Group == GroupSlotCounts {
			k.Slot = c.u32("slot")
		}
	case KindCalendar:
		k.Height, k.Number = c.u8("height"), c.u64("index")
	case KindBody, KindHead, KindPublication:
		k.Round = c.second("round")
	case KindNumber:
		k.Number = c.u64("leaf")
	case KindCertificate:
		k.Number = uint64(c.u32("number"))
	case KindJournal:
		k.Number = c.u64("line")
	case KindJournalDay:
		k.Number = uint64(c.u32("day"))
	case KindRun:
		k.Round, k.Slot, k.Number = c.second("round"), c.u32("slot"), c.u64("first")
	case KindTile:
		k.Round, k.Slot, k.Height, k.Number = c.second("round"), c.u32("slot"), c.u8("height"), c.u64("tile")
	case KindMeta:
		k.Group = c.u8("group")
		if k.Group > GroupJournal {
			return bad("unknown group")
		}
	case KindOrdinal, KindSlot:
		k.Slot = c.u32("slot")
	case KindRole, KindKSIKey:
		k.Name = string(c.rest("name"))
		if k.Name == "" || len(k.Name) > MaxName {
			return bad("role name of 0 or more than 255 bytes")
		}
	default:
		return bad("unknown kind")
	}
	if err := c.end(); err != nil {
		return Key{}, fmt.Errorf("key %x: %w", b, err)
	}
	return k, nil
}

// String returns k in words, as errors name it.
func (k Key) String() string {
	switch k.Kind {
	case KindBlock:
		if k.Group == GroupSlotCounts {
			return fmt.Sprintf("block %d: slot %d: leaf counts", k.Number, k.Slot)
		}
		return fmt.Sprintf("block %d: %s", k.Number, [...]string{"leaf counts", "round roots"}[k.Group])
	case KindCalendar:
		return fmt.Sprintf("calendar node %d of height %d", k.Number, k.Height)
	case KindBody:
		return fmt.Sprintf("round %s: body", k.Round)
	case KindHead:
		return fmt.Sprintf("round %s: head", k.Round)
	case KindNumber:
		return fmt.Sprintf("leaf number %d", k.Number)
	case KindCertificate:
		return fmt.Sprintf("certificate %d", k.Number)
	case KindRun:
		return fmt.Sprintf("round %s: slot %d: run at %d", k.Round, k.Slot, k.Number)
	case KindTile:
		return fmt.Sprintf("round %s: slot %d: tile %d of height %d", k.Round, k.Slot, k.Number, k.Height)
	case KindMeta:
		return [...]string{"genesis", "progress", "journal: head"}[k.Group]
	case KindOrdinal:
		return fmt.Sprintf("slot %d: ordinal", k.Slot)
	case KindSlot:
		return fmt.Sprintf("slot %d", k.Slot)
	case KindRole:
		return fmt.Sprintf("role %q", k.Name)
	case KindKSIKey:
		return fmt.Sprintf("role %q: KSI key", k.Name)
	case KindJournal:
		return fmt.Sprintf("journal: line %d", k.Number)
	case KindJournalDay:
		return "journal: day " + DayTime(uint32(k.Number)).Format(time.DateOnly)
	case KindPublication:
		return fmt.Sprintf("publication of %s", k.Round)
	}
	return fmt.Sprintf("key of kind %q", byte(k.Kind))
}

// blockOf returns the block that s is in.
func blockOf(s calendar.Second) uint64 { return uint64(s) / BlockSeconds }

// blockFirst returns the first second of block b.
func blockFirst(b uint64) calendar.Second { return calendar.Second(b * BlockSeconds) }

// maxSecond is the latest second that keys and values name: arithmetic may go beyond it, and the calendar's trees are not
// higher.
const maxSecond = calendar.Second(1<<62 - 1)
