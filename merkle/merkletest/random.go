package merkletest

import (
	"encoding/binary"
	"math/rand/v2"
)

// sizes holds the digest size of each KSI hash algorithm.
var sizes = map[byte]int{0: 20, 1: 32, 2: 20, 4: 48, 5: 64, 7: 28, 8: 32, 9: 48, 10: 64, 11: 32}

// Algorithms holds the ids of all KSI hash algorithms.
var Algorithms = []byte{0, 1, 2, 4, 5, 7, 8, 9, 10, 11}

// Random returns n random imprints, each of one of algorithms.
func Random(rng *rand.Rand, n int, algorithms ...byte) [][]byte {
	imprints := make([][]byte, n)
	for i := range imprints {
		alg := algorithms[rng.IntN(len(algorithms))]
		im := []byte{alg}
		for len(im) < 1+sizes[alg] {
			im = binary.LittleEndian.AppendUint64(im, rng.Uint64())
		}
		imprints[i] = im[:1+sizes[alg]]
	}
	return imprints
}
