package wire_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/wire"
	"github.com/jurat-ledger/jurat/wire/copyrow"
)

// fakeHandler opens sessions over a few statements whose answers are those of Postgres 15.
type fakeHandler struct {
	open     atomic.Int64 // sessions
	sleeping chan context.Context
	mu       sync.Mutex // covers sessions and what waits for them
	sessions []*fakeSession
	patience time.Duration // of each COPY FROM with a silent client, 0 for ever
	silent   chan struct{} // told of each look at one
	copied   chan int      // rows of each COPY FROM that came to an end, -1 if aborted
}

func newFakeHandler() *fakeHandler {
	return &fakeHandler{sleeping: make(chan context.Context, 64), copied: make(chan int, 64), silent: make(chan struct{})}
}

// ended tells who listens how a COPY ended.
func (h *fakeHandler) ended(rows int) {
	select {
	case h.copied <- rows:
	default:
	}
}

func (h *fakeHandler) Open(_ context.Context, s *wire.Startup) (wire.Session, error) {
	switch s.User {
	case "nobody":
		return nil, &wire.Error{Severity: "FATAL", Code: "28000", Message: `role "nobody" does not exist`}
	case "broken":
		return nil, errors.New("broken on purpose")
	case "panic":
		panic("opened with a panic")
	}
	h.open.Add(1)
	f := &fakeSession{h: h, terminate: s.Terminate, status: 'I', application: s.Parameters["application_name"],
		statements: map[string]*fakeStatement{}, portals: map[string]*fakePortal{}}
	f.changed = []wire.Parameter{{Name: "application_name", Value: f.application}, {Name: "server_version", Value: "15.0"},
		{Name: "client_encoding", Value: "UTF8"}, {Name: "standard_conforming_strings", Value: "on"}}
	f.wake = s.Wake
	if ms, err := strconv.Atoi(s.Parameters["idle"]); err == nil {
		f.idle = time.Duration(ms) * time.Millisecond
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions = append(h.sessions, f)
	return f, nil
}

// notify has every session hear of a message.
func (h *fakeHandler) notify(payload string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.sessions {
		f.waiting = append(f.waiting, wire.Notification{ProcessID: 7, Channel: "c", Payload: payload})
		f.wake()
	}
}

type fakeStatement struct {
	sql    string
	types  []uint32
	params int
}

type fakePortal struct {
	s      *fakeStatement
	b      wire.Bind
	result *fakeResult
}

type fakeSession struct {
	h           *fakeHandler
	terminate   func()
	status      byte
	application string
	changed     []wire.Parameter
	notices     []*wire.Error
	statements  map[string]*fakeStatement
	portals     map[string]*fakePortal
	wake        func()
	waiting     []wire.Notification // under the handler's mu
	idle        time.Duration
	table       [][]byte // the rows of t, a table of one text column
	repeated    atomic.Int64
}

func (f *fakeSession) Status() byte { return f.status }
func (f *fakeSession) Close()       { f.h.open.Add(-1) }

// Notifications gives what the statement "notify" left.
func (f *fakeSession) Notifications() []wire.Notification {
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	n := f.waiting
	f.waiting = nil
	return n
}

// IdleTimeout is that of the start-up parameter idle, in milliseconds, outside of transactions.
func (f *fakeSession) IdleTimeout() (time.Duration, *wire.Error) {
	return f.idle, &wire.Error{Severity: "FATAL", Code: "57P05", Message: "terminating connection due to idle-session timeout"}
}

func (f *fakeSession) Changed() []wire.Parameter {
	c := f.changed
	f.changed = nil
	return c
}

func (f *fakeSession) Notices() []*wire.Error {
	n := f.notices
	f.notices = nil
	return n
}

var errZero = sqlError("22012", "division by zero")

func sqlError(code, message string) *wire.Error {
	return &wire.Error{Severity: "ERROR", Code: code, Message: message}
}

// failed marks the transaction failed.
func (f *fakeSession) failed(err error) error {
	if f.status == 'T' {
		f.status = 'E'
	}
	return err
}

type fakeScript struct {
	f    *fakeSession
	rest []string
}

func (f *fakeSession) Query(ctx context.Context, sql string) (wire.Script, error) {
	s := &fakeScript{f: f}
	for _, part := range strings.Split(sql, ";") {
		if part = strings.TrimSpace(part); part != "" && !strings.HasPrefix(part, "--") {
			s.rest = append(s.rest, part)
		}
	}
	return s, nil
}

func (s *fakeScript) Next(ctx context.Context) (wire.Result, error) {
	if len(s.rest) == 0 {
		return nil, io.EOF
	}
	sql := s.rest[0]
	s.rest = s.rest[1:]
	r, err := s.f.start(ctx, sql, nil)
	if err != nil {
		return nil, s.f.failed(err)
	}
	return r, nil
}

func (s *fakeScript) Close(_ context.Context, err error) error {
	if err == nil && s.f.application == "commit fails" {
		return sqlError("40001", "commit failed")
	}
	return nil
}

func (f *fakeSession) Parse(_ context.Context, name, sql string, types []uint32) error {
	if f.status == 'E' {
		return sqlError("25P02", "current transaction is aborted, commands ignored until end of transaction block")
	}
	if err := syntax(sql); err != nil {
		return f.failed(err)
	}
	if _, ok := f.statements[name]; ok && name != "" {
		return f.failed(sqlError("42P05", `prepared statement "`+name+`" already exists`))
	}
	s := &fakeStatement{sql: sql, params: strings.Count(sql, "$")}
	for range s.params {
		s.types = append(s.types, 25)
	}
	f.statements[name] = s
	return nil
}

func (f *fakeSession) Bind(_ context.Context, b *wire.Bind) error {
	s, ok := f.statements[b.Statement]
	if !ok {
		return f.failed(sqlError("26000", `prepared statement "`+b.Statement+`" does not exist`))
	}
	if len(b.Parameters) != s.params {
		return f.failed(sqlError("08P01", "bind message supplies "+strconv.Itoa(len(b.Parameters))+
			` parameters, but prepared statement "`+b.Statement+`" requires `+strconv.Itoa(s.params)))
	}
	if s.sql == "select 1/0" { // Postgres plans here, and folds constants
		return f.failed(errZero)
	}
	p := &fakePortal{s: s}
	for _, v := range b.Parameters {
		p.b.Parameters = append(p.b.Parameters, bytes.Clone(v))
	}
	f.portals[b.Portal] = p
	return nil
}

func (f *fakeSession) DescribeStatement(_ context.Context, name string) ([]uint32, []wire.Column, error) {
	s, ok := f.statements[name]
	if !ok {
		return nil, nil, f.failed(sqlError("26000", `prepared statement "`+name+`" does not exist`))
	}
	return s.types, columnsOf(s.sql), nil
}

func (f *fakeSession) DescribePortal(_ context.Context, name string) ([]wire.Column, error) {
	p, ok := f.portals[name]
	if !ok {
		return nil, f.failed(sqlError("34000", `portal "`+name+`" does not exist`))
	}
	return columnsOf(p.s.sql), nil
}

func (f *fakeSession) Execute(ctx context.Context, name string) (wire.Result, error) {
	p, ok := f.portals[name]
	if !ok {
		return nil, f.failed(sqlError("34000", `portal "`+name+`" does not exist`))
	}
	if p.s.sql == "" {
		return nil, nil
	}
	if p.result == nil {
		r, err := f.start(ctx, p.s.sql, p.b.Parameters)
		if err != nil {
			return nil, f.failed(err)
		}
		p.result = r
	}
	p.result.sent = 0
	return p.result, nil
}

// Repeat files the parameter of "keep $1"; that of the value "wait" waits to be canceled.
func (f *fakeSession) Repeat(ctx context.Context, b *wire.Bind) bool {
	p := f.portals[""]
	if p.s.sql != "keep $1" {
		return false
	}
	if string(b.Parameters[0]) == "wait" {
		f.h.sleeping <- ctx
		<-ctx.Done()
		return false
	}
	f.table = append(f.table, bytes.Clone(b.Parameters[0]))
	f.repeated.Add(1)
	return true
}

func (f *fakeSession) CloseStatement(_ context.Context, name string) error {
	delete(f.statements, name)
	return nil
}

func (f *fakeSession) ClosePortal(_ context.Context, name string) error {
	delete(f.portals, name)
	return nil
}

func (f *fakeSession) Fail(err error) { f.failed(err) }

func (f *fakeSession) Sync(context.Context) error {
	if f.status == 'I' {
		clear(f.portals)
	}
	return nil
}

var (
	series = regexp.MustCompile(`^select \* from generate_series\(1, (\d+)\)$`)
	div    = regexp.MustCompile(`^select 1/\(3-g\) from`)
	setApp = regexp.MustCompile(`^set application_name = '(.*)'$`)
)

func syntax(sql string) error {
	if strings.HasPrefix(sql, "selec ") {
		e := sqlError("42601", `syntax error at or near "selec"`)
		e.Position = 1
		return e
	}
	return nil
}

func column(name string, typ uint32, size int16) []wire.Column {
	return []wire.Column{{Name: name, Type: typ, Size: size, TypeModifier: -1}}
}

func columnsOf(sql string) []wire.Column {
	switch {
	case sql == "select":
		return []wire.Column{}
	case sql == "select 1" || sql == "select 2" || sql == "select 1/0" || div.MatchString(sql):
		return column("?column?", 23, 4)
	case sql == "select null":
		return column("?column?", 25, -1)
	case sql == "select $1::text":
		return column("text", 25, -1)
	case series.MatchString(sql):
		return column("generate_series", 23, 4)
	case strings.HasPrefix(sql, "select pg_sleep"):
		return column("pg_sleep", 2278, 4)
	case sql == "row of a mebibyte", sql == "rows for ever", sql == "panic in a row":
		return column("bytes", 25, -1)
	}
	return nil
}

// start begins a statement.
func (f *fakeSession) start(ctx context.Context, sql string, params [][]byte) (*fakeResult, error) {
	if f.status == 'E' && sql != "rollback" && sql != "commit" {
		return nil, sqlError("25P02", "current transaction is aborted, commands ignored until end of transaction block")
	}
	if err := syntax(sql); err != nil {
		return nil, err
	}
	if strings.HasPrefix(sql, "COPY") { // psql's \copy writes it anew
		sql = strings.ToLower(strings.Join(strings.Fields(sql), " "))
	}
	r := &fakeResult{f: f, columns: columnsOf(sql), left: 1, row: []byte("1")}
	switch {
	case sql == "select", sql == "select 1":
	case sql == "select 2":
		r.row = []byte("2")
	case sql == "select null":
		r.row = nil
	case sql == "select $1::text":
		r.row = params[0]
	case sql == "select 1/0":
		return nil, errZero
	case div.MatchString(sql):
		r.rows, r.left, r.rowErr = [][]byte{[]byte("0"), []byte("1")}, 2, errZero
	case series.MatchString(sql):
		r.left, _ = strconv.Atoi(series.FindStringSubmatch(sql)[1])
		r.count = true
	case strings.HasPrefix(sql, "select pg_sleep"):
		f.h.sleeping <- ctx
		<-ctx.Done()
		return nil, ctx.Err()
	default:
		r.left = 0
		return r, f.startOther(r, sql, params)
	}
	return r, nil
}

func (f *fakeSession) startOther(r *fakeResult, sql string, p [][]byte) error {
	switch {
	case sql == "begin":
		f.status, r.tag = 'T', "BEGIN"
	case sql == "commit" && f.status == 'E', sql == "rollback":
		f.status, r.tag = 'I', "ROLLBACK"
	case sql == "commit":
		f.status, r.tag = 'I', "COMMIT"
	case sql == "keep $1":
		f.table, r.tag = append(f.table, p[0]), "INSERT 0 1"
	case sql == "create temp table t (a text)":
		f.table, r.tag = [][]byte{}, "CREATE TABLE"
	case sql == "drop table if exists missing":
		f.notices = append(f.notices, &wire.Error{Severity: "NOTICE", Code: "00000", Message: `table "missing" does not exist, skipping`})
		r.tag = "DROP TABLE"
	case setApp.MatchString(sql):
		f.application = setApp.FindStringSubmatch(sql)[1]
		f.changed = append(f.changed, wire.Parameter{Name: "application_name", Value: f.application})
		r.tag = "SET"
	case strings.HasPrefix(sql, "copy t from stdin"):
		r.copyIn = newFakeCopy(f, r, strings.TrimSpace(strings.TrimPrefix(sql, "copy t from stdin")))
		r.copyIn.patience = f.h.patience
	case sql == "copy t to stdout":
		r.copyOut = &wire.CopyFormat{Columns: 1}
		r.left, r.rows = len(f.table), f.table
	case sql == "row of a mebibyte":
		r.left, r.row = 1, bytes.Repeat([]byte("x"), 1<<20)
	case sql == "rows for ever":
		r.left, r.row = 1<<60, bytes.Repeat([]byte("x"), 1<<10)
	case sql == "panic at once":
		panic("panic on purpose")
	case sql == "panic in a row":
		r.left, r.panics = 3, true
	case sql == "odd error":
		return errors.New("file 7: checksum differs")
	case sql == "fatal error":
		return &wire.Error{Severity: "FATAL", Code: "57P01", Message: "terminating connection"}
	case sql == "forged error":
		return sqlError("22000", "one\x00MTwo")
	default:
		return sqlError("42601", "no such statement: "+sql)
	}
	return nil
}

type fakeResult struct {
	f       *fakeSession
	columns []wire.Column
	row     []byte
	rows    [][]byte
	left    int
	made    int
	sent    int // since Execute
	count   bool
	panics  bool
	rowErr  error
	tag     string
	copyIn  *fakeCopy
	copyOut *wire.CopyFormat
}

// Silent implements wire.CopyIn: the copy bears a silence of its patience.
func (c *fakeCopy) Silent(_ context.Context, silence time.Duration) error {
	select {
	case c.f.h.silent <- struct{}{}:
	default:
	}
	if c.patience > 0 && silence >= c.patience {
		return &wire.Error{Code: "57014", Message: "silent for too long"}
	}
	return nil
}

func (r *fakeResult) Columns() []wire.Column    { return r.columns }
func (r *fakeResult) CopyOut() *wire.CopyFormat { return r.copyOut }
func (r *fakeResult) Close()                    {}

func (r *fakeResult) CopyIn() wire.CopyIn {
	if r.copyIn == nil {
		return nil
	}
	return r.copyIn
}

func (r *fakeResult) Tag() string {
	switch {
	case r.tag != "":
		return r.tag
	case r.copyOut != nil:
		return "COPY " + strconv.Itoa(r.sent)
	}
	return "SELECT " + strconv.Itoa(r.sent)
}

func (r *fakeResult) AppendRow(_ context.Context, dst []byte) ([]byte, error) {
	if r.left == 0 && r.rowErr != nil {
		return dst, r.f.failed(r.rowErr)
	}
	if r.left == 0 {
		return dst, io.EOF
	}
	r.left--
	r.made++
	r.sent++
	if r.panics && r.made == 2 {
		panic("panic in a row")
	}
	row := r.row
	if r.count {
		row = strconv.AppendInt(nil, int64(r.made), 10)
	}
	if r.copyOut != nil {
		return copyrow.NewEncoder(copyrow.Defaults(copyrow.Text)).AppendRow(dst, r.rows[r.made-1:r.made]), nil
	}
	if r.rows != nil {
		row = r.rows[r.made-1]
	}
	for range r.columns {
		if row == nil {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(row)))
		dst = append(dst, row...)
	}
	return dst, nil
}

type fakeCopy struct {
	f      *fakeSession
	r      *fakeResult
	format copyrow.Format
	d      *copyrow.Decoder
	rows   [][]byte

	patience time.Duration // 0 for ever
}

func newFakeCopy(f *fakeSession, r *fakeResult, format string) *fakeCopy {
	c := &fakeCopy{f: f, r: r}
	c.format, _ = copyrow.ParseFormat(format)
	o := copyrow.Defaults(c.format)
	o.Table, o.Columns = "t", []string{"a"}
	c.d = copyrow.NewDecoder(o)
	return c
}

func (c *fakeCopy) add(fields [][]byte) error {
	if string(fields[0]) == "panic" {
		panic("panic in a COPY")
	}
	c.rows = append(c.rows, bytes.Clone(fields[0]))
	return nil
}

func (c *fakeCopy) Format() wire.CopyFormat {
	return wire.CopyFormat{Binary: c.format == copyrow.Binary, Columns: 1}
}

func (c *fakeCopy) Write(_ context.Context, b []byte) error {
	if err := c.d.Write(b, c.add); err != nil {
		return c.f.failed(err)
	}
	return nil
}

func (c *fakeCopy) Finish(context.Context) error {
	if err := c.d.Finish(c.add); err != nil {
		c.f.h.ended(-1)
		return c.f.failed(err)
	}
	c.f.table = append(c.f.table, c.rows...)
	c.r.tag = "COPY " + strconv.Itoa(len(c.rows))
	c.f.h.ended(len(c.rows))
	return nil
}

func (c *fakeCopy) Abort() {
	if c.f.status == 'T' {
		c.f.status = 'E'
	}
	c.f.h.ended(-1)
}
