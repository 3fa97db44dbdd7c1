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
	"path/filepath"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/index"
)

// RestoringDir is where in a data directory a restore puts things until they are checked. A server refuses to make a new
// ledger beside it.
const RestoringDir = "restoring"

// RestoreOptions say how to restore.
type RestoreOptions struct {
	// Now is noted in the mark.
	Now time.Time
	// Copied is told of bytes as they are copied, Checked of leaves as they are checked; each may be nil.
	Copied  func(bytes int64)
	Checked func(leaves uint64, of uint64)
	// Accept, if not nil, looks at the restored store before it is put in place; its error ends the restore.
	Accept func(*storage.Store) error
}

// Restore makes a data directory of a chain of backups: a full one, and those based on it, each on the one before. dir must
// not exist or be empty. When it returns nil everything was checked, is durable, and carries a Mark; else dir is as it was.
func Restore(ctx context.Context, chain []string, dir string, o RestoreOptions) (*Manifest, fsck.Report, error) {
	made, err := emptyDir(dir)
	if err != nil {
		return nil, fsck.Report{}, err
	}
	r := &restore{ctx: ctx, o: o, dir: filepath.Join(dir, RestoringDir), have: make(map[string]int64)}
	report, err := r.run(chain, dir)
	if err == nil {
		return r.manifest, report, nil
	}
	for _, part := range []string{StoreDir, IndexDir, KeysDir, MarkName, RestoringDir} { // the store first: without it nothing starts
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, part)))
	}
	if made {
		err = errors.Join(err, os.Remove(dir))
	}
	return nil, report, err
}

// A restore is one under way.
type restore struct {
	ctx      context.Context
	o        RestoreOptions
	dir      string           // where it works
	have     map[string]int64 // contents in the pool, with their sizes
	manifest *Manifest        // of the last backup
	text     []byte           // of that manifest
	bytes    int64
}

// pool is the folder of contents, each named by its SHA-256.
const pool = "pool"

func (r *restore) run(chain []string, dir string) (report fsck.Report, err error) {
	if err := os.MkdirAll(filepath.Join(r.dir, pool), 0o700); err != nil {
		return report, err
	}
	for _, path := range chain {
		if err := r.add(path); err != nil {
			return report, fmt.Errorf("backup %s: %w", path, err)
		}
	}
	for _, f := range r.manifest.Files {
		if err := r.place(f); err != nil {
			return report, err
		}
	}
	if report, err = r.check(); err != nil {
		return report, err
	}
	return report, r.install(dir)
}

// add puts the contents of a backup into the pool and checks that it follows the one before.
func (r *restore) add(path string) error {
	stored := make(map[string]File)
	var text []byte
	err := visit(path, func(name string, size int64, in io.Reader) (err error) {
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
	f, err := os.CreateTemp(r.dir, "file")
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, h, r)}, struct{ io.Reader }{in}, make([]byte, chunkBytes))
	err = errors.Join(asDamage(err), f.Sync(), f.Close())
	if err != nil {
		return "", n, err
	}
	content = hex.EncodeToString(h.Sum(nil))
	r.have[content] = n
	return content, n, os.Rename(f.Name(), filepath.Join(r.dir, pool, content))
}

// Write counts bytes.
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
	name := filepath.Join(r.dir, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	from := filepath.Join(r.dir, pool, f.SHA256)
	if err := os.Chmod(from, modeOf(f.Name)); err != nil {
		return err
	}
	if err := os.Link(from, name); err == nil {
		return nil
	}
	in, err := os.Open(from) // a file system without hard links
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, modeOf(f.Name))
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// check derives every root of the restored store again and compares what the manifest says.
func (r *restore) check() (report fsck.Report, err error) {
	store, err := storage.Open(filepath.Join(r.dir, StoreDir), storage.Options{ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	x, err := index.Open(store.DB(), index.Options{Dir: filepath.Join(r.dir, IndexDir), ReadOnly: true})
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
func (r *restore) install(dir string) error {
	if err := os.RemoveAll(filepath.Join(r.dir, pool)); err != nil {
		return err
	}
	if err := r.syncAll(); err != nil {
		return err
	}
	if err := writeMark(dir, &Mark{Server: r.manifest.Server, Ledger: r.manifest.Ledger, LastRound: r.manifest.LastRound,
		CalendarRoot: r.manifest.CalendarRoot, Made: r.manifest.Made, Restored: r.o.Now.UTC().Truncate(time.Second)}); err != nil {
		return err
	}
	for _, part := range []string{KeysDir, IndexDir, StoreDir} {
		err := os.Rename(filepath.Join(r.dir, part), filepath.Join(dir, part))
		if err != nil && !(part != StoreDir && errors.Is(err, os.ErrNotExist)) {
			return err
		}
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(r.dir), syncDir(dir))
}

// syncAll makes the names of all files durable.
func (r *restore) syncAll() error {
	return filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = syncDir(path)
		} else if err == nil && strings.HasSuffix(path, string(filepath.Separator)+"LOCK") {
			err = os.Remove(path)
		}
		return err
	})
}
