package check

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// TestStatusNotDisplaced: a list without proofs that claims to speak of a later second does not take the place of one that shows a
// revocation, whichever came first and before the page knew any certificate.
func TestStatusNotDisplaced(t *testing.T) {
	const dir = "../../merkle/seal/testdata/"
	read := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile(dir + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var vectors struct{ Vectors []struct{ Name, Text string } }
	if err := json.Unmarshal(read("vectors.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, v := range vectors.Vectors {
		if v.Name == "revoked, immediate" {
			text = v.Text
		}
	}
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
	for _, lists := range [][][]byte{{read("status-revoked.bundle"), empty.Bytes()}, {empty.Bytes(), read("status-revoked.bundle")}} {
		c := New(time.Now)
		for _, l := range lists {
			if err := c.AddStatus(l); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.AddCertificates(read("calendar.crt")); err != nil {
			t.Fatal(err)
		}
		r, err := c.Seal(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		var report struct{ Verdict seal.Verdict }
		if err := json.Unmarshal(r.Report, &report); err != nil || report.Verdict != seal.Revoked {
			t.Errorf("%s, %v", report.Verdict, err)
		}
	}
}

// TestContradiction: landmarks that are not those that were published say nothing about a seal.
func TestContradiction(t *testing.T) {
	const dir = "../../merkle/seal/testdata/"
	data, err := os.ReadFile(dir + "vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Vectors []struct{ Name, Text string } }
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	landmarks, err := os.ReadFile(dir + "landmarks.bin")
	if err != nil {
		t.Fatal(err)
	}
	second, err := calendar.ParseSecond("2026-11-22T01:25:30Z") // that of the publication of the vectors
	if err != nil {
		t.Fatal(err)
	}
	c := New(time.Now)
	if err := c.SetLandmarks(landmarks); err != nil {
		t.Fatal(err)
	}
	other := ksi.Publication{Time: second, Root: merkle.Digest{1}.Imprint()}
	if _, err := c.SetPublication(other.String()); err != nil {
		t.Fatal(err)
	}
	r, err := c.Seal(t.Context(), vectors.Vectors[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Verdict seal.Verdict }
	if err := json.Unmarshal(r.Report, &report); err != nil || report.Verdict != seal.CannotTell {
		t.Errorf("%s, %v", report.Verdict, err)
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
