package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A value is what an instruction computes. Values below list.pinned live in the register of that number for good; the
// others are temporaries, computed once, whose registers are found by allocate.
type value int

const none value = -1

// A cell is a place in memory: an offset in bytes from one of the pointers that a kernel keeps.
type cell struct {
	base string
	off  int
}

// An instr is one vector instruction before registers are chosen.
type instr struct {
	emit  func(dst operand.Op, src []operand.Op, at operand.Op) // prints it
	dst   value                                                 // none for a store
	src   []value
	at    *cell // its memory operand, if any
	store bool  // writes at instead of reading it
	tied  bool  // dst must be the register of src[0], a temporary that dies here
	slot  float64

	number    int
	waits     int // predecessors not yet placed
	followers []*instr
}

// A list is straight-line code to be put in order.
//
// Each instruction has a slot: the time, in rounds of SHA-256, at which it should run in an ideal pipeline. schedule keeps
// to the order of slots as far as dependences and the number of registers permit. Out-of-order execution cannot do this
// instead: the two streams and the message schedule are further apart than its window is deep.
type list struct {
	pinned    int // registers that hold the state
	registers int
	reserve   int // temporaries that an instruction which frees none must leave
	next      value
	code      []*instr
	ordered   [][2]*instr // pairs that must stay in this order, besides those that dependences show
}

func newList(pinned, registers, reserve int) *list {
	return &list{pinned: pinned, registers: registers, reserve: reserve, next: value(pinned)}
}

func (l *list) temp() value {
	l.next++
	return l.next - 1
}

func (l *list) add(i *instr) *instr {
	i.number = len(l.code)
	l.code = append(l.code, i)
	return i
}

// link finds the dependences: a register or a cell must be written before it is read and read before it is written anew.
func (l *list) link() {
	before := map[*instr]map[*instr]bool{}
	edge := func(first, then *instr) {
		if first == nil || first == then || before[then][first] {
			return
		}
		if before[then] == nil {
			before[then] = map[*instr]bool{}
		}
		before[then][first] = true
		first.followers = append(first.followers, then)
		then.waits++
	}
	writer, readers := map[any]*instr{}, map[any][]*instr{}
	read := func(what any, i *instr) {
		edge(writer[what], i)
		readers[what] = append(readers[what], i)
	}
	write := func(what any, i *instr) {
		edge(writer[what], i)
		for _, r := range readers[what] {
			edge(r, i)
		}
		writer[what], readers[what] = i, nil
	}
	for _, i := range l.code {
		for _, v := range i.src {
			read(v, i)
		}
		if i.tied {
			write(i.src[0], i)
		}
		if i.at != nil && i.store {
			write(*i.at, i)
		} else if i.at != nil {
			read(*i.at, i)
		}
		if i.dst != none {
			write(i.dst, i)
		}
	}
	for _, p := range l.ordered {
		edge(p[0], p[1])
	}
}

// schedule returns the instructions in the order to print them.
func (l *list) schedule() []*instr {
	l.link()
	uses := map[value]int{}
	for _, i := range l.code {
		for _, v := range l.temps(i) {
			uses[v]++
		}
	}
	var ready, order []*instr
	for _, i := range l.code {
		if i.waits == 0 {
			ready = append(ready, i)
		}
	}
	free := l.registers - l.pinned
	for len(ready) > 0 {
		slices.SortFunc(ready, func(a, b *instr) int { return cmp.Or(cmp.Compare(a.slot, b.slot), a.number-b.number) })
		pick := slices.IndexFunc(ready, func(i *instr) bool {
			dying, needs := 0, 0
			for _, v := range l.temps(i) {
				if uses[v] == 1 {
					dying++
				}
			}
			if i.dst >= value(l.pinned) {
				needs = 1
			}
			return needs <= dying || free >= 1+l.reserve
		})
		if pick < 0 {
			panic("no order fits the registers")
		}
		i := ready[pick]
		ready = slices.Delete(ready, pick, pick+1)
		order = append(order, i)
		for _, v := range l.temps(i) {
			if uses[v]--; uses[v] == 0 {
				free++
			}
		}
		if i.dst >= value(l.pinned) {
			free--
		}
		for _, f := range i.followers {
			if f.waits--; f.waits == 0 {
				ready = append(ready, f)
			}
		}
	}
	if len(order) != len(l.code) {
		panic("dependences form a circle")
	}
	return order
}

// temps returns the temporaries that an instruction reads, each once.
func (l *list) temps(i *instr) []value {
	var t []value
	for _, v := range i.src {
		if v >= value(l.pinned) && !slices.Contains(t, v) {
			t = append(t, v)
		}
	}
	return t
}

// print orders the code, gives every temporary a register and writes it out. address turns cells into operands.
func (l *list) print(registers []reg.VecPhysical, address func(cell) operand.Op) {
	order := l.schedule()
	last := map[value]int{}
	for n, i := range order {
		for _, v := range i.src {
			last[v] = n
		}
	}
	place := map[value]int{}
	var free []int
	for r := l.registers - 1; r >= l.pinned; r-- {
		free = append(free, r)
	}
	for v := range value(l.pinned) {
		place[v] = int(v)
	}
	for n, i := range order {
		var src []operand.Op
		for _, v := range i.src {
			src = append(src, registers[place[v]])
		}
		for k, v := range l.temps(i) {
			if last[v] == n && !(i.tied && k == 0) {
				free = append(free, place[v])
			}
		}
		switch {
		case i.tied:
			if last[i.src[0]] != n || i.src[0] < value(l.pinned) {
				panic(fmt.Sprintf("instruction %d overwrites a value that is still needed", i.number))
			}
			place[i.dst] = place[i.src[0]]
		case i.dst >= value(l.pinned):
			if _, used := last[i.dst]; !used {
				panic(fmt.Sprintf("instruction %d computes what nobody reads", i.number))
			}
			place[i.dst] = free[len(free)-1]
			free = free[:len(free)-1]
		}
		var dst, at operand.Op
		if i.dst != none {
			dst = registers[place[i.dst]]
		}
		if i.at != nil {
			at = address(*i.at)
		}
		i.emit(dst, src, at)
	}
}
