package gateway

import (
	"maps"

	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
)

// Stats are what a server has done since New, and where it stands.
type Stats struct {
	Connections int64  // open now, over HTTP and TCP
	Failed      uint64 // times that accepting a connection over TCP failed
	Requests    map[Outcome]uint64
}

// An Outcome is how requests to a service ended.
type Outcome struct {
	Service pdu.Service
	Status  pdu.Status
}

// Stats returns what the server has done so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Connections: s.open.Load(), Failed: s.acceptor.Failed(), Requests: maps.Clone(s.requests)}
}

// count counts a request.
func (s *Server) count(service pdu.Service, status pdu.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[Outcome{service, status}]++
}
