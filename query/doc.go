// Package query runs SQL over the ledger: it analyzes what query/parse has read, plans it, executes it, and keeps the
// state of sessions. It sees the ledger through the interface Ledger, which it declares itself, and knows neither the
// wire protocol nor the storage.
//
// # The way of a statement
//
//	text -> parse.Statement -> analyzer -> compiled (plan, types of parameters and columns) -> execution -> Result
//
// The analyzer looks names up, derives types by Postgres' rules (query/fn chooses operators and functions), and makes a
// tree of nodes (plan.go) with typed expressions (expr.go). Both are never changed afterwards: a prepared statement keeps
// them and any number of executions share them. What a statement returns is known before it runs.
//
// An execution turns nodes into operators and expressions into evaluators, with the parameters' values in hand, so that
// access paths are chosen for the values. Immutable functions of constants are computed once: short ones by the analyzer (early.go), so
// that what they decide is known to the plan, the others before the first row; their errors end the statement even where no row
// would need the value, as in Postgres. Operators pull batches of up to value.BatchSize rows, in columns, with a
// selection of the rows that still count; no row exists before the client's encoder makes one. An execution reserves the
// memory that it holds and stops with 53200 above its limit; it looks for cancelling at every batch.
//
// # Tables
//
// A Table (table.go) is anything that FROM can name. It is asked for a Path with the conditions that have been understood
// as constraints, the columns that are used and the order that would be welcome, and answers with what the path sees to.
// Whatever it leaves, the scan filters. Columns may be computed from others of their row: receipts, signatures and proofs
// are. The plan puts the select list above ORDER BY and LIMIT, so they are computed for the rows that are wanted alone.
//
// # Subqueries, windows, recursion
//
// A subquery that refers to a row around it has args (outer.go): the values it needs. It is executed for each row, in an
// execution of its own that finds them in slots, so that its scans choose their paths for the values; results are
// remembered by the exact values. In a WHERE that runs once, EXISTS, NOT EXISTS and IN whose query refers to the row around by an
// equality become a semiNode (semi.go): parts of the left side are held by hash while the right side goes by. NOT IN does not: it
// looks for nulls too. A joinNode with args is LATERAL; one whose right side only filters and computes is executed as a plain join
// (pull_lateral.go), any other for each row of the left side whose values were not seen before (exec_memoize.go). EXPLAIN ANALYZE counts by node what all
// executions of a plan do (explain_analyze.go). Window functions are computed over partitions held in memory (exec_window.go), or, where the rows come in the
// window's order and the functions look back and ahead a bounded way, as the rows stream by (exec_stream.go). The rows of WITH
// RECURSIVE (exec_recursive.go) are given as each iteration makes them. Where few rows are wanted, wish.few says so, and what is
// costly is done in pieces that begin small.
//
// testdata/postgres holds queries with the answers of PostgreSQL 15: TestPostgresAnswers takes them anew with -rewrite,
// and TestDiffer compares random queries with a PostgreSQL that is installed or that JURAT_POSTGRES names.
//
// # Speed
//
// Of rounds and calendar, the columns that count are read, and conditions on round and second become the range or the list of
// seconds that is read. Where a table can split a path (Path.Split), an aggregate whose result does not depend on the order of its
// rows, and a sort with LIMIT, are worked at by several goroutines (parallel.go), as many as processors and
// max_parallel_workers_per_gather allow; each has an execution of its own, made by fork. Of several grouping sets, those whose keys another one has are
// made of its groups where no aggregate depends on the order (exec_sets.go). A join
// looks the keys of one side up in the other if that finds rows by key (Path.Keys, exec_lookup.go): some thousands together, as long as
// that takes less time than to read the table (Path.Rows, Path.KeyRows). What the keys of a part of the left side found is joined, and given
// up for the next part. Where a table, to be held, takes more than half of the statement's memory, parts of the left side are held instead, and
// the table is read for each, unless to look up the keys of such a part takes less time. Keys are found by a table of their own (keytable.go).
//
// # Transactions
//
// Reads see the ledger as it is at the moment; in a block of isolation level repeatable read or serializable as it stood at
// the first statement, and through a cursor as it stood at DECLARE (snapshot.go). Since nothing changes, a snapshot is no more
// than the newest closed second and the counts of the rounds still open. Filings are held back in the session until COMMIT, or until the end of the
// implicit transaction (Sync, the end of a string of several statements), and go to the ledger as one request: all of
// them in one round, or none. Savepoints cut the list. INSERT alone files at once; RETURNING needs the filing done, so it
// is refused in a transaction block, and within a pipeline it files at once what the pipeline has held back so far.
// Settings go back with their transaction.
//
// # Cursors
//
// A cursor (cursor.go) is a portal made by DECLARE; FETCH and MOVE do what Postgres' do. One with SCROLL keeps the rows that
// it has read, one with NO SCROLL drops them; any other keeps them until they take a mebibyte, and from then on goes forward
// alone. WITH HOLD reads the rest of the rows at COMMIT. The cursors of a session may keep as much as one statement may take.
//
// # More groups than memory
//
// Where the groups of GROUP BY over a table do not fit into the memory of the statement, they are made in passes (exec_passes.go): each
// reads the table again, as it stood when the first pass gave up, and makes the groups whose keys have certain bits in their
// hash. So the view duplicates answers over any number of filings. EXPLAIN ANALYZE tells the number of passes.
//
// # Leaving out rounds
//
// Conditions on the leaves of rounds reach the ledger as a LeafSpan, and a sort with a limit narrows it while it reads
// (narrow.go): the ledger may leave out other rounds, and their roots are not even read. The conditions are looked at all the same.
// A scan of the calendar with its roots computes the next ones while the last are written (ahead.go). A prepared look-up of one
// row keeps its execution and its path for the next value (point.go).
//
// # Samples
//
// TABLESAMPLE is no condition but part of a scan (sample.go): a row is in the sample if a hash of the seed and of the numbers that tell it from
// others, round, slot and index, says so, or of its block. So look-ups, orders and parts of a scan see one sample. Paths that know blocks
// ask the sample before they read one.
//
// # Notifications
//
// LISTEN, UNLISTEN and NOTIFY take effect at COMMIT; a transaction's notifications come in order, and the same one once. They
// reach sessions of the same role alone: agencies cannot write to each other, nor learn of each other (notify.go). The
// server itself, as process 0, speaks to every role that listens on
//
//	round_closed   {"round": "2026-11-22T01:15:30Z", "second": 1795310130, "root": "\\x…"}, when a round with leaves has closed
//	publication    {"publication_time": …, "second": …, "root": …, "publication_string": "AAAAAA-…"}, when a calendar root is
//	               published, or published again with more references
//
// which is what the tables rounds and publications show to everybody. Nobody else may notify these channels. Four mebibytes
// of notifications wait for a session at most: a NOTIFY that finds no room fails, one of the server is lost and a warning
// tells how many were.
//
// # Auditing
//
// audit_calendar, calendar_gaps, completeness and consistency (functions_audit.go) look at a range of the ledger as a whole.
// They go through it part by part, keep nothing open in between and can be cancelled. examples/audit.sql shows their use.
//
// # Words
//
// An agency sees its own rows of hashes, proofs and agencies; a superuser sees all. SQLSTATEs and messages are Postgres'
// where Postgres has the case. What Postgres has and this engine has not is 0A000 and names the feature: nothing is
// answered wrongly for being half understood.
//
// # Where to look
//
// A wrong type or a wrong choice of operator: query/fn, then analyzer.bind and coerce. A column not found: scope.find. A
// wrong plan: EXPLAIN, then Table.Plan and pushDown. A wrong row: the operator's file exec_*.go, or eval.go. Transaction
// status: transaction.go.
package query
