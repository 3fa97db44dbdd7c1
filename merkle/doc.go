// Package merkle builds the trees of one round and the chains out of them.
//
// A round is one second's worth of leaves. Each slot, which is one append stream of one agency, has a subtree of its own;
// the issuer link turns its root into the slot's node, and the slot tree joins those into the round root, which is the leaf
// of that second in the calendar (package calendar). The package knows neither time nor disk nor SQL, leaves no goroutine
// behind, and of KSI's file format only the value of a metadata element, because that enters a hash.
//
// # Words
//
//	imprint   a digest with its algorithm id in front, the form in which everything enters a hash
//	level     the height of a node in KSI's sense, a byte in the message of the node
//	height    how far a node is above the leaves of its own subtree, whatever their level
//	chain     the siblings from a leaf up to a root
//	slot node the root of a slot's subtree, hashed with who filed it, at level 64
//
// # Format
//
// These rules are permanent: signatures given out depend on them, and golden vectors under testdata guard them.
//
//	node          SHA-256(imprint(left) || imprint(right) || level); 67 bytes if both children are SHA-256
//	subtree       n leaves split at the largest power of two below n (the shape of RFC 6962), in filing order
//	level         of a leaf: the base level of its lane; of a node: 1 + the higher of its children's
//	slot node     SHA-256(imprint(root) || metadata || 64), whatever the level of root
//	slot tree     perfect, over 2^k positions, k the smallest with 2^k >= slots; levels 65 to 64+k
//	empty slot    HMAC-SHA-256(blinding key, "jurat empty slot" || round 8 bytes || slot 4 bytes), big-endian
//
// A subtree over one leaf is that leaf: its root is an imprint of whatever algorithm the leaf has. A chain starts at level 0
// and each link adds 1 and its level correction. The first correction of a chain thus contains the base level, and others
// bridge the gap where a lower subtree at the right edge meets a higher one:
//
//	           .          level 3   n = 5, base 0; chain of leaf 4: one link,
//	        /     \                 right, correction 2 (level 0 + 2 + 1 = 3)
//	     .           |    level 2
//	   /   \         |
//	  .     .        |    level 1
//	 / \   / \       |
//	0   1 2   3      4    level 0
//
// # Kept nodes
//
// Of a subtree only the leaves and the perfect nodes of heights 8, 16, 24 … are stored; the rest is computed from them when a
// proof is asked for. ProveLeaf reads whole tiles of 256 leaves or kept nodes through a NodeReader, one on the way and at
// most one at the right edge of each height, and computes from memory. Who makes many proofs keeps Tiles, which hold all
// nodes between two kept heights, and calls ProveFromTiles; who makes proofs of many leaves at once gathers their ways through whole
// tiles in Paths, which hashes them side by side.
//
// # Speed
//
// A Tree hashes while leaves arrive, 512 at a time and four heights at once, so that closing a round costs what is left over
// at the right edge. Build does the same on several processors, for trees too large for memory, in parts that who is free takes:
// a part is the least that fills the widest kernel up to the kept nodes. Nearly all hashing is
// done by kernels that use what vector instructions the processor has (directory internal/lanes); UseKernel chooses
// another, such as "stdlib", the standard library's code. All give the same trees.
//
// Where a new page of memory costs 12 µs, as in some virtual machines, the few that a tree of 65,536 leaves needs cost as much
// as a fifth of its hashing. So rows and what builders need are used again by later trees, and kept nodes grow by doubling.
//
// # Where to look
//
// Package merkletest holds a naive twin of everything here, written from the format above alone. Where the two
// disagree, TestSmallTrees names the smallest tree. Directory internal/shape decides which node stands where,
// internal/lanes does the hashing.
package merkle
