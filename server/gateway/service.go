package gateway

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
)

// maxLogged is how many bytes of a login id that anybody may have sent are logged.
const maxLogged = 100

// A call is a request whose HMAC was made with the key of its login.
type call struct {
	envelope *pdu.Envelope
	key      []byte
}

// A reply is a PDU for the client.
type reply struct {
	data   []byte
	status pdu.Status
}

// authenticate reads the frame of a PDU that came from remote and checks its HMAC. If it returns no call, the reply says why.
func (s *Server) authenticate(data []byte, remote string) (*call, reply) {
	e, err := pdu.Parse(data)
	if err != nil {
		s.cfg.Logger.Debug("KSI request refused", "error", err)
		service, _ := pdu.ServiceOf(data)
		s.count(service, pdu.InvalidRequest)
		return nil, bare(service, pdu.InvalidRequest, err.Error())
	}
	if e.IsResponse {
		return nil, bare(e.Service, pdu.InvalidRequest, "this is a response; servers take requests")
	}
	key, ok := s.cfg.Ledger.Key(e.Header.Login)
	if !ok || len(key) == 0 {
		key, ok = s.nobody, false
	}
	if !e.Authentic(key) || !ok {
		s.log(e, pdu.AuthenticationFailure)
		s.cfg.Refused(e.Header.Login, remote)
		return nil, bare(e.Service, pdu.AuthenticationFailure, pdu.AuthenticationFailure.Sentence(e.Service))
	}
	return &call{e, key}, reply{}
}

// bare returns the reply to a request whose sender or id is not known.
func bare(s pdu.Service, status pdu.Status, message string) reply {
	r := pdu.Response{Service: s, Error: &pdu.Error{Service: s, Status: status, Message: message}}
	data, err := r.Append(nil, merkle.SHA256, nil)
	if err != nil {
		panic("gateway: " + err.Error()) // an error needs no key and fits
	}
	return reply{data, status}
}

// log counts and logs a request.
func (s *Server) log(e *pdu.Envelope, status pdu.Status) {
	s.count(e.Service, status)
	login := e.Header.Login
	if len(login) > maxLogged {
		login = login[:maxLogged]
	}
	s.cfg.Logger.Debug("KSI request", "service", e.Service.String(), "login", login, "status", fmt.Sprintf("0x%03x", uint64(status)))
}

// run answers a call.
func (s *Server) run(ctx context.Context, c *call) reply {
	service := c.envelope.Service
	r, fault := s.answer(ctx, c)
	status := pdu.OK
	if fault != nil {
		status = fault.Status
	}
	s.log(c.envelope, status)
	if r.Error != nil {
		return bare(service, status, fault.Message)
	}
	data, err := r.Append(nil, c.envelope.Algorithm(), c.key)
	if err != nil {
		s.cfg.Logger.Error("KSI response", "error", err)
		return bare(service, pdu.InternalError, "the answer does not fit into a response")
	}
	return reply{data, status}
}

// answer returns the response to a call, and the fault that it tells, if any.
func (s *Server) answer(ctx context.Context, c *call) (*pdu.Response, *Error) {
	q, err := c.envelope.Request()
	if err != nil {
		return failure(known(q), &Error{pdu.InvalidPayload, err.Error()})
	}
	if q.Aggregate == nil && q.Extend == nil && !q.Config {
		return failure(q, &Error{pdu.InvalidRequest, "nothing is asked"})
	}
	if fault := s.quota.enter(q.Header.Login, q.Service, s.cfg.Now()); fault != nil {
		return failure(q, fault)
	}
	defer s.quota.leave(q.Header.Login)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	r := &pdu.Response{Service: q.Service, Header: pdu.Header{Login: q.Header.Login}}
	if err := s.fill(ctx, r, q); err != nil {
		return failure(q, s.fault(ctx, q, err))
	}
	return r, nil
}

// known returns a request that could not be read whole without what has no id.
func known(q *pdu.Request) *pdu.Request {
	if q.Aggregate != nil && q.Aggregate.ID == 0 {
		q.Aggregate = nil
	}
	if q.Extend != nil && q.Extend.ID == 0 {
		q.Extend = nil
	}
	return q
}

// failure returns a response that tells the fault, under the id of the request if it is known.
func failure(q *pdu.Request, fault *Error) (*pdu.Response, *Error) {
	r := &pdu.Response{Service: q.Service, Header: pdu.Header{Login: q.Header.Login}}
	switch {
	case q.Aggregate != nil:
		r.Aggregate = &pdu.AggregationResponse{ID: q.Aggregate.ID, Status: fault.Status, Message: fault.Message}
	case q.Extend != nil:
		r.Extend = &pdu.ExtensionResponse{ID: q.Extend.ID, Status: fault.Status, Message: fault.Message}
	default:
		r.Error = &pdu.Error{Service: q.Service, Status: fault.Status, Message: fault.Message}
	}
	return r, fault
}

// fault returns what the client is told of an error.
func (s *Server) fault(ctx context.Context, q *pdu.Request, err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok && own.Status != pdu.OK {
		return own
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{pdu.UpstreamTimeout, "the ledger did not answer in time; ask again"}
	case ctx.Err() != nil:
		return &Error{pdu.InternalError, "the server stops, or the client went away"}
	}
	s.cfg.Logger.Error("KSI request", "service", q.Service.String(), "login", q.Header.Login, "error", err)
	return &Error{pdu.InternalError, "the server failed; ask again later"}
}

// fill puts into r what q asks. A panic in the ledger is an error to this request alone.
func (s *Server) fill(ctx context.Context, r *pdu.Response, q *pdu.Request) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("panic: %v\n%s", x, debug.Stack())
		}
	}()
	switch {
	case q.Aggregate != nil:
		r.Aggregate, err = s.sign(ctx, q)
	case q.Extend != nil:
		r.Extend, err = s.extend(ctx, q.Extend)
	}
	if err == nil && q.Config {
		r.Config = s.config(q.Service)
	}
	return err
}

func (s *Server) sign(ctx context.Context, q *pdu.Request) (*pdu.AggregationResponse, error) {
	a := q.Aggregate
	switch {
	case a.Level > uint64(MaxLevel):
		return nil, &Error{pdu.InputTooLong, fmt.Sprintf("level %d: at most %d is accepted", a.Level, MaxLevel)}
	case a.Input.Algorithm() == merkle.SHA1:
		return nil, &Error{pdu.InvalidPayload, "sha1 is deprecated and not accepted any more; hash with sha256"}
	}
	data, err := s.cfg.Ledger.Sign(ctx, q.Header.Login, a.Input)
	if err != nil {
		return nil, err
	}
	signature, err := ksi.Parse(data)
	if err != nil {
		return nil, err
	}
	if signature, err = signature.ShiftLevel(-int(a.Level)); err != nil {
		return nil, err
	}
	elements, err := pdu.SignatureElements(signature)
	if err != nil {
		return nil, err
	}
	return &pdu.AggregationResponse{ID: a.ID, Elements: elements}, nil
}

func (s *Server) extend(ctx context.Context, q *pdu.ExtensionRequest) (*pdu.ExtensionResponse, error) {
	first, closed, open := s.cfg.Ledger.Extent()
	from, to := q.From, q.To
	if to == 0 {
		to = max(from, closed)
	}
	switch {
	case to < from:
		return nil, &Error{pdu.InvalidTimeRange, fmt.Sprintf("%s, where the chain would end, is before %s, where it starts", to, from)}
	case from < max(first, 1):
		return nil, &Error{pdu.TimeTooOld, fmt.Sprintf("%s is before %s, the first second of this ledger", from, first)}
	case to > open:
		return nil, &Error{pdu.TimeInFuture, fmt.Sprintf("%s lies in the future", to)}
	case to > closed:
		return nil, &Error{pdu.TimeTooNew, fmt.Sprintf("%s is not closed yet; ask again in a few seconds", to)}
	}
	links, leaf, err := s.cfg.Ledger.CalendarChain(ctx, from, to)
	if err != nil {
		return nil, err
	}
	if t, err := calendar.AggregationTime(to, links.Directions()); err != nil || t != from {
		return nil, fmt.Errorf("calendar chain from %s to %s: the ledger gave one from %s, %v", from, to, t, err)
	}
	return &pdu.ExtensionResponse{ID: q.ID, Newest: closed, Chain: ksi.NewCalendarChain(from, leaf, to, links).Append(nil)}, nil
}

func (s *Server) config(service pdu.Service) *pdu.Config {
	if service == pdu.Extender {
		first, closed, _ := s.cfg.Ledger.Extent()
		return &pdu.Config{MaxRequests: uint64(s.cfg.MaxRequests), First: first, Newest: closed}
	}
	return &pdu.Config{
		MaxLevel: uint64(MaxLevel), Algorithm: merkle.SHA256, PeriodMillis: uint64(period.Milliseconds()), MaxRequests: uint64(s.cfg.MaxRequests),
	}
}
