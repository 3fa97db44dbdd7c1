package transfer_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/transfer"
)

// TestManual demands that docs/transfer.md shows the worked example as it is.
func TestManual(t *testing.T) {
	bundle := build(t, nil)
	f := bundle.Filing()
	c := transfer.Content{Proof: bundle.Digest(), From: holder(t, "ministry"), To: holder(t, "Marie Dupont"), Vault: home}
	text := hex.EncodeToString(transfer.Encode(&c))
	var b strings.Builder
	fmt.Fprintf(&b, "```\nledger      %s\nreceipt     %s\ndocument    %s\nround root  %s\nproof       %s\n\n", f.Server, f.Name, f.Leaf, f.Root, c.Proof)
	for _, h := range []transfer.Holder{c.From, c.To} {
		d := h.Digest()
		fmt.Fprintf(&b, "holder      %s  %q, salt %q\n", d, h.Name, h.Salt[:])
	}
	b.WriteString("\n")
	for ; len(text) > 96; text = text[96:] {
		fmt.Fprintln(&b, text[:96])
	}
	fmt.Fprintf(&b, "%s\n\nleaf        %s\n```\n", text, c.Leaf())
	merkletest.Manual(t, "../../docs/transfer.md", b.String(), *rewrite)
}
