package landmark

import (
	"bytes"
	"crypto/rsa"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// Options say what landmarks are checked against. All of it is trusted.
type Options struct {
	Publications     []ksi.Publication     // such as one from a newspaper
	PublicationsFile *ksi.PublicationsFile // which the caller has authenticated
	Certificates     []ksi.Certificate     // of calendar keys, those of the publications file too; only ones of the ledger that the file names count
}

// A BasisKind is a kind of reason to believe a calendar root.
type BasisKind uint8

// The kinds.
const (
	Unvouched BasisKind = iota
	ByKey               // the calendar key signed it
	ByPublication
)

// String returns "none", "key" or "publication".
func (k BasisKind) String() string { return [...]string{"none", "key", "publication"}[k] }

// A Basis says why a landmark is believed, and as of when: nothing under it can have changed since.
type Basis struct {
	Kind BasisKind
	// Time is the second of the calendar root that is published or signed.
	Time calendar.Second
	Root merkle.Imprint
	// References say where it was published, if that is known; Certificate is the id of the calendar key's.
	References  []string
	Certificate []byte
	end         int
}

// String says the basis in words.
func (b Basis) String() string {
	switch b.Kind {
	case ByKey:
		return fmt.Sprintf("the calendar key %x, which signed the calendar as of %s", b.Certificate, b.Time)
	case ByPublication:
		return fmt.Sprintf("the calendar root published as of %s", b.Time)
	}
	return "nothing"
}

// A Set is landmarks that were checked.
type Set struct {
	*File
	bases []Basis // of ends that are vouched for, ascending
}

// Verify computes the calendar root again as of every end of which one was published or signed, and compares the two. A root that is another
// is ErrOther; one that nobody vouches for only leaves its landmarks without a basis.
func (f *File) Verify(o Options) (*Set, error) {
	s := &Set{File: f}
	for i, e := range f.ends {
		known, references := o.published(e.Second)
		if len(known) == 0 {
			continue // without a look: there may be tens of thousands
		}
		p := f.Root(i)
		for _, k := range known {
			if k.Root != p.Root {
				return nil, fmt.Errorf("%w: as of %s its root was published as %s, they give %s", ErrOther, p.Time, k, p)
			}
		}
		s.bases = append(s.bases, Basis{Kind: ByPublication, Time: p.Time, Root: p.Root, References: references, end: i})
	}
	last := len(f.ends) - 1
	if f.signature == nil {
		return s, nil
	}
	p := f.Root(last)
	known := false
	for _, c := range o.certificates() {
		key, ok := c.X509.PublicKey.(*rsa.PublicKey)
		if !ok || !bytes.Equal(c.ID, f.certificate[:]) || !c.Of(f.server) || p.Time.Time().Before(c.X509.NotBefore) || p.Time.Time().After(c.X509.NotAfter) {
			continue
		}
		if ksi.VerifyRSA(key, p, f.signature) != nil {
			known = true // ids are short: another certificate may have the same
			continue
		}
		s.bases = append(s.bases, Basis{Kind: ByKey, Time: p.Time, Root: p.Root, Certificate: f.certificate[:], end: last})
		return s, nil
	}
	if known {
		return nil, fmt.Errorf("%w: the calendar key %x did not sign the root that they give as of %s", ErrOther, f.certificate, p.Time)
	}
	return s, nil
}

// published returns what is known as published as of a second.
func (o *Options) published(at calendar.Second) (known []ksi.Publication, references []string) {
	for _, p := range o.Publications {
		if p.Time == at {
			known = append(known, p)
		}
	}
	if o.PublicationsFile != nil {
		if r, ok := o.PublicationsFile.At(at); ok {
			known, references = append(known, r.Publication), r.References
		}
	}
	return known, references
}

func (o *Options) certificates() []ksi.Certificate {
	if o.PublicationsFile == nil {
		return o.Certificates
	}
	return append(o.PublicationsFile.Certificates(), o.Certificates...)
}

// Bases returns who vouches for which seconds, ascending; the calendar key comes last.
func (s *Set) Bases() []Basis { return s.bases }

// Basis returns why the landmark of a block is believed: the first publication behind it, else the calendar key. Its Kind is
// Unvouched if there is neither.
func (s *Set) Basis(block uint64) Basis {
	for _, b := range s.bases {
		if b.Time >= Last(block) {
			return b
		}
	}
	return Basis{}
}

// Chain returns the chain from the landmark of a block to the calendar root of a basis that Basis returned for it.
func (s *Set) Chain(block uint64, b Basis) calendar.Chain {
	if b.Kind == Unvouched {
		return nil
	}
	return s.Path(block, b.end)
}
