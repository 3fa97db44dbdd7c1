package index

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// batchEntries is the largest run that is written through the log of the database with its manifest (256 KiB); larger
// ones get a file of their own.
const batchEntries = 1 << 15

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
	s, err := x.createFile(&r)
	if err != nil {
		return err
	}
	if err := fill(newRunWriter(s, r)); err != nil {
		s.abort()
		return err
	}
	if err := s.finish(&r); err != nil {
		s.abort()
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
	entries := make([]uint64, startsOf(ends))
	for i, h := range hashes { // each count moves from where its bucket starts to where it ends
		k := bucketOf(h, w.b)
		entries[ends[k]] = makeEntry(h, uint64(i), w.b)
		ends[k]++
	}
	return w.addBuckets(entries, ends)
}

// startsOf turns how many entries each bucket has into where it starts, and returns how many there are in all.
func startsOf(counts []uint32) (sum uint32) {
	for i, n := range counts {
		counts[i] = sum
		sum += n
	}
	return sum
}

// addBuckets writes the next buckets, whose entries stand one bucket behind the other and end where ends says.
func (w *runWriter) addBuckets(entries []uint64, ends []uint32) error {
	start := uint32(0)
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
