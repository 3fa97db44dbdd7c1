package pdu

import (
	"fmt"
	"strconv"
)

// A Service is one of the two services of the protocol.
type Service uint8

// The services.
const (
	Aggregator Service = iota // makes signatures
	Extender                  // gives calendar chains
)

// String returns "aggregator" or "extender".
func (s Service) String() string { return [...]string{"aggregator", "extender"}[s] }

// A Status says how a request ended. 0x1xx are faults of the client, 0x2xx of the server, 0x3xx of a server behind it.
// Some numbers mean one thing to an aggregator and another to an extender.
type Status uint64

// The status codes of both services.
const (
	OK                    Status = 0
	InvalidRequest        Status = 0x101
	AuthenticationFailure Status = 0x102
	InvalidPayload        Status = 0x103
	InternalError         Status = 0x200
	UpstreamError         Status = 0x300
	UpstreamTimeout       Status = 0x301
)

// The status codes of an aggregator.
const (
	RequestTooLarge Status = 0x104
	OverQuota       Status = 0x105
	TooManyRequests Status = 0x106
	InputTooLong    Status = 0x107
)

// The status codes of an extender.
const (
	InvalidTimeRange Status = 0x104
	TimeTooOld       Status = 0x105
	TimeTooNew       Status = 0x106
	TimeInFuture     Status = 0x107
	DatabaseMissing  Status = 0x201
	DatabaseCorrupt  Status = 0x202
)

type statusText struct{ name, sentence string }

var statusTexts = map[Status]statusText{
	OK:                    {"success", "The request was answered."},
	InvalidRequest:        {"invalid request", "The server could not read the request."},
	AuthenticationFailure: {"authentication failure", "The login id or its HMAC key is not right."},
	InvalidPayload:        {"invalid payload", "The server could not use what the request holds."},
	InternalError:         {"internal error", "The server failed; ask again later."},
	UpstreamError:         {"upstream error", "A server behind this one failed; ask again later."},
	UpstreamTimeout:       {"upstream timeout", "A server behind this one did not answer in time; ask again."},
}

var ownStatusTexts = [...]map[Status]statusText{
	Aggregator: {
		RequestTooLarge: {"request too large", "The request is longer than the server takes."},
		OverQuota:       {"over quota", "The client has used up its requests for now; ask again in the next period."},
		TooManyRequests: {"too many requests", "Too many requests wait for their answers; ask again when some have ended."},
		InputTooLong:    {"input too long", "The level of the request is higher than the server takes."},
	},
	Extender: {
		InvalidTimeRange: {"invalid time range", "The calendar chain would end before it starts."},
		TimeTooOld:       {"time too old", "The time is before the first second of the server's calendar."},
		TimeTooNew:       {"time too new", "The time is not closed yet; ask again in a few seconds."},
		TimeInFuture:     {"time in the future", "The time lies in the future."},
		DatabaseMissing:  {"database missing", "The server has no calendar."},
		DatabaseCorrupt:  {"database corrupt", "The server's calendar is damaged."},
	},
}

func (s Status) text(of Service) statusText {
	if t, ok := statusTexts[s]; ok {
		return t
	}
	return ownStatusTexts[of][s]
}

// Name returns what the service calls the status, "over quota"; "unknown status" if it has no such status.
func (s Status) Name(of Service) string {
	if t := s.text(of); t.name != "" {
		return t.name
	}
	return "unknown status"
}

// Sentence says in plain English what the status means; empty for a status that the service does not have.
func (s Status) Sentence(of Service) string { return s.text(of).sentence }

// ClientFault reports whether the status says that the client is to blame: 0x1xx.
func (s Status) ClientFault() bool { return s>>8 == 1 }

// An Error is the answer to a request that failed.
type Error struct {
	Service Service
	Status  Status // never OK
	Message string // of the server, in its words; may be empty
}

// Error returns service, status, its name, and the message or else what the status means. The message is quoted: anybody
// on the way may have sent it, and a line break in it could pass for words of ours.
func (e *Error) Error() string {
	text := strconv.Quote(e.Message)
	if e.Message == "" {
		text = e.Status.Sentence(e.Service)
	}
	return fmt.Sprintf("%s: status 0x%03x, %s: %s", e.Service, uint64(e.Status), e.Status.Name(e.Service), text)
}
