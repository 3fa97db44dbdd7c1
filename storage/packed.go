package storage

import "math/bits"

// A packed is a column of numbers in memory: each is base and what its bytes add, but for the few that these do not suffice for.
type packed struct {
	base, max uint64 // the least number and the greatest
	width     int    // bytes of each number: 0, 1, 2, 4 or 8
	bytes     []byte
	odd       []oddNumber // ascending by place
}

// An oddNumber is a number that a packed has no bytes for.
type oddNumber struct {
	at    uint16
	value uint64
}

// oddBytes is the memory of an oddNumber.
const oddBytes = 16

// pack packs the numbers of size 4 or 8 bytes, little-endian, that stand in list, at least one and at most BlockSeconds.
func pack(list []byte, size int) packed {
	var numbers [BlockSeconds]uint64
	v := numbers[:len(list)/size]
	p := packed{base: ^uint64(0)}
	for i := range v {
		if size == 4 {
			v[i] = uint64(le.Uint32(list[4*i:]))
		} else {
			v[i] = le.Uint64(list[8*i:])
		}
		p.base, p.max = min(p.base, v[i]), max(p.max, v[i])
	}
	if p.base == p.max {
		return p
	}
	var need [9]int // numbers that need so many bytes
	for i := range v {
		v[i] -= p.base
		need[(bits.Len64(v[i])+7)/8]++
	}
	odd, best := 0, len(v)*8+1
	for w, longer := 8, 0; w >= 0; w-- { // longer is how many numbers need more bytes than w
		if w != 3 && w < 5 || w == 8 {
			if cost := len(v)*w + oddBytes*longer; cost <= best {
				best, odd, p.width = cost, longer, w
			}
		}
		longer += need[w]
	}
	p.bytes, p.odd = make([]byte, len(v)*p.width), make([]oddNumber, 0, odd)
	for i, x := range v {
		if p.width < 8 && x>>(8*p.width) > 0 {
			p.odd = append(p.odd, oddNumber{uint16(i), x + p.base})
			continue
		}
		switch p.width {
		case 1:
			p.bytes[i] = byte(x)
		case 2:
			le.PutUint16(p.bytes[2*i:], uint16(x))
		case 4:
			le.PutUint32(p.bytes[4*i:], uint32(x))
		case 8:
			le.PutUint64(p.bytes[8*i:], x)
		}
	}
	return p
}

// unpack fills dst with the numbers from number i on.
func unpack[T uint32 | uint64](dst []T, p *packed, i int) {
	base := T(p.base)
	switch p.width {
	case 0:
		for k := range dst {
			dst[k] = base
		}
	case 1:
		for k, b := range p.bytes[i : i+len(dst)] {
			dst[k] = base + T(b)
		}
	case 2:
		list := p.bytes[2*i : 2*(i+len(dst))]
		for k := range dst {
			dst[k] = base + T(le.Uint16(list[2*k:]))
		}
	case 4:
		list := p.bytes[4*i : 4*(i+len(dst))]
		for k := range dst {
			dst[k] = base + T(le.Uint32(list[4*k:]))
		}
	case 8:
		list := p.bytes[8*i : 8*(i+len(dst))]
		for k := range dst {
			dst[k] = base + T(le.Uint64(list[8*k:]))
		}
	}
	for _, o := range p.odd {
		if k := int(o.at) - i; k >= 0 && k < len(dst) {
			dst[k] = T(o.value)
		}
	}
}

// size returns about how many bytes p holds.
func (p *packed) size() int { return len(p.bytes) + oddBytes*len(p.odd) + 80 }

// A Span is the numbers from Min to Max, both included.
type Span struct{ Min, Max uint64 }

// holds reports whether all numbers of p are in s, and whether any may be.
func (s Span) holds(p *packed) (all, any bool) {
	return s.Min <= p.base && p.max <= s.Max, s.Min <= s.Max && s.Min <= p.max && p.base <= s.Max
}

// appendWithin appends to dst which of the numbers are in s, which is not empty.
func (s Span) appendWithin(dst []int32, numbers []uint64) []int32 {
	n := len(dst)
	dst = append(dst, make([]int32, len(numbers))...)
	width := s.Max - s.Min
	for i, x := range numbers {
		dst[n] = int32(i)
		if x-s.Min <= width {
			n++
		}
	}
	return dst[:n]
}
