package check

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
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
