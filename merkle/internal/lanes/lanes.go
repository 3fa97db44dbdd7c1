// Package lanes hashes many equal-shaped nodes at once: whole tree levels of SHA-256 digests, pair by pair.
//
// A node message is 67 bytes: the imprint of the left child, the imprint of the right child, one level byte, where an
// imprint is the algorithm id 0x01 and 32 bytes of digest. The package knows this one shape, and of trees only that the
// parents of parents of perfect ones have it too. Digests lie flat, one after the other, 32 bytes each.
//
// # Kernels
//
// A Kernel is one implementation. They differ in speed alone: "stdlib", over crypto/sha256, is the definition, and the
// tests compare every other one with it, at every count of nodes up to three times what it hashes at once.
//
//	avx512  x86 with AVX-512 VBMI2 and SHA-NI: two interleaved vectors of 16 lanes
//	shani   x86 with SHA-NI: four interleaved nodes
//	avx2    x86: one vector of 8 lanes; for processors without SHA-NI, where it is faster than crypto/sha256
//	sha2    arm64 with the SHA-2 instructions: four interleaved nodes
//	stdlib  everywhere
//
// Default is the fastest that the processor has. LANES=name in the environment chooses another one at start, Use does while
// the program runs. Where crypto/fips140 is enabled only stdlib is allowed: the validated code. The build tag purego
// leaves assembly out.
//
// What makes them fast: the second block of a node message is constant but for its first word, so that a quarter of its
// schedule falls away; and trees are hashed several levels at a time while the words of 32 nodes stay transposed, see
// Reduce.
//
// How near to the limit: Zen 5 starts four 512-bit instructions a cycle, and those of avx512 are 6,383 for 32 nodes of a tree of
// four heights, 49.9 cycles a node. Measured are 52.5 to 53.0 with leaves in the second cache, 53.5 from memory. Unrolling
// 8 more rounds of the second block saved 0 to 0.9 % on a quiet core, but in a noisy stretch it lost 1 to 3 %. Prefetching into
// the second cache instead of the first, and leaves in pages of 2 MiB, changed nothing.
//
// A call of 32 nodes takes 1,650 cycles: 14 turns of the loop 102.5 each (101 at four instructions a cycle), the 16 light rounds
// between them 182 (146), the rest 40; bringing messages in, before every second call, 66 (43). What is left lies in the light
// rounds, which wait for rotations, of which two can start in a cycle. Tried without gain, measured in turn with what is here:
// the streams half a node apart, so that light rounds of one meet heavy ones of the other (+0.5 %); half of the next messages
// brought in beside the light rounds, where that costs 17 cycles instead of 33 but pushes buffers out of the first cache
// (±0.5 %); chains of dependence two instructions shorter for one more a round (8 cycles less for light rounds alone, none for
// trees); messages brought in a call ahead; halves of rows inserted instead of lanes shuffled (73 cycles); buffers that share no
// page offset. A random search over the order moved nothing by more than 1 %.
//
// Zen 4 carries these instructions out in halves and starts two a cycle: 99.7 cycles a node. Measured are 112 in trees, with a chain
// of multiplications for the clock, and 122 for shani; so avx512 is the faster one there too, from 30 nodes on. Four streams start one
// SHA256RNDS2 a cycle there, twice as many as on Zen 5, but the 160 other instructions of a node fill the same pipes: in any order they
// take 101 to 109 cycles with it (bench/results/20261129T055600Z-3ca8f46-zen4.txt). So a mixture of both gains little there: for rounds and
// schedule alone, with no node read or written, avx512 takes 106 cycles a node, shani at its best 98, both in one stream 93.
//
// # Assembly
//
// The .s files are written by the generator in _asm, a module of its own: go generate here, or make generate. It puts
// instructions in order itself, because order decides between 50 and 80 cycles a node: list.go there says how. Assembly
// cannot be preempted, so a call hashes at most maxCall bytes.
package lanes

//go:generate sh -c "cd _asm && go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg lanes"

import (
	"crypto/sha256"
	"fmt"
	"unsafe"
)

// Size is the size of a digest in bytes.
const Size = sha256.Size

const (
	algorithm   = 0x01              // id of SHA-256 in an imprint
	imprintSize = 1 + Size          // algorithm id, digest
	messageSize = 2*imprintSize + 1 // left child, right child, level
	maxCall     = 64 << 10          // bytes of digests that assembly reads in one call
)

// MaxHeight is how many levels Reduce hashes at most.
const MaxHeight = 4

// HashPairs is Kernel.HashPairs of the default kernel.
func HashPairs(dst, src []byte, level byte) { Default().HashPairs(dst, src, level) }

// HashPairs sets dst to the nodes over the pairs of src: node i is the SHA-256 of imprint(src[2i]) || imprint(src[2i+1])
// || level. src must be twice as long as dst. dst may start where src starts, so that a level can be replaced by the next
// one; otherwise the two must not overlap.
func (k *Kernel) HashPairs(dst, src []byte, level byte) {
	if len(dst)%Size != 0 || len(src) != 2*len(dst) {
		panic(fmt.Sprintf("lanes: %d bytes of pairs into %d bytes of nodes", len(src), len(dst)))
	}
	for len(src) > maxCall {
		k.hash(dst[:maxCall/2], src[:maxCall], level)
		dst, src = dst[maxCall/2:], src[maxCall:]
	}
	k.hash(dst, src, level)
}

// Reduce sets dst to the roots of perfect trees of a height from 1 to MaxHeight: node i is the root over digests i<<height to
// (i+1)<<height-1 of src. The nodes directly over src have level, the roots level+height-1. src must be 1<<height times as
// long as dst and must not overlap it.
//
// It is HashPairs height times over, faster: what is between stays in the cache, and the widest kernel keeps it in
// the form in which it computes.
func (k *Kernel) Reduce(dst, src []byte, level byte, height int) {
	if height < 1 || height > MaxHeight || len(dst)%Size != 0 || len(src) != len(dst)<<height {
		panic(fmt.Sprintf("lanes: %d bytes into %d by %d levels", len(src), len(dst), height))
	}
	if n := len(dst) &^ (k.width*Size - 1); k.trees && n > 0 {
		hashTrees(dst[:n], src[:n<<height], level, height)
		dst, src = dst[n:], src[n<<height:]
	}
	if len(dst) > 0 {
		k.reduceByLevel(dst, src, level, height)
	}
}

// reduceByLevel is Reduce with HashPairs, over as many trees at a time as stay in the nearest cache.
func (k *Kernel) reduceByLevel(dst, src []byte, level byte, height int) {
	var scratch [256 * Size]byte
	for len(dst) > 0 {
		take := min(len(dst), 2*len(scratch)>>height)
		nodes := src[:take<<height]
		for h := range height {
			up := scratch[:len(nodes)/2]
			if h == height-1 {
				up = dst[:take]
			}
			k.HashPairs(up, nodes, level+byte(h))
			nodes = up
		}
		dst, src = dst[take:], src[take<<height:]
	}
}

// Flat returns digests as one piece of bytes that shares their storage.
func Flat[D ~[Size]byte](digests []D) []byte {
	// An array of bytes has alignment 1 and no padding: n of them are exactly n*Size bytes in a row.
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(digests))), len(digests)*Size)
}
