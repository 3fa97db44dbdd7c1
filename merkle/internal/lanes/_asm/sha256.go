package main

import "math/bits"

// The constants of SHA-256 (FIPS 180-4).
var roundConstants = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

var initial = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// messageBits is the length of a node message, the last word of its second block.
const messageBits = 67 * 8

func ror(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }

func sigma0(x uint32) uint32 { return ror(x, 7) ^ ror(x, 18) ^ x>>3 }

func sigma1(x uint32) uint32 { return ror(x, 17) ^ ror(x, 19) ^ x>>10 }

// A term is one summand of a message word: a word before it, as it is or under sigma0 or sigma1.
type term struct {
	word  int
	sigma int // none, 0 or 1
}

const plain = -1

// secondBlock describes the words of the second block. Word 0 holds the last two bytes of the right digest, the level and
// the padding's first byte; words 1 to 14 are zero and word 15 is the length, whatever the node. So a word is a constant or a
// sum of fewer terms than usual and a constant.
type secondBlock struct {
	constant map[int]uint32 // words that are the same in every message
	terms    map[int][]term // of the others from 16 on
	sum      map[int]uint32 // the constant part of those
}

func newSecondBlock(words int) *secondBlock {
	b := &secondBlock{map[int]uint32{15: messageBits}, map[int][]term{}, map[int]uint32{}}
	for i := 1; i < 15; i++ {
		b.constant[i] = 0
	}
	for i := 16; i < words; i++ {
		for _, t := range []term{{i - 16, plain}, {i - 7, plain}, {i - 15, 0}, {i - 2, 1}} {
			switch c, ok := b.constant[t.word]; {
			case !ok:
				b.terms[i] = append(b.terms[i], t)
			case t.sigma == 0:
				b.sum[i] += sigma0(c)
			case t.sigma == 1:
				b.sum[i] += sigma1(c)
			default:
				b.sum[i] += c
			}
		}
		if b.terms[i] == nil {
			b.constant[i] = b.sum[i]
		}
	}
	return b
}
