package lanes

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
)

// naive is HashPairs written down from the format.
func naive(src []byte, level byte) []byte {
	var dst []byte
	for ; len(src) > 0; src = src[2*Size:] {
		d := sha256.Sum256(bytes.Join([][]byte{{1}, src[:Size], {1}, src[Size : 2*Size], {level}}, nil))
		dst = append(dst, d[:]...)
	}
	return dst
}

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// TestHashPairs compares all counts up to 100 with the format, apart and in place, and looks for writes outside dst.
func TestHashPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	for n := range 101 {
		level := byte(rng.Uint32())
		src := random(rng, 2*n*Size)
		want := naive(src, level)
		dst := random(rng, n*Size+7)
		tail := bytes.Clone(dst[n*Size:])
		before := bytes.Clone(src)
		HashPairs(dst[:n*Size], src, level)
		if !bytes.Equal(dst[:n*Size], want) || !bytes.Equal(dst[n*Size:], tail) || !bytes.Equal(src, before) {
			t.Fatalf("%d nodes at level %d: apart", n, level)
		}
		HashPairs(src[:n*Size], src, level)
		if !bytes.Equal(src[:n*Size], want) || !bytes.Equal(src[n*Size:], before[n*Size:]) {
			t.Fatalf("%d nodes at level %d: in place", n, level)
		}
	}
}

func TestLengths(t *testing.T) {
	for _, x := range [][2]int{{32, 32}, {32, 63}, {32, 96}, {31, 62}, {0, 64}, {64, 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d bytes into %d: no panic", x[1], x[0])
				}
			}()
			HashPairs(make([]byte, x[0]), make([]byte, x[1]), 1)
		}()
	}
}

func TestFlat(t *testing.T) {
	type digest [Size]byte
	if b := Flat[digest](nil); len(b) != 0 {
		t.Errorf("nothing is %d bytes", len(b))
	}
	digests := []digest{{1}, {2}, {31: 3}}
	b := Flat(digests[1:])
	if len(b) != 2*Size || b[0] != 2 || b[2*Size-1] != 3 {
		t.Errorf("%x", b)
	}
	b[0] = 9
	if digests[1][0] != 9 {
		t.Error("a copy")
	}
}

func BenchmarkHashPairs(b *testing.B) {
	for _, n := range []int{1, 32, 1024} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			src := random(rand.New(rand.NewPCG(1, 4)), 2*n*Size)
			dst := make([]byte, n*Size)
			b.ReportAllocs()
			for b.Loop() {
				HashPairs(dst, src, 1)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
		})
	}
}
