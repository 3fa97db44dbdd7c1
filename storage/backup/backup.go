package backup

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

// A Source is the data directory to be backed up.
type Source struct {
	// FS is where it is, nil for the disk.
	FS vfs.FS
	// Dir is the data directory.
	Dir string
	// Store is the open store of a running server, with Index. It is nil where no server runs: the directory's own store is
	// then opened for reading while the backup is made.
	Store *storage.Store
	Index *index.Index
}

// Options say what a backup is to hold.
type Options struct {
	// WithoutKeys leaves private keys out: all in KeysDir but files of certificates, by name and content.
	WithoutKeys bool
	// Previous is the manifest of the backup that this one is based on, as it is stored; nil for a full backup.
	Previous []byte
	// Now is noted in the manifest.
	Now time.Time
}

// A Chunk is a part of a file. The chunks of a file follow on from its start to its end; an empty file has one.
type Chunk struct {
	File  string // its name in the backup
	Size  int64  // of the file in bytes
	At    int64  // where the chunk begins
	Data  []byte // valid until the next call of Next
	Total int64  // bytes of all files to be read, about
}

// chunkBytes is how many bytes a Chunk has at most.
const chunkBytes = 256 << 10

// A Backup is a backup that is being read.
type Backup struct {
	fs       vfs.FS
	base     map[string]string // where the files of each part are
	scratch  string            // to be removed at the end; empty for none
	store    *storage.Store    // whose lock is held; nil for none
	manifest Manifest
	earlier  map[string]bool // contents that earlier backups hold
	known    map[string]bool // their names and sizes

	queue []File // to be read
	total int64
	file  vfs.File // being read; nil for none
	at    int64
	hash  hash.Hash
	buf   []byte
	ended bool // the manifest was given out
}

// ScratchDir is where in a data directory the checkpoint of a backup is while that is made. What is there when a server
// starts is left over, and Clean removes it.
const ScratchDir = "backup.tmp"

// Clean removes what a backup that was cut off has left in a data directory whose store opens, and a restore that was, after it had
// put all in its place.
func Clean(dir string) error {
	return errors.Join(os.RemoveAll(filepath.Join(dir, ScratchDir)), os.RemoveAll(filepath.Join(dir, RestoringDir)))
}

// Begin fixes what is backed up: all that is durable now. The caller reads it by Next, and closes it. One backup of a
// directory is made at a time.
func Begin(s Source, o Options) (_ *Backup, err error) {
	b := &Backup{fs: s.FS, earlier: make(map[string]bool), known: make(map[string]bool)}
	if b.fs == nil {
		b.fs = vfs.Default
	}
	b.manifest.Made = o.Now.UTC().Truncate(time.Second)
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	b.base = map[string]string{KeysDir: b.fs.PathJoin(s.Dir, KeysDir)}
	if s.Store != nil {
		err = b.checkpoint(&s)
	} else {
		err = b.lock(&s)
	}
	if err != nil {
		return nil, err
	}
	if o.Previous != nil {
		if err := b.follow(o.Previous); err != nil {
			return nil, err
		}
	}
	for _, part := range []string{StoreDir, IndexDir, KeysDir} {
		if err := b.list(part, "", o.WithoutKeys); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// attempts is how many checkpoints are made until one opens. A log that is copied while it is written to can have a hole, if
// a block is read before and the next one after a write: that was never met twice in a row.
const attempts = 5

// checkpoint makes a checkpoint of a running server's store and index, and opens it to see what it holds.
func (b *Backup) checkpoint(s *Source) error {
	scratch := b.fs.PathJoin(s.Dir, ScratchDir)
	b.scratch = scratch
	b.base[StoreDir], b.base[IndexDir] = b.fs.PathJoin(scratch, StoreDir), b.fs.PathJoin(scratch, IndexDir)
	for i := 1; ; i++ {
		if err := b.fs.RemoveAll(scratch); err != nil {
			return err
		}
		err := s.Index.Checkpoint(b.base[IndexDir], func() error { return s.Store.Checkpoint(b.base[StoreDir]) })
		if err != nil {
			return err
		}
		store, err := b.open()
		if errors.Is(err, storage.ErrCorrupt) && i < attempts {
			continue
		} else if err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		return errors.Join(b.look(store), store.Close())
	}
}

// look reads what a store holds. The index is looked at too: with a damaged one no backup is restored.
func (b *Backup) look(store *storage.Store) error {
	if _, err := index.Look(store.DB(), index.Options{FS: b.fs, Dir: b.base[IndexDir]}); err != nil {
		return err
	}
	return b.manifest.describe(store)
}

// lock opens the store of a stopped server, so that none starts.
func (b *Backup) lock(s *Source) (err error) {
	b.base[StoreDir], b.base[IndexDir] = b.fs.PathJoin(s.Dir, StoreDir), b.fs.PathJoin(s.Dir, IndexDir)
	if b.store, err = b.open(); err != nil {
		return err
	}
	return b.look(b.store)
}

func (b *Backup) open() (*storage.Store, error) {
	return storage.Open(b.base[StoreDir], storage.Options{FS: b.fs, ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
}

// follow bases the backup on an earlier one.
func (b *Backup) follow(previous []byte) error {
	m, err := ParseManifest(previous)
	switch {
	case err != nil:
		return fmt.Errorf("earlier backup: %w", err)
	case m.Ledger != b.manifest.Ledger:
		return fmt.Errorf("the earlier backup is of ledger %s of server %q, this is another ledger: %w", m.Ledger[:16], m.Server, ErrChain)
	case m.LastRound > b.manifest.LastRound: // both are as long as each other
		return fmt.Errorf("the earlier backup ends at %s, this ledger already at %s: %w", m.LastRound, b.manifest.LastRound, ErrChain)
	}
	b.manifest.Previous = sum(previous)
	for _, f := range m.Files {
		b.earlier[f.SHA256] = true
		b.known[fmt.Sprintf("%s %d", f.Name, f.Size)] = true
	}
	return nil
}

// list queues the files below a folder of a part, in order of their names.
func (b *Backup) list(part, folder string, withoutKeys bool) error {
	dir := b.fs.PathJoin(b.base[part], folder)
	names, err := b.fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		inside := strings.TrimPrefix(folder+"/"+name, "/")
		info, err := b.fs.Stat(b.fs.PathJoin(b.base[part], inside))
		switch {
		case err == nil && info.IsDir():
			if err := b.list(part, inside, withoutKeys); err != nil {
				return err
			}
		case name == "LOCK" || strings.HasSuffix(name, ".new"): // of processes; of a write that was cut off
		case withoutKeys && part == KeysDir && !b.public(inside, info, err):
			b.manifest.LeftOut = append(b.manifest.LeftOut, inside)
		case err != nil:
			return err
		case !info.Mode().IsRegular(): // to open it may wait for ever
			return fmt.Errorf("%s/%s is no plain file but %s: move it away", part, inside, info.Mode())
		default:
			b.queue = append(b.queue, File{Name: part + "/" + inside, Size: info.Size()})
			b.total += info.Size()
		}
	}
	return nil
}

// maxCertificates is how long a file of certificates may be.
const maxCertificates = 1 << 20

// public reports whether a file in KeysDir is one of certificates alone: private keys have any name, that of a certificate too.
func (b *Backup) public(name string, info vfs.FileInfo, err error) bool {
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxCertificates || !strings.HasSuffix(name, certificateSuffix) {
		return false
	}
	f, err := b.fs.Open(b.fs.PathJoin(b.base[KeysDir], name))
	if err != nil {
		return false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCertificates))
	return err == nil && certificatesAlone(data)
}

// certificatesAlone reports whether a text is certificates in PEM and nothing else.
func certificatesAlone(data []byte) bool {
	const begin = "-----BEGIN "
	for data = bytes.TrimSpace(data); len(data) > 0; {
		block, rest := pem.Decode(data)
		if block == nil || !bytes.HasPrefix(data, []byte(begin)) || bytes.Count(data[:len(data)-len(rest)], []byte(begin)) != 1 {
			return false
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil || block.Type != "CERTIFICATE" {
			return false
		}
		data = bytes.TrimSpace(rest)
	}
	return true
}

// Manifest returns the manifest, whole once Next has returned io.EOF.
func (b *Backup) Manifest() *Manifest { return &b.manifest }

// Next returns the next chunk: those of the files, then the manifest's. io.EOF ends.
func (b *Backup) Next(ctx context.Context) (Chunk, error) {
	for {
		if ctx.Err() != nil {
			return Chunk{}, context.Cause(ctx)
		}
		if b.file == nil {
			if len(b.queue) == 0 {
				return b.last()
			}
			if stored, err := b.begin(ctx); err != nil || !stored {
				if err != nil {
					return Chunk{}, fmt.Errorf("%s: %w", b.queue[0].Name, err)
				}
				continue
			}
		}
		c, err := b.read()
		if err != nil {
			return Chunk{}, fmt.Errorf("%s: %w", b.queue[0].Name, err)
		}
		return c, nil
	}
}

// begin opens the next file. One that an earlier backup may hold is read once for its digest: stored is false if that is
// known, and the file done.
func (b *Backup) begin(ctx context.Context) (stored bool, err error) {
	f := &b.queue[0]
	part, inside, _ := strings.Cut(f.Name, "/")
	if b.file, err = b.fs.Open(b.fs.PathJoin(b.base[part], inside), vfs.SequentialReadsOption); err != nil {
		return false, err
	}
	if b.buf == nil {
		b.buf = make([]byte, chunkBytes)
	}
	b.at, b.hash = 0, sha256.New()
	if !b.known[fmt.Sprintf("%s %d", f.Name, f.Size)] {
		return true, nil
	}
	for b.at < f.Size && ctx.Err() == nil {
		if _, err := b.read1(); err != nil {
			return false, err
		}
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if content := hex.EncodeToString(b.hash.Sum(nil)); b.earlier[content] {
		b.manifest.Files = append(b.manifest.Files, File{Name: f.Name, Size: f.Size, SHA256: content, Earlier: true})
		return false, b.end()
	}
	b.at, b.hash = 0, sha256.New()
	return true, nil
}

// read returns the next chunk of the file at hand.
func (b *Backup) read() (Chunk, error) {
	f := &b.queue[0]
	c := Chunk{File: f.Name, Size: f.Size, At: b.at, Total: b.total}
	var err error
	if c.Data, err = b.read1(); err != nil || b.at < f.Size {
		return c, err
	}
	b.manifest.Files = append(b.manifest.Files, File{Name: f.Name, Size: f.Size, SHA256: hex.EncodeToString(b.hash.Sum(nil))})
	return c, b.end()
}

// read1 reads and hashes up to chunkBytes.
func (b *Backup) read1() ([]byte, error) {
	data := b.buf[:min(chunkBytes, b.queue[0].Size-b.at)]
	if n, err := b.file.ReadAt(data, b.at); n < len(data) {
		return nil, cmp.Or(err, io.ErrUnexpectedEOF)
	}
	b.at += int64(len(data))
	b.hash.Write(data)
	return data, nil
}

// end goes on behind the file at hand.
func (b *Backup) end() error {
	err := b.file.Close()
	b.file, b.queue = nil, b.queue[1:]
	return err
}

// last returns the manifest, once.
func (b *Backup) last() (Chunk, error) {
	if b.ended {
		return Chunk{}, io.EOF
	}
	b.ended = true
	text := b.manifest.encode()
	return Chunk{File: ManifestName, Size: int64(len(text)), Data: text, Total: b.total}, nil
}

// Close ends the backup, whole or not, and removes the checkpoint.
func (b *Backup) Close() error {
	var errs []error
	if b.file != nil {
		errs = append(errs, b.file.Close())
		b.file = nil
	}
	if b.store != nil {
		errs = append(errs, b.store.Close())
		b.store = nil
	}
	if b.scratch != "" {
		errs = append(errs, b.fs.RemoveAll(b.scratch))
		b.scratch = ""
	}
	return errors.Join(errs...)
}
