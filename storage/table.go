package storage

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/objstorage"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage/fatal"
)

// DefaultTableLeaves is the default of Options.TableLeaves: 2 MiB of SHA-256 leaves. Below, the milliseconds that taking in
// a table costs are more than what it saves, and there would be too many of them.
const DefaultTableLeaves = 1 << 16

// Sizes of tables of leaves.
const (
	tableBuffer = 1 << 20 // of one write
	tableSync   = 8 << 20 // after so many bytes a table starts to be synced
)

// tableMost is the most leaves of a table, as a multiple of Options.TableLeaves, but four runs at least. Who reads a table first reads
// all of its index; and a table is synced while the next one is written.
const tableMost = 16

// tableSuffix is what the files of tables, of leaves or tiles, end with that the database has not taken in.
const tableSuffix = ".leaves.sst"

// A table is what one file takes: keys of one kind, of one slot in one round. No other key lies between them, so it goes to the
// bottom of the database at once and is not written again.
type table struct {
	first Key
	write func(set func(k Key, value []byte)) // in order
}

// asTables returns what entries write, if tables are the better place for it, else nothing.
func (s *Store) asTables(entries []Entry) []table {
	if len(entries) == 1 {
		if e, ok := entries[0].(KeepTiles); ok {
			return tileTables(e)
		}
	}
	if group := s.largeGroup(entries); group != nil {
		return s.leafTables(group)
	}
	return nil
}

// largeGroup returns the entries if they are leaves alone and so many for each slot that tables are the better place, else
// nil.
func (s *Store) largeGroup(entries []Entry) []AppendLeaves {
	n := 0
	slots := make(map[uint32]bool)
	for _, e := range entries {
		a, ok := e.(AppendLeaves)
		if !ok {
			return nil
		}
		n += a.Leaves.Len()
		slots[a.Slot] = true
	}
	if n < s.tableLeaves*len(slots) {
		return nil
	}
	group := make([]AppendLeaves, len(entries))
	for i, e := range entries {
		group[i] = e.(AppendLeaves)
	}
	return group
}

// leafTables returns the tables of leaves. It changes their order.
func (s *Store) leafTables(group []AppendLeaves) (tables []table) {
	most := max(4, tableMost*s.tableLeaves/MaxRun) // runs
	slices.SortStableFunc(group, func(a, b AppendLeaves) int {
		return cmp.Or(cmp.Compare(a.Round, b.Round), cmp.Compare(a.Slot, b.Slot)) // by First they are ascending
	})
	for len(group) > 0 {
		n := 1
		for n < len(group) && group[n].Round == group[0].Round && group[n].Slot == group[0].Slot {
			n++
		}
		entries := group[:n]
		group = group[n:]
		var runs []runOf
		for i := range entries {
			for k := 0; k < entries[i].Leaves.Len(); k += MaxRun {
				if runs = append(runs, runOf{&entries[i], k}); len(runs) == most {
					tables = append(tables, leafTable(runs))
					runs = nil
				}
			}
		}
		if len(runs) > 0 {
			tables = append(tables, leafTable(runs))
		}
	}
	return tables
}

// A runOf is the run of an entry that begins with its leaf k.
type runOf struct {
	entry *AppendLeaves
	k     int
}

// leafTable returns the table of runs.
func leafTable(runs []runOf) table {
	return table{runs[0].entry.key(runs[0].k), func(set func(Key, []byte)) {
		var buf []byte
		for _, r := range runs {
			buf = appendRun(buf[:0], r.entry.At, &r.entry.Leaves, r.k, min(r.k+MaxRun, r.entry.Leaves.Len()))
			set(r.entry.key(r.k), buf)
		}
	}}
}

// key returns the key of the run that begins with leaf k of e.
func (e *AppendLeaves) key(k int) Key {
	return Key{Kind: KindRun, Round: e.Round, Slot: e.Slot, Number: e.First + uint64(k)}
}

// tileTables returns the tables of tiles.
func tileTables(e KeepTiles) (tables []table) {
	for rest := e.Tiles; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Slot == rest[0].Slot {
			n++
		}
		tiles := rest[:n]
		rest = rest[n:]
		tables = append(tables, table{tiles[0].key(), func(set func(Key, []byte)) { writeTiles(tiles, set) }})
	}
	return tables
}

// commitTables writes tables and has the database take them in, all or none.
func (s *Store) commitTables(tables []table) error {
	paths, err := s.writeTables(tables)
	if err != nil {
		return err
	}
	return s.takeIn(paths)
}

// takeIn has the database take tables in, all or none.
func (s *Store) takeIn(paths []string) (err error) {
	defer func() {
		if err != nil {
			s.removeAll(paths)
		}
	}()
	defer fatal.Rescue(&err)
	if err := s.db.Ingest(context.Background(), paths); err != nil {
		return fmt.Errorf("take in %d tables: %w", len(paths), err)
	}
	return nil
}

// removeAll removes tables. What cannot be removed now is removed by the next Open.
func (s *Store) removeAll(paths []string) {
	for _, path := range paths {
		_ = s.fs.Remove(path)
	}
}

// A tableMemory is the buffers of tables, of which one is synced while the next is written.
type tableMemory [2][]byte

// tableWriters is how many write tables at the same time with memory that was in use before: who proposes, and who stages.
const tableWriters = 2

// takeMemory returns memory for tables, for giveMemory to take back.
func (s *Store) takeMemory() *tableMemory {
	select {
	case m := <-s.tableMemory:
		return m
	default:
		return new(tableMemory)
	}
}

func (s *Store) giveMemory(m *tableMemory) {
	select {
	case s.tableMemory <- m:
	default:
	}
}

// writeTables writes tables, durably, and returns their paths. Each is synced while the next is written.
func (s *Store) writeTables(tables []table) (paths []string, err error) {
	for range tables {
		paths = append(paths, s.fs.PathJoin(s.dir, fmt.Sprintf("%d%s", s.tableCount.Add(1), tableSuffix)))
	}
	defer func() {
		if err != nil {
			s.removeAll(paths)
		}
	}()
	memory := s.takeMemory()
	defer s.giveMemory(memory)
	write := func(i int) <-chan error { return s.writeTable(paths[i], &tables[i], &memory[i%len(memory)]) }
	settle := func(i int, done <-chan error) error {
		err := <-done
		for s.room.retry(err) { // nobody knows of the table yet
			err = <-write(i)
		}
		if err != nil {
			return fmt.Errorf("table of %s: %w", tables[i].first, err)
		}
		return nil
	}
	before := write(0)
	for i := 1; i < len(tables); i++ {
		done := write(i)
		if err := settle(i-1, before); err != nil {
			<-done
			return paths, err
		}
		before = done
	}
	return paths, settle(len(tables)-1, before)
}

// writeTable writes a table with a buffer in *memory, which is in use until the table is durable: then, or when that cannot be, the
// channel has the outcome.
func (s *Store) writeTable(path string, t *table, memory *[]byte) <-chan error {
	done := make(chan error, 1)
	out, err := s.createTable(path, memory)
	if err != nil {
		done <- err
		return done
	}
	later := &laterFile{Writable: out}
	w := sstable.NewWriter(later, sstable.WriterOptions{
		BlockSize:   blockBytes,
		Compression: sstable.NoCompression,
		TableFormat: s.db.FormatMajorVersion().MaxTableFormat(),
	})
	var key []byte
	t.write(func(k Key, value []byte) {
		if key = k.Append(key[:0]); err == nil {
			err = w.Set(key, value)
		}
	})
	if err = firstError(err, w.Close()); err != nil {
		if later.whole {
			out.Abort()
		}
		done <- err
		return done
	}
	go func() { done <- out.Finish() }()
	return done
}

// A laterFile is the file of a table that others make durable.
type laterFile struct {
	objstorage.Writable
	whole bool // all is written
}

// Finish notes that all is written.
func (l *laterFile) Finish() error {
	l.whole = true
	return nil
}

// createTable creates the file of a table, written past the cache of the operating system where that can be.
func (s *Store) createTable(path string, memory *[]byte) (objstorage.Writable, error) {
	if fs := directOf(s.fs); fs != nil {
		if f, err := fs.CreateDirect(path); err == nil {
			return newDirectFile(f, memory), nil
		}
	}
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: tableSync})
	return &tableFile{f: f, buf: bufio.NewWriterSize(f, tableBuffer)}, nil
}

// removeTables removes tables that a crash has left outside the database.
func (s *Store) removeTables() error {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, tableSuffix) {
			if err := s.fs.Remove(s.fs.PathJoin(s.dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// A tableFile is the file of a table.
type tableFile struct {
	f   vfs.File
	buf *bufio.Writer
}

var _ objstorage.Writable = (*tableFile)(nil)

// Write appends p to the file.
func (t *tableFile) Write(p []byte) error {
	_, err := t.buf.Write(p)
	return err
}

// Finish makes the file durable and closes it.
func (t *tableFile) Finish() error {
	err := t.buf.Flush()
	if err == nil {
		err = t.f.Sync()
	}
	return errors.Join(err, t.f.Close())
}

// Abort closes the file.
func (t *tableFile) Abort() { _ = t.f.Close() }
