// Package readnow reads files that the operating system's cache holds by system calls that never wait.
//
// Go's scheduler is told of a system call that may wait: it notes that the goroutine's processor can be given to others, and keeps a
// thread awake that looks every few microseconds whether it is time to. A call that copies a few kilobytes from the cache is over
// before that is of use. Proofs of one in a hundred million leaves, with two such reads each, cost a server 84 µs of processor time
// instead of 135 for one client that waits for each answer, whose rate is 1.45 times as high, and 79 instead of 91 for eight.
//
// What is not in the cache is read as ever.
package readnow

import "io"

// A File is a file that is open for reading: those of package os, and those of others that wrap them.
type File interface {
	io.ReaderAt
	// Fd returns the file's number, or all ones if the system knows it by none. It must stay the file's own until At returns.
	Fd() uintptr
}

// noFd is the number of a file that has none.
const noFd = ^uintptr(0)

// atOnce bounds what is read by a call of which the scheduler is not told: the processor is not to be had for other goroutines
// meanwhile, some microseconds.
const atOnce = 16 << 10

// At does what f.ReadAt does.
func At(f File, b []byte, offset int64) (n int, err error) {
	if len(b) > 0 && len(b) <= atOnce {
		if fd := f.Fd(); fd != noFd {
			n = cached(fd, b, offset)
		}
	}
	if n == len(b) && n > 0 {
		return n, nil
	}
	more, err := f.ReadAt(b[n:], offset+int64(n))
	return n + more, err
}
