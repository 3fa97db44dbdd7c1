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
