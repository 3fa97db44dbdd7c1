// Command _asm writes the assembly of package lanes and its declarations. Run it through go generate there.
package main

import (
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	if err := arm64("../kernels_arm64.s", "../kernels_arm64.go"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ConstraintExpr("!purego")
	avx512()
	avx2()
	shani()
	Generate()
}
