// Package check is what the verification page computes: everything between the bytes that somebody drops on it and what it
// shows. It verifies by package merkle/ksi, so that page and command line give the same verdicts, and it is silent about words:
// a report names reasons by keys, and the page has the words for them in every language.
//
// A Checker holds what is trusted. One verification of a document is Open with the proof, Write with the document piece by
// piece, Finish. In the place of the proof the record of a receipt (package receipt) or the bundle of a document (package
// transfer) may stand, which also say something alone: Alone. One of a printed seal is Seal.
package check

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"time"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/transfer"
)

// Trust is what comes with a page: a publications file and by whom it has to be signed, and for printed seals landmarks and the
// status lists of agencies. The zero Trust is none.
type Trust struct {
	Publications []byte   `json:"publications,omitempty"`
	Roots        string   `json:"roots,omitempty"`       // certificates in PEM that the signer of the file must lead to
	Constraints  []string `json:"constraints,omitempty"` // what must stand in the signer's certificate: E=publications@ledger.example
	Landmarks    []byte   `json:"landmarks,omitempty"`   // file of landmarks
	Status       [][]byte `json:"status,omitempty"`      // status lists
}

// A Checker verifies. The zero Checker trusts nothing.
type Checker struct {
	now          func() time.Time
	trust        ksi.Trust
	file         *ksi.PublicationsFile // that is authentic; nil for none
	certificates []ksi.Certificate     // that the user gave
	publication  *ksi.Publication      // likewise
	landmarks    *landmark.File        // for seals; nil for none
	status       []statusList          // the newest last

	// Of the verification under way.
	signature *ksi.Signature   // of the document
	record    *receipt.Record  // that it is from; nil for none
	chain     *transfer.Bundle // likewise
	document  hash.Hash        // nil if this program has no such hash
}

// New returns a Checker that takes the time from now, for the certificate of who signs publications files.
func New(now func() time.Time) *Checker { return &Checker{now: now} }

// Trusted is what a Checker trusts.
type Trusted struct {
	Publications int    `json:"publications"`      // in the publications file
	Newest       string `json:"newest,omitempty"`  // second of the newest of them
	Created      string `json:"created,omitempty"` // when the file was made; empty if there is none
	Certificates int    `json:"certificates"`      // that the user gave
	Publication  string `json:"publication,omitempty"`
	Landmarks    string `json:"landmarks,omitempty"` // the second that the file of landmarks reaches to; empty if there is none
	Status       int    `json:"status"`              // status lists
}

// Trusted says what c trusts.
func (c *Checker) Trusted() Trusted {
	t := Trusted{Certificates: len(c.certificates), Status: len(c.status)}
	if c.landmarks != nil {
		ends := c.landmarks.Ends()
		t.Landmarks = moment(ends[len(ends)-1])
	}
	if c.publication != nil {
		t.Publication = c.publication.String()
	}
	if c.file != nil {
		t.Publications = len(c.file.Publications())
		t.Created = moment(calendar.Second(c.file.Created()))
		if t.Publications > 0 {
			t.Newest = moment(c.file.Publications()[t.Publications-1].Time)
		}
	}
	return t
}

// SetTrust sets what comes with the page.
func (c *Checker) SetTrust(t Trust) error {
	c.trust = ksi.Trust{Roots: x509.NewCertPool()}
	if t.Roots != "" {
		roots, err := ksi.ParseCertificates([]byte(t.Roots))
		if err != nil {
			return fmt.Errorf("roots: %w", err)
		}
		for _, r := range roots {
			c.trust.Roots.AddCert(r.X509)
		}
	}
	for _, text := range t.Constraints {
		x, err := ksi.ParseConstraint(text)
		if err != nil {
			return err
		}
		c.trust.Constraints = append(c.trust.Constraints, x)
	}
	var errs []error
	if len(t.Publications) > 0 {
		errs = append(errs, c.SetPublications(t.Publications))
	}
	if len(t.Landmarks) > 0 {
		errs = append(errs, c.SetLandmarks(t.Landmarks))
	}
	for _, data := range t.Status {
		errs = append(errs, c.AddStatus(data))
	}
	return errors.Join(errs...)
}

// SetPublications takes another publications file, signed by whom the page trusts. After an error the one before stays.
func (c *Checker) SetPublications(data []byte) error {
	if len(data) > ksi.MaxPublicationsFile {
		return errors.New("a publications file is not that large")
	}
	file, err := ksi.ParsePublicationsFile(data)
	if err != nil {
		return err
	}
	trust := c.trust
	trust.At = c.now()
	if err := file.Authenticate(trust); err != nil {
		return err
	}
	c.file = file
	return nil
}

// AddCertificates takes certificates of calendar keys in PEM, which the user trusts.
func (c *Checker) AddCertificates(text []byte) error {
	all, err := ksi.ParseCertificates(text)
	if err != nil {
		return err
	}
	c.certificates = append(c.certificates, all...)
	return nil
}

// A Publication is what a publication string says, and what the publications file says to it.
type Publication struct {
	Text       string   `json:"text"`
	Time       string   `json:"time,omitempty"`
	Root       string   `json:"root"`
	Known      string   `json:"known"` // "same", "other" or "unknown" to the publications file
	References []string `json:"references,omitempty"`
}

// SetPublication takes a publication string, which the user trusts; the empty one is none. After an error there is none.
func (c *Checker) SetPublication(text string) (*Publication, error) {
	c.publication = nil
	if text == "" {
		return nil, nil
	}
	p, err := ksi.ParsePublication(text)
	if err != nil {
		return nil, err
	}
	c.publication = &p
	out := &Publication{Text: p.String(), Time: moment(p.Time), Root: imprintText(p.Root), Known: "unknown"}
	if c.file != nil {
		if r, ok := c.file.At(p.Time); ok {
			out.Known = "other"
			if r.Publication == p {
				out.Known, out.References = "same", r.References
			}
		}
	}
	return out, nil
}

// HeadSize is how many bytes of a file Kind wants to see.
const HeadSize = 4096

// Kind says what a file seems to be, by its first bytes: "proof", "record" of a receipt, "chain" of a document's holders,
// "publications", "certificate", "landmarks", "status" or "document".
func Kind(head []byte) string {
	switch {
	case len(head) > 1 && head[0] == 0x88 && head[1] == 0x00: // header of every proof
		return "proof"
	case ksi.IsPublicationsFile(head):
		return "publications"
	case bytes.HasPrefix(head, []byte("-----BEGIN CERTIFICATE-----")):
		return "certificate"
	case bytes.HasPrefix(head, []byte("JURATLMK")):
		return "landmarks"
	case bytes.HasPrefix(head, []byte("JURATBDL")):
		return "status"
	case bytes.HasPrefix(head, []byte(transfer.Magic)):
		return "chain"
	case receipt.IsRecord(head):
		return "record"
	}
	return "document"
}

// Open begins a verification by a proof, a record or the bundle of a document. The report is nil if the document is to be written
// next; else it says why none is needed.
func (c *Checker) Open(data []byte) *Report {
	c.signature, c.record, c.chain, c.document = nil, nil, nil, nil
	r, err := c.read(data)
	if err != nil {
		r.Verdict, r.Sentence = ksi.FAIL.String(), err.Error()
		if errors.Is(err, receipt.ErrVersion) || errors.Is(err, transfer.ErrVersion) {
			r.Verdict, r.Reason = ksi.NA.String(), "newer"
		}
		return r
	}
	input := c.signature.InputImprint()
	if h, ok := ksi.Hash(input.Algorithm()); ok {
		c.document = h.New()
		return nil
	}
	r = c.describe()
	r.Verdict, r.Code, r.Reason = ksi.NA.String(), string(ksi.GEN02), "algorithm"
	r.Sentence = "this program cannot compute " + input.Algorithm().String()
	return r
}

// read reads what a verification begins with. The report is for an error.
func (c *Checker) read(data []byte) (r *Report, err error) {
	switch Kind(data[:min(len(data), HeadSize)]) {
	case "record":
		if c.record, err = receipt.Parse(data); err == nil {
			c.signature = c.record.Signature
		}
		if errors.Is(err, receipt.ErrUnread) {
			return &Report{Reason: "record-unread"}, err
		}
		return &Report{Reason: "record-format"}, err
	case "chain":
		if c.chain, err = transfer.Parse(data); err == nil {
			c.signature = c.chain.Proof
		}
		return &Report{Reason: "chain-format"}, err
	}
	c.signature, err = ksi.Parse(data)
	return &Report{Reason: "format", Code: string(ksi.Format)}, err
}

// Write takes the next piece of the document. Open must have returned nil.
func (c *Checker) Write(piece []byte) { c.document.Write(piece) }

// Finish says what was found about the document that was written. Open must have returned nil.
func (c *Checker) Finish(ctx context.Context) *Report {
	input := c.signature.InputImprint()
	imprint, err := merkle.NewImprint(input.Algorithm(), c.document.Sum(nil))
	if err != nil {
		panic("check: " + err.Error()) // the hash is that of the algorithm
	}
	return c.finish(ctx, &imprint)
}

// Alone says what was found about a record or the bundle of a document, without the document. Open must have returned nil.
func (c *Checker) Alone(ctx context.Context) *Report { return c.finish(ctx, nil) }

func (c *Checker) finish(ctx context.Context, document *merkle.Imprint) *Report {
	r := c.describe()
	o := c.strict()
	o.Named, o.Certificates = o.Certificates, nil // that the user gave the certificate of one ledger does not make its key that of another
	if o.Document = document; document != nil {
		r.Document = imprintText(*document)
	}
	switch {
	case c.record != nil:
		c.finishRecord(ctx, o, r)
		return r
	case c.chain != nil:
		c.finishChain(ctx, o, r)
		return r
	}
	result := ksi.Verify(ctx, c.signature, o)
	r.Verdict, r.Code, r.Sentence, r.Policy = result.Verdict.String(), string(result.Code), result.Sentence, result.Policy.String()
	c.published(r, &result)
	switch result.Verdict {
	case ksi.OK:
		r.Reason = c.vouched(&result, c.signature)
		r.Given = r.Reason == keyGiven
	case ksi.FAIL:
		r.Reason = reason(result.Code)
	default:
		r.Reason = c.missing()
		if p, ok := c.signature.PublicationRecord(); ok {
			r.Rests = moment(p.Time)
		}
	}
	return r
}

// published fills in the publication that a result rests on.
func (c *Checker) published(r *Report, result *ksi.Result) {
	if p := result.Publication; p != nil {
		r.PublicationTime, r.PublicationText, r.References = moment(p.Time), p.String(), c.references(p)
	}
}

// given reports whether the certificate of an id is one that the user gave, and not of the publications file too.
func (c *Checker) given(id []byte) bool {
	var known []ksi.Certificate
	if c.file != nil {
		known = c.file.Certificates()
	}
	return slices.ContainsFunc(c.certificates, func(x ksi.Certificate) bool {
		return bytes.Equal(x.ID, id) && !slices.ContainsFunc(known, func(k ksi.Certificate) bool { return k.X509.Equal(x.X509) })
	})
}

// missing says what would help a verification that is inconclusive.
func (c *Checker) missing() string {
	switch {
	case c.publication != nil:
		return "other-publication"
	case c.signature.Extended():
		return "publication"
	}
	return "certificate"
}

// reason groups the codes of proofs that are disproven by what they mean to somebody who is no expert.
func reason(c ksi.Code) string {
	switch c {
	case ksi.GEN01:
		return "changed"
	case ksi.GEN04, ksi.GEN03:
		return "other-hash"
	case ksi.INT11:
		return "identity"
	case ksi.INT13, ksi.INT14, ksi.INT15, ksi.INT16, ksi.INT17:
		return "unsafe-hash"
	case ksi.KEY02:
		return "forged-key"
	case ksi.KEY03:
		return "late-key"
	case ksi.PUB03, ksi.PUB04, ksi.PUB05:
		return "other-calendar"
	}
	return "broken"
}

// references returns where a publication can be looked up, as the publications file says. What a proof itself says of it is under no hash:
// whoever passes it on can write anything there.
func (c *Checker) references(p *ksi.Publication) []string {
	if c.file != nil {
		if r, ok := c.file.At(p.Time); ok && r.Publication == *p {
			references := slices.Clone(r.References)
			for i, text := range references {
				references[i] = plain.Text(text)
			}
			return references
		}
	}
	return nil
}

// A Report is the outcome of a verification.
type Report struct {
	Verdict  string `json:"verdict"` // OK, FAIL or NA
	Code     string `json:"code,omitempty"`
	Reason   string `json:"reason"`   // key of the words for it
	Sentence string `json:"sentence"` // in English, for experts
	Policy   string `json:"policy,omitempty"`
	Document string `json:"document,omitempty"` // imprint of the document in hand

	// What the proof says; to be believed only if Verdict is OK.
	Time    string   `json:"time,omitempty"`
	Agency  string   `json:"agency,omitempty"`
	Lane    string   `json:"lane,omitempty"`
	Claims  []string `json:"claims,omitempty"` // names below the agency's, put there by the agency or its clients
	Claimed string   `json:"claimed,omitempty"`
	Steps   []Step   `json:"steps,omitempty"`

	// Of a record or the bundle of a document; what is above is of the document's own proof then.
	Kind    string  `json:"kind,omitempty"` // "record" or "chain"; empty for a proof
	Receipt string  `json:"receipt,omitempty"`
	Events  []Event `json:"events,omitempty"` // the document's filing first
	Faults  []Fault `json:"faults,omitempty"`
	Holder  *Holder `json:"holder,omitempty"` // who has the document; nil for nobody but the issuer, or if that is not known

	// Given reports whether the verdict rests on a certificate that the user gave.
	Given bool `json:"given,omitempty"`
	// Rests is the second of the publication that the proof names, if that is missing for an answer.
	Rests string `json:"rests,omitempty"`

	PublicationTime string   `json:"publication_time,omitempty"`
	PublicationText string   `json:"publication_text,omitempty"`
	References      []string `json:"references,omitempty"`
}

// A Step is one link on the way from the document to the calendar root.
type Step struct {
	Part    string `json:"part"` // "aggregation" or "calendar"
	Left    bool   `json:"left"` // the way is on the left, the sibling on the right
	Level   int    `json:"level"`
	Sibling string `json:"sibling"`          // imprint, or in hex what stands for it
	Issuer  string `json:"issuer,omitempty"` // who is named in the sibling
	Hash    string `json:"hash"`             // of the node that the step leads to; empty if it cannot be computed
}

// describe returns a report of what the proof says.
func (c *Checker) describe() *Report {
	s := c.signature
	r := &Report{Claimed: imprintText(s.InputImprint()), Time: moment(s.Time())}
	if issuers := s.Issuers(); len(issuers) > 0 {
		last := issuers[len(issuers)-1]
		r.Agency, r.Lane = plain.Text(last.Client), plain.Text(last.Machine)
		for _, i := range issuers[:len(issuers)-1] {
			r.Claims = append(r.Claims, plain.Text(i.Client))
		}
	}
	switch {
	case c.record != nil:
		r.Kind = "record"
	case c.chain != nil:
		r.Kind = "chain"
	}
	for _, l := range s.Links() {
		step := Step{Part: l.Part.String(), Left: l.Left, Level: l.Level, Hash: imprintText(l.Hash)}
		if im, err := merkle.ParseImprint(l.Sibling); err == nil && l.Kind == ksi.SiblingHash {
			step.Sibling = imprintText(im)
		} else {
			step.Sibling = hex.EncodeToString(l.Sibling)
		}
		if l.Issuer != nil {
			step.Issuer = cmp.Or(plain.Text(l.Issuer.Client), "?")
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}

// moment returns a second as RFC 3339 text, the empty string for one beyond the year 9999.
func moment(s calendar.Second) string {
	if s > calendar.LastWritable {
		return ""
	}
	return s.String()
}

// imprintText returns "sha256:" and the digest in hex, the empty string for no imprint.
func imprintText(im merkle.Imprint) string {
	if im.IsZero() {
		return ""
	}
	return im.Algorithm().String() + ":" + hex.EncodeToString(im.Digest())
}
