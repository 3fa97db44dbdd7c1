package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// logOptions have all leaves go through the log.
func logOptions(fs vfs.FS) storage.Options {
	return storage.Options{FS: fs, TableLeaves: 1 << 20, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// A logImage is what a process that is killed leaves of its store, and what its last log was like after each group.
type logImage struct {
	fs     *vfs.MemFS
	log    string     // name of the last log
	data   []byte     // of it, up to the zeros
	old    []byte     // of the log before it
	ends   []int      // of data after each group since the log began
	states [][32]byte // dumps, likewise
	next   []storage.Entry
}

// TestLogTail opens stores whose last log, which began at full length, was cut off within each record, at each sector and
// beside it: behind the cut stand, by turns, zeros, what an older log in the same place held, noise, or the rest of the record without the
// sector at the cut. All groups before the cut must be there, and nothing of the one that is cut. A sector that is missing before
// records that were synced later is damage: the store does not open.
func TestLogTail(t *testing.T) {
	image := takeImage(t)
	rnd := rand.New(rand.NewPCG(3, 0))
	noise := make([]byte, len(image.data))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for k, at := range image.cuts() {
		tails := [][]byte{nil, noise[at:]}
		if next := image.whole(image.data[:at]) + 1; next < len(image.ends) {
			hole := bytes.Clone(image.data[at:image.ends[next]])
			clear(hole[:min(len(hole), sectorBytes-at%sectorBytes)])
			tails = append(tails, hole)
		}
		if at < len(image.old) {
			tails = append(tails, image.old[at:])
		}
		if os.Getenv("JURAT_SOAK") == "" {
			tails = tails[k%len(tails):][:1]
		}
		for _, tail := range tails {
			image.mustOpen(t, at, tail)
		}
	}
	hole := bytes.Clone(image.data)
	clear(hole[image.ends[1] : image.ends[1]+sectorBytes])
	if s, err := storage.Open("store", logOptions(image.with(t, hole))); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("a record before others is damaged: %v", err)
		if err == nil {
			s.Close()
		}
	}
}

// takeImage files groups on the disk of the machine and copies what is there before the store is closed.
func takeImage(t *testing.T) *logImage {
	dir := filepath.Join(t.TempDir(), "store")
	m := storagetest.NewMaker(14)
	s, err := storage.Create(dir, m.Genesis(), logOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	propose := func(entries ...storage.Entry) {
		t.Helper()
		if err := s.Propose(entries...); err != nil {
			t.Fatal(err)
		}
	}
	const first = storagetest.First
	propose(m.Begin(3)...)
	propose(m.Append(first, 0, 1300, true), m.Append(first, 1, 70, false))
	propose(m.Close(first))
	image := &logImage{}
	_, image.old = lastLog(t, dir)
	if err := s.DB().Flush(); err != nil {
		t.Fatal(err)
	}
	// What is cut lies on both sides of the end of a block of the log, 32 KiB. Short records are opened faster: in each that is
	// cut Pebble tries whether turning one bit mends it.
	propose(m.Append(first+1, 1, 900, false))
	image.note(t, s, dir)
	for _, group := range [][]storage.Entry{
		{m.Append(first+1, 0, 2, true), m.Append(first+1, 1, 60, false)},
		{m.Append(first+1, 2, 100, false), m.Append(first+1, 0, 30, true)},
		{m.Append(first+1, 1, 1, false)},
		{m.Close(first + 1), m.Publish("Gazette")},
		{m.Append(first+2, 1, 9, false)},
	} {
		propose(group...)
		image.note(t, s, dir)
	}
	if block := 32 << 10; image.ends[1] > block || image.ends[2] < block {
		t.Errorf("no record lies across the end of a block: %d", image.ends)
	}
	image.next = []storage.Entry{m.Append(first+2, 1, 5, true)}
	image.fs = vfs.NewMem()
	if ok, err := vfs.Clone(vfs.Default, image.fs, dir, "store", vfs.CloneSync); err != nil || !ok {
		t.Fatal(ok, err)
	}
	return image
}

// note adds what the log is like now.
func (i *logImage) note(t *testing.T, s *storage.Store, dir string) {
	i.log, i.data = lastLog(t, dir)
	i.ends = append(i.ends, len(i.data))
	i.states = append(i.states, dump(t, s))
}

// lastLog returns the name of the newest log and its bytes without the zeros at the end.
func lastLog(t *testing.T, dir string) (name string, data []byte) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "db", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	slices.Sort(logs)
	name = logs[len(logs)-1]
	if data, err = os.ReadFile(name); err != nil {
		t.Fatal(err)
	}
	if len(data) < storage.LogBytes {
		t.Skipf("%s is on a file system that reserves no space: %s has %d bytes", dir, name, len(data))
	}
	return filepath.Base(name), bytes.TrimRight(data, "\x00")
}

// cuts returns where to cut: at each sector, one byte before and behind, and at the ends of the groups.
func (i *logImage) cuts() []int {
	cuts := slices.Clone(i.ends)
	for at := sectorBytes; at < len(i.data); at += sectorBytes {
		cuts = append(cuts, at, at-1, at+1)
	}
	for _, end := range i.ends {
		cuts = append(cuts, end-1, end+1)
	}
	cuts = slices.DeleteFunc(cuts, func(at int) bool { return at < i.ends[0] || at > len(i.data) })
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// whole returns how many groups a log holds byte by byte. What stands behind a cut may be what was cut off there: signatures are
// other ones in each run, so a byte is what it was, or zero, now and then.
func (i *logImage) whole(log []byte) (n int) {
	for n < len(i.ends)-1 && bytes.HasPrefix(log, i.data[:i.ends[n+1]]) {
		n++
	}
	return n
}

// with returns the store with another last log, behind which zeros are reserved.
func (i *logImage) with(t *testing.T, log []byte) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	notLogs := vfs.CloneSkip(func(name string) bool {
		return strings.HasSuffix(name, ".log") || strings.HasSuffix(name, "ENDS") // as before the power cut nobody knew of the cut
	})
	if ok, err := vfs.Clone(i.fs, fs, "store", "store", notLogs); err != nil || !ok {
		t.Fatal(ok, err)
	}
	f, err := fs.Create(fs.PathJoin("store", "db", i.log), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, b := range [][]byte{log, make([]byte, reservedLog)} {
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	return fs
}

// mustOpen opens the store with a log cut at some byte and a tail behind it.
func (i *logImage) mustOpen(t *testing.T, at int, tail []byte) {
	t.Helper()
	log := slices.Concat(i.data[:at], tail)
	whole := i.whole(log)
	fs := i.with(t, log)
	where := fmt.Sprintf("log cut at %d of %v, %d bytes behind", at, i.ends, len(tail))
	s, err := storage.Open("store", logOptions(fs))
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	defer s.Close()
	if dump(t, s) != i.states[whole] {
		t.Fatalf("%s: not what %d groups give", where, whole)
	}
	if whole == len(i.ends)-1 {
		if err := s.Propose(i.next...); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
	}
}
