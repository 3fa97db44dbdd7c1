package ledger

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

// catchUpLog keeps what a ledger logs, and the disk as it is when the index has grown for the first time.
type catchUpLog struct {
	fs    *vfs.MemFS
	lines []string
	crash *vfs.MemFS // nil until then
}

func (c *catchUpLog) Write(line []byte) (int, error) {
	if c.lines = append(c.lines, string(line)); c.crash == nil && strings.Contains(string(line), "the digest index grows") {
		c.crash = c.fs.CrashClone(vfs.CrashCloneCfg{})
	}
	return len(line), nil
}

// What TestCatchUp files: so much a round that the memory of each is an own one.
const (
	behindRounds = 12
	behindEach   = 20_000 // by canton; by ministry three of them
	behindOpen   = 1000
	behindLimit  = 100_000
)

// TestCatchUp opens a ledger whose index lacks more than memory is to hold: it is whole when the ledger is open, but for little, all is found,
// and after a crash meanwhile the next start goes on where that one was. Who only reads holds them all.
func TestCatchUp(t *testing.T) {
	w, fs := newCrashableWorld(t)
	for i := range behindRounds {
		w.file(request("ministry", LaneMain, leaves(i*behindEach, 3))) // before the other, and behind it in the index
		w.file(request("canton", LaneMain, leaves(i*behindEach, behindEach)))
		w.pass(1)
	}
	w.file(request("canton", LaneMain, leaves(behindRounds*behindEach, behindOpen)))
	fs = fs.CrashClone(vfs.CrashCloneCfg{})
	dropIndex(t, fs)

	readOnly := func(c *Config) { c.ReadOnly, c.Backlog = true, behindLimit }
	l, store, err := openWith(fs.CrashClone(vfs.CrashCloneCfg{}), w.clock, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	if n := l.recent.held(); n < behindRounds*behindEach || l.index.Cursor() != 0 {
		t.Errorf("for reading alone: %d leaves held, %d indexed", n, l.index.Cursor())
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	log := mustCatchUp(t, w, fs)
	if log.crash == nil {
		t.Fatalf("the index does not grow: %s", log.lines)
	}
	again := mustCatchUp(t, w, log.crash)
	if n, m := len(log.lines), len(again.lines); m >= n || m < 2 {
		t.Errorf("after a crash the index grows as if anew: %d lines in the log, then %d", n, m)
	}
}

// dropIndex leaves what a rebuild of the index leaves that is cut off when it has begun.
func dropIndex(t *testing.T, fs vfs.FS) {
	t.Helper()
	store, err := storage.Open("store", storage.Options{FS: fs})
	if err == nil {
		err = errors.Join(index.Drop(store.DB()), store.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// mustCatchUp opens the ledger of TestCatchUp.
func mustCatchUp(t *testing.T, w *world, fs *vfs.MemFS) *catchUpLog {
	t.Helper()
	log := &catchUpLog{fs: fs}
	l, store, err := openWith(fs, w.clock, func(c *Config) { c.Backlog, c.Logger = behindLimit, slog.New(slog.NewTextHandler(log, nil)) })
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if missing := l.store.TotalLeaves() - l.index.Cursor(); missing >= behindLimit/4 || l.recent.held() > behindLimit/4+behindEach+behindOpen {
		t.Errorf("the index lacks %d leaves, %d are held in memory", missing, l.recent.held())
	}
	opened := &world{t: t, ledger: l}
	for i := 0; i < behindRounds*behindEach+behindOpen; i += 7 {
		opened.mustFind("canton", i, 1)
	}
	for i := range behindRounds {
		opened.mustFind("ministry", i*behindEach+2, 1)
		opened.mustFind("ministry", i*behindEach+3, 0)
	}
	return log
}
