package ksitest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// A Ledger signs what is filed, as a server does, in a calendar of its own for each round.
type Ledger struct {
	Server      string
	Key         *rsa.PrivateKey
	Certificate ksi.Certificate
	PEM         []byte // the certificate as a file
}

// NewLedger returns a ledger with a calendar key of 1024 bits, whose certificate begins to hold at a second.
func NewLedger(server string, from calendar.Second) *Ledger {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	der, err := ksi.NewCalendarCertificate(rand.Reader, key, server, from.Time(), from.Time())
	must(err)
	cert, err := ksi.ParseCertificate(der)
	must(err)
	return &Ledger{server, key, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// File returns the proof of leaf i of an agency's lane whose leaves of base level 0 in a round are given. Another slot stands beside it.
func (l *Ledger) File(agency, lane string, round calendar.Second, i int, digests ...merkle.Digest) *ksi.Signature {
	return l.FileAs(merkle.IssuerMetadata(l.Server, agency, lane, 1, int64(round)), round, i, digests...)
}

// FileAs is File for an issuer that need not be an agency of the ledger's.
func (l *Ledger) FileAs(m merkle.Metadata, round calendar.Second, i int, digests ...merkle.Digest) *ksi.Signature {
	var leaves merkle.Leaves
	for _, d := range digests {
		leaves.Append(d.Imprint())
	}
	tree, n := merkle.NewTree(0), uint64(len(digests))
	tree.Append(&leaves)
	chain, err := merkle.ProveLeaf(merkle.NewTreeReader(&leaves, tree), 0, n, uint64(i))
	must(err)
	other := merkle.Blind([32]byte{1}, int64(round), 1)
	up := merkle.Chain{{Left: true, Sibling: other.Imprint()}}
	slot := merkle.SlotNode(tree.Root(), m.Append(nil))
	node, _, err := up.Root(slot.Imprint(), merkle.SlotLevel)
	must(err)
	root := merkle.Digest(node.Digest())
	part := &calendar.Part{}
	must(part.Append(round, root))
	c, err := calendar.Prove(part, round, round)
	must(err)
	auth, err := ksi.SignAuthentication(rand.Reader, l.Key, l.Certificate, ksi.Publication{Time: round, Root: c.Root(root).Imprint()})
	must(err)
	s, err := ksi.Build(ksi.Parts{Round: round, Leaf: leaves.At(i), Chains: []merkle.Chain{append(chain, merkle.IssuerLink(m.Append(nil), 0, n)), up},
		CalendarTime: round, Calendar: c, Authentication: auth})
	must(err)
	return s
}
