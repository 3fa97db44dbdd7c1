//go:build unix

package host

import (
	"io/fs"
	"syscall"
)

// Owner returns the id of the user to whom a file belongs; false where the operating system does not tell.
func Owner(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// Denied reports whether this process is not allowed to read and write a file.
func Denied(path string) bool {
	const readWrite = 0x6 // R_OK and W_OK of access(2)
	return syscall.Access(path, readWrite) == syscall.EACCES
}
