package calendar_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

const largest = 300 // seconds of the exhaustive calendars

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 2)) }

func digest(imprint []byte) merkle.Digest { return merkle.Digest(imprint[1:]) }

// memory is a Reader over what a ledger stores. It polices what it is asked for.
type memory struct {
	leaves map[calendar.Second]merkle.Digest
	nodes  map[[2]uint64]merkle.Digest // by height, index
	closed calendar.Second
	calls  map[uint8]int
	read   int
}

func newMemory() *memory {
	return &memory{leaves: map[calendar.Second]merkle.Digest{}, nodes: map[[2]uint64]merkle.Digest{}, calls: map[uint8]int{}}
}

// append closes the next second in f and stores what that yields.
func (m *memory) append(f *calendar.Frontier, leaf merkle.Digest) {
	m.leaves[f.Next()] = leaf
	f.Append(leaf)
	m.store(f)
}

func (m *memory) store(f *calendar.Frontier) {
	for _, n := range f.Kept() {
		m.nodes[[2]uint64{uint64(n.Height), n.Index}] = n.Digest
	}
	m.closed = f.Next() - 1
}

func (m *memory) count(height uint8, first uint64, n int) error {
	last := first + uint64(n) - 1
	if n == 0 || height%8 != 0 || first>>8 != last>>8 || last >= (uint64(m.closed)+1)>>height {
		return fmt.Errorf("memory: %d nodes of height %d from %d", n, height, first)
	}
	m.calls[height]++
	m.read += n
	return nil
}

func (m *memory) ReadLeaves(dst []merkle.Digest, first calendar.Second) error {
	for i := range dst {
		dst[i] = m.leaves[first+calendar.Second(i)]
	}
	return m.count(0, uint64(first), len(dst))
}

func (m *memory) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	for i := range dst {
		node, ok := m.nodes[[2]uint64{uint64(height), first + uint64(i)}]
		if !ok {
			node = calendar.ZeroNode(height)
		}
		dst[i] = node
	}
	return m.count(height, first, len(dst))
}

// TestSmallCalendars compares each chain of each calendar with its naive twin, goes both ways between directions and times,
// and changes each chain in every way.
func TestSmallCalendars(t *testing.T) {
	leaves := merkletest.Random(newRand(1), largest, 1)
	known := map[[2]int][]byte{} // what the twin computed, once each
	twin := func(first, last int) []byte {
		at := [2]int{first, last}
		if known[at] == nil {
			known[at] = merkletest.Calendar(leaves[first : last+1])
		}
		return known[at]
	}
	m, f := newMemory(), calendar.NewFrontier(0)
	for p := range calendar.Second(largest) {
		m.append(f, digest(leaves[p]))
		root := digest(twin(0, int(p)))
		if got := f.Root(); got != root {
			t.Fatalf("second %d: root %v, want %v", p, got, root)
		}
		if got, err := calendar.RootAt(m, p); got != root {
			t.Fatalf("second %d: stored root %v, want %v: %v", p, got, root, err)
		}
		for second := range p + 1 {
			chain, err := calendar.Prove(m, second, p)
			if err != nil {
				t.Fatal(err)
			}
			links := merkletest.CalendarPath(int(second), int(p), twin)
			if !slices.EqualFunc(chain, links, func(a calendar.Link, b merkletest.Link) bool {
				return a.Left == b.Left && a.Sibling == digest(b.Sibling)
			}) {
				t.Fatalf("%d to %d: %v, want %v", second, p, chain, links)
			}
			if got := chain.Root(digest(leaves[second])); got != root {
				t.Fatalf("%d to %d: leads to %v, want %v", second, p, got, root)
			}
			checkChanges(t, chain, second, p, digest(leaves[second]), root)
			left := chain.Directions()
			if shape := calendar.Shape(second, p); !slices.Equal(shape, left) {
				t.Fatalf("%d to %d: shape %v, chain %v", second, p, shape, left)
			}
			if got, err := calendar.AggregationTime(p, left); got != second || err != nil {
				t.Fatalf("%d to %d: directions say %d: %v", second, p, got, err)
			}
		}
	}
}

// checkChanges changes each link of a chain in each way: the chain may then not lead to root, nor, with other directions,
// start at the same second.
func checkChanges(t *testing.T, chain calendar.Chain, second, p calendar.Second, leaf, root merkle.Digest) {
	t.Helper()
	node := leaf // on the way to root, below link i
	changed := make(calendar.Chain, len(chain))
	for i := range chain {
		check := func(what string, rest calendar.Chain, turns bool) {
			if rest.Root(node) == root {
				t.Fatalf("%d to %d: link %d %s: same root", second, p, i, what)
			}
			if !turns {
				return
			}
			left := append(chain[:i].Directions(), rest.Directions()...)
			if at, err := calendar.AggregationTime(p, left); err == nil && at == second {
				t.Fatalf("%d to %d: link %d %s: same time", second, p, i, what)
			}
		}
		check("dropped", chain[i+1:], true)
		c := changed[:copy(changed, chain[i:])]
		c[0].Left = !c[0].Left
		check("turned", c, true)
		c[0].Left = chain[i].Left
		bit := (int(p) + i) % 256
		c[0].Sibling[bit/8] ^= 1 << (bit % 8)
		check("flipped", c, false)
		c[0].Sibling = chain[i].Sibling
		if len(c) > 1 {
			c[0], c[1] = c[1], c[0]
			check("swapped with the next", c, c[0].Left != c[1].Left)
		}
		node = chain[i : i+1].Root(node)
	}
}

// TestAggregationTime gives all directions up to nine links to all small calendars: each time has exactly one way.
func TestAggregationTime(t *testing.T) {
	for p := range calendar.Second(largest) {
		found := map[calendar.Second]int{}
		for n := range 10 {
			for bits := range 1 << n {
				left := make([]bool, n)
				for i := range left {
					left[i] = bits>>i&1 == 1
				}
				at, err := calendar.AggregationTime(p, left)
				if err != nil {
					if !errors.Is(err, calendar.ErrShape) {
						t.Fatal(err)
					}
					continue
				}
				if !slices.Equal(calendar.Shape(at, p), left) {
					t.Fatalf("p=%d: %v is not the shape of %d", p, left, at)
				}
				found[at]++
			}
		}
		for second := range p + 1 {
			if found[second] != 1 {
				t.Fatalf("p=%d: %d ways from %d", p, found[second], second)
			}
		}
		if len(found) != int(p)+1 {
			t.Fatalf("p=%d: %d times", p, len(found))
		}
	}
	if _, err := calendar.AggregationTime(-1, nil); err == nil {
		t.Error("a calendar before 1970")
	}
}

// TestIdle grows calendars by random busy and idle stretches: they equal calendars grown leaf by leaf, nodes included.
func TestIdle(t *testing.T) {
	rng := newRand(3)
	for range 40 {
		m, f := newMemory(), calendar.NewFrontier(calendar.Second(rng.IntN(2000)))
		plainStore, plain := newMemory(), calendar.NewFrontier(0)
		for plain.Next() < f.Next() {
			plainStore.append(plain, merkle.Digest{})
		}
		for range 30 {
			if rng.IntN(2) == 0 {
				n := rng.IntN(1 << rng.IntN(11))
				f.AppendIdle(uint64(n))
				m.store(f)
				for range n {
					plainStore.append(plain, merkle.Digest{})
				}
			} else {
				leaf := digest(merkletest.Random(rng, 1, 1)[0])
				m.append(f, leaf)
				plainStore.append(plain, leaf)
			}
			if f.Next() != plain.Next() || f.Next() > 0 && f.Root() != plain.Root() {
				t.Fatalf("second %d: root %v, want %v at %d", f.Next()-1, f.Root(), plain.Root(), plain.Next()-1)
			}
		}
		if len(m.nodes) != len(plainStore.nodes) {
			t.Fatalf("%d nodes stored, %d leaf by leaf", len(m.nodes), len(plainStore.nodes))
		}
		for at, node := range plainStore.nodes {
			if m.nodes[at] != node || node == calendar.ZeroNode(uint8(at[0])) {
				t.Fatalf("node %d of height %d: %v, want %v", at[1], at[0], m.nodes[at], node)
			}
		}
	}
}

// TestToday runs a ledger that starts in our time: 31 levels, resumed after each stretch; proofs read little.
func TestToday(t *testing.T) {
	rng := newRand(4)
	const genesis = calendar.Second(1795310130)
	m, f := newMemory(), calendar.NewFrontier(genesis)
	if f.Next() != genesis || len(f.Kept()) != 0 {
		t.Fatalf("starts at %d", f.Next())
	}
	for range 60 {
		for range rng.IntN(200) {
			m.append(f, digest(merkletest.Random(rng, 1, 1)[0]))
		}
		f.AppendIdle(rng.Uint64N(1 << rng.IntN(20)))
		m.store(f)
		g, err := calendar.Resume(m, f.Next()-1)
		if err != nil {
			t.Fatal(err)
		}
		if g.Root() != f.Root() || g.Next() != f.Next() {
			t.Fatalf("second %d: resumed as %d, root %v, want %v", f.Next(), g.Next(), g.Root(), f.Root())
		}
		f = g
		for range 20 {
			p := genesis + calendar.Second(rng.Uint64N(uint64(f.Next()-genesis)))
			second := calendar.Second(rng.Uint64N(uint64(p) + 1))
			if rng.IntN(2) == 0 {
				second = p - calendar.Second(rng.Uint64N(uint64(p-genesis)+1))
			}
			m.read, m.calls = 0, map[uint8]int{}
			chain, err := calendar.Prove(m, second, p)
			if err != nil {
				t.Fatal(err)
			}
			if m.read > 4*512 {
				t.Fatalf("%d to %d: %d nodes read", second, p, m.read)
			}
			for h, calls := range m.calls {
				if calls > 2 {
					t.Fatalf("%d to %d: %d reads at height %d", second, p, calls, h)
				}
			}
			root, err := calendar.RootAt(m, p)
			if err != nil || chain.Root(m.leaves[second]) != root {
				t.Fatalf("%d to %d: leads to %v, want %v: %v", second, p, chain.Root(m.leaves[second]), root, err)
			}
			if at, err := calendar.AggregationTime(p, chain.Directions()); at != second || err != nil {
				t.Fatalf("%d to %d: says %d: %v", second, p, at, err)
			}
		}
	}
}

// TestOwnSecond: published at its own second a chain has only right links, one for each bit of the second.
func TestOwnSecond(t *testing.T) {
	for _, second := range []calendar.Second{1, 2, 3, 255, 256, 1795310130, 1<<40 + 5} {
		bits := 0
		for s := second; s > 0; s &= s - 1 {
			bits++
		}
		left := calendar.Shape(second, second)
		if len(left) != bits || slices.Contains(left, true) {
			t.Errorf("%d: %v, want %d right links", second, left, bits)
		}
	}
}

// Many leaves at once make the calendar that they make one by one: the same roots, the same nodes to store.
func TestAppendAll(t *testing.T) {
	rng := newRand(9)
	for range 200 {
		first := calendar.Second(rng.IntN(1<<17) * rng.IntN(2))
		one, all := calendar.NewFrontier(first), calendar.NewFrontier(first)
		for range 1 + rng.IntN(6) {
			leaves := make([]merkle.Digest, rng.IntN(1<<rng.IntN(15)))
			for i := range leaves {
				if rng.IntN(8) > 0 && i&512 == 0 {
					leaves[i][rng.IntN(32)] = byte(rng.Uint32())
				}
				one.Append(leaves[i])
			}
			all.AppendAll(leaves)
			if one.Next() != all.Next() {
				t.Fatalf("from %d: next is %d, want %d", first, all.Next(), one.Next())
			}
			if one.Next() > 0 && one.Root() != all.Root() {
				t.Fatalf("from %d, up to %d: root is %v, want %v", first, one.Next(), all.Root(), one.Root())
			}
			got, want := all.Kept(), one.Kept()
			if !slices.Equal(got, want) {
				t.Fatalf("from %d, up to %d: keeps %v, want %v", first, one.Next(), got, want)
			}
		}
	}
}

// The roots of many seconds at once are those that come one by one: from every small calendar on, and for runs of all kinds of
// lengths from our time on.
func TestAppendRoots(t *testing.T) {
	rng := newRand(10)
	check := func(first calendar.Second, parts ...int) {
		t.Helper()
		one, many := calendar.NewFrontier(first), calendar.NewFrontier(first)
		for _, n := range parts {
			leaves, roots := make([]merkle.Digest, n), make([]merkle.Digest, n)
			for i := range leaves {
				leaves[i][rng.IntN(32)] = byte(rng.Uint32())
			}
			many.AppendRoots(roots, leaves)
			for i, leaf := range leaves {
				one.Append(leaf)
				if want := one.Root(); roots[i] != want {
					t.Fatalf("from %d, %v: root as of %d is %v, want %v", first, parts, one.Next()-1, roots[i], want)
				}
			}
			if got, want := many.Kept(), one.Kept(); one.Next() != many.Next() || !slices.Equal(got, want) {
				t.Fatalf("from %d, %v: keeps %v up to %d, want %v up to %d", first, parts, got, many.Next(), want, one.Next())
			}
		}
	}
	for first := range calendar.Second(40) {
		for n := range 40 {
			check(first, n, 3)
		}
	}
	for range 40 {
		check(1735689600+calendar.Second(rng.IntN(1<<20)), rng.IntN(1<<rng.IntN(13)), rng.IntN(50), rng.IntN(1<<rng.IntN(12)))
	}
}

func TestZeroNodes(t *testing.T) {
	for height, want := range map[uint8]string{ // from the format reference
		0:  "0000000000000000000000000000000000000000000000000000000000000000",
		1:  "67299b3e9964c4c65a10cbbc62298fb603d408ff9627973a733e319021ca42d6",
		2:  "0dff26126e5976cb1ce1782b6bf8d5053342b562ca52d34b40d2e1fc037dc601",
		10: "45d468da9951654d54d3b2ec44552388eb7f0a7bb4bcce8dea23d361784e9173",
		30: "a96ce76baacdcfdda647c4d70ce36d5dd0625c7e58a11da0fb64f07fcef3bfc7",
	} {
		if got := calendar.ZeroNode(height).String(); got != want {
			t.Errorf("height %d: %s, want %s", height, got, want)
		}
	}
}

// TestWorkedExample is the calendar of eight seconds that the format reference works through.
func TestWorkedExample(t *testing.T) {
	m, f := newMemory(), calendar.NewFrontier(0)
	for i := range byte(8) {
		leaf := digest(merkletest.Hash([]byte{i}))
		if i == 5 {
			leaf = digest(mustHex("0174f42ebeb2c942d289e36562f42862d889f370ef3d288b7c5cb2334d5bc8a9ba"))
		}
		m.append(f, leaf)
	}
	want := "e6b7f51f15c7fa177ff356ca05abf0e61d176368c3b1687a82d50f91e8c7ed87"
	if got := f.Root().String(); got != want {
		t.Errorf("root %s, want %s", got, want)
	}
	chain, err := calendar.Prove(m, 5, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []calendar.Link{
		{Left: false, Sibling: digest(mustHex("01e52d9c508c502347344d8c07ad91cbd6068afc75ff6292f062a09ca381c89e71"))},
		{Left: true, Sibling: digest(mustHex("018d51341cb09acc303b939b5bad0f703a1744cf899816be006e60df88c09e5d8d"))},
		{Left: false, Sibling: digest(mustHex("018fdcd35f1402e27353557c7cab2a17ae3c61257c38f8bd4b20a4809a2c3fbcef"))},
	} {
		if chain[i] != want {
			t.Errorf("link %d: %v, want %v", i, chain[i], want)
		}
	}
}

type broken struct{ err error }

func (b broken) ReadLeaves([]merkle.Digest, calendar.Second) error { return b.err }
func (b broken) ReadNodes([]merkle.Digest, uint8, uint64) error    { return b.err }

func TestErrors(t *testing.T) {
	err := errors.New("disk on fire")
	for _, p := range []calendar.Second{2, 255, 1000} {
		if _, got := calendar.Prove(broken{err}, 1, p); !errors.Is(got, err) {
			t.Errorf("chain to %d: %v", p, got)
		}
		if _, got := calendar.RootAt(broken{err}, p); !errors.Is(got, err) {
			t.Errorf("root at %d: %v", p, got)
		}
	}
	m := newMemory()
	for _, x := range [][2]calendar.Second{{-1, 5}, {6, 5}, {-2, -1}} {
		if _, err := calendar.Prove(m, x[0], x[1]); err == nil {
			t.Errorf("chain from %d to %d: no error", x[0], x[1])
		}
	}
	if _, err := calendar.RootAt(m, -1); err == nil {
		t.Error("root before the calendar: no error")
	}
	for name, f := range map[string]func(){
		"shape from later to earlier": func() { calendar.Shape(6, 5) },
		"root of nothing":             func() { calendar.NewFrontier(0).Root() },
		"ledger before 1970":          func() { calendar.NewFrontier(-1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestSecond(t *testing.T) {
	for _, s := range []calendar.Second{0, 1, 1795310130, 253402300799} {
		if got, err := calendar.ParseSecond(s.String()); got != s || err != nil {
			t.Errorf("%d: %q reads as %d: %v", s, s, got, err)
		}
	}
	for _, text := range []string{"", "2026-11-22", "2026-11-22T01:15:30", "2026-11-22T01:15:30.0Z", "2026-11-22T02:15:30+01:00",
		"2026-11-22T01:15:60Z", "2026-11-22t01:15:30z", "2026-11-22T1:15:30Z"} {
		if s, err := calendar.ParseSecond(text); err == nil {
			t.Errorf("%q reads as %d", text, s)
		}
	}
	at := time.Date(2026, 11, 22, 1, 15, 30, 0, time.UTC)
	for _, x := range []struct {
		after time.Duration
		want  int64
	}{{0, 0}, {1, 1}, {time.Second - 1, 1}, {time.Second, 1}, {time.Second + 1, 2}, {-1, 0}} {
		if got := calendar.RoundOf(at.Add(x.after)); got != calendar.Second(at.Unix()+x.want) {
			t.Errorf("%v after: round %v", x.after, got)
		}
	}
}
