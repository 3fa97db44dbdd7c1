// Package ksi reads, makes and verifies signatures in the KSI format, the proofs that Jurat gives out. It is a complete
// library for a verifier: it needs no server, no network and no clock, and besides the packages of this project's trees it
// imports the standard library, a CMS library for publications files and RIPEMD-160.
//
// # What a signature proves
//
// A signature leads from the imprint of a document up to a root of the calendar, the hash tree with one leaf per second:
//
//	document imprint
//	  aggregation chain(s)    links up to the root of one second's round; a link may carry an identity (metadata)
//	round root
//	  calendar chain          links up to the root of the calendar as of some second; their directions give the time
//	calendar root
//	  calendar authentication record: signed by the calendar key, or
//	  publication record:             published where nobody can take it back
//
// # Format
//
// All of it is KSI TLV (package tlv), one element 0x800:
//
//	0x800 signature
//	  0x806 RFC 3161 record                   0 or 1, in signatures converted from older time stamps
//	  0x801 aggregation chain                 1 or more, from the document upwards
//	    0x02 time of the round
//	    0x03 chain index                      1 or more: those of the chains above, topmost first, then its own
//	    0x05 input imprint
//	    0x06 hash algorithm
//	    0x07 left link | 0x08 right link      1 or more, leaf to root
//	      0x01 level correction               absent if 0
//	      0x02 sibling imprint | 0x03 legacy client id | 0x04 metadata
//	        0x1e padding, 0x01 client id, 0x02 machine id, 0x03 sequence number, 0x04 request time (µs)
//	  0x802 calendar chain                    0 or 1
//	    0x01 publication time, 0x02 time of the round, 0x05 input imprint
//	    0x07 left link | 0x08 right link      1 or more, each the sibling's imprint
//	  0x803 publication record                0 or 1, not with 0x805
//	    0x10 published data: 0x02 time, 0x04 calendar root
//	    0x09 reference, 0x0a repository URI   0 or more
//	  0x805 calendar authentication record    0 or 1, not with 0x803
//	    0x10 published data, header 0x30: these bytes are signed
//	    0x0b 0x01 signature type, 0x02 signature, 0x03 certificate id, 0x04 certificate URI (0 or 1)
//
// A chain index states the shape of a chain: after the leading 1, one bit for each link from root to leaf, 1 for a left
// link. Hashing: an aggregation node is H(left || right || level) with level = level below + correction + 1; a calendar
// node is H(left || right || 0xff) with H the algorithm of the right child. Operands are imprints, legacy ids, or the
// value of metadata as received.
//
// # Parse and Verify
//
// Parse accepts what has the right form, and Append gives the same bytes back. Elements that are unknown but marked
// non-critical, header flags and the order of elements are the only freedom left to who wrote the bytes; they mean
// nothing and are kept. Verify checks what the signature says. Its verdict is OK, FAIL or NA (something needed for an
// answer is missing) with the error code that the other KSI tools give, the rule that decided and a plain sentence.
//
// A policy is the list of rules of Internal and then its own rules, in order; the first that is not met decides. Where a
// policy goes on in one of several ways, the first way that is open to the signature is followed and no other:
//
//	Internal                the signature fits the document and is consistent in itself
//	KeyBased                + the calendar key signed its calendar root
//	CalendarBased           + the calendar, asked through an Extender that is trusted, holds its round root at its time
//	PublicationsFileBased   + its calendar root is published in a publications file
//	UserPublication         + its calendar root is the publication that the caller gives
//	General                 UserPublication if a publication is given; else PublicationsFileBased, then KeyBased
//
// A signature that does not end at the publication is checked with a calendar chain from its round to the publication,
// which an Extender gives. That chain needs no trust: it must start at the signature's round root and lead to the root that
// was published. Verify asks nobody unless Options names an Extender. Under General a FAIL is final and only NA leaves it
// to the next alternative.
//
// The verdicts are those of libksi. Where the KSI tools differ, a publication of the signature's own second counts as not
// before it, and a certificate is valid at both its end points.
//
// # Limits
//
// A signature has at most 255 aggregation links (levels end there), 63 calendar links and 2048 elements in any one
// element; times end at 2^63-1. SM3 is part of the format but cannot be computed here: the verdict is NA then.
//
// # Debugging
//
// Text prints every element with its offset and the computed hash after every link; the first hash that differs from
// that of another tool shows the link at fault.
package ksi
