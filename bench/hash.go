package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/bits"
	"sync"
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
		for _, threads := range []uint64{1, 2} {
			contenders = append(contenders, b.threads(n, threads))
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

// flight is how many leaves a thread makes at a time when it does so meanwhile: its cache holds them.
const flight = 1 << 14

// threads is a contender that builds one tree with some threads, a power of two: each has a subtree of its own.
func (b *Bench) threads(n, threads uint64) Contender {
	name := fmt.Sprintf("%d-thread", threads)
	return Contender{name, func(context.Context, int) (map[string]float64, string, error) {
		share := n / threads
		builders := make([]subtree, threads)
		for i := range builders {
			builders[i] = subtree{stream: stream.Stream(b.Seed), first: uint64(i) * share, n: share}
			if n < onTheFly {
				builders[i].prepare()
			}
		}
		seconds := b.Seconds
		if n >= onTheFly {
			seconds = 0
		}
		var root merkle.Digest
		times, took := repeat(seconds, func() {
			var wg sync.WaitGroup
			for i := range builders {
				wg.Go(func() { builders[i].build(func(done uint64) { b.far(name, i, done, share) }) })
			}
			wg.Wait()
			root = join(builders)
		})
		var making time.Duration
		for i := range builders {
			making += builders[i].making / time.Duration(threads)
		}
		values := rates(n, uint64(times)*n, took-making)
		if making > 0 {
			values["make-ns/leaf"] = float64(making.Nanoseconds()) / float64(n)
			values["total-s"] = took.Seconds()
		}
		return values, root.String(), nil
	}}
}

// far reports how far the first thread is.
func (b *Bench) far(name string, thread int, done, total uint64) {
	if thread == 0 {
		b.Progress("tree/by="+name, int64(done), int64(total))
	}
}

// A subtree is one thread's part of a tree.
type subtree struct {
	stream   stream.Stream
	first, n uint64
	leaves   *merkle.Leaves // nil if they are made meanwhile
	root     merkle.Digest
	making   time.Duration // what making leaves took during the last build
	_        [64]byte      // another thread's part is on another cache line
}

// prepare makes the leaves beforehand.
func (s *subtree) prepare() {
	digests := make([]byte, s.n*stream.Size)
	s.stream.Fill(digests, s.first)
	s.leaves = new(merkle.Leaves)
	s.leaves.AppendDigests(merkle.SHA256, digests)
}

func (s *subtree) build(progress func(done uint64)) {
	if s.leaves != nil {
		s.root = rootOf(s.leaves)
		return
	}
	s.making = 0
	digests := make([]byte, min(flight, s.n)*stream.Size)
	var leaves merkle.Leaves
	t := merkle.NewTree(0)
	for i := uint64(0); i < s.n; i += flight {
		start := time.Now()
		s.stream.Fill(digests, s.first+i)
		leaves.Reset()
		leaves.AppendDigests(merkle.SHA256, digests)
		s.making += time.Since(start)
		t.Append(&leaves)
		if i%(flight<<10) == 0 {
			progress(i)
		}
	}
	s.root = digestOf(t.Root())
}

// join returns the root over the subtrees, whose number and sizes are powers of two.
func join(parts []subtree) merkle.Digest {
	level := merkle.Level(bits.Len64(parts[0].n))
	nodes := make([]merkle.Digest, len(parts))
	for i := range parts {
		nodes[i] = parts[i].root
	}
	for ; len(nodes) > 1; level++ {
		for i := range len(nodes) / 2 {
			nodes[i] = merkle.HashNode(nodes[2*i].Imprint(), nodes[2*i+1].Imprint(), level)
		}
		nodes = nodes[:len(nodes)/2]
	}
	return nodes[0]
}
