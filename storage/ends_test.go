package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FuzzEnds shows that the file of ends is read as it is written or not at all. The checksum is put right, so that what is behind it
// is reached.
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
		if e.encode(); !bytes.Equal(e.buf[:], data) {
			t.Fatalf("%x is written again as %x", data, e.buf)
		}
	})
}
