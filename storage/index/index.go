package index

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage/fatal"
)

// MaxNumber is the number of leaves the index can hold: numbers are below it. It bounds the format, 2^40.
const MaxNumber = 1 << 40

// MaxAdd is how many leaves one Add takes at most. An Add of that size needs 128 MiB beside its argument.
const MaxAdd = 1 << 24

// maxRuns is how many runs an index has at most; with Merge run to its end after every Add there are never 100.
const maxRuns = 4096

var (
	// ErrCorrupt says that the stored index is damaged. The leaves are not concerned: Drop the index and Add them anew.
	ErrCorrupt = errors.New("the digest index is corrupt")

	// ErrVersion says that the stored index was written in a format that this program does not know.
	ErrVersion = errors.New("the digest index has an unknown format version: use the program that wrote it, or a newer one")
)

// Options say where an Index works.
type Options struct {
	// FS is the file system of the database, nil for the disk.
	FS vfs.FS
	// Dir is a directory for the files of large runs, used by nobody else. It is made when missing; what a crash left in it
	// is removed by Open.
	Dir string
	// Rand gives the key of a new index, nil for crypto/rand. Tests inject it.
	Rand io.Reader
	// CacheBytes is what the index keeps in memory at most so that look-ups read less: two thirds of it filters, one third files; 0 for
	// DefaultCacheBytes. What says which of it is there, 4 bytes a bucket, comes on top.
	CacheBytes int64
	// ReadOnly is for a database that is open for reading alone: Open cleans nothing up, Add and Merge fail.
	ReadOnly bool
}

// DefaultCacheBytes is the default of Options.CacheBytes: filters for 128 million entries.
const DefaultCacheBytes = 192 << 20

// An Index finds leaves by digest. All methods may be called at the same time from many goroutines; Adds wait for each
// other and so do Merges, but an Add does not wait for a Merge, and Find waits for nobody.
type Index struct {
	db   *pebble.DB
	opts Options
	key  hashKey       // fixed for the life of the stored index
	read atomic.Uint64 // parts of buckets, by look-ups

	adding  sync.Mutex // held for all of Add: its run must begin where the last one ends
	merging sync.Mutex // held for all of Merge: nobody else removes runs
	commit  sync.Mutex // held over the synced write of a manifest: the stored run list and current change together

	mu      sync.Mutex // covers all below; never held over disk or callbacks
	current *view
	old     []*view // views that were current and may still have readers
	dead    []run   // that no manifest names any more and that are not yet deleted
	nextID  uint64
	broken  error // a manifest write failed: nobody knows which one is on disk
}

// A view is a list of runs that readers use together. Runs stay stored as long as a view that names them has readers.
type view struct {
	runs    []run // in order of their numbers, without gaps; never changed
	readers int   // guarded by Index.mu
}

// cursor returns the number after the last one indexed.
func (v *view) cursor() uint64 {
	if len(v.runs) == 0 {
		return 0
	}
	return v.runs[len(v.runs)-1].end()
}

// Open returns the index stored in db, an empty one if there is none. It removes what a crash left unfinished. Errors
// wrap ErrCorrupt or ErrVersion where these are the reason.
func Open(db *pebble.DB, o Options) (*Index, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	x := &Index{db: db, opts: o}
	m, err := readManifest(db)
	if err != nil {
		return nil, err
	}
	if m == nil {
		m = new(manifest)
		if _, err := io.ReadFull(o.Rand, m.key[:]); err != nil {
			return nil, fmt.Errorf("key of a new digest index: %w", err)
		}
	}
	x.key = m.key.words()
	x.current = &view{runs: m.runs}
	for _, r := range m.runs {
		x.nextID = max(x.nextID, r.id+1)
	}
	if err := x.openFiles(m.runs); err != nil {
		return x, err
	}
	x.filter(m.runs)
	x.hold(m.runs)
	if o.ReadOnly {
		return x, nil
	}
	if err := errors.Join(x.removeFiles(), x.deleteOrphans()); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

// Look opens the index stored in db as Open does, changes nothing, and returns its cursor, or what it finds wrong.
func Look(db *pebble.DB, o Options) (cursor uint64, err error) {
	o.ReadOnly = true
	x, err := Open(db, o)
	if err != nil {
		return 0, err
	}
	return x.Cursor(), x.Close()
}

// Drop durably removes all that is stored of an index in db, whatever state it is in. The next Open makes a new one, and removes the files.
func Drop(db *pebble.DB) error {
	b := db.NewBatch()
	defer b.Close()
	if err := b.DeleteRange([]byte{prefix}, []byte{prefix + 1}, nil); err != nil {
		return err
	}
	if err := fatal.Commit(b); err != nil {
		return fmt.Errorf("drop the digest index: %w", err)
	}
	return nil
}

// Close closes the files of the runs. Nothing else may be called any more.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := errors.Join(closeFiles(x.current.runs), closeFiles(x.dead))
	x.current, x.dead = &view{}, nil
	return err
}

// Cursor returns the number of the first leaf that is not indexed: all leaves below it are, durably.
func (x *Index) Cursor() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.current.cursor()
}

// Runs returns how many runs the index has now: what a look-up of an absent digest reads, in values of about 4 KiB.
func (x *Index) Runs() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.current.runs)
}

// Hash returns the hash under which the index files a digest. It is secret: who knows the hashes of digests can choose
// digests that fall into one bucket.
func (x *Index) Hash(digest []byte) uint64 { return x.key.hash(digest) }

// HashAll fills hashes with the hashes of len(hashes) digests of size bytes each that stand one behind the other. Digests
// of 32 bytes take two thirds of the time that Hash takes for them.
func (x *Index) HashAll(hashes []uint64, digests []byte, size int) {
	done := 0
	if size == 32 {
		done = len(hashes) &^ 1
		x.key.hashPairs(hashes[:done], digests)
	}
	for i := done; i < len(hashes); i++ {
		hashes[i] = x.key.hash(digests[i*size : (i+1)*size])
	}
}

// acquire returns the current view for reading. The caller must release it.
func (x *Index) acquire() *view {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.current.readers++
	return x.current
}

func (x *Index) release(v *view) {
	x.mu.Lock()
	defer x.mu.Unlock()
	v.readers--
}

// writable returns why the index cannot be written.
func (x *Index) writable() error {
	if x.opts.ReadOnly {
		return errors.New("digest index: opened for reading alone")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.broken
}

func (x *Index) newID() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.nextID++
	return x.nextID - 1
}

// install puts r in the place of the runs that hold its numbers, or behind all others, writing b and the new manifest in
// one synced batch. An error leaves the index unwritable: the manifest may or may not be on disk, and only Open can tell.
func (x *Index) install(b *pebble.Batch, r run) error {
	x.commit.Lock()
	defer x.commit.Unlock()
	if err := x.writable(); err != nil {
		return err
	}
	was := x.current.runs // only install writes current, under commit
	i := slices.IndexFunc(was, func(o run) bool { return o.first >= r.first })
	j := slices.IndexFunc(was, func(o run) bool { return o.first >= r.end() })
	if i < 0 {
		i = len(was)
	}
	if j < 0 {
		j = len(was)
	}
	runs := slices.Concat(was[:i], []run{r}, was[j:])
	x.filter(runs)
	x.hold(runs)
	err := b.Set(manifestKey, (&manifest{key: x.key.bytes(), runs: runs}).append(nil), nil)
	if err == nil {
		err = fatal.Commit(b)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.broken = fmt.Errorf("manifest to leaf %d: open the index anew: %w", runs[len(runs)-1].end(), err)
		return x.broken
	}
	x.dead = append(x.dead, was[i:j]...)
	x.old = append(x.old, x.current)
	x.current = &view{runs: runs}
	return nil
}

// sweep deletes the keys and files of dead runs that no reader uses. Tables, which version 1 made of large runs, are taken out of
// the database at once: a deletion in its log would leave them on disk until it is flushed and compacted, long after, where
// little else is written. Deletions in the log are not synced, nor those of files: those lost are repeated by Open.
func (x *Index) sweep() (err error) {
	defer fatal.Rescue(&err)
	for _, r := range x.unused() {
		start, end := runStart(r.id), runStart(r.id+1)
		switch {
		case r.file != nil:
			err = r.file.remove(x.opts.FS)
		case r.n > batchEntries:
			err = x.db.Excise(context.Background(), pebble.KeyRange{Start: start, End: end})
		default:
			err = x.db.DeleteRange(start, end, pebble.NoSync)
		}
		if err != nil {
			return fmt.Errorf("digest index: run %d: delete: %w", r.id, err)
		}
	}
	return nil
}

// unused takes those runs out of dead that no view with readers names.
func (x *Index) unused() []run {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.old = slices.DeleteFunc(x.old, func(v *view) bool { return v.readers == 0 })
	used := make(map[uint64]bool)
	for _, v := range x.old {
		for _, r := range v.runs {
			used[r.id] = true
		}
	}
	var free []run
	x.dead = slices.DeleteFunc(x.dead, func(r run) bool {
		if !used[r.id] {
			free = append(free, r)
		}
		return !used[r.id]
	})
	return free
}

// deleteOrphans deletes the keys of all runs that the manifest does not name. It syncs, for their ids are given again.
func (x *Index) deleteOrphans() error {
	live := make(map[uint64]bool)
	for _, r := range x.current.runs {
		live[r.id] = true
	}
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: runStart(0), UpperBound: []byte{prefix + 1}})
	if err != nil {
		return fmt.Errorf("digest index: %w", err)
	}
	b := x.db.NewBatch()
	defer b.Close()
	for ok := it.First(); ok; {
		id, _, _, keyErr := parsePartKey(it.Key())
		if keyErr != nil {
			return errors.Join(keyErr, it.Close())
		}
		if !live[id] {
			if err := b.DeleteRange(runStart(id), runStart(id+1), nil); err != nil {
				return errors.Join(err, it.Close())
			}
		}
		ok = it.SeekGE(runStart(id + 1))
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("digest index: %w", corrupt(err))
	}
	if b.Empty() {
		return nil
	}
	if err := fatal.Commit(b); err != nil {
		return fmt.Errorf("digest index: delete unfinished runs: %w", err)
	}
	return nil
}

// corrupt makes an error of the database that says its data is damaged ErrCorrupt, and leaves others as they are.
func corrupt(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%s: %w", DamagedFile(err), ErrCorrupt)
	}
	return err
}

// DamagedFile returns what an error of Pebble about damaged data says, with the file in which it is, by its name and that of its
// directory.
func DamagedFile(err error) string {
	info := pebble.ExtractDataCorruptionInfo(err)
	if info == nil {
		return err.Error()
	}
	return filepath.Join(filepath.Base(filepath.Dir(info.Path)), filepath.Base(info.Path)) + ": " + info.Details.Error()
}

// Bytes returns how many bytes the stored runs take on disk, about: what is being written, and runs so small that they are
// still in the database's memory, do not count.
func (x *Index) Bytes() (uint64, error) {
	n, err := x.db.EstimateDiskUsage([]byte{prefix}, []byte{prefix + 1})
	if err != nil {
		return 0, fmt.Errorf("digest index: %w", corrupt(err))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.current.runs {
		if r.file != nil {
			n += r.file.bytes()
		}
	}
	return n, nil
}
