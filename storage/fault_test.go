package storage_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// script returns what the fault sweeps propose, group by group: the founding, leaves of several groups, closed rounds,
// idle seconds, publications, a key, a block to seal, lines of the journal, a day of it that is filed.
var script = sync.OnceValues(func() (storage.Genesis, [][]storage.Entry) {
	m := storagetest.NewMaker(11)
	first := storagetest.First
	lines := journal(storage.JournalHead{},
		storage.JournalEvent{Time: first.Time(), Times: 1, Event: "start"},
		storage.JournalEvent{Time: first.Time(), Times: 1, Event: "role", Actor: "jurat"},
		storage.JournalEvent{Time: (first + 4).Time(), Times: 2, Event: "login"},
		storage.JournalEvent{Time: (first + 4).Time().AddDate(0, 0, 1), Times: 1, Event: "stop"})
	var hash merkle.Leaves
	hash.Append(hashOf(lines[2]).Imprint())
	filed := storage.JournalDay{Day: storage.Day(first.Time()), Last: 3, Hash: hashOf(lines[2]),
		Leaf: storage.Position{Round: first + 1303, Slot: 4}}
	return m.Genesis(), [][]storage.Entry{
		append(m.Begin(3), lines[0]),
		{m.Append(first, 0, 3, true), m.Append(first, 1, 500, false)},
		{m.Append(first, 0, 2, true)},
		{m.Close(first)},
		{lines[1], m.Publish("Gazette"), storage.SetKSIKey{Login: "jurat", Key: []byte("anon")}},
		{m.Close(first + 3), m.Publish(), m.Append(first+4, 2, 5, false), m.Append(first+5, 1, 1, false)},
		{m.Close(first + 4), m.CreateSlot("late", "main", 0, first+5)},
		{m.Close(first + 5), lines[2]},
		{m.Close(first + 1300), m.Publish("Gazette")},
		{m.Publish("Gazette", "Herald"), storage.SetKSIKey{Login: "jurat"}},
		{storage.SealBlock{Block: uint64(first) / storage.BlockSeconds}},
		{m.Append(first+1301, 3, 2000, true), m.Close(first + 1301), m.Append(first+1302, 3, 1, false)},
		{m.Append(first+1302, 3, 1100, false), m.Append(first+1302, 1, 30, true), m.Append(first+1302, 3, 20, true)},
		{m.Append(first+1302, 3, 2, false)},
		{m.Append(first+1302, 3, 4*storage.MaxRun+1, false)}, // two tables
		{keep(m, first+1302)},
		{m.Append(first+1302, 3, 200, false)},
		{keep(m, first+1302), m.Publish("Gazette", "Herald")},
		{m.Close(first + 1302), m.CreateSlot(storage.JournalAgency, storage.JournalLane, 0, first+1303)},
		{m.AppendLeaves(first+1303, 4, hash), storage.FileJournalDay{JournalDay: filed}},
		{m.Close(first + 1303), lines[3]},
	}
})

// keep returns the entry that stores nodes of a round ahead of its end.
func keep(m *storagetest.Maker, round calendar.Second) storage.KeepTiles {
	e, ok := m.Keep(round)
	if !ok {
		panic("nothing to keep")
	}
	return e
}

// A disk fails at its i-th operation: it returns an error, or the power goes.
type disk struct {
	at      int32 // operation that fails, negative for none
	cut     bool  // always cut the power
	ops     atomic.Int32
	dead    atomic.Bool
	failing atomic.Bool // every sync fails
	end     chan error  // of the run
}

func newDisk(i int32, cut bool) *disk { return &disk{at: i, cut: cut, end: make(chan error, 10)} }

func (d *disk) String() string { return "disk" }

// MaybeError makes d an errorfs.Injector.
func (d *disk) MaybeError(op errorfs.Op) error {
	if d.dead.Load() {
		select {}
	}
	if d.failing.Load() && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
		return errorfs.ErrInjected
	}
	if d.ops.Add(1) != d.at+1 {
		return nil
	}
	if d.cut || background(op.Path) {
		d.die(errorfs.ErrInjected)
	}
	return errorfs.ErrInjected
}

// background reports whether Pebble may use a file in the background, where it answers many errors by a panic. That ends
// the process, so here it is as good as a power cut.
func background(path string) bool {
	return strings.HasPrefix(path, "store/db/") && !strings.HasSuffix(path, ".log") || path == "store/db"
}

// die cuts the power: no operation goes on.
func (d *disk) die(err error) {
	d.dead.Store(true)
	d.end <- err
	select {}
}

// run creates a store on fs, which fails as d says, and proposes the script. It returns how many groups the store
// acknowledged, -1 if not even its creation. flush makes Pebble write tables midway.
func run(d *disk, fs vfs.FS, flush bool) (acked int, err error) {
	var n atomic.Int32
	n.Store(-1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				d.end <- fmt.Errorf("%v", r)
			}
		}()
		d.end <- runScript(options(fs), flush, &n)
	}()
	err = <-d.end
	return int(n.Load()), err
}

// runScript counts in acked the groups that the store acknowledged.
func runScript(o storage.Options, flush bool, acked *atomic.Int32) (err error) {
	g, groups := script()
	s, err := storage.Create("store", g, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	acked.Store(0)
	for i, group := range groups {
		if err := s.Propose(group...); err != nil {
			if s.Propose(group...) == nil {
				panic("a store that failed goes on")
			}
			return err
		}
		acked.Add(1)
		if flush && i == 5 {
			if err := s.DB().Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// mustHold opens what a crash has left and fails unless it is exactly the first groups of the script: all that were
// acknowledged and perhaps the one after, whole.
func mustHold(t *testing.T, fs vfs.FS, acked int) {
	t.Helper()
	g, groups := script()
	s, err := storage.Open("store", options(fs))
	if acked < 0 && errors.Is(err, storage.ErrNotFound) {
		s, err = storage.Create("store", g, options(fs))
	}
	if err != nil {
		t.Fatalf("%d groups acknowledged: %v", acked, err)
	}
	defer s.Close()
	if _, err := fsck.Check(t.Context(), s, fsck.Options{}); err != nil {
		t.Fatalf("%d groups acknowledged: %v", acked, err)
	}
	held := slices.Index(states(t), dump(t, s))
	if held < max(acked, 0) || held > acked+1 {
		t.Fatalf("%d groups acknowledged, %d held", acked, held)
	}
	for _, group := range groups[held:] {
		if err := s.Propose(group...); err != nil {
			t.Fatalf("go on after %d groups: %v", held, err)
		}
	}
	if _, err := fsck.Check(t.Context(), s, fsck.Options{}); err != nil {
		t.Fatalf("gone on after %d groups: %v", held, err)
	}
}

// dump returns a hash of all that is stored.
func dump(t testing.TB, s *storage.Store) [32]byte {
	t.Helper()
	it, err := s.DB().NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	h := sha256.New()
	for ok := it.First(); ok; ok = it.Next() {
		fmt.Fprintf(h, "%x %x\n", it.Key(), it.Value())
	}
	return [32]byte(h.Sum(nil))
}

// states returns dumps after 0, 1, 2 … groups of the script.
func states(t testing.TB) [][32]byte {
	statesOnce.Do(func() {
		g, groups := script()
		s := create(t, vfs.NewMem(), g)
		defer s.Close()
		statesDumps = append(statesDumps, dump(t, s))
		for _, group := range groups {
			if err := s.Propose(group...); err != nil {
				t.Fatal(err)
			}
			statesDumps = append(statesDumps, dump(t, s))
		}
	})
	return statesDumps
}

var (
	statesOnce  sync.Once
	statesDumps [][32]byte
)

// TestCreateFaults lets each operation of Create fail: it says so, and the next Create on the same disk succeeds.
func TestCreateFaults(t *testing.T) {
	g, _ := script()
	for i := int32(0); ; i++ {
		mem := vfs.NewMem()
		var ops atomic.Int32
		fail := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if background(op.Path) {
				return nil
			}
			if ops.Add(1) == i+1 {
				return errorfs.ErrInjected
			}
			return nil
		})
		s, err := storage.Create("store", g, options(errorfs.Wrap(mem, fail)))
		if err == nil { // no fault, or one that Pebble can do without
			if err := s.Close(); ops.Load() <= i {
				if err != nil {
					t.Fatalf("no fault, but %v", err)
				}
				return
			}
			continue
		}
		if s, err = storage.Open("store", options(mem)); errors.Is(err, storage.ErrNotFound) {
			s, err = storage.Create("store", g, options(mem))
		}
		if err != nil {
			t.Fatalf("operation %d: %v", i, err)
		}
		s.Close()
	}
}
