// Package largepage makes memory for data that comes in large amounts. Linux gives a process memory in pages of 4 KiB, one
// at a time, when they are first written to, which takes from 0.1 µs on real hardware to 55 µs in some virtual machines:
// there, more than all that is done with the digests in a page. With pages of 2 MiB, where the system has them to give on
// request, it was measured to take a fortieth.
//
// The memory is the garbage collector's like any other.
package largepage

// Size is the size of a large page in bytes.
const Size = 2 << 20

// Bytes returns n bytes, zeroed, in large pages if they fill two at least.
func Bytes(n int) []byte {
	if n < 2*Size {
		return make([]byte, n)
	}
	return Make(n)
}

// Make returns a slice of n bytes, zeroed, that begins on the boundary of a large page where such pages are known. It costs
// up to Size bytes more, of which nothing is written to.
func Make(n int) []byte {
	b := make([]byte, n+Size)
	skip := advise(b)
	return b[skip : skip+n : skip+n]
}
