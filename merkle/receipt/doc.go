// Package receipt is the papers of a filing: what the one who filed a document and the one who received it each hold, so that neither
// depends on the other, or on a server, to show that it was filed, when, and what was answered.
//
// # Words
//
//	receipt           the text name of a leaf (Name): round, agency, lane, index
//	filing            what a proof says of its leaf (Filing)
//	counter-receipt   a second leaf, by which the receiving agency says that it has a submission; it refers to the first one
//	status            a word on a counter-receipt: accepted, rejected …
//	record            a filing with its proof and its counter-receipts with theirs, as JSON (Record)
//	reference         receipt and digest in a text for a small QR code (Reference)
//
// # Counter-receipt
//
// The leaf is SHA-256 of one item of deterministic CBOR (RFC 8949, 4.2.1), an array:
//
//	0  text   "jurat counter-receipt"
//	1  text   the first receipt
//	2  bstr   its digest, without the algorithm
//	3  text   the agency that answers
//	4  text | null   the status
//
// It is filed by the agency that it names: whoever else files the same hash answers nothing, as his proof names another. There is one
// leaf without a status, by which everybody who holds the first receipt finds the answer, and for a status one more. Everything in it
// is known to whoever holds the submission and its receipt, so a counter-receipt can be asked for by its hash, and a missing one seen.
// Nobody else learns from the hash what was answered to what: the digest of the document cannot be guessed by those who do not have it.
//
// # Record
//
// A JSON object. What follows from a proof stands there for people and programs that cannot read proofs; Parse refuses a record in which it
// is not what the proof says.
//
//	format             "jurat receipt 1"
//	receipt            text
//	server, agency, lane, time, algorithm, digest (hex)
//	signature          base64, the .ksig file
//	seal_path          base64, of a filing in the lane seal: the way to a landmark, or to the round with a signature (package seal)
//	counter_receipts   array of objects with receipt, server, agency, lane, time, digest, signature, and status (text or null)
//
// # Reference
//
// The text "JR1:" and the base45 form (RFC 9285) of a CBOR array: receipt, text; imprint of the leaf, bstr. It proves nothing: by it a
// printed receipt is found again without typing.
package receipt
