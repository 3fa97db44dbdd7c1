// Package storage keeps the ledger on disk: a log of entries, applied to a Pebble database, and readers of what they
// left there.
//
// It knows what follows what (a round after the closed ones, a leaf after the leaves before it), but neither hashes nor
// signs: roots, kept nodes and signatures are computed above and stored as they are. Package fsck derives them again.
//
// # Words
//
// A round is one second. It is open until an entry closes it or a later one; closed rounds never change. A run is up to
// 1,024 leaves of one round and slot that were accepted together. A round that holds leaves has a record, stored as a
// head (root, counts) and a body (slots, signature). A block is 1,024 seconds: once all of them are closed it can be
// sealed, which turns the heads of its rounds into columns. A publication is the calendar root as of a closed second. A
// KSI key is the secret by which a role logs in to the KSI gateway. The journal is the server's own record of who did what;
// its lines are events, numbered from 1.
//
// # Writing
//
// Propose takes entries and returns when they are durable and applied, all or none, in order. It is what a replicated
// log would implement. One goroutine proposes; a failed proposal may or may not be on disk, so the store refuses all
// further ones and only reopening tells. There is no recovery code of our own: Pebble's write-ahead log, or a table of
// leaves, holds what apply wrote, and Open reads the small keys and the open rounds back into the state that proposals
// are checked against.
//
// # Reading
//
// Readers run concurrently with the proposer and with each other. They see durable entries only: Pebble shows a batch
// before it is synced, so every reader is bounded by counters that move after the sync. An iterator sees the store as it
// stood when it was made.
//
// Readers of rounds find the heads of rounds that are not sealed in the state, and what was read of sealed blocks in a cache
// of bounded size (roundCache): blocks never change, so nothing has to leave it. What audits compare is read from the database
// (RoundScan.Stored), and so is what proofs are made of.
//
// # Keys
//
// Numbers in keys are big-endian, so that keys grow with time and compaction moves files rather than rewrite them. The
// first byte names the kind.
//
//	B  block 8, 00                              leaf counts of a sealed block
//	B  block 8, 01                              round roots of a sealed block
//	B  block 8, 02, slot 4                      leaf counts of one slot in a sealed block
//	C  height 1, index 8                        calendar node
//	D  round 8                                  round body
//	G  number of a leaf 8                       round that this leaf is the first of; of a sealed block, only its first
//	H  name                                     KSI key of a role
//	J  number 8                                 line of the journal
//	K  number 4                                 certificate, numbered from 0
//	L  round 8, slot 4, first 8                 run, first is the index of its first leaf
//	M  00                                       genesis
//	M  01                                       progress
//	M  02                                       head of the journal, from its first line on
//	N  round 8, slot 4, height 1, tile 8        kept nodes of a slot's subtree
//	O  slot 4                                   ordinal
//	P  second 8                                 publication
//	R  round 8                                  round head, until the round's block is sealed
//	S  id 4                                     slot
//	U  name                                     role
//	X                                           digest index; package storage/index owns these keys
//	Y  days since 1970 4                        day of the journal, once its hash is filed
//
// # Values
//
// Numbers in values are little-endian. Byte 0 of every value is its format version, 1 throughout but for roles that
// take more than version 1 can say, which have 2; any other is refused with ErrVersion. Whoever gives a newer version to what Open does not read
// raises that of progress too, so that an older program refuses the store at its start and not in the middle of its work. "n ×" repeats to the end of the value or as often as a count before it says. An imprint is one
// algorithm byte and the digest that has the algorithm's length.
//
//	genesis        1 version | 8 first second | 32 blinding key | server name
//	progress       1 version | 8 newest closed second | 8 closed leaves
//	slot           1 version | 1 base level | 8 created | 1 length, agency | 1 length, lane
//	role           1 version | 1 flags: 1 superuser
//	role           2 version | 1 kind: 0 agency, 1 superuser, 2 auditor, 3 operator | 1 flags: 1 no login, 2 dropped,
//	               4 limited | 4 number | 4 connections if limited | 8 valid until, µs since 1970, 0 for ever |
//	               3 × 4 timeouts in ms, 0 for none | 4 memory in KiB, 0 for the server's | 1 length, SCRAM verifier
//	KSI key        1 version | 1 to 255 key
//	publication    1 version | 32 calendar root | 8 published, µs since 1970 | n × { 2 length, reference }, n <= 64
//	certificate    1 version | 1 length, id | DER
//	ordinal        1 version | 8 ordinal of the slot's newest closed round that holds leaves
//	run            1 version | 1 algorithm | 8 accepted, µs since 1970 | n × digest
//	run, mixed     1 version | ff          | 8 accepted, µs since 1970 | n × imprint, at least two algorithms
//	kept nodes     1 version | n × 32 node, n <= 256
//	journal line   1 version | 8 time, µs since 1970 | 32 hash of the line before, zeros in the first | 4 times |
//	               1 length, event | 1 length, actor | 1 length, address | 1 length, object | 2 length, detail
//	journal head   1 version | 8 lines | 8 time of the newest, µs since 1970 | 32 its hash | 4 newest day filed, 0 for none |
//	               version 2 only, where it is known: 8 number of the line of the newest start
//	journal day    1 version | 8 number of its last line | 32 hash of that line | 8 round | 4 slot | 8 index
//	round head     1 version | 32 root | 8 number of its first leaf | 8 leaves | 4 slots with leaves
//	round body     1 version | 4 slots that exist | 4 number of the certificate | 4 n |
//	               n × { 4 slot | 8 count | 8 ordinal | imprint of the root } | signature
//	number         1 version | 8 round
//	calendar node  1 version | 32 node
//	leaf counts    1 version | 128 bitmap | 8 number of the first leaf | n × 8 leaves | n × 4 slots with leaves
//	round roots    1 version | n × 32 root
//	slot counts    1 version | 128 bitmap | n × 8 leaves
//
// Bit i of a bitmap, counted from the lowest bit of byte 0, stands for second i of the block; n is the number of ones.
// A block without leaves has no keys. Kept calendar nodes over idle seconds alone are left out: they are constants.
//
// The mixed run needs no count: an imprint's length follows from its first byte. Signatures and slots stay in one row a
// round after sealing, since a proof wants one round of them, and an audit of a year none.
//
// # Journal
//
// The hash of a line is SHA-256 of its key and its value, one behind the other: 4a, the number as 8 bytes big-endian, then the
// value as drawn above. The first line follows a hash of zeros. So the hash of a line stands for all lines up to it, and a line
// that is changed or missing shows in the one after it, the newest one in the head. Times never go back, so the lines of a UTC day
// stand together. When a day is over, the hash of its last line is filed like any digest, as a leaf of the slot (@server, journal):
// a proof of that leaf then says that the journal up to there existed, and nobody can write it anew. The day's record says where
// that leaf is; no line is added to a day that is filed.
//
// # Files
//
// A store's directory, open to its owner alone, holds the file LOCK and the database in directory db. Create makes the
// database in db.new and renames it when it is whole.
//
// Proposals of leaves alone, 65,536 and more for each slot, do not go through the log: their runs are written to sorted
// tables, of about a million leaves of one slot at most, named N.leaves.sst until the database takes them in, all or none, which is
// durable when its manifest is. So a leaf is written once, 32 bytes, on Linux past the cache of the operating system. What a crash
// leaves of such files the next Open removes. Stage writes such tables before it is clear what is proposed before them. Small
// proposals would leave too many tables: they go to the log, and their values from
// 13 KiB on, full runs most of all, to Pebble's blob files, so that a leaf is written twice, to the log and there, and not
// again by compactions: 64 bytes. Stored are 32.1 either way. Runs share no table with other keys: a compaction rewrites
// tables that overlap, and those with keys of all kinds overlap with everything.
//
// Kept nodes of a large round can be stored ahead of its end (KeepTiles), as tables too: what closes it is then a small batch.
// After a crash in between they stand in the store of an open round; more leaves may come, and the nodes are stored again where
// their tile was not full.
//
// The database's directory also holds the file ENDS: how many bytes of each log and manifest are durable, and their CRC. Pebble
// takes what it cannot read for the torn end of a file, so that a flipped bit would take acknowledged groups away in silence;
// Open refuses a file that does not begin with what was durable. A note is written after each sync and not synced itself: after
// the process has ended, in whatever way, every flipped bit of what was acknowledged is found; after a power cut it may be a
// note from some seconds before, and a flipped bit in the last block, of 32 KiB, of what was synced later looks like a torn end.
// Other files carry checksums of their own. A manifest is noted once the marker by which Pebble finds it is durable, so that a marker
// which names an older one, or is missing, is damage: Pebble would delete what it does not find from there. Where ENDS itself is missing Open
// logs it and goes on: programs from before wrote none. Open reads all this, and
// the state, before it opens the database for writing: a store that it refuses stays as it is.
//
// # Debugging
//
// Inspect explains a value field by field; the golden files under testdata are its output. Package fsck finds the first
// difference between what is stored and what the leaves give.
package storage
