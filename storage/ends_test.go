package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FuzzEnds shows that the file of ends is read as it is written or not at all. The checksum is put right, so that what is behind it
// is reached. What an older program has written is written anew as the newest version.
func FuzzEnds(f *testing.F) {
	for n := range 4 {
		e := endsFS{known: make(map[endKey]end)}
		for i := range n * 9 {
			e.known[endKey{i%2 == 1, uint64(i)}] = end{uint64(i) << 20, uint32(i) * 0x9e3779b9}
		}
		e.encode()
		f.Add(e.buf[:endsBytes-4], true)
	}
	f.Add([]byte{endsVersion + 1}, true)
	f.Add([]byte{endsLoose}, true)
	f.Add([]byte{endsVersion, 1, 2}, true)
	f.Add([]byte{endsVersion, maxEnds + 1}, true)
	f.Add([]byte("short"), false)
	f.Fuzz(func(t *testing.T, data []byte, whole bool) {
		if whole {
			b := make([]byte, endsBytes-4, endsBytes)
			copy(b, data)
			data = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
		}
		fs := vfs.NewMem()
		file, err := fs.Create(endsFile, vfs.WriteCategoryUnspecified)
		if err == nil {
			_, err = file.Write(data)
		}
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		e := &endsFS{FS: fs, known: make(map[endKey]end)}
		if err := e.load(); err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		if e.loose != (data[0] == endsLoose) {
			t.Fatalf("version %d: loose is %t", data[0], e.loose)
		}
		data[0] = endsVersion
		data = binary.LittleEndian.AppendUint32(data[:endsBytes-4], crc32.Checksum(data[:endsBytes-4], castagnoli))
		if e.encode(); !bytes.Equal(e.buf[:], data) {
			t.Fatalf("%x is written again as %x", data, e.buf)
		}
	})
}

// TestEndsMissing: a log that was noted and is gone is damage, unless the store's own program has removed it, before a power cut too; of an
// older program's notes nobody knows.
func TestEndsMissing(t *testing.T) {
	noted := func(t *testing.T) (*vfs.MemFS, *endsFS) {
		t.Helper()
		mem := vfs.NewCrashableMem()
		if err := errors.Join(mem.MkdirAll("db", 0o755), SyncDir("", mem)); err != nil {
			t.Fatal(err)
		}
		e, err := openEnds("db", mem, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"db/000004.log", "db/000007.log"} {
			f, err := e.Create(name, vfs.WriteCategoryUnspecified)
			if err == nil {
				_, err = f.Write([]byte(name))
			}
			if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
				t.Fatal(err)
			}
		}
		if err := SyncDir("db", mem); err != nil {
			t.Fatal(err)
		}
		return mem, e
	}
	for _, gone := range []string{"db/000004.log", "db/000007.log"} {
		mem, _ := noted(t)
		if err := mem.Remove(gone); err != nil {
			t.Fatal(err)
		}
		if _, err := openEnds("db", mem, true); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), gone+": missing") {
			t.Errorf("%s is taken away: %v", gone, err)
		}

		mem, e := noted(t)
		if err := errors.Join(e.Remove(gone), SyncDir("db", mem)); err != nil {
			t.Fatal(err)
		}
		for name, fs := range map[string]vfs.FS{"end of the process": mem, "power cut": mem.CrashClone(vfs.CrashCloneCfg{})} {
			if again, err := openEnds("db", fs, true); err != nil || len(again.known) != 1 {
				t.Errorf("%s is removed, then %s: %v", gone, name, err)
			}
		}

		mem, e = noted(t)
		b := e.buf
		b[0] = endsLoose
		binary.LittleEndian.PutUint32(b[endsBytes-4:], crc32.Checksum(b[:endsBytes-4], castagnoli))
		if _, err := e.file.WriteAt(b[:], 0); err != nil {
			t.Fatal(err)
		}
		if err := mem.Remove(gone); err != nil {
			t.Fatal(err)
		}
		if again, err := openEnds("db", mem, true); err != nil || len(again.known) != 1 {
			t.Errorf("an older program's notes name %s: %v", gone, err)
		}
	}
}
