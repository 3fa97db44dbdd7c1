package bundle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

const (
	magic   = "JURATBDL"
	version = 1
)

// First bytes of what follows the header.
const (
	tagGroup = 'G'
	tagIndex = 'I'
	tagEnd   = 'E'
)

// Limits of the format.
const (
	// MaxRun is how many leaves a run holds at most.
	MaxRun = 1 << 16
	// MaxLanes is how many lanes a bundle has at most.
	MaxLanes = 255
	// maxSignature bounds a signature: the largest element of its format with its header.
	maxSignature = 1<<16 + 4
	// markStep is how far the groups of two marks are apart at least, in bytes.
	markStep = 1 << 20
	// endBytes is the length of the end.
	endBytes = 1 + 8 + 8 + 8 + 32
)

// A Header says what a bundle holds.
type Header struct {
	Server string // name of the ledger, as it stands in the proofs
	Agency string
	// From and To are the seconds exported, both included.
	From, To calendar.Second
	// Lanes are the agency's; a group names one by its place here.
	Lanes []Lane
}

const (
	// KSILane is the lane of the roots of clients' own trees.
	KSILane = "ksi"
	// KSIBase is the base level of its leaves. Those of other lanes have base level 0.
	KSIBase merkle.Level = 32
)

// BaseOf returns the base level of a lane's leaves. It is not for a header to choose: with a higher one, nodes would pass as leaves.
func BaseOf(lane string) merkle.Level {
	if lane == KSILane {
		return KSIBase
	}
	return 0
}

// A Lane is a stream of leaves.
type Lane struct {
	Name string
	Base merkle.Level // of its leaves
}

// check returns why a header cannot be written.
func (h *Header) check() error {
	if h.From < 0 || h.To < h.From || h.To > calendar.LastWritable {
		return fmt.Errorf("seconds %d to %d", int64(h.From), int64(h.To))
	}
	if len(h.Lanes) == 0 || len(h.Lanes) > MaxLanes {
		return fmt.Errorf("%d lanes", len(h.Lanes))
	}
	seen := make(map[string]bool)
	for _, l := range h.Lanes {
		m := h.metadata(l, 1, 1)
		if err := m.Check(); err != nil {
			return err
		}
		if seen[l.Name] || l.Name == "" || len(l.Name) > merkle.MaxID || l.Base != BaseOf(l.Name) {
			return fmt.Errorf("lane %q of base level %d", l.Name, l.Base)
		}
		seen[l.Name] = true
	}
	if h.Server == "" || len(h.Server) > merkle.MaxID || !utf8.ValidString(h.Server) {
		return fmt.Errorf("server %q", h.Server)
	}
	return nil
}

// metadata returns the issuer that stands in the proofs of a round.
func (h *Header) metadata(l Lane, round calendar.Second, sequence uint64) merkle.Metadata {
	return merkle.IssuerMetadata(h.Server, h.Agency, l.Name, sequence, int64(round))
}

// append appends the header, which check accepts.
func (h *Header) append(dst []byte) []byte {
	dst = append(append(dst, magic...), version)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.From))
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.To))
	dst = appendText(appendText(dst, h.Server), h.Agency)
	dst = append(dst, byte(len(h.Lanes)))
	for _, l := range h.Lanes {
		dst = appendText(append(dst, byte(l.Base)), l.Name)
	}
	return dst
}

func appendText(dst []byte, text string) []byte { return append(append(dst, byte(len(text))), text...) }

// A mark says where a group begins.
type mark struct {
	round  calendar.Second
	offset uint64
}

// Errors that callers decide on.
var (
	// ErrFormat says that bytes are no bundle, or not as one is written.
	ErrFormat = errors.New("not a whole, unchanged bundle")
	// ErrVersion says that a bundle has a format version that this program does not know.
	ErrVersion = errors.New("unknown format version: use a newer program")
	// ErrNotFound says that a bundle does not hold a leaf.
	ErrNotFound = errors.New("not in the bundle")
)

// A Fault is the first place where a bundle is not what it should be. It wraps ErrFormat unless a signature is at fault.
type Fault struct {
	Offset uint64          // of the header, group, index or end that is at fault, in bytes
	Round  calendar.Second // of the group, 0 if it is none
	Lane   string          // of the group, if known
	err    error
}

// Error names the place and the fault.
func (f *Fault) Error() string {
	switch {
	case f.Round == 0:
		return fmt.Sprintf("offset %d: %v", f.Offset, f.err)
	case f.Lane == "":
		return fmt.Sprintf("offset %d: round %s: %v", f.Offset, f.Round, f.err)
	}
	return fmt.Sprintf("offset %d: round %s: lane %q: %v", f.Offset, f.Round, f.Lane, f.err)
}

// Unwrap returns the fault without its place.
func (f *Fault) Unwrap() error { return f.err }
