//go:build !linux || !(amd64 || arm64) || race

package wire

import "net"

// A socket is what it wraps. None is made here.
type socket struct{ net.Conn }

// newSocket returns nc as it is.
func newSocket(nc net.Conn) net.Conn { return nc }

// writeNow sends nothing.
func (s *socket) writeNow([]byte) (int, error) { return 0, nil }
