// Package gateway serves the ledger to KSI clients: as an aggregator, which signs the roots of their hash trees, as an
// extender, which gives calendar chains, and as the place of the publications file. It knows protocol, limits and time
// outs; what it serves is behind the interface Ledger.
//
// # Requests
//
// Over HTTP, a POST to any path is a request to whichever service its PDU names (package merkle/ksi/pdu). GET /publications.bin
// is the publications file, GET / says what this is. Over TCP, PDUs stand one after the other in both directions; a client
// may send many before it reads, and gets the answers in any order.
//
// The login id of a request is the name of an agency, and says which key its HMAC is made with. Answers carry an HMAC by
// the same key and algorithm.
//
//	what is asked                       answer
//	signature of imprint and level      filed in the agency's lane ksi, whose leaves are at level MaxLevel; the answer comes
//	                                    when the round is closed, with the level of the request taken off its first link
//	calendar chain from t to p          at once, if p is closed; p left out: to the newest closed second
//	configuration                       at once, or with the answer to what else its PDU asks
//
// # Failures
//
// A failure is a payload with a status if its request id is known, and the error PDU without header and HMAC if not:
// before the HMAC is checked, nothing of the request is believed. HTTP says 400 for status 0x1xx and 500 for others.
//
//	0x101  not a PDU of version 2, malformed, or nothing asked
//	0x102  login id or key not right: one text for both, and an unknown login id costs an HMAC too
//	0x103  payload malformed, hash algorithm unknown or deprecated
//	0x104  aggregator: body too large; extender: p before t
//	0x105  aggregator: more requests in a period than the configuration says; extender: t before the ledger's first second
//	0x106  aggregator: too many requests wait; extender: p or t not closed yet
//	0x107  aggregator: level over MaxLevel; extender: p or t in the future
//	0x200  the server failed, or an extender is asked too much, which has no code of its own
//	0x301  the ledger took longer than Config.RequestTimeout
//
// # Limits
//
// No client waits for another. Every request runs in its own goroutine; it takes its place in the limits only after its
// HMAC is checked, and gives it back when its answer is made, before that is sent. Who is over a limit is told so at once;
// nothing queues. An answer waits for its reader only in its own connection: a TCP connection reads no further while
// Config.MaxPipelined of its requests are not answered and written, and is closed if a write takes longer than
// Config.WriteTimeout. Memory follows the bytes that arrived, never a length that was announced. Logins that together
// reach Config.MaxRunning, which takes four at their Config.MaxLoginShare by default, make others be refused for as long.
//
// Who has not yet sent an authentic PDU has Config.ReadTimeout for it, who has, Config.IdleTimeout for the next. A TCP
// connection is closed, after its answers are written, when a PDU is malformed or not authentic. A client may close its
// sending side and still gets its answers.
//
// # Goroutines
//
// New starts none. Serve starts one for every listener, two for every TCP connection and one for every request over TCP,
// and returns when all have ended.
//
// # Debugging
//
// At level debug, every request is logged with its service, login id and status, never with keys or HMACs; and so is why a
// connection ended. Failures of the ledger are logged as errors.
package gateway
