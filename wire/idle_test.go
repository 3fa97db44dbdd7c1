package wire_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// An idle client is told at once; one in a transaction block, or in the midst of a series of messages, when that ends.
func TestNotifications(t *testing.T) {
	s := serve(t, nil)
	c, h := dial(t, s.addr).login(), s.h
	for range 3 { // each wakes the connection up anew
		h.notify("idle")
		if got := c.last("NotificationResponse"); got != `NotificationResponse {"PID":7,"Channel":"c","Payload":"idle"}`+"\n" {
			t.Fatalf("an idle client is told %s", got)
		}
	}
	c.query("begin")
	c.until("ReadyForQuery")
	h.notify("in a block")
	c.query("select 1")
	if lines := strings.Join(c.until("ReadyForQuery"), ""); strings.Contains(lines, "Notification") {
		t.Errorf("a client in a transaction block is told\n%s", lines)
	}
	c.query("commit")
	if lines := strings.Join(c.until("ReadyForQuery"), ""); !strings.Contains(lines, "CommandComplete COMMIT\nNotificationResponse") {
		t.Errorf("after the commit comes\n%s", lines)
	}
	c.send(&pgproto3.Parse{Query: "select 1"}, &pgproto3.Flush{})
	c.until("ParseComplete")
	h.notify("in a series")
	c.send(&pgproto3.Sync{})
	if lines := strings.Join(c.until("ReadyForQuery"), ""); !strings.HasPrefix(lines, "NotificationResponse") {
		t.Errorf("Sync is answered by\n%s", lines)
	}
}

// A message that arrives in pieces while notifications are sent is not lost.
func TestNotificationsAmidMessage(t *testing.T) {
	s := serve(t, nil)
	c, h := dial(t, s.addr).login(), s.h
	message, err := (&pgproto3.Query{String: "select 1"}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(message); cut++ {
		write := func(b []byte) {
			if _, err := c.conn.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		write(message[:cut])
		h.notify("amid")
		write(message[cut:])
		notes, answers := 0, 0
		for notes == 0 || answers == 0 {
			switch line := c.until1(); {
			case strings.HasPrefix(line, "NotificationResponse"):
				notes++
			case strings.HasPrefix(line, "ReadyForQuery"):
				answers++
			case strings.HasPrefix(line, "ErrorResponse"):
				t.Fatalf("cut after %d bytes: %s", cut, line)
			}
		}
	}
}

// until1 reads one message.
func (c *client) until1() string {
	c.t.Helper()
	m, err := c.f.Receive()
	if err != nil {
		c.t.Fatal(err)
	}
	return render(c.t, m)
}

// A pipes is a listener within the process: its connections heed the clock of a synctest bubble.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes() *pipes { return &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.dialled <- there
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// A client that is silent for as long as its session lets it loses the connection, and one that talks before that does not.
func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		serveOn(t, p, nil)
		c := newClient(t, p.dial())
		defer c.conn.Close()
		const idle = 200 * time.Millisecond
		c.startup(pgproto3.ProtocolVersionNumber, map[string]string{"user": "jo", "idle": "200"})
		c.until("ReadyForQuery")
		for range 5 {
			<-time.After(idle - time.Millisecond)
			c.query("select 1")
			c.until("ReadyForQuery")
		}
		silent := time.Now()
		lines := c.closed()
		if len(lines) != 1 || lines[0] != "ErrorResponse FATAL 57P05 terminating connection due to idle-session timeout\n" {
			t.Errorf("an idle session ends with %s", lines)
		}
		if after := time.Since(silent); after != idle {
			t.Errorf("it ends after %v instead of %v", after, idle)
		}
	})
}
