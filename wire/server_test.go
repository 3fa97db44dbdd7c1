package wire_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/wire"
)

// raw sends bytes and returns all that comes until the server closes.
func raw(t *testing.T, addr, data string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(scriptTimeout))
	if _, err := io.WriteString(conn, data); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%q: %v after %q", data, err, b)
	}
	return string(b)
}

// packet is a start-up packet: its length, a code, and the rest.
func packet(code uint32, rest string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(rest)))
	return string(binary.BigEndian.AppendUint32(b, code)) + rest
}

func TestNoise(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct{ name, send, want string }{
		{"http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "This port speaks the PostgreSQL protocol."},
		{"tls", "\x16\x03\x01\x02\x00\x01\x00", "\x15\x03\x01\x00\x02\x02\x28"},
		{"lower", "hello\n", "invalid length of startup packet"},
		{"one byte", "\xff", "invalid length of startup packet"},
		{"long", packet(3<<16, strings.Repeat("x", 20000))[:8], "invalid length of startup packet"},
		{"short", "\x00\x00\x00\x07\x00\x03\x00\x00", "invalid length of startup packet"},
		{"version 2", packet(2<<16, "user\x00jo\x00\x00"), "EFATAL:  unsupported frontend protocol 2.0: server supports 3.0 to 3.2\n\x00"},
		{"version 4", packet(4<<16+7, "")[:8], "unsupported frontend protocol 4.7"},
		{"no user", packet(3<<16, "database\x00d\x00\x00"), "no PostgreSQL user name specified"},
		{"no end", packet(3<<16, "user\x00jo\x00"), "invalid startup packet layout"},
		{"after end", packet(3<<16, "user\x00jo\x00\x00x"), "invalid startup packet layout"},
		{"replication", packet(3<<16, "user\x00jo\x00replication\x00database\x00\x00"), "Make a copy of the server's data with its own backup."},
		{"gss twice", packet(80877104, "") + packet(80877104, ""), "unsupported frontend protocol 1234.5680"},
		{"tls twice", packet(80877103, "") + packet(80877103, ""), "unsupported frontend protocol 1234.5679"},
		{"cancel", packet(80877102, "\x00\x00\x00\x01\x00\x00\x00\x01"), ""},
		{"cancel without key", packet(80877102, "\x00\x00"), ""},
		{"refused", packet(3<<16, "user\x00nobody\x00\x00"), `role "nobody" does not exist`},
		{"refused once authenticated", packet(3<<16, "user\x00nobody\x00\x00"), "R\x00\x00\x00\x08\x00\x00\x00\x00E"},
		{"broken", packet(3<<16, "user\x00broken\x00\x00"), "broken on purpose"},
		{"panic", packet(3<<16, "user\x00panic\x00\x00"), "internal error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := raw(t, s.addr, c.send); !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("answer %q, want %q", got, c.want)
			}
		})
	}
	if conn := dial(t, s.addr).login(); conn.pid == 0 {
		t.Error("no process id")
	}
}

// TestTruncated breaks a session off at every byte; the server must forget each.
func TestTruncated(t *testing.T) {
	s := serve(t, nil)
	var session []byte
	for _, m := range []pgproto3.FrontendMessage{
		&pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{"user": "jo"}},
		&pgproto3.Query{String: "select 1"},
		&pgproto3.Parse{Name: "s", Query: "select $1::text", ParameterOIDs: []uint32{25}},
		&pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("v")}, ParameterFormatCodes: []int16{0}},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Close{ObjectType: 'S', Name: "s"}, &pgproto3.Sync{},
		&pgproto3.Query{String: "copy t from stdin"}, &pgproto3.CopyData{Data: []byte("a\n")}, &pgproto3.CopyDone{},
	} {
		b, err := m.Encode(session)
		if err != nil {
			t.Fatal(err)
		}
		session = b
	}
	for n := range session {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(scriptTimeout))
		if _, err := conn.Write(session[:n]); err != nil {
			t.Fatal(err)
		}
		conn.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		conn.Close()
	}
}

// TestLengths sends length fields beyond what their message may have. Nothing of the body is sent: the server must not wait.
func TestLengths(t *testing.T) {
	s := serve(t, func(c *wire.Config) { c.MaxMessage = 1 << 20 })
	for typ := range 256 {
		for _, length := range []uint32{0, 3, 10005, 1<<20 + 5, 1 << 31, 1<<32 - 1} {
			large := strings.IndexByte("QPBdF", byte(typ)) >= 0
			if large && length == 10005 {
				continue
			}
			c := dial(t, s.addr).login()
			b := binary.BigEndian.AppendUint32([]byte{byte(typ)}, length)
			if _, err := c.conn.Write(b); err != nil {
				t.Fatal(err)
			}
			want := "FATAL 08P01 invalid message length"
			if strings.IndexByte("QPBdFDECfcHSX", byte(typ)) < 0 {
				want = fmt.Sprintf("FATAL 08P01 invalid frontend message type %d\n", typ)
			}
			if got := c.last("ErrorResponse"); !strings.Contains(got, want) {
				t.Fatalf("type %q, length %d: %s", rune(typ), length, got)
			}
			c.conn.Close()
			if !strings.HasPrefix(want, "FATAL 08P01 invalid message length") {
				break
			}
		}
	}
}

// TestMalformed sends bodies that do not hold the fields of their message: an error, and the session goes on.
func TestMalformed(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct{ typ, body, want string }{
		{"Q", "", "invalid message format"}, {"Q", "select 1", "invalid message format"}, {"Q", "select 1\x00x", "invalid message format"},
		{"P", "", "invalid message format"}, {"P", "s\x00select 1\x00", "invalid message format"},
		{"P", "s\x00select 1\x00\xff\xff\x00\x00\x00\x19", "invalid message format"},
		{"B", "\x00\x00\x00\x00\x00\x01\x00\x00\x00\x05abc\x00\x00", "invalid message format"},
		{"B", "\x00\x00\x00\x00\x00\x01\xff\xff\xff\xfe\x00\x00", "invalid message format"},
		{"B", "\x00\x00\xff\xff", "invalid message format"},
		{"B", "\x00\x00\x00\x01\x00\x02\x00\x00\x00\x00", "unsupported format code: 2"},
		{"D", "", "invalid message format"}, {"D", "X\x00", "invalid DESCRIBE message subtype 88"},
		{"C", "X\x00", "invalid CLOSE message subtype 88"}, {"E", "\x00\x00\x00", "invalid message format"},
		{"S", "x", "invalid message format"}, {"F", "", "function calls through the protocol are not supported"},
	} {
		client := dial(t, s.addr).login()
		b := binary.BigEndian.AppendUint32([]byte(c.typ), uint32(4+len(c.body)))
		b = append(b, c.body...)
		if strings.Contains("PBDCE", c.typ) {
			b = append(b, "S\x00\x00\x00\x04"...)
		}
		if _, err := client.conn.Write(b); err != nil {
			t.Fatal(err)
		}
		got := client.until("ErrorResponse", "ReadyForQuery")
		if !strings.Contains(got[0], c.want) || len(got) != 2 {
			t.Errorf("%s %q: %q", c.typ, c.body, got)
		}
		client.query("select 1")
		client.until("CommandComplete", "ReadyForQuery")
	}
}

func TestStatementErrors(t *testing.T) {
	s := serve(t, nil)
	c := dial(t, s.addr).login()
	for _, q := range []struct{ sql, want string }{
		{"panic at once", "ERROR XX000 internal error; the server's log has the details"},
		{"panic in a row", "ERROR XX000 internal error; the server's log has the details"},
		{"odd error", "ERROR XX000 file 7: checksum differs"},
		{"forged error", "ERROR 22000 one\uFFFDMTwo"},
	} {
		c.query(q.sql)
		if got := c.last("ErrorResponse"); got != "ErrorResponse "+q.want+"\n" {
			t.Errorf("%s: %s", q.sql, got)
		}
		c.until("ReadyForQuery")
	}
	c.query("copy t from stdin")
	c.until("CopyInResponse")
	c.send(&pgproto3.CopyData{Data: []byte("panic\n")}, &pgproto3.CopyData{Data: []byte("more\n")}, &pgproto3.CopyDone{})
	c.until("ErrorResponse", "ReadyForQuery")
	if n := <-s.h.copied; n != -1 {
		t.Errorf("the COPY ended with %d rows", n)
	}
	c.query("set application_name = 'commit fails'; select 1")
	if got := c.until("ReadyForQuery"); strings.Count(strings.Join(got, ""), "CommandComplete") != 1 || !strings.Contains(strings.Join(got, ""), "40001") {
		t.Errorf("a commit that failed: %s", got)
	}
	c.query("copy t from stdin")
	c.until("CopyInResponse")
	c.query("select 1")
	if got := c.closed(); len(got) != 1 || !strings.Contains(got[0], "FATAL 08P01 unexpected message type 0x51 during COPY from stdin") {
		t.Errorf("a query within COPY: %s", got)
	}
	c = dial(t, s.addr).login()
	c.query("fatal error")
	if got := c.closed(); len(got) != 1 || !strings.Contains(got[0], "FATAL 57P01") {
		t.Errorf("%s", got)
	}
}

func TestNegotiation(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct {
		minor    uint32
		options  map[string]string
		want     string
		keyBytes int
	}{
		{0, nil, "", 4}, {2, nil, "", 32},
		{9999, nil, `NegotiateProtocolVersion {"NewestMinorProtocol":196610,"UnrecognizedOptions":[]}`, 32},
		{0, map[string]string{"_pq_.test": "1"}, `NegotiateProtocolVersion {"NewestMinorProtocol":196608,"UnrecognizedOptions":["_pq_.test"]}`, 4},
	} {
		conn := dial(t, s.addr)
		parameters := map[string]string{"user": "jo", "application_name": "x"}
		for k, v := range c.options {
			parameters[k] = v
		}
		conn.startup(3<<16|c.minor, parameters)
		got := conn.until("ReadyForQuery")
		first := "AuthenticationOk"
		if c.want != "" {
			first = c.want
		}
		if !strings.HasPrefix(got[0], first) || len(conn.key) != c.keyBytes {
			t.Errorf("3.%d: %s, key of %d bytes", c.minor, got, len(conn.key))
		}
		if !strings.Contains(strings.Join(got, ""), `ParameterStatus {"Name":"application_name","Value":"x"}`) {
			t.Errorf("3.%d: %s", c.minor, got)
		}
	}
}

// cancelRequest sends a CancelRequest and waits until it is served.
func cancelRequest(t *testing.T, addr string, pid uint32, key []byte) {
	t.Helper()
	if got := raw(t, addr, packet(80877102, string(binary.BigEndian.AppendUint32(nil, pid))+string(key))); got != "" {
		t.Errorf("answer to a cancel request: %q", got)
	}
}

func TestCancel(t *testing.T) {
	s := serve(t, nil)
	for _, minor := range []uint32{0, 2} {
		c := dial(t, s.addr)
		c.startup(3<<16|minor, map[string]string{"user": "jo"})
		c.until("ReadyForQuery")
		cancelRequest(t, s.addr, c.pid, c.key) // idle: nothing to cancel
		for range 2 {
			c.query("select pg_sleep(60)")
			ctx := <-s.h.sleeping
			wrong := append([]byte{c.key[0] ^ 1}, c.key[1:]...)
			cancelRequest(t, s.addr, c.pid, wrong)
			cancelRequest(t, s.addr, c.pid, c.key[:3])
			cancelRequest(t, s.addr, c.pid+1, c.key)
			if ctx.Err() != nil {
				t.Fatal("a wrong key cancelled")
			}
			cancelRequest(t, s.addr, c.pid, c.key)
			if got := c.last("ErrorResponse"); got != "ErrorResponse ERROR 57014 canceling statement due to user request\n" {
				t.Error(got)
			}
			c.until("ReadyForQuery")
			c.query("select 1")
			c.until("CommandComplete", "ReadyForQuery")
		}
	}
}

func TestCancelCopyAndRows(t *testing.T) {
	s := serve(t, nil)
	c := dial(t, s.addr).login()
	c.query("copy t from stdin")
	c.until("CopyInResponse")
	cancelRequest(t, s.addr, c.pid, c.key)
	c.send(&pgproto3.CopyData{Data: []byte("a\n")}, &pgproto3.CopyDone{})
	if got := c.last("ErrorResponse"); !strings.Contains(got, "57014") {
		t.Error(got)
	}
	if n := <-s.h.copied; n != -1 {
		t.Errorf("COPY of %d rows", n)
	}
	c.until("ReadyForQuery")
	c.query("rows for ever")
	c.until("DataRow")
	cancelRequest(t, s.addr, c.pid, c.key)
	if got := c.last("ErrorResponse"); !strings.Contains(got, "57014") {
		t.Error(got)
	}
	c.until("ReadyForQuery")
}

// TestClientGone ends the context of a statement whose client has left: closed its side, said Terminate, or both.
func TestClientGone(t *testing.T) {
	s := serve(t, nil)
	s.SetWatchDelay(time.Microsecond)
	for _, leave := range []func(*client){
		func(c *client) { c.conn.Close() },
		func(c *client) { c.conn.(*net.TCPConn).CloseWrite() },
		func(c *client) { c.send(&pgproto3.Terminate{}) },
		func(c *client) { c.send(&pgproto3.Terminate{}); c.conn.Close() },
		func(c *client) { c.query("select 1"); c.conn.Close() },
	} {
		c := dial(t, s.addr).login()
		c.query("select pg_sleep(60)")
		ctx := <-s.h.sleeping
		leave(c)
		<-ctx.Done()
		if e := (*wire.Error)(nil); !errors.As(context.Cause(ctx), &e) || e.Code != "08006" {
			t.Error(context.Cause(ctx))
		}
	}
}

// TestReadAhead pipelines statements while the first is watched: what the watcher reads must not be lost.
func TestReadAhead(t *testing.T) {
	s := serve(t, nil)
	s.SetWatchDelay(time.Microsecond)
	c := dial(t, s.addr).login()
	for range 100 {
		c.query("select pg_sleep(60)")
		<-s.h.sleeping
		for range 20 {
			c.query("select 2")
		}
		cancelRequest(t, s.addr, c.pid, c.key)
		c.until("ErrorResponse", "ReadyForQuery")
		for range 20 {
			c.until("DataRow", "CommandComplete", "ReadyForQuery")
		}
	}
}

func TestShutdown(t *testing.T) {
	s := serve(t, nil)
	idle, busy, starting, copying := dial(t, s.addr).login(), dial(t, s.addr).login(), dial(t, s.addr), dial(t, s.addr).login()
	starting.conn.Write([]byte{0})
	busy.query("select pg_sleep(60)")
	ctx := <-s.h.sleeping
	copying.query("copy t from stdin")
	copying.until("CopyInResponse")
	done := make(chan error)
	go func() { done <- s.stop() }()
	const want = "ErrorResponse FATAL 57P01 terminating connection due to administrator command\n"
	if got := idle.closed(); len(got) != 1 || got[0] != want {
		t.Errorf("idle: %s", got)
	}
	if ctx.Err() != nil {
		t.Error("a running statement was not given time")
	}
	copying.send(&pgproto3.CopyData{Data: []byte("a\n")}, &pgproto3.CopyDone{})
	copying.until("CommandComplete", "ReadyForQuery")
	if got := copying.closed(); len(got) != 1 || got[0] != want {
		t.Errorf("copying: %s", got)
	}
	cancelStatement(t, s, busy)
	busy.until("ErrorResponse", "ReadyForQuery")
	if got := busy.closed(); len(got) != 1 || got[0] != want {
		t.Errorf("busy: %s", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// cancelStatement cancels what c runs without a connection: the listener may be closed.
func cancelStatement(t *testing.T, s *testServer, c *client) {
	t.Helper()
	s.Server.Cancel(c.pid, c.key)
}

func TestShutdownPatience(t *testing.T) {
	s := serve(t, func(c *wire.Config) { c.ShutdownTimeout = time.Millisecond })
	busy, copying, deaf := dial(t, s.addr).login(), dial(t, s.addr).login(), dial(t, s.addr).login()
	busy.query("select pg_sleep(60)")
	ctx := <-s.h.sleeping
	copying.query("copy t from stdin")
	copying.until("CopyInResponse")
	deaf.query("rows for ever")
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if e := (*wire.Error)(nil); !errors.As(context.Cause(ctx), &e) || e.Code != "57P01" {
		t.Error(context.Cause(ctx))
	}
	for _, c := range []*client{busy, copying} {
		if got := c.closed(); len(got) != 1 || !strings.Contains(got[0], "FATAL 57P01") {
			t.Errorf("%s", got)
		}
	}
}

// TestDeafClient never reads what it asked for.
func TestDeafClient(t *testing.T) {
	s := serve(t, func(c *wire.Config) { c.WriteTimeout = 200 * time.Millisecond })
	c := dial(t, s.addr).login()
	c.query("rows for ever")
	waitFor(t, func() bool { return s.h.open.Load() == 0 })
}

// TestSlowStart dribbles into the start-up and is cut off.
func TestSlowStart(t *testing.T) {
	s := serve(t, func(c *wire.Config) { c.StartupTimeout = 20 * time.Millisecond })
	for _, data := range []string{"", "\x00", "\x00\x00\x00\x20\x00\x03\x00\x00user"} {
		if got := raw(t, s.addr, data); got != "" {
			t.Errorf("%q: %q", data, got)
		}
	}
}

// waitFor polls for what happens in another goroutine. It fails with the test's deadline.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(scriptTimeout); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
	}
}

func TestConnectionLimit(t *testing.T) {
	s := serve(t, func(c *wire.Config) { c.MaxConnections = 2 })
	a, b := dial(t, s.addr).login(), dial(t, s.addr).login()
	c := dial(t, s.addr)
	c.startup(3<<16, map[string]string{"user": "jo"})
	if got := c.closed(); len(got) != 1 || !strings.Contains(got[0], "FATAL 53300 sorry, too many clients already") {
		t.Errorf("%s", got)
	}
	b.query("select pg_sleep(60)")
	<-s.h.sleeping
	cancelRequest(t, s.addr, b.pid, b.key) // cancelling needs no session
	b.until("ReadyForQuery")
	a.send(&pgproto3.Terminate{})
	a.closed()
	waitFor(t, func() bool { return s.h.open.Load() == 1 })
	dial(t, s.addr).login()
}

// TestStartingLimit fills the places of those that have not logged in.
func TestStartingLimit(t *testing.T) {
	s := serve(t, func(c *wire.Config) { c.MaxConnections = 2 })
	dial(t, s.addr)
	dial(t, s.addr)
	if got := dial(t, s.addr).closed(); len(got) != 1 || !strings.Contains(got[0], "FATAL 53300") {
		t.Errorf("%s", got)
	}
}

// An observer lets everybody in and keeps who came last.
type observer struct{ uid *uint32 }

func (o *observer) Authenticate(_ context.Context, s *wire.Startup, _ wire.Exchange) error {
	o.uid = s.UID
	return nil
}

// TestUnixSocket has one server on both kinds of socket. On the Unix one there is no TLS, and the kernel says who the client is.
func TestUnixSocket(t *testing.T) {
	h := newFakeHandler()
	o := new(observer)
	s := wire.New(wire.Config{Handler: h, Now: time.Now, TLS: func() *tls.Config { return new(tls.Config) }, Authenticator: o})
	path := filepath.Join(t.TempDir(), ".s.PGSQL.5432")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	for _, network := range []string{"unix", "tcp"} {
		ln, err := net.Listen(network, map[string]string{"unix": path, "tcp": "127.0.0.1:0"}[network])
		if err != nil {
			t.Fatal(err)
		}
		go func() { done <- s.Serve(ctx, ln) }()
	}
	c := dial(t, path)
	c.conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}) // SSLRequest
	answer := make([]byte, 1)
	if _, err := io.ReadFull(c.conn, answer); err != nil || answer[0] != 'N' {
		t.Errorf("asked for TLS, the server answers %q, %v", answer, err)
	}
	c.login()
	c.query("select 1")
	c.until("CommandComplete", "ReadyForQuery")
	cancel()
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
	if runtime.GOOS == "linux" && (o.uid == nil || int(*o.uid) != os.Getuid()) {
		t.Errorf("the client runs as %v, want %d", o.uid, os.Getuid())
	}
}

func TestPsql(t *testing.T) {
	require.Program(t, "psql")
	s := serve(t, nil)
	host, port, _ := net.SplitHostPort(s.addr)
	cmd := exec.Command("psql", "-X", "-A", "-t", "-h", host, "-p", port, "-U", "jo", "db", "-c", "select * from generate_series(1, 3)",
		"-c", "create temp table t (a text)", "-c", "\\copy t from stdin", "-c", "copy t to stdout", "-c", "selec 1")
	cmd.Stdin = strings.NewReader("one\ntwo\n\\.\n")
	out, err := cmd.CombinedOutput()
	want := "1\n2\n3\nCREATE TABLE\nCOPY 2\none\ntwo\nERROR:  syntax error at or near \"selec\"\nLINE 1: selec 1\n        ^\n"
	if string(out) != want || err == nil {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

// TestPgxModes runs statements and a COPY in every way that pgx sends them.
func TestPgxModes(t *testing.T) {
	s := serve(t, nil)
	ctx := context.Background()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		config, err := pgx.ParseConfig("postgres://jo@" + s.addr + "/db")
		if err != nil {
			t.Fatal(err)
		}
		config.DefaultQueryExecMode = mode
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(ctx, "select * from generate_series(1, 10000)")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		if n != 10000 || rows.Err() != nil {
			t.Errorf("%v: %d rows, %v", mode, n, rows.Err())
		}
		var e *pgconn.PgError
		if _, err := conn.Exec(ctx, "select 1/0"); !errors.As(err, &e) || e.Code != "22012" {
			t.Errorf("%v: %v", mode, err)
		}
		batch := &pgx.Batch{}
		for range 50 {
			batch.Queue("select 2")
		}
		if err := conn.SendBatch(ctx, batch).Close(); err != nil {
			t.Errorf("%v: %v", mode, err)
		}
		large := strings.NewReader(strings.Repeat("some text\n", 100000))
		tag, err := conn.PgConn().CopyFrom(ctx, large, "copy t from stdin")
		if err != nil || tag.RowsAffected() != 100000 {
			t.Errorf("%v: %v, %v", mode, tag, err)
		}
		<-s.h.copied
		short, stop := context.WithCancel(ctx)
		go func() { <-s.h.sleeping; stop() }()
		if _, err := conn.Exec(short, "select pg_sleep(60)"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v: %v", mode, err)
		}
		<-conn.PgConn().CleanupDone() // the cancel request is served
	}
}

// certificate makes a server certificate for 127.0.0.1.
func certificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// lines is a log of which tests read the lines.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// TestNoTLS has clients want TLS of a server that has none: for whoever looks for the reason, the log says it.
func TestNoTLS(t *testing.T) {
	log := make(lines, 100)
	s := serve(t, func(c *wire.Config) {
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for how, told := range map[string]bool{"sslmode=require": true, "sslmode=require&sslnegotiation=direct": true, "sslmode=disable": false} {
		conn, err := pgx.Connect(context.Background(), "postgres://jo@"+s.addr+"/db?"+how)
		if (err != nil) != told {
			t.Errorf("%s: %v", how, err)
		}
		if err == nil {
			conn.Close(context.Background())
		}
		line := <-log
		for !strings.Contains(line, "connection closed") {
			line = <-log
		}
		if strings.Contains(line, "asked for TLS") != told || strings.Contains(line, "sslmode=disable") != told {
			t.Errorf("%s: %s", how, line)
		}
	}
}

func TestTLS(t *testing.T) {
	s := serve(t, func(c *wire.Config) {
		config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{wire.ALPN}}
		c.TLS = func() *tls.Config { return config }
	})
	s.SetWatchDelay(time.Microsecond)
	ctx := context.Background()
	for _, how := range []string{"sslmode=require", "sslmode=require&sslnegotiation=direct", "sslmode=disable"} {
		conn, err := pgx.Connect(ctx, "postgres://jo@"+s.addr+"/db?"+how)
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if _, secure := conn.PgConn().Conn().(*tls.Conn); secure != (how != "sslmode=disable") {
			t.Errorf("%s: connection is %T", how, conn.PgConn().Conn())
		}
		short, stop := context.WithCancel(ctx)
		go func() { <-s.h.sleeping; stop() }()
		if _, err := conn.Exec(short, "select pg_sleep(60)"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", how, err)
		}
		<-conn.PgConn().CleanupDone()
	}
	plaintext := raw(t, s.addr, packet(80877103, "")+packet(3<<16, "user\x00jo\x00\x00"))
	if !strings.Contains(plaintext, "received unencrypted data after SSL request") {
		t.Errorf("%q", plaintext)
	}
	insecure := &tls.Config{InsecureSkipVerify: true}
	conn, err := tls.Dial("tcp", s.addr, insecure)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := newClient(t, conn).closed(); len(got) != 1 || !strings.Contains(got[0], "without ALPN") {
		t.Errorf("direct TLS without ALPN: %s", got)
	}
	c := dial(t, s.addr)
	io.WriteString(c.conn, packet(80877103, ""))
	if b := make([]byte, 1); func() bool { _, err := io.ReadFull(c.conn, b); return err != nil || b[0] != 'S' }() {
		t.Fatal("no S")
	}
	over := newClient(t, tls.Client(c.conn, insecure)).login()
	for range 20 { // the watcher stops in the middle of TLS
		over.query("select pg_sleep(60)")
		<-s.h.sleeping
		over.query("select 2")
		cancelStatement(t, s, over)
		over.until("ErrorResponse", "ReadyForQuery", "DataRow", "ReadyForQuery")
	}
}

// TestSilentCopy: a COPY whose client sends nothing ends by cancellation, by the end of the session, and when the statement has waited enough; what
// comes afterwards is served, and one whose client only pauses goes on, within a message too.
func TestSilentCopy(t *testing.T) {
	s := serve(t, nil)
	s.SetWatchDelay(5 * time.Millisecond)
	begin := func() *client {
		c := dial(t, s.addr).login()
		c.query("copy t from stdin")
		c.until("CopyInResponse")
		c.send(&pgproto3.CopyData{Data: []byte("a\n")})
		return c
	}
	c := begin()
	cancelRequest(t, s.addr, c.pid, c.key)
	c.until("ErrorResponse", "ReadyForQuery")
	c.query("copy t from stdin")
	c.until("CopyInResponse")
	message, err := (&pgproto3.CopyData{Data: []byte("abc\n")}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{message[:3], message[3:]} {
		<-s.h.silent
		if _, err := c.conn.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	<-s.h.silent
	c.send(&pgproto3.CopyDone{})
	c.until("CommandComplete", "ReadyForQuery")

	c = begin()
	if _, err := c.conn.Write(message[:7]); err != nil { // two bytes of a row of four
		t.Fatal(err)
	}
	<-s.h.silent
	cancelRequest(t, s.addr, c.pid, c.key)
	c.until("ErrorResponse", "ReadyForQuery")
	if _, err := c.conn.Write(message[7:]); err != nil {
		t.Fatal(err)
	}
	c.query("select 2")
	c.until("DataRow", "CommandComplete", "ReadyForQuery")

	c = begin()
	s.h.mu.Lock()
	terminate := s.h.sessions[len(s.h.sessions)-1].terminate
	s.h.mu.Unlock()
	terminate()
	if got := c.closed(); len(got) != 1 || !strings.Contains(got[0], "FATAL 57P01") {
		t.Errorf("%s", got)
	}

	s.h.patience = 50 * time.Millisecond
	c = begin()
	c.until("ErrorResponse", "ReadyForQuery")
	c.query("select 2")
	c.until("DataRow", "CommandComplete", "ReadyForQuery")
}
