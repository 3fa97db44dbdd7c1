package fsck

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// Bounds of a segment, unless its first round alone is larger.
const (
	segmentLeaves = 1 << 20
	segmentGroups = 1 << 10
)

// pulseRuns is how many runs are read before it is looked whether anybody still waits.
const pulseRuns = 1 << 10

// A group is the runs of one slot in one round.
type group struct {
	round  calendar.Second
	slot   uint32
	runs   uint64
	leaves uint64
	tree   *merkle.Tree // over the leaves; nil for a slot that does not exist
}

// A segment is a range of rounds whose runs one goroutine reads.
type segment struct {
	from, to calendar.Second
	first    uint64        // number of its first leaf, as far as the records of rounds are right
	done     chan struct{} // closed when what follows is set
	groups   []group       // in order of round and slot
	err      error         // the fault behind the last of groups
}

// A groupReader reads all runs, several segments at the same time, and gives their groups in order. At most a few segments are
// in memory, and of those the upper nodes of trees alone.
type groupReader struct {
	c      *checker
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	queue  chan *segment // in order

	// Of the consumer.
	groups []group // that are read and not consumed
	err    error   // behind them
}

// readGroups starts to read. close must be called.
func (c *checker) readGroups() *groupReader {
	workers := runtime.GOMAXPROCS(0)
	r := &groupReader{c: c, queue: make(chan *segment, workers)}
	r.ctx, r.cancel = context.WithCancel(c.ctx)
	work := make(chan *segment)
	r.wg.Go(func() {
		defer close(r.queue)
		defer close(work)
		r.split(func(s *segment) bool {
			for _, to := range []chan *segment{r.queue, work} {
				select {
				case to <- s:
				case <-r.ctx.Done():
					return false
				}
			}
			return true
		})
	})
	for range workers {
		r.wg.Go(func() {
			for s := range work {
				if s.err = r.read(s); s.err != nil && len(s.groups) > 0 {
					s.groups = s.groups[:len(s.groups)-1] // it may not be whole
				}
				close(s.done)
			}
		})
	}
	return r
}

func (r *groupReader) close() {
	r.cancel()
	r.wg.Wait()
}

// split calls yield with all rounds in segments until it returns false. Where the records of rounds are damaged, segments are
// of any size: checkRounds finds the fault.
func (r *groupReader) split(yield func(*segment) bool) {
	next := &segment{done: make(chan struct{})}
	leaves, groups := uint64(0), uint64(0)
	iter, err := r.c.s.Rounds(storage.RoundScan{Stored: true, To: r.c.closed, Counts: true})
	if err == nil {
		defer iter.Close()
		for iter.Next() {
			b := iter.Batch()
			for i, round := range b.Round {
				if groups > 0 && (leaves+b.Leaves[i] > segmentLeaves || groups+uint64(b.Slots[i]) > segmentGroups) {
					next.to = round - 1
					if !yield(next) {
						return
					}
					next = &segment{from: round, first: next.first + leaves, done: make(chan struct{})}
					leaves, groups = 0, 0
				}
				leaves += b.Leaves[i]
				groups += uint64(b.Slots[i])
			}
		}
	}
	next.to = math.MaxInt64
	yield(next)
}

// read reads the runs of a segment.
func (r *groupReader) read(s *segment) error {
	iter, err := r.c.s.Leaves(storage.LeafScan{From: s.from, To: s.to})
	if err != nil {
		return err
	}
	defer iter.Close()
	number := s.first
	var g *group
	var hashes []uint64
	for n := 0; iter.Next(); n++ {
		if n%pulseRuns == 0 && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		run := iter.Run()
		if g == nil || g.round != run.Round || g.slot != run.Slot {
			s.groups = append(s.groups, r.newGroup(&run))
			g = &s.groups[len(s.groups)-1]
		}
		if run.First != g.leaves {
			return different("round %s: slot %d: run at %d, want one at %d", run.Round, run.Slot, run.First, g.leaves)
		}
		g.runs++
		g.leaves += uint64(run.Leaves.Len())
		if g.tree == nil {
			continue
		}
		g.tree.Append(&run.Leaves)
		if r.c.o.Index != nil && run.Round <= r.c.closed {
			hashes = hashLeaves(r.c.o.Index, hashes, &run.Leaves)
			r.c.o.Index.Add(number, hashes)
		}
		number += uint64(run.Leaves.Len())
	}
	return iter.Err()
}

// hashLeaves returns what the index keeps of leaves, in the memory of hashes if it has room.
func hashLeaves(x Index, hashes []uint64, leaves *merkle.Leaves) []uint64 {
	hashes = slices.Grow(hashes[:0], leaves.Len())[:leaves.Len()]
	if alg, digests, ok := leaves.Uniform(); ok {
		x.HashAll(hashes, digests, alg.Size())
		return hashes
	}
	for i := range hashes {
		im := leaves.At(i)
		hashes[i] = x.Hash(im.Digest())
	}
	return hashes
}

// newGroup returns the group that a run begins.
func (r *groupReader) newGroup(run *storage.Run) group {
	g := group{round: run.Round, slot: run.Slot}
	if int(run.Slot) < len(r.c.slots) {
		g.tree = merkle.NewTree(r.c.slots[run.Slot].Base)
	}
	return g
}

// errEnd says that there are no more groups.
var errEnd = errors.New("end of the runs")

// peek returns the next group, errEnd behind the last.
func (r *groupReader) peek() (*group, error) {
	for len(r.groups) == 0 {
		if r.err != nil {
			return nil, r.err
		}
		s, ok := <-r.queue
		if !ok {
			if r.err = r.ctx.Err(); r.err == nil {
				r.err = errEnd
			}
			continue
		}
		select {
		case <-s.done:
		case <-r.ctx.Done():
			r.err = r.ctx.Err()
			continue
		}
		r.groups, r.err = s.groups, s.err
	}
	return &r.groups[0], nil
}

// next moves on behind the group that peek returned.
func (r *groupReader) next() {
	r.groups[0].tree = nil
	r.groups = r.groups[1:]
}
