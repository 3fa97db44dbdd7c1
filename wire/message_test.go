package wire_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/jurat-ledger/jurat/wire"
)

// A client that stops in the middle of a message loses the connection, be it in the header, the body or a COPY; one that is
// silent between messages does not.
func TestMessageTimeout(t *testing.T) {
	s := serve(t, func(c *wire.Config) { c.MessageTimeout = 100 * time.Millisecond })
	for _, part := range []string{"Q", "Q\x00\x00", "Q\x00\x00\x40\x00select", "d\x00\x00\x40\x00"} {
		c := dial(t, s.addr).login()
		<-time.After(200 * time.Millisecond)
		if part[0] == 'd' {
			c.query("copy t from stdin")
			c.until("CopyInResponse")
			<-time.After(200 * time.Millisecond)
		} else {
			c.query("select 1")
			c.until("ReadyForQuery")
		}
		if _, err := c.conn.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		lines := c.closed()
		if len(lines) != 1 || !strings.HasPrefix(lines[0], "ErrorResponse FATAL 08006 terminating connection because a message") {
			t.Errorf("%q ends with %s", part, lines)
		}
	}
}

// Long messages of all connections share a bound; who goes beyond is told, and what others take is given back.
func TestIncomingMemory(t *testing.T) {
	s := serve(t, func(c *wire.Config) { c.MaxMessage, c.MaxIncoming = 1<<20, 1 })
	part := binary.BigEndian.AppendUint32([]byte{'Q'}, 1<<20)
	part = append(part, spaces(700<<10)...)
	refused := 0
	for range 10 {
		c := dial(t, s.addr).login()
		c.conn.Write(part)
		c.conn.Write([]byte(spaces(1<<20 - 4 - 700<<10 - 1)))
		c.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		m, err := c.f.Receive()
		if e, ok := m.(*pgproto3.ErrorResponse); err == nil && ok && e.Code == "53200" {
			refused++
		}
	}
	if refused == 0 || refused == 10 {
		t.Errorf("%d of 10 are refused", refused)
	}
}
