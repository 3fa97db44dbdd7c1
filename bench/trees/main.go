// Command trees compares how fast trees are built: by package merkle with each of its kernels, by a plain loop over
// crypto/sha256, and by gohashtree, on this machine, in this minute.
//
// All contestants run in turn, again and again, for some milliseconds at least each time, so that a busy neighbour
// slows them all. Measured is processor time on Linux, wall time for those of several goroutines. The ratio to crypto/sha256 is
// the median over turns of the ratio within a turn, with quartiles; the time is the median, and beside it the best tenth.
// Leaves are in memory, digests of 32 bytes; one goroutine unless said. Of processes, each builds trees of its own, so
// that they share nothing but the machine; their rates together are what several goroutines could reach at best. The ratio to
// one goroutine says how much several give.
//
//	go run .            # compares
//	go run . -leaves 30 # builds one tree over 2^30 leaves, made on the way
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
)

func main() {
	turns := flag.Int("turns", 41, "how often each contestant runs")
	large := flag.Int("leaves", 0, "build one tree over 2 to the power of this many leaves instead")
	helper := flag.Int("helper", 0, "build trees over 2 to the power of this many leaves whenever standard input has a byte")
	flag.Parse()
	runtime.LockOSThread() // for its clock
	var err error
	switch {
	case *helper > 0:
		err = help(*helper)
	case *large > 0:
		err = build(uint64(1) << *large)
	default:
		for _, lg := range []int{10, 16, 18, 20} {
			if err = compare(lg, *turns); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		panic("no result")
	}
}

// A contestant builds trees over the same leaves and returns their root.
type contestant struct {
	name  string
	build func() merkle.Digest
	clock func() time.Duration
	trees int       // that one call builds
	times []float64 // nanoseconds a node, one a turn
}

// makeLeaves returns 2^lg leaves.
func makeLeaves(lg int) []merkle.Digest {
	leaves := make([]merkle.Digest, 1<<lg)
	rng := rand.NewChaCha8([32]byte{1})
	for i := range leaves {
		_, _ = rng.Read(leaves[i][:])
	}
	return leaves
}

// contestants returns who builds trees over 2^lg leaves within this process.
func contestants(lg int) []*contestant {
	leaves := makeLeaves(lg)
	n := len(leaves)
	var list merkle.Leaves
	plain, plainScratch := make([][32]byte, n), make([][32]byte, n/2)
	for i := range leaves {
		list.Append(leaves[i].Imprint())
		plain[i] = leaves[i]
	}
	scratch := make([]merkle.Digest, n/2)
	var all []*contestant
	add := func(name string, clock func() time.Duration, f func() merkle.Digest) {
		all = append(all, &contestant{name: name, build: f, clock: clock, trees: 1})
	}
	add("stdlib", threadTime, func() merkle.Digest { return stdlibTree(scratch, leaves) })
	for _, kernel := range []string{"avx512", "shani", "avx2", "sha2", "stdlib"} {
		if merkle.UseKernel(kernel) != nil {
			continue
		}
		add("jurat/kernel="+kernel, threadTime, func() merkle.Digest {
			_ = merkle.UseKernel(kernel) // it did not fail above
			return juratInPieces(&list)
		})
	}
	if lg > 16 {
		for workers := 1; workers <= runtime.NumCPU(); workers *= 2 {
			add(fmt.Sprintf("jurat/goroutines=%d", workers), wallTime, func() merkle.Digest {
				// A goroutine that waits on a thread of its own has another thread woken, often on the processor that works already.
				runtime.UnlockOSThread()
				defer runtime.LockOSThread()
				_ = merkle.UseKernel("")
				return jurat(leaves, workers)
			})
		}
	}
	add("gohashtree", threadTime, func() merkle.Digest { return hashtree(plainScratch, plain) })
	add("gohashtree/forced=avx512", threadTime, func() merkle.Digest { return hashtreeWide(plainScratch, plain) })
	return all
}

// compare prints how long everyone takes for 2^lg leaves.
func compare(lg, turns int) (err error) {
	all := contestants(lg)
	if processes := runtime.NumCPU(); lg > 16 && processes > 1 {
		c, end, err := helped(lg, processes)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end()) }()
		all = append(all, c)
	}
	nodes := 1<<lg - 1
	roots := map[merkle.Digest][]string{}
	for turn := range turns + 1 {
		for _, c := range all {
			repeat := max(1, 300_000/nodes/c.trees)
			start := c.clock()
			var root merkle.Digest
			for range repeat {
				root = c.build()
			}
			took := c.clock() - start
			if turn == 0 { // the caches fill, and roots are compared
				roots[root] = append(roots[root], c.name)
				continue
			}
			c.times = append(c.times, float64(took.Nanoseconds())/float64(repeat*c.trees*nodes))
		}
	}
	if len(roots) != 2 { // ours and gohashtree's
		return fmt.Errorf("2^%d leaves: roots differ: %v", lg, roots)
	}
	one := slices.IndexFunc(all, func(c *contestant) bool { return c.name == "jurat/goroutines=1" })
	for _, c := range all {
		times := slices.Sorted(slices.Values(c.times))
		std := all[0].ratios(c)
		fmt.Printf("BenchmarkTree/leaves=%d/by=%-24s %d %8.2f ns/node %8.2f ns/node-p10 %12.0f hashes/s %6.2f x-stdlib %6.2f x-stdlib-p25 %6.2f x-stdlib-p75 %6.2f x-stdlib-of-p10",
			1<<lg, c.name, turns, times[turns/2], times[turns/10], 1e9/times[turns/2], std[turns/2], std[turns/4], std[turns*3/4],
			all[0].best()/c.best())
		if one >= 0 && strings.HasPrefix(c.name, "jurat/") && !strings.Contains(c.name, "kernel") {
			r := all[one].ratios(c)
			fmt.Printf(" %6.2f x-one-goroutine %6.2f x-one-goroutine-p75 %6.2f x-one-goroutine-of-p10", r[turns/2], r[turns*3/4], all[one].best()/c.best())
		}
		fmt.Println()
	}
	fmt.Println()
	return nil
}

// best returns the time of the best tenth of turns.
func (c *contestant) best() float64 { return slices.Sorted(slices.Values(c.times))[len(c.times)/10] }

// ratios returns how many times as fast as c another one was, by turns, sorted.
func (c *contestant) ratios(other *contestant) []float64 {
	r := make([]float64, len(c.times))
	for i := range r {
		r[i] = c.times[i] / other.times[i]
	}
	slices.Sort(r)
	return r
}

// made is a source of leaves that cost little: digests of nothing, but none like another.
func made(buf []merkle.Digest, first uint64) ([]merkle.Digest, error) {
	for i := range buf {
		x := (first + uint64(i) + 1) * 0x9e3779b97f4a7c15
		d := &buf[i]
		binary.LittleEndian.PutUint64(d[0:], x)
		binary.LittleEndian.PutUint64(d[8:], ^x)
		binary.LittleEndian.PutUint64(d[16:], x^x>>29)
		binary.LittleEndian.PutUint64(d[24:], x+0xbf58476d1ce4e5b9)
	}
	return buf, nil
}

// build prints how long one large tree takes whose leaves are made on the way, and the making alone.
func build(n uint64) error {
	workers := runtime.NumCPU()
	start, cpu := time.Now(), processTime()
	done := make(chan byte, workers)
	for w := range uint64(workers) {
		go func() {
			buf := make([]merkle.Digest, 4096)
			for first := w * 4096; first < n; first += uint64(workers) * 4096 {
				_, _ = made(buf, first)
			}
			done <- buf[0][0]
		}()
	}
	for range workers {
		<-done
	}
	making, makingCPU := time.Since(start), processTime()-cpu
	start, cpu = time.Now(), processTime()
	tree, err := merkle.Build(0, n, workers, made)
	if err != nil {
		return err
	}
	root := tree.Root()
	took, tookCPU := time.Since(start), processTime()-cpu
	kept := 0
	for _, nodes := range tree.Kept() {
		kept += len(nodes)
	}
	fmt.Printf("BenchmarkBuild/leaves=%d/goroutines=%d/kernel=%s 1 %.2f s %.2f s-making-leaves-alone %.2f cpu-s %.2f cpu-s-making-leaves-alone %.0f hashes/s %d kept\n",
		n, workers, merkle.Kernel(), took.Seconds(), making.Seconds(), tookCPU.Seconds(), makingCPU.Seconds(), float64(n-1)/took.Seconds(), kept)
	fmt.Printf("root %v\n", root)
	return nil
}
