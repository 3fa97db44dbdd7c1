package storage_test

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/jurat-ledger/jurat/storage"
)

// Sizes of a sectorFS.
const (
	sectorBytes  = 512
	reservedLog  = 64 << 10 // of a new log
	directSector = 4096     // what direct writes must be multiples of
)

// An effect is how much of an operation that is said to fail takes place all the same.
type effect int

const (
	effectNone effect = iota
	effectAll
	effectHalf // of a write; other operations do not take place
)

// A sectorFS is a file system in memory whose disk loses, at a power cut, any sectors and names that nothing has synced, each
// by itself. Names are links to nodes, as in POSIX; there are files for direct writing, whose rules are enforced; new logs are
// reservedLog zeros long.
type sectorFS struct {
	t      testing.TB
	fail   errorfs.Injector // nil for none
	effect effect

	mu    sync.Mutex // covers what follows and all nodes
	root  *node
	locks map[string]bool
}

var _ vfs.FS = (*sectorFS)(nil)

// A node is a file or a directory.
type node struct {
	// Of a file.
	data, synced []byte
	dirty        map[int]bool // sectors written since the sync
	reserved     int          // bytes that read as zeros when they are lost

	// Of a directory, whose children is not nil.
	children, syncedChildren map[string]*node
	pending                  []rename // since the sync, in order
	modified                 time.Time
}

// A rename changes names of a directory: from is removed, to added; either may be empty.
type rename struct {
	from, to string
	n        *node
}

func newSectorFS(t testing.TB, fail errorfs.Injector, e effect) *sectorFS {
	return &sectorFS{t: t, fail: fail, effect: e, root: newDir(), locks: make(map[string]bool)}
}

func newDir() *node {
	return &node{children: make(map[string]*node), syncedChildren: make(map[string]*node)}
}

// Crash returns what a power cut leaves: of what was not synced, each sector, length and change of a name with a chance of
// percent in 100. Where a file grew and the sector was lost, stands what the disk held before.
func (fs *sectorFS) Crash(percent int, r *rand.Rand) *sectorFS {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	kept := func() bool { return r.IntN(100) < percent }
	seen := make(map[*node]*node)
	after := newSectorFS(fs.t, nil, effectNone)
	after.root = fs.root.crash(kept, r, seen)
	return after
}

func (n *node) crash(kept func() bool, r *rand.Rand, seen map[*node]*node) *node {
	if c := seen[n]; c != nil {
		return c
	}
	if n.children == nil {
		c := &node{data: n.crashFile(kept, r), reserved: n.reserved}
		c.synced = slices.Clone(c.data)
		seen[n] = c
		return c
	}
	c := newDir()
	seen[n] = c
	names := maps.Clone(n.syncedChildren)
	for _, p := range n.pending {
		if !kept() {
			continue
		}
		delete(names, p.from)
		if p.to != "" {
			names[p.to] = p.n
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c.children[name] = names[name].crash(kept, r, seen)
	}
	c.syncedChildren = maps.Clone(c.children)
	return c
}

func (n *node) crashFile(kept func() bool, r *rand.Rand) []byte {
	size := len(n.synced)
	if kept() {
		size = len(n.data)
	}
	data := make([]byte, size)
	for i := copy(data, n.synced); i < size; i++ {
		if i >= n.reserved {
			data[i] = byte(r.Uint32())
		}
	}
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) {
		if from, to := s*sectorBytes, min((s+1)*sectorBytes, len(n.data), size); from < to && kept() {
			copy(data[from:to], n.data[from:])
		}
	}
	return data
}

// do carries out an operation. change is given how much of it to do, in half steps: 2 is all.
func (fs *sectorFS) do(kind errorfs.OpKind, name string, change func(halves int) error) error {
	var err error
	if fs.fail != nil {
		err = fs.fail.MaybeError(errorfs.Op{Kind: kind, Path: name})
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	switch {
	case err == nil:
		return change(2)
	case fs.effect == effectAll:
		return errors.Join(err, change(2))
	case fs.effect == effectHalf && kind == errorfs.OpFileWrite:
		return errors.Join(err, change(1))
	}
	return err
}

// find returns the node of a name, and its directory; nil if there is none.
func (fs *sectorFS) find(name string) (dir, n *node, base string) {
	dir, n = nil, fs.root
	for _, base = range strings.Split(strings.Trim(path.Clean(name), "/"), "/") {
		if base == "." {
			continue
		}
		if dir = n; dir == nil || dir.children == nil {
			return nil, nil, base
		}
		n = dir.children[base]
	}
	return dir, n, base
}

func pathError(op, name string, err error) error { return &os.PathError{Op: op, Path: name, Err: err} }

// change changes names of a directory.
func (n *node) change(from, to string, what *node) {
	delete(n.children, from)
	if to != "" {
		n.children[to] = what
	}
	n.pending = append(n.pending, rename{from, to, what})
}

func (fs *sectorFS) create(name string, direct bool) (f *sectorFile, err error) {
	err = fs.do(errorfs.OpCreate, name, func(int) error {
		dir, old, base := fs.find(name)
		if dir == nil {
			return pathError("create", name, os.ErrNotExist)
		}
		if old != nil && direct {
			return pathError("create", name, os.ErrExist)
		}
		n := &node{dirty: make(map[int]bool), modified: time.Now()}
		if strings.HasSuffix(name, ".log") {
			n.data, n.reserved = make([]byte, reservedLog), reservedLog
		}
		dir.change("", base, n)
		f = &sectorFile{fs: fs, n: n, name: name}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (fs *sectorFS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.create(name, false)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// CreateDirect makes fs a storage.DirectFS.
func (fs *sectorFS) CreateDirect(name string) (storage.DirectWriter, error) {
	f, err := fs.create(name, true)
	if err != nil {
		return nil, err
	}
	return directSectors{f}, nil
}

func (fs *sectorFS) Link(from, to string) error {
	return fs.do(errorfs.OpLink, from, func(int) error {
		_, n, _ := fs.find(from)
		dir, old, base := fs.find(to)
		switch {
		case n == nil || dir == nil:
			return pathError("link", from, os.ErrNotExist)
		case old != nil:
			return pathError("link", to, os.ErrExist)
		}
		dir.change("", base, n)
		return nil
	})
}

func (fs *sectorFS) open(kind errorfs.OpKind, name string) (f *sectorFile, err error) {
	err = fs.do(kind, name, func(int) error {
		_, n, _ := fs.find(name)
		if n == nil {
			return pathError("open", name, os.ErrNotExist)
		}
		f = &sectorFile{fs: fs, n: n, name: name}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (fs *sectorFS) Open(name string, _ ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.open(errorfs.OpOpen, name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (fs *sectorFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return fs.Create(name, c)
	}
	return f, err
}

func (fs *sectorFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.open(errorfs.OpOpenDir, name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (fs *sectorFS) Remove(name string) error {
	return fs.do(errorfs.OpRemove, name, func(int) error {
		dir, n, base := fs.find(name)
		switch {
		case n == nil:
			return pathError("remove", name, os.ErrNotExist)
		case len(n.children) > 0:
			return pathError("remove", name, syscall.ENOTEMPTY)
		}
		dir.change(base, "", nil)
		return nil
	})
}

func (fs *sectorFS) RemoveAll(name string) error {
	return fs.do(errorfs.OpRemoveAll, name, func(int) error {
		if dir, n, base := fs.find(name); n != nil {
			dir.change(base, "", nil)
		}
		return nil
	})
}

func (fs *sectorFS) Rename(from, to string) error {
	return fs.do(errorfs.OpRename, from, func(int) error {
		dir, n, old := fs.find(from)
		other, _, base := fs.find(to)
		if n == nil || other != dir {
			return pathError("rename", from, os.ErrNotExist)
		}
		dir.change(old, base, n)
		return nil
	})
}

func (fs *sectorFS) ReuseForWrite(from, to string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.Rename(from, to); err != nil {
		return nil, err
	}
	return fs.Open(to)
}

func (fs *sectorFS) MkdirAll(name string, _ os.FileMode) error {
	return fs.do(errorfs.OpMkdirAll, name, func(int) error {
		dir := fs.root
		for _, base := range strings.Split(strings.Trim(path.Clean(name), "/"), "/") {
			if dir.children[base] == nil {
				dir.change("", base, newDir())
			}
			dir = dir.children[base]
		}
		return nil
	})
}

func (fs *sectorFS) Lock(name string) (io.Closer, error) {
	fs.mu.Lock()
	taken := fs.locks[name]
	fs.locks[name] = true
	fs.mu.Unlock()
	if taken {
		return nil, syscall.EAGAIN
	}
	unlock := closer(func() error {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		delete(fs.locks, name)
		return nil
	})
	if _, err := fs.create(name, false); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

type closer func() error

func (c closer) Close() error { return c() }

func (fs *sectorFS) List(name string) (names []string, err error) {
	err = fs.do(errorfs.OpList, name, func(int) error {
		_, n, _ := fs.find(name)
		if n == nil {
			return pathError("list", name, os.ErrNotExist)
		}
		names = slices.Sorted(maps.Keys(n.children))
		return nil
	})
	return names, err
}

func (fs *sectorFS) Stat(name string) (vfs.FileInfo, error) {
	f, err := fs.open(errorfs.OpStat, name)
	if err != nil {
		return nil, err
	}
	return f.Stat()
}

func (*sectorFS) PathBase(p string) string       { return path.Base(p) }
func (*sectorFS) PathJoin(elem ...string) string { return path.Join(elem...) }
func (*sectorFS) PathDir(p string) string        { return path.Dir(p) }
func (*sectorFS) Unwrap() vfs.FS                 { return nil }
func (*sectorFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{}, vfs.ErrUnsupported
}

// A sectorFile is an open file or directory.
type sectorFile struct {
	fs   *sectorFS
	n    *node
	name string
	at   int
}

func (f *sectorFile) Close() error { return nil }

func (f *sectorFile) Read(p []byte) (n int, err error) {
	n, err = f.ReadAt(p, int64(f.at))
	f.at += n
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *sectorFile) ReadAt(p []byte, at int64) (n int, err error) {
	err = f.fs.do(errorfs.OpFileReadAt, f.name, func(int) error {
		if at < int64(len(f.n.data)) {
			n = copy(p, f.n.data[at:])
		}
		if n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (f *sectorFile) Write(p []byte) (n int, err error) {
	n, err = f.WriteAt(p, int64(f.at))
	f.at += n
	return n, err
}

func (f *sectorFile) WriteAt(p []byte, to int64) (n int, err error) {
	err = f.fs.do(errorfs.OpFileWrite, f.name, func(halves int) error {
		at := int(to)
		n = len(p) * halves / 2
		if len(p) <= sectorBytes && at%sectorBytes == 0 && halves < 2 {
			n = 0 // a sector is written or not
		}
		if grow := at + n - len(f.n.data); grow > 0 {
			f.n.data = append(f.n.data, make([]byte, grow)...)
		}
		copy(f.n.data[at:], p[:n])
		if f.n.dirty == nil {
			f.n.dirty = make(map[int]bool)
		}
		for s := at / sectorBytes; s*sectorBytes < at+n; s++ {
			f.n.dirty[s] = true
		}
		return nil
	})
	return n, err
}

func (f *sectorFile) Preallocate(_, _ int64) error { return nil }
func (f *sectorFile) Prefetch(_, _ int64) error    { return nil }
func (f *sectorFile) SyncTo(int64) (bool, error)   { return false, nil }
func (f *sectorFile) Fd() uintptr                  { return vfs.InvalidFd }
func (f *sectorFile) SyncData() error              { return f.Sync() }

func (f *sectorFile) Sync() error {
	return f.fs.do(errorfs.OpFileSync, f.name, func(int) error {
		n := f.n
		n.synced, n.dirty = slices.Clone(n.data), nil
		n.syncedChildren, n.pending = maps.Clone(n.children), nil
		return nil
	})
}

func (f *sectorFile) Stat() (vfs.FileInfo, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return sectorInfo{path.Base(f.name), int64(len(f.n.data)), f.n.children != nil, f.n.modified}, nil
}

type sectorInfo struct {
	name     string
	size     int64
	dir      bool
	modified time.Time
}

func (i sectorInfo) Name() string           { return i.name }
func (i sectorInfo) Size() int64            { return i.size }
func (i sectorInfo) IsDir() bool            { return i.dir }
func (i sectorInfo) ModTime() time.Time     { return i.modified }
func (i sectorInfo) Sys() any               { return nil }
func (i sectorInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
func (i sectorInfo) Mode() os.FileMode {
	if i.dir {
		return os.ModeDir | 0o700
	}
	return 0o600
}

// directSectors is a file for direct writing: addresses, places and lengths are whole sectors of a disk.
type directSectors struct{ *sectorFile }

func (f directSectors) Write(p []byte) (int, error) {
	if address := uintptr(unsafe.Pointer(unsafe.SliceData(p))); (address|uintptr(len(p))|uintptr(f.at))%directSector != 0 {
		f.fs.t.Errorf("%s: direct write of %d bytes from address %x at %d", f.name, len(p), address, f.at)
	}
	return f.sectorFile.Write(p)
}

func (f directSectors) Truncate(size int64) error {
	return f.fs.do(errorfs.OpFilePreallocate, f.name, func(int) error {
		if size > int64(len(f.n.data)) {
			f.fs.t.Errorf("%s: made longer, from %d to %d", f.name, len(f.n.data), size)
		}
		f.n.data = f.n.data[:size]
		return nil
	})
}
