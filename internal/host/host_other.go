//go:build !linux

package host

// DiskOf returns the state of the file system that holds a path.
func DiskOf(string) (Disk, error) { return Disk{}, ErrUnknown }

// Clock returns the state of the kernel's clock.
func Clock() (ClockState, error) { return ClockState{}, ErrUnknown }

// OpenFiles returns how many files this process may have open.
func OpenFiles() (uint64, error) { return 0, ErrUnknown }

// WriteCache returns what the kernel says of the cache of the device under a path.
func WriteCache(string) (device, cache string, err error) { return "", "", ErrUnknown }

// LargePages returns which of the modes of transparent huge pages is on.
func LargePages() (string, error) { return "", ErrUnknown }

// Memory returns the memory of the machine and how much of it is to be had at most, in bytes.
func Memory() (total, available uint64, err error) { return 0, 0, ErrUnknown }
