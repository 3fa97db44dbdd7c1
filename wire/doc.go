// Package wire serves the Postgres frontend/backend protocol, version 3. It knows messages, not SQL: what a statement
// means is the business of a [Session], which a [Handler] opens for every connection that comes in. The package must not
// know the query engine or the ledger.
//
// # Life of a connection
//
//	accept ── start-up ── admission ── idle ⇄ statement ── close
//
// Start-up reads packets without a type byte: SSLRequest (answered N, or S and TLS), GSSENCRequest (N), CancelRequest
// (served, never answered) and the start-up message. A connection that opens with a TLS handshake record is upgraded at
// once if TLS is configured. Whatever is none of these is closed, an HTTP request with one readable line. Minor protocol
// versions above 3.2 and unknown _pq_ options are negotiated down before admission; from 3.2 on a client gets a 32-byte
// cancel key, else 4 bytes.
//
// Admission asks the [Authenticator], which may exchange messages of SASL with the client, then [Handler].Open. Nothing before
// it has more than the 10,000 bytes of a start-up packet or such a message in memory, and StartupTimeout bounds it as a whole.
//
// From then on one goroutine, the connection's, reads a message, calls the session, appends answers to an output buffer
// and flushes it where the protocol asks for it: ReadyForQuery, Flush, errors, the start of a COPY FROM, and when 16 KiB
// are waiting. Rows are pulled: what cannot be sent is not computed.
//
// # Pipelines
//
// Drivers that file in pipelines send the same Bind, perhaps Describe, and Execute thousands of times, with other bytes for the
// parameters. When one such cycle has been served and others lie in the buffer behind it that are equal to it but for those bytes, [Session].Repeat is asked
// for each and the answer of the first is copied, without decoding messages one by one (file repeat.go). What a session cannot repeat exactly so
// is served message by message, so errors have one place. With eight clients a server files 2.2 times as many rows so, with one 1.4 times.
//
// # Sockets
//
// A short answer or request is moved by a system call that never waits (file socket_linux.go), so Go's scheduler is not told of
// it; who finds nothing to read waits in the network poller, whatever the number of connections. A proof by digest costs the
// server 27 µs of processor time with eight clients and 37 with one, where calls that may wait took 31 and 44; the rate is
// 7 % higher with eight and, over restarts of the server, the same with one. A client that waits for each answer is bounded by the
// machine: on a virtual one, waking a processor that halts takes some 80 µs, so its rate depends fourfold on whether the kernel
// puts client and server on the same one, and varies by that from start to start.
//
// Measured and rejected, as an echo of 100 bytes on two processors, beside the network poller's 34 thousand a second from eight
// clients and 22 from one: goroutines that block in the kernel, by SO_RCVTIMEO (-23 %, -39 %) or with a thread each (-22 %, +10 %); an
// epoll of one's own (-10 %, -41 %); reading again for 50 µs before waiting (-56 %, -13 %). With 2,500 bytes out and beside the calls that
// do not wait: giving the processor up before waiting, by sched_yield (-16 %, -6 %; beside other load -66 % from eight) or
// runtime.Gosched (+7 to -5 % from eight, -6 % from one).
//
// # Message limits
//
//	start-up packet                                   10,000 bytes, length included
//	Query, Parse, Bind, CopyData, FunctionCall        Config.MaxMessage
//	Describe, Execute, Close, CopyFail and the rest   10,000 bytes
//
// A longer message ends the connection with 08P01 before memory is taken for it. Buffers grow as bytes arrive, not as a
// length field promises, and go back to 4 KiB or nothing while a connection is idle; one whose last read filled its
// buffer gets 64 KiB for the next. The payload of CopyData is handed on in pieces and never collected. What messages longer than
// 64 KiB take in all connections together is bounded by Config.MaxIncoming; who would go beyond gets 53200 and loses the connection.
//
// A message that has begun must go on: for each 64 KiB of it, or its end, the client has Config.MessageTimeout, else the
// connection ends with 08006. Between messages the session's timeouts hold, from the end of the last one on.
//
// # Waiting
//
// A connection that waits for its client is told by [Startup].Wake that there are notifications: its read is cut off by a
// deadline, they are sent, and it reads on. They are sent outside of transaction blocks only, else before the ReadyForQuery
// that ends the block. The session also says how long the client may be silent in its present state; after that the
// connection ends with the session's error.
//
// # Cancelling
//
// Each connection has one context for the statement at hand. A CancelRequest with the right key, or [Startup].Cancel, ends it with
// cause 57014, the end of a shutdown's patience or [Startup].Terminate with 57P01, a client that goes away with 08006. The causes are *[Error], so a session may
// return context.Cause(ctx); if it returns an error that wraps context.Canceled, the server sends the cause. A timer
// that ticks once a second while calls are made finds those that take longer: the socket is then watched for the client's end by
// a second goroutine, which stops reading before the call returns; whatever it read ahead stays in the input buffer.
//
// # Panics
//
// A panic in a session ends that statement with XX000 and is logged with its stack. The connection goes on.
//
// # Differences from Postgres
//
//   - FunctionCall is refused with 0A000.
//   - Replication connections are refused.
//   - A TLS hello on a server without TLS gets a TLS alert, an HTTP request gets an HTTP answer.
//
// # Debugging
//
// The scripts in testdata/*.test are conversations, message by message, with the expected answers. go test -run Script -addr
// host:port -user name runs them against a real Postgres to learn who is wrong. Logs at level debug name every connection that
// came and went, with its process id, and why it was turned away.
package wire
