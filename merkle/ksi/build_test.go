package ksi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

// TestSmallRounds builds the signature of every leaf of every small round at every time of a small calendar, from chains
// of the naive twin, and verifies it against the twin's calendar root.
func TestSmallRounds(t *testing.T) {
	const seconds = 9
	for n := 1; n <= 6; n++ {
		for slots := 1; slots <= 4; slots *= 2 {
			for slot := range slots {
				for base := 0; base <= 32; base += 32 {
					round := smallRound(n, slots, slot, base)
					for i := range n {
						second := 1 + (i+n+slot)%(seconds-1)
						round.check(t, i, second, second)
						round.check(t, i, second, seconds-1)
					}
				}
			}
		}
	}
}

// A naiveRound is a round with leaves in one slot, in the bytes of the naive twin.
type naiveRound struct {
	leaves   [][]byte
	base     int
	metadata []byte
	slots    []merkletest.Link // from the slot to the round root
	root     []byte
}

func smallRound(n, slots, slot, base int) naiveRound {
	r := naiveRound{base: base, metadata: merkletest.Metadata("jura", "jurat/main", uint64(n), 1e6)}
	for i := range n {
		r.leaves = append(r.leaves, merkletest.Hash([]byte{byte(i)}))
	}
	top, _ := merkletest.Subtree(r.leaves, base)
	nodes := make([][]byte, slots)
	for i := range nodes {
		nodes[i] = merkletest.Blind(make([]byte, 32), 1, uint32(i))
	}
	nodes[slot] = merkletest.Hash(top, r.metadata, []byte{64})
	r.root, r.slots = merkletest.Slots(nodes, slot)
	return r
}

// check builds and verifies the signature of leaf i, filed at second t, with a calendar chain to second p.
func (r *naiveRound) check(tb testing.TB, i, t, p int) {
	tb.Helper()
	n := uint64(len(r.leaves))
	path := append(chainOf(tb, merkletest.SubtreePath(r.leaves, r.base, i)),
		merkle.IssuerLink(r.metadata, merkle.Level(r.base), n))
	leaves := make([][]byte, p+1)
	for j := range leaves {
		leaves[j] = merkletest.Hash([]byte{byte(j)}, []byte("second"))
	}
	leaves[t] = r.root
	var toRoot calendar.Chain
	over := func(first, last int) []byte { return merkletest.Calendar(leaves[first : last+1]) }
	for _, l := range merkletest.CalendarPath(t, p, over) {
		toRoot = append(toRoot, calendar.Link{Left: l.Left, Sibling: merkle.Digest(l.Sibling[1:])})
	}
	document := imprintOf(tb, r.leaves[i])
	s := build(tb, ksi.Parts{Round: calendar.Second(t), Leaf: document, Chains: []merkle.Chain{path, chainOf(tb, r.slots)},
		CalendarTime: calendar.Second(p), Calendar: toRoot, Notice: &ksi.Notice{}})
	want := ksi.Publication{Time: calendar.Second(p), Root: imprintOf(tb, merkletest.Calendar(leaves))}
	result := ksi.Verify(tb.Context(), s, ksi.Options{Policy: ksi.UserPublication, Document: &document, InputLevel: merkle.Level(r.base),
		Publication: &want})
	if result.Verdict != ksi.OK {
		tb.Errorf("leaf %d of %d, base %d, second %d of %d: %v", i, n, r.base, t, p, result)
	}
	checkRoundTrip(tb, s, s.Append(nil))
	checkTrunk(tb, path, ksi.Parts{Round: calendar.Second(t), Leaf: document, Chains: []merkle.Chain{chainOf(tb, r.slots)},
		CalendarTime: calendar.Second(p), Calendar: toRoot, Notice: &ksi.Notice{}}, s)
}

// checkTrunk demands of the trunk above path, made of the parts above it, the bytes of s, and that it takes neither another
// leaf nor a chain that is changed or ends below.
func checkTrunk(tb testing.TB, path merkle.Chain, p ksi.Parts, s *ksi.Signature) {
	tb.Helper()
	leaf := p.Leaf
	node, level, err := path.Root(leaf, 0)
	if err != nil {
		tb.Fatal(err)
	}
	p.Leaf = node
	trunk, err := ksi.NewTrunk(p, level)
	if err != nil {
		tb.Fatal(err)
	}
	got, err := trunk.Append([]byte("before"), leaf, path)
	if want := s.Append([]byte("before")); err != nil || !bytes.Equal(got, want) {
		tb.Fatalf("trunk gives %x, Build %x: %v", got, want, err)
	}
	changed := slices.Clone(path)
	changed[len(changed)-1].Correction++
	for name, bad := range map[string]struct {
		leaf  merkle.Imprint
		chain merkle.Chain
	}{"leaf": {node, path}, "level": {leaf, changed}, "short": {leaf, path[:len(path)-1]}, "none": {node, nil}} {
		if got, err := trunk.Append(nil, bad.leaf, bad.chain); !errors.Is(err, ksi.ErrOtherNode) {
			tb.Fatalf("another %s: %x, %v", name, got, err)
		}
	}
	checkLimbs(tb, trunk, leaf, path, s)
}

// checkLimbs demands the bytes of s from a limb that starts at each node of path but the last, and that none takes other links, nor
// a chain from another leaf or to another node.
func checkLimbs(tb testing.TB, trunk *ksi.Trunk, leaf merkle.Imprint, path merkle.Chain, s *ksi.Signature) {
	tb.Helper()
	want := s.Append([]byte("before"))
	for k := 1; k < len(path); k++ {
		node, level, err := path[:k].Root(leaf, 0)
		if err != nil {
			tb.Fatal(err)
		}
		links := slices.Clone(path[k:])
		limb, err := trunk.NewLimb(node, level, links)
		if err != nil || limb.Own() == 0 || limb.Len()-limb.Own() != trunk.Len() {
			tb.Fatalf("limb of %d links: %v", len(links), err)
		}
		changed := slices.Clone(path[k:])
		changed[len(changed)-1].Correction++
		links[0].Left = !links[0].Left // the limb has its own
		for name, err := range map[string]error{
			"other links":   second(trunk.NewLimb(node, level, links)),
			"another level": second(trunk.NewLimb(node, level, changed)),
			"fewer links":   second(trunk.NewLimb(node, level, path[k+1:])),
			"another node":  second(trunk.NewLimb(leaf, level, path[k:])),
			"another leaf":  second(limb.Append(nil, node, slices.Clone(path[:k]))),
			"a short chain": second(limb.Append(nil, leaf, slices.Clone(path[:k-1]))),
			"a long chain":  second(limb.Append(nil, leaf, slices.Clone(path[:k+1]))),
		} {
			if !errors.Is(err, ksi.ErrOtherNode) {
				tb.Fatalf("limb of %d links, %s: %v", len(path)-k, name, err)
			}
		}
		for range 2 {
			if got, err := limb.Append([]byte("before"), leaf, slices.Clone(path[:k])); err != nil || !bytes.Equal(got, want) {
				tb.Fatalf("limb of %d links gives %x, Build %x: %v", len(path)-k, got, want, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestBuildRefuses(t *testing.T) {
	for want, change := range map[string]func(p *ksi.Parts){
		"no links":              func(p *ksi.Parts) { p.Chains = nil },
		"chain 1: ":             func(p *ksi.Parts) { p.Chains[1][0].Sibling = merkle.Imprint{} },
		"level":                 func(p *ksi.Parts) { p.Chains[1][1].Correction = 200 },
		"64 links":              func(p *ksi.Parts) { p.Chains[1] = make(merkle.Chain, 64) },
		"calendar chain of":     func(p *ksi.Parts) { p.Round-- },
		"calendar ":             func(p *ksi.Parts) { p.Calendar = p.Calendar[1:] },
		"both":                  func(p *ksi.Parts) { p.Notice, p.Authentication = &ksi.Notice{}, &ksi.Authentication{} },
		"publication reference": func(p *ksi.Parts) { p.Notice = &ksi.Notice{References: []string{""}} },
		"not empty":             func(p *ksi.Parts) { p.Notice = &ksi.Notice{Repositories: []string{"\xff"}} },
		"no input":              func(p *ksi.Parts) { p.Leaf = merkle.Imprint{} },
		"references of 66": func(p *ksi.Parts) {
			p.Notice = &ksi.Notice{References: []string{strings.Repeat("x", 33e3), strings.Repeat("x", 33e3)}}
		},
		"at most 65535 are": func(p *ksi.Parts) { p.Notice = &ksi.Notice{References: []string{strings.Repeat("x", 65e3)}} },
	} {
		p := ownParts(t)
		change(&p)
		s, err := ksi.Build(p)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "round 179531319") {
			t.Errorf("%q: signature %v, error %v", want, s, err)
		}
		if want == "no links" || want == "at most 65535 are" {
			continue // a trunk may have none, and does not know yet how long signatures are
		}
		if trunk, err := ksi.NewTrunk(p, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: trunk %v, error %v", want, trunk, err)
		}
	}
}

// ExampleBuild makes a signature that ends at a publication and checks it.
func ExampleBuild() {
	document := merkle.Digest{1, 2, 3}.Imprint()
	neighbour := merkle.Digest{4, 5, 6}.Imprint()
	signature, err := ksi.Build(ksi.Parts{
		Round:        3,
		Leaf:         document,
		Chains:       []merkle.Chain{{{Left: true, Sibling: neighbour}}},
		CalendarTime: 3,
		Calendar:     calendar.Chain{{Sibling: merkle.Digest{2}}, {Sibling: merkle.Digest{1}}},
		Notice:       &ksi.Notice{References: []string{"The Gazette, page 3"}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(ksi.Verify(context.Background(), signature, ksi.Options{Document: &document}))
	fmt.Println(ksi.Verify(context.Background(), signature, ksi.Options{Document: &neighbour}))
	// Output:
	// OK: The document fits the proof, which is consistent in itself and gives the time 1970-01-01T00:00:03Z; who vouches for this time was not checked.
	// FAIL GEN-01: This is not the document the proof was made for, or the document was changed since.
}
