package wire

import "time"

// SetWatchDelay changes how long a call runs before its client is watched.
func (s *Server) SetWatchDelay(d time.Duration) { s.watchDelay = d }
