package receipt

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/printable"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// A Name is the text name of a leaf, "2026-11-22T01:15:30Z/jura/main/42": the round, the agency, the lane and the index of the leaf
// in its slot. Agencies and lanes hold no slash.
type Name struct {
	Round  calendar.Second
	Agency string
	Lane   string
	Index  uint64
}

// Append appends the text of n to dst.
func (n Name) Append(dst []byte) []byte {
	dst = n.Round.Time().AppendFormat(dst, "2006-01-02T15:04:05Z")
	dst = append(append(dst, '/'), n.Agency...)
	dst = append(append(dst, '/'), n.Lane...)
	return strconv.AppendUint(append(dst, '/'), n.Index, 10)
}

// String returns the text of n.
func (n Name) String() string { return string(n.Append(nil)) }

// ParseName reads the text that String writes, and nothing else: no other spelling names the same leaf.
func ParseName(text string) (Name, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return Name{}, fmt.Errorf("receipt %.300q: want the form round/agency/lane/index", text)
	}
	round, err := calendar.ParseSecond(parts[0])
	if err != nil {
		return Name{}, fmt.Errorf("receipt %.300q: %w", text, err)
	}
	index, err := strconv.ParseUint(parts[3], 10, 64)
	if err != nil {
		return Name{}, fmt.Errorf("receipt %.300q: index %q is no number", text, parts[3])
	}
	n := Name{Round: round, Agency: parts[1], Lane: parts[2], Index: index}
	if n.Agency == "" || n.Lane == "" || n.String() != text {
		return Name{}, fmt.Errorf("receipt %.300q: not in canonical form", text)
	}
	return n, nil
}

// A Filing is what a proof says of the leaf that it was made for. It holds as far as the proof does.
type Filing struct {
	Name
	Server string // name of the ledger
	Leaf   merkle.Imprint
	Root   merkle.Imprint // root of the round that the leaf is in: the same in all proofs of that second
}

const (
	// laneKSI is the one lane whose leaves are no plain hashes, but of level baseKSI.
	laneKSI = "ksi"
	baseKSI = 32
)

// FilingOf reads the filing out of a proof that a server gave for a leaf of its own. Proofs of other KSI services, and those of leaves
// that stand below a leaf of a server, in a client's own tree, are an error.
func FilingOf(s *ksi.Signature) (f Filing, err error) {
	issuers := s.Issuers()
	if len(issuers) != 1 {
		return f, fmt.Errorf("the proof names %d issuers, that of a filing names one", len(issuers))
	}
	issuer := issuers[0]
	cut := strings.LastIndexByte(issuer.Machine, '/')
	chain, trunk, err := s.Split()
	if err != nil {
		return f, err
	}
	if _, level := trunk.Node(); level != merkle.SlotLevel || cut < 1 || len(chain) == 0 || chain[len(chain)-1].Metadata == nil {
		return f, fmt.Errorf("the proof is none of a filing: issuer %q at %q", issuer.Client, issuer.Machine)
	}
	if !issuer.RequestTime.Equal(s.Time().Time()) {
		return f, fmt.Errorf("the issuer names %s, the proof is of %s", issuer.RequestTime, s.Time())
	}
	if s.CalendarChain() == nil {
		return f, errors.New("the proof has no calendar chain")
	}
	f = Filing{Server: issuer.Machine[:cut], Leaf: s.InputImprint(), Root: s.CalendarChain().Input()}
	f.Name = Name{Round: s.Time(), Agency: issuer.Client, Lane: issuer.Machine[cut+1:]}
	if f.Index, err = index(chain[:len(chain)-1], f.Lane); err != nil {
		return f, err
	}
	if _, err := ParseName(f.String()); err != nil {
		return f, err
	}
	for _, name := range [...]struct{ of, text string }{{"server", f.Server}, {"agency", f.Agency}, {"lane", f.Lane}} {
		if err := printable.CheckSpaced(name.of, name.text, merkle.MaxID); err != nil {
			return f, err
		}
	}
	if strings.Contains(f.Server, "/") {
		return f, fmt.Errorf("server %q: a name without '/'", f.Server)
	}
	return f, nil
}

// index returns which leaf of its lane's subtree a chain begins at. Left of a node of height h + 1 stand 2^h leaves.
func index(chain merkle.Chain, lane string) (i uint64, err error) {
	level := 0
	base := 0
	if lane == laneKSI {
		base = baseKSI
	}
	for k, l := range chain {
		level += int(l.Correction) + 1
		height := level - base - 1
		if height < 0 || height > 62 || l.Metadata != nil {
			return 0, fmt.Errorf("link %d of the proof is none of a lane: level %d", k, level)
		}
		if !l.Left {
			i += 1 << height
		}
	}
	return i, nil
}
