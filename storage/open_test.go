package storage_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

func TestCreateAndOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "store")
	g := storagetest.NewMaker(1).Genesis()
	if _, err := storage.Open(dir, options(nil)); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("open nothing: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("open made %s: %v", dir, err)
	}
	s, err := storage.Create(dir, g, options(nil))
	if err != nil {
		t.Fatal(err)
	}
	if s.Genesis() != g || s.Closed() != g.First-1 || s.TotalLeaves() != 0 {
		t.Fatalf("new store: %+v, closed through %s", s.Genesis(), s.Closed())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%s: %v, %v", dir, info.Mode(), err)
	}
	if _, err := storage.Create(dir, g, options(nil)); !errors.Is(err, storage.ErrExists) {
		t.Fatalf("create twice: %v", err)
	}
	s, err = storage.Open(dir, options(nil))
	if err != nil || s.Genesis() != g {
		t.Fatalf("%v, %v", s.Genesis(), err)
	}
	s.Close()
	for _, g := range []storage.Genesis{{Server: "", First: 1}, {Server: "s", First: 0}, {Server: strings.Repeat("s", 256), First: 1}} {
		if _, err := storage.Create(t.TempDir(), g, options(nil)); err == nil {
			t.Errorf("created %+v", g)
		}
	}
}

// TestLocked opens a store that another process, this test run anew, has open.
func TestLocked(t *testing.T) {
	if dir := os.Getenv("JURAT_TEST_HOLD"); dir != "" {
		s, err := storage.Create(dir, storagetest.NewMaker(1).Genesis(), options(nil))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("holding")
		io.Copy(io.Discard, os.Stdin)
		s.Close()
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLocked$")
	cmd.Env = append(os.Environ(), "JURAT_TEST_HOLD="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "holding\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := storage.Open(dir, options(nil)); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("open: %v", err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s, err := storage.Open(dir, options(nil))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestReadOnly(t *testing.T) {
	w := newWorld(t, 3)
	for range 5 {
		w.round(2)
	}
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	o := options(w.fs)
	o.ReadOnly = true
	var err error
	if w.s, err = storage.Open("store", o); err != nil {
		t.Fatal(err)
	}
	w.tw.check(t, w.s)
	mustPanic(t, "read-only", func() { w.s.Propose(w.m.Close(w.m.Closed() + 1)) })
}

// TestReadOnlyDisk opens a store on a file system that is mounted read-only, where no file can be made, that of the lock neither.
func TestReadOnlyDisk(t *testing.T) {
	w := newWorld(t, 4)
	w.round(2)
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	reads := []errorfs.OpKind{errorfs.OpOpen, errorfs.OpOpenDir, errorfs.OpList, errorfs.OpStat, errorfs.OpFileRead, errorfs.OpFileReadAt, errorfs.OpFileStat, errorfs.OpGetDiskUsage}
	o := options(lockingFS{errorfs.Wrap(w.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if slices.Contains(reads, op.Kind) || op.Kind == errorfs.OpFileClose {
			return nil
		}
		return &os.PathError{Op: "write", Path: op.Path, Err: syscall.EROFS}
	}))})
	if _, err := storage.Open("store", o); !errors.Is(err, syscall.EROFS) {
		t.Errorf("for writing: %v", err)
	}
	o.ReadOnly = true
	var err error
	if w.s, err = storage.Open("store", o); err != nil {
		t.Fatal(err)
	}
	w.tw.check(t, w.s)
}

// A lockingFS makes files to lock, as disks do.
type lockingFS struct{ vfs.FS }

// Lock implements vfs.FS.
func (f lockingFS) Lock(name string) (io.Closer, error) {
	if _, err := f.FS.Create(name, vfs.WriteCategoryUnspecified); err != nil {
		return nil, err
	}
	return f.FS.Lock(name)
}

func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "storage: ") {
			t.Errorf("%s: %s", name, text)
		}
	}()
	f()
}

func fixed(e storage.Entry) func(*storagetest.Maker) storage.Entry {
	return func(*storagetest.Maker) storage.Entry { return e }
}

// refused returns entries that do not follow from what TestRefused proposes before.
func refused() map[string]func(*storagetest.Maker) storage.Entry {
	const first = storagetest.First
	leaves := func(n int) (l merkle.Leaves) {
		l.AppendDigests(merkle.SHA256, make([]byte, 32*n))
		return l
	}
	closed := func(change func(*storage.CloseRound)) func(m *storagetest.Maker) storage.Entry {
		return func(m *storagetest.Maker) storage.Entry {
			e := m.Close(first + 10).(storage.CloseRound)
			change(&e)
			return e
		}
	}
	return map[string]func(*storagetest.Maker) storage.Entry{
		"append to a closed round": fixed(storage.AppendLeaves{Round: first, Slot: 0, Leaves: leaves(1)}),
		"append after a gap":       fixed(storage.AppendLeaves{Round: first + 10, Slot: 0, First: 301, Leaves: leaves(1)}),
		"append again":             fixed(storage.AppendLeaves{Round: first + 10, Slot: 0, First: 299, Leaves: leaves(1)}),
		"append nothing":           fixed(storage.AppendLeaves{Round: first + 10, Slot: 0, First: 300}),
		"append to no slot":        fixed(storage.AppendLeaves{Round: first + 10, Slot: 3, Leaves: leaves(1)}),
		"append to a later slot":   fixed(storage.AppendLeaves{Round: first + 10, Slot: 2, Leaves: leaves(1)}),
		"close over leaves":        fixed(storage.CloseIdle{Through: first + 10}),
		"close twice":              fixed(storage.CloseIdle{Through: first}),
		"close a round later":      closed(func(e *storage.CloseRound) { e.Round++ }),
		"close without a slot":     closed(func(e *storage.CloseRound) { e.Slots = e.Slots[:1] }),
		"wrong count":              closed(func(e *storage.CloseRound) { e.Slots[0].Count-- }),
		"wrong ordinal":            closed(func(e *storage.CloseRound) { e.Slots[0].Ordinal++ }),
		"no root":                  closed(func(e *storage.CloseRound) { e.Slots[0].Root = merkle.Imprint{} }),
		"wrong order":              closed(func(e *storage.CloseRound) { e.Slots[0], e.Slots[1] = e.Slots[1], e.Slots[0] }),
		"wrong first leaf":         closed(func(e *storage.CloseRound) { e.FirstLeaf++ }),
		"wrong number of slots":    closed(func(e *storage.CloseRound) { e.SlotCount++ }),
		"unknown certificate":      closed(func(e *storage.CloseRound) { e.Certificate = []byte{1} }),
		"no signature":             closed(func(e *storage.CloseRound) { e.Signature = nil }),
		"no tiles":                 closed(func(e *storage.CloseRound) { e.Tiles = nil }),
		"short tile":               closed(func(e *storage.CloseRound) { e.Tiles[0].Nodes = nil }),
		"tile of another slot":     closed(func(e *storage.CloseRound) { e.Tiles[0].Slot = 1 }),
		"early calendar node": closed(func(e *storage.CloseRound) {
			e.Calendar = []storage.CalendarNode{{Height: 8, Index: uint64(first) / 256}}
		}),
		"calendar node of odd height": closed(func(e *storage.CloseRound) {
			e.Calendar = []storage.CalendarNode{{Height: 7, Index: uint64(first) / 128}}
		}),
		"slot again": fixed(storage.CreateSlot{Slot: storage.Slot{ID: 3, Agency: "agency 0", Lane: "main", Created: first + 20}}),
		"slot after a gap": fixed(storage.CreateSlot{Slot: storage.Slot{ID: 4, Agency: "x", Lane: "main",
			Created: first + 20}}),
		"slot in a closed round": fixed(storage.CreateSlot{Slot: storage.Slot{ID: 3, Agency: "x", Lane: "main", Created: first}}),
		"slot before another": fixed(storage.CreateSlot{Slot: storage.Slot{ID: 3, Agency: "x", Lane: "main",
			Created: first + 10}}),
		"slot of nobody":            fixed(storage.CreateSlot{Slot: storage.Slot{ID: 3, Lane: "main", Created: first + 20}}),
		"role again":                fixed(storage.CreateRole{Role: storage.Role{Name: "jurat"}}),
		"role without a name":       fixed(storage.CreateRole{}),
		"role that is not there":    fixed(storage.ChangeRole{Role: storage.Role{Name: "nobody"}}),
		"role with a new number":    fixed(storage.ChangeRole{Role: storage.Role{Name: "jurat", Number: 1}}),
		"role of no kind":           fixed(storage.CreateRole{Role: storage.Role{Name: "x", Kind: 4}}),
		"role with a long verifier": fixed(storage.CreateRole{Role: storage.Role{Name: "x", Verifier: strings.Repeat("v", 256)}}),
		"certificate again":         func(m *storagetest.Maker) storage.Entry { return m.Certificate() },
		"seal an open block":        fixed(storage.SealBlock{Block: uint64(first) / 1024}),
		"seal what is not next":     fixed(storage.SealBlock{Block: 1}),
	}
}

// keepTile returns an entry for n nodes of a tile.
func keepTile(t storage.Tile, n int) storage.KeepTiles {
	t.Nodes = make([]merkle.Digest, n)
	return storage.KeepTiles{Round: t.Round, Tiles: []storage.Tile{t}}
}

// refusedToo returns kept nodes, keys and publications of that sort.
func refusedToo() map[string]func(*storagetest.Maker) storage.Entry {
	const first = storagetest.First
	published := func(change func(*storage.Publish)) func(m *storagetest.Maker) storage.Entry {
		return func(m *storagetest.Maker) storage.Entry {
			e := m.Publish()
			change(&e)
			return e
		}
	}
	return map[string]func(*storagetest.Maker) storage.Entry{
		"keep nothing":           fixed(storage.KeepTiles{Round: first + 10}),
		"keep of a closed round": fixed(keepTile(storage.Tile{Round: first, Height: 8}, 1)),
		"keep too many nodes":    fixed(keepTile(storage.Tile{Round: first + 10, Height: 8}, 2)),
		"keep an odd height":     fixed(keepTile(storage.Tile{Round: first + 10, Height: 7}, 1)),
		"keep a tile too far":    fixed(keepTile(storage.Tile{Round: first + 10, Height: 8, Index: 1}, 1)),
		"keep of another round":  fixed(storage.KeepTiles{Round: first + 10, Tiles: keepTile(storage.Tile{Round: first + 11, Height: 8}, 1).Tiles}),
		"keep twice": func(m *storagetest.Maker) storage.Entry {
			e, _ := m.Keep(first + 10)
			e.Tiles = append(e.Tiles, e.Tiles...)
			return e
		},
		"close with a tile missing": func(m *storagetest.Maker) storage.Entry {
			if _, ok := m.Keep(first + 10); !ok { // given, but never proposed
				panic("nothing to keep")
			}
			return m.Close(first + 10)
		},
		"key of no role":        fixed(storage.SetKSIKey{Login: "nobody", Key: []byte("key")}),
		"long key":              fixed(storage.SetKSIKey{Login: "jurat", Key: make([]byte, 256)}),
		"no key to remove":      fixed(storage.SetKSIKey{Login: "jurat"}),
		"publish what is open":  published(func(e *storage.Publish) { e.Time++ }),
		"publish what is early": published(func(e *storage.Publish) { e.Time-- }),
		"publish another root":  published(func(e *storage.Publish) { e.Root[0]++ }),
		"publish at other time": published(func(e *storage.Publish) { e.Published = e.Published.Add(time.Microsecond) }),
		"many references": published(func(e *storage.Publish) {
			e.References = slices.Repeat([]string{"x"}, storage.MaxReferences+1)
		}),
		"much reference": published(func(e *storage.Publish) {
			e.References = slices.Repeat([]string{strings.Repeat("x", 1000)}, 17)
		}),
		"long reference":      published(func(e *storage.Publish) { e.References = []string{strings.Repeat("x", 1025)} }),
		"empty reference":     published(func(e *storage.Publish) { e.References = []string{""} }),
		"reference with NUL":  published(func(e *storage.Publish) { e.References = []string{"a\x00b"} }),
		"reference not UTF-8": published(func(e *storage.Publish) { e.References = []string{"a\xff"} }),
	}
}

// TestRefused proposes such entries: each is a mistake of the proposer, and a panic.
func TestRefused(t *testing.T) {
	const first = storagetest.First
	all := refused()
	maps.Copy(all, refusedToo())
	for name, entry := range all {
		t.Run(name, func(t *testing.T) {
			m := storagetest.NewMaker(5)
			s := create(t, vfs.NewMem(), m.Genesis())
			defer s.Close()
			for _, group := range [][]storage.Entry{
				m.Begin(2),
				{m.Append(first, 0, 1, false), m.Close(first), m.Publish("Gazette"),
					m.CreateSlot("late", "main", 0, first+11)},
				{m.Append(first+10, 0, 300, false), m.Append(first+10, 1, 1, false)},
			} {
				if err := s.Propose(group...); err != nil {
					t.Fatal(err)
				}
			}
			before := dump(t, s)
			mustPanic(t, name, func() { s.Propose(entry(m)) })
			if dump(t, s) != before {
				t.Error("the store has changed")
			}
		})
	}
}

// TestUnsynced shows that readers do not see what is proposed before it is durable: with a disk that fails to sync, it never
// is.
func TestUnsynced(t *testing.T) {
	mem := vfs.NewMem()
	m := storagetest.NewMaker(9)
	d := newDisk(-1, false)
	s := create(t, errorfs.Wrap(mem, d), m.Genesis())
	if err := s.Propose(m.Begin(2)...); err != nil {
		t.Fatal(err)
	}
	const first = storagetest.First
	if err := s.Propose(m.Append(first, 0, 5, false)); err != nil {
		t.Fatal(err)
	}
	d.failing.Store(true)
	if err := s.Propose(m.Append(first, 0, 5, false), m.Append(first, 1, 5, false), m.Close(first)); err == nil {
		t.Fatal("the disk failed, the proposal did not")
	}
	iter, err := s.Leaves(storage.LeafScan{To: calendar.Second(1 << 40)})
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	n := 0
	for iter.Next() {
		r := iter.Run()
		n += r.Leaves.Len()
	}
	if n != 5 || s.Closed() != first-1 || s.TotalLeaves() != 0 {
		t.Fatalf("%d leaves, closed through %s", n, s.Closed())
	}
	if _, _, err := s.Leaf(first, 0, 5); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("leaf that is not durable: %v", err)
	}
	if _, err := s.Round(first); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("round that is not durable: %v", err)
	}
}
