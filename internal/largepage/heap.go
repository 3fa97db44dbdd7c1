package largepage

import "runtime/debug"

// Heap has the garbage collector take about the next n bytes that its heap grows by in large pages, whatever they are for. Nothing is
// written to until it is needed, so the process takes no more memory than before, but for what of a large page is not in use. It costs
// a collection, and is for a process's beginning, when its heap is short.
//
// The collector keeps the addresses of what is freed, and the system keeps what was advised for addresses, whether memory is behind
// them or not: so it is enough to make a slice of that size and to let it go.
func Heap(n int) {
	Make(n)
	debug.FreeOSMemory()
}
