package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"golang.org/x/sys/unix"
)

// DiskOf returns the state of the file system that holds a path.
func DiskOf(path string) (Disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Disk{}, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	size := uint64(s.Bsize)
	return Disk{Free: s.Bavail * size, Size: s.Blocks * size}, nil
}

// Clock returns the state of the kernel's clock.
func Clock() (ClockState, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return ClockState{}, fmt.Errorf("adjtimex: %w", err)
	}
	return ClockState{
		Synchronized: state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0,
		MaxError:     time.Duration(t.Maxerror) * time.Microsecond,
	}, nil
}

// OpenFiles returns how many files this process may have open.
func OpenFiles() (uint64, error) {
	var l unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
	return l.Cur, err
}

// WriteCache returns what the kernel says of the cache of the device under a path: "write through" or "write back".
func WriteCache(path string) (device, cache string, err error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return "", "", &os.PathError{Op: "stat", Path: path, Err: err}
	}
	dir, err := filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(s.Dev), unix.Minor(s.Dev)))
	if err != nil {
		return "", "", ErrUnknown // a file system without a device of its own
	}
	text, err := os.ReadFile(filepath.Join(dir, "queue/write_cache"))
	if os.IsNotExist(err) { // a partition: its disk tells
		dir = filepath.Dir(dir)
		text, err = os.ReadFile(filepath.Join(dir, "queue/write_cache"))
	}
	return filepath.Base(dir), strings.TrimSpace(string(text)), err
}

// LargePages returns which of the modes of transparent huge pages is on: "always", "madvise" or "never".
func LargePages() (string, error) {
	text, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if err != nil {
		return "", ErrUnknown
	}
	_, rest, _ := strings.Cut(string(text), "[")
	mode, _, _ := strings.Cut(rest, "]")
	return mode, nil
}

// Memory returns the memory of the machine, or what the control groups of this process allow it where that is less, and how much of it is
// to be had at most, in bytes.
func Memory() (total, available uint64, err error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0, err
	}
	for _, f := range []struct {
		name string
		to   *uint64
	}{{"MemTotal:", &total}, {"MemAvailable:", &available}} {
		_, rest, _ := strings.Cut(string(text), f.name)
		if _, err := fmt.Sscanf(rest, "%d kB", f.to); err != nil {
			return 0, 0, fmt.Errorf("/proc/meminfo: %s %w", f.name, err)
		}
		*f.to <<= 10
	}
	if limit, err := memlimit.FromCgroup(); err == nil { // an error says that there is none, too
		total, available = min(total, limit), min(available, limit)
	}
	return total, available, nil
}
