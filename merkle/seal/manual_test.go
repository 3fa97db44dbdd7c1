package seal_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// TestManual demands that docs/seal.md shows the worked example as it is.
func TestManual(t *testing.T) {
	merkletest.Manual(t, "../../docs/seal.md", workedExample(t), *rewrite)
}

// workedExample writes a seal of a block with two rounds, byte by byte, and the hashes on its way.
func workedExample(t *testing.T) string {
	c := &seal.Content{Fields: fields(t, `{"name": "Marie Dupont", "total": "1240.50"}`), NotAfter: 1797983999}
	copy(c.Salt[:], "0123456789abcdef")
	p, root := file(t, c.Leaf(), round, place{2, 3, 1, 2})
	w := &world{T: t}
	for i, d := range []merkle.Digest{root, digest("round", 1)} {
		if err := w.part.Append(round+20*calendar.Second(i), d); err != nil {
			t.Fatal(err)
		}
	}
	s := w.anchored(p, c)
	var b strings.Builder
	fmt.Fprintf(&b, "```\n%s\n```\n\n```\n", wrap(s.Text(), 100))
	data := s.Append(nil)
	v, err := cbor.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	offset := 0
	line := func(bytes []byte, comment string) {
		for first := true; first || len(bytes) > 0; first = false {
			n := min(len(bytes), 24)
			text := fmt.Sprintf("%3d  %-48s", offset, hex.EncodeToString(bytes[:n]))
			if first {
				text += "  " + comment
			}
			b.WriteString(strings.TrimRight(text, " ") + "\n")
			offset, bytes = offset+n, bytes[n:]
		}
	}
	line(data[:1], "array of 12")
	names := []string{"profile: anchored", "server", "agency", "round: " + round.String(), "sequence number", "", "index", "count",
		"sibling in the lane", "slot", "sibling in the round", "ending: mask, sibling of height 6"}
	for i := range v.Items {
		item := &v.Items[i]
		if i != 5 {
			line(item.Append(nil), names[i])
			continue
		}
		line([]byte{0x80 | byte(len(item.Items))}, "content: array of 4")
		for k, name := range []string{"salt", "fields", "not before: none", "not after: " + c.NotAfter.String()} {
			line(item.Items[k].Append(nil), name)
		}
	}
	b.WriteString("```\n\n```\n")
	fmt.Fprintf(&b, "%-12s%s\n", "leaf", s.Leaf())
	for _, step := range seal.Verify(s, seal.Options{}).Steps {
		fmt.Fprintf(&b, "%-12s%s  level %d\n", step.Part, step.Hash, step.Level)
	}
	fmt.Fprintf(&b, "%-12s%s\n%-12s%s\n```\n", "receipt", s.Receipt(), "check", s.CheckString())
	return b.String()
}

// wrap breaks text into lines.
func wrap(text string, width int) string {
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), "\n")
}
