package ksi

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// A CalendarChain is the element 0x802: the way from the leaf of a second to a calendar root. It comes from a signature,
// from ParseCalendarChain or from NewCalendarChain, and never changes after. That it exists says that its form is right,
// not that its directions fit its times: Time says.
type CalendarChain struct {
	raw         []byte // the element
	publication calendar.Second
	aggregation calendar.Second // the publication time if the element is absent
	input       merkle.Imprint
	links       []calendarLink // from leaf to root; never empty
}

// A calendarLink is one step of the calendar chain.
type calendarLink struct {
	offset  int
	left    bool
	sibling merkle.Imprint
}

// NewCalendarChain returns the chain from the leaf of second from, the root of its round, to the calendar root as of
// second to, 0 < to, over the links that package calendar proves. It panics if there is no link.
func NewCalendarChain(from calendar.Second, leaf merkle.Digest, to calendar.Second, links calendar.Chain) *CalendarChain {
	input := leaf.Imprint()
	c, err := ParseCalendarChain(appendCalendarChain(nil, from, &input, to, links))
	if err != nil {
		panic("ksi: " + err.Error())
	}
	return c
}

// ParseCalendarChain reads the element 0x802 alone, as extenders send it. It keeps no part of element. The errors are
// those of Parse.
func ParseCalendarChain(element []byte) (*CalendarChain, error) {
	e, err := tlv.ParseOne(bytes.Clone(element))
	if err == nil && e.Tag != tagCalendar {
		err = e.Errorf("want tag 0x802 first")
	}
	if err != nil {
		return nil, fmt.Errorf("calendar chain: %w", err)
	}
	c, err := parseCalendarChain(&e)
	if err != nil {
		return nil, fmt.Errorf("calendar chain: %w", err)
	}
	return c, nil
}

func appendCalendarChain(dst []byte, from calendar.Second, input *merkle.Imprint, to calendar.Second, links calendar.Chain) []byte {
	start := len(dst)
	dst = tlv.AppendUint(dst, tagPublicationTime, 0, uint64(to))
	dst = tlv.AppendUint(dst, tagTime, 0, uint64(from))
	dst = appendImprint(dst, tagInput, input)
	for _, l := range links {
		sibling := l.Sibling.Imprint()
		dst = appendImprint(dst, linkTag(l.Left), &sibling)
	}
	return tlv.Enclose(dst, start, tagCalendar, 0)
}

// Append appends the element to dst, byte for byte as it was parsed or made.
func (c *CalendarChain) Append(dst []byte) []byte { return append(dst, c.raw...) }

// Time returns the second whose leaf the chain starts at, as it claims it. The error is for a chain that claims another
// second than its directions give.
func (c *CalendarChain) Time() (calendar.Second, error) {
	t, err := c.timeOfShape()
	if err == nil && t != c.aggregation {
		err = fmt.Errorf("calendar chain: its directions give %s, it claims %s", t, c.aggregation)
	}
	return c.aggregation, err
}

// PublicationTime returns the second whose calendar root the chain leads to.
func (c *CalendarChain) PublicationTime() calendar.Second { return c.publication }

// Input returns the leaf that the chain starts at, the root of the second's round.
func (c *CalendarChain) Input() merkle.Imprint { return c.input }

// Root returns the calendar root at the end of the chain. The error is for hash algorithms that cannot be computed here.
func (c *CalendarChain) Root() (merkle.Imprint, error) { return c.root() }

// calendarLevel closes the hash input of every calendar node.
const calendarLevel = 0xff

// step returns the node above h. A calendar node is hashed with the algorithm of its right child.
func (l *calendarLink) step(h merkle.Imprint) (merkle.Imprint, error) {
	left, right := &h, &l.sibling
	if !l.left {
		left, right = right, left
	}
	var a, b imprintBuffer
	return hash(right.Algorithm(), left.Append(a[:0]), right.Append(b[:0]), []byte{calendarLevel})
}

// root returns the calendar root at the end of the chain.
func (c *CalendarChain) root() (merkle.Imprint, error) {
	h := c.input
	for i := range c.links {
		var err error
		if h, err = c.links[i].step(h); err != nil {
			return merkle.Imprint{}, err
		}
	}
	return h, nil
}

// timeOfShape returns the second whose leaf the directions of the links start at.
func (c *CalendarChain) timeOfShape() (calendar.Second, error) {
	left := make([]bool, len(c.links), maxCalendarLinks)
	for i := range c.links {
		left[i] = c.links[i].left
	}
	return calendar.AggregationTime(c.publication, left)
}

// sameRightLinks reports whether both chains have the same right links in the same order: they stand for the calendar
// before their leaf, which no later root can change.
func (c *CalendarChain) sameRightLinks(d *CalendarChain) bool {
	return slices.Equal(c.rightSiblings(), d.rightSiblings())
}

func (c *CalendarChain) rightSiblings() []merkle.Imprint {
	var all []merkle.Imprint
	for i := range c.links {
		if !c.links[i].left {
			all = append(all, c.links[i].sibling)
		}
	}
	return all
}

// An Extender gives calendar chains out of a calendar: a server that is asked over the network, or a calendar at hand.
type Extender interface {
	// Extend returns the chain from the leaf of second from to the calendar root as of second to, or to the newest one
	// if to is 0. The error says why there is none; a verification is inconclusive then.
	Extend(ctx context.Context, from, to calendar.Second) (*CalendarChain, error)
}
