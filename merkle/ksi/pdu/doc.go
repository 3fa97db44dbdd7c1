// Package pdu reads and writes the messages of the KSI aggregator and extender protocols, version 2: what KSI clients and
// servers say to each other. It knows bytes and keys, and no network.
//
// # Format
//
// A message, a PDU, is one KSI TLV element (package tlv) of at most 65,539 bytes:
//
//	0x220 | 0x221 | 0x320 | 0x321     aggregator request | response | extender request | response
//	  0x01 header                     first
//	    0x01 login id                 string; says which key the HMAC is made with
//	    0x02 instance id, 0x03 message id    integers, 0 or 1
//	  payloads, each at most once
//	  0x1f HMAC                       last; an imprint, the algorithm before the digest
//
// The HMAC covers all bytes of the PDU but its own digest: from the outer header, with its final length, up to and with
// the algorithm byte. The key is the bytes of the client's HMAC key. Payloads of the aggregator:
//
//	0x02 request     0x01 request id, 0x02 imprint, 0x03 level (absent: 0)
//	0x02 response    0x01 request id, 0x04 status, 0x05 message (0 or 1), and the elements of a signature:
//	                 0x801 one or more, 0x802, 0x805; the level of the request is not part of the first link
//	0x04 request     empty: asks for the configuration
//	0x04 response    0x01 highest level, 0x02 hash algorithm, 0x03 period in ms, 0x04 requests a period,
//	                 0x10 parent URI (0 or more)
//	0x05             acknowledgment, in both directions: read over
//
// and of the extender:
//
//	0x02 request     0x01 request id, 0x02 aggregation time, 0x03 publication time (absent: the newest)
//	0x02 response    0x01 request id, 0x04 status, 0x05 message (0 or 1), 0x12 newest time (0 or 1), 0x802 calendar chain
//	0x04 request     empty: asks for the configuration
//	0x04 response    0x04 requests a period, 0x10 parent URI (0 or more), 0x11 first time, 0x12 newest time
//
// An error that belongs to no request, or whose asker is not known, is a response with the payload 0x03 alone (0x04
// status, 0x05 message), without header and HMAC. Status 0 is success. A response may hold a configuration that nobody
// asked for.
//
//	8320003d                                        extender request, 61 bytes
//	  0107 0105616e6f6e00                           login id "anon"
//	  020f 010101 02046b0248e6 03046b0248e6         request 1: from second 1795311846 to itself
//	  1f21 01 02d1b478…6e47ee96e7                   HMAC-SHA-256 with the key "anon"
//
// # Order of reading
//
// Parse reads the frame: direction, header, HMAC, and where the payloads stand. Envelope.Authentic then checks the HMAC,
// and Envelope.Request or Envelope.Response reads the payloads. So whoever has no key reaches no more than Parse.
//
// # Strictness
//
// As everywhere in KSI: unknown elements are refused unless they are marked non-critical, and so are missing, repeated
// and malformed ones. What is accepted and holds only known elements without flags in the order above is written again
// byte for byte, but for the digest of the HMAC; so it holds no zero that the writer leaves out.
//
// Reader takes PDUs from a stream, where they stand one after the other.
package pdu
