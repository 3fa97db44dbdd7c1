package largepage

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"
)

// Blocks that are out at one time are apart, whatever the order in which they are put back.
func TestPool(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const size = 100
	p := NewPool(size, 3)
	var out []Block
	for i := range 3000 {
		if r.IntN(40) < 20+len(out) && len(out) > 0 {
			k := r.IntN(len(out))
			for _, b := range out[k].Bytes {
				if b != out[k].Bytes[0] {
					t.Fatalf("step %d: a block was written to by another", i)
				}
			}
			p.Put(out[k])
			out = append(out[:k], out[k+1:]...)
			continue
		}
		b := p.Get()
		if len(b.Bytes) != size || cap(b.Bytes) != size {
			t.Fatalf("step %d: %d bytes with room for %d", i, len(b.Bytes), cap(b.Bytes))
		}
		for k := range b.Bytes {
			b.Bytes[k] = byte(i)
		}
		out = append(out, b)
	}
}

// A few blocks that are in use, and given back in their order, take a few slabs, however often memory is collected.
func TestPoolCollected(t *testing.T) {
	const blocks = 4
	p := NewPool(1<<10, blocks)
	var out []Block
	for range 50 {
		out = append(out, p.Get())
		if len(out) > 2*blocks {
			p.Put(out[0])
			out = out[1:]
		}
		runtime.GC()
		slabs := map[*slab]bool{}
		for _, b := range out {
			slabs[b.slab] = true
		}
		if len(slabs) > 3 {
			t.Fatalf("%d blocks in %d slabs of %d", len(out), len(slabs), blocks)
		}
	}
	if at := uintptr(unsafe.Pointer(unsafe.SliceData(p.slab.memory))); runtime.GOOS == "linux" && at%Size != 0 {
		t.Errorf("a slab at %#x", at)
	}
}
