package calendar

import (
	"math/rand/v2"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
)

// TestPart compares roots and chains out of a part with a frontier, over calendars with idle seconds and far gaps.
func TestPart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		p := &Part{}
		first := Second(r.Int64N(1 << r.IntN(31)))
		f := NewFrontier(first)
		at := first
		for range 1 + r.IntN(60) {
			idle := uint64(r.Int64N(1 << r.IntN(12)))
			f.AppendIdle(idle)
			at += Second(idle)
			leaf := merkle.Digest{byte(r.Uint32()), 1}
			f.Append(leaf)
			if err := p.Append(at, leaf); err != nil {
				t.Fatal(err)
			}
			at++
		}
		last := at - 1
		root, err := RootAt(p, last)
		if err != nil || root != f.Root() {
			t.Fatalf("seconds %d to %d: root %s, %v, want %s", first, last, root, err, f.Root())
		}
		for i, s := range p.seconds {
			chain, err := Prove(p, s, last)
			if err != nil || chain.Root(p.leaves[i]) != root {
				t.Fatalf("second %d to %d: %v", s, last, err)
			}
		}
	}
}

func TestPartOrder(t *testing.T) {
	p := &Part{}
	for _, c := range []struct {
		second Second
		ok     bool
	}{{-1, false}, {5, true}, {5, false}, {4, false}, {6, true}} {
		if err := p.Append(c.second, merkle.Digest{}); (err == nil) != c.ok {
			t.Errorf("second %d: %v", c.second, err)
		}
	}
	if p.Len() != 2 {
		t.Errorf("%d seconds", p.Len())
	}
}
