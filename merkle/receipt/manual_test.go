package receipt_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/receipt"
)

// TestManual demands that docs/receipt.md shows the worked example as it is.
func TestManual(t *testing.T) {
	const path = "../../docs/receipt.md"
	const from, to = "<!-- example -->\n", "<!-- end of example -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), from)
	was, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the example")
	}
	d := digest("tax return 2026")
	a := receipt.Answer{First: "2026-11-22T01:15:30Z/jura/main/1", Digest: d[:], Agency: "tax", Status: receipt.Accepted}
	leaves, text := a.Leaves(), hex.EncodeToString(receipt.Encode(&a))
	var b strings.Builder
	b.WriteString("```\n")
	for ; len(text) > 96; text = text[96:] {
		fmt.Fprintln(&b, text[:96])
	}
	r := receipt.Reference{Leaf: d.Imprint()}
	if r.Name, err = receipt.ParseName(a.First); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%s\n\nleaf with accepted   %s\nleaf without status  %s\ncode  %s\n```\n", text, leaves[1], leaves[0], r.Text())
	if *rewrite {
		if err := os.WriteFile(path, []byte(before+from+b.String()+to+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if was != b.String() {
		t.Errorf("the example is another (-rewrite updates it):\n%s", b.String())
	}
}
