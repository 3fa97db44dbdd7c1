package backup

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/jurat-ledger/jurat/internal/host"
)

// ArchiveSuffix is what the name of an archive ends with; all others are directories.
const ArchiveSuffix = ".tar.zst"

// A Writer puts the chunks of a backup into a directory or an archive. Only once Close has returned nil is there a backup.
type Writer struct {
	path  string // of the directory, or of the archive
	known map[string]bool
	made  bool // the directory, by this Writer

	archive *archive // nil for a directory
	file    *os.File // being written, of a directory

	name    string // of the file being written, empty for none
	left    int64  // bytes that it lacks
	hash    hash.Hash
	written map[string]File
	text    []byte // the manifest
	bytes   int64
}

// An archive is a file that is being written: tar inside zstd.
type archive struct {
	file *os.File
	buf  *bufio.Writer
	pack *zstd.Encoder
	tar  *tar.Writer
}

// unfinished is what the name of an archive ends with until it is whole.
const unfinished = ".unfinished"

// NewWriter starts a backup at path, an archive if that ends with ArchiveSuffix. The archive must not exist; the directory
// must not exist or be empty. previous is the manifest that the backup is based on, nil for a full one.
func NewWriter(path string, previous *Manifest) (*Writer, error) {
	w := &Writer{path: path, known: make(map[string]bool), written: make(map[string]File)}
	if previous != nil {
		for _, f := range previous.Files {
			w.known[f.SHA256] = true
		}
	}
	if !strings.HasSuffix(path, ArchiveSuffix) {
		made, err := emptyDir(path)
		w.made = made
		return w, err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s exists: give a new name", path)
	}
	f, err := os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	a := &archive{file: f, buf: bufio.NewWriterSize(f, chunkBytes)}
	if a.pack, err = zstd.NewWriter(a.buf, zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	a.tar = tar.NewWriter(a.pack)
	w.archive = a
	return w, nil
}

// emptyDir makes dir, or sees to it that it is empty.
func emptyDir(dir string) (made bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return true, os.MkdirAll(dir, 0o700)
	case err != nil:
		return false, err
	case len(entries) > 0:
		return false, fmt.Errorf("%s is not empty: give a new directory", dir)
	}
	return false, nil
}

// Bytes returns how many bytes of files were written, as they are unpacked.
func (w *Writer) Bytes() int64 { return w.bytes }

// Write takes the next chunk.
func (w *Writer) Write(c Chunk) error {
	if w.name == "" {
		if err := w.begin(&c); err != nil {
			return err
		}
	}
	if c.File != w.name || int64(len(c.Data)) > w.left {
		return fmt.Errorf("%d bytes of %s where %d of %s are missing: the server sends no backup", len(c.Data), c.File, w.left, w.name)
	}
	var to io.Writer = w.file
	if w.archive != nil {
		to = w.archive.tar
	}
	if _, err := to.Write(c.Data); err != nil {
		return err
	}
	w.hash.Write(c.Data)
	w.left -= int64(len(c.Data))
	w.bytes += int64(len(c.Data))
	if w.name == ManifestName {
		w.text = append(w.text, c.Data...)
	}
	if w.left > 0 {
		return nil
	}
	return w.end(c.Size)
}

// begin starts a file.
func (w *Writer) begin(c *Chunk) error {
	if _, twice := w.written[c.File]; twice || c.At != 0 || c.Size < 0 || w.text != nil ||
		c.File != ManifestName && !goodName(c.File) || c.File == ManifestName && c.Size > maxManifest {
		return fmt.Errorf("file %q: the server sends no backup", c.File)
	}
	w.name, w.left, w.hash = c.File, c.Size, sha256.New()
	if w.archive != nil {
		return w.archive.tar.WriteHeader(&tar.Header{Name: c.File, Mode: int64(modeOf(c.File)), Size: c.Size, Typeflag: tar.TypeReg})
	}
	name := filepath.Join(w.path, filepath.FromSlash(c.File))
	if c.File == ManifestName {
		name += unfinished
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	var err error
	w.file, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, modeOf(c.File))
	return err
}

// modeOf returns who may read a file: only certificates are for all.
func modeOf(name string) os.FileMode {
	if strings.HasPrefix(name, KeysDir+"/") && strings.HasSuffix(name, certificateSuffix) {
		return 0o644
	}
	return 0o600
}

// end ends a file of some bytes.
func (w *Writer) end(size int64) error {
	w.written[w.name] = File{Name: w.name, Size: size, SHA256: hex.EncodeToString(w.hash.Sum(nil))}
	w.name = ""
	if w.archive != nil {
		return nil
	}
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.file = nil
	return err
}

// Close ends the backup and makes it durable. It returns the manifest. What came must be what the manifest names.
func (w *Writer) Close() (*Manifest, error) {
	if w.text == nil || w.name != "" {
		return nil, fmt.Errorf("the server stopped sending: %w", ErrIncomplete)
	}
	m, err := ParseManifest(w.text)
	if err != nil {
		return nil, err
	}
	if err := m.check(w.written, w.known); err != nil {
		return nil, err
	}
	if w.archive != nil {
		return m, w.archive.close(w.path)
	}
	for _, dir := range dirsOf(m, w.path) {
		if err := host.SyncDir(dir); err != nil {
			return nil, err
		}
	}
	name := filepath.Join(w.path, ManifestName)
	if err := os.Rename(name+unfinished, name); err != nil {
		return nil, err
	}
	return m, errors.Join(host.SyncDir(w.path), host.SyncDir(filepath.Dir(w.path)))
}

// check compares what was stored with what the manifest names.
func (m *Manifest) check(stored map[string]File, earlier map[string]bool) error {
	n := 0
	for _, f := range m.Files {
		was, ok := stored[f.Name]
		switch {
		case f.Earlier && earlier != nil && !earlier[f.SHA256]:
			return fmt.Errorf("%s: the earlier backup does not hold it: %w", f.Name, ErrChain)
		case f.Earlier:
			continue
		case !ok:
			return fmt.Errorf("%s: missing: %w", f.Name, ErrDamaged)
		case was != f:
			return fmt.Errorf("%s: %d bytes with SHA-256 %s, want %d with %s: %w", f.Name, was.Size, was.SHA256, f.Size, f.SHA256, ErrDamaged)
		}
		n++
	}
	if _, ok := stored[ManifestName]; ok {
		n++
	}
	if n != len(stored) {
		return fmt.Errorf("%d files that the manifest does not name: %w", len(stored)-n, ErrDamaged)
	}
	return nil
}

// dirsOf returns the directories of a backup, each before what it stands in.
func dirsOf(m *Manifest, path string) []string {
	seen := map[string]bool{path: true}
	var dirs []string
	for _, f := range m.Files {
		if f.Earlier {
			continue
		}
		for dir := filepath.Join(path, filepath.Dir(filepath.FromSlash(f.Name))); !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	return append(dirs, path)
}

// close completes the archive.
func (a *archive) close(path string) error {
	for _, step := range []func() error{a.tar.Close, a.pack.Close, a.buf.Flush, a.file.Sync, a.file.Close} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := os.Rename(path+unfinished, path); err != nil {
		return err
	}
	return host.SyncDir(filepath.Dir(path))
}

// Abort removes what was written of a backup that does not come to its end.
func (w *Writer) Abort() error {
	if w.archive != nil {
		_ = w.archive.pack.Close() // ends its goroutines; what it still writes is removed
		return errors.Join(w.archive.file.Close(), os.Remove(w.path+unfinished))
	}
	var errs []error
	if w.file != nil {
		errs = append(errs, w.file.Close())
	}
	for _, name := range []string{StoreDir, IndexDir, KeysDir, ManifestName, ManifestName + unfinished} {
		errs = append(errs, os.RemoveAll(filepath.Join(w.path, name)))
	}
	if w.made {
		errs = append(errs, os.Remove(w.path))
	}
	return errors.Join(errs...)
}
