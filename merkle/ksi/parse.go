package ksi

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// The elements of a signature. Tags below 0x20 have a meaning of their own in every parent.
const (
	tagSignature      tlv.Tag = 0x800
	tagAggregation    tlv.Tag = 0x801
	tagCalendar       tlv.Tag = 0x802
	tagPublication    tlv.Tag = 0x803
	tagAuthentication tlv.Tag = 0x805
	tagRFC3161        tlv.Tag = 0x806

	// In 0x801 and 0x806; 0x07 and 0x08 also in 0x802.
	tagTime      tlv.Tag = 0x02
	tagIndex     tlv.Tag = 0x03
	tagInputData tlv.Tag = 0x04
	tagInput     tlv.Tag = 0x05
	tagAlgorithm tlv.Tag = 0x06
	tagLeft      tlv.Tag = 0x07
	tagRight     tlv.Tag = 0x08

	// In a link of 0x801.
	tagCorrection tlv.Tag = 0x01
	tagSibling    tlv.Tag = 0x02
	tagLegacyID   tlv.Tag = 0x03
	tagMetadata   tlv.Tag = 0x04

	// In 0x802.
	tagPublicationTime tlv.Tag = 0x01

	// In 0x803 and 0x805.
	tagReference     tlv.Tag = 0x09
	tagRepository    tlv.Tag = 0x0a
	tagSignatureData tlv.Tag = 0x0b
	tagPublishedData tlv.Tag = 0x10
	// In 0x10.
	tagPublishedTime tlv.Tag = 0x02
	tagPublishedRoot tlv.Tag = 0x04
	// In 0x0b.
	tagSignatureType  tlv.Tag = 0x01
	tagSignatureValue tlv.Tag = 0x02
	tagCertificateID  tlv.Tag = 0x03
	tagCertificateURI tlv.Tag = 0x04

	// In 0x806.
	tagTSTPrefix       tlv.Tag = 0x10
	tagTSTSuffix       tlv.Tag = 0x11
	tagTSTAlgorithm    tlv.Tag = 0x12
	tagSignedPrefix    tlv.Tag = 0x13
	tagSignedSuffix    tlv.Tag = 0x14
	tagSignedAlgorithm tlv.Tag = 0x15
)

const (
	// maxLinks bounds the links of all aggregation chains together: each takes a level at least, and levels end at 255.
	maxLinks = 255
	// maxCalendarLinks bounds the links of the calendar chain: a tree over 63-bit seconds is no higher.
	maxCalendarLinks = 63
	// usualLink is the size in bytes of a calendar link with SHA-256, and of the smallest usual one in an aggregation chain.
	usualLink = 35
)

// Parse reads a signature. It keeps no part of data.
//
// Parse refuses whatever breaks the format: missing, repeated and unknown critical elements, values that are not what
// their element wants, encodings that the writer would not have chosen. Elements it does not know but may ignore, flags
// and the order of the elements are kept, so Append gives back exactly data. The error names the element and its offset.
func Parse(data []byte) (*Signature, error) {
	root, err := tlv.ParseOne(bytes.Clone(data))
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	if root.Tag != tagSignature {
		return nil, fmt.Errorf("signature: %w", root.Errorf("want tag 0x800 first"))
	}
	s := &Signature{raw: root.Raw()}
	if err := s.parse(&root); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return s, nil
}

func (s *Signature) parse(root *tlv.Element) error {
	links := 0
	err := root.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagAggregation:
			var c aggregationChain
			c, err = parseAggregationChain(e, &links)
			s.chains = append(s.chains, c)
		case tagCalendar:
			s.calendar, err = parseCalendarChain(e)
			return seen.Once(e, err)
		case tagPublication:
			s.publication, err = parsePublicationRecord(e)
			return seen.Once(e, err)
		case tagAuthentication:
			s.authentication, err = parseAuthenticationRecord(e)
			return seen.Once(e, err)
		case tagRFC3161:
			s.rfc3161, err = parseRFC3161Record(e)
			return seen.Once(e, err)
		default:
			return e.Unknown()
		}
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case len(s.chains) == 0:
		return root.Errorf("no aggregation chain (0x801)")
	case s.publication != nil && s.authentication != nil:
		return root.Errorf("both a publication record (0x803) and a calendar authentication record (0x805)")
	case s.calendar == nil && s.publication != nil:
		return root.Errorf("publication record (0x803) without a calendar chain (0x802)")
	case s.calendar == nil && s.authentication != nil:
		return root.Errorf("calendar authentication record (0x805) without a calendar chain (0x802)")
	}
	levels := 0
	for i := range s.chains {
		for j := range s.chains[i].links {
			levels += int(s.chains[i].links[j].correction) + 1
		}
	}
	if levels > math.MaxUint8 {
		return root.Errorf("links reach level %d, levels end at %d", levels, math.MaxUint8)
	}
	slices.SortStableFunc(s.chains, func(a, b aggregationChain) int { return len(b.index) - len(a.index) })
	return nil
}

func parseAggregationChain(e *tlv.Element, links *int) (c aggregationChain, err error) {
	c.offset = e.Offset
	c.links = make([]link, 0, min(len(e.Value())/usualLink+1, maxLinks))
	err = e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagTime:
			c.time, err = parseSecond(e)
		case tagIndex:
			c.index, err = appendIndex(c.index, e)
			return err
		case tagInputData:
		case tagInput:
			c.input, err = parseImprint(e)
		case tagAlgorithm:
			c.algorithm, err = parseAlgorithm(e)
		case tagLeft, tagRight:
			if *links++; *links > maxLinks {
				return e.Errorf("more than %d links, levels end there", maxLinks)
			}
			var l link
			l, err = parseLink(e)
			c.links = append(c.links, l)
			return err
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagTime, tagInput, tagAlgorithm)
	switch {
	case err != nil:
		return c, err
	case len(c.index) == 0:
		return c, e.Errorf("no chain index (0x03)")
	case len(c.links) == 0:
		return c, e.Errorf("no link (0x07 or 0x08)")
	}
	return c, nil
}

func parseLink(e *tlv.Element) (l link, err error) {
	l = link{offset: e.Offset, left: e.Tag == tagLeft}
	err = e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagCorrection:
			l.correction, err = parseByte(e)
			return seen.Once(e, err)
		case tagSibling:
			l.kind = SiblingHash
			_, err = parseImprint(e)
		case tagLegacyID:
			l.kind = SiblingLegacyID
			l.meta = &metadata{}
			l.meta.client, err = parseLegacyID(e)
		case tagMetadata:
			l.kind = SiblingMetadata
			l.meta, err = parseMetadata(e)
		default:
			return e.Unknown()
		}
		if l.sibling != nil {
			return e.Errorf("second sibling in one link")
		}
		l.sibling = e.Value()
		return err
	})
	if err == nil && l.sibling == nil {
		err = e.Errorf("no sibling: hash (0x02), legacy client id (0x03) or metadata (0x04)")
	}
	return l, err
}

func parseCalendarChain(e *tlv.Element) (*CalendarChain, error) {
	c := &CalendarChain{raw: e.Raw(), links: make([]calendarLink, 0, min(len(e.Value())/usualLink+1, maxCalendarLinks))}
	explicit := false
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagPublicationTime:
			c.publication, err = parseSecond(e)
		case tagTime:
			c.aggregation, err = parseSecond(e)
			explicit = true
		case tagInput:
			c.input, err = parseImprint(e)
		case tagLeft, tagRight:
			if len(c.links) == maxCalendarLinks {
				return e.Errorf("more than %d links, no calendar is so high", maxCalendarLinks)
			}
			l := calendarLink{offset: e.Offset, left: e.Tag == tagLeft}
			l.sibling, err = parseImprint(e)
			c.links = append(c.links, l)
			return err
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagPublicationTime, tagInput)
	if err == nil && len(c.links) == 0 {
		err = e.Errorf("no link (0x07 or 0x08)")
	}
	if !explicit {
		c.aggregation = c.publication
	}
	return c, err
}

func parsePublicationRecord(e *tlv.Element) (*PublicationRecord, error) {
	r := &PublicationRecord{}
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagPublishedData:
			r.Publication, err = parsePublishedData(e)
			return seen.Once(e, err)
		case tagReference:
			r.References, err = appendText(r.References, e)
		case tagRepository:
			r.Repositories, err = appendText(r.Repositories, e)
		default:
			return e.Unknown()
		}
		return err
	}, tagPublishedData)
	return r, err
}

func parsePublishedData(e *tlv.Element) (p Publication, err error) {
	err = e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagPublishedTime:
			p.Time, err = parseSecond(e)
		case tagPublishedRoot:
			p.Root, err = parseImprint(e)
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagPublishedTime, tagPublishedRoot)
	return p, err
}

func parseAuthenticationRecord(e *tlv.Element) (*authenticationRecord, error) {
	r := &authenticationRecord{}
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagPublishedData:
			r.signed = e.Raw()
			r.Publication, err = parsePublishedData(e)
		case tagSignatureData:
			err = r.parseSignatureData(e)
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagPublishedData, tagSignatureData)
	return r, err
}

func (r *authenticationRecord) parseSignatureData(e *tlv.Element) error {
	return e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagSignatureType:
			r.signatureType, err = e.Text()
		case tagSignatureValue:
			r.signature = e.Value()
		case tagCertificateID:
			r.certificateID = e.Value()
		case tagCertificateURI:
			r.repository, err = parseText(e)
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagSignatureType, tagSignatureValue, tagCertificateID)
}

func parseRFC3161Record(e *tlv.Element) (*rfc3161Record, error) {
	r := &rfc3161Record{}
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagTime:
			r.time, err = parseSecond(e)
		case tagIndex:
			r.index, err = appendIndex(r.index, e)
			return err
		case tagInputData:
		case tagInput:
			r.input, err = parseImprint(e)
		case tagTSTPrefix:
			r.tstInfo.prefix = e.Value()
		case tagTSTSuffix:
			r.tstInfo.suffix = e.Value()
		case tagTSTAlgorithm:
			r.tstInfo.algorithm, err = parseAlgorithm(e)
		case tagSignedPrefix:
			r.signedAttributes.prefix = e.Value()
		case tagSignedSuffix:
			r.signedAttributes.suffix = e.Value()
		case tagSignedAlgorithm:
			r.signedAttributes.algorithm, err = parseAlgorithm(e)
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagTime, tagInput, tagTSTPrefix, tagTSTSuffix, tagTSTAlgorithm, tagSignedPrefix, tagSignedSuffix,
		tagSignedAlgorithm)
	if err == nil && len(r.index) == 0 {
		err = e.Errorf("no chain index (0x03)")
	}
	return r, err
}

func parseSecond(e *tlv.Element) (calendar.Second, error) {
	n, err := e.Uint()
	if err == nil && n > math.MaxInt64 {
		err = e.Errorf("time %d is beyond all calendars", n)
	}
	return calendar.Second(n), err
}

func parseByte(e *tlv.Element) (uint8, error) {
	n, err := e.Uint()
	if err == nil && n > math.MaxUint8 {
		err = e.Errorf("%d where at most 255 is allowed", n)
	}
	return uint8(n), err
}

func parseAlgorithm(e *tlv.Element) (merkle.Algorithm, error) {
	n, err := parseByte(e)
	a := merkle.Algorithm(n)
	if err == nil && a.Size() == 0 {
		err = e.Errorf("no hash algorithm has id 0x%02x", n)
	}
	return a, err
}

func parseImprint(e *tlv.Element) (merkle.Imprint, error) {
	im, err := merkle.ParseImprint(e.Value())
	if err != nil {
		err = e.Wrap(err)
	}
	return im, err
}

// parseText reads a string that must not be empty.
func parseText(e *tlv.Element) (string, error) {
	s, err := e.Text()
	if err == nil && s == "" {
		err = e.Errorf("empty string")
	}
	return s, err
}

func appendText(list []string, e *tlv.Element) ([]string, error) {
	s, err := parseText(e)
	return append(list, s), err
}

func appendIndex(index []uint64, e *tlv.Element) ([]uint64, error) {
	n, err := e.Uint()
	return append(index, n), err
}
