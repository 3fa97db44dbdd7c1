package merkle

import "github.com/jurat-ledger/jurat/merkle/internal/lanes"

// NewTreeWith is NewTree with a kernel other than the default.
func NewTreeWith(kernel *lanes.Kernel, base Level) *Tree {
	t := NewTree(base)
	t.kernel = kernel
	return t
}
