package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The AVX-512 kernel hashes two streams of 16 nodes each: one stream alone waits for its own results half of the time.
//
// A stream's words live in a buffer of the caller: vectors of 16 lanes, vector i holding word i of 16 messages, 0 to 63.
const (
	vector   = 64
	atSecond = 68 * vector // word 0 of the second block
	atMiddle = 69 * vector // the state after the first block, 8 vectors

	linesTurn, linesSecond = 2, 4 // cache lines to prefetch: 32 in the 14 turns of the loop and beside them
)

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13,
	reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26,
	reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

// slots512 says when the steps of a round and of a message word should run, in elevenths of a round after its own slot.
// Found by random search on Zen 5.
var slots512 = map[string]float64{
	"w": -2, "hk": 0, "ea": 1, "eb": 0, "ec": 1, "ch": 0.5, "hc": 5, "e": 2.5, "t1": 8.5, "d": 7,
	"aa": 1, "ab": 5, "ac": 4.5, "a": 5, "maj": 8, "sm": 10, "h": 9,
	"s0a": 4, "s0b": 4, "s0c": 3, "s0": 8.5, "sum": 6, "s0+": 12, "s1a": 3, "s1b": 4.5, "s1c": 8, "s1": 10, "s1+": 12,
	"store": 14,
}

// machine512 is the instruction set: rotations, and any function of three bits in one instruction.
type machine512 struct{ *body }

func newBody512(p *pool, pinned, reserve int) *body {
	b := &body{list: newList(pinned, 32, reserve), pool: p, slots: slots512, perRound: 11, move: VMOVDQU64, plus: VPADDD,
		broadcast: VPBROADCASTD, streams: 2, vector: vector}
	b.machine = machine512{b}
	return b
}

// ternary appends a bitwise function of three values; the first must be a temporary that dies.
func (m machine512) ternary(slot float64, table int, x, y, z value) value {
	dst := m.temp()
	m.add(&instr{dst: dst, src: []value{x, y, z}, tied: true, slot: slot, emit: func(d Op, s []Op, _ Op) {
		VPTERNLOGD(U8(table), s[2], s[1], d)
	}})
	return dst
}

const (
	choose   = 0xca // x ? y : z
	majority = 0xe8
	xor3     = 0x96
	andOr    = 0xea // x & y | z
)

func (m machine512) addConstant(slot float64, konst cell, v value) value {
	return m.do(slot, VPADDD_BCST, -1, &konst, v)
}

func (m machine512) ch(slot float64, x, y, z value) value {
	return m.ternary(slot, choose, m.do(slot, VMOVDQA64, -1, nil, x), y, z)
}

func (m machine512) maj(slot float64, x, y, z value) value {
	return m.ternary(slot, majority, m.do(slot, VMOVDQA64, -1, nil, y), x, z)
}

func (m machine512) xorRotated(step string, at func(string) float64, v value, n [3]int, shift bool) value {
	last := VPRORD
	if shift {
		last = VPSRLD
	}
	return m.ternary(at(step), xor3, m.do(at(step+"a"), VPRORD, n[0], nil, v), m.do(at(step+"b"), VPRORD, n[1], nil, v),
		m.do(at(step+"c"), last, n[2], nil, v))
}
