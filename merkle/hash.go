package merkle

import (
	"crypto/sha256"
	"unsafe"

	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
)

// maxImprint is the length in bytes of the longest imprint.
const maxImprint = 1 + MaxDigestSize

// HashNode returns the node over l and r: the SHA-256 of imprint(l) || imprint(r) || level.
func HashNode(l, r Imprint, level Level) Digest {
	if l.alg == SHA256 && r.alg == SHA256 {
		var pair [2]Digest
		copy(pair[0][:], l.d[:])
		copy(pair[1][:], r.d[:])
		lanes.HashPairs(lanes.Flat(pair[:1]), lanes.Flat(pair[:]), byte(level))
		return pair[0]
	}
	var m [2*maxImprint + 1]byte
	b := r.Append(l.Append(m[:0]))
	return sha256.Sum256(append(b, byte(level)))
}

// hashLeafPairs sets dst to the nodes over leaves first, first+1; first+2, first+3 and so on.
func hashLeafPairs(kernel *lanes.Kernel, dst []Digest, l *Leaves, first int, level Level) {
	alg, digests, uniform := l.Uniform()
	switch {
	case !uniform:
		for i := range dst {
			dst[i] = HashNode(l.At(first+2*i), l.At(first+2*i+1), level)
		}
	case alg == SHA256:
		src := digests[first*lanes.Size:]
		kernel.HashPairs(lanes.Flat(dst), src[:2*len(dst)*lanes.Size], byte(level))
	default:
		hashUniformPairs(dst, alg, digests[first*alg.Size():], level)
	}
}

// hashUniformPairs is hashLeafPairs over flat digests of any one algorithm.
func hashUniformPairs(dst []Digest, alg Algorithm, digests []byte, level Level) {
	var m [2*maxImprint + 1]byte
	size := alg.Size()
	message := m[:2*(1+size)+1]
	message[0], message[1+size], message[2*(1+size)] = byte(alg), byte(alg), byte(level)
	for i := range dst {
		copy(message[1:], digests[:size])
		copy(message[2+size:], digests[size:2*size])
		dst[i] = sha256.Sum256(message)
		digests = digests[2*size:]
	}
}

// unflat returns digests that lie one after the other as a list that shares their storage.
func unflat(digests []byte) []Digest {
	return unsafe.Slice((*Digest)(unsafe.Pointer(unsafe.SliceData(digests))), len(digests)/len(Digest{}))
}
