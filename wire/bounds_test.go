package wire_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/jurat-ledger/jurat/wire"
)

// idleBytes is what an idle connection may cost, heap and stack, both ends of this test included. About 13 KiB are measured.
const idleBytes = 40 << 10

// memory is what the process holds after a collection.
func memory() uint64 {
	runtime.GC()
	runtime.GC() // the first gives stacks and pools their chance to shrink
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// answer reads messages up to ReadyForQuery without keeping a buffer.
func answer(t *testing.T, conn net.Conn) {
	var header [5]byte
	for {
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(header[1:]))-4); err != nil {
			t.Fatal(err)
		}
		if header[0] == 'Z' {
			return
		}
	}
}

// TestIdleMemory opens 1,000 connections, has every eighth run a statement with a large message and a large row, and weighs them
// idle: what those kept would be 1.2 MiB each.
func TestIdleMemory(t *testing.T) {
	const connections = 1000
	s := serve(t, func(c *wire.Config) { c.Logger = nil })
	encode := func(messages ...pgproto3.FrontendMessage) (b []byte) {
		for _, m := range messages {
			var err error
			if b, err = m.Encode(b); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	start := encode(&pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{"user": "jo"}})
	work := encode(&pgproto3.Query{String: "row of a mebibyte" + spaces(200<<10)},
		&pgproto3.Parse{Query: "select $1::text", ParameterOIDs: make([]uint32, 1000)}, &pgproto3.Sync{})
	before := memory()
	goroutines := runtime.NumGoroutine()
	for i := range connections {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(scriptTimeout))
		conn.Write(start)
		answer(t, conn)
		if i%8 > 0 {
			continue
		}
		go conn.Write(work)
		answer(t, conn)
		answer(t, conn)
	}
	each := (memory() - before) / connections
	t.Logf("an idle connection costs %d bytes", each)
	if each > idleBytes {
		t.Errorf("an idle connection costs %d bytes, at most %d are allowed", each, idleBytes)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= goroutines })
}

func spaces(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = ' '
	}
	return string(b)
}

// TestPromisedMemory sends headers that promise the largest message, and nothing else: no memory may be taken for the promise.
func TestPromisedMemory(t *testing.T) {
	s := serve(t, nil)
	before := memory()
	const connections = 50
	for range connections {
		c := dial(t, s.addr).login()
		b := binary.BigEndian.AppendUint32([]byte{'Q'}, 64<<20)
		c.conn.Write(append(b, "select"...))
	}
	if grown := int64(memory()) - int64(before); grown > connections*256<<10 {
		t.Errorf("%d bytes for %d promises", grown, connections)
	}
}

// A deadlineListener records the deadline for reads that its last connection was given.
type deadlineListener struct {
	net.Listener
	reading atomic.Pointer[time.Time]
}

type deadlineConn struct {
	net.Conn
	l *deadlineListener
}

func (l *deadlineListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return deadlineConn{c, l}, err
}

func (c deadlineConn) SetDeadline(t time.Time) error {
	c.l.reading.Store(&t)
	return c.Conn.SetDeadline(t)
}

func (c deadlineConn) SetReadDeadline(t time.Time) error {
	c.l.reading.Store(&t)
	return c.Conn.SetReadDeadline(t)
}

// TestStartupDeadline shows that the bound on the start-up is set before the first byte and lifted after admission.
func TestStartupDeadline(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := &deadlineListener{Listener: inner}
	now := time.Now()
	s := serve(t, func(c *wire.Config) {
		c.Now = func() time.Time { return now }
		c.StartupTimeout = time.Hour
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, ln) }()
	c := dial(t, inner.Addr().String())
	waitFor(t, func() bool { return ln.reading.Load() != nil })
	if got := *ln.reading.Load(); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("deadline of the start-up is %v", got)
	}
	c.login()
	if got := *ln.reading.Load(); !got.IsZero() {
		t.Errorf("deadline of the session is %v", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// FuzzSession sends bytes after a login, and FuzzStartup before. The server must end each connection when its client has.
func FuzzSession(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x0dselect 1\x00X\x00\x00\x00\x04"))
	f.Add([]byte("P\x00\x00\x00\x10\x00select 1\x00\x00\x00B\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00E\x00\x00\x00\x09\x00\x00\x00\x00\x00S\x00\x00\x00\x04"))
	f.Add([]byte("Q\x00\x00\x00\x16copy t from stdin\x00d\x00\x00\x00\x06a\nc\x00\x00\x00\x04"))
	s := serve(f, func(c *wire.Config) { c.MaxMessage = 1 << 16 })
	login := []byte("\x00\x00\x00\x11\x00\x03\x00\x00user\x00jo\x00\x00")
	f.Fuzz(func(t *testing.T, data []byte) { exchange(t, s, append(login[:len(login):len(login)], data...)) })
}

func FuzzStartup(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x11\x00\x03\x00\x00user\x00jo\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	s := serve(f, nil)
	f.Fuzz(func(t *testing.T, data []byte) { exchange(t, s, data) })
}

// exchange sends all, then reads to the end.
func exchange(t *testing.T, s *testServer, data []byte) {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(scriptTimeout))
	conn.Write(data)
	conn.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Errorf("%q: the connection stays open", data)
		}
	}
}

// TestAnswersWithoutSync: answers to a pipeline do not wait for its end, which may never come, once they are many.
func TestAnswersWithoutSync(t *testing.T) {
	c := dial(t, serve(t, nil).addr).login()
	for range 20_000 { // of five bytes of answer each
		c.f.Send(&pgproto3.Parse{Query: "select 1"})
	}
	c.send()
	c.until("ParseComplete")
}
