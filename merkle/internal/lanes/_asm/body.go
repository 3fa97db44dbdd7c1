package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
)

// A machine is what differs between instruction sets. Slots are as in instr; at turns the name of a step into one.
type machine interface {
	addConstant(slot float64, konst cell, v value) value
	ch(slot float64, x, y, z value) value
	maj(slot float64, x, y, z value) value
	// xorRotated is the xor of v rotated to the right by each n; with shift set the last one is a shift.
	xorRotated(step string, at func(string) float64, v value, n [3]int, shift bool) value
}

// A body is straight-line SHA-256 code over vectors, one lane a node, for one or two streams of vectors. The state of
// stream s is in registers 8s to 8s+7 and moves by one register a round.
type body struct {
	*list
	machine
	pool      *pool
	slots     map[string]float64 // when steps of a round or of a word should run after its own slot
	perRound  float64            // unit of slots: so many make a round
	move      func(...Op)
	plus      func(...Op)
	broadcast func(...Op) // of a constant of the pool
	streams   int
	vector    int // bytes
}

// do appends a computation and returns its result.
func (b *body) do(slot float64, mnemonic func(...Op), imm int, at *cell, src ...value) value {
	dst := b.temp()
	b.into(dst, slot, mnemonic, imm, at, src...)
	return dst
}

// into appends a computation into dst. Operands are printed in Go's order: immediate, memory, sources from the last, dst.
func (b *body) into(dst value, slot float64, mnemonic func(...Op), imm int, at *cell, src ...value) *instr {
	return b.add(&instr{dst: dst, src: src, at: at, slot: slot, emit: func(d Op, s []Op, m Op) {
		var ops []Op
		if imm >= 0 {
			ops = append(ops, U8(imm))
		}
		if m != nil {
			ops = append(ops, m)
		}
		for i := len(s) - 1; i >= 0; i-- {
			ops = append(ops, s[i])
		}
		mnemonic(append(ops, d)...)
	}})
}

func (b *body) put(slot float64, at cell, v value) *instr {
	return b.add(&instr{dst: none, src: []value{v}, at: &at, store: true, slot: slot, emit: func(_ Op, s []Op, m Op) {
		b.move(s[0], m)
	}})
}

// round appends round i of a stream. konst is the round constant; word is the message word to add, nil if it is a constant
// that konst already contains. The result is the instruction that reads word.
func (b *body) round(stream, i int, word *cell, konst cell) (load *instr) {
	at := func(step string) float64 { return float64(i) + float64(stream)/2 + b.slots[step]/b.perRound }
	state := func(j int) value { return value(8*stream + (j-i%8+8)%8) }
	va, vb, vc, vd, ve, vf, vg, vh := state(0), state(1), state(2), state(3), state(4), state(5), state(6), state(7)
	var hk value
	if word == nil {
		hk = b.addConstant(at("hk"), konst, vh)
	} else {
		hk = b.do(at("w"), b.plus, -1, word, vh)
		load = b.code[len(b.code)-1]
		hk = b.addConstant(at("hk"), konst, hk)
	}
	e := b.xorRotated("e", at, ve, [3]int{6, 11, 25}, false)
	hc := b.do(at("hc"), b.plus, -1, nil, hk, b.ch(at("ch"), ve, vf, vg))
	t1 := b.do(at("t1"), b.plus, -1, nil, hc, e)
	b.into(vd, at("d"), b.plus, -1, nil, vd, t1)
	a := b.xorRotated("a", at, va, [3]int{2, 13, 22}, false)
	b.into(vh, at("h"), b.plus, -1, nil, t1, b.do(at("sm"), b.plus, -1, nil, a, b.maj(at("maj"), va, vb, vc)))
	return load
}

// word appends the computation of a message word as the sum of terms and of a constant, and its store. where turns a word's
// number into a place.
func (b *body) word(slot float64, terms []term, sum uint32, where func(int) cell, to cell) *instr {
	at := func(step string) float64 { return slot + b.slots[step]/b.perRound }
	acc := none
	for _, t := range terms {
		from := where(t.word)
		switch {
		case t.sigma == plain && acc == none:
			acc = b.do(at("sum"), b.move, -1, &from)
		case t.sigma == plain:
			acc = b.do(at("sum"), b.plus, -1, &from, acc)
		default:
			step, n := "s0", [3]int{7, 18, 3}
			if t.sigma == 1 {
				step, n = "s1", [3]int{17, 19, 10}
			}
			x := b.xorRotated(step, at, b.do(at(step+"a"), b.move, -1, &from), n, true)
			if acc == none {
				acc = x
			} else {
				acc = b.do(at(step+"+"), b.plus, -1, nil, acc, x)
			}
		}
		if sum != 0 {
			acc, sum = b.addConstant(at("sum"), b.pool.cell(sum), acc), 0
		}
	}
	return b.put(at("store"), to, acc)
}

// turn appends one turn of the loop over a block: turnRounds rounds and turnWords words, of all streams, the words spread over
// span rounds. The words of a turn start 16 behind the word pointer.
func (b *body) turn(span float64) {
	loads, stores := make([][]*instr, b.streams), make([][]*instr, b.streams)
	for i := range turnRounds {
		for s := range b.streams {
			word := cell{fmt.Sprint("round", s), b.vector * i}
			loads[s] = append(loads[s], b.round(s, i, &word, cell{"K", b.pool.lanes * 4 * i}))
		}
	}
	for j := range turnWords {
		for s := range b.streams {
			where := func(i int) cell { return cell{fmt.Sprint("word", s), b.vector * i} }
			slot := float64(j)*span/turnWords + float64(s)/2
			terms := []term{{j, plain}, {j + 9, plain}, {j + 1, 0}, {j + 14, 1}}
			stores[s] = append(stores[s], b.word(slot, terms, 0, where, where(16+j)))
		}
	}
	// In the last turn, which computes words 58 to 63 beside rounds 56 to 63, round 2 of the turn needs word 0 of it.
	for s := range b.streams {
		for j := range turnWords {
			b.ordered = append(b.ordered, [2]*instr{stores[s][j], loads[s][j+2]})
		}
	}
}

const (
	turnRounds = 8
	turnWords  = 6  // 48 in the 64 rounds of the first block
	firstWord  = 28 // of the second block that the loop computes: 36 in 48 rounds
)

// second appends rounds 0 to 15 of the second block, whose words are constants but for the first, and the words up to
// firstWord-1. Word 0 is at offset atSecond of the stream's buffer; the loop goes on from round 16.
func (b *body) second(atSecond int) {
	const span = 15.0
	block := newSecondBlock(firstWord)
	for s := range b.streams {
		base := fmt.Sprint("buffer", s)
		where := func(i int) cell {
			if i == 0 || i == 16 {
				return cell{base, atSecond}
			}
			return cell{base, b.vector * i}
		}
		shift := float64(s) / 2
		b.put(1+shift, cell{base, b.vector * 16}, b.do(1+shift, b.move, -1, ptr(where(0))))
		for i, slot := 12, 2.0; i < firstWord; i++ { // those that the loop reads
			if c, ok := block.constant[i]; ok {
				b.put(slot+shift, cell{base, b.vector * i}, b.constant(slot+shift, c))
				slot++
			}
		}
		var all, done float64
		for i := 17; i < firstWord; i++ {
			all += cost(block.terms[i])
		}
		for i := 17; i < firstWord; i++ {
			if _, ok := block.constant[i]; !ok {
				b.word(min(done/all*span, float64(i)-2.2)+shift, block.terms[i], block.sum[i], where, where(i))
				done += cost(block.terms[i])
			}
		}
	}
	for i := range 16 {
		for s := range b.streams {
			if c, ok := block.constant[i]; ok {
				b.round(s, i, nil, b.pool.cell(roundConstants[i]+c))
			} else {
				b.round(s, i, &cell{fmt.Sprint("buffer", s), atSecond}, b.pool.cell(roundConstants[i]))
			}
		}
	}
}

// cost is the number of instructions for a word, roughly.
func cost(terms []term) (n float64) {
	for _, t := range terms {
		n++
		if t.sigma != plain {
			n += 4
		}
	}
	return n
}

// constant appends the load of a constant in every lane.
func (b *body) constant(slot float64, c uint32) value {
	return b.do(slot, b.broadcast, -1, ptr(b.pool.cell(c)))
}

func ptr[T any](x T) *T { return &x }
