// Package host asks the operating system about the machine: disks, clock, limits. What one does not tell is ErrUnknown.
package host

import (
	"errors"
	"time"
)

// ErrUnknown says that this operating system does not tell.
var ErrUnknown = errors.New("this operating system does not tell")

// A Disk is the file system that holds a directory.
type Disk struct {
	Free uint64 // bytes that anybody may still write
	Size uint64 // bytes
}

// A ClockState is what the kernel says of its clock.
type ClockState struct {
	Synchronized bool          // somebody steers it, such as an NTP client
	Offset       time.Duration // that is still to be made good
	MaxError     time.Duration // as whoever steers it claims
}
