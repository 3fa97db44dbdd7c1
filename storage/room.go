package storage

import (
	"errors"
	"log/slog"
	"math"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A room watches over the room on a store's disk. Writes that find the disk full wait until there is room again, and never give up: that
// would leave open what is on disk, and Pebble panics of it where nobody can catch that. A process that is to end leaves them behind.
type room struct {
	disk vfs.FS // as it is
	fs   vfs.FS // the same, whose writes wait for room
	dir  string // of the store
	log  *slog.Logger
	tell func(waiting bool)

	waiting sync.Mutex // held by wait

	mu   sync.Mutex    // covers full
	full chan struct{} // closed while writes wait; then replaced
}

func newRoom(dir string, o *Options) *room {
	r := &room{disk: o.FS, dir: dir, log: o.Logger, tell: o.DiskFull, full: make(chan struct{})}
	r.fs = vfs.OnDiskFull(quotaFS{o.FS}, r.wait)
	return r
}

const (
	// probeFile is written to find out whether there is room.
	probeFile = "probe"
	// probeBytes is the room that writes wait for: a file of the log and more.
	probeBytes = 16 << 20
	// probeLast is how long the pauses between probes get.
	probeLast = time.Second
)

// wait returns when there is room.
func (r *room) wait() {
	r.waiting.Lock()
	defer r.waiting.Unlock()
	r.mu.Lock()
	close(r.full)
	r.mu.Unlock()
	r.tell(true)
	defer r.tell(false)
	r.log.Error("storage: the disk is full: nothing can be filed until there is room", "directory", r.dir)
	pause := time.Millisecond
	for r.probe() != nil {
		<-time.After(pause)
		pause = min(2*pause, probeLast)
	}
	r.mu.Lock()
	r.full = make(chan struct{})
	r.mu.Unlock()
	r.log.Warn("storage: writing goes on after the disk was full", "directory", r.dir)
}

// probe returns an error if there is no room for probeBytes. It writes them, since no number that a file system gives knows of
// quotas and of what is set aside.
func (r *room) probe() error {
	path := r.disk.PathJoin(r.dir, probeFile)
	f, err := r.disk.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	part := make([]byte, 1<<20)
	for n := 0; n < probeBytes && err == nil; n += len(part) {
		_, err = f.Write(part)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), r.disk.Remove(path))
}

// retry waits for room if err says that the disk is full, and reports whether to try again.
func (r *room) retry(err error) bool {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return false
	}
	r.wait()
	return true
}

// Full returns a channel that is closed as soon as a write waits for room on the disk. Ask again each time: when there is room,
// another channel takes its place.
func (s *Store) Full() <-chan struct{} {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.room.full
}

// Free returns how many bytes the disk has for the store; the largest number there is if it does not tell.
func (s *Store) Free() uint64 {
	usage, err := s.fs.GetDiskUsage(s.dir)
	if err != nil {
		return math.MaxUint64
	}
	return usage.AvailBytes
}

// FS returns the file system that the store is on, whose writes wait while the disk is full, for what else has to go with the
// store.
func (s *Store) FS() vfs.FS { return s.room.fs }

// A quotaFS is a file system that says ENOSPC, which is what vfs.OnDiskFull waits upon, for EDQUOT too: room that a quota leaves
// no more comes again as room on the disk does.
type quotaFS struct{ vfs.FS }

// asFull returns the error as quotaFS gives it.
func asFull(err error) error {
	if errors.Is(err, syscall.EDQUOT) {
		return syscall.ENOSPC
	}
	return err
}

// Unwrap is for vfs.Root.
func (q quotaFS) Unwrap() vfs.FS { return q.FS }

func (q quotaFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return asQuotaFile(q.FS.Create(name, category))
}

func (q quotaFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return asQuotaFile(q.FS.OpenReadWrite(name, category, opts...))
}

func (q quotaFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return asQuotaFile(q.FS.ReuseForWrite(old, name, category))
}

func (q quotaFS) Link(old, name string) error   { return asFull(q.FS.Link(old, name)) }
func (q quotaFS) Rename(old, name string) error { return asFull(q.FS.Rename(old, name)) }

func (q quotaFS) MkdirAll(dir string, perm os.FileMode) error {
	return asFull(q.FS.MkdirAll(dir, perm))
}

// A quotaFile is a file of a quotaFS that is written.
type quotaFile struct{ vfs.File }

func asQuotaFile(f vfs.File, err error) (vfs.File, error) {
	if f != nil {
		f = quotaFile{f}
	}
	return f, asFull(err)
}

func (f quotaFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, asFull(err)
}

func (f quotaFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	return n, asFull(err)
}
