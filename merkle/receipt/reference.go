package receipt

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/base45"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
)

// Prefix begins the text of every reference of version 1.
const Prefix = "JR1:"

// maxReference bounds the text of a reference: the longest names there are.
const maxReference = 2048

// A Reference names a leaf on paper.
type Reference struct {
	Name
	Leaf merkle.Imprint
}

// Text returns the reference as it stands in a QR code: of alphanumeric characters alone.
func (r *Reference) Text() string {
	v := cbor.List(cbor.String(r.Name.String()), cbor.Blob(r.Leaf.Append(nil)))
	return string(base45.Append([]byte(Prefix), v.Append(nil)))
}

// ErrReference is wrapped by the errors of ParseReference.
var ErrReference = errors.New("not the reference of a receipt")

// ParseReference reads what Text writes, and nothing else. Line ends and tabs around it do not matter.
func ParseReference(text string) (*Reference, error) {
	r, err := parseReference(strings.Trim(text, "\r\n\t"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReference, err)
	}
	return r, nil
}

func parseReference(text string) (*Reference, error) {
	body, ok := strings.CutPrefix(text, Prefix)
	switch {
	case !ok && strings.HasPrefix(text, "JR"):
		return nil, fmt.Errorf("version %.4q is not known: use a newer program", text)
	case !ok:
		return nil, fmt.Errorf("it does not begin with %s", Prefix)
	case len(text) > maxReference:
		return nil, fmt.Errorf("%d characters", len(text))
	}
	data, err := base45.Decode(body)
	if err != nil {
		return nil, err
	}
	v, err := cbor.Parse(data)
	if err != nil {
		return nil, err
	}
	if v.Kind != cbor.Array || len(v.Items) != 2 || v.Items[0].Kind != cbor.Text || v.Items[1].Kind != cbor.Bytes {
		return nil, errors.New("not an array of a text and a byte string")
	}
	r := &Reference{}
	if r.Name, err = ParseName(v.Items[0].Text); err != nil {
		return nil, err
	}
	r.Leaf, err = merkle.ParseImprint(v.Items[1].Bytes)
	return r, err
}
