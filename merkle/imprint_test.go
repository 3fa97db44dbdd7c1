package merkle_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

// TestImprints reads imprints of each algorithm id and each length: just those of a known algorithm and its size pass.
func TestImprints(t *testing.T) {
	known := map[byte]int{}
	for _, im := range slices.Concat(merkletest.Random(newRand(7), 100, merkletest.Algorithms...)) {
		known[im[0]] = len(im)
	}
	if len(known) != 10 {
		t.Fatalf("%d algorithms drawn", len(known))
	}
	for id := range 256 {
		for n := range 80 {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(i + id)
			}
			if n > 0 {
				b[0] = byte(id)
			}
			im, err := merkle.ParseImprint(b)
			if ok := n > 0 && known[byte(id)] == n; ok != (err == nil) || err != nil && !errors.Is(err, merkle.ErrImprint) {
				t.Fatalf("%x: %v", b, err)
			}
			if err != nil {
				if !im.IsZero() {
					t.Fatalf("%x: %v with an error", b, im)
				}
				continue
			}
			if !bytes.Equal(im.Append(nil), b) || im.Len() != n || !bytes.Equal(im.Digest(), b[1:]) || byte(im.Algorithm()) != b[0] {
				t.Fatalf("%x reads as %v", b, im)
			}
		}
	}
}

func TestAlgorithmNames(t *testing.T) {
	for id := range 256 {
		a := merkle.Algorithm(id)
		got, err := merkle.ParseAlgorithm(a.String())
		if known := a.Size() > 0; known != (err == nil) || known && got != a || a.Size() > merkle.MaxDigestSize {
			t.Errorf("%#x: %q reads as %v: %v", id, a, got, err)
		}
	}
}

// TestLeaves appends imprints in all ways; a list always equals the plain slice of them.
func TestLeaves(t *testing.T) {
	rng := newRand(8)
	var l merkle.Leaves
	for round := range 300 {
		l.Reset()
		algorithms := merkletest.Algorithms
		if round%3 > 0 {
			algorithms = algorithms[round%10 : round%10+1]
		}
		var want [][]byte
		for range rng.IntN(20) {
			more := merkletest.Random(rng, rng.IntN(5), algorithms...)
			if rng.IntN(2) == 0 && len(more) > 0 {
				more = merkletest.Random(rng, len(more), more[0][0])
				var digests []byte
				for _, im := range more {
					digests = append(digests, im[1:]...)
				}
				l.AppendDigests(merkle.Algorithm(more[0][0]), digests)
			} else {
				for _, im := range more {
					l.Append(parse(t, im))
				}
			}
			want = append(want, more...)
		}
		checkLeaves(t, &l, want)
		if len(want) > 0 {
			i := rng.IntN(len(want))
			j := i + rng.IntN(len(want)-i+1)
			s := l.Slice(i, j)
			checkLeaves(t, &s, want[i:j])
			for _, im := range merkletest.Random(rng, 2, want[i][0]) {
				s.Append(parse(t, im))
			}
			checkLeaves(t, &l, want)
		}
	}
	mustPanic(t, "leaf outside the list", func() { l.At(l.Len()) })
	mustPanic(t, "slice outside the list", func() { l.Slice(0, l.Len()+1) })
	mustPanic(t, "zero imprint", func() { l.Append(merkle.Imprint{}) })
	mustPanic(t, "half a digest", func() { l.AppendDigests(merkle.SHA256, make([]byte, 48)) })
}

func checkLeaves(t *testing.T, l *merkle.Leaves, want [][]byte) {
	t.Helper()
	if l.Len() != len(want) {
		t.Fatalf("%d leaves, want %d", l.Len(), len(want))
	}
	uniform := len(want) > 0
	var digests []byte
	for i, b := range want {
		im := l.At(i)
		if im != parse(t, b) {
			t.Fatalf("leaf %d is %v, want %x", i, im, b)
		}
		uniform = uniform && b[0] == want[0][0]
		digests = append(digests, b[1:]...)
	}
	alg, got, ok := l.Uniform()
	if ok && (!uniform || byte(alg) != want[0][0] || !bytes.Equal(got, digests)) {
		t.Fatalf("uniform %v of %d leaves", alg, len(want))
	}
}

// TestLeavesRoom fills lists in place: they hold the same leaves as lists that were appended to.
func TestLeavesRoom(t *testing.T) {
	digests := make([]byte, 10*64)
	for i := range digests {
		digests[i] = byte(i)
	}
	for _, alg := range []merkle.Algorithm{merkle.SHA256, merkle.SHA512} {
		var want merkle.Leaves
		want.AppendDigests(alg, digests[:7*alg.Size()])
		got := merkle.MakeLeaves(alg, 8)
		if len(got.Room(alg)) != 8*alg.Size() || got.Room(merkle.SHA384) != nil {
			t.Fatalf("%s: room of an empty list", alg)
		}
		got.Extend(copy(got.Room(alg), digests[:3*alg.Size()]) / alg.Size())
		got.AppendDigests(alg, digests[3*alg.Size():6*alg.Size()])
		copy(got.Room(alg), digests[6*alg.Size():7*alg.Size()])
		got.Extend(1)
		if len(got.Room(alg)) != alg.Size() || got.Len() != want.Len() {
			t.Fatalf("%s: %d leaves, room of %d bytes", alg, got.Len(), len(got.Room(alg)))
		}
		for i := range want.Len() {
			if got.At(i) != want.At(i) {
				t.Errorf("%s: leaf %d is %s, want %s", alg, i, got.At(i), want.At(i))
			}
		}
		other := merkle.SHA256 + merkle.SHA512 - alg
		got.AppendDigests(other, digests[:other.Size()])
		if got.Room(alg) != nil || got.Room(other) != nil {
			t.Errorf("%s: room in a mixed list", alg)
		}
	}
}
