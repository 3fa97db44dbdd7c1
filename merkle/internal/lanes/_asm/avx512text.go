package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// load512 appends what brings 32 messages in from memory: two streams of 16 rows, each a left and a right digest. VPERMB puts
// the bytes of a row where the message has them, the last two of the right digest where the message has algorithm
// ids; then the 16 rows of 16 words are transposed.
func load512(b *body) {
	const perStream = 7.5 // rounds
	index := b.do(0, VMOVDQU64, -1, &cell{"pool", 4 * tableShuffle})
	for s := range 2 {
		base, slot := fmt.Sprint("buffer", s), float64(s)*perStream
		var q [4][4]value // q[i][g]: words i, 4+i, 8+i, 12+i of rows 4g to 4g+3, by row within a word
		for g := range 4 {
			at := slot + float64(g)
			var r [4]value
			for i := range r {
				r[i] = b.do(at+float64(i)/8, VPERMB, -1, &cell{fmt.Sprint("row", 4*g+i), vector * s}, index)
			}
			t := [4]value{
				b.do(at+0.6, VPUNPCKLDQ, -1, nil, r[0], r[1]), b.do(at+0.6, VPUNPCKHDQ, -1, nil, r[0], r[1]),
				b.do(at+0.8, VPUNPCKLDQ, -1, nil, r[2], r[3]), b.do(at+0.8, VPUNPCKHDQ, -1, nil, r[2], r[3]),
			}
			q[0][g] = b.do(at+1, VPUNPCKLQDQ, -1, nil, t[0], t[2])
			q[1][g] = b.do(at+1, VPUNPCKHQDQ, -1, nil, t[0], t[2])
			q[2][g] = b.do(at+1.1, VPUNPCKLQDQ, -1, nil, t[1], t[3])
			q[3][g] = b.do(at+1.1, VPUNPCKHQDQ, -1, nil, t[1], t[3])
		}
		for i, q := range q {
			at := slot + 4.2 + 0.8*float64(i)
			even := [2]value{b.do(at+0.1, VSHUFI32X4, 0x88, nil, q[0], q[1]), b.do(at+0.2, VSHUFI32X4, 0x88, nil, q[2], q[3])}
			odd := [2]value{b.do(at+0.3, VSHUFI32X4, 0xdd, nil, q[0], q[1]), b.do(at+0.4, VSHUFI32X4, 0xdd, nil, q[2], q[3])}
			words512(b, base, at+0.5, i, [4]value{
				b.do(at+0.5, VSHUFI32X4, 0x88, nil, even[0], even[1]), b.do(at+0.6, VSHUFI32X4, 0x88, nil, odd[0], odd[1]),
				b.do(at+0.5, VSHUFI32X4, 0xdd, nil, even[0], even[1]), b.do(at+0.6, VSHUFI32X4, 0xdd, nil, odd[0], odd[1]),
			})
		}
	}
}

// words512 appends the stores of words i, 4+i, 8+i and 12+i. In words 0 and 8 the bytes that belong into the second block make
// way for algorithm ids.
func words512(b *body, base string, slot float64, i int, w [4]value) {
	ternary := b.machine.(machine512).ternary
	if i == 0 {
		second := ternary(slot+0.3, choose, b.constant(slot, 0xff000000), w[0], w[2])
		level := b.do(slot, VPBROADCASTD, -1, &cell{"level", 0})
		b.put(slot+0.6, cell{base, atSecond}, ternary(slot+0.5, andOr, second, b.constant(slot, 0xffff0000), level))
		w[0] = ternary(slot+0.4, andOr, w[0], b.constant(slot, 0x00ffffff), b.constant(slot, 0x01000000))
		w[2] = ternary(slot+0.4, andOr, w[2], b.constant(slot, 0xff00ffff), b.constant(slot, 0x00010000))
	}
	for l, v := range w {
		b.put(slot+0.6, cell{base, vector * (4*l + i)}, v)
	}
}

// Where the tables of the AVX-512 kernel stand in its pool, in words.
const (
	tableInitial = 64      // behind the round constants
	tableShuffle = 64 + 8  // for load512: byte indices
	tableReverse = 72 + 16 // for digests: byte indices that turn words around
	tableEnd     = 88 + 16
)

func tables512() []uint32 {
	t := append(roundConstants[:], initial[:]...)
	source := func(m int) uint32 { // where byte m of the message stands in a row
		switch {
		case m == 0:
			return 62
		case m <= 32:
			return uint32(m - 1)
		case m == 33:
			return 63
		}
		return uint32(m - 2)
	}
	for w := range 16 {
		m := 4 * w
		t = append(t, source(m+3)|source(m+2)<<8|source(m+1)<<16|source(m)<<24)
	}
	for w := range uint32(16) {
		m := 4 * w % 16
		t = append(t, (m+3)|(m+2)<<8|(m+1)<<16|m<<24)
	}
	return t
}

// address512 turns cells into operands.
func address512(c cell) Op {
	simple := map[string]reg.Register{
		"K": reg.RAX, "pool": reg.RCX, "buffer0": reg.RDI, "buffer1": reg.RSI,
		"round0": reg.R9, "round1": reg.R10, "word0": reg.R11, "word1": reg.R12, "ahead": reg.RBX,
	}
	if r, ok := simple[c.base]; ok {
		return Mem{Base: r, Disp: c.off}
	}
	if c.base == "level" {
		return reg.EDX
	}
	var row int
	if n, err := fmt.Sscanf(c.base, "row%d", &row); n != 1 || err != nil {
		panic(c.base)
	}
	m := Mem{Base: []reg.Register{reg.RAX, reg.R8, reg.R9, reg.R10}[row/4], Disp: c.off}
	switch row % 4 {
	case 1:
		m.Index, m.Scale = reg.R11, 1
	case 2:
		m.Index, m.Scale = reg.R11, 2
	case 3:
		m.Index, m.Scale = reg.R12, 1
	}
	return m
}

func align() { Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []Op{Imm(64)}}) }

// avx512 prints the kernel.
func avx512() {
	p := &pool{name: "tables512", fixed: tables512(), words: []uint32{1}, lanes: 1}
	loop, start, load := newBody512(p, 16, 2), newBody512(p, 16, 2), newBody512(p, 0, 0)
	loop.turn(7)
	prefetch512(loop, linesTurn, turnRounds)
	start.second(atSecond)
	prefetch512(start, linesSecond, 16)
	load512(load)
	data := p.print()

	TEXT("load512", NOSPLIT, "func(a, b, rows *byte, stride uintptr, level uint32)")
	Pragma("noescape")
	Doc("load512 brings the messages of 32 nodes in: of a at rows, rows+stride, …, of b 64 bytes after each.")
	LEAQ(data, reg.RCX)
	Load(Param("a"), reg.RDI)
	Load(Param("b"), reg.RSI)
	Load(Param("rows"), reg.RAX)
	Load(Param("stride"), reg.R11)
	Load(Param("level"), reg.EDX)
	LEAQ(Mem{Base: reg.R11, Index: reg.R11, Scale: 2}, reg.R12)
	LEAQ(Mem{Base: reg.RAX, Index: reg.R11, Scale: 4}, reg.R8)
	LEAQ(Mem{Base: reg.RAX, Index: reg.R11, Scale: 8}, reg.R9)
	LEAQ(Mem{Base: reg.R8, Index: reg.R11, Scale: 8}, reg.R10)
	load.print(zmm, address512)
	VZEROUPPER()
	RET()
	hash512(data, loop, start)
}

// prefetch512 appends prefetches of lines from ahead, spread over rounds: more than a few at once would keep loads waiting.
func prefetch512(b *body, lines, rounds int) {
	for i := range lines {
		b.add(&instr{dst: none, at: &cell{"ahead", vector * i}, slot: float64(i*rounds) / float64(lines), emit: func(_ Op, _ []Op, m Op) { PREFETCHT0(m) }})
	}
}

// hash512 prints the function that hashes both blocks. A loop over 8 rounds serves both: short code stays in the
// instruction cache, whatever the neighbours do.
func hash512(data Mem, loop, start *body) {
	TEXT("hash512", NOSPLIT, "func(a, b, parents, dst *byte, ahead uintptr, above uint32)")
	Pragma("noescape")
	Doc("hash512 hashes the messages in a and b. Digests go into the messages of parents, those of a left, those of b right;",
		"the upper half of above is what follows them there. Or, if parents is nil, they go to dst, those of a and b in turn.",
		"parents may be b. It prefetches 2 KiB from ahead, which need not be an address in use.")
	LEAQ(data, reg.RCX)
	Load(Param("a"), reg.RDI)
	Load(Param("b"), reg.RSI)
	Load(Param("ahead"), reg.RBX)
	for i := range 16 {
		VPBROADCASTD(Mem{Base: reg.RCX, Disp: 4 * (tableInitial + i%8)}, zmm[i])
	}
	pointers512(0, 0)
	MOVL(U32(64/turnRounds), reg.R8L)
	XORL(reg.R13L, reg.R13L)
	align()
	Label("turn")
	loop.print(zmm, address512)
	ADDQ(U8(4*turnRounds), reg.RAX)
	ADDQ(U32(vector*turnRounds), reg.R9)
	ADDQ(U32(vector*turnRounds), reg.R10)
	ADDQ(U32(vector*turnWords), reg.R11)
	ADDQ(U32(vector*turnWords), reg.R12)
	ADDQ(U32(vector*linesTurn), reg.RBX)
	DECL(reg.R8L)
	JNZ(LabelRef("turn"))
	TESTL(reg.R13L, reg.R13L)
	JNZ(LabelRef("done"))

	for i := range 16 {
		VPADDD_BCST(Mem{Base: reg.RCX, Disp: 4 * (tableInitial + i%8)}, zmm[i], zmm[i])
		VMOVDQU64(zmm[i], middle(i))
	}
	start.print(zmm, address512)
	ADDQ(U32(vector*linesSecond), reg.RBX)
	pointers512(16, firstWord-16)
	MOVL(U32(48/turnRounds), reg.R8L)
	MOVL(U32(1), reg.R13L)
	JMP(LabelRef("turn"))

	Label("done")
	for i := range 16 {
		VPADDD(middle(i), zmm[i], zmm[i])
	}
	Load(Param("parents"), reg.RDX)
	TESTQ(reg.RDX, reg.RDX)
	JZ(LabelRef("store"))
	parents512()
	VZEROUPPER()
	RET()
	Label("store")
	store512()
	VZEROUPPER()
	RET()
}

// pointers512 lets the loop start at a round and at a word 16 before the first to compute.
func pointers512(round, word int) {
	LEAQ(Mem{Base: reg.RCX, Disp: 4 * round}, reg.RAX)
	LEAQ(Mem{Base: reg.RDI, Disp: vector * round}, reg.R9)
	LEAQ(Mem{Base: reg.RSI, Disp: vector * round}, reg.R10)
	LEAQ(Mem{Base: reg.RDI, Disp: vector * word}, reg.R11)
	LEAQ(Mem{Base: reg.RSI, Disp: vector * word}, reg.R12)
}

// middle returns where register i of the state after the first block stands.
func middle(i int) Mem {
	return Mem{Base: []reg.Register{reg.RDI, reg.RSI}[i/8], Disp: atMiddle + vector*(i%8)}
}

// parents512 turns digests into messages of a buffer at DX: shifts of the words by one byte in the left digest, two in the
// right, with the algorithm ids between.
func parents512() {
	one, oneHigh, above := reg.Z16, reg.Z17, reg.Z18
	VPBROADCASTD(Mem{Base: reg.RCX, Disp: 4 * tableEnd}, one)
	VPSLLD(U8(24), one, oneHigh)
	Load(Param("above"), reg.EAX)
	VPBROADCASTD(reg.EAX, above)
	word := func(i int) Mem { return Mem{Base: reg.RDX, Disp: vector * i} }
	VPSHLDD(U8(8), oneHigh, zmm[7], reg.Z19)
	VPSHLDD(U8(16), above, zmm[15], reg.Z20)
	VMOVDQU64(reg.Z20, Mem{Base: reg.RDX, Disp: atSecond})
	for i := 15; i >= 0; i-- { // downwards: each word needs the one before it
		shift, before := 16, Op(reg.Z19)
		if i < 8 {
			shift, before = 8, one
		}
		if i != 0 && i != 8 {
			before = zmm[i-1]
		}
		VPSHRDD(U8(shift), before, zmm[i], zmm[i])
		VMOVDQU64(zmm[i], word(i))
	}
}

// store512 writes the digests at Z0 to Z15 to memory, a row of two for each lane.
func store512() {
	Load(Param("dst"), reg.RDX)
	VMOVDQU64(Mem{Base: reg.RCX, Disp: 4 * tableReverse}, reg.Z16)
	for i := range 16 {
		VPSHUFB(reg.Z16, zmm[i], zmm[i])
	}
	r, t := zmm[:16], zmm[16:]
	for i := 0; i < 16; i += 2 {
		VPUNPCKLDQ(r[i+1], r[i], t[i])
		VPUNPCKHDQ(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 16; i += 4 { // r[i+c]: words i to i+3 of rows c, 4+c, 8+c, 12+c
		VPUNPCKLQDQ(t[i+2], t[i], r[i])
		VPUNPCKHQDQ(t[i+2], t[i], r[i+1])
		VPUNPCKLQDQ(t[i+3], t[i+1], r[i+2])
		VPUNPCKHQDQ(t[i+3], t[i+1], r[i+3])
	}
	for c := range 4 {
		VSHUFI32X4(U8(0x88), r[4+c], r[c], t[0])
		VSHUFI32X4(U8(0xdd), r[4+c], r[c], t[1])
		VSHUFI32X4(U8(0x88), r[12+c], r[8+c], t[2])
		VSHUFI32X4(U8(0xdd), r[12+c], r[8+c], t[3])
		for l := range 4 {
			VSHUFI32X4(U8([]int{0x88, 0x88, 0xdd, 0xdd}[l]), t[2+l%2], t[l%2], t[4])
			VMOVDQU64(t[4], Mem{Base: reg.RDX, Disp: vector * (4*l + c)})
		}
	}
}
