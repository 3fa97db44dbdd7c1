package backup_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/index"
)

// restoreChain makes a full backup and one based on it, and returns what the last one holds.
func restoreChain(t *testing.T) (chain []string, m *backup.Manifest) {
	w := newWorld(t, vfs.Default, t.TempDir(), 8)
	defer w.close()
	to := t.TempDir()
	var previous []byte
	for _, name := range []string{"full", "next.tar.zst"} {
		w.file(1200, 30, 2)
		w.propose(w.maker.Append(w.round, 0, 5, false))
		path := filepath.Join(to, name)
		previous = take(t, w.source(), backup.Options{Previous: previous}, path)
		chain = append(chain, path)
	}
	m, err := backup.ParseManifest(previous)
	if err != nil {
		t.Fatal(err)
	}
	return chain, m
}

// restoreInto restores to a file system.
func restoreInto(fs vfs.FS, chain []string) (*backup.Manifest, fsck.Report, error) {
	return backup.Restore(context.Background(), chain, "data", backup.RestoreOptions{FS: fs, Now: made.Add(time.Hour)})
}

// mustBeWhole demands that a directory holds what the manifest says, in order, and the mark.
func mustBeWhole(t *testing.T, fs vfs.FS, m *backup.Manifest) {
	t.Helper()
	s, err := storage.Open("data/store", storage.Options{FS: fs, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, err := index.Open(s.DB(), index.Options{FS: fs, Dir: "data/index"})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	comparison := x.NewCheck()
	defer comparison.Close()
	r, err := fsck.Check(t.Context(), s, fsck.Options{Index: comparison})
	if err != nil || r.Leaves != m.Leaves || r.OpenLeaves != 5 || r.Through.String() != m.LastRound || r.Indexed != m.Leaves {
		t.Errorf("checked %+v of %+v: %v", r, m, err)
	}
	for _, name := range []string{backup.MarkName, "keys/calendar.key", "keys/calendar.crt", "keys/root.key"} {
		if info, err := fs.Stat("data/" + name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRestorePowerCut cuts the power before each write of a restore, which loses all, some or nothing of what was not synced: no
// server starts on the directory, which says why, or it is whole. A second restore completes.
func TestRestorePowerCut(t *testing.T) {
	t.Parallel()
	chain, m := restoreChain(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	mem := vfs.NewCrashableMem()
	left := map[string]int{}
	step := 10
	if os.Getenv("JURAT_SOAK") != "" {
		step = 1
	}
	writes, skip := 0, r.IntN(step)
	cut := func(percent int) {
		after := vfs.FS(mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: r}))
		_, err := after.Stat("data/store")
		if err == nil {
			left["whole"]++
			mustBeWhole(t, after, m)
			if _, _, err := restoreInto(after, chain); err == nil {
				t.Errorf("write %d: restored over what is whole", writes)
			}
			return
		}
		names, _ := after.List("data")
		if err = backup.CheckFinished(after, "data"); errors.Is(err, backup.ErrUnfinished) {
			left["unfinished"]++
		} else if left["nothing"]++; err != nil || len(names) > 0 {
			t.Errorf("write %d: %v is left, and %v", writes, names, err)
		}
		if _, _, err := restoreInto(after, chain); err != nil {
			t.Errorf("write %d: restored again into %v: %v", writes, names, err)
			return
		}
		mustBeWhole(t, after, m)
	}
	_, _, err := restoreInto(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || t.Failed() {
			return nil
		}
		if writes++; writes <= 5 || writes%step == skip {
			cut([]int{0, 50, 100}[r.IntN(3)])
		}
		return nil
	})), chain)
	if err != nil {
		t.Fatal(err)
	}
	cut(0) // all of it is durable
	t.Logf("%d writes: %v", writes, left)
	if left["unfinished"] < 100/step || left["nothing"] == 0 || left["whole"] == 0 {
		t.Error("the power was not cut everywhere")
	}
}

// TestRestoreFaults fails each operation of a restore: it is done all the same, or leaves nothing, or what says that it is not whole, and
// a power cut afterwards changes nothing about that.
func TestRestoreFaults(t *testing.T) {
	t.Parallel()
	chain, m := restoreChain(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	step := int32(60)
	if os.Getenv("JURAT_SOAK") != "" {
		step = 1
	}
	failed := 0
	for i := r.Int32N(step); !t.Failed(); i += step {
		mem, failing := vfs.NewCrashableMem(), errorfs.OnIndex(i)
		_, _, err := restoreInto(errorfs.Wrap(mem, errorfs.ErrInjected.If(failing)), chain)
		for _, after := range []vfs.FS{mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: r}), mem} {
			names, _ := after.List("data")
			switch {
			case err == nil:
				mustBeWhole(t, after, m)
			case slices.Contains(names, "store"):
				t.Errorf("operation %d: a store after %v", i, err)
			case len(names) > 0 && !errors.Is(backup.CheckFinished(after, "data"), backup.ErrUnfinished):
				t.Errorf("operation %d: %v after %v", i, names, err)
			default:
				if _, _, err := restoreInto(after, chain); err != nil {
					t.Errorf("operation %d: restored again into %v: %v", i, names, err)
				}
			}
		}
		if failing.Load() >= 0 {
			break
		}
		if err != nil {
			failed++
		}
	}
	if failed < 5 {
		t.Errorf("%d operations failed a restore", failed)
	}
}

// TestRestoreCancelled: a restore that is cancelled, while it copies or while it checks, finds nothing wrong with the backup and leaves
// nothing.
func TestRestoreCancelled(t *testing.T) {
	chain, _ := restoreChain(t)
	for _, when := range []string{"copied", "checked"} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o := backup.RestoreOptions{Now: made.Add(time.Hour)}
		if when == "copied" {
			o.Copied = func(int64) { cancel() }
		} else {
			o.Checked = func(_, _ uint64) { cancel() }
		}
		dir := filepath.Join(t.TempDir(), "data")
		if _, _, err := backup.Restore(ctx, chain, dir, o); !errors.Is(err, context.Canceled) || errors.Is(err, backup.ErrDamaged) {
			t.Errorf("cancelled once it has %s: %v", when, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("cancelled once it has %s: %v", when, err)
		}
	}
}
