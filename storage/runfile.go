package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/internal/readnow"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// maxRunTables is how many tables runTables keeps open: 32 million leaves a thousand, about, in 32 KiB of memory each.
const maxRunTables = 1000

// maxRunBlock is the size of the largest block that runTables reads: a full run of the longest digests.
const maxRunBlock = 128 << 10

// runTables reads runs out of tables that hold nothing but runs of one slot in one round, as commitTables writes them, past the
// database: one read of the block that a run is, checked by its checksum, into memory that is used again. The database
// would look a block up by way of its levels and iterators, put it into its cache, where one of so many is not asked for again,
// and take fresh memory for it.
//
// It relies on little of the format of tables: that a block which is not compressed holds a value as it is, always at the same
// distance from its start where keys are of one length. Whatever is not as expected, and every error, leaves the reading
// to the database, which also says what is wrong. What has once been written to a table stays right for ever, so it does no harm
// to read one that the database has replaced meanwhile.
type runTables struct {
	db   *pebble.DB
	fs   vfs.FS
	dir  string // of the database
	most int    // tables that are open at the same time

	changed atomic.Bool // the database may have other tables than listed

	mu     sync.RWMutex // covers all below and the files of tables; held over reads of them
	tables []*runTable  // in order of their first keys
	opened []*runTable
}

// A runTable is a table of runs of one slot in one round.
type runTable struct {
	number      uint64
	round       calendar.Second
	slot        uint32
	first, last uint64 // of the first leaves of its first and its last run

	unfit bool     // not as expected
	file  vfs.File // nil while it is not open
	sum   block.ChecksumType
	head  int // bytes of a block before its run
	tail  int // and behind it
	key   int // where in head the key of the run stands
	runs  []runPlace
}

// A runPlace is where a run of a table stands.
type runPlace struct {
	first  uint64
	handle block.Handle
	known  atomic.Pointer[runHead] // nil until its block has been read and checked
}

// A runHead is what a run says of all its leaves, which have one algorithm.
type runHead struct {
	at  time.Time
	alg merkle.Algorithm
	n   int
}

// compareTable orders tables by their first keys.
func compareTable(t *runTable, round calendar.Second, slot uint32, first uint64) int {
	switch {
	case t.round != round:
		return int(t.round - round)
	case t.slot != slot:
		return int(t.slot) - int(slot)
	case t.first < first:
		return -1
	case t.first > first:
		return 1
	}
	return 0
}

// runBlocks holds *[maxRunBlock]byte.
var runBlocks = sync.Pool{New: func() any { return new([maxRunBlock]byte) }}

// read appends leaves of a slot in a round from number first on to dst, up to n of them, as far as one run holds them. It
// returns how many and when they were accepted; none if it cannot. Unless the leaves are to be checked, it reads nothing else
// where it can.
func (x *runTables) read(dst *merkle.Leaves, round calendar.Second, slot uint32, first uint64, n int, checked bool) (took int, at Accepted) {
	if x.changed.Load() {
		x.list()
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	t := x.find(round, slot, first)
	if t == nil || t.unfit {
		return 0, at
	}
	if t.file == nil {
		x.mu.RUnlock()
		x.open(t)
		x.mu.RLock()
		if t.file == nil { // not fit, or another one took its place
			return 0, at
		}
	}
	place := &t.runs[sort.Search(len(t.runs), func(i int) bool { return t.runs[i].first > first })-1]
	if h := place.known.Load(); h != nil && !checked {
		took = t.readLeaves(dst, place, h, first, n)
		return took, Accepted{first, h.at}
	}
	buf := runBlocks.Get().(*[maxRunBlock]byte)
	defer runBlocks.Put(buf)
	r, ok := t.run(place, buf[:])
	skip := first - place.first
	if !ok || skip >= uint64(r.n) {
		return 0, at
	}
	if !r.mixed {
		place.known.Store(&runHead{r.time(), r.alg, r.n})
	}
	took = min(n, r.n-int(skip))
	r.appendTo(dst, int(skip), int(skip)+took)
	return took, Accepted{first, r.time()}
}

// readLeaves appends leaves of a run from number first on to dst, up to n of them, unchecked, and returns how many.
func (t *runTable) readLeaves(dst *merkle.Leaves, p *runPlace, h *runHead, first uint64, n int) int {
	skip := first - p.first
	if skip >= uint64(h.n) {
		return 0
	}
	n = min(n, h.n-int(skip))
	size := h.alg.Size()
	if dst.Len() == 0 {
		dst.Reserve(h.alg, n)
	}
	room := dst.Room(h.alg)
	own := len(room) >= n*size
	if !own {
		room = make([]byte, n*size)
	}
	at := int64(p.handle.Offset) + int64(t.head+runHeadBytes) + int64(skip)*int64(size)
	if _, err := readnow.At(t.file, room[:n*size], at); err != nil {
		return 0
	}
	if own {
		dst.Extend(n)
	} else {
		dst.AppendDigests(h.alg, room)
	}
	return n
}

// find returns the table that leaf first of a slot in a round may be in, nil if there is none.
func (x *runTables) find(round calendar.Second, slot uint32, first uint64) *runTable {
	i := sort.Search(len(x.tables), func(i int) bool { return compareTable(x.tables[i], round, slot, first) > 0 })
	if i == 0 {
		return nil
	}
	t := x.tables[i-1]
	if t.round != round || t.slot != slot || first >= t.last+MaxRun {
		return nil
	}
	return t
}

// run reads the block of a run into buf, checks it and decodes the run, whose leaves are in buf. That it is the run looked for its
// key says: where digests of some lengths follow each other, layOut may have counted wrong.
func (t *runTable) run(p *runPlace, buf []byte) (r run, ok bool) {
	raw, ok := t.block(p.handle, buf)
	if !ok {
		return r, false
	}
	key := Key{Kind: KindRun, Round: t.round, Slot: t.slot, Number: p.first}
	if len(raw) < t.head+t.tail || !bytes.HasPrefix(raw[t.key:t.head], key.bytes()) {
		return r, false
	}
	c := newCursor(raw[t.head : len(raw)-t.tail])
	return r, r.decode(&c) == nil
}

// block reads a block into buf and checks it.
func (t *runTable) block(h block.Handle, buf []byte) (raw []byte, ok bool) {
	if h.Length+block.TrailerLen > uint64(len(buf)) {
		return nil, false
	}
	raw = buf[:h.Length+block.TrailerLen]
	if _, err := t.file.ReadAt(raw, int64(h.Offset)); err != nil {
		return nil, false
	}
	ok = block.CompressionIndicator(raw[h.Length]) == block.NoCompressionIndicator && block.ValidateChecksum(t.sum, raw, h) == nil
	return raw[:h.Length], ok
}

// list finds out which tables there are. Those that are gone are closed.
func (x *runTables) list() {
	x.changed.Store(false)
	levels, err := x.db.SSTables()
	if err != nil {
		x.changed.Store(true)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	known := make(map[uint64]*runTable, len(x.tables))
	for _, t := range x.tables {
		known[t.number] = t
	}
	x.tables = x.tables[:0:0]
	for _, level := range levels {
		for i := range level {
			t := newRunTable(&level[i])
			if t == nil {
				continue
			}
			if k := known[t.number]; k != nil {
				delete(known, t.number)
				t = k
			}
			x.tables = append(x.tables, t)
		}
	}
	slices.SortFunc(x.tables, func(a, b *runTable) int { return compareTable(a, b.round, b.slot, b.first) })
	for _, t := range known {
		x.close(t)
	}
}

// newRunTable returns a table of the database if it is one of runs of one slot in one round, else nil.
func newRunTable(info *pebble.SSTableInfo) *runTable {
	first, err := ParseKey(info.Smallest.UserKey)
	last, lastErr := ParseKey(info.Largest.UserKey)
	switch {
	case err != nil || lastErr != nil || first.Kind != KindRun || last.Kind != KindRun:
		return nil
	case first.Round != last.Round || first.Slot != last.Slot || info.Virtual || info.BackingType != pebble.BackingTypeLocal:
		return nil
	}
	return &runTable{number: uint64(info.FileNum), round: first.Round, slot: first.Slot, first: first.Number, last: last.Number}
}

// open opens a table; if it is not as expected, it notes that. Where too many are open, another one is closed.
func (x *runTables) open(t *runTable) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if t.file != nil || t.unfit {
		return
	}
	f, err := x.fs.Open(x.fs.PathJoin(x.dir, fmt.Sprintf("%06d.sst", t.number)), vfs.RandomReadsOption)
	if err != nil {
		t.unfit = true
		return
	}
	if len(x.opened) >= x.most {
		x.close(x.opened[rand.IntN(len(x.opened))])
	}
	t.file = f
	x.opened = append(x.opened, t)
	if err := x.layOut(t); err != nil {
		t.unfit = true
		x.close(t)
	}
}

// errUnfit says that a table is not as expected.
var errUnfit = errors.New("the blocks of the table are not its runs")

// layOut finds out where the runs of a table are: from the lengths of its blocks and what the first one holds besides its run.
// The first leaf of the last run shows whether every block holds one run and no block anything else, where all digests are of one length.
func (x *runTables) layOut(t *runTable) error {
	handles, err := t.blocks()
	if err != nil {
		return err
	}
	key := Key{Kind: KindRun, Round: t.round, Slot: t.slot, Number: t.first}
	value, closer, err := x.db.Get(key.bytes())
	if err != nil {
		return err
	}
	defer closer.Close()
	c := newCursor(value)
	var r run
	if err := r.decode(&c); err != nil || r.mixed || len(handles) == 0 {
		return errUnfit
	}
	buf := runBlocks.Get().(*[maxRunBlock]byte)
	defer runBlocks.Put(buf)
	raw, ok := t.block(handles[0], buf[:])
	if t.head = bytes.Index(raw, value); !ok || t.head < 0 {
		return errUnfit
	}
	if t.key = bytes.Index(raw[:t.head], key.bytes()); t.key < 0 {
		return errUnfit
	}
	t.tail = len(raw) - t.head - len(value)
	around, size := t.head+t.tail+len(value)-len(r.data), r.alg.Size()
	t.runs = make([]runPlace, len(handles))
	for next, i := t.first, 0; i < len(handles); i++ {
		digests := int(handles[i].Length) - around
		if digests <= 0 || digests%size != 0 || i == len(handles)-1 && next != t.last {
			return errUnfit
		}
		t.runs[i].first, t.runs[i].handle = next, handles[i]
		next += uint64(digests / size)
	}
	return nil
}

// blocks returns where the data blocks of a table are.
func (t *runTable) blocks() ([]block.Handle, error) {
	buf := tailBuffers.Get().(*[maxTail]byte)
	defer tailBuffers.Put(buf)
	file, err := readTail(t.file, buf[:])
	if err != nil {
		return nil, err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return nil, err
	}
	reader, err := sstable.NewReader(context.Background(), readable, sstable.ReaderOptions{})
	if err != nil {
		return nil, errors.Join(err, readable.Close())
	}
	layout, err := reader.Layout()
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	t.sum = reader.BlockReader().ChecksumType()
	handles := make([]block.Handle, len(layout.Data))
	for i := range layout.Data {
		handles[i] = layout.Data[i].Handle
	}
	return handles, reader.Close()
}

// The end of a table of full runs, from its index on, takes less than one byte in tailShare, and tailLeast besides.
const (
	tailShare = 1 << 10
	tailLeast = 16 << 10
	maxTail   = 512 << 10 // what is more is read piece by piece
)

// tailBuffers holds *[maxTail]byte.
var tailBuffers = sync.Pool{New: func() any { return new([maxTail]byte) }}

// A tailFile is a file whose end was read at once: an index has a part for some hundred runs each, and to wait for each of them took
// two thirds of the time until the first proof of a round of ten million leaves was made. Who closes it leaves the file open.
type tailFile struct {
	vfs.File
	from int64 // where tail starts
	tail []byte
}

// readTail reads the end of a table into buf.
func readTail(f vfs.File, buf []byte) (*tailFile, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	n := min(size, tailLeast+size/tailShare, int64(len(buf)))
	t := &tailFile{File: f, from: size - n, tail: buf[:n]}
	_, err = f.ReadAt(t.tail, t.from)
	return t, err
}

// ReadAt reads from the end if all of p is there.
func (t *tailFile) ReadAt(p []byte, off int64) (int, error) {
	if from := off - t.from; from >= 0 && from+int64(len(p)) <= int64(len(t.tail)) {
		return copy(p, t.tail[from:]), nil
	}
	return t.File.ReadAt(p, off)
}

// Close does nothing.
func (*tailFile) Close() error { return nil }

// close closes the file of a table, if it is open. There is nothing to lose in a file that was read alone.
func (x *runTables) close(t *runTable) {
	if t.file == nil {
		return
	}
	_ = t.file.Close()
	t.file, t.runs = nil, nil
	x.opened = slices.DeleteFunc(x.opened, func(o *runTable) bool { return o == t })
}

// closeAll closes all files.
func (x *runTables) closeAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.opened) > 0 {
		x.close(x.opened[0])
	}
	x.tables = nil
}

// openRuns opens the database on fs and what reads its tables of runs past it.
func openRuns(dir string, fs vfs.FS, o Options) (*pebble.DB, *runTables, error) {
	x := &runTables{fs: o.FS, dir: dir, most: maxRunTables}
	x.changed.Store(true)
	p := o.pebble(fs)
	p.ErrorIfNotExists = true // else Pebble begins a new one where it finds none, and deletes what lies around
	p.EventListener.FlushEnd = func(pebble.FlushInfo) { x.changed.Store(true) }
	p.EventListener.CompactionEnd = func(pebble.CompactionInfo) { x.changed.Store(true) }
	p.EventListener.TableIngested = func(pebble.TableIngestInfo) { x.changed.Store(true) }
	db, err := openPebble(dir, p)
	x.db = db
	return db, x, err
}
