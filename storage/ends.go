package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// endsFile is the name, in the directory of the database, of the file that says how far its logs and manifests were durable.
const endsFile = "ENDS"

// The file of ends is one sector, so that no write of it is torn, overwritten in place; numbers are little-endian:
//
//	1 version | 1 n | n × { 1 kind: 0 log, 1 manifest | 8 number of the file | 8 bytes durable | 4 CRC of them } | zeros | 4 CRC of all before
//
// CRCs are Castagnoli's.
const (
	endsBytes   = 512
	endsVersion = 1
	endBytes    = 21
	maxEnds     = (endsBytes - 2 - 4) / endBytes
)

// castagnoli is the polynomial of the CRCs.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// An endKey names a log or a manifest of the database. Manifests sort behind logs.
type endKey struct {
	manifest bool
	number   uint64
}

// name returns the name of the file.
func (k endKey) name() string {
	if k.manifest {
		return fmt.Sprintf("MANIFEST-%06d", k.number)
	}
	return fmt.Sprintf("%06d.log", k.number)
}

// parseEnd returns the key of a file's name, false for names of others.
func parseEnd(name string) (k endKey, ok bool) {
	digits, manifest := strings.CutPrefix(name, "MANIFEST-")
	if !manifest {
		if digits, ok = strings.CutSuffix(name, ".log"); !ok {
			return k, false
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	k = endKey{manifest, n}
	return k, err == nil && k.name() == name
}

// An end is how much of a file is durable.
type end struct {
	length uint64
	crc    uint32 // of so many bytes
}

// An endsFS is the file system of a database. It notes, whenever a log or a manifest was synced, how far it reaches and the CRC
// of what it holds.
//
// Pebble takes whatever it cannot read in a log for the torn end of it, unless a later block says that more was synced, and in
// a manifest always: a flipped bit would take acknowledged groups away, whole tables too, and nobody would see it. With what is
// noted here Open tells one from the other.
//
// A note is written after the sync, before anybody learns of it, and not synced itself: it survives the end of the process, and
// after a power cut it is an earlier one, which still holds, since what was durable then is durable now. It must never
// name a file whose bytes have changed: that is why it is synced before a log is used again under another name.
//
// A manifest is noted once the marker names it, durably: see checkMarker.
type endsFS struct {
	vfs.FS
	dir  string
	lost bool // there was no file of ends

	mu      sync.Mutex // covers all below
	known   map[endKey]end
	named   uint64         // number of the newest manifest that the marker durably names
	placed  uint64         // of the newest that it names, durably or not
	waiting map[endKey]end // of manifests that it does not name yet
	file    vfs.File       // nil until create
	buf     [endsBytes]byte
}

// openEnds compares logs and manifests in dir, the directory of a database, with what is noted of them, and returns the file
// system on which to open the database for reading; after create, for writing too. What differs is ErrCorrupt. Nothing is changed.
func openEnds(dir string, fs vfs.FS) (*endsFS, error) {
	e := &endsFS{FS: fs, dir: dir, known: make(map[endKey]end), waiting: make(map[endKey]end)}
	if err := e.load(); err != nil {
		return nil, err
	}
	names, err := e.List(e.dir)
	if err != nil {
		return nil, err
	}
	if err := firstError(e.checkMarker(names), e.checkNewest(names)); err != nil {
		return nil, err
	}
	for _, k := range slices.Collect(maps.Keys(e.known)) {
		switch err := e.check(k); {
		case errors.Is(err, os.ErrNotExist): // obsolete, removed; or Pebble says what it misses
			delete(e.known, k)
		case err != nil:
			return nil, err
		}
	}
	return e, nil
}

// noEnds makes the file of ends of a database that nothing is noted of.
func noEnds(dir string, fs vfs.FS) error {
	e := &endsFS{FS: fs, dir: dir}
	return firstError(e.create(), e.close())
}

// load reads the file of ends. A store of a program that wrote none has no ends.
func (e *endsFS) load() error {
	path := e.PathJoin(e.dir, endsFile)
	f, err := e.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		e.lost = true
		return nil
	}
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(f, endsBytes+1))
	if err = firstError(err, f.Close()); err != nil {
		return err
	}
	if len(b) != endsBytes || crc32.Checksum(b[:endsBytes-4], castagnoli) != binary.LittleEndian.Uint32(b[endsBytes-4:]) {
		return fmt.Errorf("%s: checksum: %w", path, ErrCorrupt)
	}
	if b[0] != endsVersion {
		return fmt.Errorf("%s: version %d: %w", path, b[0], ErrVersion)
	}
	if int(b[1]) > maxEnds {
		return fmt.Errorf("%s: %d ends: %w", path, b[1], ErrCorrupt)
	}
	for n, b := b[1], b[2:]; n > 0; n, b = n-1, b[endBytes:] {
		k := endKey{b[0] == 1, binary.LittleEndian.Uint64(b[1:])}
		e.known[k] = end{binary.LittleEndian.Uint64(b[9:]), binary.LittleEndian.Uint32(b[17:])}
	}
	if e.encode(); !bytes.Equal(e.buf[:], b) {
		return fmt.Errorf("%s: not as it is written: %w", path, ErrCorrupt)
	}
	return nil
}

// checkNewest finds that the newest log is missing: it is removed only after another has begun. Pebble goes on without it in silence.
func (e *endsFS) checkNewest(names []string) error {
	newest := e.newest(false)
	if newest.number == 0 {
		return nil
	}
	for _, name := range names {
		if k, ok := parseEnd(name); ok && !k.manifest && k.number >= newest.number {
			return nil
		}
	}
	return fmt.Errorf("%s: missing: %w", e.PathJoin(e.dir, newest.name()), ErrCorrupt)
}

// newest returns the newest manifest or log that is noted, number 0 if there is none.
func (e *endsFS) newest(manifest bool) endKey {
	newest := endKey{manifest: manifest}
	for k := range e.known {
		if k.manifest == manifest && k.number > newest.number {
			newest = k
		}
	}
	return newest
}

// check compares a file with what is noted of it.
func (e *endsFS) check(k endKey) error {
	path, want := e.PathJoin(e.dir, k.name()), e.known[k]
	f, err := e.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	crc := crc32.New(castagnoli)
	n, err := io.CopyBuffer(crc, io.LimitReader(f, int64(want.length)), make([]byte, 1<<20))
	if err = firstError(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if uint64(n) != want.length || crc.Sum32() != want.crc {
		return fmt.Errorf("%s: its first %d bytes, which were durable, are not what was written: %w", path, want.length, ErrCorrupt)
	}
	return nil
}

// create makes the file of ends anew, durably, and keeps it open.
func (e *endsFS) create() error {
	path := e.PathJoin(e.dir, endsFile)
	f, err := e.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	e.encode()
	_, err = f.Write(e.buf[:])
	err = firstError(firstError(err, f.Sync()), f.Close())
	if err == nil {
		err = e.Rename(path+".new", path)
	}
	if err == nil {
		err = SyncDir(e.dir, e.FS)
	}
	if err == nil {
		e.file, err = e.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	}
	return err
}

// encode fills buf with the newest ends, of which there are rarely more than five.
func (e *endsFS) encode() {
	keys := slices.SortedFunc(maps.Keys(e.known), func(a, b endKey) int {
		if a.manifest != b.manifest {
			return map[bool]int{true: 1, false: -1}[a.manifest]
		}
		return int(a.number) - int(b.number)
	})
	keys = keys[max(0, len(keys)-maxEnds):]
	clear(e.buf[:])
	e.buf[0], e.buf[1] = endsVersion, byte(len(keys))
	b := e.buf[2:2]
	for _, k := range keys {
		kind := byte(0)
		if k.manifest {
			kind = 1
		}
		b = binary.LittleEndian.AppendUint64(append(b, kind), k.number)
		b = binary.LittleEndian.AppendUint64(b, e.known[k].length)
		b = binary.LittleEndian.AppendUint32(b, e.known[k].crc)
	}
	binary.LittleEndian.PutUint32(e.buf[endsBytes-4:], crc32.Checksum(e.buf[:endsBytes-4], castagnoli))
}

// note writes that a file is durable up to an end.
func (e *endsFS) note(k endKey, to end) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if k.manifest && k.number > e.named {
		e.waiting[k] = to
		return nil
	}
	return e.write(k, to)
}

// write writes a note.
func (e *endsFS) write(k endKey, to end) error {
	e.known[k] = to
	e.encode()
	_, err := e.file.WriteAt(e.buf[:], 0)
	return err
}

// forget takes a file out of the ends, durably if its bytes are to change.
func (e *endsFS) forget(path string, durable bool) error {
	k, ok := e.key(path)
	if !ok {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.waiting, k)
	if _, ok := e.known[k]; !ok {
		return nil
	}
	delete(e.known, k)
	if !durable {
		return nil
	}
	e.encode()
	if _, err := e.file.WriteAt(e.buf[:], 0); err != nil {
		return err
	}
	return e.file.Sync()
}

// key returns the key of a file of the database, false for files of others.
func (e *endsFS) key(path string) (endKey, bool) {
	if e.file == nil || e.PathDir(path) != e.dir {
		return endKey{}, false
	}
	return parseEnd(e.PathBase(path))
}

// close closes the file of ends.
func (e *endsFS) close() error {
	if e == nil || e.file == nil {
		return nil
	}
	return e.file.Close()
}

// Create creates a file as vfs.FS says.
func (e *endsFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := e.forget(name, true); err != nil {
		return nil, err
	}
	f, err := e.FS.Create(name, c)
	if err == nil {
		e.place(name)
	}
	return e.watch(name, f, err)
}

// ReuseForWrite makes a new file of an old one as vfs.FS says.
func (e *endsFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := firstError(e.forget(from, true), e.forget(to, true)); err != nil {
		return nil, err
	}
	f, err := e.FS.ReuseForWrite(from, to, c)
	return e.watch(to, f, err)
}

// Remove removes a file.
func (e *endsFS) Remove(name string) error {
	if err := e.FS.Remove(name); err != nil {
		return err
	}
	return e.forget(name, false)
}

// Unwrap returns the file system below.
func (e *endsFS) Unwrap() vfs.FS { return e.FS }

// watch returns f so that its syncs are noted.
func (e *endsFS) watch(name string, f vfs.File, err error) (vfs.File, error) {
	k, ok := e.key(name)
	if err != nil || !ok {
		return f, err
	}
	return &endFile{File: f, ends: e, key: k}, nil
}

// An endFile is a log or a manifest that is written from its start, by one goroutine at a time.
type endFile struct {
	vfs.File
	ends    *endsFS
	key     endKey
	written end
	noted   end
}

// Write writes p behind what was written.
func (f *endFile) Write(p []byte) (int, error) {
	crc := crc32.Update(f.written.crc, castagnoli, p) // before: Pebble's file system in memory alters p in builds for races
	n, err := f.File.Write(p)
	if n < len(p) {
		crc = crc32.Update(f.written.crc, castagnoli, p[:n])
	}
	f.written.length += uint64(n)
	f.written.crc = crc
	return n, err
}

// Sync makes what was written durable.
func (f *endFile) Sync() error { return f.note(f.File.Sync()) }

// SyncData makes what was written durable.
func (f *endFile) SyncData() error { return f.note(f.File.SyncData()) }

// note notes a sync.
func (f *endFile) note(err error) error {
	if err != nil || f.written == f.noted {
		return err
	}
	f.noted = f.written
	return f.ends.note(f.key, f.written)
}
