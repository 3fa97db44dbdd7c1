package calendar_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

const consistent = 70 // seconds of the calendars of the exhaustive tests

// randomCalendar stores a calendar of random leaves, some of them idle, and returns its roots second by second.
func randomCalendar(t *testing.T, seconds int) (*memory, []merkle.Digest) {
	t.Helper()
	m, f := newMemory(), calendar.NewFrontier(0)
	var roots []merkle.Digest
	for i, im := range merkletest.Random(newRand(11), seconds, 1) {
		leaf := digest(im)
		if i%5 == 3 {
			leaf = merkle.Digest{}
		}
		m.append(f, leaf)
		roots = append(roots, f.Root())
	}
	return m, roots
}

// checkByHand checks a proof as the comment of Consistency tells a stranger to, on its bytes, with code of its own.
func checkByHand(proof []byte, old, new merkle.Digest) bool {
	h := func(l, r merkle.Digest) merkle.Digest {
		return sha256.Sum256(slices.Concat([]byte{1}, l[:], []byte{1}, r[:], []byte{0xff}))
	}
	f, s := 0, 0
	for i := range 8 {
		f, s = f<<8|int(proof[1+i]), s<<8|int(proof[9+i])
	}
	if f == s {
		return len(proof) == 17 && old == new
	}
	nodes := proof[17:]
	next := func() (n merkle.Digest) {
		n, nodes = merkle.Digest(nodes[:32]), nodes[32:]
		return n
	}
	from, to := old, old
	power := false
	for p := 1; p <= f+1; p *= 2 {
		power = power || p == f+1
	}
	if !power {
		from = next()
		to = from
	}
	for f%2 == 1 {
		f, s = f/2, s/2
	}
	for len(nodes) > 0 {
		if s == 0 {
			return false
		}
		n := next()
		if f%2 == 1 || f == s {
			from, to = h(n, from), h(n, to)
			for f%2 == 0 && f != 0 {
				f, s = f/2, s/2
			}
		} else {
			to = h(to, n)
		}
		f, s = f/2, s/2
	}
	return s == 0 && from == old && to == new
}

// TestConsistency proves each small calendar to extend each earlier one, and none to extend what it does not.
func TestConsistency(t *testing.T) {
	m, roots := randomCalendar(t, consistent)
	for to := calendar.Second(0); to < consistent; to++ {
		for from := calendar.Second(0); from <= to; from++ {
			c, err := calendar.ProveConsistency(m, from, to)
			if err != nil {
				t.Fatal(err)
			}
			proof := c.Append(nil)
			if !checkByHand(proof, roots[from], roots[to]) {
				t.Fatalf("from %d to %d: the proof does not hold by hand", from, to)
			}
			parsed, err := calendar.ParseConsistency(proof)
			if err != nil || !bytes.Equal(parsed.Append(nil), proof) {
				t.Fatalf("from %d to %d: parsed %+v: %v", from, to, parsed, err)
			}
			steps, err := parsed.Steps(roots[from], roots[to])
			if err != nil || len(steps) > 1+len(c.Nodes) {
				t.Fatalf("from %d to %d: %d steps: %v", from, to, len(steps), err)
			}
			checkForged(t, parsed, roots)
		}
	}
}

// checkForged has a proof refused for other roots, other seconds, and with any node changed or missing.
func checkForged(t *testing.T, c *calendar.Consistency, roots []merkle.Digest) {
	t.Helper()
	old, new := roots[c.From], roots[c.To]
	refused := func(what string, c calendar.Consistency, old, new merkle.Digest) {
		t.Helper()
		if _, err := c.Steps(old, new); !errors.Is(err, calendar.ErrInconsistent) {
			t.Fatalf("from %d to %d: %s: %v", c.From, c.To, what, err)
		}
	}
	other := merkle.Digest{1, 2, 3}
	refused("another earlier root", *c, other, new)
	refused("another later root", *c, old, other)
	if c.From < c.To {
		refused("the roots changed about", *c, new, old)
		refused("a missing node", calendar.Consistency{From: c.From, To: c.To, Nodes: c.Nodes[1:]}, old, new)
	}
	refused("a node too many", calendar.Consistency{From: c.From, To: c.To, Nodes: append(slices.Clone(c.Nodes), other)}, old, new)
	for i := range c.Nodes {
		nodes := slices.Clone(c.Nodes)
		nodes[i][i%32] ^= 1
		refused("a changed node", calendar.Consistency{From: c.From, To: c.To, Nodes: nodes}, old, new)
	}
}

// TestHistoryChanged changes one leaf of the past, whichever: no proof of the changed calendar holds for the old root.
func TestHistoryChanged(t *testing.T) {
	m, roots := randomCalendar(t, consistent)
	for from := calendar.Second(0); from < consistent; from++ {
		for at := calendar.Second(0); at <= from; at++ {
			changed, f := newMemory(), calendar.NewFrontier(0)
			for s := calendar.Second(0); s < consistent; s++ {
				leaf := m.leaves[s]
				if s == at {
					leaf[0] ^= 1
				}
				changed.append(f, leaf)
			}
			c, err := calendar.ProveConsistency(changed, from, consistent-1)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Steps(roots[from], f.Root()); !errors.Is(err, calendar.ErrInconsistent) {
				t.Fatalf("second %d changed: the calendar is shown to extend that as of %d: %v", at, from, err)
			}
		}
	}
}

// TestConsistencyToday proves it over the 56 years of a calendar that starts now, which take a few reads.
func TestConsistencyToday(t *testing.T) {
	const first = 1_795_000_000
	m, f := newMemory(), calendar.NewFrontier(first)
	m.store(f)
	roots := map[calendar.Second]merkle.Digest{}
	for i, im := range merkletest.Random(newRand(12), 3000, 1) {
		m.append(f, digest(im))
		roots[first+calendar.Second(i)] = f.Root()
	}
	for _, from := range []calendar.Second{first, first + 1, first + 1023, first + 2998, first + 2999} {
		c, err := calendar.ProveConsistency(m, from, first+2999)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Steps(roots[from], roots[first+2999]); err != nil || len(c.Nodes) > 63 {
			t.Errorf("from %d: %d nodes: %v", from, len(c.Nodes), err)
		}
	}
}

// FuzzConsistency: bytes that parse are the bytes of what was parsed.
func FuzzConsistency(f *testing.F) {
	m, roots := newMemory(), []merkle.Digest{}
	c := calendar.NewFrontier(0)
	for _, im := range merkletest.Random(newRand(13), 40, 1) {
		m.append(c, digest(im))
		roots = append(roots, c.Root())
	}
	for from := calendar.Second(0); from < 40; from += 7 {
		proof, err := calendar.ProveConsistency(m, from, 39)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(proof.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		proof, err := calendar.ParseConsistency(b)
		if err != nil {
			return
		}
		if !bytes.Equal(proof.Append(nil), b) {
			t.Errorf("%x is written as %x", b, proof.Append(nil))
		}
		if _, err := proof.Steps(roots[0], roots[1]); err == nil && proof.To > 1 {
			t.Errorf("%x proves anything", b)
		}
	})
}
