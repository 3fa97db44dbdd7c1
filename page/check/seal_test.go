package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// testdata reads a file of package seal's.
func testdata(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../merkle/seal/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// vector returns the seal of a vector of package seal's.
func vector(t *testing.T, name string) string {
	t.Helper()
	var vectors struct{ Vectors []struct{ Name, Text string } }
	if err := json.Unmarshal(testdata(t, "vectors.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors.Vectors {
		if v.Name == name {
			return v.Text
		}
	}
	t.Fatalf("no vector %q", name)
	return ""
}

// verdict returns what c finds of a seal.
func verdict(t *testing.T, c *Checker, text string) (verdict seal.Verdict, given bool) {
	t.Helper()
	r, err := c.Seal(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Verdict seal.Verdict }
	if err := json.Unmarshal(r.Report, &report); err != nil {
		t.Fatal(err)
	}
	return report.Verdict, r.Given
}

// published returns the publication of the vectors.
func published(t *testing.T, c *Checker) ksi.Publication {
	t.Helper()
	second, err := calendar.ParseSecond("2026-11-22T01:25:30Z")
	if err != nil {
		t.Fatal(err)
	}
	return c.landmarks.Root(slices.Index(c.landmarks.Ends(), second))
}

// TestStatusNotDisplaced: a list without proofs that claims to speak of a later second does not take the place of one that shows a
// revocation, whichever came first and before the page knew any certificate.
func TestStatusNotDisplaced(t *testing.T) {
	text := vector(t, "revoked, immediate")
	s, err := seal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var empty bytes.Buffer
	b, err := bundle.NewWriter(&empty, bundle.Header{Server: s.Server, Agency: s.Agency, From: 1, To: calendar.LastWritable, Lanes: []bundle.Lane{{Name: seal.StatusLane}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for _, lists := range [][][]byte{{testdata(t, "status-revoked.bundle"), empty.Bytes()}, {empty.Bytes(), testdata(t, "status-revoked.bundle")}} {
		c := New(time.Now)
		for _, l := range lists {
			if err := c.AddStatus(l); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.AddCertificates(testdata(t, "calendar.crt")); err != nil {
			t.Fatal(err)
		}
		if v, _ := verdict(t, c, text); v != seal.Revoked {
			t.Error(v)
		}
	}
}

// TestStatusGiven: that a seal was revoked, by a list which a key confirms whose certificate the user gave, rests on that certificate, even
// where the seal itself rests on a publication string.
func TestStatusGiven(t *testing.T) {
	text := vector(t, "anchored at a publication")
	s, err := seal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	stranger, revoked, end := ksitest.NewLedger(s.Server, s.Round), seal.StatusLeaf(s.Leaf(), seal.StatusRevoked, nil), seal.StatusEnd()
	var list bytes.Buffer
	b, err := bundle.NewWriter(&list, bundle.Header{Server: s.Server, Agency: s.Agency, From: 1, To: s.Round + 9, Lanes: []bundle.Lane{{Name: seal.StatusLane}}})
	if err != nil {
		t.Fatal(err)
	}
	var leaves merkle.Leaves
	leaves.Append(revoked.Imprint())
	leaves.Append(end.Imprint())
	proof := stranger.File(s.Agency, seal.StatusLane, s.Round+9, 0, revoked, end)
	if err := errors.Join(b.Begin(s.Round+9, 0, 2, proof.Append(nil)), b.Append(&leaves), b.Close()); err != nil {
		t.Fatal(err)
	}
	c := New(time.Now)
	if err := c.SetLandmarks(testdata(t, "landmarks.bin")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetPublication(published(t, c).String()); err != nil {
		t.Fatal(err)
	}
	if v, given := verdict(t, c, text); v != seal.Valid || given {
		t.Errorf("%s, by a certificate given: %t", v, given)
	}
	if err := errors.Join(c.AddStatus(list.Bytes()), c.AddCertificates(stranger.PEM)); err != nil {
		t.Fatal(err)
	}
	if v, given := verdict(t, c, text); v != seal.Revoked || !given {
		t.Errorf("%s, by a certificate given: %t", v, given)
	}
}

// TestContradiction: landmarks that are not those that were published say nothing about a seal.
func TestContradiction(t *testing.T) {
	c := New(time.Now)
	if err := c.SetLandmarks(testdata(t, "landmarks.bin")); err != nil {
		t.Fatal(err)
	}
	other := published(t, c)
	other.Root = merkle.Digest{1}.Imprint()
	if _, err := c.SetPublication(other.String()); err != nil {
		t.Fatal(err)
	}
	if v, _ := verdict(t, c, vector(t, "anchored at a publication")); v != seal.CannotTell {
		t.Error(v)
	}
}

// TestReferences: what a proof itself says of where its publication was printed is shown to nobody, since no hash covers it.
func TestReferences(t *testing.T) {
	const at calendar.Second = 1795310130
	m := merkle.IssuerMetadata("ledger.example", "canton", "main", 1, int64(at))
	leaf, part := merkle.Digest{1}, &calendar.Part{}
	root := merkle.SlotNode(leaf.Imprint(), m.Append(nil))
	if err := part.Append(at, root); err != nil {
		t.Fatal(err)
	}
	chain, err := calendar.Prove(part, at, at)
	if err != nil {
		t.Fatal(err)
	}
	p := ksi.Publication{Time: at, Root: chain.Root(root).Imprint()}
	c := New(time.Now)
	c.signature, err = ksi.Build(ksi.Parts{Round: at, Leaf: leaf.Imprint(), Chains: []merkle.Chain{{merkle.IssuerLink(m.Append(nil), 0, 1)}},
		CalendarTime: at, Calendar: chain, Notice: &ksi.Notice{References: []string{"Gazette"}}})
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := c.signature.PublicationRecord(); len(r.References) != 1 || c.references(&p) != nil {
		t.Errorf("%q of %q", c.references(&p), r.References)
	}
}
