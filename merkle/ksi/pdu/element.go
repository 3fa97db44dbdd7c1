package pdu

import (
	"math"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// Children remembers which tags were read inside one element: a bit for each tag below 0x20 and from 0x800 to 0x81f.
type children uint64

func bit(tag tlv.Tag) children { return 1 << (tag&0x1f | tag>>11<<5) }

// once passes err on, and refuses e if an element with its tag was read before.
func (c *children) once(e *tlv.Element, err error) error {
	if err != nil {
		return err
	}
	if c.has(e.Tag) {
		return e.Errorf("repeated, allowed once")
	}
	*c |= bit(e.Tag)
	return nil
}

func (c *children) has(tag tlv.Tag) bool { return *c&bit(tag) != 0 }

// eachChild calls read for every child of e and then looks for the required tags among those that passed once. Errors
// come back as errors about e.
func eachChild(e *tlv.Element, read func(*tlv.Element, *children) error, required ...tlv.Tag) error {
	var seen children
	var child tlv.Element // one for all, as it is allocated
	r := e.Children()
	for n := 0; r.More(); n++ {
		if n == maxChildren {
			return e.Errorf("more than %d elements in it", maxChildren)
		}
		var err error
		if child, err = r.Next(); err != nil {
			return e.Wrap(err)
		}
		if err := read(&child, &seen); err != nil {
			return e.Wrap(err)
		}
	}
	for _, tag := range required {
		if !seen.has(tag) {
			return e.Errorf("no element 0x%02x in it", uint16(tag))
		}
	}
	return nil
}

// unknown is the verdict on an element whose tag its parent does not know.
func unknown(e *tlv.Element) error {
	if e.Flags&tlv.NonCritical != 0 {
		return nil
	}
	return e.Errorf("unknown critical element")
}

func parseSecond(e *tlv.Element) (calendar.Second, error) {
	n, err := e.Uint()
	if err == nil && n > math.MaxInt64 {
		err = e.Errorf("time %d is beyond all calendars", n)
	}
	return calendar.Second(n), err
}
