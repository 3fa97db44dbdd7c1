package ksi

import (
	"errors"
	"fmt"
	"math"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// Extend returns the signature with the calendar chain c, which leads to the publication r, instead of its own, and r
// instead of its authentication or publication record. The error says what does not fit: the chain must start at the
// signature's round and lead to the root that r publishes, and the right links, which stand for the calendar before the
// round, must be those that the signature has. Whether r is to be believed is for the caller to know.
func (s *Signature) Extend(c *CalendarChain, r PublicationRecord) (*Signature, error) {
	if err := s.continues(c); err != nil {
		return nil, fmt.Errorf("extend signature of %s: %w", s.Time(), err)
	}
	root, err := c.Root()
	switch {
	case err != nil:
	case c.publication != r.Time:
		err = fmt.Errorf("the calendar chain leads to %s, the publication is of %s", c.publication, r.Time)
	case root != r.Root:
		err = fmt.Errorf("the calendar chain leads to another root than the publication of %s has", r.Time)
	}
	if err != nil {
		return nil, fmt.Errorf("extend signature of %s: %w", s.Time(), err)
	}
	return s.rewrite(func(dst []byte, e *tlv.Element) ([]byte, error) {
		switch e.Tag {
		case tagCalendar, tagPublication, tagAuthentication:
			return dst, nil
		}
		return append(dst, e.Raw()...), nil
	}, func(dst []byte) ([]byte, error) { return r.append(c.Append(dst), tagPublication) })
}

// ExtendWithin is Extend with a chain that is computed from a part of the calendar: it need hold no second before the
// signature's own, for which the right links of the signature stand.
func (s *Signature) ExtendWithin(part calendar.Reader, r PublicationRecord) (*Signature, error) {
	if s.calendar == nil || r.Time < s.Time() {
		return nil, fmt.Errorf("extend signature of %s: there is no chain from it to %s", s.Time(), r.Time)
	}
	links, err := calendar.Prove(part, s.Time(), r.Time)
	if err != nil {
		return nil, fmt.Errorf("extend signature of %s: %w", s.Time(), err)
	}
	right := s.calendar.rightSiblings()
	for i := range links {
		if links[i].Left {
			continue
		}
		if len(right) == 0 || right[0].Algorithm() != merkle.SHA256 {
			return nil, fmt.Errorf("extend signature of %s: its calendar chain is not of a calendar over SHA-256", s.Time())
		}
		links[i].Sibling, right = merkle.Digest(right[0].Digest()), right[1:]
	}
	if s.calendar.input.Algorithm() != merkle.SHA256 || len(links) == 0 {
		return nil, fmt.Errorf("extend signature of %s: its calendar chain is not of a calendar over SHA-256", s.Time())
	}
	return s.Extend(NewCalendarChain(s.Time(), merkle.Digest(s.calendar.input.Digest()), r.Time, links), r)
}

// continues returns an error unless c is a chain from the signature's round in the calendar that the signature is of.
func (s *Signature) continues(c *CalendarChain) error {
	root, err := s.aggregationRoot()
	if err != nil {
		return err
	}
	t, err := c.Time()
	switch {
	case err != nil:
		return err
	case t != s.Time():
		return fmt.Errorf("the calendar chain starts at %s", t)
	case c.input != root:
		return errors.New("the calendar chain starts at another round root: it is of another calendar")
	case s.calendar != nil && !s.calendar.sameRightLinks(c):
		return errors.New("the calendar before the round is not the one that the signature shows: it is of another calendar")
	}
	return nil
}

// aggregationRoot returns the root that the aggregation chains lead to, whether or not they feed each other.
func (s *Signature) aggregationRoot() (root merkle.Imprint, err error) {
	level := 0
	for i := range s.chains {
		if root, level, err = s.chains[i].root(level); err != nil {
			return root, err
		}
	}
	return root, nil
}

// ShiftLevel returns the signature with by added to the level correction of its first link. A client that had the root
// of a tree of its own signed, of height L, gets the signature as if it had been a document and shifts it by L; the
// server that computed it at level L shifts it by -L before. The error is for a correction that leaves 0 to 255.
func (s *Signature) ShiftLevel(by int) (*Signature, error) {
	first := &s.chains[0]
	correction := int(first.links[0].correction) + by
	switch {
	case by == 0:
		return s, nil
	case s.rfc3161 != nil:
		return nil, errors.New("shift level: a signature with an RFC 3161 record is of a document, at level 0")
	case correction < 0 || correction > math.MaxUint8:
		return nil, fmt.Errorf("shift level: the first link corrects by %d, which cannot become %d", first.links[0].correction, correction)
	}
	return s.rewrite(func(dst []byte, e *tlv.Element) ([]byte, error) {
		if e.Offset != first.offset {
			return append(dst, e.Raw()...), nil
		}
		return appendRewritten(dst, e, func(dst []byte, e *tlv.Element) ([]byte, error) {
			if e.Offset != first.links[0].offset {
				return append(dst, e.Raw()...), nil
			}
			start := len(dst)
			if correction > 0 {
				dst = tlv.AppendUint(dst, tagCorrection, 0, uint64(correction))
			}
			dst, err := appendChildren(dst, e, func(dst []byte, e *tlv.Element) ([]byte, error) {
				if e.Tag == tagCorrection {
					return dst, nil
				}
				return append(dst, e.Raw()...), nil
			})
			return tlv.Enclose(dst, start, e.Tag, e.Flags), err
		})
	}, nil)
}

// A rewriter appends an element to dst, as it is, changed, or not at all.
type rewriter func(dst []byte, e *tlv.Element) ([]byte, error)

// rewrite makes a signature of what f leaves of the elements of s and of what end, if any, adds.
func (s *Signature) rewrite(f rewriter, end func(dst []byte) ([]byte, error)) (*Signature, error) {
	root, err := tlv.ParseOne(s.raw)
	if err != nil {
		panic("ksi: parsed signature: " + err.Error())
	}
	dst, err := appendChildren(make([]byte, 0, 2*len(s.raw)), &root, f)
	if err == nil && end != nil {
		dst, err = end(dst)
	}
	if err == nil && len(dst) > tlv.MaxSize {
		err = fmt.Errorf("%d bytes, at most %d are allowed", len(dst), tlv.MaxSize)
	}
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return Parse(tlv.Enclose(dst, 0, root.Tag, root.Flags))
}

// appendRewritten appends e with its children rewritten by f.
func appendRewritten(dst []byte, e *tlv.Element, f rewriter) ([]byte, error) {
	start := len(dst)
	dst, err := appendChildren(dst, e, f)
	if err != nil {
		return nil, err
	}
	return tlv.Enclose(dst, start, e.Tag, e.Flags), nil
}

func appendChildren(dst []byte, e *tlv.Element, f rewriter) ([]byte, error) {
	for r := e.Children(); r.More(); {
		child, err := r.Next()
		if err != nil {
			return nil, err
		}
		if dst, err = f(dst, &child); err != nil {
			return nil, err
		}
	}
	return dst, nil
}
