package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// A pool collects the 32-bit constants of a kernel behind its tables.
type pool struct {
	name  string
	fixed []uint32 // tables, at the start
	words []uint32
	lanes int // how often a word stands there in a row, for instruction sets that cannot repeat it
}

// cell returns where c stands.
func (p *pool) cell(c uint32) cell {
	i := slices.Index(p.words, c)
	if i < 0 {
		i = len(p.words)
		p.words = append(p.words, c)
	}
	return cell{"pool", 4 * (len(p.fixed) + p.lanes*i)}
}

// print writes the tables and the constants out as read-only data.
func (p *pool) print() Mem {
	m := GLOBL(p.name, RODATA|NOPTR)
	all := slices.Clone(p.fixed)
	for _, c := range p.words {
		all = append(all, slices.Repeat([]uint32{c}, p.lanes)...)
	}
	for i, c := range all {
		DATA(4*i, U32(c))
	}
	return m
}
