package ksi

import (
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// Parts are what Build makes a signature of.
type Parts struct {
	Round calendar.Second // the second in which the leaf was filed, its place in the calendar
	Leaf  merkle.Imprint  // the imprint of the document

	// Chains lead from the leaf to the round root, each from the end of the one before. Each becomes one aggregation
	// chain of the signature; a chain without links, as a slot tree of one slot has, is left out.
	Chains []merkle.Chain

	// CalendarTime is the second whose calendar root Calendar leads to. It is Round in a fresh signature and the time of
	// a publication in an extended one.
	CalendarTime calendar.Second
	Calendar     calendar.Chain

	// At most one of the two is given: Authentication in a fresh signature, Notice in an extended one.
	Authentication *Authentication // made by SignAuthentication for CalendarTime and the calendar root
	Notice         *Notice
}

// Build makes a signature. Input hashes, chain indices and the calendar root follow from the parts. An error says which
// part does not fit; that the authentication is genuine is not checked, Verify does that.
func Build(p Parts) (*Signature, error) {
	data, err := p.append(make([]byte, 0, 4096))
	if err != nil {
		return nil, fmt.Errorf("signature of round %d: %w", int64(p.Round), err)
	}
	s, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("round %d: %w", int64(p.Round), err)
	}
	return s, nil
}

func (p *Parts) append(dst []byte) ([]byte, error) {
	start := len(dst)
	dst, root, level, err := p.appendAggregation(dst, 0)
	if err != nil {
		return nil, err
	}
	if level == 0 {
		return nil, errors.New("no links")
	}
	if dst, err = p.appendEnding(dst, root); err != nil {
		return nil, err
	}
	return enclose(dst, start)
}

// enclose makes what dst holds from start on a signature.
func enclose(dst []byte, start int) ([]byte, error) {
	if err := fits(dst, start, 0); err != nil {
		return nil, err
	}
	return tlv.Enclose(dst, start, tagSignature, 0), nil
}

// fits returns an error if what dst holds from start on and more bytes are too much for a signature.
func fits(dst []byte, start, more int) error {
	if size := len(dst) - start + more; size > tlv.MaxSize {
		return fmt.Errorf("%d bytes, at most %d are allowed", size, tlv.MaxSize)
	}
	return nil
}

// appendEnding appends all above the round root.
func (p *Parts) appendEnding(dst []byte, root merkle.Imprint) ([]byte, error) {
	dst, root, err := p.appendCalendar(dst, root)
	if err != nil {
		return nil, err
	}
	published := Publication{Time: p.CalendarTime, Root: root}
	switch {
	case p.Authentication != nil && p.Notice != nil:
		return nil, errors.New("both an authentication and a publication")
	case p.Authentication != nil:
		dst = p.Authentication.append(dst, published)
	case p.Notice != nil:
		r := PublicationRecord{Publication: published, Notice: *p.Notice}
		return r.append(dst, tagPublication)
	}
	return dst, nil
}

// appendAggregation appends the aggregation chains from the leaf, which has this level. It returns the node that they lead
// to, the round root, and its level.
func (p *Parts) appendAggregation(dst []byte, level merkle.Level) ([]byte, merkle.Imprint, merkle.Level, error) {
	indices := make([]uint64, len(p.Chains)) // of the chains with links, from the leaf; 0 for the others
	for i, c := range p.Chains {
		if len(c) == 0 {
			continue
		}
		var err error
		if indices[i], err = c.Index(); err != nil {
			return nil, merkle.Imprint{}, 0, fmt.Errorf("chain %d: %w", i, err)
		}
	}
	node := p.Leaf
	for i, c := range p.Chains {
		if len(c) == 0 {
			continue
		}
		above, up, err := c.Root(node, level)
		if err != nil {
			return nil, merkle.Imprint{}, 0, fmt.Errorf("chain %d: %w", i, err)
		}
		dst = appendAggregationChain(dst, p.Round, indices[i:], node, c)
		node, level = above, up
	}
	return dst, node, level, nil
}

// appendAggregationChain appends one chain. Indices are those of this chain and of all above it, zeros not counted.
func appendAggregationChain(dst []byte, t calendar.Second, indices []uint64, input merkle.Imprint, c merkle.Chain) []byte {
	start := len(dst)
	dst = appendHead(dst, t, indices, &input)
	for i := range c {
		dst = appendLink(dst, &c[i])
	}
	return tlv.Enclose(dst, start, tagAggregation, 0)
}

// appendHead appends what stands before the links of a chain.
func appendHead(dst []byte, t calendar.Second, indices []uint64, input *merkle.Imprint) []byte {
	dst = tlv.AppendUint(dst, tagTime, 0, uint64(t))
	for i := len(indices) - 1; i >= 0; i-- {
		if indices[i] != 0 {
			dst = tlv.AppendUint(dst, tagIndex, 0, indices[i])
		}
	}
	dst = appendImprint(dst, tagInput, input)
	return tlv.AppendUint(dst, tagAlgorithm, 0, uint64(merkle.SHA256))
}

// appendLink appends a link of an aggregation chain.
func appendLink(dst []byte, l *merkle.Link) []byte {
	if l.Metadata == nil && l.Correction == 0 { // most of them
		size := l.Sibling.Len()
		dst = tlv.AppendHeader(dst, linkTag(l.Left), 0, 2+size)
		return l.Sibling.Append(tlv.AppendHeader(dst, tagSibling, 0, size))
	}
	inner := len(dst)
	if l.Correction != 0 {
		dst = tlv.AppendUint(dst, tagCorrection, 0, uint64(l.Correction))
	}
	if l.Metadata != nil {
		dst = tlv.Append(dst, tagMetadata, 0, l.Metadata)
	} else {
		dst = appendImprint(dst, tagSibling, &l.Sibling)
	}
	return tlv.Enclose(dst, inner, linkTag(l.Left), 0)
}

// appendCalendar appends the calendar chain from the round root and returns the calendar root.
func (p *Parts) appendCalendar(dst []byte, input merkle.Imprint) ([]byte, merkle.Imprint, error) {
	t, err := calendar.AggregationTime(p.CalendarTime, p.Calendar.Directions())
	if err != nil {
		return nil, merkle.Imprint{}, fmt.Errorf("calendar %w", err)
	}
	if t != p.Round {
		return nil, merkle.Imprint{}, fmt.Errorf("calendar chain of second %d", int64(t))
	}
	dst = appendCalendarChain(dst, p.Round, &input, p.CalendarTime, p.Calendar)
	root := p.Calendar.Root(merkle.Digest(input.Digest()))
	return dst, root.Imprint(), nil
}

func (a *Authentication) append(dst []byte, p Publication) []byte {
	start := len(dst)
	dst = append(dst, PublishedData(p)...)
	inner := len(dst)
	dst = tlv.AppendText(dst, tagSignatureType, 0, a.SignatureType)
	dst = tlv.Append(dst, tagSignatureValue, 0, a.Signature)
	dst = tlv.Append(dst, tagCertificateID, 0, a.CertificateID)
	dst = tlv.Enclose(dst, inner, tagSignatureData, 0)
	return tlv.Enclose(dst, start, tagAuthentication, 0)
}

func appendImprint(dst []byte, tag tlv.Tag, im *merkle.Imprint) []byte {
	var buf [1 + merkle.MaxDigestSize]byte
	return tlv.Append(dst, tag, 0, im.Append(buf[:0]))
}

func linkTag(left bool) tlv.Tag {
	if left {
		return tagLeft
	}
	return tagRight
}
