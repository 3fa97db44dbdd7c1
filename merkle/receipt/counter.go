package receipt

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
	"github.com/jurat-ledger/jurat/merkle/internal/printable"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// The statuses that a server looks for by itself, besides none. Others are found by who knows them.
const (
	Accepted = "accepted"
	Rejected = "rejected"
)

// MaxStatus is the length of the longest status in bytes.
const MaxStatus = 200

// An Answer is what a counter-receipt says.
type Answer struct {
	First  string // the receipt that it answers
	Digest []byte // of the first leaf
	Agency string // who answers
	Status string // empty for none
}

// Check returns why a cannot be filed.
func (a *Answer) Check() error {
	if _, err := ParseName(a.First); err != nil {
		return err
	}
	if n := len(a.Digest); n < 20 || n > 64 {
		return fmt.Errorf("a digest has 20 to 64 bytes, this one has %d", n)
	}
	if err := printable.Check("agency", a.Agency, merkle.MaxID); err != nil {
		return err
	}
	if strings.Contains(a.Agency, "/") {
		return fmt.Errorf("agency %q: a name without '/'", a.Agency)
	}
	if a.Status == "" {
		return nil
	}
	return printable.Check("status", a.Status, MaxStatus)
}

// Leaf returns the hash to file, of an answer for which Check has no error.
func (a *Answer) Leaf() merkle.Digest { return sha256.Sum256(a.encode()) }

func (a *Answer) encode() []byte {
	v := cbor.List(cbor.String("jurat counter-receipt"), cbor.String(a.First), cbor.Blob(a.Digest), cbor.String(a.Agency), cbor.Value{})
	if a.Status != "" {
		v.Items[4] = cbor.String(a.Status)
	}
	return v.Append(nil)
}

// Leaves returns what to file for an answer, in one request: the leaf without a status, and the one with it, if it has one.
func (a *Answer) Leaves() []merkle.Digest {
	plain := *a
	plain.Status = ""
	if a.Status == "" {
		return []merkle.Digest{plain.Leaf()}
	}
	return []merkle.Digest{plain.Leaf(), a.Leaf()}
}

// A Counter is a counter-receipt with its proof.
type Counter struct {
	Filing
	Status    string
	Signature *ksi.Signature
}

// NewCounter makes the counter-receipt of a proof. It is an error unless the proof is that of an answer to first with this status, by
// the agency that it names.
func NewCounter(first *Filing, status string, proof *ksi.Signature) (*Counter, error) {
	f, err := FilingOf(proof)
	if err != nil {
		return nil, fmt.Errorf("counter-receipt: %w", err)
	}
	a := Answer{First: first.String(), Digest: first.Leaf.Digest(), Agency: f.Agency, Status: status}
	if err := a.Check(); err != nil {
		return nil, fmt.Errorf("counter-receipt %s: %w", f, err)
	}
	if leaf := a.Leaf(); leaf.Imprint() != f.Leaf {
		return nil, fmt.Errorf("counter-receipt %s: %s did not answer %s with it%s: that would be the hash %s", f, f.Agency, first, saying(status), leaf)
	}
	if f.Round < first.Round {
		return nil, fmt.Errorf("counter-receipt %s: it is from before what it answers, %s", f, first)
	}
	return &Counter{f, status, proof}, nil
}

func saying(status string) string {
	if status == "" {
		return ""
	}
	return fmt.Sprintf(" and the status %q", status)
}

// A Finding is what is to be said of one proof of a record.
type Finding struct {
	Receipt string
	Result  ksi.Result
}

// Verify verifies the proofs of a record by o, whose Document is that of the filing. The verdict is OK if all hold, FAIL if one does
// not, and NA if something is missing for one; the findings come in the order of the record.
func (r *Record) Verify(ctx context.Context, o ksi.Options) (verdict ksi.Verdict, findings []Finding) {
	add := func(name Name, s *ksi.Signature) {
		result := ksi.VerifyOneOf(ctx, s, &o)
		findings = append(findings, Finding{name.String(), result})
		if verdict != ksi.FAIL && result.Verdict != ksi.OK {
			verdict = result.Verdict
		}
		o.Document = nil
	}
	add(r.Name, r.Signature)
	for _, c := range r.Counters {
		add(c.Name, c.Signature)
	}
	return verdict, findings
}
