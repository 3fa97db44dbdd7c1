package pdu

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// MaxSize is the greatest length of a PDU in bytes, its header included.
const MaxSize = headerSize + tlv.MaxSize

const (
	headerSize = 4 // of a PDU: its tags need the long form

	tagAggregatorRequest tlv.Tag = 0x220
	tagExtenderRequest   tlv.Tag = 0x320
	// The tag of a response is that of its request plus one.

	// In a PDU.
	tagHeader  tlv.Tag = 0x01
	tagPayload tlv.Tag = 0x02
	tagError   tlv.Tag = 0x03
	tagConfig  tlv.Tag = 0x04
	tagAck     tlv.Tag = 0x05
	tagMAC     tlv.Tag = 0x1f

	// In the header.
	tagLogin    tlv.Tag = 0x01
	tagInstance tlv.Tag = 0x02
	tagMessage  tlv.Tag = 0x03
)

// ErrNotPDU is wrapped by the errors of Parse and Reader about input that does not start as a PDU does.
var ErrNotPDU = errors.New("not a KSI PDU of version 2")

// A Header says who speaks.
type Header struct {
	Login    string // the client's login id; in a response any
	Instance uint64 // of a client; 0 if it is not told
	Message  uint64 // counts the messages of an instance; 0 if it is not told
}

// An Envelope is a PDU whose payloads are not read yet. It shares the memory of the input.
type Envelope struct {
	Service    Service
	IsResponse bool
	// Header is the zero Header in a response that holds nothing but an error: it has no HMAC then.
	Header Header

	root     tlv.Element
	mac      merkle.Imprint // zero in a bare error
	payloads []tlv.Element
}

// Parse reads the frame of one PDU: direction, header, HMAC, and where the payloads stand. The error names the element
// and its offset. Whether the PDU is authentic, Authentic says.
func Parse(data []byte) (*Envelope, error) {
	if _, _, err := frame(data); err != nil {
		return nil, fmt.Errorf("pdu: %w", err)
	}
	root, err := tlv.ParseOne(data)
	if err != nil {
		return nil, fmt.Errorf("pdu: %w", err)
	}
	e := &Envelope{root: root}
	e.Service, e.IsResponse, _ = direction(root.Tag)
	if err := e.parse(); err != nil {
		return nil, fmt.Errorf("pdu: %w", err)
	}
	return e, nil
}

// ServiceOf returns the service that data, the start of a PDU, is meant for. ok is false if data does not start as a PDU
// does.
func ServiceOf(data []byte) (s Service, ok bool) {
	tag, _, err := frame(data)
	if err != nil {
		return 0, false
	}
	s, _, ok = direction(tag)
	return s, ok
}

// frame reads the header of a PDU: its tag and the length of its value.
func frame(data []byte) (tlv.Tag, int, error) {
	if len(data) < headerSize {
		return 0, 0, fmt.Errorf("%w: %d bytes", ErrNotPDU, len(data))
	}
	tag := tlv.Tag(data[0]&0x1f)<<8 | tlv.Tag(data[1])
	if _, _, ok := direction(tag); !ok || data[0]&0x80 == 0 {
		return 0, 0, fmt.Errorf("%w: it starts with %x, want 8220, 8221, 8320 or 8321", ErrNotPDU, data[:2])
	}
	return tag, int(data[2])<<8 | int(data[3]), nil
}

func direction(tag tlv.Tag) (s Service, response, ok bool) {
	switch tag &^ 1 {
	case tagAggregatorRequest:
		s = Aggregator
	case tagExtenderRequest:
		s = Extender
	default:
		return 0, false, false
	}
	return s, tag&1 == 1, true
}

func tagOf(s Service, response bool) tlv.Tag {
	tag := tagAggregatorRequest
	if s == Extender {
		tag = tagExtenderRequest
	}
	if response {
		tag++
	}
	return tag
}

func (e *Envelope) parse() error {
	headed := false
	err := e.root.EachChild(func(c *tlv.Element, seen *tlv.Seen) (err error) {
		switch {
		case !e.mac.IsZero():
			return c.Errorf("behind the HMAC, which is last")
		case c.Tag == tagHeader:
			if len(e.payloads) > 0 {
				return c.Errorf("header behind a payload, it is first")
			}
			headed = true
			e.Header, err = parseHeader(c)
		case c.Tag == tagMAC:
			e.mac, err = parseMAC(c)
		case c.Tag == tagPayload, c.Tag == tagConfig, c.Tag == tagError && e.IsResponse,
			c.Tag == tagAck && e.Service == Aggregator:
			e.payloads = append(e.payloads, *c)
		default:
			return c.Unknown()
		}
		return seen.Once(c, err)
	})
	bare := e.IsResponse && len(e.payloads) == 1 && e.payloads[0].Tag == tagError
	switch {
	case err != nil:
		return err
	case !headed && (!bare || !e.mac.IsZero()):
		return e.root.Errorf("no header (0x01)")
	case headed && e.mac.IsZero():
		return e.root.Errorf("no HMAC (0x1f)")
	}
	return nil
}

func parseHeader(e *tlv.Element) (h Header, err error) {
	err = e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagLogin:
			h.Login, err = e.Text()
		case tagInstance:
			h.Instance, err = e.Uint()
		case tagMessage:
			h.Message, err = e.Uint()
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagLogin)
	return h, err
}

func parseMAC(e *tlv.Element) (merkle.Imprint, error) {
	im, err := merkle.ParseImprint(e.Value())
	switch {
	case err != nil:
		return im, e.Wrap(err)
	case newHash(im.Algorithm()) == nil:
		return im, e.Errorf("HMAC with %s, want sha256, sha384 or sha512", im.Algorithm())
	}
	return im, nil
}

// Algorithm returns the hash algorithm of the HMAC: SHA-256, SHA-384 or SHA-512; SHA-256 also for a response without one.
func (e *Envelope) Algorithm() merkle.Algorithm {
	if e.mac.IsZero() {
		return merkle.SHA256
	}
	return e.mac.Algorithm()
}

// Authentic reports whether the HMAC was made with the key. It takes the same time whether and wherever it differs. A
// response that holds nothing but an error has no HMAC and is never authentic.
func (e *Envelope) Authentic(key []byte) bool {
	if e.mac.IsZero() {
		return false
	}
	raw := e.root.Raw()
	return hmac.Equal(sum(e.mac.Algorithm(), key, raw[:len(raw)-len(e.mac.Digest())]), e.mac.Digest())
}

func sum(a merkle.Algorithm, key, message []byte) []byte {
	h := hmac.New(newHash(a), key)
	h.Write(message)
	return h.Sum(nil)
}

// newHash returns what makes the HMACs with a, nil if none may be made.
func newHash(a merkle.Algorithm) func() hash.Hash {
	switch a {
	case merkle.SHA256:
		return sha256.New
	case merkle.SHA384:
		return sha512.New384
	case merkle.SHA512:
		return sha512.New
	}
	return nil
}

// seal makes the payloads, dst from start on, a PDU: header before, HMAC behind, all in one element.
func seal(dst []byte, start int, tag tlv.Tag, h *Header, a merkle.Algorithm, key []byte) ([]byte, error) {
	if newHash(a) == nil {
		return nil, fmt.Errorf("HMAC with %s, want sha256, sha384 or sha512", a)
	}
	if !tlv.ValidText(h.Login) {
		return nil, fmt.Errorf("login id %.100q is not UTF-8 without NUL, or too long", h.Login)
	}
	payloads := append([]byte(nil), dst[start:]...)
	dst = tlv.AppendText(dst[:start], tagLogin, 0, h.Login)
	dst = appendKnown(dst, tagInstance, h.Instance)
	dst = appendKnown(dst, tagMessage, h.Message)
	mac := make([]byte, 1+a.Size())
	mac[0] = byte(a)
	if size := len(dst) - start; size > tlv.MaxSize {
		return nil, fmt.Errorf("login id of %d bytes", len(h.Login))
	}
	dst = tlv.Enclose(dst, start, tagHeader, 0)
	dst = append(dst, payloads...)
	dst = tlv.Append(dst, tagMAC, 0, mac)
	if size := len(dst) - start; size > tlv.MaxSize {
		return nil, fmt.Errorf("%d bytes in one PDU, at most %d are allowed", size, tlv.MaxSize)
	}
	dst = tlv.Enclose(dst, start, tag, 0)
	end := len(dst) - a.Size()
	copy(dst[end:], sum(a, key, dst[start:end]))
	return dst, nil
}

// appendKnown appends an integer unless it is 0, which stands for "not told".
func appendKnown(dst []byte, tag tlv.Tag, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return tlv.AppendUint(dst, tag, 0, n)
}
