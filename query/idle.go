package query

import (
	"fmt"
	"time"
)

// IdleTimeout returns how long the client may send nothing in the present state, and the error to end its session with
// then; 0 stands for ever.
func (s *Session) IdleTimeout() (time.Duration, *Error) {
	if s.tx.state == txBlock {
		return s.millis("idle_in_transaction_session_timeout"), errf(codeIdleInTransaction, "terminating connection due to idle-in-transaction timeout")
	}
	return s.millis("idle_session_timeout"), errf(codeIdleSession, "terminating connection due to idle-session timeout")
}

// millis returns a setting that is a time, 0 for none.
func (s *Session) millis(name string) time.Duration {
	v, _ := s.settings.get(name)
	if v == "0" {
		return 0
	}
	var ms int64
	fmt.Sscanf(v, "%d", &ms)
	return time.Duration(ms) * time.Millisecond
}

// timeout returns statement_timeout, 0 for none.
func (s *Session) timeout() time.Duration { return s.millis("statement_timeout") }
