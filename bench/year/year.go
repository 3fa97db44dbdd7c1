// Package year makes large ledgers for benchmarks of SQL: a round for nearly every second, in minutes instead of in the time
// itself.
//
// What it makes is what a server would have left there, filed and closed second by second, but for the hashes and signatures:
// round roots and signatures are made up, and signatures are shorter than RSA's, since neither scans nor audits of the calendar
// look into a round. Proofs of its leaves do not verify, and fsck finds that at once. Everything follows from a seed, so that
// another database can be given the same rows.
package year

import (
	"context"
	"fmt"
	"time"

	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

// First is the second of the first round: 2025-01-01T00:00:00Z.
const First calendar.Second = 1_735_689_600

// Version is raised whenever plans come to hold something else, so that what was made before is not taken for it.
const Version = 2

// A Plan says what a ledger holds: the seconds First to First+Seconds-1.
type Plan struct {
	Seed    uint64 `json:"seed"`
	Seconds uint64 `json:"seconds"`
}

// End returns the last second.
func (p Plan) End() calendar.Second { return First + calendar.Second(p.Seconds) - 1 }

// gapEvery is about how many seconds lie between two gaps, and gapMost how many seconds one has at most.
const (
	gapEvery = 100_000
	gapMost  = 60
)

// Leaves returns how many leaves the round of a second has; 0 says that it was idle. Most have one to four, every thousandth
// some hundreds.
func (p Plan) Leaves(i uint64) uint64 {
	r := p.random(i)
	switch {
	case p.gap(i):
		return 0
	case r%1000 == 0:
		return 5 + r>>32%500
	}
	return 1 + r>>32%4
}

// gap reports whether second i is in a gap: one begins in each stretch of gapEvery seconds.
func (p Plan) gap(i uint64) bool {
	r := p.random(1<<63 | i/gapEvery)
	at := r % (gapEvery - gapMost)
	in := i % gapEvery
	return i > 0 && i < p.Seconds-1 && in >= at && in <= at+r>>32%gapMost
}

func (p Plan) random(i uint64) uint64 {
	d := stream.Stream(p.Seed + 1).At(i)
	return uint64(d[0]) | uint64(d[1])<<8 | uint64(d[2])<<16 | uint64(d[3])<<24 | uint64(d[4])<<32 | uint64(d[5])<<40
}

// Root returns the round root of second i, the zero digest if it was idle.
func (p Plan) Root(i uint64) merkle.Digest {
	if p.Leaves(i) == 0 {
		return merkle.Digest{}
	}
	return stream.Stream(p.Seed + 2).At(i)
}

// A filler proposes a plan's entries.
type filler struct {
	Plan
	store       *storage.Store
	index       *index.Index
	certificate []byte
	frontier    *calendar.Frontier
	entries     []storage.Entry // the memory of those of a group
	leaves      uint64          // so far
	rounds      uint64          // so far
	hashes      []uint64        // of leaves that the index does not hold
}

// groupSeconds is how many seconds are proposed together, in one batch that is synced.
const groupSeconds = 64 * storage.BlockSeconds

// maxHashes is how many leaves the index takes in at once.
const maxHashes = 1 << 20

// Fill proposes the plan's rounds to a store whose newest closed second is the one before First and which has a certificate and
// one slot, created by then. x is the index of the store. progress is told how many seconds are done.
func (p Plan) Fill(ctx context.Context, store *storage.Store, x *index.Index, progress func(done uint64)) error {
	certificates := store.Certificates()
	if store.Closed() != First-1 || len(certificates) == 0 || len(store.Slots()) != 1 {
		return fmt.Errorf("a store closed through %s with %d certificates and %d slots is no place for a year from %s on",
			store.Closed(), len(certificates), len(store.Slots()), First)
	}
	f := &filler{Plan: p, store: store, index: x, certificate: certificates[0].ID, frontier: calendar.NewFrontier(First)}
	for i := uint64(0); i < p.Seconds; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(p.Seconds-i, groupSeconds)
		if err := f.propose(ctx, i, n); err != nil {
			return err
		}
		i += n
		progress(i)
	}
	if seals := f.appendSeals(nil); len(seals) > 0 {
		if err := store.Propose(seals...); err != nil {
			return err
		}
	}
	return f.addHashes(ctx)
}

// publicationsOf is how many publications a plan has: one at the end of each part of it.
const publicationsOf = 24

// Published reports whether the calendar root as of second i is published.
func (p Plan) Published(i uint64) bool {
	every := max(1, p.Seconds/publicationsOf)
	return i%every == every-1
}

// propose seals the blocks that are over and proposes n seconds from i on.
func (f *filler) propose(ctx context.Context, i, n uint64) error {
	entries := f.appendSeals(f.entries[:0])
	for end := i + n; i < end; i++ {
		entries = f.appendRound(entries, i)
		if f.Published(i) {
			round := First + calendar.Second(i)
			entries = append(entries, storage.Publish{Publication: storage.Publication{
				Time: round, Root: f.frontier.Root(), References: []string{"printed"}, Published: round.Time().Add(time.Second),
			}})
		}
	}
	f.entries = entries
	if err := f.store.Propose(entries...); err != nil {
		return err
	}
	if len(f.hashes) < maxHashes {
		return nil
	}
	return f.addHashes(ctx)
}

// appendSeals appends the entries that seal the blocks that are over. No block of a plan is idle as a whole: gaps are shorter.
func (f *filler) appendSeals(entries []storage.Entry) []storage.Entry {
	block, ok := f.store.SealableBlock()
	for end := uint64(f.store.Closed()+1) / storage.BlockSeconds; ok && block < end; block++ {
		entries = append(entries, storage.SealBlock{Block: block})
	}
	return entries
}

// addHashes brings the index to where the leaves are.
func (f *filler) addHashes(ctx context.Context) error {
	if len(f.hashes) == 0 {
		return nil
	}
	if err := f.index.Add(f.leaves-uint64(len(f.hashes)), f.hashes); err != nil {
		return err
	}
	f.hashes = f.hashes[:0]
	for {
		if merged, err := f.index.Merge(ctx); err != nil || !merged {
			return err
		}
	}
}

// appendRound appends the entries of second i.
func (f *filler) appendRound(entries []storage.Entry, i uint64) []storage.Entry {
	round, n := First+calendar.Second(i), f.Leaves(i)
	if n == 0 {
		f.frontier.AppendIdle(1)
		return append(entries, storage.CloseIdle{Through: round, Calendar: f.kept()})
	}
	e := storage.AppendLeaves{Round: round, At: round.Time()}
	for k := range n {
		d := stream.Stream(f.Seed).At(f.leaves + k)
		e.Leaves.Append(merkle.Digest(d).Imprint())
		f.hashes = append(f.hashes, f.index.Hash(d[:]))
	}
	root := f.Root(i)
	f.frontier.Append(root)
	f.rounds++
	c := storage.CloseRound{
		RoundRecord: storage.RoundRecord{
			Round: round, Root: root, FirstLeaf: f.leaves, SlotCount: 1, Certificate: f.certificate,
			Slots:     []storage.SlotRound{{Count: n, Root: root.Imprint(), Ordinal: f.rounds}},
			Signature: f.signature(i),
		},
		Calendar: f.kept(),
	}
	if n >= storage.TileNodes {
		c.Tiles = []storage.Tile{{Round: round, Height: storage.TileHeight, Nodes: make([]merkle.Digest, n>>storage.TileHeight)}}
	}
	f.leaves += n
	return append(entries, e, c)
}

// signature makes up the signature of second i. At the size of RSA's, signatures would be half of all that is written.
func (f *filler) signature(i uint64) []byte {
	s := stream.Stream(f.Seed + 3).At(i)
	return s[:]
}

func (f *filler) kept() []storage.CalendarNode {
	var nodes []storage.CalendarNode
	for _, n := range f.frontier.Kept() {
		nodes = append(nodes, storage.CalendarNode{Height: n.Height, Index: n.Index, Node: n.Digest})
	}
	return nodes
}
