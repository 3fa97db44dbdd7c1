package seal

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"unicode"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
	"github.com/jurat-ledger/jurat/merkle/landmark"
)

// Lanes of an agency that seals use.
const (
	Lane       = "seal"
	StatusLane = "status"
)

// A Profile says what a seal ends at.
type Profile uint8

// The profiles.
const (
	Anchored  Profile = iota // at a landmark, by hashes alone; to be had when the block of 256 seconds is complete
	Immediate                // at the round root, which the calendar key signs
)

// String returns "anchored" or "immediate".
func (p Profile) String() string { return [...]string{"anchored", "immediate"}[p] }

// ParseProfile returns the profile that String calls name.
func ParseProfile(name string) (Profile, error) {
	for _, p := range []Profile{Anchored, Immediate} {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("no profile %.100q: want anchored or immediate", name)
}

// A Path is all of a seal but its content: what the server gives for a leaf.
type Path struct {
	Profile  Profile
	Server   string // name of the ledger
	Agency   string
	Round    calendar.Second
	Sequence uint64 // of the lane's non-empty rounds
	// Index is that of the leaf in the lane's subtree of the round, Count what SmallestCount makes of the number of leaves.
	Index, Count uint64
	Siblings     []merkle.Digest
	Slot         uint32
	SlotSiblings []merkle.Digest
	// Block are the siblings on the way to the landmark of an anchored seal.
	Block landmark.Siblings
	// Key is who signed the round root of an immediate one.
	Key RoundSignature
}

const (
	pathItems = 11
	contentAt = 5 // its place in a seal
)

// Receipt returns the text name of the leaf.
func (p *Path) Receipt() string {
	return fmt.Sprintf("%s/%s/%s/%d", p.Round, p.Agency, Lane, p.Index)
}

// SmallestCount returns the smallest number of leaves in whose subtree the way from a leaf to the root is the same as among count, which
// must be more than index. It is what stands in a seal: a hash commits to nothing more, and how many leaves there are is
// nobody's business.
func SmallestCount(index, count uint64) uint64 {
	first := uint64(0)
	for n := count; n > 1; {
		half := uint64(1) << (shape.Height(n) - 1)
		if index < first+half {
			return first + half + 1
		}
		first, n = first+half, n-half
	}
	return count
}

// check returns why p cannot be written.
func (p *Path) check() error {
	if p.Round <= 0 || p.Round > calendar.LastWritable {
		return fmt.Errorf("round %d lies outside the years 1970 to 9999", int64(p.Round))
	}
	if p.Server == "" || strings.Contains(p.Server, "/") {
		return fmt.Errorf("server %q: want a name without '/'", p.Server)
	}
	if strings.ContainsFunc(p.Server+p.Agency, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("server %q, agency %q: a name is of printable characters", p.Server, p.Agency)
	}
	m := p.metadata()
	if err := m.Check(); err != nil {
		return err
	}
	if p.Sequence == 0 || p.Sequence > math.MaxInt64 {
		return fmt.Errorf("sequence number %d", p.Sequence)
	}
	if p.Index >= p.Count || p.Count > merkle.MaxLeaves(0) || p.Count > math.MaxInt64 {
		return fmt.Errorf("leaf %d of %d", p.Index, p.Count)
	}
	if n := SmallestCount(p.Index, p.Count); n != p.Count {
		return fmt.Errorf("leaf %d of %d is written as one of %d", p.Index, p.Count, n)
	}
	if n := len(shape.Path(p.Count, p.Index)); n != len(p.Siblings) {
		return fmt.Errorf("%d siblings, leaf %d of %d has %d", len(p.Siblings), p.Index, p.Count, n)
	}
	if n := len(p.SlotSiblings); n > 32 || bits.Len32(p.Slot) > n {
		return fmt.Errorf("slot %d with %d siblings", p.Slot, n)
	}
	if p.Profile == Immediate && (len(p.Key.Signature) == 0 || len(p.Key.Signature) > maxSignature) {
		return fmt.Errorf("signature of %d bytes", len(p.Key.Signature))
	}
	return nil
}

func (p *Path) metadata() merkle.Metadata {
	return merkle.IssuerMetadata(p.Server, p.Agency, Lane, p.Sequence, int64(p.Round))
}

func (p *Path) value() Value {
	return cbor.List(cbor.Number(int64(p.Profile)), cbor.String(p.Server), cbor.String(p.Agency), cbor.Number(int64(p.Round)),
		cbor.Number(int64(p.Sequence)), cbor.Number(int64(p.Index)), cbor.Number(int64(p.Count)), digests(p.Siblings),
		cbor.Number(int64(p.Slot)), digests(p.SlotSiblings), p.ending())
}

func (p *Path) ending() Value {
	if p.Profile == Immediate {
		return cbor.List(cbor.Blob(p.Key.Certificate[:]), cbor.Blob(p.Key.Signature))
	}
	b := []byte{0}
	for h, d := range p.Block {
		if d != calendar.ZeroNode(uint8(h)) {
			b[0] |= 1 << h
			b = append(b, d[:]...)
		}
	}
	return cbor.Blob(b)
}

func digests(list []merkle.Digest) Value {
	b := make([]byte, 0, len(list)*len(merkle.Digest{}))
	for i := range list {
		b = append(b, list[i][:]...)
	}
	return cbor.Blob(b)
}

// Append appends the CBOR of p.
func (p *Path) Append(dst []byte) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("path of a seal: %w", err)
	}
	v := p.value()
	return v.Append(dst), nil
}

// ParsePath reads what Append writes, and nothing else.
func ParsePath(data []byte) (*Path, error) {
	v, err := cbor.Parse(data)
	var p *Path
	if err == nil {
		p, err = parsePath(&v)
	}
	if err != nil {
		return nil, fmt.Errorf("path of a seal: %w", err)
	}
	return p, nil
}

// An itemReader reads the items of an array; err is the first fault.
type itemReader struct {
	items []Value
	err   error
}

func (r *itemReader) next(kind cbor.Kind) *Value {
	v := &r.items[0]
	r.items = r.items[1:]
	if v.Kind != kind && r.err == nil {
		r.err = fmt.Errorf("an item is not of type %s, but %s", kind, v.Kind)
	}
	return v
}

func (r *itemReader) number() uint64 {
	v := r.next(cbor.Int)
	if v.Int < 0 && r.err == nil {
		r.err = fmt.Errorf("number %d", v.Int)
	}
	return uint64(v.Int)
}

func (r *itemReader) digests() []merkle.Digest {
	const size = len(merkle.Digest{})
	b := r.next(cbor.Bytes).Bytes
	if len(b)%size != 0 && r.err == nil {
		r.err = fmt.Errorf("siblings of %d bytes", len(b))
	}
	var list []merkle.Digest
	for ; len(b) >= size; b = b[size:] {
		list = append(list, merkle.Digest(b))
	}
	return list
}

func parsePath(v *Value) (*Path, error) {
	if v.Kind != cbor.Array || len(v.Items) != pathItems {
		return nil, fmt.Errorf("not an array of %d items", pathItems)
	}
	r := itemReader{items: v.Items}
	profile := r.number()
	if profile > uint64(Immediate) {
		return nil, fmt.Errorf("profile %d is not known: use a newer program", profile)
	}
	p := &Path{Profile: Profile(profile), Server: r.next(cbor.Text).Text, Agency: r.next(cbor.Text).Text,
		Round: calendar.Second(r.number()), Sequence: r.number(), Index: r.number(), Count: r.number(), Siblings: r.digests()}
	slot := r.number()
	p.Slot, p.SlotSiblings = uint32(slot), r.digests()
	switch {
	case r.err != nil:
		return nil, r.err
	case slot > math.MaxUint32:
		return nil, fmt.Errorf("slot %d", slot)
	}
	if err := p.parseEnding(&r); err != nil {
		return nil, err
	}
	return p, p.check()
}

func (p *Path) parseEnding(r *itemReader) error {
	if p.Profile == Anchored {
		return p.parseBlock(r.next(cbor.Bytes).Bytes, r.err)
	}
	v := r.next(cbor.Array)
	if len(v.Items) != 2 || v.Items[0].Kind != cbor.Bytes || len(v.Items[0].Bytes) != len(p.Key.Certificate) || v.Items[1].Kind != cbor.Bytes {
		return errors.New("the ending is no certificate id and signature")
	}
	p.Key = RoundSignature{[4]byte(v.Items[0].Bytes), bytes.Clone(v.Items[1].Bytes)}
	return nil
}

// parseBlock reads the ending of an anchored seal; err is the fault there is already.
func (p *Path) parseBlock(b []byte, err error) error {
	const size = len(merkle.Digest{})
	if err != nil {
		return err
	}
	if len(b) == 0 || len(b) != 1+size*bits.OnesCount8(b[0]) {
		return errors.New("the ending is no mask with its siblings")
	}
	mask := b[0]
	b = b[1:]
	for h := range p.Block {
		zero := calendar.ZeroNode(uint8(h))
		if mask>>h&1 == 0 {
			p.Block[h] = zero
			continue
		}
		if p.Block[h] = merkle.Digest(b); p.Block[h] == zero {
			return errors.New("a sibling that is to be left out")
		}
		b = b[size:]
	}
	return nil
}
