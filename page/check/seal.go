package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// maxStatusLists bounds the status lists that a Checker keeps; the oldest gives way.
const maxStatusLists = 16

// SetLandmarks takes a file of landmarks for seals. After an error the one before stays.
func (c *Checker) SetLandmarks(data []byte) error {
	f, err := landmark.Parse(data)
	if err == nil {
		c.landmarks = f
	}
	return err
}

// A statusList is one of an agency, as it came.
type statusList struct {
	server, agency string
	data           []byte
}

// maxOfAgency bounds the status lists of one agency among them.
const maxOfAgency = 4

// AddStatus takes the status list of an agency, a bundle. It is read with every seal, since what vouches for it may change. The oldest of
// the agency give way, and the oldest of all.
func (c *Checker) AddStatus(data []byte) error {
	l, err := seal.ReadStatusList(context.Background(), bytes.NewReader(data), c.options())
	if err != nil {
		return err
	}
	c.status = slices.DeleteFunc(c.status, func(known statusList) bool { return bytes.Equal(known.data, data) })
	c.status = append(c.status, statusList{l.Server, l.Agency, data})
	of := 0
	for i := len(c.status) - 1; i >= 0; i-- {
		if k := &c.status[i]; k.server == l.Server && k.agency == l.Agency {
			if of++; of > maxOfAgency {
				c.status = slices.Delete(c.status, i, i+1)
			}
		}
	}
	c.status = c.status[max(0, len(c.status)-maxStatusLists):]
	return nil
}

// statusOf returns the list that says the most of a seal, nil if there is none of its agency; the error of one that turned out false if
// there is no other.
func (c *Checker) statusOf(ctx context.Context, s *seal.Seal) (best *seal.StatusList, err error) {
	for _, known := range c.status {
		if known.server != s.Server || known.agency != s.Agency {
			continue
		}
		l, fault := seal.ReadStatusList(ctx, bytes.NewReader(known.data), c.options())
		if fault != nil {
			err = fault
		} else if best == nil || l.Better(best, s.Leaf()) {
			best = l
		}
	}
	if best != nil {
		err = nil
	}
	return best, err
}

// options are what proofs are verified against.
func (c *Checker) options() ksi.Options {
	return ksi.Options{Policy: ksi.General, Certificates: c.certificates, Publication: c.publication, PublicationsFile: c.file}
}

// A SealReport is what there is to say of a seal.
type SealReport struct {
	Report json.RawMessage `json:"report"` // of package seal, as JSON
	// Fields are the names and values of the seal for people, as plain shows them, in its order. Those in Report lose both in a browser: objects there have
	// names that are numbers first, and numbers 53 bits.
	Fields [][2]string `json:"fields"`
	// Given reports whether it rests on a certificate that the user gave, or what it says of a revocation does.
	Given bool `json:"given,omitempty"`
}

// Seal verifies the text of a seal as of now. A publication string that the user gave is all that is believed of it then; that it was revoked
// may rest on a key nonetheless, since that is newer than what is printed.
func (c *Checker) Seal(ctx context.Context, text string) (*SealReport, error) {
	known := landmark.Options{Certificates: c.certificates, PublicationsFile: c.file}
	if c.publication != nil {
		known = landmark.Options{Publications: []ksi.Publication{*c.publication}}
	}
	o := seal.Options{Certificates: known.Certificates, At: calendar.RoundOf(c.now())}
	if known.PublicationsFile != nil {
		o.Certificates = append(c.file.Certificates(), c.certificates...)
	}
	if c.landmarks != nil {
		var err error
		if o.Landmarks, err = c.landmarks.Verify(known); errors.Is(err, landmark.ErrOther) {
			o.Contradiction = err
		} else if err != nil {
			return nil, err
		}
	}
	s, err := seal.Parse(text)
	if err != nil {
		return &SealReport{Report: seal.Check(text, o).JSON()}, nil
	}
	if o.Status, err = c.statusOf(ctx, s); err != nil {
		return nil, err
	}
	found := seal.Verify(s, o)
	r := &SealReport{Report: found.JSON(), Given: found.Basis.Kind == landmark.ByKey && c.given(found.Basis.Certificate) ||
		found.StatusAt != 0 && slices.ContainsFunc(o.Status.Certificates, func(x ksi.Certificate) bool { return c.given(x.ID) })}
	for i := range s.Fields {
		r.Fields = append(r.Fields, [2]string{plain.Text(s.Fields[i].Key), plain.Text(seal.Plain(&s.Fields[i].Value))})
	}
	return r, nil
}
