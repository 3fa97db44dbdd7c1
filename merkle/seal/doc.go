// Package seal writes, reads and verifies printed seals: the fields of a document, who issued it and when, and the proof of all
// that, in a text short enough for a QR code. Whoever scans it needs no network, no account and no server, only a file of landmarks
// (package landmark) and something that vouches for it: a publication, or the calendar key's certificate.
//
// # Words
//
//	content    the fields, the dates between which they hold, and a random salt, so that nobody can guess fields from the leaf
//	leaf       SHA-256 of the content: all that the server ever sees; it is filed in the agency's lane "seal"
//	path       all of a seal but the content: what the server gives for a leaf
//	landmark   the root of the calendar over the 256 seconds around the round (package landmark)
//	status     what the agency says of a seal later: revoked, superseded; filed in its lane "status"
//
// # Format, version 1
//
// A seal is the text "JS1:" and the base45 form (RFC 9285) of one item of deterministic CBOR (RFC 8949, 4.2.1), an array:
//
//	 0 profile     0 anchored, 1 immediate
//	 1 server      text, name of the ledger
//	 2 agency      text
//	 3 round       uint, second since 1970-01-01T00:00:00Z
//	 4 sequence    uint, of the lane's non-empty rounds: 1, 2, 3 …
//	 5 content     [ salt bstr 16, fields map, not before uint | null, not after uint | null ], trailing nulls left out
//	 6 index       uint, of the leaf in the lane's subtree of the round
//	 7 count       uint, the smallest number of leaves in whose subtree the way from the leaf is the same
//	 8 siblings    bstr, 32 for each link from the leaf to the root of the subtree, leaf first
//	 9 slot        uint, place of the lane in the round
//	10 siblings    bstr, 32 for each link from the lane's node to the round root
//	11 ending      of a seal that is anchored: bstr, 1 mask and 32 for each of its bits, lowest first: bit h stands for the sibling of
//	               height h on the way from the round to its landmark. Siblings over idle seconds alone are left out.
//	               of one that is immediate: [ certificate id bstr 4, signature bstr ], RSA PKCS#1 v1.5 over SHA-256 of
//	               "jurat seal round" 00 | 8 round, big-endian | 32 round root
//
// A path is the same array without element 5. All siblings are SHA-256. What follows from these is not written: the issuer is
// merkle.IssuerMetadata of server, agency, "seal", sequence and round; the directions follow from index, count, slot and
// round, the levels from the shape of package merkle. Fields are what JSON can say, but for fractions: text, integers of 64 bits, true,
// false, null, arrays, maps. Parse refuses what Append would not write.
//
// An immediate seal rests on the calendar key until its block of 256 seconds is complete; from then on the block's detail (package landmark)
// turns it into one that rests on hashes alone. The signed message begins with a letter, a published data element of the KSI format
// with 0x30: neither can be taken for the other.
//
// # Status
//
// A status leaf is SHA-256 of the CBOR array ["jurat status", seal leaf bstr 32, "revoked" | "superseded", successor's leaf bstr 32 | null].
// Who supersedes a seal files two: with null, by which everybody who holds the seal alone finds it, and with the leaf of the successor. A
// list is a bundle (package bundle) of the lane "status"; it shows what was filed, and as of when it speaks is what it says itself.
//
// # Check string
//
// Eight characters for people who cannot scan: the first 40 bits of SHA-256("jurat seal check" 00 | leaf | receipt) in Crockford's
// base32, which has no I, L, O, U. It is the same in both profiles, and the agency can compute it from its table of hashes.
package seal
