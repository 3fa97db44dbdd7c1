package index

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// batchEntries is the largest run that is written through the log of the database with its manifest (256 KiB); larger
// ones are written once, as tables that the database takes in whole.
const batchEntries = 1 << 15

// tableBytes is the size at which a table ends and the next one begins.
const tableBytes = 128 << 20

// tableBlock is the block size of tables: a look-up reads and checks one block.
const tableBlock = 4 << 10

// tableBuffer is how many bytes of a table go to its file at once.
const tableBuffer = 256 << 10

// tableSync is after how many bytes a table starts to be synced, so that the sync at its end is not a long one, for which
// the log of the database would have to wait.
const tableSync = 4 << 20

const tableSuffix = ".index-run.sst"

// Add indexes the leaves first, first+1, … with these hashes (see Hash), first being Cursor, as one run. When it
// returns nil they are durable and found, and the cursor is behind them. After an error that is not about the
// arguments the leaves may be indexed or not; if the index then refuses further Adds, open it anew.
func (x *Index) Add(first uint64, hashes []uint64) error {
	return x.add(first, uint64(len(hashes)), func(w *runWriter) error { return w.writeHashes(hashes) })
}

// add indexes n leaves from first on, which fill hands to the writer.
func (x *Index) add(first, n uint64, fill func(*runWriter) error) error {
	x.adding.Lock()
	defer x.adding.Unlock()
	if err := x.writable(); err != nil {
		return err
	}
	switch cursor := x.Cursor(); {
	case first != cursor:
		return fmt.Errorf("digest index: add from leaf %d: the next one to index is %d", first, cursor)
	case n == 0:
		return nil
	case n > MaxAdd:
		return fmt.Errorf("digest index: add %d leaves: at most %d at a time", n, MaxAdd)
	case n > MaxNumber-first:
		return fmt.Errorf("digest index: add %d leaves from %d: full, it holds at most 2^40", n, first)
	case x.Runs() >= maxRuns:
		return fmt.Errorf("digest index: add from leaf %d: %d runs: merge them first", first, maxRuns)
	}
	r := run{id: x.newID(), first: first, n: n}
	if err := x.writeRun(r, fill); err != nil {
		return fmt.Errorf("digest index: add %d leaves from %d: %w", n, first, err)
	}
	return nil
}

// writeRun writes the run r, which fill hands to the writer, and installs it.
func (x *Index) writeRun(r run, fill func(*runWriter) error) error {
	b := x.db.NewBatch()
	defer b.Close()
	if r.n <= batchEntries {
		if err := fill(newRunWriter(batchSink{b}, r)); err != nil {
			return err
		}
		return x.install(b, r)
	}
	t := &tableSink{db: x.db, opts: x.opts, id: r.id}
	defer t.abort()
	if err := fill(newRunWriter(t, r)); err != nil {
		return err
	}
	if err := t.ingest(); err != nil {
		return err
	}
	return x.install(b, r)
}

// A sink takes the keys and values of a run in order. It copies both.
type sink interface {
	set(key, value []byte) error
}

// A batchSink writes into a batch.
type batchSink struct{ b *pebble.Batch }

func (s batchSink) set(key, value []byte) error { return s.b.Set(key, value, nil) }

// A tableSink writes tables and has the database take them in, all or none.
type tableSink struct {
	db    *pebble.DB
	opts  Options
	id    uint64
	w     *sstable.Writer // of the last path; nil when that is finished
	size  int             // of values in w
	paths []string
}

func (t *tableSink) set(key, value []byte) error {
	if t.w == nil {
		if err := t.create(); err != nil {
			return err
		}
	}
	if err := t.w.Set(key, value); err != nil {
		return err
	}
	t.size += len(value)
	if t.size < tableBytes {
		return nil
	}
	return t.finish()
}

func (t *tableSink) create() error {
	path := t.opts.FS.PathJoin(t.opts.Dir, fmt.Sprintf("%d-%d%s", t.id, len(t.paths), tableSuffix))
	f, err := t.opts.FS.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	t.paths = append(t.paths, path)
	t.size = 0
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: tableSync})
	t.w = sstable.NewWriter(&tableFile{f: f, buf: bufio.NewWriterSize(f, tableBuffer)}, sstable.WriterOptions{
		BlockSize:   tableBlock,
		Compression: sstable.NoCompression, // hashes do not compress
		TableFormat: t.db.FormatMajorVersion().MaxTableFormat(),
	})
	return nil
}

// finish completes and syncs the table being written.
func (t *tableSink) finish() error {
	w := t.w
	t.w = nil
	return w.Close()
}

// ingest moves the tables into the database, durably.
func (t *tableSink) ingest() error {
	if t.w != nil {
		if err := t.finish(); err != nil {
			return err
		}
	}
	// Never cancelled: a run that is complete is worth its last milliseconds.
	return t.db.Ingest(context.Background(), t.paths)
}

// abort removes what ingest has not taken. Files that cannot be removed now are removed by the next Open.
func (t *tableSink) abort() {
	if t.w != nil {
		_ = t.finish()
	}
	for _, path := range t.paths {
		_ = t.opts.FS.Remove(path)
	}
}

// A tableFile is the file of a table. Its methods are those of objstorage.Writable.
type tableFile struct {
	f   vfs.File
	buf *bufio.Writer
}

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

func (t *tableFile) Abort() { _ = t.f.Close() }

// A runWriter writes the buckets of a run in order, one value at a time.
type runWriter struct {
	sink   sink
	run    run
	b      uint
	bucket uint32
	part   uint32
	key    []byte
	value  []byte // of the part being filled
}

func newRunWriter(s sink, r run) *runWriter {
	w := &runWriter{sink: s, run: r, b: r.bucketBits(), value: make([]byte, partHead, partHead+8*partEntries)}
	w.key = make([]byte, 0, partKeySize)
	return w
}

// add adds an entry to the current bucket.
func (w *runWriter) add(entry uint64) error {
	if len(w.value) == cap(w.value) {
		if err := w.flush(0); err != nil {
			return err
		}
		w.part++
	}
	w.value = binary.BigEndian.AppendUint64(w.value, entry)
	return nil
}

// addAll adds entries to the current bucket.
func (w *runWriter) addAll(entries []uint64) error {
	for {
		n := min(len(entries), (cap(w.value)-len(w.value))/8)
		for _, e := range entries[:n] {
			w.value = binary.BigEndian.AppendUint64(w.value, e)
		}
		if entries = entries[n:]; len(entries) == 0 {
			return nil
		}
		if err := w.flush(0); err != nil {
			return err
		}
		w.part++
	}
}

// endBucket writes what is left of the current bucket, be it nothing, and goes on to the next.
func (w *runWriter) endBucket() error {
	if err := w.flush(flagLast); err != nil {
		return err
	}
	w.bucket++
	w.part = 0
	return nil
}

func (w *runWriter) flush(flags byte) error {
	w.key = appendPartKey(w.key[:0], w.run.id, w.bucket, w.part)
	w.value[5] = flags
	seal(w.key, w.value, partVersion)
	err := w.sink.set(w.key, w.value)
	w.value = w.value[:partHead]
	return err
}

// writeHashes writes the whole run from its hashes: a counting sort by bucket, which keeps numbers in order.
func (w *runWriter) writeHashes(hashes []uint64) error {
	ends := make([]uint32, 1<<w.b)
	for _, h := range hashes {
		ends[bucketOf(h, w.b)]++
	}
	var sum uint32
	for i, n := range ends {
		ends[i] = sum // for now where the bucket starts
		sum += n
	}
	entries := make([]uint64, len(hashes))
	for i, h := range hashes {
		k := bucketOf(h, w.b)
		entries[ends[k]] = makeEntry(h, uint64(i), w.b)
		ends[k]++
	}
	var start uint32
	for _, end := range ends {
		if err := w.addAll(entries[start:end]); err != nil {
			return err
		}
		if err := w.endBucket(); err != nil {
			return err
		}
		start = end
	}
	return nil
}
