package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The AVX2 kernel hashes one stream of 8 nodes: the state of two would fill all registers. Words and constants are
// vectors of 8 lanes in memory.
const (
	vector256   = 32
	atSecond256 = 68 * vector256 // word 0 of the second block
	atMiddle256 = 69 * vector256 // the state after the first block, 8 vectors
	frame256    = 77 * vector256
)

var ymm = []reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13,
	reg.Y14, reg.Y15,
}

// slots256 follow the dependences of a round; one stream has no other to fill its gaps.
var slots256 = map[string]float64{
	"w": -5, "hk": -4, "ea": 0, "eb": 0.3, "ec": 0.6, "e": 1, "ch": 0.8, "hc": 2, "t1": 4, "d": 5,
	"aa": 2, "ab": 2.3, "ac": 2.6, "a": 3, "maj": 4, "sm": 6, "h": 7,
	"s0a": 2, "s0b": 2.5, "s0c": 3, "s0": 3.5, "sum": 3, "s0+": 5, "s1a": 4, "s1b": 4.5, "s1c": 5, "s1": 5.5, "s1+": 7,
	"store": 8,
}

// two and three make instructions without AVX-512 forms look like those that have some.
func two(f func(a, b Op)) func(...Op) { return func(ops ...Op) { f(ops[0], ops[1]) } }

func three(f func(a, b, c Op)) func(...Op) { return func(ops ...Op) { f(ops[0], ops[1], ops[2]) } }

// machine256 is the instruction set: no rotations, functions of two bits.
type machine256 struct{ *body }

func newBody256(p *pool) *body {
	b := &body{list: newList(8, 16, 1), pool: p, slots: slots256, perRound: 10, move: two(VMOVDQU), plus: VPADDD,
		broadcast: two(VMOVDQU), streams: 1, vector: vector256}
	b.machine = machine256{b}
	return b
}

func (m machine256) addConstant(slot float64, konst cell, v value) value {
	return m.do(slot, VPADDD, -1, &konst, v)
}

func (m machine256) ch(slot float64, x, y, z value) value { // z ^ x & (y ^ z)
	return m.do(slot+0.1, three(VPXOR), -1, nil, m.do(slot+0.05, three(VPAND), -1, nil, m.do(slot, three(VPXOR), -1, nil, y, z), x), z)
}

func (m machine256) maj(slot float64, x, y, z value) value { // x & y | z & (x | y)
	both, any := m.do(slot, three(VPAND), -1, nil, x, y), m.do(slot, three(VPOR), -1, nil, x, y)
	return m.do(slot+0.1, three(VPOR), -1, nil, both, m.do(slot+0.05, three(VPAND), -1, nil, any, z))
}

func (m machine256) xorRotated(step string, at func(string) float64, v value, n [3]int, shift bool) value {
	var r [3]value
	for i := range r {
		slot := at(step + string("abc"[i]))
		r[i] = m.do(slot, VPSRLD, n[i], nil, v)
		if i < 2 || !shift {
			r[i] = m.do(slot+0.02, three(VPXOR), -1, nil, r[i], m.do(slot+0.01, VPSLLD, 32-n[i], nil, v))
		}
	}
	return m.do(at(step)+0.05, three(VPXOR), -1, nil, m.do(at(step), three(VPXOR), -1, nil, r[0], r[1]), r[2])
}

func address256(c cell) Op {
	return Mem{Base: map[string]reg.Register{
		"K": reg.RAX, "pool": reg.RCX, "buffer0": reg.R8, "round0": reg.R9, "word0": reg.R11,
	}[c.base], Disp: c.off}
}

// tableReverse256 is where, in bytes, the byte indices that turn words around stand in the pool: behind the round constants
// and the initial state.
const tableReverse256 = 4 * 8 * (64 + 8)

func tables256() (t []uint32) {
	for _, c := range slices.Concat(roundConstants[:], initial[:]) {
		t = append(t, slices.Repeat([]uint32{c}, 8)...)
	}
	for i := range uint32(8) {
		m := 4 * i % 16
		t = append(t, (m+3)|(m+2)<<8|(m+1)<<16|m<<24)
	}
	return t
}

// avx2 prints the kernel.
func avx2() {
	p := &pool{name: "tables256", fixed: tables256(), lanes: 8}
	loop, second := newBody256(p), newBody256(p)
	loop.turn(turnRounds)
	second.second(atSecond256)
	one := address256(p.cell(1))
	data := p.print()

	TEXT("hash256", 0, "func(dst, src *byte, n int, level uint32)")
	Pragma("noescape")
	Doc("hash256 sets dst to 8n > 0 nodes over the pairs of src.")
	frame := AllocLocal(frame256 + 64)
	LEAQ(frame, reg.R8)
	ADDQ(U8(63), reg.R8)
	ANDQ(I8(-64), reg.R8)
	LEAQ(data, reg.RCX)
	Load(Param("dst"), reg.RDI)
	Load(Param("src"), reg.RSI)
	Load(Param("n"), reg.RBX)
	Label("eight")
	messages256(one)
	for i := range 8 {
		VMOVDQU(Mem{Base: reg.RCX, Disp: vector256 * (64 + i)}, ymm[i])
	}
	MOVQ(reg.RCX, reg.RAX)
	MOVQ(reg.R8, reg.R9)
	MOVQ(reg.R8, reg.R11)
	MOVL(U32(64/turnRounds), reg.R10L)
	XORL(reg.R13L, reg.R13L)
	align()
	Label("turn")
	loop.print(ymm, address256)
	ADDQ(U32(vector256*turnRounds), reg.RAX)
	ADDQ(U32(vector256*turnRounds), reg.R9)
	ADDQ(U32(vector256*turnWords), reg.R11)
	DECL(reg.R10L)
	JNZ(LabelRef("turn"))
	TESTL(reg.R13L, reg.R13L)
	JNZ(LabelRef("done"))
	middle := func(i int) Mem { return Mem{Base: reg.R8, Disp: atMiddle256 + vector256*i} }
	for i := range 8 {
		VPADDD(Mem{Base: reg.RCX, Disp: vector256 * (64 + i)}, ymm[i], ymm[i])
		VMOVDQU(ymm[i], middle(i))
	}
	second.print(ymm, address256)
	LEAQ(Mem{Base: reg.RCX, Disp: vector256 * 16}, reg.RAX)
	LEAQ(Mem{Base: reg.R8, Disp: vector256 * 16}, reg.R9)
	LEAQ(Mem{Base: reg.R8, Disp: vector256 * (firstWord - 16)}, reg.R11)
	MOVL(U32(48/turnRounds), reg.R10L)
	MOVL(U32(1), reg.R13L)
	JMP(LabelRef("turn"))

	Label("done")
	VMOVDQU(Mem{Base: reg.RCX, Disp: tableReverse256}, ymm[8])
	for i := range 8 {
		VPADDD(middle(i), ymm[i], ymm[i])
		VPSHUFB(ymm[8], ymm[i], ymm[i])
	}
	transpose256()
	for i := range 8 {
		VMOVDQU(ymm[i], Mem{Base: reg.RDI, Disp: vector256 * i})
	}
	ADDQ(U32(8*64), reg.RSI)
	ADDQ(U32(8*32), reg.RDI)
	DECQ(reg.RBX)
	JNZ(LabelRef("eight"))
	VZEROUPPER()
	RET()
}

// messages256 turns 8 rows of a left and a right digest at SI into message words at R8: those of the left digest one byte
// further back, of the right one two, behind algorithm ids.
func messages256(one Op) {
	to := func(i int) Mem { return Mem{Base: reg.R8, Disp: vector256 * i} }
	t := ymm[8]
	for half, shift := range []int{8, 16} {
		before := ymm[9]
		VMOVDQU(Mem{Base: reg.RCX, Disp: tableReverse256}, t)
		for i := range 8 {
			VMOVDQU(Mem{Base: reg.RSI, Disp: 64*i + 32*half}, ymm[i])
			VPSHUFB(t, ymm[i], ymm[i])
		}
		transpose256()
		if half == 0 {
			VMOVDQU(one, before)
		} else {
			VMOVDQU(to(8), before)
		}
		for i := range 8 {
			VPSLLD(U8(32-shift), before, before)
			VPSRLD(U8(shift), ymm[i], t)
			VPOR(t, before, t)
			VMOVDQU(t, to(8*half+i))
			before = ymm[i]
		}
		if half == 0 {
			VPSLLD(U8(8), ymm[7], t)
			VPOR(one, t, t)
			VMOVDQU(t, to(8)) // until the right half comes
		}
	}
	Load(Param("level"), reg.EDX)
	VMOVD(reg.EDX, reg.X8)
	VPBROADCASTD(reg.X8, t)
	VPSLLD(U8(16), ymm[7], ymm[7])
	VPOR(t, ymm[7], t)
	VMOVDQU(t, Mem{Base: reg.R8, Disp: atSecond256})
}

// transpose256 transposes the words in Y0 to Y7, over Y8 to Y15.
func transpose256() {
	r, t := ymm[:8], ymm[8:]
	for i := 0; i < 8; i += 2 {
		VPUNPCKLDQ(r[i+1], r[i], t[i])
		VPUNPCKHDQ(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 {
		VPUNPCKLQDQ(t[i+2], t[i], r[i])
		VPUNPCKHQDQ(t[i+2], t[i], r[i+1])
		VPUNPCKLQDQ(t[i+3], t[i+1], r[i+2])
		VPUNPCKHQDQ(t[i+3], t[i+1], r[i+3])
	}
	for i := range 4 {
		VPERM2I128(U8(0x20), r[i+4], r[i], t[i])
		VPERM2I128(U8(0x31), r[i+4], r[i], t[i+4])
	}
	for i := range 8 {
		VMOVDQA(t[i], r[i])
	}
}
