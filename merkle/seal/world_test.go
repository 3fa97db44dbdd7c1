package seal_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

const (
	server = "ledger.example"
	agency = "canton"
	// round is that of most seals here, 2026-11-22T01:15:30Z.
	round calendar.Second = 1795310130
)

// A calendarKey is a calendar key with its certificate.
type calendarKey struct {
	private *rsa.PrivateKey
	cert    ksi.Certificate
}

var keys = sync.OnceValue(func() (keys [2]calendarKey) {
	for i := range keys {
		private, cert := ksitest.NewKey(2048, server, (round - 3600).Time(), round.Time())
		keys[i] = calendarKey{private, cert}
	}
	return keys
})

// signer is the key that signs landmarks and status lists.
var signer = keys()[0]

// A world is a calendar with one round that is looked at, and others around it.
type world struct {
	*testing.T
	part  calendar.Part
	roots map[calendar.Second]merkle.Digest
}

// digest returns a digest that is different for every text and number.
func digest(text string, i int) merkle.Digest {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(text), uint64(i)))
}

// place says where a leaf stands in its round.
type place struct {
	index, count uint64
	slot, slots  uint32
}

// file makes the tree of a round around a leaf, and the path of the leaf but for its ending.
func file(t testing.TB, leaf merkle.Digest, at calendar.Second, p place) (seal.Path, merkle.Digest) {
	t.Helper()
	var leaves merkle.Leaves
	for i := range p.count {
		d := digest("leaf", int(i))
		if i == p.index {
			d = leaf
		}
		leaves.Append(d.Imprint())
	}
	tree := merkle.NewTree(0)
	tree.Append(&leaves)
	path := seal.Path{Server: server, Agency: agency, Round: at, Sequence: 7, Index: p.index, Count: seal.SmallestCount(p.index, p.count), Slot: p.slot}
	chain, err := merkle.ProveLeaf(merkle.NewTreeReader(&leaves, tree), 0, p.count, p.index)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range chain {
		path.Siblings = append(path.Siblings, merkle.Digest(l.Sibling.Digest()))
	}
	m := merkle.IssuerMetadata(server, agency, seal.Lane, 7, int64(at))
	slots := merkle.NewSlotTree(p.slots, func(slot uint32) merkle.Digest {
		if slot == p.slot {
			return merkle.SlotNode(tree.Root(), m.Append(nil))
		}
		return digest("slot", int(slot))
	})
	for _, l := range slots.Chain(p.slot) {
		path.SlotSiblings = append(path.SlotSiblings, merkle.Digest(l.Sibling.Digest()))
	}
	return path, slots.Root()
}

// newWorld makes a calendar of eight blocks, the one of round the third; in the fourth is nothing. roots are those of rounds
// that are there besides every seventh second.
func newWorld(t *testing.T, roots map[calendar.Second]merkle.Digest) *world {
	t.Helper()
	w := &world{T: t, roots: roots}
	first := landmark.First(landmark.BlockOf(round) - 2)
	for s := first; s < first+8*landmark.BlockSeconds; s++ {
		root, ok := roots[s]
		if !ok && (s%7 != 0 || landmark.BlockOf(s) == landmark.BlockOf(round)+1) {
			continue
		}
		if !ok {
			root = digest("round", int(s))
		}
		if err := w.part.Append(s, root); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// detail returns the round roots of a block.
func (w *world) detail(block uint64) *landmark.Detail {
	d := &landmark.Detail{Block: block}
	if err := w.part.ReadLeaves(d.Roots[:], landmark.First(block)); err != nil {
		w.Fatal(err)
	}
	return d
}

// published and newest are the ends of the file of landmarks.
const (
	published = round + 600
	newest    = round + 1300
)

// landmarks makes the file of landmarks, signed by signer.
func (w *world) landmarks(name string) *landmark.File {
	w.Helper()
	first := landmark.BlockOf(round) - 2
	c := landmark.Contents{Server: name, First: first, Marks: make([]merkle.Digest, landmark.BlockOf(newest+1)-first)}
	if err := w.part.ReadNodes(c.Marks, landmark.Height, first); err != nil {
		w.Fatal(err)
	}
	for _, s := range []calendar.Second{published, newest} {
		leaves := make([]merkle.Digest, uint64(s+1)%landmark.BlockSeconds)
		if err := w.part.ReadLeaves(leaves, s+1-calendar.Second(len(leaves))); err != nil {
			w.Fatal(err)
		}
		e, err := landmark.NewEnd(s, leaves)
		if err != nil {
			w.Fatal(err)
		}
		c.Ends = append(c.Ends, e)
	}
	k := signer
	c.Authentication = func(p ksi.Publication) (*ksi.Authentication, error) {
		return ksi.SignAuthentication(rand.Reader, k.private, k.cert, p)
	}
	f, err := landmark.New(c)
	if err != nil {
		w.Fatal(err)
	}
	return f
}

// publication returns the calendar root as of published.
func (w *world) publication() ksi.Publication {
	root, err := calendar.RootAt(&w.part, published)
	if err != nil {
		w.Fatal(err)
	}
	return ksi.Publication{Time: published, Root: root.Imprint()}
}

// anchored ends a path at the landmark, immediate at a signature by a key.
func (w *world) anchored(p seal.Path, c *seal.Content) *seal.Seal {
	w.Helper()
	p.Profile, p.Block = seal.Anchored, w.detail(landmark.BlockOf(p.Round)).Siblings(p.Round)
	return newSeal(w, &p, c)
}

func (w *world) immediate(p seal.Path, c *seal.Content, k calendarKey) *seal.Seal {
	w.Helper()
	var err error
	p.Profile = seal.Immediate
	if p.Key, err = seal.SignRound(rand.Reader, k.private, k.cert, p.Round, p.RoundRoot(c.Leaf())); err != nil {
		w.Fatal(err)
	}
	return newSeal(w, &p, c)
}

func newSeal(t testing.TB, p *seal.Path, c *seal.Content) *seal.Seal {
	t.Helper()
	s, err := seal.New(p, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fields(t testing.TB, json string) []seal.Field {
	t.Helper()
	f, err := seal.FieldsFromJSON([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// extract is what the seals of tests say.
func extract(t testing.TB) *seal.Content {
	c := &seal.Content{Fields: fields(t, `{"name": "Marie Dupont", "born": "1987-04-09", "debts": 2, "total": "1'240.50", "enforced": false}`)}
	copy(c.Salt[:], "0123456789abcdef")
	return c
}

// statusBundle writes a bundle of the lane status: a list of leaves for each round, one after the other from a second on, which the
// leaf that ends it follows.
func statusBundle(t testing.TB, h bundle.Header, from calendar.Second, sequence uint64, lists ...[]merkle.Digest) []byte {
	t.Helper()
	h.Server = server
	h.Lanes = []bundle.Lane{{Name: seal.StatusLane}}
	var out writer
	b, err := bundle.NewWriter(&out, h)
	if err != nil {
		t.Fatal(err)
	}
	for i, list := range lists {
		list = append(slices.Clip(list), seal.StatusEnd())
		at := from + calendar.Second(i)
		addGroup(t, b, at, statusSignature(t, leavesOf(list), h.Agency, at, sequence+uint64(i)), list)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func leavesOf(list []merkle.Digest) *merkle.Leaves {
	var leaves merkle.Leaves
	for _, d := range list {
		leaves.Append(d.Imprint())
	}
	return &leaves
}

// addGroup writes a group of the first lane.
func addGroup(t testing.TB, b *bundle.Writer, at calendar.Second, signature []byte, list []merkle.Digest) {
	t.Helper()
	if err := b.Begin(at, 0, uint64(len(list)), signature); err != nil {
		t.Fatal(err)
	}
	if err := b.Append(leavesOf(list)); err != nil {
		t.Fatal(err)
	}
}

type writer []byte

func (w *writer) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}

// statusSignature makes the signature of the first leaf of a round with one slot alone.
func statusSignature(t testing.TB, leaves *merkle.Leaves, agency string, at calendar.Second, sequence uint64) []byte {
	t.Helper()
	tree := merkle.NewTree(0)
	tree.Append(leaves)
	n := uint64(leaves.Len())
	chain, err := merkle.ProveLeaf(merkle.NewTreeReader(leaves, tree), 0, n, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := merkle.IssuerMetadata(server, agency, seal.StatusLane, sequence, int64(at))
	root := merkle.SlotNode(tree.Root(), m.Append(nil))
	part := &calendar.Part{}
	if err := part.Append(at, root); err != nil {
		t.Fatal(err)
	}
	c, err := calendar.Prove(part, at, at)
	if err != nil {
		t.Fatal(err)
	}
	k := signer
	auth, err := ksi.SignAuthentication(rand.Reader, k.private, k.cert, ksi.Publication{Time: at, Root: c.Root(root).Imprint()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := ksi.Build(ksi.Parts{Round: at, Leaf: leaves.At(0), Chains: []merkle.Chain{append(chain, merkle.IssuerLink(m.Append(nil), 0, n))},
		CalendarTime: at, Calendar: c, Authentication: auth})
	if err != nil {
		t.Fatal(fmt.Errorf("status: %w", err))
	}
	return s.Append(nil)
}
