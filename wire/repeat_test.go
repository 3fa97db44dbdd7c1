package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// keep is a pipeline that keeps values, without its Sync.
func keep(values ...string) (messages []pgproto3.FrontendMessage) {
	for _, v := range values {
		messages = append(messages, &pgproto3.Bind{PreparedStatement: "k", Parameters: [][]byte{[]byte(v)}},
			&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{})
	}
	return messages
}

// TestRepeat shows that a pipeline of one statement is not served message by message, and answered as if it were.
func TestRepeat(t *testing.T) {
	s := serve(t, nil)
	c := dial(t, s.addr).login()
	c.send(&pgproto3.Parse{Name: "k", Query: "keep $1"}, &pgproto3.Sync{})
	c.until("ReadyForQuery")
	var values []string
	for i := range 100 {
		values = append(values, fmt.Sprintf("%04d", i))
	}
	c.send(append(keep(values...), &pgproto3.Sync{})...)
	got := strings.Join(c.until("ReadyForQuery"), "")
	if want := strings.Repeat("BindComplete\nNoData\nCommandComplete INSERT 0 1\n", len(values)) + "ReadyForQuery I\n"; got != want {
		t.Errorf("answers\n%s", got)
	}
	f := s.h.sessions[0]
	if n := f.repeated.Load(); n < 90 { // what arrives in pieces is served in pieces
		t.Errorf("%d of %d are repeated", n, len(values))
	}
	for i, v := range f.table {
		if string(v) != values[i] {
			t.Fatalf("value %d is %q", i, v)
		}
	}
}

// TestCancelRepeat cancels a pipeline while it is repeated: the statement that waits fails, and those behind it are discarded.
func TestCancelRepeat(t *testing.T) {
	s := serve(t, nil)
	c := dial(t, s.addr).login()
	c.send(&pgproto3.Parse{Name: "k", Query: "keep $1"}, &pgproto3.Sync{})
	c.until("ReadyForQuery")
	c.send(append(keep("aaaa", "bbbb", "wait", "cccc"), &pgproto3.Sync{})...)
	ctx := <-s.h.sleeping
	cancelRequest(t, s.addr, c.pid, c.key)
	got := strings.Join(c.until("ReadyForQuery"), "")
	if want := strings.Repeat("BindComplete\nNoData\nCommandComplete INSERT 0 1\n", 2) +
		"ErrorResponse ERROR 57014 canceling statement due to user request\nReadyForQuery I\n"; got != want {
		t.Errorf("answers\n%s", got)
	}
	if ctx.Err() == nil {
		t.Error("the call goes on")
	}
}
