// Package bench measures the project, and others beside it, on the machine at hand. Command "jurat bench" runs it.
//
// # Rules
//
// A measurement is worth what can be said about how it was made. So every Record names machine, kernel, Go, commit, command
// line, seed and, for whatever stores something, its durability. What is compared runs alternately (A, B, A, B …) in
// one run of the program on one machine; results are medians, ratios are medians of the ratios of neighbouring runs. Input
// comes from package stream: a seed gives the same digests everywhere. Each sample has a checksum of what was computed;
// contenders that compute the same thing must agree on it, or the benchmark fails.
//
// Servers are real: the program itself, started as "jurat serve" on a fresh temporary directory with its usual durability, and
// PostgreSQL as a distribution ships it. Clients share the processors with the server; what each costs is read from
// the operating system (Linux's /proc). After each load a sample of proofs is fetched and verified, and when the server has
// stopped, fsck computes every root again: a benchmark of a ledger that has lost something fails.
//
// Filing is measured on a server that is warm: every client has filed once, and the server was idle again since. Looking up is measured
// on servers that were started anew for each run: which processors the kernel gives to a server and its clients decides much of the
// rate of few clients, and hardly changes while they run.
//
// Latencies of single filings are taken in open loop too: operations start when they are due, however late the answers are, and
// count from when they were due.
//
// # Samples
//
// A sample is named by what was measured and how, "ingest/how=copy-binary/clients=1/by=jurat"; by is the contender, always
// last. Its values are named by their units:
//
//	hashes/s, ns/leaf        tree building; the digests that are its leaves are made beforehand
//	make-ns/leaf, total-s    making those digests, where that could not be done beforehand; all of it
//	rows/s                   acknowledged rows over the time from the first byte to the last acknowledgement; of a calendar, seconds
//	settled-rows/s           the same until the server is idle again: index built, compactions done
//	offered/s                operations that were due each second, in open loop
//	p50-us, p99-us, p999-us  latency of one operation, whatever number of rows it holds
//	server-ns/row            processor time of the server until it was idle, per row; also ns/leaf, and us/op of a look-up
//	client-ns/row            processor time of the load generator, per row
//	written-B/row            bytes that the server sent towards the disk until it was idle, per row or leaf
//	stored-B/row             size of the data directory after a clean stop, per row; of PostgreSQL, of the table and its index
//	peak-MB, resident-MB     memory of the server, greatest and at the time, in 10^6 bytes
//	proof-p50-ms, …          from the acknowledgement of a filing to its signature in the client's hands, under the load
//	lag-ms                   from the end of a round's second to the signature in the client's hands
//	ops/s, found/s           queries answered, and what they found, where that is more than one row each
//	ms                       median time of one answer to a question in SQL; ops/s is its inverse
//	time-s                   since the long run began, while it was loading
//	fsck-s, verify-ms/proof  of the long run: computing every root again; fetching and verifying one proof
//
// What an idle server stores and writes, and a second or more of its idling, is in the values per row: of few rows it is most.
//
// Package report makes tables and pictures of records, load is the client, target starts servers.
package bench
