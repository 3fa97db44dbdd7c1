package receipt_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/receipt"
)

// TestManual demands that docs/receipt.md shows the worked example as it is.
func TestManual(t *testing.T) {
	d := digest("tax return 2026")
	a := receipt.Answer{First: "2026-11-22T01:15:30Z/jura/main/1", Digest: d[:], Agency: "tax", Status: receipt.Accepted}
	leaves, text := a.Leaves(), hex.EncodeToString(receipt.Encode(&a))
	var b strings.Builder
	b.WriteString("```\n")
	for ; len(text) > 96; text = text[96:] {
		fmt.Fprintln(&b, text[:96])
	}
	name, err := receipt.ParseName(a.First)
	if err != nil {
		t.Fatal(err)
	}
	r := receipt.Reference{Name: name, Leaf: d.Imprint()}
	fmt.Fprintf(&b, "%s\n\nleaf with accepted   %s\nleaf without status  %s\ncode  %s\n```\n", text, leaves[1], leaves[0], r.Text())
	merkletest.Manual(t, "../../docs/receipt.md", b.String(), *rewrite)
}
