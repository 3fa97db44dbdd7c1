//go:build unix

package storage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// lockForReading locks a file of a directory that cannot be written to, so that it fails where another process has it locked, as vfs.FS
// locks. Where the file is missing nobody has the directory open.
func lockForReading(path string) (io.Closer, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(nil), nil
	} else if err != nil {
		return nil, err
	}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart}); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
