package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// seam is a second where a node of height 24 begins, in 2026: what comes before and after it can be computed apart.
const seam = calendar.Second(107 << 24)

// Year is how many seconds a year without a leap day has.
const Year = 365 * 24 * 3600

// Calendar builds a calendar of so many seconds, each with a round, as the server does, one after the other, and verifies it
// again from its round roots, as an auditor does, many at once: in one thread, and in two, each with the seconds of one side of
// a seam.
func (b *Bench) Calendar(ctx context.Context, seconds uint64) error {
	if seconds < 2 {
		return errors.New("a calendar of less than two seconds: give more")
	}
	before := min(seconds/2, 1<<24)
	c := &calendarWork{first: seam - calendar.Second(before), leaves: make([]merkle.Digest, seconds)}
	for i := range c.leaves {
		c.leaves[i] = stream.Stream(b.Seed).At(uint64(i))
	}
	build := Contender{"build", func(context.Context, int) (map[string]float64, string, error) {
		f := calendar.NewFrontier(c.first)
		start := time.Now()
		for _, leaf := range c.leaves {
			f.Append(leaf)
		}
		return calendarRates(seconds, time.Since(start)), f.Root().String(), nil
	}}
	one := Contender{"1-thread", func(context.Context, int) (map[string]float64, string, error) {
		start := time.Now()
		root := c.add(c.first, c.leaves, func([]calendar.Node) {}).Root()
		return calendarRates(seconds, time.Since(start)), root.String(), nil
	}}
	two := Contender{"2-thread", func(context.Context, int) (map[string]float64, string, error) {
		start := time.Now()
		root, err := c.verify(before)
		return calendarRates(seconds, time.Since(start)), root.String(), err
	}}
	return b.Alternate(ctx, fmt.Sprintf("calendar/seconds=%d", seconds), build, one, two)
}

func calendarRates(seconds uint64, took time.Duration) map[string]float64 {
	return map[string]float64{"rows/s": float64(seconds) / took.Seconds(), "total-s": took.Seconds()}
}

// A calendarWork is the round roots of consecutive seconds.
type calendarWork struct {
	first  calendar.Second
	leaves []merkle.Digest
	kept   map[keptNode]merkle.Digest
}

// A keptNode names a node of the calendar that is stored.
type keptNode struct {
	height uint8
	index  uint64
}

// keepEvery is how many seconds pass between two looks at the nodes that were completed: a frontier holds them until then.
const keepEvery = 1 << 16

// add adds leaves to the calendar before first and hands the kept nodes to keep.
func (c *calendarWork) add(first calendar.Second, leaves []merkle.Digest, keep func([]calendar.Node)) *calendar.Frontier {
	f := calendar.NewFrontier(first)
	for some := range slices.Chunk(leaves, keepEvery) {
		f.AppendAll(some)
		keep(f.Kept())
	}
	return f
}

// verify computes the nodes of both sides of the seam at the same time, and from them the root as of the last second.
func (c *calendarWork) verify(before uint64) (merkle.Digest, error) {
	c.kept = make(map[keptNode]merkle.Digest)
	var mu sync.Mutex // covers c.kept
	keep := func(nodes []calendar.Node) {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range nodes {
			c.kept[keptNode{n.Height, n.Index}] = n.Digest
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.add(c.first, c.leaves[:before], keep) })
	wg.Go(func() { c.add(seam, c.leaves[before:], keep) })
	wg.Wait()
	return calendar.RootAt(c, c.first+calendar.Second(len(c.leaves)-1))
}

// ReadLeaves implements calendar.Reader.
func (c *calendarWork) ReadLeaves(dst []merkle.Digest, first calendar.Second) error {
	for i := range dst {
		dst[i] = merkle.Digest{}
		if at := first + calendar.Second(i) - c.first; at >= 0 && at < calendar.Second(len(c.leaves)) {
			dst[i] = c.leaves[at]
		}
	}
	return nil
}

// ReadNodes implements calendar.Reader.
func (c *calendarWork) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	for i := range dst {
		node, ok := c.kept[keptNode{height, first + uint64(i)}]
		if !ok {
			node = calendar.ZeroNode(height)
		}
		dst[i] = node
	}
	return nil
}
