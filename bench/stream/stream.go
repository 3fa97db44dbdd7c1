// Package stream makes the digests that benchmarks file: a fixed sequence for each seed, of which any part can be made at
// any time, so that nothing has to be remembered to look a digest up later.
package stream

import "encoding/binary"

// A Stream is an endless sequence of 32-byte digests that look random: the outputs of SplitMix64, four words each. Two
// streams with different seeds share none in practice.
type Stream uint64

// Size is the size of a digest in bytes.
const Size = 32

// golden is the odd constant by which SplitMix64 (Steele, Lea, Flood 2014) steps.
const golden = 0x9e3779b97f4a7c15

// Put writes digest i to dst, which must hold Size bytes.
func (s Stream) Put(dst []byte, i uint64) {
	_ = dst[Size-1]
	x, step := mix(uint64(s))+4*i*golden, uint64(golden)
	binary.LittleEndian.PutUint64(dst, mix(x+step))
	binary.LittleEndian.PutUint64(dst[8:], mix(x+2*step))
	binary.LittleEndian.PutUint64(dst[16:], mix(x+3*step))
	binary.LittleEndian.PutUint64(dst[24:], mix(x+4*step))
}

// At returns digest i.
func (s Stream) At(i uint64) (d [Size]byte) {
	s.Put(d[:], i)
	return d
}

// Fill writes digests first, first+1, … to dst, one after the other; the length of dst must be a multiple of Size.
func (s Stream) Fill(dst []byte, first uint64) {
	for ; len(dst) > 0; first++ {
		s.Put(dst, first)
		dst = dst[Size:]
	}
}

// mix is the finalizer of SplitMix64, a bijection.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
