package index

import (
	"encoding/binary"
	"math/bits"
)

// A hashKey is the secret key of an index's hash.
type hashKey struct{ k0, k1 uint64 }

// A storedKey is a hashKey as bytes, little-endian as SipHash defines it.
type storedKey [16]byte

func (s storedKey) words() hashKey {
	return hashKey{binary.LittleEndian.Uint64(s[:8]), binary.LittleEndian.Uint64(s[8:])}
}

func (k hashKey) bytes() (s storedKey) {
	binary.LittleEndian.PutUint64(s[:8], k.k0)
	binary.LittleEndian.PutUint64(s[8:], k.k1)
	return s
}

// hash returns SipHash-1-3 of b: keyed, so that nobody can choose digests that collide, and 64 bits in 10 ns.
func (k hashKey) hash(b []byte) uint64 {
	v0 := k.k0 ^ 0x736f6d6570736575
	v1 := k.k1 ^ 0x646f72616e646f6d
	v2 := k.k0 ^ 0x6c7967656e657261
	v3 := k.k1 ^ 0x7465646279746573
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := binary.LittleEndian.Uint64(b)
		v3 ^= m
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= m
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	v3 ^= last
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= last
	v2 ^= 0xff
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

// hashPairs fills hashes, an even number, with those of the strings of 32 bytes that stand one behind the other in b: two
// at a time, since each by itself leaves half of the processor idle.
func (k hashKey) hashPairs(hashes []uint64, b []byte) {
	const last = 32 << 56
	i0, i1 := k.k0^0x736f6d6570736575, k.k1^0x646f72616e646f6d
	i2, i3 := k.k0^0x6c7967656e657261, k.k1^0x7465646279746573
	for i := 0; i+1 < len(hashes); i += 2 {
		v0, v1, v2, v3 := i0, i1, i2, i3
		w0, w1, w2, w3 := i0, i1, i2, i3
		p := (*[64]byte)(b[32*i:])
		m, n := binary.LittleEndian.Uint64(p[0:]), binary.LittleEndian.Uint64(p[32:])
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3^m)
		w0, w1, w2, w3 = sipRound(w0, w1, w2, w3^n)
		v0, w0 = v0^m, w0^n
		m, n = binary.LittleEndian.Uint64(p[8:]), binary.LittleEndian.Uint64(p[40:])
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3^m)
		w0, w1, w2, w3 = sipRound(w0, w1, w2, w3^n)
		v0, w0 = v0^m, w0^n
		m, n = binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[48:])
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3^m)
		w0, w1, w2, w3 = sipRound(w0, w1, w2, w3^n)
		v0, w0 = v0^m, w0^n
		m, n = binary.LittleEndian.Uint64(p[24:]), binary.LittleEndian.Uint64(p[56:])
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3^m)
		w0, w1, w2, w3 = sipRound(w0, w1, w2, w3^n)
		v0, w0 = v0^m, w0^n
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3^last)
		w0, w1, w2, w3 = sipRound(w0, w1, w2, w3^last)
		v0, v2 = v0^last, v2^0xff
		w0, w2 = w0^last, w2^0xff
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		w0, w1, w2, w3 = sipRound(w0, w1, w2, w3)
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		w0, w1, w2, w3 = sipRound(w0, w1, w2, w3)
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		w0, w1, w2, w3 = sipRound(w0, w1, w2, w3)
		hashes[i], hashes[i+1] = v0^v1^v2^v3, w0^w1^w2^w3
	}
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
