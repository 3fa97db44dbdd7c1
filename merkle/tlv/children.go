package tlv

// MaxChildren is the most elements in one element that EachChild reads, among them what is unknown.
const MaxChildren = 2048

// Seen remembers which tags were read inside one element: a bit for each tag below 0x20 and from 0x800 to 0x81f.
type Seen uint64

func bit(tag Tag) Seen { return 1 << (tag&0x1f | tag>>11<<5) }

// Once passes err on, and refuses e if an element with its tag was read before.
func (s *Seen) Once(e *Element, err error) error {
	if err != nil {
		return err
	}
	if *s&bit(e.Tag) != 0 {
		return e.Errorf("repeated, allowed once")
	}
	*s |= bit(e.Tag)
	return nil
}

// EachChild calls read for every child of e and then looks for the required tags among those that passed Once. Errors come
// back as errors about e. The element that read gets is overwritten by the next one.
func (e *Element) EachChild(read func(*Element, *Seen) error, required ...Tag) error {
	var v struct { // of all children, as it is allocated
		child Element
		seen  Seen
	}
	r := e.Children()
	for n := 0; r.More(); n++ {
		if n == MaxChildren {
			return e.Errorf("more than %d elements in it", MaxChildren)
		}
		var err error
		if v.child, err = r.Next(); err != nil {
			return e.Wrap(err)
		}
		if err := read(&v.child, &v.seen); err != nil {
			return e.Wrap(err)
		}
	}
	for _, tag := range required {
		if v.seen&bit(tag) == 0 {
			return e.Errorf("no element 0x%02x in it", uint16(tag))
		}
	}
	return nil
}

// Unknown is the verdict on an element whose tag its parent does not know: nil if it may be ignored.
func (e *Element) Unknown() error {
	if e.Flags&NonCritical != 0 {
		return nil
	}
	return e.Errorf("unknown critical element")
}
