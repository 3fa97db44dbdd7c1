package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// crashPortions are the sizes of the Adds of a crash test. They make merges of both ways of writing, and one of a run with
// the smaller ones before it.
var crashPortions = []int{batchEntries + 100, 10, 700, 700, 700, 700, 700, 700, 700, 700, batchEntries + 1, 5}

func crashLeaves() []digest {
	total := 0
	for _, n := range crashPortions {
		total += n
	}
	leaves := stream(numbered, 0, total)
	for i := 0; i < total; i += 100 {
		leaves[i] = numbered(1)
	}
	return leaves
}

// runUntilFault adds all portions with merges in between and returns the last cursor that Add acknowledged. Faults may happen from arm
// on: the making of a database is not on trial.
func runUntilFault(fs vfs.FS, leaves []digest, arm func()) (acked uint64, err error) {
	db, err := openDB(fs)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeDB(db)) }()
	arm()
	x, err := openIndex(db, fs)
	if err != nil {
		return 0, err
	}
	for _, n := range crashPortions {
		if err := x.Add(acked, hashes(x, leaves[acked:acked+uint64(n)])); err != nil {
			return acked, err
		}
		acked += uint64(n)
		for merged := true; merged; {
			if merged, err = x.Merge(context.Background()); err != nil {
				return acked, err
			}
		}
	}
	return acked, nil
}

// closeDB closes a database that may have given up.
func closeDB(db *pebble.DB) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("close: panic: %v", r)
		}
	}()
	return db.Close()
}

// mustHold opens what a crash left, compares it with the leaves, and goes on from there to the end.
func mustHold(t *testing.T, fs vfs.FS, leaves []digest, acked uint64) {
	t.Helper()
	w := &world{t: t, fs: fs}
	w.open()
	defer func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	}()
	cursor := w.x.Cursor()
	if cursor < acked {
		t.Fatalf("cursor %d after a crash, %d were acknowledged", cursor, acked)
	}
	w.leaves = leaves[:cursor]
	if err := check(w.x, w.leaves); err != nil {
		t.Fatal(err)
	}
	if n, ids := w.keys(); n != bucketsOf(w) || len(ids) != w.x.Runs() {
		t.Fatalf("%d keys for %d buckets, %d runs for %d, files %v", n, bucketsOf(w), len(ids), w.x.Runs(), w.tables())
	}
	w.add(leaves[cursor:]...)
	w.mergeAll()
	if err := check(w.x, leaves); err != nil {
		t.Fatal(err)
	}
}

// TestFaults fails the i-th file operation that writes, for every i, and reads what is on disk then: with all that was not
// synced lost, with a random half of it lost, or with nothing lost; in a soak with each of the three.
func TestFaults(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	leaves := crashLeaves()
	for i := int32(0); ; i++ {
		mem := vfs.NewCrashableMem()
		f := &fault{index: i}
		acked, err := runUntilFault(errorfs.Wrap(mem, f), leaves, func() { f.armed.Store(true) })
		percents := []int{0, 50, 100}
		if os.Getenv("JURAT_SOAK") == "" {
			percents = []int{[]int{0, 50, 0, 100}[i%4]}
		}
		for _, percent := range percents {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			mustHold(t, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rnd}), leaves, acked)
		}
		op := f.op.Load()
		if op == nil {
			t.Logf("%d points", i)
			if err != nil || acked != uint64(len(leaves)) {
				t.Fatalf("%d leaves of %d without a fault: %v", acked, len(leaves), err)
			}
			break
		}
		t.Logf("point %d, operation %d on %s: %d acknowledged: %v", i, op.Kind, op.Path, acked, err)
	}
}

// A fault fails the write operation with its index, counted from when it is armed.
type fault struct {
	index  int32
	armed  atomic.Bool
	writes atomic.Int32
	op     atomic.Pointer[errorfs.Op] // the operation that failed
}

func (f *fault) MaybeError(op errorfs.Op) error {
	if !f.armed.Load() || op.Kind.ReadOrWrite() != errorfs.OpIsWrite || f.writes.Add(1)-1 != f.index {
		return nil
	}
	f.op.Store(&op)
	return errorfs.ErrInjected
}

func (f *fault) String() string { return fmt.Sprintf("write %d fails", f.index) }
