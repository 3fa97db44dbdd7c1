package stream

import (
	"encoding/hex"
	"math/bits"
	"testing"
)

// The sequence is part of every result that is kept: it must not change.
func TestGolden(t *testing.T) {
	d := Stream(1).At(2)
	if got, want := hex.EncodeToString(d[:]), "bdedbe440d849a50448bc15053d2d9e186869119da02db838986542e2ff49a88"; got != want {
		t.Errorf("digest 2 of stream 1 is %s, was %s", got, want)
	}
}

func TestFill(t *testing.T) {
	const n = 1000
	all := make([]byte, n*Size)
	Stream(7).Fill(all, 5)
	seen := make(map[[Size]byte]bool)
	ones := 0
	for i := range uint64(n) {
		d := Stream(7).At(5 + i)
		if [Size]byte(all[i*Size:]) != d {
			t.Fatalf("digest %d differs", 5+i)
		}
		if seen[d] || d == Stream(8).At(5+i) {
			t.Fatalf("digest %d is not new", 5+i)
		}
		seen[d] = true
		for _, b := range d {
			ones += bits.OnesCount8(b)
		}
	}
	if half := n * Size * 8 / 2; ones < half*99/100 || ones > half*101/100 {
		t.Errorf("%d of %d bits are set", ones, 2*half)
	}
}

func BenchmarkFill(b *testing.B) {
	buf := make([]byte, 1024*Size)
	b.SetBytes(int64(len(buf)))
	var i uint64
	for b.Loop() {
		Stream(1).Fill(buf, i)
		i += 1024
	}
}
