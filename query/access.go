package query

import (
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query/fn"
)

// An Access is what the engine needs of whoever decides on logins. Its methods may be called from many goroutines.
type Access interface {
	// Verifier turns a password into what it is checked with, in PostgreSQL's form SCRAM-SHA-256$…; one that has that form
	// already is returned as it is. Errors are for the client.
	Verifier(password string) (string, error)
	// Reload reads the rules of logins again; if they are not well-formed, those before stay, and the error says what is wrong.
	Reload() error
	// Rules are the rules of logins that are in force.
	Rules() []LoginRule
	// Defaults reports whether no rules are given, so that the default ones are in force: passwords for all, once there is
	// one, and before that none on this machine.
	Defaults() bool
}

// A LoginRule is a line of the rules of logins, as pg_hba_file_rules shows it.
type LoginRule struct {
	Line             int // 0 for a default rule
	Type             string
	Databases, Users []string
	Address, Mask    string // "" for none
	Method           string
	Options          []string
}

// An EventKind says what an Event is about.
type EventKind string

// What is told to Config.Event, and what EventOf gives.
const (
	EventBackup  EventKind = "backup"  // a backup was begun, or ended; Detail says which, and how
	EventPublish EventKind = "publish" // a calendar root was published
	EventKSIKey  EventKind = "ksi key" // a role got a key for the KSI gateway, or lost it
	EventLane    EventKind = "lane"    // an agency made a lane by create_lane
	EventClock   EventKind = "clock"   // the clock was confirmed
	EventRole    EventKind = "role"    // a role was made, changed or dropped; Detail is the statement without passwords
	EventDenied  EventKind = "denied"  // a statement was refused for want of a right; Object is to what, Detail is the error
	EventReload  EventKind = "reload"  // the rules of logins were read again; Detail is the error, if there was one
)

// An Event is something that whoever watches over the server wants to know.
type Event struct {
	Kind    EventKind
	Role    string // who did it
	Address string // from where, "" if it has none
	Object  string // to what, mostly a role; "" for none
	Detail  string
}

// event tells of something that the session did.
func (s *Session) event(kind EventKind, object, detail string) {
	if s.engine.Event != nil {
		s.engine.Event(Event{Kind: kind, Role: s.role.Name, Address: s.login.From, Object: object, Detail: detail})
	}
}

// A TLS says how a client's connection is encrypted.
type TLS struct {
	Version, Cipher         string
	Bits                    int
	Subject, Issuer, Serial string // of the client's certificate, "" if it showed none
}

// ReservedConnections is how many of Config.MaxConnections are kept for superusers.
const ReservedConnections = 3

// admit decides whether a role may open a session now, and puts the session among the open ones if so.
func (e *Engine) admit(s *Session) error {
	r := &s.role
	switch {
	case r.Dropped:
		return errf(codeInvalidAuthorization, "role %q does not exist", r.Name)
	case r.NoLogin:
		return errf(codeInvalidAuthorization, "role %q is not permitted to log in", r.Name)
	case r.expired(e.Clock()):
		return errf(codeInvalidAuthorization, "role %q is not valid any more", r.Name).
			hint("%s gives it more time: ALTER ROLE %s VALID UNTIL '…'.", maker(r.Kind), fn.QuoteIdent(r.Name))
	}
	e.open.mu.Lock()
	defer e.open.mu.Unlock()
	if r.Kind != Superuser {
		if free := e.MaxConnections - len(e.open.all); e.MaxConnections > 0 && free <= ReservedConnections {
			return errf(codeTooManyConnections, "remaining connection slots are reserved for roles with the SUPERUSER attribute")
		}
		n := uint32(0)
		for o := range e.open.all {
			if o.role.Name == r.Name {
				n++
			}
		}
		if r.Limited && n >= r.Connections {
			return errf(codeTooManyConnections, "too many connections for role %q", r.Name)
		}
	}
	if e.open.all == nil {
		e.open.all = map[*Session]bool{}
	}
	e.open.all[s] = true
	return nil
}

// maker says who changes roles of a kind.
func maker(k RoleKind) string {
	if Operator.makes(k) {
		return "An operator"
	}
	return "A superuser"
}

// expired reports whether the role may not log in any more.
func (r *Role) expired(now time.Time) bool {
	return !r.ValidUntil.IsZero() && !now.Before(r.ValidUntil)
}

// mayLogIn reports whether the role logs in at a time.
func (r *Role) mayLogIn(now time.Time) bool { return !r.Dropped && !r.NoLogin && !r.expired(now) }

// current ends a session whose role was dropped, may not log in any more or is for something else than when it began: its
// statements would be those of another role.
func (s *Session) current() error {
	version := s.engine.roles.Load()
	if s.rolesSeen == version && (s.until.IsZero() || s.engine.Clock().Before(s.until)) {
		return nil
	}
	r, same := s.roleNow()
	if !same {
		e := errf(codeAdminShutdown, "terminating connection because role %q was changed", s.role.Name).
			hint("Connect again, if the role may still log in.")
		e.Severity = "FATAL"
		return e
	}
	s.rolesSeen, s.until = version, r.ValidUntil
	return nil
}

// roleNow returns the session's role as it is now. same reports whether it may still log in as what it did.
func (s *Session) roleNow() (r Role, same bool) {
	r, ok := s.engine.Ledger.Role(s.role.Name)
	return r, ok && r.mayLogIn(s.engine.Clock()) && r.Kind == s.role.Kind
}

// endChanged ends the sessions but one whose roles may not go on, whatever they are doing or waiting for.
func (e *Engine) endChanged(but *Session) {
	e.open.mu.Lock()
	defer e.open.mu.Unlock()
	for s := range e.open.all {
		if _, same := s.roleNow(); !same && s != but && s.login.Terminate != nil {
			s.login.Terminate()
		}
	}
}

// limits are the settings that a role's limits bound, and what they are the limit of.
func (r *RoleLimits) of(key string) *uint32 {
	switch key {
	case "statement_timeout":
		return &r.StatementTimeout
	case "idle_in_transaction_session_timeout":
		return &r.IdleInTransaction
	case "idle_session_timeout":
		return &r.IdleSession
	case settingMemory:
		return &r.Memory
	}
	return nil
}

// limitedSettings are the settings that ALTER ROLE … SET takes, each the default and the limit of the role's sessions.
var limitedSettings = []string{"statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", settingMemory}

// settingMemory bounds the memory of a statement, in kB.
const settingMemory = "jurat.statement_memory"

// capped returns the value that a checked one of a setting comes to under the role's limits, and tells the client if it is
// another.
func (s *Session) capped(key, v string) string {
	limit := s.role.Limits.of(key)
	if limit == nil || *limit == 0 {
		return v
	}
	if n := atoi(v); n > 0 && n <= int64(*limit) {
		return v
	}
	s.notice("NOTICE", codeSuccess, "parameter %q is limited to %s for role %q", key, settingByName[key].show(itoa(int(*limit))), s.role.Name)
	return itoa(int(*limit))
}

// roleSettings are the settings that a session of the role begins with.
func (s *Session) roleSettings() {
	for _, key := range limitedSettings {
		if n := *s.role.Limits.of(key); n > 0 {
			s.settings.base[key] = itoa(int(n))
		}
	}
	if n := s.engine.MaxConnections; n > 0 {
		s.settings.base["max_connections"] = itoa(n)
	}
	memory := int64(s.role.Limits.Memory) << 10
	if s.maxMemory = s.engine.StatementMemory; memory > 0 {
		s.maxMemory = min(s.maxMemory, memory)
	}
	s.settings.base[settingMemory] = itoa(int(s.maxMemory >> 10))
}

// loggable returns a statement as it may stand in a log: without a password.
func loggable(sql string) string {
	if strings.Contains(strings.ToLower(sql), "password") {
		return "(not shown: it may hold a password)"
	}
	return sql
}
