package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/merkle"
)

// Kernel compares the tree builder, one thread, leaves in memory, with a loop over crypto/sha256 that makes the same
// nodes, and with rivals: on a tree that the caches hold, and on larger ones.
func (b *Bench) Kernel(ctx context.Context, maxLeaves uint64, rivals ...Rival) error {
	for n := uint64(1 << 10); n <= maxLeaves; n <<= 3 {
		digests := make([]byte, n*stream.Size)
		stream.Stream(b.Seed).Fill(digests, 0)
		var leaves merkle.Leaves
		leaves.AppendDigests(merkle.SHA256, digests)
		scratch := make([]byte, len(digests)/2)
		contenders := []Contender{b.builder("stdlib", n, func() merkle.Digest { return standardRoot(scratch, digests) })}
		for _, r := range rivals {
			build, err := r.Prepare(digests)
			if err != nil {
				return fmt.Errorf("%s: %w", r.Name, err)
			}
			contenders = append(contenders, b.rival(r.Name, n, build))
		}
		for _, name := range kernels() {
			contenders = append(contenders, b.builder("merkle-"+name, n, func() merkle.Digest {
				defer useKernel(merkle.Kernel())
				useKernel(name)
				return rootOf(&leaves)
			}))
		}
		if err := b.Alternate(ctx, fmt.Sprintf("kernel/leaves=%d", n), contenders...); err != nil {
			return err
		}
	}
	return nil
}

// kernels returns the names of those that the processor can run.
func kernels() (names []string) {
	defer useKernel(merkle.Kernel())
	for _, name := range []string{"avx512", "shani", "avx2", "sha2", "stdlib"} {
		if merkle.UseKernel(name) == nil {
			names = append(names, name)
		}
	}
	return names
}

// useKernel chooses a kernel that is known to run here.
func useKernel(name string) {
	if err := merkle.UseKernel(name); err != nil {
		panic(err)
	}
}

// A Rival builds a tree of another shape of nodes over the same leaves.
type Rival struct {
	// Name is the contender's name.
	Name string
	// Prepare gets ready for leaves, 32 bytes each, a power of two of them, and sees to it that what build makes of them is
	// right. build must not change them.
	Prepare func(leaves []byte) (build func(), err error)
}

func (b *Bench) rival(name string, n uint64, build func()) Contender {
	return Contender{name, func(context.Context, int) (map[string]float64, string, error) {
		times, took := repeat(b.Seconds, build)
		return rates(n, uint64(times)*n, took), "", nil
	}}
}

// builder is a contender that builds a tree over n leaves, again and again.
func (b *Bench) builder(name string, n uint64, build func() merkle.Digest) Contender {
	return Contender{name, func(context.Context, int) (map[string]float64, string, error) {
		var root merkle.Digest
		times, took := repeat(b.Seconds, func() { root = build() })
		return rates(n, uint64(times)*n, took), root.String(), nil
	}}
}

// rates returns the speed of building trees of n leaves, of all of them together in the time took.
func rates(n, all uint64, took time.Duration) map[string]float64 {
	trees := all / n
	return map[string]float64{
		"hashes/s": float64(trees*(n-1)) / took.Seconds(),
		"ns/leaf":  float64(took.Nanoseconds()) / float64(all),
	}
}

// piece is how many leaves are handed to a tree at once: what a group commit holds.
const piece = 1024

// rootOf builds a tree over leaves, which are 2 at least, as the ledger does.
func rootOf(leaves *merkle.Leaves) merkle.Digest {
	t := merkle.NewTree(0)
	n := leaves.Len()
	for i := 0; i < n; i += piece {
		some := leaves.Slice(i, min(n, i+piece))
		t.Append(&some)
	}
	return digestOf(t.Root())
}

func digestOf(root merkle.Imprint) merkle.Digest { return merkle.Digest(root.Digest()) }

// standardRoot builds the same tree with crypto/sha256 alone, level by level in scratch, which must be half as long as
// leaves. Their number must be a power of two.
func standardRoot(scratch, leaves []byte) merkle.Digest {
	var message [2*merkleImprint + 1]byte
	message[0], message[merkleImprint] = byte(merkle.SHA256), byte(merkle.SHA256)
	for level, src := byte(1), leaves; len(src) > stream.Size; level++ {
		message[len(message)-1] = level
		for i := 0; i < len(src); i += 2 * stream.Size {
			copy(message[1:], src[i:i+stream.Size])
			copy(message[1+merkleImprint:], src[i+stream.Size:i+2*stream.Size])
			node := sha256.Sum256(message[:])
			copy(scratch[i/2:], node[:])
		}
		src = scratch[:len(src)/2]
	}
	return merkle.Digest(scratch[:stream.Size])
}

// merkleImprint is the size of the imprint of a SHA-256 digest.
const merkleImprint = 1 + sha256.Size

// Tree builds trees over 2^10, 2^12 … leaves, with one thread and with two. From onTheFly leaves on they are not held in
// memory: each thread makes a piece, then hashes it, and what either costs is told apart.
func (b *Bench) Tree(ctx context.Context, maxLeaves uint64) error {
	if maxLeaves < 1<<10 || maxLeaves&(maxLeaves-1) != 0 {
		return fmt.Errorf("%d leaves: give a power of two, 1024 at least", maxLeaves)
	}
	for n := uint64(1 << 10); ; n = min(n<<2, maxLeaves) {
		var contenders []Contender
		for _, threads := range []int{1, 2} {
			contenders = append(contenders, b.threads(n, threads, n < onTheFly))
		}
		if err := b.Alternate(ctx, fmt.Sprintf("tree/leaves=%d", n), contenders...); err != nil {
			return err
		}
		if n == maxLeaves {
			return nil
		}
	}
}

// onTheFly is from how many leaves on trees are built from leaves made meanwhile: 512 MiB of them.
const onTheFly = 1 << 24

// threads is a contender that builds one tree with some threads, of leaves that are held in memory or made meanwhile.
func (b *Bench) threads(n uint64, threads int, held bool) Contender {
	name := fmt.Sprintf("%d-thread", threads)
	return Contender{name, func(context.Context, int) (map[string]float64, string, error) {
		leaves := stream.Stream(b.Seed)
		var made, making atomic.Int64 // leaves; nanoseconds of all threads together
		source := func(buf []merkle.Digest, first uint64) ([]merkle.Digest, error) {
			start := time.Now()
			fill(leaves, buf, first)
			making.Add(time.Since(start).Nanoseconds())
			b.Progress("tree/by="+name, made.Add(int64(len(buf))), int64(n))
			return buf, nil
		}
		seconds := 0.0
		if held {
			seconds = b.Seconds
			all := make([]merkle.Digest, n)
			fill(leaves, all, 0)
			source = func(buf []merkle.Digest, first uint64) ([]merkle.Digest, error) { return all[first:][:len(buf)], nil }
		}
		var root merkle.Digest
		var err error
		times, took := repeat(seconds, func() {
			var t *merkle.Tree
			if t, err = merkle.Build(0, n, threads, source); err == nil {
				root = digestOf(t.Root())
			}
		})
		if err != nil {
			return nil, "", err
		}
		share := time.Duration(making.Load()) / time.Duration(threads)
		values := rates(n, uint64(times)*n, took-share)
		if !held {
			values["make-ns/leaf"] = float64(share.Nanoseconds()) / float64(n)
			values["total-s"] = took.Seconds()
		}
		return values, root.String(), nil
	}}
}

// fill sets digests to those of a stream from first on.
func fill(s stream.Stream, digests []merkle.Digest, first uint64) {
	for i := range digests {
		s.Put(digests[i][:], first+uint64(i))
	}
}
