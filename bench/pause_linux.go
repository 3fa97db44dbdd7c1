package bench

import (
	"syscall"
	"time"
)

// pause waits for d, to within some 60 µs: Go's timers wait for whole milliseconds while nothing else goes on.
func pause(d time.Duration) {
	for left := syscall.NsecToTimespec(int64(d)); syscall.Nanosleep(&left, &left) == syscall.EINTR; {
	}
}
