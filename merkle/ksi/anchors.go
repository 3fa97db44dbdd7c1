package ksi

import (
	"bytes"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// keyRules are the rules that KeyBased adds to those of Internal.
var keyRules = []rule{
	{"calendar chain present", (*verification).needCalendar},
	{"calendar algorithms trusted", (*verification).needTrustedCalendar},
	{"authentication record present", func(v *verification) *fault {
		if v.authentication == nil {
			return missing("it is not signed by a calendar key")
		}
		return nil
	}},
	{"certificate known", (*verification).findCertificate},
	{"certificate valid", func(v *verification) *fault {
		t, cert := v.Time().Time(), v.certificate.X509
		return unless(!t.Before(cert.NotBefore) && !t.After(cert.NotAfter), KEY03)
	}},
	{"calendar key signature", (*verification).checkKeySignature},
}

// userPublicationRules are the rules that UserPublication adds to those of Internal, userPublicationWays how it goes on.
var (
	userPublicationRules = []rule{
		{"publication given", func(v *verification) *fault {
			if v.Publication == nil {
				return missing("no publication was given to check it with")
			}
			p := *v.Publication
			v.basis = &p
			return nil
		}},
		{"publication of the ledger", func(v *verification) *fault {
			if v.publicationOf != "" && v.Ledger() != v.publicationOf {
				return missing("the publication confirmed a proof of %q before, this one says that it is of %q, and a calendar is that of one ledger", v.publicationOf, v.Ledger())
			}
			return nil
		}},
	}
	userPublicationWays = []way{
		{func(v *verification) bool { return v.publication != nil && v.publication.Time == v.basis.Time }, []rule{
			{"publication given and in the signature", func(v *verification) *fault {
				return unless(v.publication.Root == v.basis.Root, PUB04)
			}},
			{"calendar algorithms trusted", (*verification).needTrustedCalendar},
		}},
		{always, extensionRules},
	}
)

// publicationsFileRules are the rules that PublicationsFileBased adds to those of Internal, publicationsFileWays how it
// goes on.
var (
	publicationsFileRules = []rule{
		{"publications file given", func(v *verification) *fault {
			if v.PublicationsFile == nil {
				return missing("no publications file was given to check it with")
			}
			return nil
		}},
		{"publications file of the ledger", func(v *verification) *fault {
			if v.allNamed && !v.PublicationsFile.of(v.Ledger()) {
				return missing("the publications file holds no certificate of a calendar key of %q, whose the proof says that it is", v.Ledger())
			}
			return nil
		}},
	}
	publicationsFileWays = []way{
		{(*verification).publishedInFile, []rule{
			{"publication in the file and in the signature", func(v *verification) *fault {
				return unless(v.publication.Root == v.basis.Root, PUB05)
			}},
			{"calendar algorithms trusted", (*verification).needTrustedCalendar},
		}},
		{always, slices.Concat([]rule{
			{"calendar chain present", (*verification).needCalendar},
			{"publication in the file", (*verification).findPublication},
		}, extensionRules)},
	}
)

// extensionRules check the signature against the publication v.basis, which it is not extended to, by a calendar chain
// that an extender gives.
var extensionRules = []rule{
	{"publication not before the signature", func(v *verification) *fault {
		if v.basis.Time < v.Time() {
			return missing("the publication of %s is older than the document's filing at %s: it takes a later one",
				v.basis.Time, v.Time())
		}
		return nil
	}},
	{"extending permitted", func(v *verification) *fault {
		switch {
		case v.Extender != nil:
			return nil
		case v.publication != nil:
			return missing("it rests on the publication of %s, not on that of %s, and no extender was given to change that", v.publication.Time, v.basis.Time)
		}
		return missing("it has not been extended to the publication of %s, and no extender was given to do so", v.basis.Time)
	}},
	{"extender", func(v *verification) *fault { return v.askExtender(v.basis.Time) }},
	{"extended calendar algorithms trusted", func(v *verification) *fault {
		if v.extended.leftLinks(deprecated) {
			return missing("the calendar up to the publication of %s uses a hash algorithm that is no longer trusted", v.basis.Time)
		}
		return nil
	}},
	{"extended calendar root", func(v *verification) *fault {
		return v.unlessExtendedRoot(v.basis.Root, PUB01)
	}},
	{"extended calendar times", func(v *verification) *fault {
		return unless(v.extended.publication == v.basis.Time && v.extendedFromSignature(), PUB02)
	}},
	{"extended calendar input", func(v *verification) *fault {
		return unless(v.extended.input == v.aggregationRoot, PUB03)
	}},
}

// calendarRules are the rules that CalendarBased adds to those of Internal. The calendar is asked for the chain that the
// signature has, or for one to its newest root if the signature has none.
var calendarRules = []rule{
	{"extender given", func(v *verification) *fault {
		if v.Extender == nil {
			return missing("no extender was given to look the time up in the calendar")
		}
		return nil
	}},
	{"extender", func(v *verification) *fault {
		if v.calendar == nil {
			return v.askExtender(0)
		}
		return v.askExtender(v.calendar.publication)
	}},
	{"calendar chain of the time asked for", func(v *verification) *fault {
		if v.calendar != nil && v.extended.publication != v.calendar.publication {
			return missing("the calendar was asked for its root as of %s and answered with that of %s", v.calendar.publication,
				v.extended.publication)
		}
		return nil
	}},
	{"root in the calendar", func(v *verification) *fault {
		if v.publication == nil {
			return nil
		}
		return v.unlessExtendedRoot(v.calendarRoot, CAL01)
	}},
	{"right links in the calendar", func(v *verification) *fault {
		return unless(v.calendar == nil || v.publication != nil || v.calendar.sameRightLinks(v.extended), CAL04)
	}},
	{"input in the calendar", func(v *verification) *fault {
		return unless(v.extended.input == v.aggregationRoot, CAL02)
	}},
	{"time in the calendar", func(v *verification) *fault { return unless(v.extendedFromSignature(), CAL03) }},
}

func always(*verification) bool { return true }

func (v *verification) needCalendar() *fault {
	if v.calendar == nil {
		return missing("it does not reach the calendar")
	}
	return nil
}

func (v *verification) needTrustedCalendar() *fault {
	if v.calendar.leftLinks(deprecated) {
		return missing("its calendar part uses a hash algorithm that is no longer trusted")
	}
	return nil
}

func (v *verification) findCertificate() *fault {
	known, named := v.Certificates, v.Named
	if v.PublicationsFile != nil {
		known = slices.Concat(known, v.PublicationsFile.certificates)
	}
	if v.allNamed {
		known, named = nil, slices.Concat(named, known)
	}
	ledger, other := v.Ledger(), ""
	for _, c := range named {
		if c.Of(ledger) {
			known = append(slices.Clip(known), c)
		} else if bytes.Equal(c.ID, v.authentication.certificateID) {
			other = c.X509.Subject.CommonName
		}
	}
	for i := range known { // ids are short: several may have the same
		if c := &known[i]; bytes.Equal(c.ID, v.authentication.certificateID) && (v.certificate == nil || v.isSignedBy(c)) {
			v.certificate = c
		}
	}
	switch {
	case v.certificate != nil:
		return nil
	case other != "" && ledger == "":
		return missing("the calendar key %x is known as that of %q alone, and the proof names no ledger", v.authentication.certificateID, other)
	case other != "":
		return missing("the calendar key %x is known as that of %q alone, and the proof says that it is of %q", v.authentication.certificateID, other, ledger)
	}
	return missing("the certificate %x of the calendar key is not among those given", v.authentication.certificateID)
}

func (v *verification) isSignedBy(c *Certificate) bool {
	r := v.authentication
	a, ok := signatureAlgorithms[r.signatureType]
	return ok && c.X509.CheckSignature(a, r.signed, r.signature) == nil
}

func (v *verification) checkKeySignature() *fault { return unless(v.isSignedBy(v.certificate), KEY02) }

// publishedInFile reports whether the file has a publication of the second that the signature is extended to. It is the
// one to check against then.
func (v *verification) publishedInFile() bool {
	if v.publication == nil {
		return false
	}
	r, ok := v.PublicationsFile.At(v.publication.Time)
	if ok {
		v.basis = &r.Publication
	}
	return ok
}

// findPublication finds the publication that the signature can be extended to soonest.
func (v *verification) findPublication() *fault {
	r, ok := v.PublicationsFile.NotBefore(v.Time())
	if !ok {
		return missing("the publications file has no publication of %s or later", v.Time())
	}
	v.basis = &r.Publication
	return nil
}

// askExtender gets the chain from the signature's round to the calendar root as of second to, 0 for the newest.
func (v *verification) askExtender(to calendar.Second) *fault {
	c, err := v.extend(to)
	switch {
	case err != nil:
		return missing("the extender gave no calendar chain: %v", err)
	case c == nil:
		return missing("the extender gave no calendar chain")
	}
	v.extended = c
	return nil
}

// unlessExtendedRoot returns a fault with the code unless the extender's chain leads to the root.
func (v *verification) unlessExtendedRoot(root merkle.Imprint, code Code) *fault {
	got, err := v.extended.root()
	if err != nil {
		return uncomputed(err)
	}
	return unless(got == root, code)
}

// extendedFromSignature reports whether the extender's chain starts at the signature's second, by what it claims and by
// its directions.
func (v *verification) extendedFromSignature() bool {
	t, err := v.extended.Time()
	return err == nil && t == v.Time()
}

// leftLinks reports whether a left link has a sibling whose algorithm is in the given state at the publication time.
// Right links are as old as the signature itself and their algorithm is what it was then.
func (c *CalendarChain) leftLinks(state func(merkle.Algorithm, calendar.Second) bool) bool {
	return slices.ContainsFunc(c.links, func(l calendarLink) bool {
		return l.left && state(l.sibling.Algorithm(), c.publication)
	})
}
