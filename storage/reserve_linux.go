package storage

import (
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// reserve makes a new file as long as n bytes of zeros, where the file system can do so without writing them: a sync of what is
// then written over them need not make a new length durable, too, which takes a disk as long again. It is a matter of speed
// alone: a file that cannot be made longer stays as it is.
func reserve(f vfs.File, n int64) {
	if fd := f.Fd(); fd != vfs.InvalidFd {
		_ = syscall.Fallocate(int(fd), 0, 0, n)
	}
}
