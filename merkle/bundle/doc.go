// Package bundle writes and reads bundles: all that an agency filed in a span of time with all its proofs, in one file that
// is checked offline, as a verifier of single proofs would check them.
//
// A proof takes two kilobytes and more, nearly all of which the leaves of one round and lane share. A bundle holds, for each round and
// lane, a group: the leaves in their order, and the signature of the first. The subtree over the leaves gives the chain of every
// other leaf, up to the node where that of the first arrives too, and what stands above that node is the same in all of their
// signatures, byte for byte. So each is made again when somebody wants it, and to verify the first verifies all.
//
// # Format, version 1
//
// All integers are big-endian. A text is 1 byte length and as many bytes of UTF-8.
//
//	header    "JURATBDL" | 1 version, 01 | 8 from | 8 to | text server | text agency | 1 lanes | lanes × { 1 base level | text name }
//	group     "G" | 8 round | 1 lane, from 0 | 8 leaves n, above 0 | 4 length | signature of leaf 0 | runs, until n leaves are there
//	run       1 algorithm | 4 leaves | leaves × digest
//	index     "I" | 8 marks | marks × { 8 round | 8 offset }
//	end       "E" | 8 groups | 8 leaves | 8 offset of the index | 32 SHA-256 of all bytes before
//
// The file is a header, groups, an index, an end. From and to are the seconds that were exported, both included. Groups ascend
// by round, then lane. A run holds up to 65,536 leaves, and as many as it can: the next leaf is of another algorithm, or the
// run is full, or it was the last. A mark names a group and the offset of its "G": the first group, then each that begins
// 1 MiB or more behind the one marked before. So there is one way to write a bundle, and a Reader demands it.
//
// # What a check shows
//
// Each group: that its leaves stand under the signature in this order, and that all but the last were filed. A node is the hash of its
// level, too, and left subtrees are perfect, so no node passes as a leaf but on the right edge: the last leaf may be the root over
// several, unless it is the hash of something known. Further: that agency, lane and round are those in the signature; that the signature
// holds under a policy of package ksi. Of each lane: that the sequence numbers in the signatures, which a server counts up by one for every
// round in which the lane files, follow on without a gap. That no round was cut off before the first or behind the last cannot be
// shown by a bundle alone: the sequence number of a later proof shows it.
//
// # Memory
//
// A Writer holds one run, a Reader the leaves of one group. Neither believes a length before the bytes are there.
package bundle
