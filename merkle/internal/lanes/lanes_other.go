//go:build purego || !(amd64 || arm64)

package lanes

var machineKernels []*Kernel

func (k *Kernel) hash(dst, src []byte, level byte) { hashStdlib(dst, src, level) }
