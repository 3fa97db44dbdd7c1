package storage_test

import (
	"errors"
	"math/rand/v2"
	"path"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/jurat-ledger/jurat/storage"
)

// A smallDisk is full from its i-th writing operation on, until room is made.
type smallDisk struct {
	err  error // ENOSPC or EDQUOT
	at   int32
	ops  atomic.Int32
	room atomic.Bool
}

func (d *smallDisk) String() string { return "small disk" }

// MaybeError makes d an errorfs.Injector.
func (d *smallDisk) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpCreate, errorfs.OpMkdirAll, errorfs.OpReuseForWrite, errorfs.OpLink,
		errorfs.OpRename:
	default:
		return nil
	}
	if d.ops.Add(1) > d.at && !d.room.Load() {
		return d.err
	}
	return nil
}

// A probedFS keeps nothing of what looks for room: memory would be copied again and again as such a file grows.
type probedFS struct{ vfs.FS }

func (fs probedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	if err == nil && path.Base(name) == "probe" {
		f = probedFile{f}
	}
	return f, err
}

type probedFile struct{ vfs.File }

func (probedFile) Write(p []byte) (int, error) { return len(p), nil }

// TestFullDisk fills the disk at each operation that writes, those of flushes in the background included: a proposal waits, what
// is stored can be read, and when there is room all goes on as if nothing had been. Operations are taken as in a sweep.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	faults := []error{syscall.ENOSPC, syscall.EDQUOT}
	for i, step := stride(rand.New(rand.NewPCG(seed, 0))); ; i += step {
		d := &smallDisk{err: faults[int(i/step)%len(faults)], at: i}
		d.room.Store(true) // for the creation
		mem := vfs.NewCrashableMem()
		g, groups := script()
		s := create(t, errorfs.Wrap(probedFS{mem}, d), g)
		created := d.ops.Load()
		d.ops.Store(0)
		d.room.Store(false)
		done := make(chan error, 1)
		go func() { done <- proposeAll(s, groups) }()
		var err error
		select {
		case err = <-done:
		case <-s.Full():
			mustRead(t, s)
			d.room.Store(true)
			err = <-done
		}
		if err != nil {
			t.Fatalf("write %d after %d of the creation: %v", i, created, err)
		}
		full := d.ops.Load() > i
		d.room.Store(true)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		mustHold(t, mem.CrashClone(vfs.CrashCloneCfg{}), len(groups))
		if !full {
			t.Logf("%d writes", i)
			return
		}
	}
}

// proposeAll proposes groups and has tables written midway.
func proposeAll(s *storage.Store, groups [][]storage.Entry) error {
	for i, group := range groups {
		if err := s.Propose(group...); err != nil {
			return err
		}
		if i == 5 {
			if err := s.DB().Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// mustRead reads all that is stored, and the rounds as queries do.
func mustRead(t *testing.T, s *storage.Store) {
	t.Helper()
	dump(t, s)
	rounds, err := s.Rounds(storage.RoundScan{To: s.Closed(), Roots: true, Counts: true, Slots: []uint32{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rounds.Next() {
		n += len(rounds.Batch().Round)
	}
	if err := errors.Join(rounds.Err(), rounds.Close()); err != nil {
		t.Fatalf("while the disk is full, after %d rounds: %v", n, err)
	}
}
