package wire

import (
	"net"
	"syscall"
)

// peerUID asks the kernel which account the client on a Unix socket had when it connected; see SO_PEERCRED in unix(7).
func peerUID(nc net.Conn) *uint32 {
	c, ok := nc.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	var uid *uint32
	raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			uid = &cred.Uid
		}
	})
	return uid
}
