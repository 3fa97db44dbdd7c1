//go:build purego || !amd64

package lanes

func machineKernels() []*Kernel { return nil }
