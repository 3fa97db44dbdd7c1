package storage

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPacked packs columns of every width, with and without odd numbers, and compares every part of them and every kind of span with the
// numbers themselves.
func TestPacked(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 63, 200, BlockSeconds} {
		for width := range 65 {
			for _, odd := range []int{0, 1, 7} {
				list := make([]uint64, n)
				base := random.Uint64() >> random.IntN(64) >> (width / 2)
				for i := range list {
					list[i] = base + random.Uint64()>>(64-width)
				}
				for range odd {
					list[random.IntN(n)] = random.Uint64() >> random.IntN(64)
				}
				checkPacked(t, random, list)
			}
		}
	}
}

func checkPacked(t *testing.T, random *rand.Rand, list []uint64) {
	t.Helper()
	n := len(list)
	var long, short []byte
	for _, x := range list {
		long, short = le.AppendUint64(long, x), le.AppendUint32(short, uint32(x))
	}
	p, q := pack(long, 8), pack(short, 4)
	if p.base != slices.Min(list) || p.max != slices.Max(list) || p.size() > 8*n+80 {
		t.Fatalf("%d numbers from %d to %d in %d bytes, want from %d to %d", n, p.base, p.max, p.size(), slices.Min(list), slices.Max(list))
	}
	i := random.IntN(n)
	j := i + 1 + random.IntN(n-i)
	got, got32 := make([]uint64, j-i), make([]uint32, j-i)
	unpack(got, &p, i)
	unpack(got32, &q, i)
	for k, x := range got {
		if x != list[i+k] || got32[k] != uint32(list[i+k]) {
			t.Fatalf("number %d of %d: %d and %d, want %d", i+k, n, x, got32[k], list[i+k])
		}
	}
	s := Span{list[random.IntN(n)], list[random.IntN(n)]}
	if s.Min > s.Max {
		s.Min, s.Max = s.Max, s.Min
	}
	var want []int32
	for k, x := range list {
		if x >= s.Min && x <= s.Max {
			want = append(want, int32(k))
		}
	}
	rows := s.appendWithin(nil, list)
	all, any := s.holds(&p)
	if !slices.Equal(rows, want) || all != (len(want) == n) || !any {
		t.Fatalf("%d of %d numbers from %d to %d, all %t, any %t", len(rows), n, s.Min, s.Max, all, any)
	}
	for _, s := range []Span{{p.max + 1, ^uint64(0)}, {0, p.base - 1}} {
		if _, any := s.holds(&p); any && p.base > 0 && p.max < ^uint64(0) {
			t.Fatalf("numbers from %d to %d may be in %v", p.base, p.max, s)
		}
	}
}

// TestRoundCache shows that the cache stays within its limit, that a long scan does not drive out what it holds, and that what is asked
// for again gets in.
func TestRoundCache(t *testing.T) {
	c := newRoundCache(20_000)
	one := &counts{n: 1, leaves: le.AppendUint64(nil, 5), slots: le.AppendUint32(nil, 1)}
	one.seconds.set(3)
	held := func() (n int) {
		for b := range uint64(100_000) {
			if e := c.get(cacheKey{block: b}); e != nil {
				if e.counts.block != b || e.counts.leaves.base != 5 {
					t.Fatalf("block %d: %+v", b, e.counts)
				}
				n++
			}
		}
		return n
	}
	for b := range uint64(100_000) {
		c.keepCounts(b, one)
	}
	if n := held(); n == 0 || c.get(cacheKey{block: 0}) == nil || c.get(cacheKey{block: 99_999}) != nil {
		t.Fatalf("%d blocks after a scan", n)
	}
	for range 1 + admitEvery {
		c.keepCounts(99_999, one)
	}
	if c.get(cacheKey{block: 99_999}) == nil {
		t.Fatal("a block that was asked for again is not kept")
	}
	roots := make([]byte, 32*BlockSeconds)
	c.keepRoots(7, roots[:9000])
	if c.get(cacheKey{7, true}) != nil {
		t.Fatal("roots are kept that were asked for once")
	}
	for range admitEvery {
		c.keepRoots(7, roots[:9000])
	}
	for range admitEvery {
		c.keepRoots(8, roots)
	}
	if c.get(cacheKey{7, true}) == nil || c.get(cacheKey{8, true}) != nil {
		t.Fatal("roots that were asked for twice are not kept, or some that are longer than the limit are")
	}
	sum := 0
	for key, e := range c.entries {
		if sum += e.size; e.key != key {
			t.Fatalf("entry %v under %v", e.key, key)
		}
	}
	if sum != c.size || sum > c.limit || len(c.ring) != len(c.entries) {
		t.Fatalf("%d bytes in %d entries, noted %d and %d, limit %d", sum, len(c.entries), c.size, len(c.ring), c.limit)
	}
}

// BenchmarkPack packs the leaf counts of a block, most of them small.
func BenchmarkPack(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 3))
	var list []byte
	for i := range BlockSeconds {
		x := 1 + random.Uint64N(4)
		if i%500 == 7 {
			x = 300
		}
		list = le.AppendUint64(list, x)
	}
	for b.Loop() {
		p := pack(list, 8)
		if p.width != 1 {
			b.Fatalf("%d bytes a number, want 1", p.width)
		}
	}
}
