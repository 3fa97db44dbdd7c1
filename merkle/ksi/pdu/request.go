package pdu

import (
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// The elements of request payloads.
const (
	tagRequestID tlv.Tag = 0x01

	// Of an aggregation request.
	tagInput tlv.Tag = 0x02
	tagLevel tlv.Tag = 0x03

	// Of an extension request.
	tagFrom tlv.Tag = 0x02
	tagTo   tlv.Tag = 0x03
)

// A Request is what a client asks in one PDU, at least one thing.
type Request struct {
	Service   Service
	Header    Header
	Aggregate *AggregationRequest // of an aggregator; nil if not asked
	Extend    *ExtensionRequest   // of an extender; nil if not asked
	Config    bool                // asks for the configuration
}

// An AggregationRequest asks for a signature.
type AggregationRequest struct {
	ID    uint64 // chosen by the client; the response has it too
	Input merkle.Imprint
	Level uint64 // height of the client's tree that Input is the root of; 0 for a document
}

// An ExtensionRequest asks for a calendar chain.
type ExtensionRequest struct {
	ID   uint64          // chosen by the client; the response has it too
	From calendar.Second // where the chain starts: the time of the signature
	To   calendar.Second // where it ends; 0 for the newest second
}

// Request reads the payloads of a request. If a payload is at fault, the Request comes with the error, and holds what
// could be read: the ID of its request is right then unless it is 0.
func (e *Envelope) Request() (*Request, error) {
	if e.IsResponse {
		return nil, fmt.Errorf("pdu: %w", e.root.Errorf("a response where a request is wanted"))
	}
	q := &Request{Service: e.Service, Header: e.Header}
	acknowledge := false
	for i := range e.payloads {
		p := &e.payloads[i]
		var err error
		switch {
		case p.Tag == tagPayload && e.Service == Aggregator:
			q.Aggregate, err = parseAggregationRequest(p)
		case p.Tag == tagPayload:
			q.Extend, err = parseExtensionRequest(p)
		case p.Tag == tagConfig:
			q.Config = true
			err = p.EachChild(func(c *tlv.Element, _ *tlv.Seen) error { return c.Unknown() })
		default:
			acknowledge = true
		}
		if err != nil {
			return q, fmt.Errorf("pdu: %w", e.root.Wrap(err))
		}
	}
	if q.Aggregate == nil && q.Extend == nil && !q.Config && !acknowledge {
		return q, fmt.Errorf("pdu: %w", e.root.Errorf("no payload: a request (0x02) or a configuration request (0x04)"))
	}
	return q, nil
}

func parseAggregationRequest(e *tlv.Element) (*AggregationRequest, error) {
	q := &AggregationRequest{}
	return q, e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagRequestID:
			q.ID, err = e.Uint()
		case tagInput:
			if q.Input, err = merkle.ParseImprint(e.Value()); err != nil {
				err = e.Wrap(err)
			}
		case tagLevel:
			q.Level, err = e.Uint()
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagRequestID, tagInput)
}

func parseExtensionRequest(e *tlv.Element) (*ExtensionRequest, error) {
	q := &ExtensionRequest{}
	return q, e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagRequestID:
			q.ID, err = e.Uint()
		case tagFrom:
			q.From, err = parseSecond(e)
		case tagTo:
			if q.To, err = parseSecond(e); err == nil && q.To == 0 {
				err = e.Errorf("no calendar chain ends at second 0; leave the element out for the newest second")
			}
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagRequestID, tagFrom)
}

// Append appends q as a PDU to dst, with an HMAC made with the algorithm (SHA-256, SHA-384 or SHA-512) and the key. It
// panics if q asks the other service too. An error says what does not fit: a login id that is no text, most likely.
func (q *Request) Append(dst []byte, a merkle.Algorithm, key []byte) ([]byte, error) {
	if q.Aggregate != nil && q.Service != Aggregator || q.Extend != nil && q.Service != Extender {
		panic("pdu: request for the other service")
	}
	start := len(dst)
	switch {
	case q.Aggregate != nil:
		dst = q.Aggregate.append(dst)
	case q.Extend != nil:
		dst = q.Extend.append(dst)
	}
	if q.Config {
		dst = tlv.Append(dst, tagConfig, 0, nil)
	}
	dst, err := seal(dst, start, tagOf(q.Service, false), &q.Header, a, key)
	if err != nil {
		return nil, fmt.Errorf("%s request: %w", q.Service, err)
	}
	return dst, nil
}

func (q *AggregationRequest) append(dst []byte) []byte {
	start := len(dst)
	dst = tlv.AppendUint(dst, tagRequestID, 0, q.ID)
	dst = tlv.Append(dst, tagInput, 0, q.Input.Append(nil))
	dst = appendKnown(dst, tagLevel, q.Level)
	return tlv.Enclose(dst, start, tagPayload, 0)
}

func (q *ExtensionRequest) append(dst []byte) []byte {
	start := len(dst)
	dst = tlv.AppendUint(dst, tagRequestID, 0, q.ID)
	dst = tlv.AppendUint(dst, tagFrom, 0, uint64(q.From))
	dst = appendKnown(dst, tagTo, uint64(q.To))
	return tlv.Enclose(dst, start, tagPayload, 0)
}
