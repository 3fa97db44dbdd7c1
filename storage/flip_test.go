package storage_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// flipImage returns the files of a store that was killed, by name, and a dump of what it held. There are groups in tables of
// leaves, in flushed tables and value files, and in the log, the last of them shorter than a block of it.
func flipImage(t *testing.T) (files map[string][]byte, held [32]byte) {
	mem := vfs.NewCrashableMem()
	m := storagetest.NewMaker(21)
	o := options(mem)
	o.TableLeaves = 100
	s, err := storage.Create("store", m.Genesis(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const first = storagetest.First
	groups := [][]storage.Entry{
		m.Begin(3),
		{m.Append(first, 1, 120, false)},
		{m.Append(first, 0, 3, true)},
		{m.Close(first), m.Publish("Gazette")},
		{m.Append(first+1, 0, 420, false), m.CreateSlot("late", "main", 0, first+1)},
		nil,
		{m.Append(first+1, 1, 150, false)},
		{m.Append(first+1, 0, 2, true)},
		{m.Close(first + 1)},
		{m.Append(first+2, 2, 1, false)},
		{m.Append(first+2, 2, 2, false)},
	}
	for _, group := range groups {
		if group == nil {
			err = s.DB().Flush()
		} else {
			err = s.Propose(group...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	crash := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 0))})
	return filesOf(t, crash), dump(t, s)
}

// filesOf returns the files of the store on fs, by name.
func filesOf(t *testing.T, fs vfs.FS) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, dir := range []string{"store", "store/db"} {
		names, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			path := dir + "/" + name
			if info, err := fs.Stat(path); err != nil || info.IsDir() {
				continue
			}
			if files[path], err = readFile(fs, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	return files
}

// refuses demands that the store made of some files does not open for writing, is said to be damaged, and is left as it was.
func refuses(t *testing.T, what string, files map[string][]byte) error {
	t.Helper()
	fs := vfs.NewMem()
	for path, data := range files {
		writeFile(t, fs, path, data)
	}
	s, err := storage.Open("store", options(fs))
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("%s: %v", what, err)
	}
	after := filesOf(t, fs)
	for _, lock := range []string{"store/LOCK", "store/db/LOCK"} { // of the attempt
		if _, ok := files[lock]; !ok {
			delete(after, lock)
		}
	}
	if !maps.EqualFunc(files, after, bytes.Equal) {
		t.Errorf("%s: what is refused has changed: files %q, before %q", what, slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(files)))
	}
	return err
}

// TestFlips flips a bit of each file of a store that was killed. The store then does not open, or reading it all tells of the
// damage, or it holds what it held: no group that was acknowledged is missing in silence, not the last one either.
func TestFlips(t *testing.T) {
	t.Parallel()
	files, held := flipImage(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	outcomes := make(map[string]int)
	manifest := slices.Max(slices.DeleteFunc(slices.Collect(maps.Keys(files)), func(name string) bool { return kindOf(name) != "MANIFEST" }))
	for name, data := range files {
		if kindOf(name) == "MANIFEST" && name != manifest {
			continue // kept, but not in use
		}
		used := len(strings.TrimRight(string(data), "\x00"))
		places := min(used, 6)
		if os.Getenv("JURAT_SOAK") != "" {
			places = used
		}
		feet := 0
		if kind := kindOf(name); used > 10 && (kind == "sst" || kind == "blob") { // what was not synced may be empty
			feet = 2
		}
		for i := range places + feet {
			at := i
			if i >= places {
				at = used - 1 - 10*(i-places)
			} else if places < used {
				at = r.IntN(used)
			}
			what := flip(t, files, name, at, 1<<r.IntN(8), held)
			outcomes[kindOf(name)+" "+what]++
			if t.Failed() {
				t.Fatalf("%s, byte %d of %d", name, at, used)
			}
		}
	}
	for _, kind := range []string{"log", "MANIFEST", "sst", "blob", "ENDS"} {
		if outcomes[kind+" named"] == 0 || kind != "sst" && kind != "blob" && outcomes[kind+" right"] > 0 {
			t.Errorf("of a %s, flips were named %d times and overlooked %d times", kind, outcomes[kind+" named"], outcomes[kind+" right"])
		}
	}
	t.Log(outcomes)
}

// TestMissingFiles takes away each file of a store that was killed: the store does not open and says that it is damaged, and by what missing
// file unless that is a marker, or it holds what it held.
func TestMissingFiles(t *testing.T) {
	t.Parallel()
	files, held := flipImage(t)
	outcomes := make(map[string]int)
	for gone := range files {
		fs := vfs.NewMem()
		for path, data := range files {
			if path != gone {
				writeFile(t, fs, path, data)
			}
		}
		s, err := storage.Open("store", options(fs))
		outcome := "held"
		if err != nil {
			outcome = "named"
			rest := maps.Clone(files)
			delete(rest, gone)
			err = refuses(t, "without "+gone, rest)
			words := strings.TrimSuffix(filepath.Base(gone), filepath.Ext(gone)) // the number, which Pebble gives
			switch kind := kindOf(gone); {
			case kind == "blob":
				words = "*.blob"
			case strings.HasPrefix(kind, "marker"): // by which Pebble finds the others
				words = "store"
			}
			if !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), words) {
				t.Errorf("%s is missing: %v", gone, err)
			}
		} else {
			if got, err := tryDump(s); err != nil || got != held {
				t.Errorf("without %s something else is held: %v", gone, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		outcomes[kindOf(gone)+" "+outcome]++
	}
	for _, kind := range []string{"log", "MANIFEST", "sst", "blob"} {
		if outcomes[kind+" named"] == 0 {
			t.Errorf("a missing %s is never named", kind)
		}
	}
	t.Log(outcomes)
}

// TestOlderMarker lets the marker of a store that was killed name each older manifest, and take it away: nothing is opened, nothing is deleted.
func TestOlderMarker(t *testing.T) {
	t.Parallel()
	files, _ := flipImage(t)
	var marker string
	var manifests []string
	for name := range files {
		switch kind := kindOf(name); {
		case strings.HasPrefix(filepath.Base(name), "marker.manifest."):
			marker = name
		case kind == "MANIFEST":
			manifests = append(manifests, filepath.Base(name))
		}
	}
	if len(manifests) < 2 || marker == "" {
		t.Fatalf("marker %q, manifests %q", marker, manifests)
	}
	for _, manifest := range manifests {
		if strings.HasSuffix(marker, manifest) {
			continue
		}
		older := maps.Clone(files)
		delete(older, marker)
		older["store/db/marker.manifest.000099."+manifest] = nil
		if err := refuses(t, manifest, older); err != nil && !strings.Contains(err.Error(), manifest) {
			t.Errorf("%v: want the name of the manifest", err)
		}
		delete(older, "store/db/ENDS") // as a program wrote it that noted nothing
		_ = refuses(t, manifest+" without a note", older)
	}
	gone := maps.Clone(files)
	maps.DeleteFunc(gone, func(name string, _ []byte) bool { return strings.Contains(name, "marker.") })
	_ = refuses(t, "no marker at all", gone)
	_ = refuses(t, "no file at all", map[string][]byte{"store/db/README": nil})
}

// TestCutFiles cuts each file of a store that was killed: if it does not open, it says that it is damaged, and is left as it was. If it does,
// since the file was to be deleted, say, it holds what it held, or reading tells of the damage.
func TestCutFiles(t *testing.T) {
	t.Parallel()
	files, held := flipImage(t)
	outcomes := make(map[string]int)
	for name, data := range files {
		for _, n := range []int{0, len(data) / 2, len(data) - 1} {
			if n < 0 {
				continue // empty
			}
			cut := maps.Clone(files)
			cut[name] = data[:n]
			fs := vfs.NewMem()
			for path, data := range cut {
				writeFile(t, fs, path, data)
			}
			if s, err := storage.Open("store", options(fs)); err == nil {
				if got, err := tryDump(s); err == nil && got != held {
					t.Errorf("%s cut to %d bytes: something else is held", name, n)
				}
				s.Close()
				outcomes[kindOf(name)+" opens"]++
				continue
			}
			outcomes[kindOf(name)+" refused"]++
			namesFile(t, strings.TrimSuffix(name, ".sst"), refuses(t, name, cut)) // Pebble gives the number of a table
		}
	}
	if outcomes["sst refused"] == 0 {
		t.Errorf("tables that were cut off: %v", outcomes)
	}
	t.Log(outcomes)
}

// TestDamagedOptions changes a word in the file of Pebble's options, and then the version of its format, which is not damage.
func TestDamagedOptions(t *testing.T) {
	t.Parallel()
	files, _ := flipImage(t)
	for name, data := range files {
		if kindOf(name) == "OPTIONS" {
			damaged := maps.Clone(files)
			damaged[name] = bytes.Replace(data, []byte("merger=pebble"), []byte("merger=bubble"), 1)
			if err := refuses(t, name, damaged); err != nil && !strings.Contains(err.Error(), "merger") {
				t.Error(err)
			}
		}
	}
	fs := vfs.NewMem()
	for name, data := range files {
		if strings.HasPrefix(filepath.Base(name), "marker.format-version") {
			name = strings.TrimSuffix(name, filepath.Ext(name)) + ".999"
		}
		writeFile(t, fs, name, data)
	}
	if _, err := storage.Open("store", options(fs)); !errors.Is(err, storage.ErrVersion) || errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("a later format: %v", err)
	}
}

// kindOf returns what kind of file a name stands for.
func kindOf(name string) string {
	base, _, _ := strings.Cut(filepath.Base(name), "-")
	if _, end, ok := strings.Cut(base, "."); ok && !strings.HasPrefix(base, "marker") {
		return end
	}
	return base
}

// flip opens the store with other bits in a byte of one file and returns whether the damage was named.
func flip(t *testing.T, files map[string][]byte, name string, at int, bits byte, held [32]byte) (what string) {
	t.Helper()
	fs := vfs.NewMem()
	for path, data := range files {
		if path == name {
			data = slices.Clone(data)
			data[at] ^= bits
		}
		writeFile(t, fs, path, data)
	}
	s, err := storage.Open("store", options(fs))
	if err != nil {
		if strings.HasSuffix(name, ".log") && !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("not said to be damage: %v", err)
		}
		namesFile(t, name, err)
		return "named"
	}
	defer s.Close()
	got, err := tryDump(s)
	if err != nil {
		if _, err := fsck.Check(t.Context(), s, fsck.Options{}); err == nil {
			t.Error("fsck finds nothing")
		} else {
			namesFile(t, name, err)
		}
		return "named"
	}
	if got != held {
		t.Error("something else is held, and nobody says so")
	}
	return "right"
}

// namesFile demands of an error about damage in a table or value file the path of it from the store's directory on.
func namesFile(t *testing.T, name string, err error) {
	t.Helper()
	if kind := kindOf(name); (kind == "sst" || kind == "blob") && !strings.Contains(err.Error(), strings.TrimPrefix(name, "store/")) {
		t.Errorf("%v: want the file's name", err)
	}
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

func writeFile(t *testing.T, fs vfs.FS, path string, data []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if errors.Is(err, os.ErrNotExist) {
		if err = fs.MkdirAll(fs.PathDir(path), 0o700); err == nil {
			f, err = fs.Create(path, vfs.WriteCategoryUnspecified)
		}
	}
	if err == nil {
		_, err = f.Write(bytes.Clone(data)) // in builds with the race detector Pebble's file system overwrites what it is given
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tryDump is dump for a store that may be damaged.
func tryDump(s *storage.Store) (sum [32]byte, err error) {
	it, err := s.DB().NewIter(&pebble.IterOptions{})
	if err != nil {
		return sum, err
	}
	defer it.Close()
	h := sha256.New()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return sum, err
		}
		fmt.Fprintf(h, "%x %x\n", it.Key(), v)
	}
	return [32]byte(h.Sum(nil)), it.Error()
}

// TestEnds: what is noted of logs and manifests outlives restarts, names files no longer there in peace, and is refused itself
// when it is damaged or of a later program.
func TestEnds(t *testing.T) {
	fs := vfs.NewMem()
	m := storagetest.NewMaker(22)
	s := create(t, fs, m.Genesis())
	groups := [][]storage.Entry{m.Begin(1), {m.Append(storagetest.First, 0, 3, false)}, {m.Close(storagetest.First)}}
	for _, group := range groups { // between restarts, so that logs come and go
		if err := s.Propose(group...); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if s, err = storage.Open("store", options(fs)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const path = "store/db/ENDS"
	sound, err := readFile(fs, path)
	if err != nil || len(sound) != sectorBytes {
		t.Fatal(len(sound), err)
	}
	for at := range sound {
		damaged := slices.Clone(sound)
		damaged[at] ^= 4
		for _, b := range [][]byte{damaged, sound[:at]} {
			writeFile(t, fs, path, b)
			if _, err := storage.Open("store", options(fs)); !errors.Is(err, storage.ErrCorrupt) {
				t.Fatalf("byte %d of %d: %v", at, len(b), err)
			}
		}
	}
}

// TestEndsMissing: a start without the file that notes ends says so, once. What is made anew or as a checkpoint has one.
func TestEndsMissing(t *testing.T) {
	fs, log := vfs.NewMem(), new(bytes.Buffer)
	o := options(fs)
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	s, err := storage.Create("store", storagetest.NewMaker(23).Genesis(), o)
	if err == nil {
		err = errors.Join(s.Checkpoint("copy"), s.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		dir       string
		gone, say bool
	}{{dir: "store"}, {dir: "copy"}, {dir: "store", gone: true, say: true}, {dir: "store"}} {
		log.Reset()
		if x.gone {
			if err := fs.Remove(x.dir + "/db/ENDS"); err != nil {
				t.Fatal(err)
			}
		}
		s, err := storage.Open(x.dir, o)
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(log.String(), "was missing"); said != x.say {
			t.Errorf("%+v: %s", x, log)
		}
	}
}
