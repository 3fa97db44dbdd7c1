package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage/fatal"
)

// A Genesis is what is fixed for ever when a store is created.
type Genesis struct {
	Server      string          // its name in every proof; 1 to MaxName bytes
	First       calendar.Second // no round is before; at least 1
	BlindingKey [32]byte        // stands for empty slots in round trees; secret
}

// A Store is an open store. Its readers may be called from many goroutines, Propose, SealableBlock and Close from one.
type Store struct {
	db       *pebble.DB
	lock     io.Closer
	found    map[string]os.FileInfo // what was opened, by path: the lock's file and the database; nil of a store in memory, or that is only read
	log      *slog.Logger
	genesis  Genesis
	readOnly bool

	fs          vfs.FS // as it is: writes do not wait for room
	room        *room
	dir         string
	tableLeaves int // as in Options
	runs        *runTables
	rounds      *roundCache
	ends        *endsFS // of the database's files

	// Used by the proposer alone.
	ahead      *state // after all entries proposed
	failed     error  // of the first proposal that failed
	unsealable uint64 // the block behind the one that is damaged, so that none from there on is sealed; 0 if there is none

	tableCount  atomic.Uint64     // of names of tables so far
	tableMemory chan *tableMemory // that nobody uses

	// tables is held while a proposal is written as tables, or what is staged is taken in, and by Checkpoint: see there.
	tables sync.Mutex

	mu      sync.RWMutex // covers durable; never held over I/O
	durable *state       // after all entries synced
}

// What a store's directory holds: a lock, and the database under one of two names.
const (
	lockFile = "LOCK"
	database = "db"
	unborn   = "db.new" // not yet whole; Create renames it at the end
)

// Create makes a store in dir, which it creates if need be, and opens it. It returns ErrExists if there is one already. A
// crash while it works leaves either no store or a whole one.
func Create(dir string, g Genesis, o Options) (*Store, error) {
	if o.ReadOnly {
		panic("storage: create a read-only store")
	}
	o = o.withDefaults()
	if err := MakeDir(dir, o.FS); err != nil {
		return nil, fmt.Errorf("create store in %s: %w", dir, err)
	}
	s, err := start(dir, o, func() error { return found(dir, g, o) })
	if err != nil {
		return nil, fmt.Errorf("create store in %s: %w", dir, err)
	}
	return s, nil
}

// Open opens the store in dir. It returns ErrNotFound if there is none, ErrLocked if another process has it open.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	if err := exists(dir, o.FS); err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, err)
	}
	s, err := start(dir, o, func() error { return nil })
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, err)
	}
	return s, nil
}

// start locks dir, does what is to be done first, and opens the database.
func start(dir string, o Options, first func() error) (*Store, error) {
	lock, err := lockStore(dir, o.FS, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock, log: o.Logger, readOnly: o.ReadOnly, fs: o.FS, dir: dir, tableLeaves: o.TableLeaves,
		rounds: newRoundCache(o.RoundBytes), room: newRoom(dir, &o), tableMemory: make(chan *tableMemory, tableWriters)}
	if err = first(); err == nil && !o.ReadOnly && vfs.Root(o.FS) == vfs.Default {
		err = s.find(lockFile, database)
	}
	if err == nil {
		s.ends, err = openEnds(o.FS.PathJoin(dir, database), s.room.fs)
	}
	if err == nil {
		err = s.open(o)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open opens the database and reads the state. It is opened for writing only after all of that was done for reading: to open a
// damaged one for writing would delete what it does not find its way to.
func (s *Store) open(o Options) error {
	if o.ReadOnly {
		return s.openDatabase(o)
	}
	look := o
	look.ReadOnly = true
	err := s.openDatabase(look)
	if err = firstError(err, s.closeDatabase()); err == nil {
		err = s.removeTables()
	}
	if err == nil {
		err = s.ends.create()
	}
	if err != nil {
		return err
	}
	if s.ends.lost {
		s.log.Warn("a file of the store was missing and is made anew: whether the newest log and manifest were damaged or cut off could not be seen at this start; if somebody deleted it, compare the newest round with proofs and backups",
			"file", s.fs.PathJoin(s.ends.dir, endsFile))
	}
	return s.openDatabase(o)
}

func (s *Store) openDatabase(o Options) (err error) {
	if s.db, s.runs, err = openRuns(s.ends.dir, s.ends, o); err != nil {
		return err
	}
	if err := countValues(s.db, s.ends.dir, s.ends); err != nil {
		return err
	}
	return s.load()
}

func (s *Store) closeDatabase() error {
	if s.db == nil {
		return nil
	}
	s.runs.closeAll()
	err := s.db.Close()
	s.db = nil
	return err
}

// lockStore locks dir, or returns ErrLocked.
func lockStore(dir string, disk vfs.FS, readOnly bool) (io.Closer, error) {
	lock, err := lockPath(disk.PathJoin(dir, lockFile), disk, readOnly)
	opening := errors.As(err, new(*fs.PathError)) // which may fail by EACCES too
	if !opening && (errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES)) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	return lock, nil
}

// lockPath locks a file. Who only reads can do so where the file system is mounted read-only, as for a container: others may have it mounted
// for writing.
func lockPath(path string, disk vfs.FS, readOnly bool) (io.Closer, error) {
	lock, err := disk.Lock(path)
	if readOnly && errors.Is(err, syscall.EROFS) {
		return lockForReading(path)
	}
	return lock, err
}

// find notes what is in the store's directory under names.
func (s *Store) find(names ...string) (err error) {
	s.found = make(map[string]os.FileInfo)
	for _, name := range names {
		path := filepath.Join(s.dir, name)
		info, statErr := os.Stat(path)
		s.found[path], err = info, firstError(err, statErr)
	}
	return err
}

// inPlace returns ErrMoved if the lock or the database is not the one that was opened. Files that are open outlive their names: what is
// written to them then is durable, and gone with the last that has them open.
func (s *Store) inPlace() error {
	for path, found := range s.found {
		now, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && !os.SameFile(now, found) {
			return fmt.Errorf("%s: %w", s.dir, ErrMoved)
		}
	}
	return nil // what cannot be looked at for another reason may well be there
}

// InUse reports whether another process has the store in dir open. Where there is no store nobody has it.
func InUse(dir string) (bool, error) {
	if _, err := os.Stat(filepath.Join(dir, lockFile)); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	lock, err := lockStore(dir, vfs.Default, true)
	if errors.Is(err, ErrLocked) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	return false, lock.Close()
}

// found makes the database of a new store.
func found(dir string, g Genesis, o Options) error {
	if err := exists(dir, o.FS); !errors.Is(err, ErrNotFound) {
		return cmp.Or(err, ErrExists)
	}
	if !name(g.Server) || g.First < 1 || g.First > maxSecond {
		return fmt.Errorf("server %q, first second %d", g.Server, g.First)
	}
	path := o.FS.PathJoin(dir, unborn)
	if err := o.FS.RemoveAll(path); err != nil {
		return err
	}
	db, err := openPebble(path, o.pebble(o.FS))
	if err != nil {
		return err
	}
	w := writer{batch: db.NewBatch()}
	w.set(Key{Kind: KindMeta, Group: GroupGenesis}, &g)
	w.set(Key{Kind: KindMeta, Group: GroupProgress}, &progress{closed: g.First - 1})
	if err := firstError(cmp.Or(commitSync(w.batch), db.Close()), noEnds(path, o.FS)); err != nil {
		return err
	}
	if err := o.FS.Rename(path, o.FS.PathJoin(dir, database)); err != nil {
		return err
	}
	return SyncDir(dir, o.FS)
}

// MakeDir makes dir, for its owner alone since what Pebble creates inside is not so restricted, and syncs its parents: the name is
// durable then.
func MakeDir(dir string, fs vfs.FS) error {
	if _, err := fs.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := MakeDir(parent, fs); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return SyncDir(parent, fs)
}

// SyncDir makes the names in a directory durable: files that were made, renamed or removed there.
func SyncDir(dir string, fs vfs.FS) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return firstError(d.Sync(), d.Close())
}

// openPebble is pebble.Open, but returns errors of the disk that Pebble panics with, since nothing is lost yet.
func openPebble(dir string, p *pebble.Options) (db *pebble.DB, err error) {
	defer fatal.Rescue(&err)
	db, err = pebble.Open(dir, p)
	return db, openError(err)
}

// otherFormat matches what Pebble says of a format of its own that it does not know.
var otherFormat = regexp.MustCompile(`written in (unknown )?format major version \d`)

// openError makes errors of pebble.Open ErrCorrupt, but for those of the system: whatever else Pebble finds fault with stands in its
// files, which nobody else writes. That a file does not exist is no fault of the system, since the directory is there.
func openError(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrCorrupt), errors.Is(err, ErrVersion): // of Open below
		return err
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%s: %w", damagedFile(err), ErrCorrupt)
	case otherFormat.MatchString(err.Error()):
		return fmt.Errorf("%v: %w", err, ErrVersion)
	case !errors.Is(err, os.ErrNotExist) && ofSystem(err):
		return err
	}
	return fmt.Errorf("%v: %w", err, ErrCorrupt)
}

// ofSystem reports whether an error is one that the operating system gave.
func ofSystem(err error) bool {
	return errors.As(err, new(syscall.Errno)) || errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError)) || errors.As(err, new(*os.SyscallError))
}

// exists returns ErrNotFound if there is no store in dir.
func exists(dir string, fs vfs.FS) error {
	_, err := fs.Stat(fs.PathJoin(dir, database))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return ErrNotFound
	}
	return err
}

// Close releases the store. Iterators must be closed before.
func (s *Store) Close() error {
	err := s.closeDatabase()
	return firstError(firstError(err, s.ends.close()), s.lock.Close())
}

// DB returns the database for package storage/index, which owns the keys of KindIndex, and for fsck.
func (s *Store) DB() *pebble.DB { return s.db }

// load reads the genesis and the state.
func (s *Store) load() error {
	key := Key{Kind: KindMeta, Group: GroupGenesis}
	if ok, err := get(s.db, key, s.genesis.decode); err != nil {
		return err
	} else if !ok {
		return missing(key)
	}
	st, err := loadState(s.db, s.genesis.First)
	if err != nil {
		return err
	}
	s.ahead, s.durable = st, st.clone()
	return nil
}

// loadState reads the state that the entries so far have led to.
func loadState(db *pebble.DB, first calendar.Second) (*state, error) {
	st := &state{first: first, open: make(map[calendar.Second]map[uint32]uint64), kept: make(map[calendar.Second]map[tilePlace]int), roles: make(map[string]Role),
		ksiKeys: make(map[string][]byte)}
	var p progress
	key := Key{Kind: KindMeta, Group: GroupProgress}
	if ok, err := get(db, key, p.decode); err != nil {
		return nil, err
	} else if !ok {
		return nil, missing(key)
	}
	st.closed, st.leaves = p.closed, p.leaves
	for _, load := range []func(*pebble.DB) error{st.loadSlots, st.loadOrdinals, st.loadRoles, st.loadKSIKeys,
		st.loadCertificates, st.loadPublications, st.loadJournal, st.loadSealed, st.loadOpen, st.loadKept} {
		if err := load(db); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// each calls f with every key of a kind and its value.
func each(db *pebble.DB, kind Kind, f func(Key, *cursor) error) error {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{byte(kind)}, UpperBound: []byte{byte(kind) + 1}})
	if err != nil {
		return err
	}
	return scan(it, Key{Kind: kind}, f)
}

// scan calls f with every key of an iterator that is about keys from here on, and its value, and closes it.
func scan(it *pebble.Iterator, from Key, f func(Key, *cursor) error) error {
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		k, err := ParseKey(it.Key())
		if err != nil {
			return err
		}
		c := newCursor(it.Value())
		if err := f(k, &c); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	return Damaged(from, it.Error())
}

func (st *state) loadSlots(db *pebble.DB) error {
	return each(db, KindSlot, func(k Key, c *cursor) error {
		x := Slot{ID: k.Slot}
		if int(x.ID) != len(st.slots) {
			return fmt.Errorf("want slot %d: %w", len(st.slots), ErrCorrupt)
		}
		err := x.decode(c)
		st.slots, st.ordinals = append(st.slots, x), append(st.ordinals, 0)
		return err
	})
}

func (st *state) loadOrdinals(db *pebble.DB) error {
	return each(db, KindOrdinal, func(k Key, c *cursor) error {
		if int(k.Slot) >= len(st.slots) {
			return fmt.Errorf("no such slot: %w", ErrCorrupt)
		}
		return (*number)(&st.ordinals[k.Slot]).decode(c)
	})
}

func (st *state) loadRoles(db *pebble.DB) error {
	return each(db, KindRole, func(k Key, c *cursor) error {
		r := Role{Name: k.Name}
		err := r.decode(c)
		st.roles[r.Name] = r
		return err
	})
}

func (st *state) loadKSIKeys(db *pebble.DB) error {
	return each(db, KindKSIKey, func(k Key, c *cursor) error {
		var x ksiKey
		err := x.decode(c)
		st.ksiKeys[k.Name] = x
		return err
	})
}

func (st *state) loadPublications(db *pebble.DB) error {
	return each(db, KindPublication, func(k Key, c *cursor) error {
		p := Publication{Time: k.Round}
		err := p.decode(c)
		st.publications = append(st.publications, p)
		return err
	})
}

func (st *state) loadCertificates(db *pebble.DB) error {
	return each(db, KindCertificate, func(k Key, c *cursor) error {
		if int(k.Number) != len(st.certs) {
			return fmt.Errorf("want certificate %d: %w", len(st.certs), ErrCorrupt)
		}
		var x Certificate
		err := x.decode(c)
		st.certs = append(st.certs, x)
		return err
	})
}

// loadSealed finds the oldest head, and reads all of them. A damaged one is no reason not to open a store: fsck names it.
func (st *state) loadSealed(db *pebble.DB) error {
	st.sealed = blockFirst(blockOf(st.closed + 1))
	it, err := newIter(db, Key{Kind: KindHead}, Key{Kind: KindHead, Round: maxSecond})
	if err != nil {
		return err
	}
	defer it.Close()
	if !it.First() {
		return Damaged(Key{Kind: KindHead}, it.Error())
	}
	k, err := ParseKey(it.Key())
	if err != nil {
		return err
	}
	st.sealed = blockFirst(blockOf(k.Round))
	for ok := true; ok && st.headsErr == nil; ok = it.Next() {
		k, h, err := parseHead(it)
		st.heads, st.headsErr = append(st.heads, closedHead{k.Round, h}), err
	}
	if err := it.Error(); err != nil && st.headsErr == nil {
		st.headsErr = Damaged(k, err)
	}
	return nil
}

// loadOpen counts the leaves of open rounds: in each slot the last run tells.
func (st *state) loadOpen(db *pebble.DB) error {
	it, err := newIter(db, Key{Kind: KindRun, Round: st.closed + 1}, Key{Kind: KindRun, Round: maxSecond + 1})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.Last(); ok; {
		k, err := ParseKey(it.Key())
		if err != nil {
			return err
		}
		if int(k.Slot) >= st.slotsIn(k.Round) {
			return fmt.Errorf("%s: no such slot: %w", k, ErrCorrupt)
		}
		r, _, err := runAt(it, k.Number)
		if err != nil {
			return err
		}
		if st.open[k.Round] == nil {
			st.open[k.Round] = make(map[uint32]uint64)
		}
		st.open[k.Round][k.Slot] = k.Number + uint64(r.n)
		first := Key{Kind: KindRun, Round: k.Round, Slot: k.Slot}
		ok = it.SeekLT(first.bytes())
	}
	return Damaged(Key{Kind: KindRun, Round: st.closed + 1}, it.Error())
}

// loadKept finds the tiles that are stored of open rounds.
func (st *state) loadKept(db *pebble.DB) error {
	from := Key{Kind: KindTile, Round: st.closed + 1}
	it, err := newIter(db, from, Key{Kind: KindTile, Round: maxSecond + 1})
	if err != nil {
		return err
	}
	return scan(it, from, func(k Key, c *cursor) error {
		nodes, err := decodeNodes(c, TileNodes)
		if err != nil {
			return err
		}
		if st.kept[k.Round] == nil {
			st.kept[k.Round] = make(map[tilePlace]int)
		}
		st.kept[k.Round][tilePlace{k.Slot, k.Height, k.Number}] = len(nodes) / len(merkle.Digest{})
		return nil
	})
}
