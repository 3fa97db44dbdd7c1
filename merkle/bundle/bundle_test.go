package bundle_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
)

const first calendar.Second = 1795310100

// key is the calendar key of all tests.
var key = sync.OnceValues(func() (*rsa.PrivateKey, ksi.Certificate) {
	return ksitest.NewKey(1024, "test.example", first.Time(), first.Time())
})

func keyBased() ksi.Options {
	_, cert := key()
	return ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{cert}}
}

// A group is what one lane files in one round.
type group struct {
	round     calendar.Second
	lane      int
	sequence  uint64
	leaves    merkle.Leaves
	neighbour bool // another slot stands beside the lane's
}

var header = bundle.Header{Server: "test.example", Agency: "canton", From: first, To: first + 100,
	Lanes: []bundle.Lane{{Name: "main"}, {Name: "ksi", Base: 32}}}

// filed returns n leaves, every seventh of them with SHA-512 if mixed is set.
func filed(round calendar.Second, n int, mixed bool) (leaves merkle.Leaves) {
	for i := range n {
		b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(round)), uint64(i))
		d := sha256.Sum256(b)
		alg, digest := merkle.SHA256, d[:]
		if mixed && i%7 == 3 {
			alg, digest = merkle.SHA512, append(d[:], d[:]...)
		}
		im, err := merkle.NewImprint(alg, digest)
		if err != nil {
			panic(err)
		}
		leaves.Append(im)
	}
	return leaves
}

// sign makes the signature of a leaf as a server does, one by one.
func (g *group) sign(t testing.TB, i uint64) []byte {
	t.Helper()
	base := header.Lanes[g.lane].Base
	tree := merkle.NewTree(base)
	tree.Append(&g.leaves)
	n := uint64(g.leaves.Len())
	chain, err := merkle.ProveLeaf(merkle.NewTreeReader(&g.leaves, tree), base, n, i)
	if err != nil {
		t.Fatal(err)
	}
	m := merkle.Metadata{ClientID: header.Agency, MachineID: header.Server + "/" + header.Lanes[g.lane].Name, Sequence: g.sequence,
		TimeMicros: uint64(g.round) * 1e6}
	chains := []merkle.Chain{append(chain, merkle.IssuerLink(m.Append(nil), base, n))}
	root := merkle.SlotNode(tree.Root(), m.Append(nil))
	if g.neighbour {
		other := merkle.Blind([32]byte{1}, int64(g.round), 1)
		up := merkle.Chain{{Left: true, Sibling: other.Imprint()}}
		chains = append(chains, up)
		node, _, err := up.Root(root.Imprint(), merkle.SlotLevel)
		if err != nil {
			t.Fatal(err)
		}
		root = merkle.Digest(node.Digest())
	}
	part := &calendar.Part{}
	if err := part.Append(g.round, root); err != nil {
		t.Fatal(err)
	}
	c, err := calendar.Prove(part, g.round, g.round)
	if err != nil {
		t.Fatal(err)
	}
	private, cert := key()
	auth := authentication(t, private, cert, ksi.Publication{Time: g.round, Root: c.Root(root).Imprint()})
	s, err := ksi.Build(ksi.Parts{Round: g.round, Leaf: g.leaves.At(int(i)), Chains: chains, CalendarTime: g.round, Calendar: c, Authentication: auth})
	if err != nil {
		t.Fatal(err)
	}
	return s.Append(nil)
}

var authentications sync.Map // of publications, since RSA signatures of one thing are one

func authentication(t testing.TB, private *rsa.PrivateKey, cert ksi.Certificate, p ksi.Publication) *ksi.Authentication {
	t.Helper()
	if a, ok := authentications.Load(p.String()); ok {
		return a.(*ksi.Authentication)
	}
	a, err := ksi.SignAuthentication(rand.Reader, private, cert, p)
	if err != nil {
		t.Fatal(err)
	}
	authentications.Store(p.String(), a)
	return a
}

// write makes a bundle.
func write(t testing.TB, groups []group) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := bundle.NewWriter(&buf, header)
	if err != nil {
		t.Fatal(err)
	}
	for i := range groups {
		g := &groups[i]
		n := g.leaves.Len()
		if err := w.Begin(g.round, g.lane, uint64(n), g.sign(t, 0)); err != nil {
			t.Fatal(err)
		}
		for at := 0; at < n; at += 1000 {
			part := g.leaves.Slice(at, min(at+1000, n))
			if err := w.Append(&part); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// small is a bundle of some rounds of both lanes.
func small() []group {
	return []group{
		{first, 0, 1, filed(first, 3, true), true},
		{first, 1, 8, filed(first+50, 1, false), true},
		{first + 3, 0, 2, filed(first+3, 1, false), false},
		{first + 9, 0, 3, filed(first+9, 5, false), true},
		{first + 9, 1, 9, filed(first+10, 2, false), true},
	}
}

// TestSignatures demands the very signatures of leaves, one by one, of rounds of every size.
func TestSignatures(t *testing.T) {
	var groups []group
	for i, n := range []int{1, 2, 3, 255, 256, 257, 1000, bundle.MaxRun, bundle.MaxRun + 1} {
		for lane := range header.Lanes {
			groups = append(groups, group{first + calendar.Second(i), lane, uint64(i + 1), filed(first, n, n == 257 || n == 3), i%2 == 0})
		}
	}
	data := write(t, groups)
	r, err := bundle.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range groups {
		want := &groups[i]
		g, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		n := uint64(want.leaves.Len())
		if g.Round != want.round || g.Lane != header.Lanes[want.lane] || g.Sequence != want.sequence || g.Len() != n {
			t.Fatalf("group %d: %s %+v %d, %d leaves", i, g.Round, g.Lane, g.Sequence, g.Len())
		}
		found, _, err := bundle.Find(bytes.NewReader(data), int64(len(data)), want.round, header.Lanes[want.lane].Name)
		if err != nil {
			t.Fatal(err)
		}
		for k := uint64(0); k < n; k += 1 + n/70 {
			for _, g := range []*bundle.Group{g, found} {
				s, err := g.Signature(k)
				if err != nil || !bytes.Equal(s, want.sign(t, k)) {
					t.Fatalf("group %d: leaf %d: another signature: %v", i, k, err)
				}
				if g.Leaf(k) != want.leaves.At(int(k)) {
					t.Fatalf("group %d: leaf %d", i, k)
				}
			}
		}
		if _, err := g.Signature(n); !errors.Is(err, bundle.ErrNotFound) {
			t.Errorf("group %d: leaf %d: %v", i, n, err)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatal(err)
	}
	for _, missing := range []calendar.Second{first - 1, first + 50, math.MaxInt64} {
		if _, _, err := bundle.Find(bytes.NewReader(data), int64(len(data)), missing, "main"); !errors.Is(err, bundle.ErrNotFound) {
			t.Errorf("round %d: %v", missing, err)
		}
	}
	if _, _, err := bundle.Find(bytes.NewReader(data), int64(len(data)), first, "seal"); !errors.Is(err, bundle.ErrNotFound) {
		t.Errorf("lane seal: %v", err)
	}
}

func TestVerify(t *testing.T) {
	data := write(t, small())
	var told uint64
	r, err := bundle.Verify(t.Context(), bytes.NewReader(data), keyBased(), func(n uint64) { told = n })
	if err != nil || r.Verdict != ksi.OK || r.Rounds != 3 || r.Leaves != 12 || told != 12 || r.Unproven != 0 {
		t.Fatalf("%+v: %v", r, err)
	}
	want := []bundle.LaneReport{
		{Lane: header.Lanes[0], Groups: 3, Leaves: 9, FirstRound: first, LastRound: first + 9, FirstSequence: 1, LastSequence: 3},
		{Lane: header.Lanes[1], Groups: 2, Leaves: 3, FirstRound: first, LastRound: first + 9, FirstSequence: 8, LastSequence: 9},
	}
	if fmt.Sprint(r.Lanes) != fmt.Sprint(want) {
		t.Errorf("lanes %+v", r.Lanes)
	}
	r, err = bundle.Verify(t.Context(), bytes.NewReader(data), ksi.Options{Policy: ksi.KeyBased}, nil)
	if err != nil || r.Verdict != ksi.NA || r.Unproven != 5 || !strings.Contains(r.Missing, first.String()) {
		t.Errorf("without a certificate: %+v: %v", r, err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := ksi.NewCalendarCertificate(rand.Reader, other, "test.example", first.Time(), first.Time().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := ksi.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	_, cert := key()
	forged.ID = cert.ID
	r, err = bundle.Verify(t.Context(), bytes.NewReader(data), ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{forged}}, nil)
	var fault *bundle.Fault
	if !errors.As(err, &fault) || r.Verdict != ksi.FAIL || fault.Round != first || errors.Is(err, bundle.ErrFormat) {
		t.Errorf("under another key: %+v: %v", r, err)
	}
	empty, err := bundle.Verify(t.Context(), bytes.NewReader(write(t, nil)), keyBased(), nil)
	if err != nil || empty.Verdict != ksi.OK || empty.Leaves != 0 {
		t.Errorf("empty bundle: %+v: %v", empty, err)
	}
}

// reseal puts the right SHA-256 at the end of a bundle that was changed.
func reseal(data []byte) []byte {
	s := sha256.Sum256(data[:len(data)-32])
	return append(data[:len(data)-32], s[:]...)
}

// TestMangled changes every byte of a bundle, with and without making the digest at its end right again, and cuts it off
// everywhere.
func TestMangled(t *testing.T) {
	good := write(t, small())
	for i := range good {
		for _, sealed := range []bool{false, true} {
			data := bytes.Clone(good)
			data[i] ^= 1
			if sealed && i < len(data)-32 {
				data = reseal(data)
			}
			// What the server says of the span alone, nothing else can show.
			if span := i >= 9 && i < 25; span && sealed {
				continue
			}
			// The id of a certificate that nobody knows is no fault, but nothing is proven by it.
			if r, err := bundle.Verify(t.Context(), bytes.NewReader(data), keyBased(), nil); err == nil && r.Verdict == ksi.OK {
				t.Fatalf("byte %d of %d changed, sealed again: %t: nobody noticed", i, len(data), sealed)
			}
		}
		if _, err := bundle.Verify(t.Context(), bytes.NewReader(good[:i]), keyBased(), nil); !errors.Is(err, bundle.ErrFormat) {
			t.Fatalf("cut off at %d: %v", i, err)
		}
		_, _, err := bundle.Find(bytes.NewReader(good[:i]), int64(i), first+9, "ksi")
		if err == nil {
			t.Fatalf("cut off at %d: found", i)
		}
	}
	if _, err := bundle.Verify(t.Context(), bytes.NewReader(append(bytes.Clone(good), 0)), keyBased(), nil); !errors.Is(err, bundle.ErrFormat) {
		t.Errorf("a byte more: %v", err)
	}
}

// TestForged leaves out, swaps and renames what a forger with the right digests would.
func TestForged(t *testing.T) {
	for name, forge := range map[string]func([]group) []group{
		"a round left out":           func(g []group) []group { return append(g[:2:2], g[3:]...) },
		"the last leaf left out":     func(g []group) []group { g[3].leaves = g[3].leaves.Slice(0, 4); return g },
		"a leaf more":                func(g []group) []group { g[3].leaves.Append(g[3].leaves.At(0)); return g },
		"two leaves swapped":         func(g []group) []group { g[3].leaves = swapped(g[3].leaves); return g },
		"the leaves of another lane": func(g []group) []group { g[4].leaves = g[3].leaves; return g },
	} {
		groups := small()
		var signatures [][]byte
		for i := range groups {
			signatures = append(signatures, groups[i].sign(t, 0))
		}
		before := small()
		groups = forge(groups)
		var buf bytes.Buffer
		w, err := bundle.NewWriter(&buf, header)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			for i := range before {
				if before[i].round == g.round && before[i].lane == g.lane {
					err = errors.Join(w.Begin(g.round, g.lane, uint64(g.leaves.Len()), signatures[i]), w.Append(&g.leaves))
				}
			}
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		if r, err := bundle.Verify(t.Context(), &buf, keyBased(), nil); !errors.Is(err, bundle.ErrFormat) {
			t.Errorf("%s: %+v: %v", name, r, err)
		}
	}
}

func swapped(in merkle.Leaves) (out merkle.Leaves) {
	for i := range in.Len() {
		out.Append(in.At(in.Len() - 1 - i))
	}
	return out
}

// TestMarks reads groups of a bundle with several marks by way of its index.
func TestMarks(t *testing.T) {
	var groups []group
	for i := range 60 {
		groups = append(groups, group{first + calendar.Second(i), i % 2, uint64(i/2 + 1), filed(first+calendar.Second(i), 1+i%3*3000, false), false})
	}
	data := write(t, groups)
	if len(data) < 5<<20 {
		t.Fatalf("%d bytes only", len(data))
	}
	if r, err := bundle.Verify(t.Context(), bytes.NewReader(data), keyBased(), nil); err != nil || r.Verdict != ksi.OK {
		t.Fatalf("%+v: %v", r, err)
	}
	for i := range groups {
		g, h, err := bundle.Find(bytes.NewReader(data), int64(len(data)), groups[i].round, header.Lanes[groups[i].lane].Name)
		if err != nil || g.Sequence != groups[i].sequence || h.Agency != "canton" {
			t.Fatalf("group %d: %v", i, err)
		}
	}
}

// TestHostileSizes reads bundles that promise more than they hold.
func TestHostileSizes(t *testing.T) {
	good := write(t, small()[:1])
	head := len(write(t, nil)) - 1 - 8 - 57 // index without marks, end
	group := bytes.Clone(good[:head+1+8+1])
	for _, n := range []uint64{1 << 62, 1 << 31, 1 << 40} {
		data := binary.BigEndian.AppendUint64(bytes.Clone(group), n)
		data = binary.BigEndian.AppendUint32(data, 100)
		data = append(data, make([]byte, 100)...)
		data = append(data, 1, 0, 1, 0, 0) // a run of 65,536
		allocated := testing.AllocsPerRun(1, func() {
			r, err := bundle.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); !errors.Is(err, bundle.ErrFormat) {
				t.Errorf("%d leaves: %v", n, err)
			}
		})
		if allocated > 1000 {
			t.Errorf("%d leaves: %.0f allocations", n, allocated)
		}
	}
}

// FuzzReader reads anything, and what it accepts it writes again.
func FuzzReader(f *testing.F) {
	good := write(f, small())
	f.Add(good, true)
	f.Add(write(f, nil), false)
	f.Add(good[:len(good)-40], true)
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed && len(data) > 32 {
			data = reseal(bytes.Clone(data))
		}
		if _, _, err := bundle.Find(bytes.NewReader(data), int64(len(data)), first+9, "ksi"); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		r, err := bundle.NewReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		w, err := bundle.NewWriter(&again, r.Header())
		if err != nil {
			t.Fatal(err)
		}
		for {
			g, err := r.Next()
			if err == io.EOF {
				break
			} else if err != nil {
				return
			}
			lane := 0
			for i, l := range r.Header().Lanes {
				if l == g.Lane {
					lane = i
				}
			}
			var leaves merkle.Leaves
			for i := range g.Len() {
				leaves.Append(g.Leaf(i))
			}
			if err := errors.Join(w.Begin(g.Round, lane, g.Len(), g.First().Append(nil)), w.Append(&leaves)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), data) {
			t.Error("accepted, but written otherwise")
		}
	})
}
