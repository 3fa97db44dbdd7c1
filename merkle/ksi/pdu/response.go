package pdu

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// The elements of response payloads.
const (
	tagStatus        tlv.Tag = 0x04 // also in an error
	tagStatusMessage tlv.Tag = 0x05 // also in an error
	tagNewest        tlv.Tag = 0x12 // of an extension response and of an extender's configuration

	// Of an aggregation response; those of a signature.
	tagSignature      tlv.Tag = 0x800
	tagAggregation    tlv.Tag = 0x801
	tagCalendar       tlv.Tag = 0x802 // also of an extension response
	tagAuthentication tlv.Tag = 0x805

	// Of a configuration.
	tagMaxLevel    tlv.Tag = 0x01
	tagAlgorithm   tlv.Tag = 0x02
	tagPeriod      tlv.Tag = 0x03
	tagMaxRequests tlv.Tag = 0x04
	tagParent      tlv.Tag = 0x10
	tagFirst       tlv.Tag = 0x11
)

const (
	maxMessage = 1000 // bytes of a status message that is written; longer ones are cut
	maxParents = 64   // of a configuration
)

// A Response is what a server answers in one PDU.
type Response struct {
	Service   Service
	Header    Header               // ignored with Error, which goes without
	Error     *Error               // nil, or the only payload
	Aggregate *AggregationResponse // of an aggregator; nil if not asked
	Extend    *ExtensionResponse   // of an extender; nil if not asked
	Config    *Config              // nil if the PDU holds none
}

// An AggregationResponse answers an AggregationRequest.
type AggregationResponse struct {
	ID      uint64
	Status  Status
	Message string // in words, may be empty
	// Elements are those of the signature, one after the other, without the element around them; empty unless Status is
	// OK. The level of the request is not part of the first link's level correction.
	Elements []byte
}

// An ExtensionResponse answers an ExtensionRequest.
type ExtensionResponse struct {
	ID      uint64
	Status  Status
	Message string          // in words, may be empty
	Newest  calendar.Second // the newest second of the calendar; 0 if it is not told
	Chain   []byte          // the whole element 0x802; empty unless Status is OK
}

// A Config is what a server tells of itself. What is zero is not told.
type Config struct {
	MaxLevel     uint64           // aggregator: the highest level of a request
	Algorithm    merkle.Algorithm // aggregator: recommended for documents; SHA1 stands for "not told"
	PeriodMillis uint64           // aggregator: length of a period, most often of a round
	MaxRequests  uint64           // requests that a client may make in a period
	Parents      []string         // URIs of the servers behind this one
	First        calendar.Second  // extender: first second of the calendar
	Newest       calendar.Second  // extender: last second of the calendar
}

// Err returns the failure that r tells, as an *Error: r.Error, or the status of the payload. It is nil after success.
func (r *Response) Err() error {
	switch {
	case r.Error != nil:
		return r.Error
	case r.Aggregate != nil && r.Aggregate.Status != OK:
		return &Error{r.Service, r.Aggregate.Status, r.Aggregate.Message}
	case r.Extend != nil && r.Extend.Status != OK:
		return &Error{r.Service, r.Extend.Status, r.Extend.Message}
	}
	return nil
}

// Response reads the payloads of a response. It keeps no part of the input.
func (e *Envelope) Response() (*Response, error) {
	if !e.IsResponse {
		return nil, fmt.Errorf("pdu: %w", e.root.Errorf("a request where a response is wanted"))
	}
	r := &Response{Service: e.Service, Header: e.Header}
	for i := range e.payloads {
		p := &e.payloads[i]
		var err error
		switch {
		case p.Tag == tagError:
			r.Error, err = parseError(p, e.Service)
		case p.Tag == tagPayload && e.Service == Aggregator:
			r.Aggregate, err = parseAggregationResponse(p)
		case p.Tag == tagPayload:
			r.Extend, err = parseExtensionResponse(p)
		case p.Tag == tagConfig:
			r.Config, err = parseConfig(p, e.Service)
		}
		if err != nil {
			return nil, fmt.Errorf("pdu: %w", e.root.Wrap(err))
		}
	}
	return r, nil
}

func parseError(e *tlv.Element, s Service) (*Error, error) {
	x := &Error{Service: s}
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagStatus:
			if x.Status, err = parseStatus(e); err == nil && x.Status == OK {
				err = e.Errorf("status 0, success, in an error")
			}
		case tagStatusMessage:
			x.Message, err = e.Text()
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagStatus)
	return x, err
}

func parseStatus(e *tlv.Element) (Status, error) {
	n, err := e.Uint()
	return Status(n), err
}

func parseAggregationResponse(e *tlv.Element) (*AggregationResponse, error) {
	r := &AggregationResponse{}
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagRequestID:
			r.ID, err = e.Uint()
		case tagStatus:
			r.Status, err = parseStatus(e)
		case tagStatusMessage:
			r.Message, err = e.Text()
		case tagAggregation:
			r.Elements = append(r.Elements, e.Raw()...)
			return nil
		case tagCalendar, tagAuthentication:
			r.Elements = append(r.Elements, e.Raw()...)
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagRequestID, tagStatus)
	if err == nil && (r.Status == OK) != (len(r.Elements) > 0) {
		err = e.Errorf("status 0x%03x and a signature of %d bytes", uint64(r.Status), len(r.Elements))
	}
	return r, err
}

func parseExtensionResponse(e *tlv.Element) (*ExtensionResponse, error) {
	r := &ExtensionResponse{}
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagRequestID:
			r.ID, err = e.Uint()
		case tagStatus:
			r.Status, err = parseStatus(e)
		case tagStatusMessage:
			r.Message, err = e.Text()
		case tagNewest:
			r.Newest, err = parseSecond(e)
		case tagCalendar:
			r.Chain = slices.Clone(e.Raw())
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagRequestID, tagStatus)
	if err == nil && (r.Status == OK) != (r.Chain != nil) {
		err = e.Errorf("status 0x%03x and a calendar chain of %d bytes", uint64(r.Status), len(r.Chain))
	}
	return r, err
}

func parseConfig(e *tlv.Element, s Service) (*Config, error) {
	c := &Config{}
	return c, e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch {
		case e.Tag == tagMaxRequests:
			c.MaxRequests, err = e.Uint()
		case e.Tag == tagParent:
			if len(c.Parents) == maxParents {
				return e.Errorf("more than %d parents", maxParents)
			}
			var uri string
			uri, err = e.Text()
			c.Parents = append(c.Parents, uri)
			return err
		case e.Tag == tagMaxLevel && s == Aggregator:
			c.MaxLevel, err = e.Uint()
		case e.Tag == tagAlgorithm && s == Aggregator:
			c.Algorithm, err = parseAlgorithm(e)
		case e.Tag == tagPeriod && s == Aggregator:
			c.PeriodMillis, err = e.Uint()
		case e.Tag == tagFirst && s == Extender:
			c.First, err = parseSecond(e)
		case e.Tag == tagNewest && s == Extender:
			c.Newest, err = parseSecond(e)
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	})
}

func parseAlgorithm(e *tlv.Element) (merkle.Algorithm, error) {
	n, err := e.Uint()
	if err == nil && (n > math.MaxUint8 || merkle.Algorithm(n).Size() == 0) {
		err = e.Errorf("no hash algorithm has id 0x%02x", n)
	}
	return merkle.Algorithm(n), err
}

// Signature returns the signature of a response with status OK, as it came: the level of the request is still missing in
// its first link.
func (r *AggregationResponse) Signature() (*ksi.Signature, error) {
	return ksi.Parse(tlv.Append(nil, tagSignature, 0, r.Elements))
}

// SignatureElements returns s as an AggregationResponse holds it. A signature that is extended or was converted from an
// older time stamp is an error: no aggregator gives one.
func SignatureElements(s *ksi.Signature) ([]byte, error) {
	root, err := tlv.ParseOne(s.Append(nil))
	if err != nil {
		return nil, err
	}
	err = root.EachChild(func(e *tlv.Element, _ *tlv.Seen) error {
		switch e.Tag {
		case tagAggregation, tagCalendar, tagAuthentication:
			return nil
		}
		return e.Errorf("an aggregation response has no place for this element")
	})
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return root.Value(), nil
}

// Append appends r as a PDU to dst, with an HMAC made with the algorithm (SHA-256, SHA-384 or SHA-512) and the key; with
// Error alone neither is used. It panics if r answers for the other service too. Of messages longer than 1,000 bytes and
// what is no text in them only the rest is written. An error says what does not fit into one PDU.
func (r *Response) Append(dst []byte, a merkle.Algorithm, key []byte) ([]byte, error) {
	if r.Aggregate != nil && r.Service != Aggregator || r.Extend != nil && r.Service != Extender {
		panic("pdu: response of the other service")
	}
	start := len(dst)
	tag := tagOf(r.Service, true)
	if r.Error != nil {
		dst = appendStatus(dst, r.Error.Status, r.Error.Message)
		dst = tlv.Enclose(dst, start, tagError, 0)
		return tlv.Enclose(dst, start, tag, 0), nil
	}
	switch {
	case r.Aggregate != nil:
		q := r.Aggregate
		dst = tlv.AppendUint(dst, tagRequestID, 0, q.ID)
		dst = appendStatus(dst, q.Status, q.Message)
		dst = append(dst, q.Elements...)
	case r.Extend != nil:
		q := r.Extend
		dst = tlv.AppendUint(dst, tagRequestID, 0, q.ID)
		dst = appendStatus(dst, q.Status, q.Message)
		dst = appendKnown(dst, tagNewest, uint64(q.Newest))
		dst = append(dst, q.Chain...)
	}
	if size := len(dst) - start; size > tlv.MaxSize {
		return nil, fmt.Errorf("%s response: payload of %d bytes, at most %d are allowed", r.Service, size, tlv.MaxSize)
	} else if size > 0 {
		dst = tlv.Enclose(dst, start, tagPayload, 0)
	}
	if r.Config != nil {
		dst = r.Config.append(dst, r.Service)
	}
	dst, err := seal(dst, start, tag, &r.Header, a, key)
	if err != nil {
		return nil, fmt.Errorf("%s response: %w", r.Service, err)
	}
	return dst, nil
}

func appendStatus(dst []byte, s Status, message string) []byte {
	dst = tlv.AppendUint(dst, tagStatus, 0, uint64(s))
	if message == "" {
		return dst
	}
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	message = strings.ReplaceAll(strings.ToValidUTF8(message, ""), "\x00", "")
	return tlv.AppendText(dst, tagStatusMessage, 0, message)
}

func (c *Config) append(dst []byte, s Service) []byte {
	start := len(dst)
	if s == Aggregator {
		dst = appendKnown(dst, tagMaxLevel, c.MaxLevel)
		dst = appendKnown(dst, tagAlgorithm, uint64(c.Algorithm))
		dst = appendKnown(dst, tagPeriod, c.PeriodMillis)
	}
	dst = appendKnown(dst, tagMaxRequests, c.MaxRequests)
	for _, uri := range c.Parents {
		dst = tlv.AppendText(dst, tagParent, 0, uri)
	}
	if s == Extender {
		dst = appendKnown(dst, tagFirst, uint64(c.First))
		dst = appendKnown(dst, tagNewest, uint64(c.Newest))
	}
	return tlv.Enclose(dst, start, tagConfig, 0)
}
