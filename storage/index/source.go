package index

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// maxLoaded is how many entries of a bucket a merge holds in memory for each of its runs. A bucket that is larger,
// because one digest was filed very often, is read again for each new bucket it goes to: as often as the new run is
// larger than the old one, so that all such reading together is at most what the new run holds, for each old one.
const maxLoaded = 16 * partEntries

// A reader reads the parts of a run in order and checks that none is missing or too many.
type reader struct {
	run *run
	b   uint
	it  partIter
}

// A partIter goes through the parts of a run: a *pebble.Iterator, or a *fileIter, whose methods say no more.
type partIter interface {
	First() bool
	SeekGE(key []byte) bool
	Next() bool
	Valid() bool
	Key() []byte
	ValueAndErr() ([]byte, error)
	Error() error
	Close() error
}

func (x *Index) newReader(r *run) (*reader, error) {
	if r.file != nil {
		it := newFileIter(r)
		it.First()
		return &reader{run: r, b: r.bucketBits(), it: it}, nil
	}
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: runStart(r.id), UpperBound: runStart(r.id + 1)})
	if err != nil {
		return nil, fmt.Errorf("run %d: %w", r.id, corrupt(err))
	}
	it.First()
	return &reader{run: r, b: r.bucketBits(), it: it}, nil
}

// seek goes to the first part of a bucket.
func (r *reader) seek(bucket uint32) { r.it.SeekGE(appendPartKey(nil, r.run.id, bucket, 0)) }

// part returns the part at which the reader stands, which must be part n of bucket. Its entries are valid until next.
func (r *reader) part(bucket, n uint32) (part, error) {
	if !r.it.Valid() {
		return part{}, r.missing(bucket, n)
	}
	key := r.it.Key()
	if _, gotBucket, gotPart, err := parsePartKey(key); err != nil || gotBucket != bucket || gotPart != n {
		return part{}, r.missing(bucket, n)
	}
	value, err := r.it.ValueAndErr()
	if err != nil {
		return part{}, fmt.Errorf("run %d: bucket %d: %w", r.run.id, bucket, corrupt(err))
	}
	return decodePart(key, value, n)
}

func (r *reader) missing(bucket, n uint32) error {
	if err := r.it.Error(); err != nil {
		return fmt.Errorf("run %d: bucket %d: %w", r.run.id, bucket, corrupt(err))
	}
	return fmt.Errorf("run %d: bucket %d: part %d is missing: %w", r.run.id, bucket, n, ErrCorrupt)
}

func (r *reader) next() { r.it.Next() }

// end checks that nothing is left.
func (r *reader) end() error {
	if r.it.Valid() {
		return fmt.Errorf("run %d: key %x is too many: %w", r.run.id, r.it.Key(), ErrCorrupt)
	}
	if err := r.it.Error(); err != nil {
		return fmt.Errorf("run %d: %w", r.run.id, corrupt(err))
	}
	return nil
}

// A source is one old run of a merge. It turns its entries into entries of the new run: the bits of hash that follow
// the old bucket's name the new bucket within it.
type source struct {
	*reader
	more   uint   // how many more bucket bits the new run has
	shift  uint64 // what the new run adds to relative numbers
	newB   uint
	moved  uint64 // entries so far
	bucket int64  // the old bucket loaded, -1 at first
	large  bool   // the bucket is read again for each new one; entries is not used
	// The entries of the bucket, in order of new bucket and then of number; those before pos are moved.
	entries, spare []uint64
	pos            int
}

func (x *Index) newSource(r *run, w *runWriter) (*source, error) {
	in, err := x.newReader(r)
	if err != nil {
		return nil, err
	}
	return &source{reader: in, more: w.b - in.b, newB: w.b, shift: r.first - w.run.first, bucket: -1}, nil
}

// close ends the reading; an error of it has been seen before by part or end.
func (s *source) close() { _ = s.it.Close() }

// end checks that the whole run was moved.
func (s *source) end() error {
	if s.moved != s.run.n {
		return fmt.Errorf("run %d: %d entries instead of %d: %w", s.run.id, s.moved, s.run.n, ErrCorrupt)
	}
	return s.reader.end()
}

// moveTo moves the entries of a bucket of the new run. It must be called for all of them in order.
func (s *source) moveTo(ctx context.Context, w *runWriter, bucket uint32) error {
	if old := int64(bucket >> s.more); old != s.bucket {
		if err := s.load(old); err != nil {
			return err
		}
	}
	sub := uint64(bucket) & (1<<s.more - 1)
	if s.large {
		return s.moveLarge(ctx, w, sub)
	}
	for ; s.pos < len(s.entries) && s.entries[s.pos]>>(64-s.more) == sub; s.pos++ {
		if err := s.move(w, s.entries[s.pos]); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) move(w *runWriter, e uint64) error {
	old := numberBits + s.b
	relative := e & (1<<old - 1)
	if relative >= s.run.n {
		return fmt.Errorf("run %d: bucket %d: number %d of %d: %w", s.run.id, s.bucket, relative, s.run.n, ErrCorrupt)
	}
	s.moved++
	return w.add(e>>old<<(numberBits+s.newB) | relative + s.shift)
}

// load reads the next old bucket and sorts it by new bucket, or finds it large.
func (s *source) load(bucket int64) error {
	s.bucket, s.pos, s.entries, s.large = bucket, 0, s.entries[:0], false
	for n, last := uint32(0), false; !last; n++ {
		p, err := s.part(uint32(bucket), n)
		if err != nil {
			return err
		}
		if len(s.entries) == maxLoaded {
			s.large = true
			return nil
		}
		for i := range p.len() {
			s.entries = append(s.entries, p.at(i))
		}
		last = p.last
		s.next()
	}
	s.entries, s.spare = sortByTop(s.entries, s.spare, s.more)
	return nil
}

// moveLarge moves the entries of sub-bucket sub out of a bucket too large to load.
func (s *source) moveLarge(ctx context.Context, w *runWriter, sub uint64) error {
	s.seek(uint32(s.bucket))
	for n, last := uint32(0), false; !last; n++ {
		if n%(ctxEntries/partEntries) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p, err := s.part(uint32(s.bucket), n)
		if err != nil {
			return err
		}
		for i := range p.len() {
			if e := p.at(i); e>>(64-s.more) == sub {
				if err := s.move(w, e); err != nil {
					return err
				}
			}
		}
		last = p.last
		s.next()
	}
	return nil
}

// sortByTop sorts entries by their top bits and leaves the order of those with equal ones: a radix sort from the lowest
// of these bits up, 8 at a time. It returns the sorted slice and the other one, for reuse.
func sortByTop(entries, spare []uint64, top uint) (sorted, other []uint64) {
	spare = append(spare[:0], entries...) // for its length
	for low := uint(0); low < top; low += 8 {
		width := min(top-low, 8)
		shift := 64 - top + low
		mask := uint64(1)<<width - 1
		var starts [256]uint32
		for _, e := range entries {
			starts[e>>shift&mask]++
		}
		var sum uint32
		for i, n := range starts[:1<<width] {
			starts[i] = sum
			sum += n
		}
		for _, e := range entries {
			k := e >> shift & mask
			spare[starts[k]] = e
			starts[k]++
		}
		entries, spare = spare, entries
	}
	return entries, spare
}
