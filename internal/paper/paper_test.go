package paper

import (
	"bytes"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/internal/qr"
)

// TestSameBytes makes a page three times.
func TestSameBytes(t *testing.T) {
	code, err := qr.Encode("JR1:A")
	if err != nil {
		t.Fatal(err)
	}
	var first []byte
	for range 3 {
		p := New("A page", time.Unix(1795310100, 0).UTC())
		p.Heading("Heading of a page", 5)
		p.Facts([][2]string{{"Name", "value"}, {"Digest", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}}, 32, 6.5, "Digest")
		p.Code(code, 30, 100, 0.5)
		p.Paragraphs([]string{"What it is for.", "    jurat verify letter.pdf"})
		data, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		} else if !bytes.Equal(first, data) {
			t.Error("the same page has other bytes")
		}
	}
}
