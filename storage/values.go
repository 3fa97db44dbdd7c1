package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// Each stored value has an append and a decode function, inverse to each other: decode refuses what append would not
// write. The package comment draws the formats.

var le = binary.LittleEndian

func (g *Genesis) append(dst []byte) []byte {
	dst = le.AppendUint64(append(dst, version), uint64(g.First))
	return append(append(dst, g.BlindingKey[:]...), g.Server...)
}

func (g *Genesis) decode(c *cursor) error {
	c.version()
	g.First = c.second("first second")
	copy(g.BlindingKey[:], c.take(len(g.BlindingKey), "blinding key"))
	if c.field != nil {
		c.tell(len(g.BlindingKey), "blinding key", "(secret)")
	}
	g.Server = string(c.rest("server"))
	if g.First < 1 {
		c.fail("first second %d", g.First)
	}
	return c.end()
}

// progress is how far the ledger is closed.
type progress struct {
	closed calendar.Second
	leaves uint64 // of all closed rounds
}

func (p *progress) append(dst []byte) []byte {
	return le.AppendUint64(le.AppendUint64(append(dst, version), uint64(p.closed)), p.leaves)
}

func (p *progress) decode(c *cursor) error {
	c.version()
	p.closed = c.second("closed")
	p.leaves = c.u64("leaves")
	return c.end()
}

func (s *Slot) append(dst []byte) []byte {
	dst = le.AppendUint64(append(dst, version, byte(s.Base)), uint64(s.Created))
	dst = append(append(dst, byte(len(s.Agency))), s.Agency...)
	return append(append(dst, byte(len(s.Lane))), s.Lane...)
}

func (s *Slot) decode(c *cursor) error {
	c.version()
	s.Base = merkle.Level(c.u8("base level"))
	s.Created = c.second("created")
	s.Agency = c.text("agency")
	s.Lane = c.text("lane")
	return c.end()
}

// A ksiKey is the value of a KSI key.
type ksiKey []byte

func (k ksiKey) append(dst []byte) []byte { return append(append(dst, version), k...) }

func (k *ksiKey) decode(c *cursor) error {
	c.version()
	n := max(len(c.b)-c.off, 0)
	*k = bytes.Clone(c.take(n, "key"))
	if n == 0 || n > MaxKSIKey {
		c.fail("key of %d bytes", n)
	}
	if c.field != nil {
		c.tell(n, "key", "(secret)")
	}
	return c.end()
}

func (p *Publication) append(dst []byte) []byte {
	dst = append(append(dst, version), p.Root[:]...)
	dst = le.AppendUint64(dst, uint64(p.Published.UnixMicro()))
	for _, r := range p.References {
		dst = append(le.AppendUint16(dst, uint16(len(r))), r...)
	}
	return dst
}

func (p *Publication) decode(c *cursor) error {
	c.version()
	p.Root = c.digest("calendar root")
	p.Published = time.UnixMicro(int64(c.u64("published, µs"))).UTC()
	for c.err == nil && c.off < len(c.b) {
		p.References = append(p.References, c.longText("reference"))
	}
	if err := CheckReferences(p.References); err != nil {
		c.fail("%v", err)
	}
	return c.end()
}

// CheckReferences says what keeps references from being those of a publication, nil if they fit: MaxReferences of them,
// each 1 to MaxReference bytes of UTF-8 without NUL, as the KSI format wants them, and all at most MaxReferenceBytes.
func CheckReferences(references []string) error {
	if len(references) > MaxReferences {
		return fmt.Errorf("%d references: a publication has at most %d", len(references), MaxReferences)
	}
	sum := 0
	for i, r := range references {
		switch {
		case r == "":
			return fmt.Errorf("reference %d is empty", i+1)
		case len(r) > MaxReference:
			return fmt.Errorf("reference %d has %d bytes: the limit is %d", i+1, len(r), MaxReference)
		case !utf8.ValidString(r) || strings.ContainsRune(r, 0):
			return fmt.Errorf("reference %d is not UTF-8 without NUL: %q", i+1, r)
		}
		sum += len(r)
	}
	if sum > MaxReferenceBytes {
		return fmt.Errorf("references of %d bytes together: the limit is %d", sum, MaxReferenceBytes)
	}
	return nil
}

func (x *Certificate) append(dst []byte) []byte {
	dst = append(append(dst, version, byte(len(x.ID))), x.ID...)
	return append(dst, x.DER...)
}

func (x *Certificate) decode(c *cursor) error {
	c.version()
	x.ID = []byte(c.text("id"))
	x.DER = append([]byte(nil), c.rest("certificate")...)
	return c.end()
}

// A number is a value of 8 bytes: an ordinal, or the round of a leaf number.
type number uint64

func (n number) append(dst []byte) []byte { return le.AppendUint64(append(dst, version), uint64(n)) }

func (n *number) decode(c *cursor) error {
	c.version()
	*n = number(c.u64("number"))
	return c.end()
}

// A node is the value of a calendar node.
type node merkle.Digest

func (n *node) append(dst []byte) []byte { return append(append(dst, version), n[:]...) }

func (n *node) decode(c *cursor) error {
	c.version()
	*n = node(c.digest("node"))
	return c.end()
}

// algorithmMixed stands in place of an algorithm in runs that have several.
const algorithmMixed = 0xff

// runHeadBytes is how many bytes of the value of a run stand before its leaves.
const runHeadBytes = 1 + 1 + 8

// A run is the value of a run, its leaves where they are.
type run struct {
	at    int64 // µs since 1970
	alg   merkle.Algorithm
	mixed bool
	n     int    // leaves
	data  []byte // uniform: digests; mixed: imprints
}

// appendRun appends the value of a run of leaves i to j-1 of l.
func appendRun(dst []byte, at time.Time, l *merkle.Leaves, i, j int) []byte {
	start := len(dst)
	dst = le.AppendUint64(append(dst, version, 0), uint64(at.UnixMicro()))
	if alg, digests, ok := l.Uniform(); ok {
		dst[start+1] = byte(alg)
		return append(dst, digests[i*alg.Size():j*alg.Size()]...)
	}
	first := l.At(i)
	alg := first.Algorithm()
	for k := i + 1; k < j; k++ {
		if im := l.At(k); im.Algorithm() != alg {
			alg = algorithmMixed
			break
		}
	}
	dst[start+1] = byte(alg)
	for k := i; k < j; k++ {
		im := l.At(k)
		if alg == algorithmMixed {
			dst = im.Append(dst)
		} else {
			dst = append(dst, im.Digest()...)
		}
	}
	return dst
}

func (r *run) decode(c *cursor) error {
	c.version()
	alg := c.u8("algorithm")
	r.alg = merkle.Algorithm(alg)
	r.mixed = alg == algorithmMixed
	r.at = int64(c.u64("accepted, µs"))
	if r.mixed {
		r.data = c.b[min(c.off, len(c.b)):]
		return r.decodeMixed(c)
	}
	size := r.alg.Size()
	if size == 0 {
		c.fail("unknown algorithm %#x", alg)
		return c.end()
	}
	r.data = c.rest("digests")
	r.n = len(r.data) / size
	if len(r.data)%size != 0 || r.n == 0 || r.n > MaxRun {
		c.fail("%d bytes of %s digests", len(r.data), r.alg)
	}
	return c.end()
}

func (r *run) decodeMixed(c *cursor) error {
	several := false
	for r.n = 0; c.err == nil && c.off < len(c.b); r.n++ {
		several = several || c.b[c.off] != r.data[0]
		c.imprint("leaf")
	}
	if !several || r.n > MaxRun {
		c.fail("mixed run of %d leaves", r.n)
	}
	return c.end()
}

// appendTo appends leaves i to j-1 of the run to dst.
func (r *run) appendTo(dst *merkle.Leaves, i, j int) {
	if !r.mixed {
		size := r.alg.Size()
		dst.AppendDigests(r.alg, r.data[i*size:j*size])
		return
	}
	b := r.data
	for k := range j {
		n := 1 + merkle.Algorithm(b[0]).Size()
		if k >= i {
			dst.AppendDigests(merkle.Algorithm(b[0]), b[1:n])
		}
		b = b[n:]
	}
}

func (r *run) time() time.Time { return time.UnixMicro(r.at).UTC() }

// appendNodes appends the value of a tile or of a block's roots.
func appendNodes(dst []byte, nodes []merkle.Digest) []byte {
	dst = append(dst, version)
	for i := range nodes {
		dst = append(dst, nodes[i][:]...)
	}
	return dst
}

// decodeNodes returns the nodes of a value of 1 to limit of them, one after the other.
func decodeNodes(c *cursor, limit int) ([]byte, error) {
	c.version()
	nodes := c.rest("nodes")
	if n := len(nodes); n == 0 || n%len(merkle.Digest{}) != 0 || n > limit*len(merkle.Digest{}) {
		c.fail("%d bytes of nodes", n)
	}
	return nodes, c.end()
}

// A head is the part of a round record that sealing turns into columns.
type head struct {
	root   merkle.Digest
	first  uint64 // number of the first leaf
	leaves uint64
	slots  uint32 // with leaves
}

func (h *head) append(dst []byte) []byte {
	dst = append(append(dst, version), h.root[:]...)
	dst = le.AppendUint64(le.AppendUint64(dst, h.first), h.leaves)
	return le.AppendUint32(dst, h.slots)
}

func (h *head) decode(c *cursor) error {
	c.version()
	h.root = c.digest("root")
	h.first = c.u64("first leaf")
	h.leaves = c.u64("leaves")
	h.slots = c.u32("slots with leaves")
	if h.slots == 0 || h.leaves < uint64(h.slots) {
		c.fail("%d leaves in %d slots", h.leaves, h.slots)
	}
	return c.end()
}

// A body is the part of a round record that stays one row a round.
type body struct {
	slotCount   uint32
	certificate uint32 // number
	slots       []SlotRound
	signature   []byte
}

func (x *body) append(dst []byte) []byte {
	dst = le.AppendUint32(append(dst, version), x.slotCount)
	dst = le.AppendUint32(dst, x.certificate)
	dst = le.AppendUint32(dst, uint32(len(x.slots)))
	for i := range x.slots {
		s := &x.slots[i]
		dst = le.AppendUint32(dst, s.Slot)
		dst = le.AppendUint64(le.AppendUint64(dst, s.Count), s.Ordinal)
		dst = s.Root.Append(dst)
	}
	return append(dst, x.signature...)
}

// bodySlotMin is the least length of a slot in a body.
const bodySlotMin = 4 + 8 + 8 + 1 + 20

func (x *body) decode(c *cursor) error {
	c.version()
	x.slotCount = c.u32("slots that exist")
	x.certificate = c.u32("certificate")
	n := c.u32("slots with leaves")
	if n == 0 || n > x.slotCount || uint64(n)*bodySlotMin > uint64(len(c.b)) {
		c.fail("%d slots with leaves of %d", n, x.slotCount)
		return c.end()
	}
	x.slots = make([]SlotRound, n)
	for i := range x.slots {
		s := &x.slots[i]
		s.Slot, s.Count, s.Ordinal = c.u32("slot"), c.u64("leaves"), c.u64("ordinal")
		s.Root = c.imprint("root")
		if s.Slot >= x.slotCount || i > 0 && s.Slot <= x.slots[i-1].Slot || s.Count == 0 || s.Ordinal == 0 {
			c.fail("slot %d of %d with %d leaves, ordinal %d", s.Slot, x.slotCount, s.Count, s.Ordinal)
			return c.end()
		}
	}
	x.signature = append([]byte(nil), c.rest("signature")...)
	if n := len(x.signature); n == 0 || n > MaxSignature {
		c.fail("signature of %d bytes", n)
	}
	return c.end()
}

// counts is the value of a block's leaf counts. Its columns stay bytes: readers decode what they need.
type counts struct {
	seconds bitmap
	n       int    // rounds with leaves
	first   uint64 // number of the first leaf
	leaves  []byte // n × 8
	slots   []byte // n × 4
}

func (x *counts) append(dst []byte) []byte {
	dst = append(append(dst, version), x.seconds[:]...)
	dst = le.AppendUint64(dst, x.first)
	return append(append(dst, x.leaves...), x.slots...)
}

func (x *counts) decode(c *cursor) error {
	c.version()
	x.n = c.bitmap(&x.seconds)
	x.first = c.u64("first leaf")
	x.leaves = c.bytes(8*x.n, "leaves")
	x.slots = c.bytes(4*x.n, "slots with leaves")
	return c.end()
}

// slotCounts is the value of the leaf counts of one slot in a block.
type slotCounts struct {
	seconds bitmap
	leaves  []byte // one × 8 for every one of seconds
}

func (x *slotCounts) append(dst []byte) []byte {
	return append(append(append(dst, version), x.seconds[:]...), x.leaves...)
}

func (x *slotCounts) decode(c *cursor) error {
	c.version()
	n := c.bitmap(&x.seconds)
	x.leaves = c.bytes(8*n, "leaves")
	return c.end()
}

// Inspect checks that value is a well-formed value of key, and tells field of each of its parts in order: bytes from to
// to-1 and what they say. field may be nil. The value of a KindIndex key cannot be inspected. Errors name the key and
// wrap ErrCorrupt or ErrVersion.
func Inspect(key Key, value []byte, field func(from, to int, text string)) error {
	c := newCursor(value)
	c.field = field
	if err := inspect(key, &c); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func inspect(key Key, c *cursor) error {
	switch key.Kind {
	case KindBlock:
		switch key.Group {
		case GroupCounts:
			return new(counts).decode(c)
		case GroupRoots:
			_, err := decodeNodes(c, BlockSeconds)
			return err
		}
		return new(slotCounts).decode(c)
	case KindCalendar:
		return new(node).decode(c)
	case KindBody:
		return new(body).decode(c)
	case KindNumber, KindOrdinal:
		return new(number).decode(c)
	case KindCertificate:
		return new(Certificate).decode(c)
	case KindRun:
		return new(run).decode(c)
	case KindMeta:
		switch key.Group {
		case GroupGenesis:
			return new(Genesis).decode(c)
		case GroupJournal:
			return new(JournalHead).decode(c)
		}
		return new(progress).decode(c)
	case KindTile:
		_, err := decodeNodes(c, TileNodes)
		return err
	case KindHead:
		return new(head).decode(c)
	case KindSlot:
		return new(Slot).decode(c)
	case KindRole:
		return new(Role).decode(c)
	case KindKSIKey:
		return new(ksiKey).decode(c)
	case KindJournal:
		return new(JournalLine).decode(c)
	case KindJournalDay:
		return new(JournalDay).decode(c)
	case KindPublication:
		return new(Publication).decode(c)
	}
	panic(fmt.Sprintf("storage: inspect key of kind %q", byte(key.Kind)))
}
