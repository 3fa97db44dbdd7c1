package readnow

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// numberless is a file that the system knows by no number.
type numberless struct{ io.ReaderAt }

func (numberless) Fd() uintptr { return noFd }

// file returns a file of random bytes, open for reading, and its bytes.
func file(t testing.TB, size int) (*os.File, []byte) {
	t.Helper()
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(data)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, data
}

// TestAt reads pieces of all kinds of lengths, some of them across the end, and compares with ReadAt.
func TestAt(t *testing.T) {
	f, data := file(t, 3*atOnce+100)
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, length := range []int{0, 1, 2, 511, 4096, 4097, atOnce - 1, atOnce, atOnce + 1, len(data), len(data) + 1} {
		for range 50 {
			offset := int64(rnd.IntN(len(data) + 10))
			want := make([]byte, length)
			n, err := bytes.NewReader(data).ReadAt(want, offset)
			if length == 0 {
				err = nil // as of a file
			}
			for name, from := range map[string]File{"file": f, "numberless": numberless{f}} {
				got := make([]byte, length)
				m, failure := At(from, got, offset)
				if m != n || !errors.Is(failure, err) || !bytes.Equal(got, want) {
					t.Fatalf("%s: %d bytes at %d: %d, %v; want %d, %v", name, length, offset, m, failure, n, err)
				}
			}
		}
	}
	f.Close()
	if _, err := At(f, make([]byte, 10), 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("reading a closed file: %v", err)
	}
}

// TestMany has many goroutines read one file, on stacks that grow meanwhile.
func TestMany(t *testing.T) {
	f, data := file(t, 1<<20)
	var deep func(depth int, offset int64) bool
	deep = func(depth int, offset int64) bool {
		var room [512]byte
		if _, err := At(f, room[:], offset); err != nil || !bytes.Equal(room[:], data[offset:offset+512]) {
			return false
		}
		return depth == 0 || deep(depth-1, (offset+7919)%(1<<19))
	}
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for i := range 20 {
				if !deep(i*10, int64(k*i)) {
					t.Error("read other bytes")
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkAt(b *testing.B) {
	f, data := file(b, 1<<20)
	room := make([]byte, 4096)
	for name, read := range map[string]func(offset int64) (int, error){
		"At":     func(offset int64) (int, error) { return At(f, room, offset) },
		"ReadAt": func(offset int64) (int, error) { return f.ReadAt(room, offset) },
	} {
		b.Run("by="+name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if n, err := read(int64(i*7919) % int64(len(data)-len(room))); n != len(room) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
