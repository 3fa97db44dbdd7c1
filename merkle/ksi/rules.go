package ksi

import (
	"bytes"
	"errors"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// internalRules are the rules of Internal. Those about the RFC 3161 record hold if there is none, those about the
// calendar chain likewise, and so on: a part that the format lets a signature do without is not missed here.
var internalRules = []rule{
	{"document algorithm", func(v *verification) *fault {
		return unless(v.Document == nil || v.Document.Algorithm() == v.inputImprint().Algorithm(), GEN04)
	}},
	{"document hash", func(v *verification) *fault {
		return unless(v.Document == nil || *v.Document == *v.inputImprint(), GEN01)
	}},
	{"input level", (*verification).checkInputLevel},
	{"document algorithm in use", func(v *verification) *fault {
		return unless(!deprecated(v.inputImprint().Algorithm(), v.Time()), INT13)
	}},
	{"RFC 3161 algorithms in use", func(v *verification) *fault {
		r := v.rfc3161
		return unless(r == nil ||
			!deprecated(r.tstInfo.algorithm, r.time) && !deprecated(r.signedAttributes.algorithm, r.time), INT14)
	}},
	{"RFC 3161 output algorithm in use", func(v *verification) *fault {
		return unless(v.rfc3161 == nil || !deprecated(v.chains[0].input.Algorithm(), v.rfc3161.time), INT17)
	}},
	{"RFC 3161 chain index", func(v *verification) *fault {
		return unless(v.rfc3161 == nil || slices.Equal(v.rfc3161.index, v.chains[0].index), INT12)
	}},
	{"RFC 3161 time", func(v *verification) *fault {
		return unless(v.rfc3161 == nil || v.rfc3161.time == v.Time(), INT02)
	}},
	{"RFC 3161 output", (*verification).checkRFC3161Output},
	{"metadata", (*verification).checkMetadata},
	{"aggregation algorithms in use", func(v *verification) *fault {
		return unless(!slices.ContainsFunc(v.chains, func(c aggregationChain) bool { return deprecated(c.algorithm, c.time) }),
			INT15)
	}},
	{"chain indices", (*verification).checkIndices},
	{"aggregation times", func(v *verification) *fault {
		return unless(!slices.ContainsFunc(v.chains, func(c aggregationChain) bool { return c.time != v.Time() }), INT02)
	}},
	{"aggregation chains", (*verification).checkChains},
	{"chain shapes", (*verification).checkShapes},
	{"calendar input", func(v *verification) *fault {
		return unless(v.calendar == nil || v.calendar.input == v.aggregationRoot, INT03)
	}},
	{"calendar time", func(v *verification) *fault {
		return unless(v.calendar == nil || v.calendar.aggregation == v.Time(), INT04)
	}},
	{"calendar shape", (*verification).checkCalendarShape},
	{"calendar algorithms in use", func(v *verification) *fault { return unless(!v.leftLinks(obsolete), INT16) }},
	{"calendar root", (*verification).computeCalendarRoot},
	{"publication time", func(v *verification) *fault {
		return unless(v.publication == nil || v.publication.Time == v.calendar.publication, INT07)
	}},
	{"publication root", func(v *verification) *fault {
		return unless(v.publication == nil || v.publication.Root == v.calendarRoot, INT09)
	}},
	{"authentication time", func(v *verification) *fault {
		return unless(v.authentication == nil || v.authentication.Time == v.calendar.publication, INT06)
	}},
	{"authentication root", func(v *verification) *fault {
		return unless(v.authentication == nil || v.authentication.Root == v.calendarRoot, INT08)
	}},
}

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

// userPublicationRules are the rules that UserPublication adds to those of Internal.
var userPublicationRules = []rule{
	{"publication given", func(v *verification) *fault {
		if v.Publication == nil {
			return missing("no publication was given to check it with")
		}
		return nil
	}},
	{"publication of the same time", func(v *verification) *fault {
		if v.publication == nil || v.publication.Time != v.Publication.Time {
			return missing("it has not been extended to the publication of %s", v.Publication.Time)
		}
		return nil
	}},
	{"publication given and in the signature", func(v *verification) *fault {
		return unless(v.publication.Root == v.Publication.Root, PUB04)
	}},
	{"calendar algorithms trusted", (*verification).needTrustedCalendar},
}

func (v *verification) checkInputLevel() *fault {
	most := merkle.Level(v.chains[0].links[0].correction)
	if v.rfc3161 != nil {
		most = 0
	}
	return unless(v.InputLevel <= most, GEN03)
}

func (v *verification) checkRFC3161Output() *fault {
	if v.rfc3161 == nil {
		return nil
	}
	first := v.chains[0].input
	out, err := v.rfc3161.output(first.Algorithm())
	if err != nil {
		return uncomputed(err)
	}
	return unless(out == first, INT01)
}

func (v *verification) checkMetadata() *fault {
	for i := range v.chains {
		for j := range v.chains[i].links {
			if v.chains[i].links[j].meta.mistakable {
				return &fault{code: INT11}
			}
		}
	}
	return nil
}

func (v *verification) checkIndices() *fault {
	for i := 1; i < len(v.chains); i++ {
		below := v.chains[i-1].index
		if !slices.Equal(v.chains[i].index, below[:len(below)-1]) {
			return &fault{code: INT12}
		}
	}
	return nil
}

func (v *verification) checkChains() *fault {
	out, level := v.chains[0].input, 0
	for i := range v.chains {
		c := &v.chains[i]
		if c.input != out {
			return &fault{code: INT01}
		}
		var err error
		if out, level, err = c.root(level); err != nil {
			return uncomputed(err)
		}
	}
	v.aggregationRoot = out
	return nil
}

func (v *verification) checkShapes() *fault {
	for i := range v.chains {
		c := &v.chains[i]
		if shape, ok := c.shape(); !ok || shape != c.index[len(c.index)-1] {
			return &fault{code: INT10}
		}
	}
	return nil
}

func (v *verification) checkCalendarShape() *fault {
	if v.calendar == nil {
		return nil
	}
	t, err := v.calendar.timeOfShape()
	return unless(err == nil && t == v.calendar.aggregation, INT05)
}

func (v *verification) computeCalendarRoot() *fault {
	if v.calendar == nil {
		return nil
	}
	root, err := v.calendar.root()
	if err != nil {
		return uncomputed(err)
	}
	v.calendarRoot = root
	return nil
}

func (v *verification) needCalendar() *fault {
	if v.calendar == nil {
		return missing("it does not reach the calendar")
	}
	return nil
}

func (v *verification) needTrustedCalendar() *fault {
	if v.leftLinks(deprecated) {
		return missing("its calendar part uses a hash algorithm that is no longer trusted")
	}
	return nil
}

func (v *verification) findCertificate() *fault {
	i := slices.IndexFunc(v.Certificates, func(c Certificate) bool {
		return bytes.Equal(c.ID, v.authentication.certificateID)
	})
	if i < 0 {
		return missing("the certificate %x of the calendar key is not among the %d given", v.authentication.certificateID,
			len(v.Certificates))
	}
	v.certificate = &v.Certificates[i]
	return nil
}

func (v *verification) checkKeySignature() *fault {
	r := v.authentication
	a, ok := signatureAlgorithms[r.signatureType]
	return unless(ok && v.certificate.X509.CheckSignature(a, r.signed, r.signature) == nil, KEY02)
}

// leftLinks reports whether a left link of the calendar chain has a sibling whose algorithm is in the given state at the
// publication time. Right links are as old as the signature itself and their algorithm is what it was then.
func (v *verification) leftLinks(state func(merkle.Algorithm, calendar.Second) bool) bool {
	return v.calendar != nil && slices.ContainsFunc(v.calendar.links, func(l calendarLink) bool {
		return l.left && state(l.sibling.Algorithm(), v.calendar.publication)
	})
}

// uncomputed turns the error of a computation into the fault it is: inconclusive.
func uncomputed(err error) *fault {
	if a, ok := errors.AsType[cannotCompute](err); ok {
		return missing("it uses the hash algorithm %s, which this program cannot compute", merkle.Algorithm(a))
	}
	panic("ksi: " + err.Error())
}
