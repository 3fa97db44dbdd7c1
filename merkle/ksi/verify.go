package ksi

import (
	"context"
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
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
	// KeyBased checks the calendar root by the signature of the calendar key. It needs Options.Certificates or a
	// publications file with the certificate.
	KeyBased
	// CalendarBased looks the signature's second up in the calendar itself. It needs Options.Extender, which is trusted.
	CalendarBased
	// PublicationsFileBased checks the calendar root by a publication in Options.PublicationsFile. A signature that is
	// not extended to one takes Options.Extender besides, which is not trusted.
	PublicationsFileBased
	// UserPublication checks the calendar root by Options.Publication, a publication that the caller trusts, and needs
	// no key at all. A signature that is not extended to it takes Options.Extender besides, which is not trusted.
	UserPublication
	// General takes the strongest of the others that what is given allows: UserPublication if there is a
	// publication, and then no other; else PublicationsFileBased, and KeyBased if that is inconclusive.
	General
)

// String returns the name of the policy: "internal", "key-based", "calendar-based", "publications-file",
// "user-publication" or "general".
func (p Policy) String() string { return policies[p].name }

// ParsePolicy returns the policy that String calls name. The error lists the names there are.
func ParsePolicy(name string) (Policy, error) {
	var names []string
	for p := range policies {
		if policies[p].name == name {
			return Policy(p), nil
		}
		names = append(names, policies[p].name)
	}
	return 0, fmt.Errorf("no verification policy %.100q: want one of %s", name, strings.Join(names, ", "))
}

// Options say what a signature is verified against.
type Options struct {
	Policy Policy

	// Document is the imprint of the document in hand; nil leaves the document out of the verification, and then the
	// verdict is about the imprint in the signature alone.
	Document *merkle.Imprint
	// InputLevel is the height of the tree whose root Document is, 0 for a plain document.
	InputLevel merkle.Level

	// Certificates are calendar certificates that the caller trusts, for KeyBased and General.
	Certificates []Certificate
	// Named are more of them, each trusted for the proofs of one ledger alone: that whose name is its subject's common name, see
	// Certificate.Of. A proof that names no ledger, as those of other services, does not rest on them.
	Named []Certificate
	// allNamed has all other certificates count as Named.
	allNamed bool
	// Publication is a publication that the caller trusts, for UserPublication and General.
	Publication *Publication
	// publicationOf is the ledger whose calendar Publication is the root of; empty where that is not known.
	publicationOf string
	// PublicationsFile holds publications, and certificates for KeyBased. Verify trusts it: the caller has called
	// Authenticate or trusts it for another reason.
	PublicationsFile *PublicationsFile
	// Extender is asked for calendar chains where the signature's own does not do. Nil permits no extending: Verify
	// then needs nothing but its arguments.
	Extender Extender
}

// A Result is what Verify finds.
type Result struct {
	Verdict Verdict
	Code    Code   // empty if Verdict is OK
	Rule    string // name of the rule that decided; empty if Verdict is OK
	// Sentence says the outcome in plain English.
	Sentence string

	// Policy is the policy asked for; for General the one of its alternatives that decided, General itself if none did.
	Policy Policy
	// Publication is the publication that the signature was checked against, nil if the policy did not get to one.
	Publication *Publication
	// Certificate is that of the calendar key that confirmed the time; nil if it was not a key that did.
	Certificate *Certificate
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
	rule   string // name of the rule; set by whoever runs it
	code   Code
	reason string // for GEN-02: what is missing; otherwise empty, the code has its sentence
}

// A way is how a policy goes on with the signatures that the way is open to.
type way struct {
	open  func(*verification) bool
	rules []rule
}

// A policy is a list of rules that follow those of Internal, ways of which the first open one follows then, and the
// sentence for a signature that passes them all. General has none of these, see general.
type policy struct {
	name  string
	rules []rule
	ways  []way
	ok    func(*verification) string
}

var policies = [...]policy{
	Internal:              {"internal", nil, nil, (*verification).consistent},
	KeyBased:              {"key-based", keyRules, nil, (*verification).vouchedByKey},
	CalendarBased:         {"calendar-based", calendarRules, nil, (*verification).vouchedByCalendar},
	PublicationsFileBased: {"publications-file", publicationsFileRules, publicationsFileWays, (*verification).vouchedByFile},
	UserPublication:       {"user-publication", userPublicationRules, userPublicationWays, (*verification).vouchedByPublication},
	General:               {name: "general"},
}

// A verification is one run of Verify. Rules leave here what later rules build on.
type verification struct {
	*Signature
	Options
	extend          func(to calendar.Second) (*CalendarChain, error) // asks the extender
	aggregationRoot merkle.Imprint                                   // set by the rule "aggregation chains"
	calendarRoot    merkle.Imprint                                   // set by the rule "calendar root"; zero without a calendar chain
	certificate     *Certificate                                     // set by the rule "certificate known"
	basis           *Publication                                     // set by who finds the publication to check against
	extended        *CalendarChain                                   // set by the rule "extender"
}

// Verify checks s by the rules of the policy in their order. The first rule that is not met ends the verification. ctx is
// for the extender, if the policy asks one.
func Verify(ctx context.Context, s *Signature, o Options) Result {
	if int(o.Policy) >= len(policies) {
		panic(fmt.Sprintf("ksi: no policy %d", o.Policy))
	}
	v := &verification{Signature: s, Options: o}
	if o.Extender != nil {
		v.extend = func(to calendar.Second) (*CalendarChain, error) { return o.Extender.Extend(ctx, s.Time(), to) }
	}
	if f := v.check(internalRules); f != nil {
		return v.result(o.Policy, f)
	}
	if o.Policy == General {
		return v.general()
	}
	return v.result(o.Policy, v.under(&policies[o.Policy]))
}

// check returns the fault of the first rule that is not met, nil if there is none.
func (v *verification) check(rules []rule) *fault {
	for i := range rules {
		if f := rules[i].check(v); f != nil {
			f.rule = rules[i].name
			return f
		}
	}
	return nil
}

// under checks the signature by what p adds to Internal.
func (v *verification) under(p *policy) *fault {
	if f := v.check(p.rules); f != nil {
		return f
	}
	for _, w := range p.ways {
		if w.open(v) {
			return v.check(w.rules)
		}
	}
	return nil
}

// general checks the signature by the alternatives of General. One that is inconclusive leaves it to the next.
func (v *verification) general() Result {
	if v.Publication != nil {
		return v.result(UserPublication, v.under(&policies[UserPublication]))
	}
	byFile := v.under(&policies[PublicationsFileBased])
	if byFile == nil || byFile.code != GEN02 {
		return v.result(PublicationsFileBased, byFile)
	}
	v.basis = nil
	byKey := v.under(&policies[KeyBased])
	if byKey == nil || byKey.code != GEN02 {
		return v.result(KeyBased, byKey)
	}
	none := missing("as to publications, %s; as to the calendar key, %s", byFile.reason, byKey.reason)
	none.rule = byKey.rule
	return v.result(General, none)
}

// result is the outcome under policy p, where f was the first fault, nil if there was none.
func (v *verification) result(p Policy, f *fault) Result {
	r := Result{Policy: p, Publication: v.basis}
	switch {
	case f == nil:
		r.Verdict, r.Sentence = OK, policies[p].ok(v)
		if p == KeyBased {
			r.Certificate = v.certificate
		}
		return r
	case f.code == GEN02:
		r.Verdict, r.Sentence = NA, "The proof could not be checked: "+strings.TrimSuffix(f.reason, ".")+"."
	default:
		r.Verdict, r.Sentence = FAIL, f.code.Sentence()
	}
	r.Code, r.Rule = f.code, f.rule
	return r
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
		v.subject(), v.Time(), v.basis.Time)
}

func (v *verification) vouchedByFile() string {
	return fmt.Sprintf("%s existed at %s; this is confirmed by the publication of %s in the publications file.",
		v.subject(), v.Time(), v.basis.Time)
}

func (v *verification) vouchedByCalendar() string {
	return fmt.Sprintf("%s existed at %s; this is confirmed by the calendar that the extender showed.", v.subject(), v.Time())
}
