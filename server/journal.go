package server

import (
	"net"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/wire"
)

// What is told to record besides the events of query.
const (
	eventLogin  query.EventKind = "login"        // a session was opened
	eventFailed query.EventKind = "login failed" // one was refused; the detail says why, and more than the client learns
)

// record takes note of what happens to logins, roles, rights and configuration. It is the one place through which all of it
// goes. Passwords never do.
func (s *Server) record(e query.Event) {
	level := s.log.Info
	if e.Kind == eventLogin {
		level = s.log.Debug
	}
	level("journal", "event", string(e.Kind), "role", e.Role, "address", e.Address, "detail", e.Detail)
}

// loginEvent tells of a client that wants to come in.
func loginEvent(kind query.EventKind, c *wire.Startup, detail string) query.Event {
	e := query.Event{Kind: kind, Role: c.User, Detail: detail}
	if addr, ok := c.Remote.(*net.TCPAddr); ok {
		e.Address = addr.IP.String()
	}
	return e
}
