//go:build !purego

package lanes

import "golang.org/x/sys/cpu"

var (
	hasSHANI  = hasNI() && cpu.X86.HasSSSE3 && cpu.X86.HasSSE41
	hasAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512VBMI2

	avx512 = &Kernel{name: "avx512", available: hasAVX512 && hasSHANI, width: width512, trees: true}
	shani  = &Kernel{name: "shani", available: hasSHANI, width: 4}
	avx2   = &Kernel{name: "avx2", available: cpu.X86.HasAVX2, width: 8}

	machineKernels = []*Kernel{avx512, shani, avx2}
)

// hash is HashPairs of at most maxCall bytes. A switch instead of a field with a function keeps arguments off the heap.
func (k *Kernel) hash(dst, src []byte, level byte) {
	switch k {
	case avx512:
		hashAVX512(dst, src, level)
	case shani:
		hashSHANI(dst, src, level)
	case avx2:
		hashAVX2(dst, src, level)
	default:
		hashStdlib(dst, src, level)
	}
}

// hashSHANI hashes four nodes at a time, then what is left over.
func hashSHANI(dst, src []byte, level byte) {
	n := len(dst) / Size
	if n >= 4 {
		hashNI4(&dst[0], &src[0], n/4, second(level))
	}
	if rest := n % 4; rest > 0 {
		hashNI(&dst[(n-rest)*Size], &src[2*(n-rest)*Size], rest, second(level))
	}
}

// hashAVX2 hashes eight nodes at a time, what is left over with crypto/sha256.
func hashAVX2(dst, src []byte, level byte) {
	n := len(dst) / Size &^ 7
	if n > 0 {
		hash256(&dst[0], &src[0], n/8, second(level))
	}
	hashStdlib(dst[n*Size:], src[2*n*Size:], level)
}

// second returns the second half of the first word of a message's second block: the level and the first byte of padding.
func second(level byte) uint32 { return uint32(level)<<8 | 0x80 }
