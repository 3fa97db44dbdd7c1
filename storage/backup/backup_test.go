package backup_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/index"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

var made = time.Date(2026, 11, 22, 1, 15, 30, 0, time.UTC)

// A world is a data directory with an open store and index, and what the store is filled by.
type world struct {
	t     testing.TB
	fs    vfs.FS
	dir   string
	maker *storagetest.Maker
	store *storage.Store
	index *index.Index
	round calendar.Second // to be closed next
}

func newWorld(t testing.TB, fs vfs.FS, dir string, seed uint64) *world {
	t.Helper()
	w := &world{t: t, fs: fs, dir: dir, maker: storagetest.NewMaker(seed), round: storagetest.First}
	var err error
	if w.store, err = storage.Create(fs.PathJoin(dir, "store"), w.maker.Genesis(), w.options()); err != nil {
		t.Fatal(err)
	}
	if w.index, err = index.Open(w.store.DB(), index.Options{FS: fs, Dir: fs.PathJoin(dir, "index")}); err != nil {
		t.Fatal(err)
	}
	w.propose(w.maker.Begin(3)...)
	if err := fs.MkdirAll(fs.PathJoin(dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.write("keys/calendar.crt", certificate())
	for _, name := range []string{"calendar.key", "root.key"} {
		w.write("keys/"+name, name)
	}
	return w
}

// interrupted returns a context that has ended.
func interrupted() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// keyPEM is a private key, certificate a certificate of it, both in PEM.
var (
	key, keyPEM = func() (ed25519.PrivateKey, string) {
		key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			panic(err)
		}
		return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}()
	certificate = sync.OnceValue(func() string {
		template := &x509.Certificate{SerialNumber: big.NewInt(1)}
		der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
		if err != nil {
			panic(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	})
)

func (w *world) options() storage.Options {
	return storage.Options{FS: w.fs, TableLeaves: 1000, Logger: slog.New(slog.DiscardHandler)}
}

func (w *world) write(name, text string) {
	w.t.Helper()
	f, err := w.fs.Create(w.fs.PathJoin(w.dir, name), vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) propose(entries ...storage.Entry) {
	w.t.Helper()
	if err := w.store.Propose(entries...); err != nil {
		w.t.Fatal(err)
	}
}

// file files leaves in the open round and closes it. The index learns of them.
func (w *world) file(counts ...int) {
	w.t.Helper()
	first := w.store.TotalLeaves()
	for slot, n := range counts {
		if n > 0 {
			w.propose(w.maker.Append(w.round, uint32(slot), n, slot == 1))
		}
	}
	w.propose(w.maker.Close(w.round))
	iter, err := w.store.Leaves(storage.LeafScan{From: w.round, To: w.round})
	if err != nil {
		w.t.Fatal(err)
	}
	defer iter.Close()
	var hashes []uint64
	for iter.Next() {
		for run, i := iter.Run(), 0; i < run.Leaves.Len(); i++ {
			im := run.Leaves.At(i)
			hashes = append(hashes, w.index.Hash(im.Digest()))
		}
	}
	if err := w.index.Add(first, hashes); err != nil {
		w.t.Fatal(err)
	}
	w.round += 2
}

func (w *world) close() {
	w.t.Helper()
	if err := errors.Join(w.index.Close(), w.store.Close()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) source() backup.Source {
	return backup.Source{FS: w.fs, Dir: w.dir, Store: w.store, Index: w.index}
}

// take makes a backup at a path and returns its manifest as it is stored.
func take(t testing.TB, s backup.Source, o backup.Options, to string) []byte {
	t.Helper()
	if err := copyTo(s, o, to); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.ReadManifest(interrupted(), to); strings.HasSuffix(to, backup.ArchiveSuffix) && !errors.Is(err, context.Canceled) {
		t.Errorf("the manifest is read although that is interrupted: %v", err)
	}
	text, err := backup.ReadManifest(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func copyTo(s backup.Source, o backup.Options, to string) error {
	o.Now = made
	b, err := backup.Begin(s, o)
	if err != nil {
		return err
	}
	var previous *backup.Manifest
	if o.Previous != nil {
		if previous, err = backup.ParseManifest(o.Previous); err != nil {
			return errors.Join(err, b.Close())
		}
	}
	w, err := backup.NewWriter(to, previous)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	for {
		c, err := b.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.Write(c)
		}
		if err != nil {
			return errors.Join(err, b.Close(), w.Abort())
		}
	}
	if err := b.Close(); err != nil {
		return errors.Join(err, w.Abort())
	}
	if _, err := w.Close(); err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}

func restore(dir string, chain ...string) (*backup.Manifest, fsck.Report, error) {
	return backup.Restore(context.Background(), chain, dir, backup.RestoreOptions{Now: made.Add(time.Hour)})
}

// mustRestore restores a chain and returns what was checked.
func mustRestore(t *testing.T, chain ...string) (dir string, r fsck.Report) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "restored")
	m, r, err := restore(dir, chain...)
	if err != nil {
		t.Fatal(err)
	}
	if r.Leaves != m.Leaves || r.Through.String() != m.LastRound {
		t.Errorf("checked %+v of %+v", r, m)
	}
	mark, err := backup.ReadMark(dir)
	if err != nil || mark == nil || mark.LastRound != m.LastRound || mark.CalendarRoot != m.CalendarRoot {
		t.Errorf("mark %+v: %v", mark, err)
	}
	names := list(t, dir)
	for _, name := range names {
		if strings.HasPrefix(name, "restoring") || strings.HasSuffix(name, "LOCK") {
			t.Errorf("restored %s", name)
		}
	}
	return dir, r
}

// mustRefuse demands that a chain is not restored, by that error, and that nothing is left.
func mustRefuse(t *testing.T, want error, chain ...string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	_, _, err := restore(dir, chain...)
	if !errors.Is(err, want) {
		t.Errorf("restoring %v: %v, want %v", chain, err, want)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("restoring %v left %v", chain, list(t, dir))
	}
}

// list returns the files below a directory.
func list(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestRestore backs up a running and a stopped directory, into a directory and an archive, and restores all of them.
func TestRestore(t *testing.T) {
	w := newWorld(t, vfs.Default, t.TempDir(), 1)
	w.file(40_000, 300, 1)
	w.file(1, 0, 2)
	w.propose(w.maker.Append(w.round, 0, 5, false)) // the round that is open
	to := t.TempDir()
	paths := []string{filepath.Join(to, "live"), filepath.Join(to, "live.tar.zst"), filepath.Join(to, "stopped"), filepath.Join(to, "stopped.tar.zst")}
	for _, path := range paths[:2] {
		take(t, w.source(), backup.Options{}, path)
	}
	if _, err := os.Stat(filepath.Join(w.dir, backup.ScratchDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a checkpoint is left: %v", err)
	}
	w.close()
	for _, path := range paths[2:] {
		take(t, backup.Source{Dir: w.dir}, backup.Options{WithoutKeys: true}, path)
	}
	for i, path := range paths {
		dir, r := mustRestore(t, path)
		if r.Leaves != 40_304 || r.Rounds != 2 || r.OpenLeaves != 5 || r.Indexed != 40_304 || r.Signatures != 2 {
			t.Errorf("%s: checked %+v", path, r)
		}
		want := []string{"keys/calendar.crt", "keys/calendar.key", "keys/root.key"}
		if i >= 2 {
			want = want[:1]
		}
		keys := slices.DeleteFunc(list(t, dir), func(name string) bool { return !strings.HasPrefix(name, "keys/") })
		if !slices.Equal(keys, want) {
			t.Errorf("%s: keys %v", path, keys)
		}
		for _, name := range keys {
			info, err := os.Stat(filepath.Join(dir, name))
			if secret := strings.HasSuffix(name, ".key"); err != nil || (info.Mode().Perm() == 0o600) != secret {
				t.Errorf("%s: %s: mode %v, %v", path, name, info.Mode(), err)
			}
		}
	}
}

// TestWithoutKeys backs up what operators may have of a directory whose keys lie about under other names: of keys/ certificates alone.
func TestWithoutKeys(t *testing.T) {
	w := newWorld(t, vfs.NewMem(), "data", 9)
	defer w.close()
	if err := w.fs.MkdirAll("data/keys/old", 0o700); err != nil {
		t.Fatal(err)
	}
	secrets := []string{"calendar.key", "calendar.key.old", "calendar.bak", "calendar.crt.bak", "old/calendar.key", "old/key", "root.key", "root.pem"}
	for _, name := range secrets {
		w.write("keys/"+name, name)
	}
	w.write("keys/calendar-01.crt", certificate()+certificate())
	w.write("keys/old/calendar.crt", certificate())
	block, _ := pem.Decode([]byte(keyPEM))
	for name, text := range map[string]string{"key.crt": keyPEM, "both.crt": certificate() + keyPEM, "before.crt": keyPEM + certificate(), "der.crt": string(block.Bytes),
		"named.crt": strings.ReplaceAll(keyPEM, "PRIVATE KEY", "CERTIFICATE"), "cut.crt": keyPEM[:len(keyPEM)-30] + "\n" + certificate()} {
		w.write("keys/"+name, text)
		secrets = append(secrets, name)
	}
	b, err := backup.Begin(w.source(), backup.Options{WithoutKeys: true, Now: made})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var keys []string
	for err == nil {
		var c backup.Chunk
		if c, err = b.Next(t.Context()); strings.HasPrefix(c.File, "keys/") {
			keys = append(keys, c.File)
		}
	}
	if want := []string{"keys/calendar-01.crt", "keys/calendar.crt", "keys/old/calendar.crt"}; err != io.EOF || !slices.Equal(keys, want) {
		t.Errorf("keys %q, %v", keys, err)
	}
	if left := slices.Sorted(slices.Values(b.Manifest().LeftOut)); !slices.Equal(left, slices.Sorted(slices.Values(secrets))) {
		t.Errorf("left out %q", left)
	}
}

// TestNoPlainFile puts into keys/ what cannot be copied: the backup is refused with its name before anything is sent, and the next is made.
func TestNoPlainFile(t *testing.T) {
	w := newWorld(t, vfs.Default, t.TempDir(), 10)
	defer w.close()
	pipe, link := filepath.Join(w.dir, "keys", "pipe"), filepath.Join(w.dir, "keys", "dangling.key")
	for path, make := range map[string]func() error{
		pipe: func() error { return syscall.Mkfifo(pipe, 0o600) },
		link: func() error { return os.Symlink("/nowhere/calendar.key", link) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if b, err := backup.Begin(w.source(), backup.Options{Now: made}); err == nil {
			t.Errorf("%s: a backup is begun", path)
			b.Close()
		} else if !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v", path, err)
		}
		take(t, w.source(), backup.Options{WithoutKeys: true}, filepath.Join(t.TempDir(), "without"))
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		take(t, w.source(), backup.Options{}, filepath.Join(t.TempDir(), "with"))
	}
}

// TestDamagedIndex backs up directories with a file of the index cut off, of a running server too, then gone: no backup is begun that could not
// be restored.
func TestDamagedIndex(t *testing.T) {
	w := newWorld(t, vfs.Default, t.TempDir(), 11)
	w.file(40_000)
	files, err := filepath.Glob(filepath.Join(w.dir, "index", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files[0], 1000); err != nil {
		t.Fatal(err)
	}
	if b, err := backup.Begin(w.source(), backup.Options{Now: made}); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("of a running server: %v", errors.Join(err, b.Close()))
	}
	if err := os.WriteFile(files[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	w.close()
	for name, damage := range map[string]func() error{
		"cut off": func() error { return os.Truncate(files[0], 1000) },
		"gone":    func() error { return os.Remove(files[0]) },
	} {
		if err := damage(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if b, err := backup.Begin(backup.Source{Dir: w.dir}, backup.Options{Now: made}); !errors.Is(err, index.ErrCorrupt) {
			t.Errorf("%s: %v", name, errors.Join(err, b.Close()))
		}
	}
}

// TestDamage changes one byte of each file of a backup, cuts each off, and removes each.
func TestDamage(t *testing.T) {
	w := newWorld(t, vfs.Default, t.TempDir(), 2)
	w.file(32_800, 3, 1)
	defer w.close()
	path := filepath.Join(t.TempDir(), "backup")
	take(t, w.source(), backup.Options{}, path)
	for _, name := range list(t, path) {
		file := filepath.Join(path, name)
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range []func([]byte) []byte{
			func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			func(b []byte) []byte { return b[:len(b)-1] },
			func(b []byte) []byte { return append(b, 0) },
		} {
			b := bytes.Clone(was)
			if name == backup.ManifestName { // JSON: a comma more, one less, and an end that is missing
				b = bytes.Replace(b, []byte(`"sha256": "`), []byte(`"sha256": "0`), 1)
			} else if len(b) == 0 {
				b = []byte{0}
			} else {
				b = change(b)
			}
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			mustRefuse(t, backup.ErrDamaged, path)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		want := backup.ErrDamaged
		if name == backup.ManifestName {
			want = backup.ErrIncomplete
		}
		mustRefuse(t, want, path)
		if err := os.WriteFile(file, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "keys", "more.crt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, backup.ErrDamaged, path)
}

// TestDamagedArchive changes bytes of an archive here and there, and cuts it off.
func TestDamagedArchive(t *testing.T) {
	w := newWorld(t, vfs.Default, t.TempDir(), 3)
	w.file(500, 3, 1)
	defer w.close()
	path := filepath.Join(t.TempDir(), "backup.tar.zst")
	take(t, w.source(), backup.Options{}, path)
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	for range 25 {
		b := bytes.Clone(was)
		if i := r.IntN(len(b)); r.IntN(2) == 0 {
			b = b[:i]
		} else {
			b[i] ^= byte(1 << r.IntN(8))
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "restored")
		if _, _, err := restore(dir, path); !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrIncomplete) {
			t.Errorf("restored a damaged archive: %v", err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left %v", list(t, dir))
		}
	}
}

// TestChain restores every beginning of a chain, and refuses what is none.
func TestChain(t *testing.T) {
	w := newWorld(t, vfs.Default, t.TempDir(), 4)
	to := t.TempDir()
	var chain []string
	var previous []byte
	for i, name := range []string{"0", "1.tar.zst", "2", "3.tar.zst"} {
		w.file(40_000+i, 10, 0)
		path := filepath.Join(to, name)
		text := take(t, w.source(), backup.Options{Previous: previous}, path)
		m, err := backup.ParseManifest(text)
		if err != nil {
			t.Fatal(err)
		}
		var stored, earlier int64
		for _, f := range m.Files {
			if f.Earlier {
				earlier += f.Size
			} else {
				stored += f.Size
			}
		}
		if i > 0 && earlier < int64(i)*40_000*32 || i == 0 && earlier > 0 {
			t.Errorf("backup %d: %d bytes stored, %d of earlier ones", i, stored, earlier)
		}
		chain, previous = append(chain, path), text
		if _, r := mustRestore(t, chain...); r.Rounds != uint64(i+1) || r.Indexed != r.Leaves {
			t.Errorf("backup %d: checked %+v", i, r)
		}
	}
	other := newWorld(t, vfs.Default, t.TempDir(), 5)
	defer other.close()
	other.file(10)
	foreign := filepath.Join(to, "foreign")
	take(t, other.source(), backup.Options{}, foreign)
	for _, bad := range [][]string{{chain[1]}, {chain[0], chain[2]}, {chain[0], chain[0]}, {chain[1], chain[0]}, {chain[0], foreign},
		{foreign, chain[1]}, {chain[0], chain[1], chain[3]}} {
		mustRefuse(t, backup.ErrChain, bad...)
	}
	if err := copyTo(other.source(), backup.Options{Previous: previous}, filepath.Join(to, "x")); !errors.Is(err, backup.ErrChain) {
		t.Errorf("based on a backup of another ledger: %v", err)
	}
	w.close()
	first, _ := mustRestore(t, chain[0])
	if err := copyTo(backup.Source{Dir: first}, backup.Options{Previous: previous}, filepath.Join(to, "y")); !errors.Is(err, backup.ErrChain) {
		t.Errorf("based on a later backup: %v", err)
	}
}

// TestWhileFiling makes backups while leaves are filed as fast as the store takes them: everything that was durable when a
// backup began is in it, and it restores.
func TestWhileFiling(t *testing.T) {
	w := newWorld(t, vfs.Default, t.TempDir(), 6)
	w.file(100, 3, 1)
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			n := 1 + i%40
			if i%5 == 0 {
				n = 1500 // goes into tables, not through the log
			}
			entries := []storage.Entry{w.maker.Append(w.round, uint32(i%3), n, i%7 == 0)}
			if i%50 == 49 {
				entries = append(entries, w.maker.Close(w.round))
				w.round++
			}
			if err := w.store.Propose(entries...); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 3 {
		path := filepath.Join(t.TempDir(), "backup")
		closed, open := w.store.Durable()
		leaves := w.store.TotalLeaves()
		for _, slots := range open {
			for _, n := range slots {
				leaves += n
			}
		}
		take(t, w.source(), backup.Options{}, path)
		if _, r := mustRestore(t, path); r.Through < closed || r.Leaves+r.OpenLeaves < leaves {
			t.Errorf("%s with %d leaves were durable, restored %+v", closed, leaves, r)
		}
	}
	close(stop)
	<-done
	w.close()
}

// TestFaults fails every file operation of a backup, one after the other. The backup may fail, but the store takes entries as
// before and is in order.
func TestFaults(t *testing.T) {
	mem := vfs.NewMem()
	failing := errorfs.OnIndex(-1)
	w := newWorld(t, errorfs.Wrap(mem, errorfs.ErrInjected.If(failing)), "data", 7)
	w.file(35_000, 10, 1)
	n := 0
	for i := int32(0); ; i++ {
		failing.Store(i)
		path := filepath.Join(t.TempDir(), "backup")
		err := copyTo(w.source(), backup.Options{}, path)
		injected := failing.Load() < 0
		failing.Store(-1)
		if err != nil && !errors.Is(err, errorfs.ErrInjected) && !strings.Contains(err.Error(), "injected") {
			t.Fatalf("operation %d: %v", i, err)
		}
		if _, statErr := os.Stat(filepath.Join(path, backup.ManifestName)); (statErr == nil) != (err == nil) {
			t.Fatalf("operation %d: backup ended with %v, manifest: %v", i, err, statErr)
		}
		if i%10 == 0 {
			w.file(3, 2, 1)
		}
		if !injected {
			break
		}
		if err != nil {
			n++
		}
	}
	if n < 20 {
		t.Errorf("%d operations failed a backup", n)
	}
	comparison := w.index.NewCheck()
	defer comparison.Close()
	if _, err := fsck.Check(t.Context(), w.store, fsck.Options{Index: comparison}); err != nil {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "backup")
	take(t, w.source(), backup.Options{}, path)
	mustRestore(t, path)
	w.close()
}
