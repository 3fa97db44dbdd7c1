package largepage

import (
	"syscall"
	"unsafe"
)

// advise asks for large pages for all that b holds whole, and returns where in b the first one begins. Where the system has
// none b works all the same, so an error tells nothing.
func advise(b []byte) (skip int) {
	skip = -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (Size - 1)
	_ = syscall.Madvise(b[skip:skip+(len(b)-skip)&^(Size-1)], syscall.MADV_HUGEPAGE)
	return skip
}
