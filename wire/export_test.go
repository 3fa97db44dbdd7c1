package wire

import "time"

// SetWatchDelay changes how long a call runs before its client is watched.
func (s *Server) SetWatchDelay(d time.Duration) { s.watchDelay = d }

// Cancel does what a CancelRequest does.
func (s *Server) Cancel(pid uint32, key []byte) { s.cancel(pid, key) }
