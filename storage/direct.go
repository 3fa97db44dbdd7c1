package storage

import (
	"io"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// directAlign is what offsets, lengths and addresses of direct writes are multiples of.
const directAlign = 4096

// A directFS is a file system that can write past the cache of the operating system.
type directFS interface {
	// CreateDirect creates a file that is not there yet: what has the name may have another, too, among the tables of the
	// database, and must not be written over.
	CreateDirect(name string) (directWriter, error)
}

// A directWriter is a file for direct writing.
type directWriter interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	io.Closer
}

// directOf returns how to write directly on a file system, nil if that cannot be.
func directOf(fs vfs.FS) directFS {
	if fs == vfs.Default {
		return directDisk
	}
	d, _ := fs.(directFS)
	return d
}

// A directFile is written from front to end, past the cache of the operating system: to fill that takes more of the
// processor than all else that is done with a leaf, and of what a large group files little is read again soon.
type directFile struct {
	f    directWriter
	buf  []byte // aligned; tableBuffer bytes
	n    int    // bytes in buf
	size int64  // of what is written, without buf
}

// newDirectFile writes to f, its buffer in *memory, which it makes if need be.
func newDirectFile(f directWriter, memory *[]byte) *directFile {
	if *memory == nil {
		*memory = make([]byte, tableBuffer+directAlign)
	}
	skip := -int(uintptr(unsafe.Pointer(&(*memory)[0]))) & (directAlign - 1)
	return &directFile{f: f, buf: (*memory)[skip : skip+tableBuffer]}
}

// Write appends p to the file.
func (d *directFile) Write(p []byte) error {
	for len(p) > 0 {
		k := copy(d.buf[d.n:], p)
		d.n, p = d.n+k, p[k:]
		if d.n == len(d.buf) {
			if err := d.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes the buffer, the last time with what fills up a block behind it.
func (d *directFile) flush() error {
	if _, err := d.f.Write(d.buf[:(d.n+directAlign-1)&^(directAlign-1)]); err != nil {
		return err
	}
	d.size += int64(d.n)
	d.n = 0
	return nil
}

// Finish makes the file durable and closes it.
func (d *directFile) Finish() error {
	err := d.flush()
	if err == nil {
		err = d.f.Truncate(d.size)
	}
	if err == nil {
		err = d.f.Sync()
	}
	return firstError(err, d.f.Close())
}

// Abort closes the file.
func (d *directFile) Abort() { _ = d.f.Close() }
