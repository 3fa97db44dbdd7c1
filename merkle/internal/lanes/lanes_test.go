package lanes

import (
	"bytes"
	"crypto/sha256"
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

// TestHashPairs compares the package's function with the format.
func TestHashPairs(t *testing.T) {
	src := random(rand.New(rand.NewPCG(1, 2)), 2*100*Size)
	dst := make([]byte, 100*Size)
	if HashPairs(dst, src, 5); !bytes.Equal(dst, naive(src, 5)) {
		t.Error("wrong")
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
	for _, x := range [][3]int{{32, 64, 0}, {32, 64, 2}, {32, 65, 1}, {31, 62, 1}, {32, 32 << 5, 5}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d bytes into %d by %d levels: no panic", x[1], x[0], x[2])
				}
			}()
			Default().Reduce(make([]byte, x[0]), make([]byte, x[1]), 1, x[2])
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
