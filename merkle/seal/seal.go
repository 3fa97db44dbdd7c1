package seal

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/base45"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// A Seal is a content and the path of its leaf.
type Seal struct {
	Path
	Content
}

// Prefix begins the text of every seal of version 1.
const Prefix = "JS1:"

// Sizes of seals in bytes of CBOR.
const (
	// MaxBytes is what Parse takes at most.
	MaxBytes = 2860 // the largest QR code
	// MaxAnchored and MaxImmediate are what CheckSize lets pass: the symbols 27-M and 29-M, which an office printer and a telephone
	// manage at 6 cm. An immediate seal with a calendar key of 2048 bits fits 27-M too.
	MaxAnchored  = 1088
	MaxImmediate = 1223

	maxSignature = 1024
)

// ErrFormat is wrapped by the errors of Parse.
var ErrFormat = errors.New("not a whole, unchanged seal")

// ErrSize is wrapped by the error of CheckSize.
var ErrSize = errors.New("too long to be printed")

// New makes a seal of a content and the path that the server gave for its leaf.
func New(p *Path, c *Content) (*Seal, error) {
	s := &Seal{*p, *c}
	if err := errors.Join(p.check(), c.Check()); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return s, nil
}

// Append appends the CBOR of s, which New or Parse made.
func (s *Seal) Append(dst []byte) []byte {
	v := s.Path.value()
	v.Items = append(v.Items[:contentAt:contentAt], append([]Value{s.Content.value()}, v.Items[contentAt:]...)...)
	return v.Append(dst)
}

// Text returns the seal as it stands in a QR code: of alphanumeric characters alone.
func (s *Seal) Text() string { return string(base45.Append([]byte(Prefix), s.Append(nil))) }

// CheckSize returns an error that says what to shorten unless s can be printed well.
func (s *Seal) CheckSize() error {
	n, limit := len(s.Append(nil)), MaxAnchored
	if s.Profile == Immediate {
		limit = MaxImmediate
	}
	if n <= limit {
		return nil
	}
	return fmt.Errorf("%w: %d bytes, at most %d: shorten the fields, which take %d, by %d bytes; file fewer seals in one second "+
		"(their hashes take %d bytes)", ErrSize, n, limit, len(s.Content.Append(nil)), n-limit, 32*len(s.Siblings))
}

// Parse reads the text of a seal. Line ends do not matter, since programs wrap long lines, nor do tabs around it.
func Parse(text string) (*Seal, error) {
	text = strings.Trim(strings.NewReplacer("\r", "", "\n", "").Replace(text), "\t")
	body, ok := strings.CutPrefix(text, Prefix)
	if !ok {
		if strings.HasPrefix(text, "JS") {
			return nil, fmt.Errorf("%w: version %.4q is not known: use a newer program", ErrFormat, text)
		}
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrFormat, Prefix)
	}
	if len(body) > MaxBytes/2*3+2 {
		return nil, fmt.Errorf("%w: %d characters", ErrFormat, len(text))
	}
	data, err := base45.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return ParseBinary(data)
}

// ParseBinary reads the CBOR that Append writes, and nothing else.
func ParseBinary(data []byte) (*Seal, error) {
	s, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return s, nil
}

func parse(data []byte) (*Seal, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%d bytes", len(data))
	}
	v, err := cbor.Parse(data)
	if err != nil {
		return nil, err
	}
	if v.Kind != cbor.Array || len(v.Items) != pathItems+1 {
		return nil, fmt.Errorf("not an array of %d items", pathItems+1)
	}
	c, err := parseContent(&v.Items[contentAt])
	if err != nil {
		return nil, err
	}
	v.Items = append(v.Items[:contentAt:contentAt], v.Items[contentAt+1:]...)
	p, err := parsePath(&v)
	if err != nil {
		return nil, err
	}
	return &Seal{*p, c}, nil
}

// checkDigits are Crockford's.
const checkDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// CheckString returns eight characters with a dash in the middle, for people who compare what they cannot scan.
func CheckString(leaf merkle.Digest, receipt string) string {
	sum := sha256.Sum256(append(append([]byte("jurat seal check\x00"), leaf[:]...), receipt...))
	n := binary.BigEndian.Uint64(sum[:]) >> 24
	var b []byte
	for i := 7; i >= 0; i-- {
		b = append(b, checkDigits[n>>(5*i)&31])
		if i == 4 {
			b = append(b, '-')
		}
	}
	return string(b)
}

// CheckString is that of the seal.
func (s *Seal) CheckString() string { return CheckString(s.Leaf(), s.Receipt()) }

// A Part is a part of the way from the content to a calendar root.
type Part string

// The parts, in their order.
const (
	PartLane     Part = "lane"     // through what the agency filed in that second
	PartIssuer   Part = "issuer"   // binds server, agency, lane, sequence number and second
	PartRound    Part = "round"    // through what all agencies filed in that second
	PartBlock    Part = "block"    // through the 256 seconds around it, to the landmark
	PartCalendar Part = "calendar" // from the landmark to a calendar root
)

// A Step is one hash of the way.
type Step struct {
	Part    Part
	Left    bool          // what comes from below is the left operand
	Sibling []byte        // imprint, or the issuer's metadata
	Level   int           // last byte of what is hashed
	Hash    merkle.Digest // the result
}

// climb returns the round root that the path leads to from a leaf, and every step.
func (p *Path) climb(leaf merkle.Digest) (root merkle.Digest, steps []Step) {
	node, level := leaf.Imprint(), merkle.Level(0)
	add := func(part Part, l merkle.Link) {
		sibling := l.Metadata
		if sibling == nil {
			sibling = l.Sibling.Append(nil)
		}
		up, upper, err := (merkle.Chain{l}).Root(node, level)
		if err != nil {
			panic("seal: " + err.Error()) // check bounds the levels
		}
		node, level = up, upper
		steps = append(steps, Step{part, l.Left, sibling, int(level), merkle.Digest(node.Digest())})
	}
	for i, l := range shape.Path(p.Count, p.Index) {
		add(PartLane, merkle.Link{Left: l.Left, Correction: l.Height - 1 - uint8(level), Sibling: p.Siblings[i].Imprint()})
	}
	m := p.metadata()
	add(PartIssuer, merkle.IssuerLink(m.Append(nil), 0, p.Count))
	for h, d := range p.SlotSiblings {
		add(PartRound, merkle.Link{Left: p.Slot>>h&1 == 0, Sibling: d.Imprint()})
	}
	return merkle.Digest(node.Digest()), steps
}

// RoundRoot returns the round root that the path leads to from a leaf.
func (p *Path) RoundRoot(leaf merkle.Digest) merkle.Digest {
	root, _ := p.climb(leaf)
	return root
}

// Landmark returns the landmark that an anchored path leads to from a leaf.
func (p *Path) Landmark(leaf merkle.Digest) merkle.Digest {
	return p.Block.Root(p.Round, p.RoundRoot(leaf))
}

// A RoundSignature is what the calendar key says about a round root.
type RoundSignature struct {
	Certificate [4]byte // id
	Signature   []byte  // RSA PKCS#1 v1.5
}

// roundMessage is what is signed.
func roundMessage(round calendar.Second, root merkle.Digest) [sha256.Size]byte {
	m := binary.BigEndian.AppendUint64([]byte("jurat seal round\x00"), uint64(round))
	return sha256.Sum256(append(m, root[:]...))
}

// SignRound signs a round root with the calendar key, an RSA key, whose certificate is given.
func SignRound(random io.Reader, key crypto.Signer, cert ksi.Certificate, round calendar.Second, root merkle.Digest) (s RoundSignature, err error) {
	if _, ok := key.Public().(*rsa.PublicKey); !ok || len(cert.ID) != len(s.Certificate) {
		return s, errors.New("seal: the calendar key is no RSA key")
	}
	m := roundMessage(round, root)
	s.Certificate = [4]byte(cert.ID)
	s.Signature, err = key.Sign(random, m[:], crypto.SHA256)
	return s, err
}

// Verify returns nil if the key with this public half signed the round root.
func (s *RoundSignature) Verify(key *rsa.PublicKey, round calendar.Second, root merkle.Digest) error {
	m := roundMessage(round, root)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, m[:], s.Signature)
}
