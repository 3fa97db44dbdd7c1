// Package client asks KSI aggregators and extenders over the network: for signatures, calendar chains, configurations and
// publications files. It speaks to every server of the KSI protocol, version 2, not only to Jurat.
//
// It is the only package under merkle that uses the network. What verifies proofs must not, so package ksi knows no more
// of a Client than its interface ksi.Extender.
//
// # Addresses
//
//	http://  ksi://  ksi+http://     HTTP: one POST a request
//	https://  ksi+https://           the same over TLS
//	ksi+tcp://                       one TCP connection for all requests, many at a time, answered in any order
//
// Login id and HMAC key may stand in the address, "ksi+tcp://user:key@ksi.example:3332". The key never leaves the client:
// it makes the HMACs of the requests and checks those of the responses. But only https hides what is asked and answered.
//
// # Answers
//
// An answer is used only if its HMAC was made with the key, its request id is that of the request, and it holds what was
// asked for: a signature must pass the internal policy for the imprint and level, a calendar chain must start and end at
// the seconds asked for and have their shape. Failures that the server tells come as *pdu.Error, with its status and
// message; errors without an HMAC, as servers send them to whom they do not know, among them.
//
// Over TCP, a request is sent a second time, once, if an older connection turns out to be broken: the server may then sign
// twice, which costs it a leaf and nobody anything else.
//
// A Client may be used from many goroutines at once. It starts none over HTTP, and one for each TCP connection, which ends
// with the connection; Close waits for it.
package client
