package main

import (
	"crypto/sha256"
	_ "unsafe" // for linkname

	"github.com/prysmaticlabs/gohashtree"

	"github.com/jurat-ledger/jurat/merkle"
)

// stdlibTree returns the root over leaves, a power of two of them, with crypto/sha256 alone: level by level, in place in
// scratch, which is half as long as leaves.
func stdlibTree(scratch, leaves []merkle.Digest) merkle.Digest {
	message := [67]byte{0: byte(merkle.SHA256), 33: byte(merkle.SHA256)}
	for level := byte(1); len(leaves) > 1; level++ {
		message[66] = level
		nodes := scratch[:len(leaves)/2]
		for i := range nodes {
			copy(message[1:33], leaves[2*i][:])
			copy(message[34:66], leaves[2*i+1][:])
			nodes[i] = sha256.Sum256(message[:])
		}
		leaves = nodes
	}
	return leaves[0]
}

// hashtree is what gohashtree makes of the same leaves: nodes of 64 bytes, which are easier, as their second block is
// wholly constant.
func hashtree(scratch, leaves [][32]byte) [32]byte {
	for len(leaves) > 1 {
		nodes := scratch[:len(leaves)/2]
		if err := gohashtree.Hash(nodes, leaves); err != nil {
			panic(err)
		}
		leaves = nodes
	}
	return leaves[0]
}

// hashtreeSHANI is gohashtree's own switch. Without it gohashtree falls back to its AVX-512 code, which it never uses
// otherwise where there is SHA-NI.
//
//go:linkname hashtreeSHANI github.com/prysmaticlabs/gohashtree.hasShani
var hashtreeSHANI bool

// hashtreeWide is hashtree with gohashtree's AVX-512 code.
func hashtreeWide(scratch, leaves [][32]byte) [32]byte {
	before := hashtreeSHANI
	hashtreeSHANI = false
	defer func() { hashtreeSHANI = before }()
	return hashtree(scratch, leaves)
}

// jurat returns the root of a tree that so many goroutines build.
func jurat(leaves []merkle.Digest, workers int) merkle.Digest {
	inMemory := func(buf []merkle.Digest, first uint64) ([]merkle.Digest, error) {
		return leaves[first:][:len(buf)], nil
	}
	tree, err := merkle.Build(0, uint64(len(leaves)), workers, inMemory)
	if err != nil {
		panic(err)
	}
	return digest(tree)
}

// juratInPieces returns the root of a tree that is built as the ledger does.
func juratInPieces(leaves *merkle.Leaves) merkle.Digest {
	const piece = 1024
	tree := merkle.NewTree(0)
	for i := 0; i < leaves.Len(); i += piece {
		part := leaves.Slice(i, min(i+piece, leaves.Len()))
		tree.Append(&part)
	}
	return digest(tree)
}

// digest returns the root of a tree of two leaves or more.
func digest(tree *merkle.Tree) merkle.Digest {
	root := tree.Root()
	return merkle.Digest(root.Digest())
}
