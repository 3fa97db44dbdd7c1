package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/index"
)

// RestoringDir is where in a data directory a restore puts things until they are checked. It is there before anything else, and
// goes last. A server refuses to make a new ledger beside it.
const RestoringDir = "restoring"

// ErrUnfinished says that a restore into a data directory was cut off: what is there is not checked. Restoring into it again
// begins anew.
var ErrUnfinished = errors.New("a restore into it was cut off, so nothing there is whole: run jurat restore again, with the same --from and --data")

// CheckFinished returns ErrUnfinished if a restore into a data directory was cut off before all was in its place. fs is nil for the
// disk.
func CheckFinished(fs vfs.FS, dir string) error {
	if fs == nil {
		fs = vfs.Default
	}
	if _, err := fs.Stat(fs.PathJoin(dir, RestoringDir)); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	_, err := fs.Stat(fs.PathJoin(dir, StoreDir))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", dir, ErrUnfinished)
	}
	return err
}

// RestoreOptions say how to restore.
type RestoreOptions struct {
	// FS is where the data directory is, nil for the disk. Backups are on the disk.
	FS vfs.FS
	// Now is noted in the mark.
	Now time.Time
	// Copied is told of bytes as they are copied, Checked of leaves as they are checked; each may be nil.
	Copied  func(bytes int64)
	Checked func(leaves uint64, of uint64)
	// Accept, if not nil, looks at the restored store before it is put in place; its error ends the restore.
	Accept func(*storage.Store) error
}

// Restore makes a data directory of a chain of backups: a full one, and those based on it, each on the one before. dir must
// not exist, be empty, or hold what a restore that was cut off has left. When it returns nil everything was checked, is durable, and
// carries a Mark; else dir is empty, or is not there if it was not before.
func Restore(ctx context.Context, chain []string, dir string, o RestoreOptions) (*Manifest, fsck.Report, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	r := &restore{ctx: ctx, o: o, fs: o.FS, target: dir, dir: o.FS.PathJoin(dir, RestoringDir), have: make(map[string]int64)}
	var report fsck.Report
	err := r.begin()
	if err == nil {
		report, err = r.run(chain)
	}
	if r.lock == nil {
		return nil, report, err
	}
	if err = errors.Join(err, r.lock.Close()); err != nil {
		return nil, report, errors.Join(err, r.undo())
	}
	_ = r.fs.RemoveAll(r.dir) // what of it is left says nothing any more, and goes when a server starts
	return r.manifest, report, nil
}

// A restore is one under way.
type restore struct {
	ctx      context.Context
	o        RestoreOptions
	fs       vfs.FS
	target   string           // the data directory
	made     bool             // it was not there
	dir      string           // where it works
	lock     io.Closer        // held while it works
	have     map[string]int64 // contents in the pool, with their sizes
	manifest *Manifest        // of the last backup
	text     []byte           // of that manifest
	bytes    int64
}

// pool is the folder of contents, each named by its SHA-256.
const pool = "pool"

// lockName is the file in RestoringDir by which no two restores work on one data directory.
const lockName = "LOCK"

// begin makes the directory where the restore works, durably before there is anything else, and removes what one that was cut off has
// left.
func (r *restore) begin() error {
	names, err := r.fs.List(r.target)
	r.made = errors.Is(err, os.ErrNotExist)
	if err != nil && !r.made {
		return err
	}
	foreign := slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(r.parts(), name) })
	if foreign || len(names) > 0 && !errors.Is(CheckFinished(r.fs, r.target), ErrUnfinished) {
		return fmt.Errorf("%s is not empty: give a new directory", r.target)
	}
	if err := storage.MakeDir(r.dir, r.fs); err != nil {
		return err
	}
	if r.lock, err = r.fs.Lock(r.fs.PathJoin(r.dir, lockName)); err != nil {
		return fmt.Errorf("%s: is another restore at work there? %w", r.target, err)
	}
	if names, err = r.fs.List(r.dir); err == nil {
		err = r.clear()
	}
	for _, name := range names {
		if name != lockName {
			err = errors.Join(err, r.fs.RemoveAll(r.fs.PathJoin(r.dir, name)))
		}
	}
	return errors.Join(err, r.fs.MkdirAll(r.fs.PathJoin(r.dir, pool), 0o700))
}

// parts returns what a restore that was cut off can leave in a data directory.
func (r *restore) parts() []string {
	return []string{KeysDir, IndexDir, MarkName, MarkName + unfinished, RestoringDir}
}

// clear removes what is in the data directory besides the directory where the restore works, durably.
func (r *restore) clear() error {
	var errs []error
	for _, part := range r.parts() {
		if part != RestoringDir {
			errs = append(errs, r.fs.RemoveAll(r.fs.PathJoin(r.target, part)))
		}
	}
	return errors.Join(append(errs, storage.SyncDir(r.target, r.fs))...)
}

// undo leaves the data directory as a restore that failed found it. Until all is gone the directory says that nothing in it is whole.
func (r *restore) undo() error {
	err := r.fs.Rename(r.fs.PathJoin(r.target, StoreDir), r.fs.PathJoin(r.dir, StoreDir))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = r.clear()
	}
	if err == nil {
		err = r.fs.RemoveAll(r.dir)
	}
	if err == nil && r.made {
		err = r.fs.Remove(r.target)
	}
	return err
}

func (r *restore) run(chain []string) (report fsck.Report, err error) {
	for _, path := range chain {
		if err := r.add(path); err != nil {
			return report, fmt.Errorf("backup %s: %w", path, err)
		}
	}
	for _, f := range r.manifest.Files {
		if err := r.ctx.Err(); err != nil {
			return report, err
		}
		if err := r.place(f); err != nil {
			return report, err
		}
	}
	if report, err = r.check(); err != nil {
		return report, err
	}
	return report, r.install()
}

// add puts the contents of a backup into the pool and checks that it follows the one before.
func (r *restore) add(path string) error {
	stored := make(map[string]File)
	var text []byte
	err := visit(r.ctx, path, func(name string, size int64, in io.Reader) (err error) {
		if name == ManifestName {
			text, err = io.ReadAll(io.LimitReader(in, maxManifest))
			return err
		}
		if !goodName(name) {
			return fmt.Errorf("file %q: %w", name, ErrDamaged)
		}
		if _, twice := stored[name]; twice {
			return fmt.Errorf("file %q is there twice: %w", name, ErrDamaged)
		}
		content, n, err := r.copy(in)
		stored[name] = File{Name: name, Size: n, SHA256: content}
		return err
	})
	if err != nil {
		return err
	}
	if text == nil {
		return fmt.Errorf("no %s: %w", ManifestName, ErrIncomplete)
	}
	m, err := ParseManifest(text)
	if err != nil {
		return err
	}
	if err := r.follows(m); err != nil {
		return err
	}
	r.manifest, r.text = m, text
	return m.check(stored, nil)
}

// follows checks that m is the manifest of the next backup of the chain.
func (r *restore) follows(m *Manifest) error {
	switch {
	case r.manifest == nil && m.Previous != "":
		return fmt.Errorf("it is based on an earlier one, whose manifest has SHA-256 %s: give that first: %w", m.Previous, ErrChain)
	case r.manifest == nil:
		return nil
	case m.Previous == "":
		return fmt.Errorf("it is a full backup: give it first, with those based on it behind it: %w", ErrChain)
	case m.Previous != sum(r.text):
		return fmt.Errorf("it is based on the backup whose manifest has SHA-256 %s, not on that before it on the command line, with %s: %w",
			m.Previous, sum(r.text), ErrChain)
	case m.Ledger != r.manifest.Ledger:
		return fmt.Errorf("it is of another ledger: %w", ErrChain)
	}
	return nil
}

// copy copies a content into the pool and returns its SHA-256 and its size.
func (r *restore) copy(in io.Reader) (content string, n int64, err error) {
	path := r.fs.PathJoin(r.dir, "content")
	f, err := createFile(r.fs, path, 0o600)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(h, f, r)}, damageReader{in}, make([]byte, chunkBytes))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return "", n, err
	}
	content = hex.EncodeToString(h.Sum(nil))
	r.have[content] = n
	return content, n, r.fs.Rename(path, r.fs.PathJoin(r.dir, pool, content))
}

// createFile creates a file. What is not the disk has no modes.
func createFile(fs vfs.FS, path string, mode os.FileMode) (vfs.File, error) {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil && fs == vfs.Default {
		if err = os.Chmod(path, mode); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return f, err
}

// Write counts bytes. Its error says that the restore was cancelled.
func (r *restore) Write(b []byte) (int, error) {
	r.bytes += int64(len(b))
	if r.o.Copied != nil {
		r.o.Copied(r.bytes)
	}
	return len(b), r.ctx.Err()
}

// place puts a file of the last manifest where it belongs. Two files may have one content.
func (r *restore) place(f File) error {
	size, ok := r.have[f.SHA256]
	if !ok || size != f.Size {
		return fmt.Errorf("%s: no backup of the chain holds SHA-256 %s with %d bytes: %w", f.Name, f.SHA256, f.Size, ErrChain)
	}
	name := r.fs.PathJoin(r.dir, f.Name)
	if err := r.fs.MkdirAll(r.fs.PathDir(name), 0o700); err != nil {
		return err
	}
	from := r.fs.PathJoin(r.dir, pool, f.SHA256)
	if r.fs == vfs.Default {
		if err := os.Chmod(from, modeOf(f.Name)); err != nil {
			return err
		}
	}
	if err := r.fs.Link(from, name); err == nil {
		return nil
	}
	in, err := r.fs.Open(from) // a file system without hard links
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := createFile(r.fs, name, modeOf(f.Name))
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// check derives every root of the restored store again and compares what the manifest says.
func (r *restore) check() (report fsck.Report, err error) {
	store, err := storage.Open(r.fs.PathJoin(r.dir, StoreDir), storage.Options{FS: r.fs, ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	x, err := index.Open(store.DB(), index.Options{FS: r.fs, Dir: r.fs.PathJoin(r.dir, IndexDir), ReadOnly: true})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	var is Manifest
	if err := is.describe(store); err != nil {
		return report, err
	}
	want := r.manifest
	for _, c := range []struct{ what, is, want string }{
		{"server", is.Server, want.Server}, {"ledger", is.Ledger, want.Ledger}, {"first round", is.FirstRound, want.FirstRound},
		{"last round", is.LastRound, want.LastRound}, {"calendar root", is.CalendarRoot, want.CalendarRoot},
		{"leaves", fmt.Sprint(is.Leaves), fmt.Sprint(want.Leaves)},
	} {
		if c.is != c.want {
			return report, fmt.Errorf("%s: the restored store has %s, the manifest says %s: %w", c.what, c.is, c.want, ErrDamaged)
		}
	}
	comparison := x.NewCheck()
	defer comparison.Close()
	report, err = fsck.Check(r.ctx, store, fsck.Options{Index: comparison, Progress: func(p fsck.Report) {
		if r.o.Checked != nil {
			r.o.Checked(p.Leaves, want.Leaves)
		}
	}})
	if err != nil {
		return report, fmt.Errorf("the restored store: %w", err)
	}
	if r.o.Accept != nil {
		return report, r.o.Accept(store)
	}
	return report, nil
}

// install moves what was checked to where a server finds it. Without the store no server starts: it comes last.
func (r *restore) install() error {
	if err := r.fs.RemoveAll(r.fs.PathJoin(r.dir, pool)); err != nil {
		return err
	}
	if err := r.syncNames(r.dir); err != nil {
		return err
	}
	m := &Mark{Server: r.manifest.Server, Ledger: r.manifest.Ledger, LastRound: r.manifest.LastRound,
		CalendarRoot: r.manifest.CalendarRoot, Made: r.manifest.Made, Restored: r.o.Now.UTC().Truncate(time.Second)}
	if err := m.write(r.fs, r.target, MarkName); err != nil {
		return err
	}
	for _, part := range []string{KeysDir, IndexDir, StoreDir} {
		err := r.fs.Rename(r.fs.PathJoin(r.dir, part), r.fs.PathJoin(r.target, part))
		if err != nil && !(part != StoreDir && errors.Is(err, os.ErrNotExist)) {
			return err
		}
		if err := storage.SyncDir(r.target, r.fs); err != nil {
			return err
		}
	}
	return nil
}

// syncNames makes the names of all files in a directory and below durable, but for the locks of stores, which go.
func (r *restore) syncNames(dir string) error {
	names, err := r.fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := r.fs.PathJoin(dir, name)
		info, err := r.fs.Stat(path)
		switch {
		case err != nil:
		case info.IsDir():
			err = r.syncNames(path)
		case name == lockName && dir != r.dir:
			err = r.fs.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return storage.SyncDir(dir, r.fs)
}
