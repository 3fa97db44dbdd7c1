package lanes

import (
	"crypto/fips140"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// A Kernel is one implementation of node hashing. Kernels differ in speed, never in what they compute.
type Kernel struct {
	name      string
	available bool // the processor can run it
	width     int  // nodes that it hashes at once, a power of two
	trees     bool // hashTrees is faster than going level by level
}

// stdlib is the definition of all kernels.
var stdlib = &Kernel{name: "stdlib", available: true, width: 1}

var kernels = append(machineKernels, stdlib)

// Kernels returns all kernels for this kind of processor, the one to prefer first.
func Kernels() []*Kernel { return slices.Clone(kernels) }

// Name returns the name of the kernel, such as "avx512".
func (k *Kernel) Name() string { return k.name }

// Available reports whether the processor can run the kernel.
func (k *Kernel) Available() bool { return k.available }

// Width returns how many nodes the kernel hashes at once.
func (k *Kernel) Width() int { return k.width }

// current is the default kernel.
var current atomic.Pointer[Kernel]

func init() {
	k, err := choose(os.Getenv("LANES"), fips140.Enabled())
	if err != nil {
		panic(fmt.Sprintf("environment variable LANES: %v", err))
	}
	current.Store(k)
}

// Default returns the kernel that hashes where no other is named.
func Default() *Kernel { return current.Load() }

// Use makes a kernel the default, the best one if name is empty. It is an error if there is no kernel of this name, if the
// processor cannot run it, or if it is not stdlib and crypto/fips140 is enabled. Hashing that goes on in the meantime is
// none the worse.
func Use(name string) error {
	k, err := choose(name, fips140.Enabled())
	if err == nil {
		current.Store(k)
	}
	return err
}

// choose returns the kernel of a name, or the best one.
func choose(name string, fips bool) (*Kernel, error) {
	if fips && name == "" {
		return stdlib, nil
	}
	var names []string
	for _, k := range kernels {
		if k.available {
			names = append(names, k.name)
		}
		switch {
		case name == "" && k.available:
			return k, nil
		case k.name != name:
		case !k.available:
			return nil, fmt.Errorf("kernel %q: this processor cannot run it", name)
		case fips && k != stdlib:
			return nil, fmt.Errorf("kernel %q: in FIPS 140 mode only %q, the standard library's code, is allowed", name, stdlib.name)
		default:
			return k, nil
		}
	}
	return nil, fmt.Errorf("kernel %q: there is none of this name; use one of %s", name, strings.Join(names, ", "))
}

// hashStdlib hashes with crypto/sha256, one node at a time.
func hashStdlib(dst, src []byte, level byte) {
	var m [messageSize]byte
	m[0], m[imprintSize], m[messageSize-1] = algorithm, algorithm, level
	for len(dst) > 0 {
		copy(m[1:imprintSize], src[:Size])
		copy(m[1+imprintSize:], src[Size:2*Size])
		d := sha256.Sum256(m[:])
		copy(dst, d[:])
		dst, src = dst[Size:], src[2*Size:]
	}
}
