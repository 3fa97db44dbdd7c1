package wire

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// A crampedListener cannot accept for want of file descriptors, twice, and is closed then.
type crampedListener struct {
	net.Listener
	tried int
}

func (l *crampedListener) Accept() (net.Conn, error) {
	if l.tried++; l.tried > 2 {
		return nil, net.ErrClosed
	}
	return nil, syscall.EMFILE
}

func (l *crampedListener) Close() error { return nil }

// TestAcceptFails: a server goes on where accepting fails, and counts that.
func TestAcceptFails(t *testing.T) {
	s := New(Config{Handler: struct{ Handler }{}, Now: time.Now})
	if err := s.Serve(t.Context(), new(crampedListener)); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if x := s.Stats(); x.Failed != 2 || x.Accepted != 0 {
		t.Errorf("%+v", x)
	}
}
