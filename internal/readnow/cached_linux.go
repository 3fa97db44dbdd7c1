//go:build linux && (amd64 || arm64)

package readnow

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cached reads what the cache holds, up to a place that it does not hold, and returns how many bytes that are. b must not be empty.
func cached(fd uintptr, b []byte, offset int64) int {
	to := syscall.Iovec{Base: unsafe.SliceData(b), Len: uint64(len(b))}
	n, _, e := syscall.RawSyscall6(unix.SYS_PREADV2, fd, uintptr(unsafe.Pointer(&to)), 1, uintptr(offset), 0, unix.RWF_NOWAIT)
	if e != 0 {
		return 0 // of any error, who waits for the rest is told
	}
	return int(n)
}
