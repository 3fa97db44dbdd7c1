package largepage

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// advised returns how many of the blocks lie whole in memory that large pages are advised for, by what the kernel says.
func advised(t *testing.T, blocks [][]byte) (n int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var from, to uintptr
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if k, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); k == 2 {
			continue
		}
		if flags := strings.Fields(line); flags[0] != "VmFlags:" || !slices.Contains(flags, "hg") {
			continue
		}
		for _, b := range blocks {
			if at := uintptr(unsafe.Pointer(unsafe.SliceData(b))); at >= from && at+uintptr(len(b)) <= to {
				n++
			}
		}
	}
	return n
}

// After Heap, blocks of the usual kind lie in large pages, far more of them than other tests have asked large pages for.
func TestHeap(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skipf("this kernel has no large pages to give: %v", err)
	}
	const size, all = 33 << 10, 96 << 20
	Heap(2 * all)
	blocks := make([][]byte, all/size)
	for i := range blocks {
		blocks[i] = make([]byte, size)
	}
	if n := advised(t, blocks); n < len(blocks)*3/4 {
		t.Errorf("%d of %d blocks lie in large pages", n, len(blocks))
	}
}
