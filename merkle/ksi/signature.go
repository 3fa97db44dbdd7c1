package ksi

import (
	"slices"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A Signature is a KSI signature. It comes from Parse or Build and never changes after: it may be used from many
// goroutines at once. That a Signature exists says that its form is right; what it proves, Verify says.
type Signature struct {
	raw      []byte             // the whole 0x800 element; everything below points into it
	chains   []aggregationChain // longest index list first, so from the document to the calendar; never empty
	calendar *CalendarChain     // nil if absent
	// At most one of the two below is present, and only with a calendar chain.
	publication    *PublicationRecord
	authentication *authenticationRecord
	rfc3161        *rfc3161Record // nil if absent
}

// An aggregationChain is the element 0x801.
type aggregationChain struct {
	offset    int // of the element in raw
	time      calendar.Second
	index     []uint64 // from the topmost chain to this one; never empty
	input     merkle.Imprint
	algorithm merkle.Algorithm
	links     []link // from leaf to root; never empty
}

// A link is one step of an aggregation chain, the element 0x07 or 0x08.
type link struct {
	offset     int
	left       bool  // our node is the left operand, the sibling stands on the right
	correction uint8 // levels skipped below this link
	kind       SiblingKind
	sibling    []byte    // as it enters the hash: the imprint, the legacy id or the value of the metadata
	meta       *metadata // nil if the sibling is a hash
}

// An authenticationRecord is the element 0x805.
type authenticationRecord struct {
	Publication
	signed        []byte // the published data element with its header: what the signature is over
	signatureType string // object identifier with dots
	signature     []byte
	certificateID []byte
	repository    string // empty if absent
}

// An rfc3161Record is the element 0x806.
type rfc3161Record struct {
	time             calendar.Second
	index            []uint64
	input            merkle.Imprint
	tstInfo          attributes
	signedAttributes attributes
}

// Attributes are the bytes around a digest in an RFC 3161 time stamp, and what all of them are hashed with.
type attributes struct {
	prefix, suffix []byte
	algorithm      merkle.Algorithm
}

// Append appends the signature to dst, byte for byte as it was parsed or built.
func (s *Signature) Append(dst []byte) []byte { return append(dst, s.raw...) }

// Time returns the second in which the document was filed, as the first aggregation chain claims it.
func (s *Signature) Time() calendar.Second { return s.chains[0].time }

// InputImprint returns the imprint of the document.
func (s *Signature) InputImprint() merkle.Imprint { return *s.inputImprint() }

func (s *Signature) inputImprint() *merkle.Imprint {
	if s.rfc3161 != nil {
		return &s.rfc3161.input
	}
	return &s.chains[0].input
}

// PublishedData returns the time and the calendar root in the publication record or the calendar authentication
// record. ok is false if the signature has neither.
func (s *Signature) PublishedData() (p Publication, ok bool) {
	switch {
	case s.publication != nil:
		return s.publication.Publication, true
	case s.authentication != nil:
		return s.authentication.Publication, true
	}
	return Publication{}, false
}

// Extended reports whether the signature ends at a publication.
func (s *Signature) Extended() bool { return s.publication != nil }

// PublicationRecord returns the publication record; ok is false if the signature is not extended.
func (s *Signature) PublicationRecord() (r PublicationRecord, ok bool) {
	if s.publication == nil {
		return r, false
	}
	return s.publication.clone(), true
}

// CalendarChain returns the calendar chain, nil if the signature has none.
func (s *Signature) CalendarChain() *CalendarChain { return s.calendar }

// CertificateID returns the id of the certificate that the calendar authentication record is signed with, nil if there
// is no such record.
func (s *Signature) CertificateID() []byte {
	if s.authentication == nil {
		return nil
	}
	return slices.Clone(s.authentication.certificateID)
}

// An Issuer is an identity in a link: who passed on what stands below it.
type Issuer struct {
	Client      string
	Machine     string // empty if absent
	Sequence    uint64 // meaningful only with HasSequence
	HasSequence bool
	RequestTime time.Time // to the microsecond, UTC; the zero time if absent or beyond all times
	Legacy      bool      // a legacy client id, which holds nothing but Client
}

// Issuers returns the identities in the links from the document upwards.
func (s *Signature) Issuers() []Issuer {
	var all []Issuer
	for i := range s.chains {
		for j := range s.chains[i].links {
			if l := &s.chains[i].links[j]; l.kind != SiblingHash {
				all = append(all, l.meta.issuer(l.kind == SiblingLegacyID))
			}
		}
	}
	return all
}

// Ledger returns the name of the ledger that the document was filed with, as the outermost issuer gives it: a machine id is
// the ledger's name, a slash and the lane. It is empty if there is none such.
func (s *Signature) Ledger() string {
	all := s.Issuers()
	if len(all) == 0 {
		return ""
	}
	machine := all[len(all)-1].Machine
	return machine[:max(0, strings.LastIndexByte(machine, '/'))]
}
