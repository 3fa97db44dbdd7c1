package host

import (
	"errors"
	"runtime"
	"testing"
)

// TestHost asks for everything once: on Linux it is there and makes sense.
func TestHost(t *testing.T) {
	if runtime.GOOS != "linux" {
		if _, err := DiskOf("."); !errors.Is(err, ErrUnknown) {
			t.Errorf("DiskOf: %v", err)
		}
		return
	}
	if d, err := DiskOf(t.TempDir()); err != nil || d.Size == 0 || d.Free > d.Size {
		t.Errorf("DiskOf: %+v, %v", d, err)
	}
	if _, err := DiskOf("/no/such/directory"); err == nil {
		t.Error("a directory that does not exist has a disk")
	}
	if _, err := Clock(); err != nil {
		t.Errorf("Clock: %v", err)
	}
	if n, err := OpenFiles(); err != nil || n == 0 {
		t.Errorf("OpenFiles: %d, %v", n, err)
	}
	if total, available, err := Memory(); err != nil || available == 0 || available > total {
		t.Errorf("Memory: %d, %d, %v", total, available, err)
	}
	if _, cache, err := WriteCache("."); err == nil && cache != "write back" && cache != "write through" {
		t.Errorf("WriteCache: %q", cache)
	}
	if mode, err := LargePages(); err == nil && mode != "always" && mode != "madvise" && mode != "never" {
		t.Errorf("LargePages: %q", mode)
	}
}
