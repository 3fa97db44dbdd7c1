// Command _asm writes the assembly of package hexrows and its declarations. Run it through go generate there.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	avx2()
	Generate()
}

// loaded returns a register with a table of 16 bytes in each half.
func loaded(name string, of func(i byte) byte) reg.VecVirtual {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 32 {
		DATA(i, U8(of(byte(i%16))))
	}
	y := YMM()
	VMOVDQU(m, y)
	return y
}

// Characters are told apart by their halves: a digit is one whose lower half and upper half have a class in common.
const (
	classNumber = 1 << iota // 0x30 to 0x39
	classLetter             // 0x41 to 0x46, 0x61 to 0x66
)

func classOfLower(i byte) (class byte) {
	if i <= 9 {
		class |= classNumber
	}
	if i >= 1 && i <= 6 {
		class |= classLetter
	}
	return class
}

func classOfUpper(i byte) byte {
	switch i {
	case 3:
		return classNumber
	case 4, 6:
		return classLetter
	}
	return 0
}

// moreOfUpper is what the value of a digit has above its lower half.
func moreOfUpper(i byte) byte {
	if classOfUpper(i) == classLetter {
		return 9
	}
	return 0
}

// avx2 prints the kernel: 64 digits in two vectors, no branch until both are decoded.
func avx2() {
	TEXT("decodeAVX2", NOSPLIT, "func(dst, rows *byte, n int, prefix, mask uint32, size uintptr) int")
	Pragma("noescape")
	Doc("decodeAVX2 sets dst to the digests in n > 0 rows, as far as they are all digits between prefix, which is what mask leaves of",
		"the first four bytes, and a newline. The prefix has this size. It returns how many.")
	dst, row := Load(Param("dst"), GP64()), Load(Param("rows"), GP64())
	left, prefix := Load(Param("n"), GP64()), Load(Param("prefix"), GP32())
	mask, size := Load(Param("mask"), GP32()), Load(Param("size"), GP64())
	total := GP64()
	MOVQ(left, total)
	lower, upper, more := loaded("lower", classOfLower), loaded("upper", classOfUpper), loaded("more", moreOfUpper)
	halves := loaded("halves", func(byte) byte { return 15 })
	weights := loaded("weights", func(i byte) byte { return []byte{16, 1}[i%2] })
	zero := YMM()
	VPXOR(zero, zero, zero)

	Label("row")
	head := GP32()
	MOVL(Mem{Base: row}, head)
	ANDL(mask, head)
	CMPL(head, prefix)
	JNE(LabelRef("end"))
	CMPB(Mem{Base: row, Index: size, Scale: 1, Disp: 64}, U8('\n'))
	JNE(LabelRef("end"))
	var words, wrong [2]reg.VecVirtual
	for i := range 2 {
		x, high, class, value := YMM(), YMM(), YMM(), YMM()
		words[i], wrong[i] = YMM(), YMM()
		VMOVDQU(Mem{Base: row, Index: size, Scale: 1, Disp: 32 * i}, x)
		VPSRLW(U8(4), x, high)
		VPAND(halves, high, high)
		VPSHUFB(x, lower, class) // 0 for what is not ASCII
		VPSHUFB(high, upper, wrong[i])
		VPAND(class, wrong[i], wrong[i])
		VPCMPEQB(zero, wrong[i], wrong[i])
		VPAND(halves, x, value)
		VPSHUFB(high, more, high)
		VPADDB(high, value, value)
		VPMADDUBSW(weights, value, words[i])
	}
	VPOR(wrong[0], wrong[1], wrong[0])
	VPTEST(wrong[0], wrong[0])
	JNZ(LabelRef("end"))
	VPACKUSWB(words[1], words[0], words[0])
	VPERMQ(U8(0b11_01_10_00), words[0], words[0])
	VMOVDQU(words[0], Mem{Base: dst})
	ADDQ(Imm(32), dst)
	LEAQ(Mem{Base: row, Index: size, Scale: 1, Disp: 65}, row)
	DECQ(left)
	JNZ(LabelRef("row"))

	Label("end")
	SUBQ(left, total)
	VZEROUPPER()
	Store(total, ReturnIndex(0))
	RET()
}
