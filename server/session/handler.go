package session

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/value"
	"github.com/jurat-ledger/jurat/wire"
)

// A Handler opens sessions of an engine for a wire.Server.
type Handler struct {
	engine *query.Engine
	login  func(s *wire.Startup, err error)
}

// NewHandler returns a handler. login is told of every session that is opened, with a nil error, or refused.
func NewHandler(engine *query.Engine, login func(s *wire.Startup, err error)) *Handler {
	return &Handler{engine: engine, login: login}
}

// Open implements wire.Handler.
func (h *Handler) Open(_ context.Context, s *wire.Startup) (wire.Session, error) {
	login := query.Login{User: s.User, Database: s.Database, Settings: s.Parameters, PID: int32(s.ProcessID), From: wire.From(s.Remote), Wake: s.Wake,
		Cancel: s.Cancel, Terminate: s.Terminate}
	if addr, ok := s.Remote.(*net.TCPAddr); ok {
		login.Remote, login.Port = addr.IP.String(), addr.Port
	}
	if addr, ok := s.Local.(*net.TCPAddr); ok {
		login.Local, login.LocalPort = addr.IP.String(), addr.Port
	}
	if s.TLS != nil {
		login.TLS = describe(s.TLS)
	}
	q, err := h.engine.Open(login)
	h.login(s, err)
	if err != nil {
		return nil, fatal(wireError(err))
	}
	return &session{query: q}, nil
}

// describe says how a connection is encrypted.
func describe(state *tls.ConnectionState) *query.TLS {
	t := &query.TLS{Version: strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1), Cipher: tls.CipherSuiteName(state.CipherSuite), Bits: 256}
	if strings.Contains(t.Cipher, "AES_128") {
		t.Bits = 128
	}
	if len(state.VerifiedChains) > 0 {
		x := state.PeerCertificates[0]
		t.Subject, t.Issuer, t.Serial = x.Subject.String(), x.Issuer.String(), x.SerialNumber.String()
	}
	return t
}

// fatal marks an error that ends the connection.
func fatal(err error) error {
	var e *wire.Error
	if errors.As(err, &e) {
		e.Severity = "FATAL"
	}
	return err
}

// wireError turns an error of query into one of wire.
func wireError(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	var e *query.Error
	if !errors.As(err, &e) {
		return err
	}
	w := &wire.Error{
		Severity: e.Severity, Code: e.Code, Message: e.Message, Detail: e.Detail, Hint: e.Hint, Position: e.Position,
		Where: e.Where, Schema: e.Schema, Table: e.Table, Column: e.Column, Constraint: e.Constraint,
	}
	if w.Severity == "" {
		w.Severity = "ERROR"
	}
	return w
}

// stopped is wireError for a call with a context: where that was ended, its cause says why. What came of the statement is kept.
func stopped(ctx context.Context, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	var e *query.Error
	var cause *wire.Error
	if ctx.Err() != nil && errors.As(err, &e) && e.Code == "57014" && errors.As(context.Cause(ctx), &cause) {
		last := *cause
		if e.Detail != "" {
			last.Detail, last.Hint = e.Detail, e.Hint
		}
		return &last
	}
	return wireError(err)
}

// session implements wire.Session.
type session struct {
	query   *query.Session
	result  result        // the one at hand: the server asks one after the other
	columns []wire.Column // those described last
}

func (s *session) Status() byte { return s.query.Status() }

func (s *session) Changed() []wire.Parameter {
	var list []wire.Parameter
	for _, c := range s.query.Changed() {
		list = append(list, wire.Parameter(c))
	}
	return list
}

func (s *session) Notices() []*wire.Error {
	var list []*wire.Error
	for _, n := range s.query.Notices() {
		var e *wire.Error
		if errors.As(wireError(n), &e) {
			list = append(list, e)
		}
	}
	return list
}

func (s *session) Notifications() []wire.Notification {
	var list []wire.Notification
	for _, n := range s.query.Notifications() {
		list = append(list, wire.Notification{ProcessID: uint32(n.PID), Channel: n.Channel, Payload: n.Payload})
	}
	return list
}

func (s *session) IdleTimeout() (time.Duration, *wire.Error) {
	d, cause := s.query.IdleTimeout()
	if d == 0 {
		return 0, nil
	}
	var e *wire.Error
	errors.As(fatal(wireError(cause)), &e)
	return d, e
}

func (s *session) Query(_ context.Context, sql string) (wire.Script, error) {
	q, err := s.query.Script(sql)
	if err != nil {
		return nil, wireError(err)
	}
	return &script{session: s, query: q}, nil
}

// script implements wire.Script.
type script struct {
	session *session
	query   *query.Script
}

func (c *script) Next(ctx context.Context) (wire.Result, error) {
	r, err := c.query.Next(ctx)
	if err != nil {
		return nil, stopped(ctx, err)
	}
	if r.Binary() {
		return newResult(c.session, r, []int16{1})
	}
	return newResult(c.session, r, nil)
}

func (c *script) Close(ctx context.Context, err error) error {
	return stopped(ctx, c.query.Close(ctx, err))
}

func (s *session) Parse(ctx context.Context, name, sql string, types []uint32) error {
	return wireError(s.query.Parse(ctx, name, sql, types))
}

func (s *session) Bind(_ context.Context, b *wire.Bind) error {
	types, columns, err := s.query.Bindable(b.Statement)
	if err != nil {
		return wireError(err)
	}
	if n := len(b.Parameters); n != len(types) {
		return s.protocol("bind message supplies " + strconv.Itoa(n) + " parameters, but prepared statement \"" + b.Statement +
			"\" requires " + strconv.Itoa(len(types)))
	}
	if n := len(b.ParameterFormats); n > 1 && n != len(b.Parameters) {
		return s.protocol("bind message has " + strconv.Itoa(n) + " parameter formats but " + strconv.Itoa(len(b.Parameters)) + " parameters")
	}
	if n := len(b.ResultFormats); n > 1 && n != columns {
		return s.protocol("bind message has " + strconv.Itoa(n) + " result formats but query has " + strconv.Itoa(columns) + " columns")
	}
	params := s.query.Params(b.Portal, len(types))
	for i, data := range b.Parameters {
		if err := s.parameter(params, i, types[i], format(b.ParameterFormats, i), data); err != nil {
			return s.fail(err, "portal parameter $"+strconv.Itoa(i+1))
		}
	}
	return wireError(s.query.Bind(b.Portal, b.Statement, params.Values, b.ResultFormats))
}

// protocol is an error about the message itself.
func (s *session) protocol(message string) error {
	return s.fail(&query.Error{Code: "08P01", Message: message}, "")
}

// Fail fails the transaction for an error that the server found.
func (s *session) Fail(err error) { s.query.Fail(err) }

// fail fails the transaction for an error that query has not seen.
func (s *session) fail(err error, where string) error {
	e := s.query.Fail(err)
	e.Where = where
	return wireError(e)
}

// parameter decodes parameter i; nil is NULL.
func (s *session) parameter(params *query.Params, i int, t *value.Type, format int16, data []byte) (err error) {
	switch {
	case data == nil:
		params.Values[i] = value.Null(t)
	case format == 0:
		if t != value.Bytea || !params.SetHex(i, data) {
			params.Values[i], err = value.ParseText(s.query.Values(), t, -1, data)
		}
	case format != 1:
		err = value.Errorf("22023", "unsupported format code: %d", format)
	case t == value.Bytea:
		params.SetBytea(i, data)
	default:
		params.Values[i], err = value.ParseBinary(s.query.Values(), t, -1, data)
	}
	return err
}

// format returns the format of field i: none given is text, one is for all.
func format(formats []int16, i int) int16 {
	switch {
	case len(formats) == 0:
		return 0
	case i < len(formats):
		return formats[i]
	}
	return formats[0]
}

func (s *session) DescribeStatement(_ context.Context, name string) ([]uint32, []wire.Column, error) {
	types, cols, err := s.query.DescribeStatement(name)
	if err != nil {
		return nil, nil, wireError(err)
	}
	oids := make([]uint32, len(types))
	for i, t := range types {
		oids[i] = t.OID
	}
	return oids, s.describe(cols, nil), nil
}

func (s *session) DescribePortal(_ context.Context, name string) ([]wire.Column, error) {
	p, err := s.query.Portal(name)
	if err != nil {
		return nil, s.fail(err, "")
	}
	return s.describe(p.Columns(), p.Formats), nil
}

func (s *session) Execute(ctx context.Context, portal string) (wire.Result, error) {
	r, err := s.query.Execute(ctx, portal)
	if r == nil || err != nil {
		return nil, stopped(ctx, err)
	}
	p, err := s.query.Portal(portal)
	if err != nil { // the statement ended the transaction and its portals with it
		return newResult(s, r, nil)
	}
	return newResult(s, r, p.Formats)
}

func (s *session) Repeat(ctx context.Context, b *wire.Bind) bool {
	params := s.query.Repeatable()
	if params == nil {
		return false
	}
	for i, data := range b.Parameters {
		if s.parameter(params, i, params.Values[i].Type, format(b.ParameterFormats, i), data) != nil {
			return false
		}
	}
	return s.query.Repeat(ctx)
}

func (s *session) CloseStatement(_ context.Context, name string) error {
	s.query.CloseStatement(name)
	return nil
}

func (s *session) ClosePortal(_ context.Context, name string) error {
	s.query.ClosePortal(name)
	return nil
}

func (s *session) Sync(ctx context.Context) error { return stopped(ctx, s.query.Sync(ctx)) }

func (s *session) Close() { s.query.Close() }

// describe describes columns for wire, in memory of the session; nil stays nil, which means no rows.
func (s *session) describe(cols []query.Column, formats []int16) []wire.Column {
	if cols == nil {
		return nil
	}
	s.columns = slices.Grow(s.columns[:0], max(1, len(cols)))
	for i, c := range cols {
		s.columns = append(s.columns, wire.Column{
			Name: c.Name, Table: c.Table, Attribute: c.Attribute, Type: c.Type.OID, Size: c.Type.Len,
			TypeModifier: c.TypeModifier, Format: format(formats, i),
		})
	}
	return s.columns
}
