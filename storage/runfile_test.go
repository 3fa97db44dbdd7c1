package storage_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// A filed is a store and the leaves of one round that were filed with it, those of each slot in order.
type filed struct {
	t     testing.TB
	dir   string
	fs    vfs.FS
	s     *storage.Store
	m     *storagetest.Maker
	slots [4][]twinLeaf
	runs  []storage.Position // of the first leaf of each run
}

// newFiled founds a store with four slots in dir.
func newFiled(t testing.TB, fs vfs.FS, dir string) *filed {
	f := &filed{t: t, dir: dir, fs: fs, m: storagetest.NewMaker(9)}
	var err error
	if f.s, err = storage.Create(dir, f.m.Genesis(), options(fs)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.s.Close(); err != nil {
			t.Error(err)
		}
	})
	f.must(f.s.Propose(f.m.Begin(len(f.slots))...))
	return f
}

func (f *filed) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *filed) reopen() {
	f.t.Helper()
	f.must(f.s.Close())
	var err error
	f.s, err = storage.Open(f.dir, options(f.fs))
	f.must(err)
}

// A part is leaves of one slot that are proposed together.
type part struct {
	slot  uint32
	n     int
	mixed bool
}

// add proposes one group.
func (f *filed) add(parts ...part) {
	f.t.Helper()
	entries := make([]storage.Entry, len(parts))
	for i, p := range parts {
		e := f.m.Append(storagetest.First, p.slot, p.n, p.mixed)
		for k := range p.n {
			place := storage.Position{Round: e.Round, Slot: e.Slot, Index: e.First + uint64(k)}
			if k%storage.MaxRun == 0 {
				f.runs = append(f.runs, place)
			}
			f.slots[p.slot] = append(f.slots[p.slot], twinLeaf{place, e.Leaves.At(k), e.At})
		}
		entries[i] = e
	}
	f.must(f.s.Propose(entries...))
}

// addAll proposes groups that become tables of each kind: full runs, one for each block, a shorter run behind them, runs of
// several lengths, short ones that share blocks, digests of several lengths, and what goes through the log.
func (f *filed) addAll() {
	f.add(part{0, 3000, false})
	f.add(part{1, 1024, false}, part{0, 2048, false}, part{0, 900, false})
	f.add(part{0, 7, false})
	f.add(part{1, 600, false}, part{1, 513, false}, part{1, 1500, false})
	f.add(part{1, 70, false}, part{1, 30, false}, part{1, 1024, false})
	f.add(part{2, 900, true})
	f.add(part{2, 800, false}, part{2, 700, true})
	f.add(part{3, 2, false}, part{1, 3, false})
	f.add(part{3, 1024, false}, part{3, 1024, false})
}

// readers are the ways to read leaves of one slot.
var readers = map[string]func(s *storage.Store) func(dst *merkle.Leaves, p storage.Position, n int) ([]storage.Accepted, error){
	"checked": func(s *storage.Store) func(*merkle.Leaves, storage.Position, int) ([]storage.Accepted, error) {
		return func(dst *merkle.Leaves, p storage.Position, n int) ([]storage.Accepted, error) {
			return s.ReadAccepted(dst, p.Round, p.Slot, p.Index, n)
		}
	},
	"unchecked": func(s *storage.Store) func(*merkle.Leaves, storage.Position, int) ([]storage.Accepted, error) {
		return func(dst *merkle.Leaves, p storage.Position, n int) ([]storage.Accepted, error) {
			return s.ReadUnchecked(dst, p.Round, p.Slot, p.Index, n)
		}
	},
}

// same reports whether leaves that were read are those that were filed.
func same(got *merkle.Leaves, accepted []storage.Accepted, want []twinLeaf) bool {
	if got.Len() != len(want) || len(accepted) == 0 || accepted[0].First != want[0].Index {
		return false
	}
	for i := range want {
		for len(accepted) > 1 && accepted[1].First <= want[i].Index {
			accepted = accepted[1:]
		}
		if got.At(i) != want[i].imprint || !accepted[0].At.Equal(want[i].at) {
			return false
		}
	}
	return len(accepted) == 1
}

// mustRead reads n leaves of a slot from leaf i on in every way.
func (f *filed) mustRead(slot uint32, i, n int) {
	f.t.Helper()
	want := f.slots[slot][i : i+n]
	for name, read := range readers {
		var got merkle.Leaves
		if accepted, err := read(f.s)(&got, want[0].Position, n); err != nil || !same(&got, accepted, want) {
			f.t.Fatalf("%s: slot %d, %d leaves from %d on: %d leaves, accepted %v, error %v", name, slot, n, i, got.Len(), accepted, err)
		}
	}
}

// mustReadAll reads every leaf whose index step divides alone, and by the database too; all ranges that begin and end near where runs do; and ranges
// that are longer than runs.
func (f *filed) mustReadAll(step int) {
	f.t.Helper()
	for slot := range f.slots {
		leaves := f.slots[slot]
		for i := 0; i < len(leaves); i += step {
			f.mustRead(uint32(slot), i, 1)
			p := leaves[i].Position
			if im, at, err := f.s.Leaf(p.Round, p.Slot, p.Index); err != nil || im != leaves[i].imprint || !at.Equal(leaves[i].at) {
				f.t.Fatalf("%v by the database: %v, %v", p, at, err)
			}
		}
		var near []int
		for _, r := range append(f.runs, storage.Position{Slot: uint32(slot), Index: uint64(len(leaves))}) {
			for d := -1; d <= 1 && r.Slot == uint32(slot); d++ {
				if i := int(r.Index) + d; i >= 0 && i <= len(leaves) {
					near = append(near, i)
				}
			}
		}
		for _, from := range near {
			for _, to := range near {
				if from < to {
					f.mustRead(uint32(slot), from, to-from)
				}
			}
		}
	}
}

// pastDatabase returns how many leaves can be read past the database, each of which must be right.
func (f *filed) pastDatabase() (n int) {
	f.t.Helper()
	for _, leaves := range f.slots {
		for i, want := range leaves {
			for _, checked := range []bool{false, true} {
				var got merkle.Leaves
				took, at := storage.ReadPast(f.s, &got, want.Round, want.Slot, want.Index, 1, checked)
				switch {
				case took == 0 && got.Len() == 0:
				case took != 1 || !same(&got, []storage.Accepted{at}, leaves[i:i+1]):
					f.t.Fatalf("%v, checked %v: took %d", want.Position, checked, took)
				case checked:
					n++
				}
			}
		}
	}
	return n
}

// TestRunTables reads all leaves in every way: with all tables open, with one open at a time, after the database has written
// them anew, and after a reopening.
func TestRunTables(t *testing.T) {
	fs := vfs.NewMem()
	f := newFiled(t, fs, "store")
	f.addAll()
	f.mustReadAll(1)
	const fit = 3000 + 1024 + 2948 + 2613 + 2048 // leaves in tables whose blocks are runs of one algorithm each
	if n := f.pastDatabase(); n != fit {
		t.Errorf("%d leaves are read past the database, want %d", n, fit)
	}
	if open, unfit := storage.RunTables(f.s); open != 5 || unfit != 3 {
		t.Errorf("%d tables open, %d unfit", open, unfit)
	}
	f.must(f.s.Propose(f.m.Close(storagetest.First)))
	f.reopen()
	storage.LimitRunTables(f.s, 1)
	if n := f.pastDatabase(); n != fit {
		t.Errorf("one table at a time: %d leaves are read past the database, want %d", n, fit)
	}
	if open, _ := storage.RunTables(f.s); open != 1 {
		t.Errorf("%d tables open", open)
	}
	was := tables(t, fs, "store/db")
	f.must(f.s.DB().Compact(t.Context(), []byte{0}, []byte{0xff}, false))
	if now := tables(t, fs, "store/db"); slices.Equal(now, was) {
		t.Error("nothing was written anew")
	}
	f.mustReadAll(5)
	f.reopen()
	f.mustReadAll(5)
	if n := f.pastDatabase(); n == 0 {
		t.Error("nothing is read past the database")
	}
}

// tables returns the names of the tables in a directory.
func tables(t testing.TB, fs vfs.FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".sst") })
	slices.Sort(names)
	return names
}

// TestRunTablesReplaced reads while tables are added, merged and removed, and the store may hold two of them open.
func TestRunTablesReplaced(t *testing.T) {
	f := newFiled(t, vfs.NewMem(), "store")
	f.addAll()
	storage.LimitRunTables(f.s, 2)
	filed := f.slots // what readers look for does not change
	var stop atomic.Bool
	var reads atomic.Int64
	var g sync.WaitGroup
	for name, read := range readers {
		for worker := range uint64(2) {
			g.Go(func() {
				rng := rand.New(rand.NewPCG(worker, 4))
				for !stop.Load() {
					leaves := filed[rng.IntN(len(filed))]
					i := rng.IntN(len(leaves))
					n := 1 + rng.IntN(min(len(leaves)-i, 1500))
					var got merkle.Leaves
					if accepted, err := read(f.s)(&got, leaves[i].Position, n); err != nil || !same(&got, accepted, leaves[i:i+n]) {
						t.Errorf("%s: %d leaves from %v on: %d leaves, error %v", name, n, leaves[i].Position, got.Len(), err)
						return
					}
					reads.Add(1)
				}
			})
		}
	}
	for i := range 7 {
		was := reads.Load()
		f.add(part{uint32(i) % 4, 1 + i, i%3 == 0}, part{uint32(i+1) % 4, 2, false})
		f.add(part{uint32(i) % 4, 600, false})
		f.must(f.s.DB().Flush())
		f.must(f.s.DB().Compact(t.Context(), []byte{0}, []byte{0xff}, false))
		for reads.Load() < was+8 && !t.Failed() { // some between any two steps
			runtime.Gosched()
		}
	}
	stop.Store(true)
	g.Wait()
	f.mustReadAll(5)
}

// onDisk files runs in tables on the disk of the machine, closes the store and returns where each run's first digest is: the name
// of the table and the place in it.
func onDisk(t *testing.T) (f *filed, name map[storage.Position]string, at map[storage.Position]int) {
	f = newFiled(t, nil, filepath.Join(t.TempDir(), "store"))
	f.add(part{0, 3000, false})
	f.add(part{1, 600, false}, part{1, 513, false}, part{0, 1024, false}, part{0, 700, false})
	f.must(f.s.Propose(f.m.Close(storagetest.First)))
	f.must(f.s.Close())
	name, at = make(map[storage.Position]string), make(map[storage.Position]int)
	db := filepath.Join(f.dir, "db")
	for _, table := range tables(t, vfs.Default, db) {
		path := filepath.Join(db, table)
		data, err := os.ReadFile(path)
		f.must(err)
		for _, r := range f.runs {
			im := f.slots[r.Slot][r.Index].imprint
			if i := strings.Index(string(data), string(im.Digest())); i >= 0 {
				name[r], at[r] = path, i
			}
		}
	}
	if len(at) != len(f.runs) {
		t.Fatalf("%d of %d runs found in tables", len(at), len(f.runs))
	}
	var err error
	f.s, err = storage.Open(f.dir, options(nil))
	f.must(err)
	return f, name, at
}

// TestRunTablesDamaged changes one bit in each run in turn, that of a table's first run included. A read that is checked
// says so, or is right where it does not touch the run; leaves beside it in the table may be refused too where the database reads them,
// which passes its block when it is the first. One that is not checked may return what is on disk of a run that is known,
// and nothing of one that is not. When the bit is as it was, all is well again.
func TestRunTablesDamaged(t *testing.T) {
	f, name, at := onDisk(t)
	for i, r := range f.runs {
		for _, known := range []bool{false, true} {
			f.reopen()
			if known {
				f.pastDatabase()
			}
			f.flip(name[r], at[r]+3)
			f.checkDamaged(r, i == 0 || name[f.runs[i-1]] != name[r], name, known)
			if !known && i < 2 {
				var got merkle.Leaves
				if took, _ := storage.ReadPast(f.s, &got, r.Round, r.Slot, r.Index, 1, false); took != 0 {
					t.Errorf("run %v is damaged and was not known: read unchecked", r)
				}
			}
			f.flip(name[r], at[r]+3)
		}
	}
	f.reopen()
	f.mustReadAll(5)
}

// flip changes a bit of a file.
func (f *filed) flip(path string, at int) {
	f.t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	f.must(err)
	defer file.Close()
	b := make([]byte, 1)
	_, err = file.ReadAt(b, int64(at))
	f.must(err)
	b[0] ^= 0x10
	_, err = file.WriteAt(b, int64(at))
	f.must(err)
}

// checkDamaged reads first and last leaf of all runs, and over the ends of runs, while the first leaf of run bad is damaged.
func (f *filed) checkDamaged(bad storage.Position, first bool, table map[storage.Position]string, known bool) {
	f.t.Helper()
	end := f.runEnd(bad)
	for _, r := range f.runs {
		leaves := f.slots[r.Slot]
		from, last := int(r.Index), f.runEnd(r)-1
		for _, span := range [][2]int{{from, 1}, {last, 1}, {last, min(2, len(leaves)-last)}, {from, last + 1 - from}} {
			want := leaves[span[0] : span[0]+span[1]]
			touched := r.Slot == bad.Slot && span[0] < end && span[0]+span[1] > int(bad.Index)
			for name, read := range readers {
				var got merkle.Leaves
				accepted, err := read(f.s)(&got, want[0].Position, len(want))
				switch {
				case err == nil && same(&got, accepted, want) && (!touched || known && first): // the database has a first block in its cache
				case err == nil && name == "unchecked" && known && touched:
				case errors.Is(err, storage.ErrCorrupt) && touched && named(err, bad):
				case errors.Is(err, storage.ErrCorrupt) && first && table[r] == table[bad] && named(err, r):
				default:
					f.t.Fatalf("run %v damaged, known %v: %s: %d leaves from %v on: %d leaves, error %v", bad, known, name, len(want),
						want[0].Position, got.Len(), err)
				}
			}
		}
	}
}

// named reports whether an error says in which slot and round a leaf is that cannot be read.
func named(err error, p storage.Position) bool {
	key := storage.Key{Kind: storage.KindRun, Round: p.Round, Slot: p.Slot}.String()
	return strings.HasPrefix(err.Error(), key[:strings.LastIndexByte(key, ' ')])
}

// runEnd returns the index of the leaf behind a run.
func (f *filed) runEnd(r storage.Position) int {
	end := len(f.slots[r.Slot])
	for _, o := range f.runs {
		if o.Slot == r.Slot && o.Index > r.Index {
			end = min(end, int(o.Index))
		}
	}
	return end
}

// TestRunTablesShort cuts a table off in each of its runs while the store has it open, known or not. What is before the cut is read
// or refused; what is behind it is refused, but for a first run that the database has in its cache.
func TestRunTablesShort(t *testing.T) {
	f, name, at := onDisk(t)
	for i, r := range f.runs {
		first := i == 0 || name[f.runs[i-1]] != name[r]
		data, err := os.ReadFile(name[r])
		f.must(err)
		for _, known := range []bool{false, true} {
			f.reopen()
			if known {
				f.pastDatabase()
			}
			f.must(os.Truncate(name[r], int64(at[r]+5)))
			for _, o := range f.runs {
				behind := name[o] == name[r] && at[o] >= at[r]
				for way, read := range readers {
					want := f.slots[o.Slot][o.Index : o.Index+2]
					var got merkle.Leaves
					accepted, err := read(f.s)(&got, o, 2)
					if err == nil && (behind && !(first && o == r) || !same(&got, accepted, want)) || err != nil && name[o] != name[r] {
						t.Fatalf("cut in run %v, known %v: %s: run %v: %d leaves, error %v", r, known, way, o, got.Len(), err)
					}
				}
			}
			f.must(os.WriteFile(name[r], data, 0o644))
		}
	}
	f.reopen()
	f.mustReadAll(5)
}

// TestRunTablesOfManySizes files runs whose digests have other lengths than those of the first run, so that their blocks together are as
// long as if they had not: each leaf is read as it was filed, by both readers, however often.
func TestRunTablesOfManySizes(t *testing.T) {
	f := newFiled(t, vfs.NewMem(), "store")
	o := options(f.fs)
	o.TableLeaves = storage.MaxRun // all runs of a group are in one table
	f.must(f.s.Close())
	var err error
	f.s, err = storage.Open(f.dir, o)
	f.must(err)
	for _, algorithms := range [][]merkle.Algorithm{
		{merkle.SHA256, merkle.RIPEMD160, merkle.SHA3_224, merkle.SHA384, merkle.SHA256},
		{merkle.SHA256, merkle.SHA384, merkle.SHA384, merkle.SHA384, merkle.RIPEMD160, merkle.RIPEMD160, merkle.RIPEMD160, merkle.RIPEMD160, merkle.SHA256},
	} {
		var leaves merkle.Leaves
		var digest [merkle.MaxDigestSize]byte
		for _, alg := range algorithms {
			for range storage.MaxRun {
				for i := range digest {
					digest[i] = byte(f.m.Rand.Uint32())
				}
				im, err := merkle.NewImprint(alg, digest[:alg.Size()])
				f.must(err)
				leaves.Append(im)
			}
		}
		e := f.m.AppendLeaves(storagetest.First, 0, leaves)
		f.must(f.s.Propose(e))
		for name, read := range readers {
			for range 2 {
				for i := 0; i < leaves.Len(); i += 97 {
					var got merkle.Leaves
					p := storage.Position{Round: e.Round, Slot: e.Slot, Index: e.First + uint64(i)}
					if _, err := read(f.s)(&got, p, 1); err != nil || got.At(0) != leaves.At(i) {
						t.Fatalf("%s: leaf %d of %v: %v, or another leaf", name, i, algorithms, err)
					}
				}
			}
		}
	}
}
