package index

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// checkBlock is how many consecutive numbers a Check compares by one sum.
const checkBlock = 1 << 16

// checkEntries is about how many entries one goroutine of a Check reads at once.
const checkEntries = 1 << 22

// A Check compares the index as it stands when the check is made with the leaves: every number below its cursor must be there
// exactly once, with the hash of its leaf, in the right bucket and in order. First Add is told of the leaves, in any order;
// then Compare reads the index. It takes 8 bytes of memory for 65,536 leaves.
type Check struct {
	x    *Index
	view *view
	sums [][]atomic.Uint64 // by run and block: of the fingerprints of leaves, less those of entries
}

// NewCheck begins a check. Close must be called.
func (x *Index) NewCheck() *Check {
	c := &Check{x: x, view: x.acquire()}
	for i := range c.view.runs {
		c.sums = append(c.sums, make([]atomic.Uint64, (c.view.runs[i].n+checkBlock-1)/checkBlock))
	}
	return c
}

// Close ends a check.
func (c *Check) Close() { c.x.release(c.view) }

// Cursor returns the number of the first leaf that is not indexed.
func (c *Check) Cursor() uint64 { return c.view.cursor() }

// Hash returns the hash under which the index files a digest.
func (c *Check) Hash(digest []byte) uint64 { return c.x.Hash(digest) }

// HashAll fills hashes as Index.HashAll does.
func (c *Check) HashAll(hashes []uint64, digests []byte, size int) {
	c.x.HashAll(hashes, digests, size)
}

// Add tells of the hashes of leaves first, first+1, …. It must be told of each leaf below the cursor once; others do not matter.
// Many goroutines may call it.
func (c *Check) Add(first uint64, hashes []uint64) {
	if first >= c.Cursor() {
		return
	}
	hashes = hashes[:min(uint64(len(hashes)), c.Cursor()-first)]
	i, _ := slices.BinarySearchFunc(c.view.runs, first, func(r run, n uint64) int {
		if r.end() <= n {
			return -1
		}
		return 1
	})
	for ; len(hashes) > 0; i++ {
		r := &c.view.runs[i]
		relative := first - r.first
		n := min(uint64(len(hashes)), r.n-relative)
		for k := uint64(0); k < n; {
			block := (relative + k) / checkBlock
			sum := uint64(0)
			for ; k < n && (relative+k)/checkBlock == block; k++ {
				sum += c.x.fingerprint(storedBits(hashes[k]), relative+k)
			}
			c.sums[i][block].Add(sum)
		}
		first, hashes = first+n, hashes[n:]
	}
}

// Compare compares the index with the leaves, which Add must have been told of, with as many goroutines as there are
// processors. Where there is a difference it asks leaves to fill hashes with the hashes of the leaves first, first+1, … again.
// It returns the first difference as an error that wraps ErrCorrupt, or the error of leaves or of ctx as it is.
func (c *Check) Compare(ctx context.Context, leaves func(first uint64, hashes []uint64) error) error {
	parts := c.parts()
	errs := make([]error, len(parts))
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(parts)) && !failed.Load(); i = next.Add(1) - 1 {
				if errs[i] = c.subtract(ctx, parts[i]); errs[i] != nil {
					failed.Store(true) // those before are under way
				}
			}
		})
	}
	wg.Wait()
	for i, p := range parts {
		if errs[i] != nil {
			return errs[i]
		}
		if i == len(parts)-1 || parts[i+1].run != p.run {
			if err := c.compareRun(ctx, p.run, leaves); err != nil {
				return err
			}
		}
	}
	return nil
}

// A checkPart is the buckets from from to to, not including that, of a run.
type checkPart struct {
	run      int
	from, to uint32
}

// parts cuts runs into what one goroutine reads at once, in order.
func (c *Check) parts() (parts []checkPart) {
	for i := range c.view.runs {
		r := &c.view.runs[i]
		buckets := uint32(1) << r.bucketBits()
		step := uint32(max(1, uint64(buckets)*checkEntries/max(r.n, checkEntries)))
		for from := uint32(0); from < buckets; from += step {
			parts = append(parts, checkPart{i, from, min(from+step, buckets)})
		}
	}
	return parts
}

// subtract takes the fingerprints of the entries of a part off the sums.
func (c *Check) subtract(ctx context.Context, p checkPart) error {
	sums := make([]uint64, len(c.sums[p.run]))
	err := c.x.walk(ctx, &c.view.runs[p.run], p.from, p.to, func(hash, relative uint64) {
		sums[relative/checkBlock] += c.x.fingerprint(hash, relative)
	})
	for i, sum := range sums {
		c.sums[p.run][i].Add(-sum)
	}
	return err
}

// compareRun finds blocks of a run whose sums differ. Sums do not depend on order, so both sides are read in the order they are
// stored in.
func (c *Check) compareRun(ctx context.Context, i int, leaves func(uint64, []uint64) error) error {
	r := &c.view.runs[i]
	for k := range c.sums[i] {
		if c.sums[i][k].Load() == 0 {
			continue
		}
		start := uint64(k) * checkBlock
		hashes := make([]uint64, min(r.n-start, checkBlock))
		if err := leaves(r.first+start, hashes); err != nil {
			return err
		}
		return c.x.locate(ctx, r, start, hashes)
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
	err := x.walk(ctx, r, 0, 1<<r.bucketBits(), func(hash, relative uint64) {
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

// walk calls visit for every entry of some buckets of a run, in stored order, with the stored bits of its hash and its relative
// number. It checks that all parts are there and no others, all numbers are of the run, and those of a bucket ascend.
func (x *Index) walk(ctx context.Context, r *run, from, to uint32, visit func(hash, relative uint64)) error {
	in, err := x.newReader(r)
	if err != nil {
		return fmt.Errorf("digest index: %w", err)
	}
	defer func() { _ = in.it.Close() }() // end has seen its error
	if from > 0 {
		in.seek(from)
	}
	for bucket := from; bucket < to; bucket++ {
		if bucket%(ctxEntries>>numberBits) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := in.walkBucket(bucket, visit); err != nil {
			return fmt.Errorf("digest index: %w", err)
		}
	}
	if to < 1<<in.b {
		_, err = in.part(to, 0)
	} else {
		err = in.end()
	}
	if err != nil {
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
