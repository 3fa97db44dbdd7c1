package shape

import "testing"

// TestPath sees to it that the siblings on each way through each small tree are the whole tree but for the leaf, that each
// step doubles the tree or joins its right edge, and that peaks cover their span.
func TestPath(t *testing.T) {
	for n := uint64(1); n <= 600; n++ {
		for i := range n {
			way := Span{i, 1}
			for _, l := range Path(n, i) {
				s := l.Sibling
				if l.Left && s.First != way.First+way.Count || !l.Left && s.First+s.Count != way.First {
					t.Fatalf("leaf %d of %d: %v beside %v", i, n, s, way)
				}
				way = Span{min(way.First, s.First), way.Count + s.Count}
				if l.Height != Height(way.Count) {
					t.Fatalf("leaf %d of %d: %v at height %d", i, n, way, l.Height)
				}
				if left := min(s.Count, way.Count-s.Count); !l.Left && left > s.Count {
					t.Fatalf("leaf %d of %d: %v split wrongly", i, n, way)
				}
				checkPeaks(t, s)
			}
			if way != (Span{0, n}) {
				t.Fatalf("leaf %d of %d: ends at %v", i, n, way)
			}
		}
	}
}

func checkPeaks(t *testing.T, s Span) {
	t.Helper()
	next, lowest := s.First, uint8(64)
	for _, p := range s.AppendPeaks(nil) {
		if p.Index<<p.Height != next || p.Height >= lowest {
			t.Fatalf("%v: peak %v after leaf %d", s, p, next)
		}
		next, lowest = next+1<<p.Height, p.Height
	}
	if next != s.First+s.Count {
		t.Fatalf("%v: peaks end at %d", s, next)
	}
}

func TestHeight(t *testing.T) {
	for n, want := range map[uint64]uint8{1: 0, 2: 1, 3: 2, 4: 2, 5: 3, 256: 8, 257: 9, 1 << 63: 63, 1<<63 + 1: 64} {
		if got := Height(n); got != want {
			t.Errorf("%d leaves: height %d, want %d", n, got, want)
		}
	}
}

// TestPlan sees to it that every node of each way finds its source in the plan, and that a plan has no more than two ranges
// of a height, none across tiles.
func TestPlan(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 255, 256, 257, 511, 512, 513, 65536, 65793, 70000, 1<<24 + 1<<16 - 1} {
		for _, i := range []uint64{0, 1, 255, 256, n / 2, n - 2, n - 1} {
			if i >= n {
				continue
			}
			var nodes []Node
			for _, l := range Path(n, i) {
				nodes = l.Sibling.AppendPeaks(nodes)
			}
			plan := Plan(nodes)
			count := map[uint8]int{}
			for _, r := range plan {
				last := r.First + uint64(r.Count) - 1
				if count[r.Height]++; count[r.Height] > 2 || r.First>>Step != last>>Step || last >= n>>r.Height {
					t.Errorf("leaf %d of %d: plan %v", i, n, plan)
				}
			}
			for _, node := range nodes {
				source := node.Source()
				rank, offset := Find(plan, source)
				if r := plan[rank]; r.Height != source.Height || r.First+uint64(offset) != source.First {
					t.Errorf("leaf %d of %d: %v in %v at %d", i, n, source, r, offset)
				}
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a node outside the plan: no panic")
		}
	}()
	Find(Plan([]Node{{Height: 3}}), Node{Height: 3, Index: 1}.Source())
}
