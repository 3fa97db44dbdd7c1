package transfer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
)

// A Kind is what may be wrong with a chain.
type Kind string

// The kinds.
const (
	FalseProof  Kind = "false proof"  // a proof is disproven, or is none of what it stands beside
	Gap         Kind = "gap"          // the transfer before is not in the bundle
	Fork        Kind = "fork"         // two transfers follow on the same one
	WrongOrder  Kind = "wrong order"  // a transfer is older than the one before
	WrongHolder Kind = "wrong holder" // who gave is not who got, or a vault filed that had no right to
)

// A Fault is one thing that is wrong.
type Fault struct {
	Kind     Kind
	Sentence string
}

// A Step is the issuer's filing or a transfer.
type Step struct {
	Transfer *Transfer      // nil for the issuer's filing
	Filing   receipt.Filing // of the leaf; what the proof says, and only as far as Result is OK
	Result   ksi.Result
}

// A Report is what Verify finds.
type Report struct {
	Verdict ksi.Verdict // OK if the chain is unbroken, NA if something is missing to believe a time, FAIL after a fault
	Steps   []Step      // the issuer's filing, then the transfers, each after the one that it follows on, those behind a gap last
	Faults  []Fault
	// Holder has the document by the last transfer of a chain that is unbroken; nil before any transfer, and after a fault.
	Holder *Holder
	// Vault keeps it: that of the issuer before any transfer.
	Vault Vault
}

// Verify verifies the chain of a bundle and each of its proofs by o, whose Document is that of the document in hand, or nil.
func (b *Bundle) Verify(ctx context.Context, o ksi.Options) *Report {
	c := &check{b: b, r: &Report{Vault: Vault{b.filing.Server, b.filing.Agency}}, filings: make([]receipt.Filing, len(b.Transfers)),
		next: make(map[merkle.Digest][]int)}
	c.proof(ctx, nil, b.Proof, b.filing, &o)
	o.Document = nil
	for i := range b.Transfers {
		t := &b.Transfers[i]
		f, err := receipt.FilingOf(t.Signature)
		leaf := t.Leaf()
		if err == nil && f.Leaf != leaf.Imprint() {
			err = fmt.Errorf("it is the proof of %s, the transfer is %s", f.Leaf, leaf)
		}
		if err != nil {
			c.fault(FalseProof, "The transfer from %s to %s has no proof of its own: %s.", &t.From, &t.To, err)
		}
		c.filings[i] = f
		c.next[previous(t)] = append(c.next[previous(t)], i)
	}
	for _, list := range c.next {
		slices.SortStableFunc(list, func(i, k int) int { return cmp.Compare(c.filings[i].Round, c.filings[k].Round) })
	}
	c.forks()
	c.walk(ctx, &o)
	if c.r.Verdict == ksi.FAIL {
		c.r.Holder, c.r.Vault = nil, Vault{}
	}
	return c.r
}

// previous returns the leaf that a transfer follows on, the zero digest if that is the issuer's filing.
func previous(t *Transfer) merkle.Digest {
	if t.Previous == nil {
		return merkle.Digest{}
	}
	return *t.Previous
}

type check struct {
	b       *Bundle
	r       *Report
	filings []receipt.Filing        // of the transfers
	next    map[merkle.Digest][]int // the transfers that follow on a leaf
}

func (c *check) fault(kind Kind, format string, args ...any) {
	c.r.Verdict = ksi.FAIL
	c.r.Faults = append(c.r.Faults, Fault{kind, fmt.Sprintf(format, args...)})
}

// proof adds a step and verifies its proof.
func (c *check) proof(ctx context.Context, t *Transfer, s *ksi.Signature, f receipt.Filing, o *ksi.Options) {
	result := ksi.VerifyOneOf(ctx, s, o)
	c.r.Steps = append(c.r.Steps, Step{t, f, result})
	switch {
	case result.Verdict == ksi.FAIL && t == nil:
		c.fault(FalseProof, "The document's proof does not hold: %s", result.Sentence)
	case result.Verdict == ksi.FAIL:
		c.fault(FalseProof, "The proof of the transfer from %s to %s does not hold: %s", &t.From, &t.To, result.Sentence)
	case result.Verdict == ksi.NA && c.r.Verdict == ksi.OK:
		c.r.Verdict = ksi.NA
	}
}

// forks names every leaf that several transfers follow on.
func (c *check) forks() {
	for i := range c.b.Transfers {
		list := c.next[previous(&c.b.Transfers[i])]
		if len(list) < 2 || slices.Min(list) != i {
			continue
		}
		var ways []string
		for _, k := range list {
			ways = append(ways, fmt.Sprintf("to %s at %s", &c.b.Transfers[k].To, c.filings[k].Round))
		}
		c.fault(Fork, "%s passed the document on %d times: %s.", &c.b.Transfers[i].From, len(list), strings.Join(ways, ", "))
	}
}

// walk goes from the issuer's filing along all transfers, and then from those whose predecessor is not there.
func (c *check) walk(ctx context.Context, o *ksi.Options) {
	starts := slices.Clone(c.next[merkle.Digest{}])
	for i := range c.b.Transfers {
		t := &c.b.Transfers[i]
		if _, ok := c.b.leaves[previous(t)]; ok || t.Previous == nil {
			continue
		}
		c.fault(Gap, "A transfer is missing before the one from %s to %s at %s: it would be %s.", &t.From, &t.To, c.filings[i].Round, t.Previous)
		starts = append(starts, i)
	}
	slices.Reverse(starts)
	for stack := starts; len(stack) > 0; {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		t := &c.b.Transfers[i]
		c.proof(ctx, t, t.Signature, c.filings[i], o)
		c.follows(i)
		c.r.Holder, c.r.Vault = &t.To, t.Vault
		after := slices.Clone(c.next[t.Leaf()])
		slices.Reverse(after)
		stack = append(stack, after...)
	}
}

// follows checks a transfer against the one before, or the issuer's filing.
func (c *check) follows(i int) {
	t, f := &c.b.Transfers[i], &c.filings[i]
	before, vault, what := c.b.filing.Round, Vault{c.b.filing.Server, c.b.filing.Agency}, "filing"
	switch k, ok := c.b.leaves[previous(t)]; {
	case ok:
		last := &c.b.Transfers[k]
		before, vault, what = c.filings[k].Round, last.Vault, "transfer to "+last.To.String()
		if last.To.digest != t.From.digest {
			c.fault(WrongHolder, "%s passed the document on at %s, but it was %s who had got it.", &t.From, f.Round, &last.To)
		}
	case t.Previous != nil:
		return // a gap
	case t.From.Name != c.b.filing.Agency:
		c.fault(WrongHolder, "%s passed the document on first, but the issuer is %s.", &t.From, c.b.filing.Agency)
	}
	if f.Server == "" {
		return // it has no proof of its own
	}
	if f.Round < before {
		c.fault(WrongOrder, "The transfer from %s to %s is of %s, earlier than the %s before it, of %s.", &t.From, &t.To, f.Round, what, before)
	}
	if filer := (Vault{f.Server, f.Agency}); filer != vault {
		c.fault(WrongHolder, "The transfer from %s to %s was filed by %s; the document was with %s, who alone may pass it on.", &t.From, &t.To, filer, vault)
	}
}
