package lanes

import (
	"bytes"
	"crypto/fips140"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// each runs f with every kernel that the processor can run.
func each(t *testing.T, f func(t *testing.T, k *Kernel)) {
	for _, k := range Kernels() {
		t.Run(k.Name(), func(t *testing.T) {
			if !k.Available() {
				t.Skip("this processor cannot run it")
			}
			f(t, k)
		})
	}
}

// TestRequired fails if a kernel that LANES_REQUIRE names did not take part: so nobody believes that it was tested.
func TestRequired(t *testing.T) {
	for _, name := range strings.FieldsFunc(os.Getenv("LANES_REQUIRE"), func(r rune) bool { return r == ',' }) {
		if _, err := choose(name, false); err != nil {
			t.Error(err)
		}
	}
}

// TestEnvironment checks that the kernel which LANES names is the one in use.
func TestEnvironment(t *testing.T) {
	if name := os.Getenv("LANES"); name != "" && Default().Name() != name {
		t.Errorf("default is %s", Default().Name())
	}
}

// TestPairs compares every count up to three times the width of a kernel with the format, apart and in place, and looks
// for writes outside of dst.
func TestPairs(t *testing.T) {
	each(t, func(t *testing.T, k *Kernel) {
		rng := rand.New(rand.NewPCG(1, 3))
		for n := range max(3*k.Width(), 40) + 1 {
			level := byte(rng.Uint32())
			src := random(rng, 2*n*Size)
			want := naive(src, level)
			dst := random(rng, n*Size+7)
			tail := bytes.Clone(dst[n*Size:])
			before := bytes.Clone(src)
			k.HashPairs(dst[:n*Size:n*Size], src, level)
			if !bytes.Equal(dst[:n*Size], want) || !bytes.Equal(dst[n*Size:], tail) || !bytes.Equal(src, before) {
				t.Fatalf("%d nodes at level %d: apart", n, level)
			}
			k.HashPairs(src[:n*Size], src, level)
			if !bytes.Equal(src[:n*Size], want) || !bytes.Equal(src[n*Size:], before[n*Size:]) {
				t.Fatalf("%d nodes at level %d: in place", n, level)
			}
		}
	})
}

// TestLongPairs hashes more than assembly does in one call.
func TestLongPairs(t *testing.T) {
	src := random(rand.New(rand.NewPCG(1, 5)), 3*maxCall+14*Size)
	want := naive(src, 3)
	each(t, func(t *testing.T, k *Kernel) {
		dst := bytes.Clone(src)
		k.HashPairs(dst[:len(src)/2], dst, 3)
		if !bytes.Equal(dst[:len(src)/2], want) || !bytes.Equal(dst[len(src)/2:], src[len(src)/2:]) {
			t.Error("wrong")
		}
	})
}

// TestReduce compares trees of every height, and every count of them around the width of a kernel, with the format.
func TestReduce(t *testing.T) {
	each(t, func(t *testing.T, k *Kernel) {
		rng := rand.New(rand.NewPCG(1, 6))
		for height := 1; height <= MaxHeight; height++ {
			all := random(rng, (2*k.Width()+3)*Size<<height)
			level := byte(rng.Uint32())
			want := all
			for h := range height {
				want = naive(want, level+byte(h))
			}
			for n := range 2*k.Width() + 4 {
				src := bytes.Clone(all[:n*Size<<height])
				dst := random(rng, n*Size+7)
				tail := bytes.Clone(dst[n*Size:])
				k.Reduce(dst[:n*Size:n*Size], src, level, height)
				if !bytes.Equal(dst[:n*Size], want[:n*Size]) || !bytes.Equal(dst[n*Size:], tail) || !bytes.Equal(src, all[:len(src)]) {
					t.Fatalf("%d trees of height %d", n, height)
				}
			}
		}
	})
}

// TestBits flips every bit of a node's message in turn, in every lane: each must matter, as it does to the format.
func TestBits(t *testing.T) {
	each(t, func(t *testing.T, k *Kernel) {
		const bits = 8 * 2 * Size
		src := bytes.Repeat(random(rand.New(rand.NewPCG(1, 7)), 2*Size), bits)
		for i := range bits {
			src[i*2*Size+i/8] ^= 1 << (i % 8)
		}
		for level := range 256 {
			if testing.Short() && level%16 > 0 {
				continue
			}
			dst := make([]byte, len(src)/2)
			k.HashPairs(dst, src, byte(level))
			if !bytes.Equal(dst, naive(src, byte(level))) {
				t.Fatalf("level %d", level)
			}
		}
	})
}

// TestConcurrent hashes on many goroutines at once: kernels may share no memory.
func TestConcurrent(t *testing.T) {
	each(t, func(t *testing.T, k *Kernel) {
		var wg sync.WaitGroup
		for seed := range uint64(8) {
			wg.Go(func() {
				src := random(rand.New(rand.NewPCG(seed, 8)), 77*Size<<2)
				want := naive(naive(src, 1), 2)
				for range 50 {
					dst := make([]byte, 77*Size)
					if k.Reduce(dst, src, 1, 2); !bytes.Equal(dst, want) {
						t.Error("wrong")
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestChoose(t *testing.T) {
	for _, k := range Kernels() {
		got, err := choose(k.Name(), false)
		if (err == nil) != k.Available() || err == nil && got != k {
			t.Errorf("%s: %v, %v", k.Name(), got, err)
		}
		if got, err := choose(k.Name(), true); (err == nil) != (k == stdlib) || err == nil && got != stdlib {
			t.Errorf("%s in FIPS mode: %v, %v", k.Name(), got, err)
		}
	}
	if k, err := choose("", true); k != stdlib || err != nil {
		t.Errorf("best in FIPS mode: %v, %v", k, err)
	}
	if k, err := choose("", false); err != nil || !k.Available() {
		t.Errorf("best: %v, %v", k, err)
	}
	if _, err := choose("sse9", false); err == nil || !strings.Contains(err.Error(), "stdlib") {
		t.Errorf("a kernel that does not exist: %v", err)
	}
	before := Default()
	if err := Use("sse9"); err == nil || Default() != before {
		t.Errorf("after an error the default is %s, it was %s", Default().Name(), before.Name())
	}
	if err := Use(before.Name()); err != nil || Default() != before {
		t.Errorf("Use(%q): %v, default %s", before.Name(), err, Default().Name())
	}
}

// TestFIPS asks a process in FIPS 140 mode, which cannot be entered later, what it hashes with.
func TestFIPS(t *testing.T) {
	if fips140.Enabled() {
		if Default() != stdlib {
			t.Errorf("default is %s", Default().Name())
		}
		if err := Use(kernels[0].name); err == nil && kernels[0] != stdlib {
			t.Errorf("%s is accepted", kernels[0].name)
		}
		return
	}
	if kernels[0] == stdlib {
		t.Skip("there is no other kernel here")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "LANES=")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS: TestFIPS")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// FuzzKernels compares all kernels on what the fuzzer thinks up, as pairs and as trees.
func FuzzKernels(f *testing.F) {
	f.Add([]byte("two digests, or as many as the bytes of this are stretched to"), byte(1), uint8(70), uint8(2))
	f.Fuzz(func(t *testing.T, seed []byte, level byte, count, height uint8) {
		h := 1 + int(height)%MaxHeight
		src := make([]byte, int(count)*Size<<h)
		for i := range src {
			if len(seed) > 0 {
				src[i] = seed[i%len(seed)] + byte(i/len(seed))
			}
		}
		want := src
		for i := range h {
			want = naive(want, level+byte(i))
		}
		for _, k := range Kernels() {
			if !k.Available() {
				continue
			}
			dst := make([]byte, len(want))
			if k.Reduce(dst, src, level, h); !bytes.Equal(dst, want) {
				t.Fatalf("%s: %d trees of height %d", k.Name(), count, h)
			}
		}
	})
}

func BenchmarkHashPairs(b *testing.B) {
	for _, n := range []int{1, 4, 12, 32, 1024} {
		for _, k := range Kernels() {
			b.Run(fmt.Sprintf("nodes=%d/kernel=%s", n, k.Name()), func(b *testing.B) {
				if !k.Available() {
					b.Skip("this processor cannot run it")
				}
				src := random(rand.New(rand.NewPCG(1, 4)), 2*n*Size)
				dst := make([]byte, n*Size)
				b.ReportAllocs()
				for b.Loop() {
					k.HashPairs(dst, src, 1)
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
			})
		}
	}
}
