// Package landmark reads, writes and checks files of landmarks: what a verifier keeps of a whole calendar in order to check printed
// seals (package seal) without a network.
//
// A block is 256 seconds that begin at a multiple of 256; a landmark is the root of the calendar's subtree over a block. A seal that leads
// to a landmark is as old and as unchanged as the landmark is. A year has 123,188 of them, 3.9 MB if every block holds rounds.
//
// A file holds all landmarks from its first block on, and what else the calendar root takes as of each publication among them and as of
// its own last second. So it needs no trust: its roots are computed again, and must be those that were published; what came after
// the last publication rests on the calendar key.
//
// # Format, version 1
//
// All integers are big-endian. A mask that has a bit of its own for each node leaves out those that are the calendar's zero nodes.
//
//	header    "JURATLMK" | 1 version, 01 | 1 length | server name, UTF-8
//	          8 first block F: its number is its first second / 256 | 4 number of blocks N, above 0
//	before    8 mask | 32 for each of its bits, lowest first
//	          Bit h, which F must have too: the root over the 2^h blocks that end where bit h of F says. They are the peaks of the
//	          calendar before block F; a file that begins at the ledger's first second has none.
//	blocks    ceil(N/8) bitmap | 32 for each of its bits: the landmarks
//	          Bit i%8 of byte i/8: block F+i holds rounds. The landmark of one that does not is the zero node of height 8.
//	ends      2 number of ends, above 0 | ends × { 8 second p | 1 mask | 32 for each of its bits, lowest first }
//	          Bit h of the mask, which p+1 must have too: the node of height h that the calendar as of p has at its right edge.
//	          Ends ascend; all lie in the blocks or right behind the last, the last one in the second behind or later.
//	key       2 length, 0 for none | 4 certificate id | RSA signature of the calendar key over the published data of the last end
//	end       32 SHA-256 of all bytes before
//
// The calendar root as of second p is made of one node for every bit of p+1: of heights 8 and up from the landmarks, of those below from
// the end. The signature is the one of a KSI calendar authentication record: PKCS#1 v1.5 over SHA-256.
//
// # Detail of a block
//
// The 256 round roots under a landmark, as a record of their own, which a landmark alone proves:
//
//	"JURATBLK" | 1 version, 01 | 8 block | 32 bitmap, as above, of seconds with a round | 32 for each: the round roots
package landmark
