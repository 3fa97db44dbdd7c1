package ksi

import (
	"context"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
)

// A Verdict is the outcome of a verification.
type Verdict uint8

// The verdicts. Everything but OK means: do not rely on the signature.
const (
	OK   Verdict = iota // proven under the policy
	FAIL                // disproven
	NA                  // inconclusive: something needed for an answer is missing
)

// String returns "OK", "FAIL" or "NA".
func (v Verdict) String() string { return [...]string{"OK", "FAIL", "NA"}[v] }

// A Policy says what a signature is checked against. Every policy starts with all rules of Internal.
type Policy uint8

// The policies.
const (
	// Internal checks that the signature fits the document and is consistent in itself. Nobody vouches for the time.
	Internal Policy = iota
	// KeyBased checks the calendar root by the signature of the calendar key. It needs Options.Certificates.
	KeyBased
	// UserPublication checks the calendar root by a publication that the caller trusts. It needs Options.Publication
	// and no key at all, and a signature that is extended to this publication.
	UserPublication
)

// String returns the name of the policy: "internal", "key-based" or "user-publication".
func (p Policy) String() string { return policies[p].name }

// Options say what a signature is verified against.
type Options struct {
	Policy Policy

	// Document is the imprint of the document in hand; nil leaves the document out of the verification, and then the
	// verdict is about the imprint in the signature alone.
	Document *merkle.Imprint
	// InputLevel is the height of the tree whose root Document is, 0 for a plain document.
	InputLevel merkle.Level

	// Certificates are the calendar certificates that the caller trusts, for KeyBased.
	Certificates []Certificate
	// Publication is the publication that the caller trusts, for UserPublication.
	Publication *Publication
}

// A Result is what Verify finds.
type Result struct {
	Verdict Verdict
	Code    Code   // empty if Verdict is OK
	Rule    string // name of the rule that decided; empty if Verdict is OK
	// Sentence says the outcome in plain English.
	Sentence string
}

// String returns r on one line: "FAIL GEN-01: …".
func (r Result) String() string {
	if r.Verdict == OK {
		return "OK: " + r.Sentence
	}
	return fmt.Sprintf("%s %s: %s", r.Verdict, r.Code, r.Sentence)
}

// A rule is one check. It returns nil if the signature passes.
type rule struct {
	name  string
	check func(*verification) *fault
}

// A fault says why a rule is not met. Its code decides whether it is a FAIL or, with GEN-02 alone, an NA.
type fault struct {
	code   Code
	reason string // for GEN-02: what is missing; otherwise empty, the code has its sentence
}

// A policy is a list of rules that follow those of Internal, and the sentence for a signature that passes them all.
type policy struct {
	name  string
	rules []rule
	ok    func(*verification) string
}

var policies = [...]policy{
	Internal:        {"internal", nil, (*verification).consistent},
	KeyBased:        {"key-based", keyRules, (*verification).vouchedByKey},
	UserPublication: {"user-publication", userPublicationRules, (*verification).vouchedByPublication},
}

// A verification is one run of Verify. Rules leave here what later rules build on.
type verification struct {
	*Signature
	Options
	aggregationRoot merkle.Imprint // set by the rule "aggregation chains"
	calendarRoot    merkle.Imprint // set by the rule "calendar root"; zero without a calendar chain
	certificate     *Certificate   // set by the rule "certificate known"
}

// Verify checks s by the rules of the policy in their order. The first rule that is not met ends the verification. ctx is
// for the extender, if the policy asks one.
func Verify(ctx context.Context, s *Signature, o Options) Result {
	if int(o.Policy) >= len(policies) {
		panic(fmt.Sprintf("ksi: no policy %d", o.Policy))
	}
	v := &verification{Signature: s, Options: o}
	p := &policies[o.Policy]
	for _, rules := range [][]rule{internalRules, p.rules} {
		for _, r := range rules {
			if f := r.check(v); f != nil {
				return v.result(r.name, f)
			}
		}
	}
	return Result{Verdict: OK, Sentence: p.ok(v)}
}

func (v *verification) result(rule string, f *fault) Result {
	if f.code == GEN02 {
		return Result{Verdict: NA, Code: f.code, Rule: rule, Sentence: "The proof could not be checked: " + f.reason + "."}
	}
	return Result{Verdict: FAIL, Code: f.code, Rule: rule, Sentence: f.code.Sentence()}
}

// unless returns a fault with the code if the condition does not hold.
func unless(holds bool, code Code) *fault {
	if holds {
		return nil
	}
	return &fault{code: code}
}

// missing returns the fault of an inconclusive check.
func missing(format string, args ...any) *fault {
	return &fault{code: GEN02, reason: fmt.Sprintf(format, args...)}
}

func (v *verification) subject() string {
	if v.Document != nil {
		return "The document"
	}
	return "A document with this hash"
}

func (v *verification) consistent() string {
	return fmt.Sprintf("%s fits the proof, which is consistent in itself and gives the time %s; "+
		"who vouches for this time was not checked.", v.subject(), v.Time())
}

func (v *verification) vouchedByKey() string {
	return fmt.Sprintf("%s existed at %s; this is confirmed by the calendar key of %s.",
		v.subject(), v.Time(), v.certificate.X509.Subject)
}

func (v *verification) vouchedByPublication() string {
	return fmt.Sprintf("%s existed at %s; this is confirmed by the publication of %s.",
		v.subject(), v.Time(), v.publication.Time)
}
