package query

import (
	"fmt"
	"time"
)

// IdleTimeout returns how long the client may send nothing in the present state, and the error to end its session with
// then; 0 stands for ever.
func (s *Session) IdleTimeout() (time.Duration, *Error) {
	d := s.derive()
	switch {
	case s.tx.state == txBlock && d.idleInBlock > 0:
		return d.idleInBlock, errf(codeIdleInTransaction, "terminating connection due to idle-in-transaction timeout")
	case s.tx.state != txBlock && d.idle > 0:
		return d.idle, errf(codeIdleSession, "terminating connection due to idle-session timeout")
	}
	return 0, nil
}

// timeout returns statement_timeout, 0 for none.
func (s *Session) timeout() time.Duration { return s.derive().timeout }

// derived is what every statement and transaction wants to know of the settings, made when they have changed.
type derived struct {
	made                       bool
	version                    uint64 // of the settings
	timeout, idle, idleInBlock time.Duration
	plain                      bool // a transaction begins without settings of its own
}

func (s *Session) derive() *derived {
	d := &s.derived
	if d.made && d.version == s.settings.version {
		return d
	}
	*d = derived{
		made: true, version: s.settings.version, plain: true, timeout: s.millis("statement_timeout"),
		idle: s.millis("idle_session_timeout"), idleInBlock: s.millis("idle_in_transaction_session_timeout"),
	}
	for _, name := range transactionSettings {
		v, _ := s.settings.get("default_transaction_" + name)
		d.plain = d.plain && v == settingByName["transaction_"+name].boot
	}
	return d
}

// millis returns a setting that is a time, 0 for none.
func (s *Session) millis(name string) time.Duration {
	v, _ := s.settings.get(name)
	var ms int64
	fmt.Sscanf(v, "%d", &ms)
	return time.Duration(ms) * time.Millisecond
}
