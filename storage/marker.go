package storage

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// manifestMarker begins the name of the empty file by which Pebble finds its manifest. Behind it are a number, greater in each that
// replaces another, and the name of the manifest.
const manifestMarker = "marker.manifest."

// A markerFS syncs a directory before a marker is created in it, and again before the marker that it replaces is removed. Pebble
// points to its newest manifest by a marker and syncs all three names by one sync: a file system that keeps a later one only would
// leave a database that does not open.
// New files of the log begin as long as they will get: the zeros behind what is written are as good as an end to who reads it.
type markerFS struct {
	vfs.FS
	readOnly bool
}

// Create creates a file as vfs.FS says.
func (f markerFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(f.PathBase(name), "marker.") {
		if err := SyncDir(f.PathDir(name), f.FS); err != nil {
			return nil, err
		}
	}
	file, err := f.FS.Create(name, c)
	if err == nil && strings.HasSuffix(name, ".log") {
		reserve(file, memTableBytes)
	}
	return file, err
}

// Remove removes a file.
func (f markerFS) Remove(name string) error {
	if strings.HasPrefix(f.PathBase(name), "marker.") {
		if err := SyncDir(f.PathDir(name), f.FS); err != nil {
			return err
		}
	}
	return f.FS.Remove(name)
}

// Lock locks a file as lockPath says.
func (f markerFS) Lock(name string) (io.Closer, error) { return lockPath(name, f.FS, f.readOnly) }

// Unwrap returns the file system below.
func (f markerFS) Unwrap() vfs.FS { return f.FS }

// checkMarker finds that the marker is missing, or names an older manifest than is noted. Pebble would go on from there, and
// delete all that the older manifest does not know; without a marker, all there is.
//
// No crash leaves such a thing behind: a manifest is noted only when the marker that names it is durable. Programs before noted it
// earlier, so one that ended in between is to be started once more before it is replaced.
func (e *endsFS) checkMarker(names []string) error {
	marker := e.PathJoin(e.dir, manifestMarker+"*")
	var newest uint64
	var manifest string
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, manifestMarker)
		if !ok {
			continue
		}
		digits, value, _ := strings.Cut(rest, ".")
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %v: %w", marker, err, ErrCorrupt)
		}
		if n >= newest { // a crash may leave the one before
			newest, manifest = n, value
		}
	}
	k, ok := parseEnd(manifest)
	switch noted := e.newest(true); {
	case manifest == "":
		return fmt.Errorf("%s: missing: %w", marker, ErrCorrupt)
	case !ok || !k.manifest:
		return fmt.Errorf("%s: names no manifest but %q: %w", marker, manifest, ErrCorrupt)
	case k.number < noted.number:
		return fmt.Errorf("%s: names %s, and %s is the newest: %w", marker, k.name(), noted.name(), ErrCorrupt)
	}
	e.named, e.placed = k.number, k.number
	return nil
}

// place notes that a marker was created, if path is that of one.
func (e *endsFS) place(path string) {
	base := e.PathBase(path)
	if e.PathDir(path) != e.dir || !strings.HasPrefix(base, manifestMarker) {
		return
	}
	if k, ok := parseEnd(base[strings.LastIndexByte(base, '.')+1:]); ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.placed = k.number
	}
}

// OpenDir opens a directory as vfs.FS says.
func (e *endsFS) OpenDir(name string) (vfs.File, error) {
	d, err := e.FS.OpenDir(name)
	if err != nil || e.file == nil || name != e.dir {
		return d, err
	}
	return &endsDir{d, e}, nil
}

// An endsDir is the directory of a database that is open for writing.
type endsDir struct {
	vfs.File
	ends *endsFS
}

// Sync makes names in the directory durable, that of the marker too: the manifest that it names is noted.
func (d *endsDir) Sync() error {
	e := d.ends
	e.mu.Lock()
	placed := e.placed
	e.mu.Unlock()
	if err := d.File.Sync(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if placed <= e.named {
		return nil
	}
	e.named = placed
	k := endKey{true, placed}
	to, ok := e.waiting[k]
	if !ok {
		return nil
	}
	delete(e.waiting, k)
	return e.write(k, to)
}
