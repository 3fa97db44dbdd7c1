// Package transfer is a document's way from holder to holder: a certificate goes from a ministry to a citizen's vault, from there to an
// employer, and whoever has it in the end shows, offline, that it came to him through everybody who held it.
//
// # Words
//
//	proof      the one that the issuer got when he filed the document
//	holder     who has the document: a person, a company, an office, by a name of his own choice
//	vault      the agency, at a server, that keeps the document for its holder, and alone may pass it on
//	transfer   a leaf that says: from this holder to that one, who has it in that vault
//	chain      the proof and its transfers, each after the one before
//	bundle     the file with all of that (Bundle)
//
// # Leaves
//
// All is SHA-256 over an item of deterministic CBOR (RFC 8949, 4.2.1), an array.
//
// The digest of a proof, which stays the same when the proof is extended:
//
//	0  text   "jurat proof"
//	1  text   name of the ledger
//	2  text   the receipt
//	3  bstr   imprint of the document
//	4  bstr   imprint of the round root
//
// A holder, whose name nobody can find by guessing:
//
//	0  text   "jurat holder"
//	1  bstr   16, the salt: random, for each holder of each document
//	2  text   name
//
// A transfer:
//
//	0  text   "jurat transfer"
//	1  bstr   32, digest of the proof
//	2  bstr | null   32, leaf of the transfer before; null in the first
//	3  bstr   32, digest of the holder who gives
//	4  bstr   32, digest of the holder who gets
//	5  text   name of the ledger at which the vault files that keeps the document now
//	6  text   agency of that vault
//
// The leaf is filed by the vault that gives: the issuer for the first transfer, then the vault that the transfer before names. The
// holder who gives is the one who got it in the transfer before; in the first it is the issuer, under the name of his agency.
//
// # What a check shows
//
// That every proof holds, that each transfer follows on another back to the issuer's filing, that the holders fit, that the vault filed
// which had the right to, and that no transfer is older than the one before. That a vault did not pass a document on twice cannot be seen in a
// chain alone: two transfers that follow on the same one, a fork, show when both are in one bundle. Merge finds them.
//
// # Bundle, version 1
//
//	"JURATCTZ" | 01 | item of deterministic CBOR | 32 SHA-256 of all bytes before
//
// The item is an array: proof, bstr, the KSI signature of the document; transfers, an array of at most 1,000 arrays of
//
//	0  holder who gives    bstr 32, the digest, or opened: array of salt, bstr 16, and name, text
//	1  holder who gets     likewise
//	2  previous            bstr 32 | null
//	3  server, text
//	4  agency, text
//	5  proof               bstr, the KSI signature of the transfer's leaf
//
// The digest of the document's proof, which every transfer names, follows from the first element. Transfers stand in the order in which they were
// added; nothing depends on it. The document itself is not in the bundle. A holder's name is left out by putting its digest in its place.
package transfer
