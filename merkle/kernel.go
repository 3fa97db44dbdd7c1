package merkle

import "github.com/jurat-ledger/jurat/merkle/internal/lanes"

// UseKernel chooses by name the code that hashes tree nodes in this process, to be called at start: "stdlib" for the
// standard library's, "avx512", "shani", "avx2" or "sha2" for a faster one that the processor can run, empty for the fastest.
// Nothing but speed depends on it. Without a call the environment variable LANES names it. Where crypto/fips140 is enabled,
// only "stdlib" and empty, which then means the same, are accepted.
func UseKernel(name string) error { return lanes.Use(name) }

// Kernel returns the name of the code that hashes tree nodes, as UseKernel takes it.
func Kernel() string { return lanes.Default().Name() }
