//go:build !purego

package lanes

import "golang.org/x/sys/cpu"

var (
	sha2 = &Kernel{name: "sha2", available: cpu.ARM64.HasSHA2, width: 4}

	machineKernels = []*Kernel{sha2}
)

// hash is HashPairs of at most maxCall bytes. A switch instead of a field with a function keeps arguments off the heap.
func (k *Kernel) hash(dst, src []byte, level byte) {
	if k == sha2 {
		hashARM(dst, src, level)
	} else {
		hashStdlib(dst, src, level)
	}
}

// hashARM hashes four nodes at a time, then what is left over.
func hashARM(dst, src []byte, level byte) {
	second := uint32(level) | 0x80<<8 // what follows the digests in memory: the level and the first byte of padding
	n := len(dst) / Size
	if n >= 4 {
		hashSHA2x4(&dst[0], &src[0], n/4, second)
	}
	if rest := n % 4; rest > 0 {
		hashSHA2(&dst[(n-rest)*Size], &src[2*(n-rest)*Size], rest, second)
	}
}
