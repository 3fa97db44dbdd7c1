package check

import (
	"context"
	"encoding/hex"
	"slices"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/transfer"
)

// An Event is one of the filings that a record or the bundle of a document holds.
type Event struct {
	Kind    string  `json:"kind"`              // "filed", "answer" or "transfer"
	Basis   string  `json:"basis"`             // what vouches for its time, as the reasons of a proof; "NA" for nothing, "FAIL" if its proof is false
	Time    string  `json:"time,omitempty"`    // this and what follows are what the proof says
	Agency  string  `json:"agency,omitempty"`  // who filed
	Server  string  `json:"server,omitempty"`  // where
	Receipt string  `json:"receipt,omitempty"` // of the filing
	Status  string  `json:"status,omitempty"`  // what was answered; empty for nothing but that the submission came in
	From    *Holder `json:"from,omitempty"`    // who gave, of a transfer
	To      *Holder `json:"to,omitempty"`      // who got
	Vault   string  `json:"vault,omitempty"`   // agency that keeps it for him
	At      string  `json:"at,omitempty"`      // name of the vault's ledger
}

// A Holder is who has a document.
type Holder struct {
	Name   string `json:"name"`   // empty for one whose name was left out
	Digest string `json:"digest"` // the first digits of what stands for the name
}

// A Fault is what is wrong with a chain.
type Fault struct {
	Kind     string `json:"kind"`     // as in package transfer
	Sentence string `json:"sentence"` // in English, for experts
}

// strict are what the proofs of a record or a bundle are verified against: a publication string that the user gave is all that
// is believed, of each of them.
func (c *Checker) strict() ksi.Options {
	o := c.options()
	if o.Publication != nil {
		o.Certificates, o.PublicationsFile = nil, nil
	}
	return o
}

// keyGiven stands for a calendar key whose certificate the user gave.
const keyGiven = "key-given"

// vouched says what vouches for the time of a proof.
func (c *Checker) vouched(result *ksi.Result, s *ksi.Signature) string {
	switch {
	case result.Verdict != ksi.OK:
		return result.Verdict.String()
	case result.Policy == ksi.KeyBased && c.given(s.CertificateID()):
		return keyGiven
	}
	return result.Policy.String()
}

func event(kind, basis string, f *receipt.Filing) Event {
	e := Event{Kind: kind, Basis: basis}
	if f.Server != "" {
		e.Time, e.Agency, e.Server, e.Receipt = moment(f.Round), plain.Text(f.Agency), plain.Text(f.Server), plain.Text(f.Name.String())
	}
	return e
}

// finishRecord says what was found about a record.
func (c *Checker) finishRecord(ctx context.Context, o ksi.Options, r *Report) {
	verdict, findings := c.record.Verify(ctx, o)
	r.Verdict, r.Receipt = verdict.String(), plain.Text(c.record.Name.String())
	for i, f := range findings {
		if i == 0 {
			r.Events = append(r.Events, event("filed", c.vouched(&f.Result, c.record.Signature), &c.record.Filing))
			c.published(r, &f.Result)
		} else {
			counter := c.record.Counters[i-1]
			e := event("answer", c.vouched(&f.Result, counter.Signature), &counter.Filing)
			e.Status = plain.Text(counter.Status)
			r.Events = append(r.Events, e)
		}
		if r.Sentence == "" && f.Result.Verdict == verdict && verdict != ksi.OK {
			r.Sentence, r.Code = f.Receipt+": "+f.Result.Sentence, string(f.Result.Code)
			if r.Reason = "answer"; i == 0 {
				r.Reason = reason(f.Result.Code)
			}
		}
	}
	c.several(r, verdict, o.Document != nil)
}

// finishChain says what was found about the bundle of a document.
func (c *Checker) finishChain(ctx context.Context, o ksi.Options, r *Report) {
	found := c.chain.Verify(ctx, o)
	r.Verdict = found.Verdict.String()
	for i := range found.Steps {
		s := &found.Steps[i]
		if s.Transfer == nil {
			r.Events = append(r.Events, event("filed", c.vouched(&s.Result, c.chain.Proof), &s.Filing))
			c.published(r, &s.Result)
			if r.Reason = "broken-chain"; s.Result.Verdict == ksi.FAIL {
				r.Reason, r.Code = reason(s.Result.Code), string(s.Result.Code)
			}
			continue
		}
		e := event("transfer", c.vouched(&s.Result, s.Transfer.Signature), &s.Filing)
		e.From, e.To, e.Vault, e.At = holder(&s.Transfer.From), holder(&s.Transfer.To), plain.Text(s.Transfer.Vault.Agency), plain.Text(s.Transfer.Vault.Server)
		r.Events = append(r.Events, e)
	}
	for _, f := range found.Faults {
		r.Faults = append(r.Faults, Fault{string(f.Kind), f.Sentence})
	}
	if found.Holder != nil {
		r.Holder = holder(found.Holder)
	}
	c.several(r, found.Verdict, o.Document != nil)
}

// several gives the reason for a verdict on several proofs that is not FAIL.
func (c *Checker) several(r *Report, verdict ksi.Verdict, compared bool) {
	r.Given = verdict == ksi.OK && slices.ContainsFunc(r.Events, func(e Event) bool { return e.Basis == keyGiven })
	switch {
	case verdict == ksi.NA && c.publication != nil:
		r.Reason = "several-publication"
	case verdict == ksi.NA:
		r.Reason = "several-time"
	case verdict == ksi.OK && compared:
		r.Reason = r.Kind
	case verdict == ksi.OK:
		r.Reason = r.Kind + "-alone"
	}
}

func holder(h *transfer.Holder) *Holder {
	d := h.Digest()
	return &Holder{plain.Text(h.Name), hex.EncodeToString(d[:4])}
}

// Reference says what the code on a printed receipt names, which nothing vouches for: the record has the proofs.
func (c *Checker) Reference(text string) *Report {
	ref, err := receipt.ParseReference(text)
	if err != nil {
		return &Report{Verdict: ksi.NA.String(), Reason: "reference-format", Sentence: err.Error()}
	}
	return &Report{Verdict: ksi.NA.String(), Reason: "reference", Receipt: ref.Name.String(), Document: imprintText(ref.Leaf)}
}
