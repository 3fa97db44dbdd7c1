// Command _asm writes the assembly of package lanes. Run it through go generate there.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("!purego")
	avx512()
	avx2()
	shani()
	Generate()
}
