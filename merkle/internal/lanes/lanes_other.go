//go:build purego || !amd64

package lanes

var machineKernels []*Kernel

func (k *Kernel) hash(dst, src []byte, level byte) { hashStdlib(dst, src, level) }

func hashTrees(_, _ []byte, _ byte, _ int) { panic("lanes: no kernel hashes trees") }
