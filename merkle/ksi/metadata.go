package ksi

import (
	"bytes"
	"math"
	"time"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// Metadata is an identity in a link, decoded.
type metadata struct {
	client, machine         string
	sequence, requestTime   uint64 // the latter in microseconds
	hasMachine              bool
	hasSequence, hasReqTime bool
	mistakable              bool // breaks the padding rule, see mistakableMetadata
}

// The children of metadata.
const (
	tagClientID    tlv.Tag = 0x01
	tagMachineID   tlv.Tag = 0x02
	tagSequence    tlv.Tag = 0x03
	tagRequestTime tlv.Tag = 0x04
	tagPadding     tlv.Tag = 0x1e
)

func parseMetadata(e *tlv.Element) (*metadata, error) {
	var m metadata
	padded := false
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagClientID:
			m.client, err = e.Text()
		case tagMachineID:
			m.machine, err = e.Text()
			m.hasMachine = true
		case tagSequence:
			m.sequence, err = e.Uint()
			m.hasSequence = true
		case tagRequestTime:
			m.requestTime, err = e.Uint()
			m.hasReqTime = true
		case tagPadding:
			padded = true
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagClientID)
	if err == nil {
		m.mistakable = mistakableMetadata(e.Value(), padded)
	}
	return &m, err
}

// mistakableMetadata reports whether metadata could be taken for an imprint. It cannot be if it starts with a padding
// element with both flags, whose header 0x7e is no hash algorithm, and has an even length, which no imprint has. Without
// padding its bytes must not happen to form an imprint.
func mistakableMetadata(value []byte, padded bool) bool {
	if !padded {
		_, err := merkle.ParseImprint(value)
		return err == nil
	}
	first := bytes.HasPrefix(value, []byte{0x7e, 1, 1}) || bytes.HasPrefix(value, []byte{0x7e, 2, 1, 1})
	return !first || len(value)%2 != 0
}

// A legacy client id is 03 00, a length byte, so many bytes of UTF-8, and zeros up to 29 bytes, at least one.
const (
	legacyIDSize    = 29
	maxLegacyIDText = 25
)

func parseLegacyID(e *tlv.Element) (string, error) {
	v := e.Value()
	if len(v) != legacyIDSize || v[0] != 3 || v[1] != 0 || v[2] > maxLegacyIDText {
		return "", e.Errorf("malformed legacy client id")
	}
	text, padding := v[3:3+v[2]], v[3+v[2]:]
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return "", e.Errorf("legacy client id is not UTF-8 without NUL")
	}
	if len(bytes.TrimLeft(padding, "\x00")) > 0 {
		return "", e.Errorf("legacy client id is not padded with zeros")
	}
	return string(text), nil
}

func (m *metadata) issuer(legacy bool) Issuer {
	i := Issuer{Client: m.client, Machine: m.machine, Sequence: m.sequence, HasSequence: m.hasSequence, Legacy: legacy}
	if m.hasReqTime && m.requestTime <= math.MaxInt64 {
		i.RequestTime = time.UnixMicro(int64(m.requestTime)).UTC()
	}
	return i
}
