package storage

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDirectFile writes files of lengths around those of blocks and of the buffer, in pieces of any length.
func TestDirectFile(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 0))
	dir := t.TempDir()
	var memory []byte
	if f, err := directDisk.CreateDirect(filepath.Join(dir, "probe")); err == nil {
		f.Close()
	} else {
		t.Skipf("%s is on a file system without direct writing", dir)
	}
	for _, around := range []int{0, directAlign, 3 * directAlign, tableBuffer, 2*tableBuffer + directAlign} {
		for n := max(around-1, 0); n <= around+1; n++ {
			want := make([]byte, n)
			for i := range want {
				want[i] = byte(rnd.Uint32())
			}
			path := filepath.Join(dir, "file")
			f, err := directDisk.CreateDirect(path)
			if err != nil {
				t.Fatal(err)
			}
			d := newDirectFile(f, &memory)
			for rest := want; len(rest) > 0; {
				k := min(1+rnd.IntN(300_000), len(rest))
				if err := d.Write(rest[:k]); err != nil {
					t.Fatal(err)
				}
				rest = rest[k:]
			}
			if err := d.Finish(); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes: %d read, %v", n, len(got), err)
			}
			if _, err := directDisk.CreateDirect(path); !errors.Is(err, os.ErrExist) {
				t.Errorf("created over a file that is there: %v", err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDirectFileFull writes to a device that is always full: the error comes back.
func TestDirectFileFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	d := &directFile{f: full, buf: make([]byte, tableBuffer)}
	if err := d.Write(make([]byte, tableBuffer+1)); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if err := d.Finish(); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
}
