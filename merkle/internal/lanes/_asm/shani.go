package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The SHA-NI kernels use the instructions for four rounds at a time, on one node or on four in turn: the next round of one
// node waits longer for its own result than for its turn.

var xmm = []reg.VecPhysical{
	reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7, reg.X8, reg.X9, reg.X10, reg.X11, reg.X12, reg.X13,
	reg.X14, reg.X15,
}

// Where the tables of the SHA-NI kernels stand in their pool, in bytes.
const (
	niSecond  = 4 * 64         // round constants 0 to 15 and the words of a second block whose word 0 is 0
	niState   = niSecond + 64  // initial state: F E B A, H G D C
	niTail    = niState + 32   // words 12 to 15 of the second block
	niReverse = niTail + 16    // byte indices: words turned around
	niLeft    = niReverse + 16 // the same, one byte further back
	niLeftID  = niLeft + 16    // the algorithm id before the left digest
	niRight   = niLeftID + 16  // as niLeft, for the words about the right algorithm id
	niRightID = niRight + 16
)

func tablesNI() []uint32 {
	t := append([]uint32(nil), roundConstants[:]...)
	for i := range 16 {
		t = append(t, roundConstants[i])
	}
	t[64+15] += messageBits
	h := initial
	t = append(t, h[5], h[4], h[1], h[0], h[7], h[6], h[3], h[2], 0, 0, 0, messageBits)
	indices := func(at func(m int) uint32) {
		for m := 0; m < 16; m += 4 {
			t = append(t, at(m+3)|at(m+2)<<8|at(m+1)<<16|at(m)<<24)
		}
	}
	const zero = 0x80 // PSHUFB writes a zero
	indices(func(m int) uint32 { return uint32(m) })
	indices(func(m int) uint32 {
		if m == 0 {
			return zero
		}
		return uint32(m - 1)
	})
	t = append(t, 1<<24, 0, 0, 0)
	indices(func(m int) uint32 {
		switch m {
		case 0:
			return 0
		case 1:
			return zero
		}
		return uint32(m - 1)
	})
	return append(t, 1<<16, 0, 0, 0)
}

func tableNI(off int) Mem { return Mem{Base: reg.RCX, Disp: off} }

// messageNI computes words 0 to 15 of the message over the digests at offset off of SI, four in a register.
func messageNI(off int, m [4]reg.VecPhysical, t reg.VecPhysical) {
	at := func(i int) Mem { return Mem{Base: reg.RSI, Disp: off + i} }
	shuffle := func(from, table int, to reg.VecPhysical) {
		MOVOU(at(from), to)
		MOVOU(tableNI(table), t)
		PSHUFB(t, to)
	}
	id := func(table int, to reg.VecPhysical) {
		MOVOU(tableNI(table), t)
		POR(t, to)
	}
	shuffle(0, niLeft, m[0])
	id(niLeftID, m[0])
	shuffle(15, niReverse, m[1])
	shuffle(31, niRight, m[2])
	id(niRightID, m[2])
	shuffle(46, niReverse, m[3])
}

// secondNI computes words 0 to 3 of the second block: the last two bytes at offset off of SI, the level from DX.
func secondNI(off int, to reg.VecPhysical) {
	MOVWLZX(Mem{Base: reg.RSI, Disp: off + 62}, reg.EAX)
	BSWAPL(reg.EAX)
	ORL(reg.EDX, reg.EAX)
	MOVD(reg.EAX, to)
}

// roundsNI is four rounds with the words plus constants in X0.
func roundsNI(abef, cdgh reg.VecPhysical) {
	SHA256RNDS2(reg.X0, abef, cdgh)
	PSHUFD(U8(0x0e), reg.X0, reg.X0)
	SHA256RNDS2(reg.X0, cdgh, abef)
}

// digestNI turns a state into the digest at offset off of DI.
func digestNI(abef, cdgh, t, reverse reg.VecPhysical, off int) {
	PSHUFD(U8(0x1b), abef, abef) // A B E F from the lowest
	PSHUFD(U8(0xb1), cdgh, cdgh) // G H C D
	MOVOA(abef, t)
	PBLENDW(U8(0xf0), cdgh, t)
	PALIGNR(U8(8), abef, cdgh)
	PSHUFB(reverse, t)
	PSHUFB(reverse, cdgh)
	MOVOU(t, Mem{Base: reg.RDI, Disp: off})
	MOVOU(cdgh, Mem{Base: reg.RDI, Disp: off + 16})
}

// argumentsNI loads what both kernels are called with.
func argumentsNI(data Mem) {
	LEAQ(data, reg.RCX)
	Load(Param("dst"), reg.RDI)
	Load(Param("src"), reg.RSI)
	Load(Param("n"), reg.RBX)
	Load(Param("level"), reg.EDX)
}

// shani prints the kernels.
func shani() {
	p := &pool{name: "tablesNI", fixed: tablesNI()}
	data := p.print()
	shani1(data)
	shani4(data)
	cpuid()
}

// shani1 hashes one node at a time, with all its words in registers.
func shani1(data Mem) {
	TEXT("hashNI", NOSPLIT, "func(dst, src *byte, n int, level uint32)")
	Pragma("noescape")
	Doc("hashNI sets dst to n > 0 nodes over the pairs of src, one after the other.")
	argumentsNI(data)
	abef, cdgh, m, t, t2, t3 := xmm[1], xmm[2], [4]reg.VecPhysical{xmm[3], xmm[4], xmm[5], xmm[6]}, xmm[7], xmm[10], xmm[11]
	middle := [2]reg.VecPhysical{xmm[8], xmm[9]}
	schedule := func(step int) {
		m0, m1, m2, m3 := m[step%4], m[(step+1)%4], m[(step+2)%4], m[(step+3)%4]
		SHA256MSG1(m1, m0)
		MOVOA(m3, t)
		PALIGNR(U8(4), m2, t)
		PADDD(t, m0)
		SHA256MSG2(m3, m0)
	}
	Label("node")
	messageNI(0, m, t)
	MOVOU(tableNI(niState), abef)
	MOVOU(tableNI(niState+16), cdgh)
	for step := range 16 {
		MOVOU(tableNI(16*step), reg.X0)
		PADDD(m[step%4], reg.X0)
		roundsNI(abef, cdgh)
		if step < 12 {
			schedule(step)
		}
	}
	MOVOU(tableNI(niState), t2)
	MOVOU(tableNI(niState+16), t3)
	PADDD(t2, abef)
	PADDD(t3, cdgh)
	MOVOA(abef, middle[0])
	MOVOA(cdgh, middle[1])
	secondNI(0, m[0])
	PXOR(m[1], m[1])
	PXOR(m[2], m[2])
	MOVOU(tableNI(niTail), m[3])
	for step := range 16 {
		if step > 0 && step < 4 {
			MOVOU(tableNI(niSecond+16*step), reg.X0)
		} else {
			MOVOU(tableNI(16*step), reg.X0)
			PADDD(m[step%4], reg.X0)
		}
		roundsNI(abef, cdgh)
		if step < 12 {
			schedule(step)
		}
	}
	PADDD(middle[0], abef)
	PADDD(middle[1], cdgh)
	MOVOU(tableNI(niReverse), t2)
	digestNI(abef, cdgh, t, t2, 0)
	ADDQ(U8(64), reg.RSI)
	ADDQ(U8(32), reg.RDI)
	DECQ(reg.RBX)
	JNZ(LabelRef("node"))
	RET()
}

// streams is how many nodes the wider kernel has under way.
const streams = 4

// shani4 hashes four nodes in turn, with their words in memory but for the latest four of each: the next four wait for those.
func shani4(data Mem) {
	TEXT("hashNI4", 0, "func(dst, src *byte, n int, level uint32)")
	Pragma("noescape")
	Doc("hashNI4 sets dst to 4n > 0 nodes over the pairs of src, four at a time.")
	const vectors = 16 * streams // words of the messages, then middle states
	frame, second := AllocLocal(16*(vectors+2*streams)+8), AllocLocal(16*streams)
	state, latest, t := xmm[1:1+2*streams], xmm[9:9+streams], xmm[13:16]
	words := func(i int) Mem { return Mem{Base: reg.R12, Disp: 16 * i} }
	middle := func(i int) Mem { return words(vectors + i) }
	argumentsNI(data)
	LEAQ(frame.Offset(8), reg.R12) // SSE wants its operands aligned, and a stack is by 8 bytes
	ANDQ(I8(-16), reg.R12)
	Label("four")
	for s := range streams {
		m := [4]reg.VecPhysical{t[0], t[1], t[2], latest[s]}
		messageNI(64*s, m, reg.X0)
		for i := range m {
			MOVOA(m[i], words(streams*i+s))
		}
		secondNI(64*s, t[0])
		MOVOU(t[0], second.Offset(16*s))
	}
	MOVOU(tableNI(niState), state[0])
	MOVOU(tableNI(niState+16), state[1])
	for i := range state {
		if i >= 2 {
			MOVOA(state[i%2], state[i])
		}
		MOVOA(state[i], middle(i))
	}
	MOVL(U32(2), reg.R11L)

	Label("block")
	MOVQ(reg.RCX, reg.R9)
	MOVQ(reg.R12, reg.R8)
	MOVL(U32(12), reg.R10L)
	align()
	Label("schedule")
	turnNI(state, latest, t, true)
	JNZ(LabelRef("schedule"))
	MOVL(U32(4), reg.R10L)
	Label("last")
	turnNI(state, latest, t, false)
	JNZ(LabelRef("last"))
	for i := range state {
		PADDD(middle(i), state[i])
		MOVOA(state[i], middle(i))
	}
	DECL(reg.R11L)
	JZ(LabelRef("done"))
	PXOR(t[1], t[1])
	for s := range streams {
		MOVOU(second.Offset(16*s), t[0])
		MOVOU(tableNI(niTail), latest[s])
		for i, v := range []reg.VecPhysical{t[0], t[1], t[1], latest[s]} {
			MOVOA(v, words(streams*i+s))
		}
	}
	JMP(LabelRef("block"))

	Label("done")
	MOVOU(tableNI(niReverse), t[1])
	for s := range streams {
		digestNI(state[2*s], state[2*s+1], t[0], t[1], 32*s)
	}
	ADDQ(U32(64*streams), reg.RSI)
	ADDQ(U32(32*streams), reg.RDI)
	DECQ(reg.RBX)
	JNZ(LabelRef("four"))
	RET()
}

// turnNI is four rounds of each stream, with words at R8 and constants at R9, both moved on, and, with schedule set, the words
// for the four rounds after the next twelve. It counts R10 down.
func turnNI(state, latest, t []reg.VecPhysical, schedule bool) {
	for s := range streams {
		word := func(i int) Mem { return Mem{Base: reg.R8, Disp: 16 * (streams*i + s)} }
		MOVOU(Mem{Base: reg.R9}, reg.X0)
		PADDD(word(0), reg.X0)
		roundsNI(state[2*s], state[2*s+1])
		if schedule {
			next, far := t[2*s%3], t[(2*s+1)%3]
			MOVOA(word(0), next)
			SHA256MSG1(word(1), next)
			MOVOA(latest[s], far)
			PALIGNR(U8(4), word(2), far)
			PADDD(far, next)
			SHA256MSG2(latest[s], next)
			MOVOA(next, latest[s])
			MOVOA(next, word(4))
		}
	}
	ADDQ(U8(16), reg.R9)
	ADDQ(U8(16*streams), reg.R8)
	DECL(reg.R10L)
}

// cpuid prints what asks the processor for the SHA extensions, which package cpu does not know.
func cpuid() {
	TEXT("hasNI", NOSPLIT, "func() bool")
	Doc("hasNI reports whether the processor has SHA-NI, and the SSE of that time that the kernels use beside it.")
	XORL(reg.EAX, reg.EAX)
	CPUID()
	CMPL(reg.EAX, U8(7))
	JL(LabelRef("no"))
	MOVL(U32(7), reg.EAX)
	XORL(reg.ECX, reg.ECX)
	CPUID()
	SHRL(U8(29), reg.EBX)
	ANDL(U8(1), reg.EBX)
	Store(reg.BL, ReturnIndex(0))
	RET()
	Label("no")
	XORL(reg.EBX, reg.EBX)
	Store(reg.BL, ReturnIndex(0))
	RET()
}
