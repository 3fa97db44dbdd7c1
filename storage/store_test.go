package storage_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// options has groups of some dozen leaves written as tables, so that every test has proposals of both kinds.
func options(fs vfs.FS) storage.Options {
	return storage.Options{FS: fs, TableLeaves: 40, RoundBytes: 6000, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func create(t testing.TB, fs vfs.FS, g storage.Genesis) *storage.Store {
	t.Helper()
	s, err := storage.Create("store", g, options(fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reopen(t testing.TB, fs vfs.FS, s *storage.Store) *storage.Store {
	t.Helper()
	if s != nil {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := storage.Open("store", options(fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A world is a store and its twin under random work.
type world struct {
	t     testing.TB
	fs    vfs.FS
	s     *storage.Store
	tw    *twin
	m     *storagetest.Maker
	slots uint32
}

func newWorld(t testing.TB, seed uint64) *world {
	t.Logf("seed %d", seed)
	w := &world{t: t, fs: vfs.NewMem(), m: storagetest.NewMaker(seed), slots: 5}
	w.s, w.tw = create(t, w.fs, w.m.Genesis()), newTwin(w.m.Genesis())
	w.propose(w.m.Begin(int(w.slots))...)
	t.Cleanup(func() { w.s.Close() })
	return w
}

func (w *world) propose(entries ...storage.Entry) {
	w.t.Helper()
	if err := w.s.Propose(entries...); err != nil {
		w.t.Fatal(err)
	}
	w.tw.apply(entries...)
}

// round files some leaves in the round skip seconds after the next and closes it, with its entries grouped at random.
func (w *world) round(skip int) {
	w.t.Helper()
	r := w.m.Rand
	round := w.m.Closed() + 1 + calendar.Second(skip)
	var group []storage.Entry
	for range 1 + r.IntN(4) {
		n := 1 + r.IntN(6)
		if r.IntN(40) == 0 {
			n = 1 + r.IntN(3*storage.MaxRun)
		}
		group = append(group, w.m.Append(round, uint32(r.IntN(int(w.slots))), n, r.IntN(3) == 0))
		if r.IntN(2) == 0 {
			w.propose(group...)
			group = nil
			if e, ok := w.m.Keep(round); ok && r.IntN(2) == 0 {
				w.propose(e)
			} else if ok {
				group = append(group, e)
			}
		}
	}
	if r.IntN(20) == 0 {
		group = append(group, w.m.CreateSlot(fmt.Sprintf("late %d", w.slots), "main", 0, round))
		w.slots++
	}
	if skip > 1 && r.IntN(2) == 0 {
		w.propose(w.m.Close(round - 1))
	}
	w.propose(append(group, w.m.Close(round))...)
}

// publish publishes the newest closed second, or adds to an earlier publication, and gives keys to roles.
func (w *world) publish() {
	w.t.Helper()
	r := w.m.Rand
	login := fmt.Sprintf("role %d", r.IntN(5))
	var group []storage.Entry
	if _, ok := w.tw.roles[login]; !ok {
		group = append(group, storage.CreateRole{Role: storage.Role{Name: login, Kind: storage.RoleKind(r.IntN(4)), NoLogin: r.IntN(2) == 0}})
	} else {
		role := w.tw.roles[login]
		role.Kind, role.Verifier = storage.RoleKind(r.IntN(4)), strings.Repeat("v", r.IntN(storage.MaxVerifier+1))
		role.Limited, role.Connections, role.ValidUntil = true, uint32(r.IntN(3)), time.UnixMicro(r.Int64N(1<<50)+1).UTC()
		role.Dropped = role.Dropped || r.IntN(9) == 0
		group = append(group, storage.ChangeRole{Role: role})
	}
	if w.tw.keys[login] != "" && r.IntN(2) == 0 {
		group = append(group, storage.SetKSIKey{Login: login})
	} else {
		group = append(group, storage.SetKSIKey{Login: login, Key: []byte(fmt.Sprint("key ", r.IntN(100)))})
	}
	if all := w.s.Publications(); len(all) > 0 && r.IntN(2) == 0 {
		p := all[r.IntN(len(all))]
		p.References = append(slices.Clone(p.References), fmt.Sprint("Gazette, p. ", r.IntN(100)))
		group = append(group, storage.Publish{Publication: p})
	}
	w.propose(append(group, w.m.Publish([]string{"Gazette", "Herald"}[:r.IntN(3)]...))...)
}

func (w *world) seal() (sealed bool) {
	w.t.Helper()
	block, ok := w.s.SealableBlock()
	if ok {
		w.propose(storage.SealBlock{Block: block})
	}
	return ok
}

// TestTwin lets random work run and compares every reader with the twin, before and after sealing and reopening.
func TestTwin(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			gap := []int{1, 30, 200, 2000}[seed]
			for range 3 {
				for range 15 {
					w.round(w.m.Rand.IntN(gap) * w.m.Rand.IntN(2))
					if w.m.Rand.IntN(3) == 0 {
						w.publish()
					}
				}
				w.propose(w.m.Append(w.m.Closed()+3, 1, 5, true), w.m.Append(w.m.Closed()+3, 4, 1500, false))
				w.check()
				for i := 0; w.seal(); i++ {
					if i%5 == 0 {
						w.check()
					}
				}
				w.s = reopen(t, w.fs, w.s)
				w.check()
				w.propose(w.m.Close(w.m.Closed() + 3))
			}
			w.propose(w.m.Close(w.m.Closed() + 3*storage.BlockSeconds))
			for w.seal() {
			}
			w.s = reopen(t, w.fs, w.s)
			w.check()
			if _, ok := w.s.SealableBlock(); ok {
				t.Fatal("all is sealed, yet a block is due")
			}
		})
	}
}

func (w *world) check() {
	w.t.Helper()
	w.tw.check(w.t, w.s)
	from, to := w.m.Genesis().First-10, w.m.Closed()+10
	w.checkScans(from, to)
	for range 2 {
		at := from + calendar.Second(w.m.Rand.IntN(int(to-from)))
		w.checkScans(at, at)
	}
	for range 2 {
		a := from + calendar.Second(w.m.Rand.IntN(int(to-from)))
		w.checkScans(a, a+calendar.Second(w.m.Rand.IntN(int(to-a)+1)))
	}
}

// checkScans compares the scans of rounds from to to with the twin's, for all slots, some, and none, in both directions.
func (w *world) checkScans(from, to calendar.Second) {
	w.t.Helper()
	if rounds := slices.Sorted(maps.Keys(w.tw.rounds)); len(rounds) > 0 {
		root := w.tw.rounds[rounds[len(rounds)/2]].Root
		for _, desc := range []bool{false, true} {
			w.checkRoundScan(storage.RoundScan{From: from, To: to, Desc: desc, Roots: true, Counts: desc, Root: &root})
			w.checkRoundScan(storage.RoundScan{From: from, To: to, Desc: desc, Roots: true, Counts: desc, Root: &root, Seconds: w.lists(from, to)[2]})
		}
	}
	for _, slots := range [][]uint32{nil, {}, {0}, {1, 3}, {2, 4, 99}, {1 << 31}} {
		for _, desc := range []bool{false, true} {
			w.checkLeafScan(storage.LeafScan{From: from, To: to, Slots: slots, Desc: desc})
			share, seed := w.m.Rand.Uint64(), w.m.Rand.Uint64()
			w.checkLeafScan(storage.LeafScan{From: from, To: to, Slots: slots, Sample: func(round calendar.Second, block uint64) bool {
				return (uint64(round)^seed+block)*0x9e3779b97f4a7c15 < share
			}})
			for columns := range 4 {
				w.checkRoundScan(storage.RoundScan{From: from, To: to, Slots: slots, Desc: desc,
					Roots: columns&1 != 0, Counts: columns&2 != 0, Few: columns + len(slots)})
			}
			w.checkRoundScan(storage.RoundScan{From: from, To: to, Slots: slots, Desc: desc, Roots: true, Counts: true, Stored: true})
			for _, list := range w.lists(from, to) {
				w.checkRoundScan(storage.RoundScan{From: from, To: to, Slots: slots, Desc: desc, Roots: true, Counts: true, Seconds: list})
				w.checkRoundScan(storage.RoundScan{To: 1 << 40, Slots: slots, Desc: desc, Counts: true, Seconds: list, Stored: true})
			}
			least := uint64(w.m.Rand.IntN(60))
			within := storage.Span{Min: least, Max: least + uint64(w.m.Rand.IntN(60))}
			w.checkRoundScan(storage.RoundScan{From: from, To: to, Slots: slots, Desc: desc, Roots: true, Counts: true, Leaves: &within,
				Few: w.m.Rand.IntN(9), Seconds: w.lists(from, to)[1]})
		}
	}
}

// lists returns lists of seconds: an empty one, and such as hold few and many of those around from and to.
func (w *world) lists(from, to calendar.Second) [][]calendar.Second {
	lists := [][]calendar.Second{{}, nil, nil}
	for at := from - 2; at <= to+2; at++ {
		if w.m.Rand.IntN(20) == 0 {
			lists[1] = append(lists[1], at)
		}
		if w.m.Rand.IntN(4) > 0 {
			lists[2] = append(lists[2], at)
		}
	}
	return lists
}

func selected(slots []uint32, slot uint32) bool { return slots == nil || slices.Contains(slots, slot) }

func (w *world) checkLeafScan(scan storage.LeafScan) {
	w.t.Helper()
	var want, got []twinLeaf
	for _, l := range w.tw.leaves {
		if l.Round >= scan.From && l.Round <= scan.To && selected(scan.Slots, l.Slot) && (scan.Sample == nil || scan.Sample(l.Round, l.Index/storage.SampleBlock)) {
			want = append(want, l)
		}
	}
	iter, err := w.s.Leaves(scan)
	if err != nil {
		w.t.Fatal(err)
	}
	defer iter.Close()
	for iter.Next() {
		r := iter.Run()
		if n := r.Leaves.Len(); n == 0 || n > storage.MaxRun {
			w.t.Fatalf("run of %d leaves", n)
		}
		start := len(got)
		for i := range r.Leaves.Len() {
			got = append(got, twinLeaf{storage.Position{Round: r.Round, Slot: r.Slot, Index: r.First + uint64(i)}, r.Leaves.At(i), r.At})
		}
		if scan.Desc {
			slices.Reverse(got[start:])
		}
	}
	if scan.Desc {
		slices.Reverse(got)
	}
	if err := iter.Err(); err != nil || !slices.Equal(got, want) {
		w.t.Fatalf("%+v: %d leaves, want %d; %v", scan, len(got), len(want), err)
	}
}

func (w *world) checkRoundScan(scan storage.RoundScan) {
	w.t.Helper()
	type row struct {
		round  calendar.Second
		root   string
		leaves uint64
		slots  uint32
	}
	var want, got []row
	for round, r := range w.tw.rounds {
		if _, listed := slices.BinarySearch(scan.Seconds, round); round < scan.From || round > scan.To || scan.Seconds != nil && !listed {
			continue
		}
		x := row{round: round}
		if scan.Roots {
			x.root = r.Root.String()
		}
		for _, s := range r.Slots {
			if scan.Counts && selected(scan.Slots, s.Slot) {
				x.leaves += s.Count
				x.slots++
			}
		}
		want = append(want, x)
	}
	slices.SortFunc(want, func(a, b row) int { return int(a.round - b.round) })
	iter, err := w.s.Rounds(scan)
	if err != nil {
		w.t.Fatal(err)
	}
	defer iter.Close()
	for iter.Next() {
		b := iter.Batch()
		if n := len(b.Round); n == 0 && scan.Root == nil && scan.Leaves == nil && scan.Seconds == nil || n > storage.BlockSeconds {
			w.t.Fatalf("batch of %d rounds", n)
		}
		for i := range b.Round {
			x := row{round: b.Round[i]}
			if scan.Roots {
				x.root = b.Root[i].String()
			}
			if scan.Counts {
				x.leaves, x.slots = b.Leaves[i], b.Slots[i]
			}
			got = append(got, x)
		}
	}
	if scan.Desc {
		slices.Reverse(got)
	}
	if within := scan.Leaves; within != nil {
		other := func(x row) bool { return x.leaves < within.Min || x.leaves > within.Max }
		got, want = slices.DeleteFunc(got, other), slices.DeleteFunc(want, other)
	}
	if scan.Root != nil {
		other := func(x row) bool { return x.root != scan.Root.String() }
		got, want = slices.DeleteFunc(got, other), slices.DeleteFunc(want, other)
	}
	if err := iter.Err(); err != nil || !slices.Equal(got, want) {
		w.t.Fatalf("%+v: %v\nwant %v\n%v", scan, got, want, err)
	}
}

// TestSnapshot shows that iterators see the store as it stood when they were made.
func TestSnapshot(t *testing.T) {
	w := newWorld(t, rand.Uint64())
	for range 30 {
		w.round(w.m.Rand.IntN(100))
	}
	scan := storage.RoundScan{From: 0, To: 1 << 40, Roots: true, Counts: true}
	rounds, err := w.s.Rounds(scan)
	if err != nil {
		t.Fatal(err)
	}
	defer rounds.Close()
	leaves, err := w.s.Leaves(storage.LeafScan{From: 0, To: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	defer leaves.Close()
	wantRounds, wantLeaves := len(w.tw.rounds), len(w.tw.leaves)
	for range 30 {
		w.round(w.m.Rand.IntN(100))
	}
	for w.seal() {
	}
	gotRounds, gotLeaves := 0, 0
	for rounds.Next() {
		gotRounds += len(rounds.Batch().Round)
	}
	for leaves.Next() {
		r := leaves.Run()
		gotLeaves += r.Leaves.Len()
	}
	if err := errors.Join(rounds.Err(), leaves.Err()); err != nil || gotRounds != wantRounds || gotLeaves != wantLeaves {
		t.Fatalf("%d rounds, %d leaves, want %d and %d; %v", gotRounds, gotLeaves, wantRounds, wantLeaves, err)
	}
}
