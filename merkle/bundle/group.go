package bundle

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// A Group is the leaves of one lane in one round, with what their signatures share. It was checked but for the one question
// who vouches for the time: the leaves give the signature of the first, byte for byte.
type Group struct {
	Round    calendar.Second
	Lane     Lane
	Sequence uint64 // of the lane's rounds with leaves, as it stands in the proofs: 1, 2, 3 …

	number int // of the lane
	offset uint64
	leaves merkle.Leaves
	first  *ksi.Signature
	nodes  *merkle.TreeReader
	issuer merkle.Link
	trunk  *ksi.Trunk
}

// Len returns the number of leaves.
func (g *Group) Len() uint64 { return uint64(g.leaves.Len()) }

// Leaf returns leaf i.
func (g *Group) Leaf(i uint64) merkle.Imprint { return g.leaves.At(int(i)) }

// First returns the signature of the first leaf. Above the node of the lane it is that of all.
func (g *Group) First() *ksi.Signature { return g.first }

// Signature returns the signature of leaf i, serialized: the bytes that the server gives for it. A leaf that is not there is
// ErrNotFound.
func (g *Group) Signature(i uint64) ([]byte, error) {
	if i >= g.Len() {
		return nil, fmt.Errorf("leaf %d of %d: %w", i, g.Len(), ErrNotFound)
	}
	chain, err := merkle.ProveLeaf(g.nodes, g.Lane.Base, g.Len(), i)
	if err != nil {
		return nil, err
	}
	return g.trunk.Append(nil, g.Leaf(i), append(chain, g.issuer))
}

// announce reads the signature of the first of n leaves that are to come, and checks that it is in the name of the header and over so many.
func (g *Group) announce(h *Header, signature []byte, n uint64) error {
	var err error
	if g.first, err = ksi.Parse(signature); err != nil {
		return err
	}
	chain, trunk, err := g.first.Split()
	if err != nil {
		return err
	}
	if node, level := trunk.Node(); level != merkle.SlotLevel {
		return fmt.Errorf("the first chain leads to %s of level %d, not to a lane's node of level %d", node, level, merkle.SlotLevel)
	}
	if height := int(shape.Height(n)); len(chain)-1 != height {
		return fmt.Errorf("the way of the signature has %d nodes, that of the first of %d leaves %d", len(chain)-1, n, height)
	}
	issuers := g.first.Issuers()
	if len(issuers) != 1 {
		return fmt.Errorf("the signature names %d issuers", len(issuers))
	}
	g.Sequence = issuers[0].Sequence
	m := h.metadata(g.Lane, g.Round, g.Sequence)
	g.issuer = merkle.IssuerLink(m.Append(nil), g.Lane.Base, n)
	if last := chain[len(chain)-1]; !bytes.Equal(last.Metadata, g.issuer.Metadata) {
		return fmt.Errorf("the signature is of client %q, machine %q, time %s, not of %q, %q in this round", issuers[0].Client,
			issuers[0].Machine, issuers[0].RequestTime, m.ClientID, m.MachineID)
	}
	if g.first.Time() != g.Round {
		return fmt.Errorf("the signature is of round %s", g.first.Time())
	}
	g.trunk = trunk
	return nil
}

// derive builds the subtree over the leaves and checks that it stands under the signature.
func (g *Group) derive(signature []byte) error {
	tree := merkle.NewTree(g.Lane.Base)
	tree.Append(&g.leaves)
	g.nodes = merkle.NewTreeReader(&g.leaves, tree)
	switch again, err := g.Signature(0); {
	case errors.Is(err, ksi.ErrOtherNode):
		return errors.New("the leaves do not give the signature's hashes")
	case err != nil:
		return err
	case !bytes.Equal(again, signature):
		return errors.New("the signature is not the one that the leaves give")
	}
	return nil
}
