package check

import (
	"bytes"
	"context"
	"encoding/json"

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

// AddStatus takes the status list of an agency, a bundle. It is read with every seal, since what vouches for it may change.
func (c *Checker) AddStatus(data []byte) error {
	if _, err := seal.ReadStatusList(context.Background(), bytes.NewReader(data), c.options()); err != nil {
		return err
	}
	c.status = append(c.status, data)
	c.status = c.status[max(0, len(c.status)-maxStatusLists):]
	return nil
}

// options are what proofs are verified against.
func (c *Checker) options() ksi.Options {
	return ksi.Options{Policy: ksi.General, Certificates: c.certificates, Publication: c.publication, PublicationsFile: c.file}
}

// Seal verifies the text of a seal as of now. It returns the report of package seal as JSON. A publication string that the
// user gave is all that is believed then.
func (c *Checker) Seal(ctx context.Context, text string) (json.RawMessage, error) {
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
		if o.Landmarks, err = c.landmarks.Verify(known); err != nil {
			return nil, err
		}
	}
	s, err := seal.Parse(text)
	if err != nil {
		return seal.Check(text, o).JSON(), nil
	}
	for _, data := range c.status {
		list, err := seal.ReadStatusList(ctx, bytes.NewReader(data), c.options())
		if err != nil {
			return nil, err
		}
		if list.Server == s.Server && list.Agency == s.Agency {
			o.Status = list
		}
	}
	return seal.Verify(s, o).JSON(), nil
}
