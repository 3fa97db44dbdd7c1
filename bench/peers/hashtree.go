package main

import (
	"crypto/sha256"
	"errors"
	"unsafe"

	"github.com/prysmaticlabs/gohashtree"

	"github.com/jurat-ledger/jurat/bench"
)

// hasShani is gohashtree's own switch, set when it is loaded: it takes SHA-NI where there is any, and AVX-512 where there is not.
//
//go:linkname hasShani github.com/prysmaticlabs/gohashtree.hasShani
var hasShani bool

// rivals are gohashtree as shipped and, where that makes a difference, without SHA-NI. Its nodes are the SHA-256 of 64 bytes,
// two digests, which is two blocks as ours of 67 bytes are, but the second block is always the same and its schedule is known
// beforehand.
func rivals() []bench.Rival {
	all := []bench.Rival{{Name: "gohashtree", Prepare: func(leaves []byte) (func(), error) { return prepare(leaves, hasShani) }}}
	if hasShani {
		all = append(all, bench.Rival{Name: "gohashtree-avx512", Prepare: func(leaves []byte) (func(), error) { return prepare(leaves, false) }})
	}
	return all
}

// prepare returns how to build a tree, after comparing one with crypto/sha256.
func prepare(leaves []byte, shani bool) (func(), error) {
	scratch := make([][32]byte, len(leaves)/64)
	shipped := hasShani
	build := func() {
		hasShani = shani
		defer func() { hasShani = shipped }()
		src := unsafe.Slice((*[32]byte)(unsafe.Pointer(&leaves[0])), len(leaves)/32)
		for len(src) > 1 {
			dst := scratch[:len(src)/2]
			gohashtree.HashChunks(dst, src)
			src = dst
		}
	}
	build()
	if scratch[0] != naive(leaves) {
		return nil, errors.New("its root is not that of crypto/sha256")
	}
	return build, nil
}

func naive(digests []byte) [32]byte {
	for len(digests) > 32 {
		var next []byte
		for ; len(digests) > 0; digests = digests[64:] {
			node := sha256.Sum256(digests[:64])
			next = append(next, node[:]...)
		}
		digests = next
	}
	return [32]byte(digests)
}
