// Package host asks the operating system about the machine: disks, clock, limits. What one does not tell is ErrUnknown. And it has
// the operating system make the names in a directory durable.
package host

import (
	"errors"
	"os"
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
	MaxError     time.Duration // as whoever steers it claims
}

// SyncDir makes the names in a directory durable: files that were made, renamed or removed there.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
