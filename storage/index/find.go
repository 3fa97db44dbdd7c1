package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"sort"

	"github.com/cockroachdb/pebble/v2"
)

// Find calls yield with the number of every leaf from number from to the cursor that may hold digest, in ascending
// order, until yield returns false. It never leaves out a leaf that holds digest; a leaf with another digest comes with
// a chance of 2^-55 each, so the caller compares. To page, call again with from = the last number + 1: that costs no
// more than the first call. yield may do what it likes, writing the index included. Errors wrap ErrCorrupt when the
// index is damaged.
func (x *Index) Find(digest []byte, from uint64, yield func(number uint64) bool) error {
	v := x.acquire()
	defer x.release(v)
	hash := x.Hash(digest)
	for i := range v.runs {
		r := &v.runs[i]
		if r.end() <= from {
			continue
		}
		more, err := x.findInRun(r, hash, from, yield)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Mimic does, for a digest that Find finds nowhere, the work that Find does more for one that is filed once: it reads the digest's bucket
// in a run. It returns the number of a leaf of that run, which looks picked at random and is always the same for a digest and a
// cursor. ok is false for an empty index.
func (x *Index) Mimic(digest []byte) (number uint64, ok bool, err error) {
	v := x.acquire()
	defer x.release(v)
	if len(v.runs) == 0 {
		return 0, false, nil
	}
	hash := x.Hash(digest)
	number, _ = bits.Mul64(hash*0x9e3779b97f4a7c15, v.cursor()) // bits apart from those that name the bucket
	i := sort.Search(len(v.runs), func(i int) bool { return v.runs[i].end() > number })
	r := &v.runs[i]
	if r.filters.lack(bucketOf(hash, r.bucketBits()), hash) { // else Find has read it
		_, _, err = x.scanPart(r, hash, 0, 0, func(uint64) bool { return true })
	}
	return number, true, err
}

// PartsRead returns how many parts of buckets look-ups have read.
func (x *Index) PartsRead() uint64 { return x.read.Load() }

// FindMany calls yield with the number of every leaf up to the cursor that may hold one of the digests with these hashes (see
// Hash), which must ascend, and with the place of its hash among them, until yield returns false. All else is as Find says,
// but for the order, which is none. Each run is read from front to back, and a bucket once for all hashes that belong to it.
func (x *Index) FindMany(hashes []uint64, yield func(i int, number uint64) bool) error {
	v := x.acquire()
	defer x.release(v)
	for k := range v.runs {
		r := &v.runs[k]
		b := r.bucketBits()
		if len(hashes) > FewHashes {
			r.touch(hashes)
		}
		for first, end := 0, 0; first < len(hashes); first = end {
			for end = first + 1; end < len(hashes) && bucketOf(hashes[end], b) == bucketOf(hashes[first], b); end++ {
			}
			more, err := x.findBucket(r, hashes, first, end, yield)
			if err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// FewHashes is up to how many hashes FindMany looks each up as Find does, so that what Mimic does is as much as for one that is found.
const FewHashes = 64

// touch reads all lines of the buckets of hashes that are held, so that the processor fetches them side by side: searching one bucket
// after the other, it would wait for each.
func (r *run) touch(hashes []uint64) {
	const line = 64
	if r.held == nil {
		return
	}
	sum := byte(0)
	for _, hash := range hashes {
		bucket := bucketOf(hash, r.bucketBits())
		if p, ok := r.held.get(r, bucket); ok && !r.filters.lack(bucket, hash) {
			for at := 0; at < len(p.entries); at += line {
				sum += p.entries[at]
			}
		}
	}
	runtime.KeepAlive(sum)
}

// findBucket yields the numbers of hashes first to end-1, which belong to one bucket of r. It reports whether the caller wants
// more.
func (x *Index) findBucket(r *run, hashes []uint64, first, end int, yield func(int, uint64) bool) (more bool, err error) {
	bucket := bucketOf(hashes[first], r.bucketBits())
	if r.filters.lackAll(bucket, hashes[first:end]) {
		return true, nil
	}
	for n, last := uint32(0), false; !last; n++ {
		p, closer, err := x.getPart(r, bucket, n)
		if err != nil {
			return false, err
		}
		if n == 0 {
			r.filters.keep(r, bucket, &p)
		}
		more := true
		for i := first; i < end && more; i++ {
			more = r.scan(&p, hashes[i], 0, func(number uint64) bool { return yield(i, number) })
		}
		last = p.last
		if err := closer.Close(); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// findInRun reports whether the caller wants more numbers.
func (x *Index) findInRun(r *run, hash, from uint64, yield func(number uint64) bool) (more bool, err error) {
	if r.filters.lack(bucketOf(hash, r.bucketBits()), hash) {
		return true, nil
	}
	last, more, err := x.scanPart(r, hash, 0, from, yield)
	if err != nil || !more || last {
		return more, err
	}
	n := uint32(1)
	if from > r.first {
		if n, err = x.seekPart(r, hash, from); err != nil {
			return false, err
		}
	}
	for ; !last; n++ {
		last, more, err = x.scanPart(r, hash, n, from, yield)
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// getPart reads one part. The caller closes the closer when done with the part.
func (x *Index) getPart(r *run, bucket, n uint32) (part, io.Closer, error) {
	x.read.Add(1)
	if n == 0 {
		if p, ok := r.held.get(r, bucket); ok {
			return p, heldPart{}, nil
		}
	}
	var buf [partKeySize]byte
	key := appendPartKey(buf[:0], r.id, bucket, n)
	if r.file != nil {
		p, closer, err := r.file.getPart(key, bucket, n)
		if n == 0 && err == nil {
			r.held.keep(r, bucket, &p)
			r.readAround(bucket)
		}
		return p, closer, err
	}
	value, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return part{}, nil, fmt.Errorf("digest index: key %x is missing: %w", key, ErrCorrupt)
	}
	if err != nil {
		return part{}, nil, fmt.Errorf("digest index: key %x: %w", key, corrupt(err))
	}
	p, err := decodePart(key, value, n)
	if err != nil {
		return part{}, nil, errors.Join(err, closer.Close())
	}
	return p, closer, nil
}

// scanPart yields the numbers of hash in one part of its bucket.
func (x *Index) scanPart(r *run, hash uint64, n uint32, from uint64, yield func(uint64) bool) (last, more bool, err error) {
	bucket := bucketOf(hash, r.bucketBits())
	p, closer, err := x.getPart(r, bucket, n)
	if err != nil {
		return false, false, err
	}
	if n == 0 {
		r.filters.keep(r, bucket, &p)
	}
	more = r.scan(&p, hash, from, yield)
	return p.last, more, closer.Close()
}

// scan yields the numbers of hash from from on that a part of its bucket holds, and reports whether the caller wants more.
func (r *run) scan(p *part, hash, from uint64, yield func(uint64) bool) bool {
	b := r.bucketBits()
	want := makeEntry(hash, 0, b)
	mask := uint64(1)<<(numberBits+b) - 1
	for e := p.entries; len(e) >= 8; e = e[8:] {
		d := binary.BigEndian.Uint64(e) ^ want // where the hash bits are equal, the relative number
		if d > mask {
			continue
		}
		if number := r.first + d; number >= from && !yield(number) {
			return false
		}
	}
	return true
}

// seekPart returns the first part, after part 0, of a bucket of several parts that may hold numbers from number from on.
func (x *Index) seekPart(r *run, hash, from uint64) (uint32, error) {
	b := r.bucketBits()
	bucket := bucketOf(hash, b)
	parts, err := x.countParts(r, bucket)
	if err != nil {
		return 0, err
	}
	var failed error
	after := sort.Search(int(parts), func(i int) bool { // the first part that begins behind from
		p, closer, err := x.getPart(r, bucket, uint32(i))
		if err != nil {
			failed = err
			return true
		}
		_, relative := splitEntry(p.at(0), bucket, b)
		failed = errors.Join(failed, closer.Close())
		return r.first+relative > from
	})
	return uint32(max(after-1, 1)), failed
}

// countParts returns how many parts a bucket has, at least 1.
func (x *Index) countParts(r *run, bucket uint32) (uint32, error) {
	if r.file != nil {
		return r.file.parts(bucket), nil
	}
	it, err := x.db.NewIter(&pebble.IterOptions{
		LowerBound: appendPartKey(nil, r.id, bucket, 0),
		UpperBound: appendPartKey(nil, r.id, bucket+1, 0),
	})
	if err != nil {
		return 0, fmt.Errorf("digest index: run %d: %w", r.id, corrupt(err))
	}
	var n uint32
	if it.Last() {
		_, _, n, err = parsePartKey(it.Key())
	}
	if err := errors.Join(err, it.Close()); err != nil {
		return 0, fmt.Errorf("digest index: run %d: bucket %d: %w", r.id, bucket, corrupt(err))
	}
	return n + 1, nil
}
