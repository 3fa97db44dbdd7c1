package calendar_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

var rewrite = flag.Bool("rewrite", false, "rewrite golden files")

func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// TestGolden compares a calendar of our time with the file. Signatures given out depend on every line of it.
func TestGolden(t *testing.T) {
	const file = "testdata/calendar.txt"
	const genesis = calendar.Second(1795358464) // 256 seconds before a multiple of 2^16
	var out bytes.Buffer
	fmt.Fprintln(&out, "# Calendar of a ledger whose first second is 1795358464. The leaf of second s is the SHA-256 of s in decimal,")
	fmt.Fprintln(&out, "# but seconds divisible by 7 are idle, and so are all seconds before.")
	m, f := newMemory(), calendar.NewFrontier(genesis)
	for range 600 {
		before := maps.Clone(m.nodes)
		if f.Next()%7 == 0 {
			f.AppendIdle(1)
			m.store(f)
		} else {
			m.append(f, digest(merkletest.Hash(fmt.Append(nil, int64(f.Next())))))
		}
		for _, height := range []uint64{8, 16, 24} {
			at := [2]uint64{height, uint64(m.closed) >> height}
			if node, ok := m.nodes[at]; ok && before[at] != node {
				fmt.Fprintf(&out, "kept height %d index %d %v\n", at[0], at[1], node)
			}
		}
		if n := f.Next() - genesis; n == 1 || n%100 == 0 {
			fmt.Fprintf(&out, "root %d %v\n", int64(m.closed), f.Root())
		}
	}
	for _, x := range [][2]calendar.Second{{genesis, genesis}, {genesis + 300, genesis + 300}, {genesis + 300, genesis + 599}} {
		chain, err := calendar.Prove(m, x[0], x[1])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "chain %d %d\n", int64(x[0]), int64(x[1]))
		for _, l := range chain {
			fmt.Fprintf(&out, "\t%s %v\n", map[bool]string{true: "left ", false: "right"}[l.Left], l.Sibling)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%s differs; with -rewrite it becomes:\n%s", file, out.Bytes())
	}
}

// FuzzAggregationTime gives any directions to any calendar: what is accepted is the shape of that second, and nothing else.
func FuzzAggregationTime(f *testing.F) {
	f.Add(int64(7), uint64(0b101), uint8(3))
	f.Add(int64(1795310130), uint64(0), uint8(17))
	f.Add(int64(0), uint64(0), uint8(0))
	f.Fuzz(func(t *testing.T, publication int64, bits uint64, n uint8) {
		left := make([]bool, n%64)
		for i := range left {
			left[i] = bits>>i&1 == 1
		}
		p := calendar.Second(publication)
		at, err := calendar.AggregationTime(p, left)
		if err != nil {
			return
		}
		if got := calendar.Shape(at, p); fmt.Sprint(got) != fmt.Sprint(left) {
			t.Errorf("%v at %d says %d, whose shape is %v", left, p, at, got)
		}
	})
}

// BenchmarkAppendRoots computes the roots of many seconds of our time at once.
func BenchmarkAppendRoots(b *testing.B) {
	f := calendar.NewFrontier(1795310130)
	leaves, roots := make([]merkle.Digest, 1024), make([]merkle.Digest, 1024)
	b.ReportAllocs()
	for b.Loop() {
		f.AppendRoots(roots, leaves)
		f.Kept()
	}
	b.ReportMetric(1024*float64(b.N)/b.Elapsed().Seconds(), "seconds/s")
}

// BenchmarkFrontier closes seconds of our time, one root each.
func BenchmarkFrontier(b *testing.B) {
	f := calendar.NewFrontier(1795310130)
	leaf := merkle.Digest{1}
	b.ReportAllocs()
	var sum byte
	for b.Loop() {
		f.Append(leaf)
		root := f.Root()
		sum ^= root[0]
		f.Kept()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "seconds/s")
	_ = sum
}
