package wire

import "maps"

// Stats are what a server has done since New, and where it stands.
type Stats struct {
	Sessions int               // connections that are admitted
	Starting int               // connections that are not yet
	Accepted uint64            // connections ever accepted, those refused among them
	Refused  uint64            // of them without a session, because there were too many
	Failed   uint64            // times that accepting a connection failed
	Errors   map[string]uint64 // errors sent to clients, by the first two characters of their SQLSTATE
}

// Stats returns what the server has done so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{
		Sessions: len(s.byPID), Starting: s.starting.Taken(), Accepted: s.accepted, Refused: s.refused, Failed: s.acceptor.Failed(), Errors: maps.Clone(s.errors),
	}
}

// sendError appends an ErrorResponse and counts it.
func (c *conn) sendError(e *Error) {
	c.out.error(e)
	class := codeInternal[:2]
	if len(e.Code) >= 2 {
		class = e.Code[:2]
	}
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors[class]++
	if e == errTooMany {
		s.refused++
	}
}
