package index

import (
	"context"
	"fmt"
)

// checkBlock is how many consecutive numbers Check compares by one sum, and how many hashes it asks for at once.
const checkBlock = 1 << 16

// Check reads the whole index and compares it with the leaves: every number below the cursor must be there exactly once,
// with the hash of its leaf, in the right bucket and in order. leaves must fill hashes with the hashes (see Hash) of the
// leaves first, first+1, …; it is asked for them once in ascending order, and again for the block in which a difference
// is. Check takes 8 bytes of memory for 65,536 leaves. It returns the first difference as an error that wraps
// ErrCorrupt, or the error of leaves or of ctx as it is.
func (x *Index) Check(ctx context.Context, leaves func(first uint64, hashes []uint64) error) error {
	v := x.acquire()
	defer x.release(v)
	for i := range v.runs {
		if err := x.checkRun(ctx, &v.runs[i], leaves); err != nil {
			return err
		}
	}
	return nil
}

// checkRun compares, for each block of numbers, the sum of a fingerprint of all entries that the run holds with that of
// all entries it should hold. Sums do not depend on order, so both sides are read in the order they are stored in.
func (x *Index) checkRun(ctx context.Context, r *run, leaves func(uint64, []uint64) error) error {
	sums := make([]uint64, (r.n+checkBlock-1)/checkBlock)
	err := x.walk(ctx, r, func(hash, relative uint64) {
		sums[relative/checkBlock] += x.fingerprint(hash, relative)
	})
	if err != nil {
		return err
	}
	hashes := make([]uint64, min(r.n, checkBlock))
	for i, sum := range sums {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		start := uint64(i) * checkBlock
		hashes = hashes[:min(r.n-start, checkBlock)]
		if err := leaves(r.first+start, hashes); err != nil {
			return err
		}
		for k, h := range hashes {
			sum -= x.fingerprint(storedBits(h), start+uint64(k))
		}
		if sum != 0 {
			return x.locate(ctx, r, start, hashes)
		}
	}
	return nil
}

// fingerprint mixes a hash and a number into 64 bits, by multiplications and shifts as in splitmix64, under the key of the
// index: different sets of entries have the same sum of fingerprints by accident alone.
func (x *Index) fingerprint(hash, relative uint64) uint64 {
	h := mix(hash ^ x.key.k0)
	return mix(h + relative*0x9e3779b97f4a7c15 + x.key.k1)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// storedBits returns the bits of a hash that the index keeps.
func storedBits(hash uint64) uint64 { return hash >> numberBits << numberBits }

// locate names the first leaf of the block at start whose entry is missing, wrong or double.
func (x *Index) locate(ctx context.Context, r *run, start uint64, hashes []uint64) error {
	found := make([]int, len(hashes))
	right := make([]bool, len(hashes))
	err := x.walk(ctx, r, func(hash, relative uint64) {
		if i := relative - start; relative >= start && i < uint64(len(hashes)) {
			found[i]++
			right[i] = hash == storedBits(hashes[i])
		}
	})
	if err != nil {
		return err
	}
	for i, n := range found {
		number := r.first + start + uint64(i)
		switch {
		case n != 1:
			return fmt.Errorf("digest index: leaf %d: %d entries in run %d instead of 1: %w", number, n, r.id, ErrCorrupt)
		case !right[i]:
			return fmt.Errorf("digest index: leaf %d: filed in run %d under another digest: %w", number, r.id, ErrCorrupt)
		}
	}
	return fmt.Errorf("digest index: run %d: leaves from %d: the sum of entries differs from one read to the next: %w",
		r.id, r.first+start, ErrCorrupt)
}

// walk calls visit for every entry of a run, in stored order, with the stored bits of its hash and its relative number.
// It checks that all parts are there, all numbers are of the run, and those of a bucket ascend.
func (x *Index) walk(ctx context.Context, r *run, visit func(hash, relative uint64)) error {
	in, err := x.newReader(r)
	if err != nil {
		return fmt.Errorf("digest index: %w", err)
	}
	defer func() { _ = in.it.Close() }() // end has seen its error
	for bucket := uint32(0); bucket < 1<<in.b; bucket++ {
		if bucket%(ctxEntries>>numberBits) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := in.walkBucket(bucket, visit); err != nil {
			return fmt.Errorf("digest index: %w", err)
		}
	}
	if err := in.end(); err != nil {
		return fmt.Errorf("digest index: %w", err)
	}
	return nil
}

func (r *reader) walkBucket(bucket uint32, visit func(hash, relative uint64)) error {
	var next uint64 // the least number that may come
	for n, last := uint32(0), false; !last; n++ {
		p, err := r.part(bucket, n)
		if err != nil {
			return err
		}
		for i := range p.len() {
			hash, relative := splitEntry(p.at(i), bucket, r.b)
			if relative < next || relative >= r.run.n {
				return fmt.Errorf("run %d: bucket %d: number %d after %d: %w", r.run.id, bucket, relative, next, ErrCorrupt)
			}
			next = relative + 1
			visit(hash, relative)
		}
		last = p.last
		r.next()
	}
	return nil
}
