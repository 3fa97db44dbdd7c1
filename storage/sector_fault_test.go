package storage_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// A sectorFault is how an operation of a sectorFS fails.
type sectorFault struct {
	cut    bool // the power goes; else the operation returns an error
	effect effect
}

// sweep lets the i-th operation on the disk fail for i = 0, 1, 2 … until a run has fewer operations, then cuts the power, which
// loses nothing of what was not synced, all of it, or any of its sectors and names. Without JURAT_SOAK it takes every second
// operation, the odd or the even ones.
func sweep(t *testing.T, fault sectorFault) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var tables atomic.Int32
	for i, step := stride(rnd); ; i += step {
		d := newDisk(i, fault.cut)
		fs := newSectorFS(t, faultOf(d, &tables), fault.effect)
		acked, err := run(d, fs, fault.cut)
		percents := []int{0, 50, 50, 100}
		if os.Getenv("JURAT_SOAK") == "" {
			at := rnd.IntN(len(percents))
			percents = percents[at : at+1]
		}
		for _, percent := range percents {
			mustHold(t, fs.Crash(percent, rnd), acked)
		}
		if t.Failed() {
			t.Fatalf("operation %d", i)
		}
		if d.ops.Load() <= i {
			if err != nil {
				t.Fatalf("no fault, but %v", err)
			}
			if tables.Load() == 0 {
				t.Error("no operation on a table failed")
			}
			t.Logf("%d operations, %d of them on tables of leaves", i, tables.Load())
			return
		}
	}
}

// stride returns at which operation a sweep begins and how far it steps.
func stride(rnd *rand.Rand) (first, step int32) {
	if os.Getenv("JURAT_SOAK") != "" {
		return 0, 1
	}
	return rnd.Int32N(2), 2
}

// faultOf counts in tables how often d fails an operation on the file of a table.
func faultOf(d *disk, tables *atomic.Int32) errorfs.Injector {
	return errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".leaves.sst") && d.ops.Load() == d.at {
			tables.Add(1)
		}
		return d.MaybeError(op)
	})
}

// TestFaults: an operation fails and has no effect.
func TestFaults(t *testing.T) { sweep(t, sectorFault{}) }

// TestPersistedFaults: an operation is said to have failed, yet it took place.
func TestPersistedFaults(t *testing.T) { sweep(t, sectorFault{effect: effectAll}) }

// TestTornFaults: an operation fails, a write midway.
func TestTornFaults(t *testing.T) { sweep(t, sectorFault{effect: effectHalf}) }

// TestPowerCut: the process ends before an operation, those of a flush in the background included.
func TestPowerCut(t *testing.T) { sweep(t, sectorFault{cut: true}) }

// TestLargeTable cuts the power around and between the direct writes of a table longer than their buffer; before reads of it where
// anything was written since it was read last.
func TestLargeTable(t *testing.T) {
	t.Parallel()
	const leaves = 66_000
	m := storagetest.NewMaker(12)
	groups := [][]storage.Entry{m.Begin(1), {m.Append(storagetest.First, 0, leaves, false)}}
	rnd := rand.New(rand.NewPCG(1, 0))
	var writes atomic.Int32
	for i := int32(0); ; i++ {
		d := newDisk(i, true)
		var changed atomic.Bool
		fs := newSectorFS(t, errorfs.InjectorFunc(func(op errorfs.Op) error {
			reads := op.Kind.ReadOrWrite() == errorfs.OpIsRead
			if !reads {
				changed.Store(true)
			}
			if !strings.HasSuffix(op.Path, ".leaves.sst") || reads && !changed.Swap(false) && !d.dead.Load() {
				return nil
			}
			if op.Kind == errorfs.OpFileWrite && d.ops.Load() == d.at {
				writes.Add(1)
			}
			return d.MaybeError(op)
		}), effectNone)
		var acked atomic.Bool
		go func() {
			s := create(t, fs, m.Genesis())
			for _, group := range groups {
				if err := s.Propose(group...); err != nil {
					t.Error(err)
				}
			}
			acked.Store(true)
			d.end <- s.Close()
		}()
		<-d.end
		held := leavesAfter(t, fs.Crash(50, rnd))
		if held != leaves && (held != 0 || acked.Load()) {
			t.Fatalf("operation %d: acknowledged %v, %d leaves held", i, acked.Load(), held)
		}
		if d.ops.Load() <= i {
			if writes.Load() < 3 {
				t.Errorf("a cut before %d writes only", writes.Load())
			}
			return
		}
	}
}

// leavesAfter opens what a crash has left, which must be in order, and returns how many leaves open rounds hold in slot 0.
func leavesAfter(t *testing.T, fs vfs.FS) (n uint64) {
	t.Helper()
	s, err := storage.Open("store", options(fs))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := fsck.Check(t.Context(), s, fsck.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, open := range s.OpenRounds() {
		n += open.Counts[0]
	}
	return n
}

// TestNameLeft: the name of a table that the database has taken in cannot be removed. The next table, which has the same, must
// not be written over it.
func TestNameLeft(t *testing.T) {
	m := storagetest.NewMaker(13)
	dir := filepath.Join(t.TempDir(), "store")
	var failing atomic.Bool
	failing.Store(true)
	o := options(nil)
	o.FS = keepNames{vfs.Default, &failing}
	s, err := storage.Create(dir, m.Genesis(), o)
	if err != nil {
		t.Fatal(err)
	}
	tw := newTwin(m.Genesis())
	for _, group := range [][]storage.Entry{m.Begin(1), {m.Append(storagetest.First, 0, 2000, false)},
		{m.Append(storagetest.First, 0, 100, false)}, {m.Close(storagetest.First)}} {
		if err := s.Propose(group...); err != nil {
			t.Fatal(err)
		}
		tw.apply(group...)
	}
	tw.check(t, s)
	failing.Store(false)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = storage.Open(dir, o); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tw.check(t, s)
}

// keepNames does not remove tables.
type keepNames struct {
	vfs.FS
	failing *atomic.Bool
}

func (fs keepNames) Remove(name string) error {
	if fs.failing.Load() && strings.HasSuffix(name, ".leaves.sst") {
		return errorfs.ErrInjected
	}
	return fs.FS.Remove(name)
}

// CreateDirect makes fs a storage.DirectFS.
func (fs keepNames) CreateDirect(name string) (storage.DirectWriter, error) {
	return storage.DirectDisk.CreateDirect(name)
}
