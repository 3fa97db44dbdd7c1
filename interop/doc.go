// Package interop shows that software of others works with Jurat unmodified and accepts what it gives out. It holds tests
// alone and is a module of its own, so that Jurat depends on none of that software.
//
// The tests run the real program on free loopback ports and use goksi, an SDK for KSI in Go that shares no code with this
// project, as its users do: its signer and block signer file hashes over the gateway, HTTP and TCP, its extender fetches
// calendar chains, and its verifier says what it thinks of the signatures, of those from SQL too. Every question is put to
// "jurat verify" as well, and the two must agree: on good signatures, on those of somebody else's calendar and on
// signatures in which one bit is wrong. What can be had in several ways, such as an extended signature, must be the same
// bytes in all of them.
//
// goksi trusts calendar keys and publications by the server's publications file, which it gets from the gateway and checks
// with the root certificate in the data directory and the publisher's e-mail address.
//
//	make interop                        in the project's root, or go test -count=1 . here
//	JURAT_INTEROP_BITS=8 go test .      every bit of a proof wrong in turn instead of one in each byte; minutes
//
// # What goksi does that its users may not expect
//
//   - AggregationHashChainIdentity lists identities from the document up, though its comment says the opposite: the agency,
//     whom the server vouches for, is the last.
//   - Options of a service are applied in their order: OptEndpoint comes before OptHmacAlgorithm, or the service is refused.
//   - A block of one document without metadata is signed, but Signatures makes no proof of it: there is no link.
//   - ExtendOptionToTime leaves no publication record in the proof. With one, its user calls Send and
//     BuildFromExtendingResp, as the tests do.
//   - The nearest publication is the first in the file that is later than the signing time, never the same second.
package interop
