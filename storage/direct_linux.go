package storage

import (
	"os"
	"syscall"
	"unsafe"
)

// directAlign is what offsets, lengths and addresses of direct writes are multiples of.
const directAlign = 4096

// A directFile is written from front to end, past the cache of the operating system: to fill that takes more of the
// processor than all else that is done with a leaf, and of what a large group files little is read again soon.
type directFile struct {
	f    *os.File
	buf  []byte // aligned; tableBuffer bytes
	n    int    // bytes in buf
	size int64  // of what is written, without buf
}

// createDirect creates a file for direct writing, its buffer in *memory, which it makes if need be. ok is false where the file
// system has no such files, or no file can be created at all.
func createDirect(path string, memory *[]byte) (d *directFile, ok bool) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_DIRECT, 0o600)
	if err != nil {
		return nil, false
	}
	if *memory == nil {
		*memory = make([]byte, tableBuffer+directAlign)
	}
	skip := -int(uintptr(unsafe.Pointer(&(*memory)[0]))) & (directAlign - 1)
	return &directFile{f: f, buf: (*memory)[skip : skip+tableBuffer]}, true
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
