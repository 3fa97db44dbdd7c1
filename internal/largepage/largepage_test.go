package largepage

import (
	"runtime"
	"testing"
	"unsafe"
)

// Memory has the size asked for, is zero, apart from other memory, and aligned.
func TestMake(t *testing.T) {
	var all [][]byte
	for _, n := range []int{0, 1, 4096, Size - 1, Size, Size + 1, 4 * Size} {
		b := Make(n)
		if len(b) != n || cap(b) != n {
			t.Fatalf("%d bytes with room for %d, want %d", len(b), cap(b), n)
		}
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(b))); n > 0 && runtime.GOOS == "linux" && at%Size != 0 {
			t.Errorf("%d bytes at %#x", n, at)
		}
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("byte %d of %d is %d", i, n, b[i])
			}
			b[i] = byte(n) | 1
		}
		all = append(all, b)
	}
	for _, b := range all {
		for i := range b {
			if b[i] != byte(len(b))|1 {
				t.Fatalf("byte %d of %d is %d", i, len(b), b[i])
			}
		}
	}
}
