package wire

// atOnce bounds the bytes that are moved in one system call of which Go's scheduler is not told. Copying them takes a few
// microseconds, in which the processor is not to be had for another goroutine.
const atOnce = 16 << 10

// CloseWrite tells the client that nothing more comes.
func (s *socket) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Write implements net.Conn, but for what there is room for at once: that is sent even after the deadline.
func (s *socket) Write(b []byte) (int, error) {
	n, err := s.writeNow(b)
	if n == len(b) || err != nil {
		return n, err
	}
	k, err := s.Conn.Write(b[n:])
	return n + k, err
}
