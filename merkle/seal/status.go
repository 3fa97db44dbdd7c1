package seal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// A StatusKind is what an agency says of a seal later.
type StatusKind string

// The kinds.
const (
	StatusRevoked    StatusKind = "revoked"
	StatusSuperseded StatusKind = "superseded"
)

// ParseStatusKind returns the kind of a name.
func ParseStatusKind(name string) (StatusKind, error) {
	switch k := StatusKind(name); k {
	case StatusRevoked, StatusSuperseded:
		return k, nil
	}
	return "", fmt.Errorf("no status %.100q: want revoked or superseded", name)
}

// StatusLeaf returns the leaf by which an agency gives a seal a status; successor is the leaf of the seal that supersedes it, nil
// for none.
func StatusLeaf(leaf merkle.Digest, kind StatusKind, successor *merkle.Digest) merkle.Digest {
	v := cbor.List(cbor.String("jurat status"), cbor.Blob(leaf[:]), cbor.String(string(kind)), Value{})
	if successor != nil {
		v.Items[3] = cbor.Blob(successor[:])
	}
	return sha256.Sum256(v.Append(nil))
}

// StatusEnd returns the leaf that ends what an agency says in a second of the lane StatusLane. A tree does not tell a last leaf from a node over several, so
// that whoever passes a list on could have left out the last of them; this leaf is the hash of a known text, and no node is.
// Filed alone it says that the agency has nothing to add, which dates its list.
func StatusEnd() merkle.Digest {
	v := cbor.List(cbor.String("jurat status end"))
	return sha256.Sum256(v.Append(nil))
}

// StatusLeaves returns the leaves to file in the lane StatusLane, in one request: the one that everybody finds who holds the
// seal, and the one that names the successor, if there is one. Only what is superseded has a successor.
func StatusLeaves(leaf merkle.Digest, kind StatusKind, successor *merkle.Digest) ([]merkle.Digest, error) {
	leaves := []merkle.Digest{StatusLeaf(leaf, kind, nil)}
	if successor != nil && kind != StatusSuperseded {
		return nil, errors.New("only a seal that is superseded has a successor")
	}
	if successor != nil {
		leaves = append(leaves, StatusLeaf(leaf, kind, successor))
	}
	return leaves, nil
}

// A StatusList is what an agency said of its seals.
type StatusList struct {
	Server, Agency string
	// Newest is its newest round, as of which it speaks; 0 if it has none.
	Newest calendar.Second
	// Open is the first round that does not end with StatusEnd, so that something may have been left out of it; 0 if there is none.
	Open calendar.Second
	// FromStart says that no round of the lane before is missing: the sequence numbers begin with 1.
	FromStart bool
	// Missing says what is missing to believe its proofs; empty if all hold.
	Missing string
	// Certificates are those of the calendar keys that confirmed its proofs, each once.
	Certificates []ksi.Certificate

	leaves map[merkle.Digest]calendar.Second // of the first time
}

// ReadStatusList reads a bundle of an agency's lane StatusLane, or of all its lanes, and verifies its proofs by o. A calendar key counts
// only if its certificate is that of the ledger that the list names. A bundle that is damaged or whose proofs are false is an error.
func ReadStatusList(ctx context.Context, r io.Reader, o ksi.Options) (*StatusList, error) {
	b, err := bundle.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("status list: %w", err)
	}
	h := b.Header()
	l := &StatusList{Server: h.Server, Agency: h.Agency, FromStart: true, leaves: make(map[merkle.Digest]calendar.Second)}
	o.Document = nil
	for {
		g, err := b.Next()
		if err == io.EOF {
			return l, nil
		}
		if err == nil && g.Lane.Name == StatusLane {
			err = l.add(ctx, g, &o)
		}
		if err != nil {
			return nil, fmt.Errorf("status list: %w", err)
		}
	}
}

func (l *StatusList) add(ctx context.Context, g *bundle.Group, o *ksi.Options) error {
	result := ksi.VerifyOneOf(ctx, g.First(), o)
	switch {
	case result.Verdict == ksi.FAIL:
		return fmt.Errorf("round %s: %s", g.Round, result)
	case result.Verdict == ksi.NA && l.Missing == "":
		l.Missing = fmt.Sprintf("round %s: %s", g.Round, result.Sentence)
	}
	l.Certificates = result.AppendCertificate(l.Certificates)
	if l.Newest == 0 {
		l.FromStart = g.Sequence == 1
	}
	l.Newest = g.Round
	if end := StatusEnd(); l.Open == 0 && g.Leaf(g.Len()-1) != end.Imprint() {
		l.Open = g.Round
	}
	for i := range g.Len() {
		leaf := g.Leaf(i)
		if leaf.Algorithm() != merkle.SHA256 {
			continue
		}
		d := merkle.Digest(leaf.Digest())
		if _, ok := l.leaves[d]; !ok {
			l.leaves[d] = g.Round
		}
	}
	return nil
}

// Find returns the first time that a status was given to a seal; ok is false if the list does not say it.
func (l *StatusList) Find(leaf merkle.Digest, kind StatusKind, successor *merkle.Digest) (at calendar.Second, ok bool) {
	at, ok = l.leaves[StatusLeaf(leaf, kind, successor)]
	return at, ok
}

// Better reports whether l says more of a seal than another list of the same agency: that it was revoked or superseded; or all up to a
// second; or as of a later one.
func (l *StatusList) Better(other *StatusList, leaf merkle.Digest) bool {
	a, b := l.weight(leaf), other.weight(leaf)
	return a > b || a == b && l.Newest > other.Newest
}

func (l *StatusList) weight(leaf merkle.Digest) int {
	_, revoked := l.Find(leaf, StatusRevoked, nil)
	_, superseded := l.Find(leaf, StatusSuperseded, nil)
	switch {
	case l.Missing != "":
		return 0
	case revoked || superseded:
		return 3
	case l.Newest != 0 && l.FromStart && l.Open == 0:
		return 2
	}
	return 1
}
