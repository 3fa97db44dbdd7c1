//go:build linux && (amd64 || arm64) && !race

// The race detector learns from system calls of package syscall alone that what one goroutine sent comes before what another
// received, so a build with it goes without.

package wire

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// A socket is a connection whose short reads and writes are system calls that never wait, and of which the scheduler is therefore
// not told: a call that may wait has it watched by the thread that gives processors of waiting calls to others, which is woken for
// it and then looks every few microseconds. For a client that asks one thing at a time that thread took a third of the
// server's processor time. Where there is nothing to read or no room to write, the goroutine waits as with any net.Conn, which
// the deadlines and Close end. One goroutine at a time may read, and one write.
type socket struct {
	net.Conn
	raw syscall.RawConn

	in, out               []byte // of the call at hand
	read, written         int
	readError, writeError syscall.Errno
	readOnce              func(fd uintptr) (done bool) // made once, since each would be allocated
	writeOnce             func(fd uintptr)
}

// NewSocket returns nc with short reads and writes by system calls that never wait, of which Go's scheduler is not told; nc as it is where
// the system does not have them. One goroutine at a time may read, and one write. Servers and load generators gain by it that exchange
// messages of up to 16 KiB and seldom have to wait.
func NewSocket(nc net.Conn) net.Conn {
	known, ok := nc.(syscall.Conn)
	if !ok {
		return nc
	}
	raw, err := known.SyscallConn()
	if err != nil {
		return nc
	}
	s := &socket{Conn: nc, raw: raw}
	s.readOnce = func(fd uintptr) bool {
		s.read, s.readError = transfer(syscall.SYS_RECVFROM, fd, s.in, syscall.MSG_DONTWAIT)
		return s.readError != syscall.EAGAIN
	}
	s.writeOnce = func(fd uintptr) {
		s.written, s.writeError = transfer(syscall.SYS_SENDTO, fd, s.out, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
	}
	return s
}

// transfer moves bytes between b, which must not be empty, and a connected socket without waiting.
func transfer(call, fd uintptr, b []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, 0, 0)
		if e == 0 {
			return int(n), 0
		}
		if e != syscall.EINTR {
			return 0, e
		}
	}
}

// Read implements net.Conn.
func (s *socket) Read(b []byte) (int, error) {
	if len(b) == 0 || len(b) > atOnce {
		return s.Conn.Read(b)
	}
	s.in = b
	err := s.raw.Read(s.readOnce)
	s.in = nil
	switch {
	case err != nil:
		return 0, err
	case s.readError != 0:
		return 0, os.NewSyscallError("recvfrom", s.readError)
	case s.read == 0:
		return 0, io.EOF
	}
	return s.read, nil
}

// writeNow sends what there is room for, whatever the deadline, if b is short.
func (s *socket) writeNow(b []byte) (int, error) {
	if len(b) == 0 || len(b) > atOnce {
		return 0, nil
	}
	s.out = b
	err := s.raw.Control(s.writeOnce)
	s.out = nil
	switch {
	case err != nil:
		return 0, err
	case s.writeError == syscall.EAGAIN:
		return 0, nil
	case s.writeError != 0:
		return 0, os.NewSyscallError("sendto", s.writeError)
	}
	return s.written, nil
}
