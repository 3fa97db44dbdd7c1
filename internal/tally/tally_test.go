package tally

import (
	"slices"
	"sync"
	"testing"
)

// TestHistogram compares with counting by hand, for every small value and from many goroutines.
func TestHistogram(t *testing.T) {
	h := NewHistogram(Powers(1, 4, 3)) // 1, 4, 16
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for v := range int64(20) {
				h.Add(v)
			}
		})
	}
	wait.Wait()
	d := h.Read()
	if want := []uint64{8 * 2, 8 * 3, 8 * 12, 8 * 3}; !slices.Equal(d.Counts, want) {
		t.Errorf("counts %v, want %v", d.Counts, want)
	}
	if d.Sum != 8*190 || d.Count() != 8*20 {
		t.Errorf("%d values, sum %d", d.Count(), d.Sum)
	}
}

func TestBounds(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("bounds that do not ascend are taken")
		}
	}()
	NewHistogram([]int64{1, 2, 2})
}

func BenchmarkAdd(b *testing.B) {
	h := NewHistogram(Powers(1, 2, 24))
	for i := range b.N {
		h.Add(int64(i))
	}
}
