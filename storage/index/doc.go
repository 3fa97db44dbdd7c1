// Package index finds leaves by digest. It maps the hash of a digest to the global numbers of the leaves that may hold
// it; the caller reads those leaves and compares. Leaves are numbered in order of round, slot and index.
//
// The index runs behind the leaves. Its cursor is the number of the first leaf it does not hold; all below it are
// indexed, durably. The leaves are its write-ahead log: after a crash the caller adds those from the cursor on again,
// and finds the newest ones in memory. The index can be dropped and built anew at any time.
//
// It knows Pebble and files, and nothing else of the ledger: not rounds, not algorithms, not what a leaf is.
//
// # Words
//
// The hash of a digest is SipHash-1-3 of all its bytes under a random key of this index. An entry is 55 bits of hash
// and a number. A run is an immutable set of entries for consecutive numbers, each number once. A run of n entries has
// 2^b buckets, b such that a bucket holds 257 to 512 entries on average (one bucket for n <= 512); an entry belongs to
// the bucket named by the top b bits of its hash. Inside a bucket entries stand in order of their numbers, because a
// run is built and merged by stable distribution; nothing is ever compared. A bucket is one value of about 4 KiB, or
// several parts of 8 KiB when it overflows.
//
// # Format, version 2
//
// All integers are big-endian, all keys begin with 'X' (0x58), all values with a version and a checksum: CRC-32C
// (Castagnoli) of the key, the version byte and all bytes behind the checksum. In every version these two stand there.
//
//	manifest, key 58 00
//	+---------+----------+----------------+------------+---------------------------------------+
//	| version | checksum | key of SipHash | cursor     | per run, in order of numbers:         |
//	| 02      | 4        | 16             | 8          |   id 8, number of entries 8 (above 0) |
//	+---------+----------+----------------+------------+---------------------------------------+
//	The highest bit of a number of entries says that the run has a file; in version 1, which is read too, none has.
//	The first number of a run is the sum of the entries of those before it, the cursor the sum of all.
//
//	part, key 58 01, run id 8, bucket 4, part 4 (0, 1, 2 …)
//	+---------+----------+-------+-------------------------------------------------------+
//	| version | checksum | flags | entries, 8 bytes each:                                |
//	| 01      | 4        | 1     |   hash bits b … 54, then number - first number of run |
//	|         |          |       |   55-b bits         b+9 bits                          |
//	+---------+----------+-------+-------------------------------------------------------+
//	flags: 1 = the last part of its bucket; 0 = another follows, and this one has 1,024 entries.
//	Every bucket has its part 0, without entries if need be: a key that is missing is damage.
//
//	file of a run, its id in 16 hex digits + ".index-run", in the directory of the index
//	+----------------------------+---------------------------+---------+----------+
//	| values of all parts, as    | per bucket: where it ends | version | checksum |
//	| above, in order of keys    |   8                       | 01      | 4        |
//	+----------------------------+---------------------------+---------+----------+
//	The checksum is the CRC-32C of 58 01, the id, the version and the ends. Runs of more than 32,768 entries have a file: a
//	look-up reads one bucket of it, at the price of the read alone. In the database it would pass through the block cache,
//	which a large index misses: measured at 13 µs a run instead of 2 to 3.
//
// The number of a leaf within its run takes exactly the bits that the bucket saves, so an entry has 8 bytes and 55 bits
// of hash in a run of any size, and merges lose nothing: a false candidate is met once in 2^55 entries. Numbers end at
// 2^40.
//
// # Changes
//
// Add writes one run: up to 32,768 entries in the same synced batch as the manifest, more as a file, synced with its name
// before the manifest names it. Merge replaces neighbouring runs by one that it streams from them bucket by bucket: 8 or more
// of one tier (tiers are 512 entries, then 8 times more each), or a run with the smaller ones before it, so that tiers never
// grow towards the newer end. A leaf is so rewritten about once a tier. There are at most 7 runs in a tier once Merge has
// nothing to do. The manifest changes atomically in one synced batch; runs out of it are deleted when no reader uses a view
// that names them: files, and tables that version 1 made, with their disk space at once. Keys and files that a crash leaves
// behind are unknown to the manifest, and Open deletes them.
//
// The hashes of leaves that are not indexed yet can be kept in memory as batches of up to 65,536, sorted into 512 buckets, at
// 8 bytes a leaf: they are found there, and AddBatches makes a run of them by sorting each bucket further, which reads
// and writes memory nearly in order.
//
// Nothing runs in the background: who composes the ledger calls Add and Merge. Add large portions (65,536 leaves or a
// few seconds' worth, whichever is later): a run per leaf is correct but makes Merge rewrite small runs often.
//
// # Memory
//
// Where the buckets of files end: 8 bytes a bucket, 16 to 32 MB per billion leaves. Buckets that were read and checked once are held,
// of the newest runs, at most 64 MiB, in large pages: all of them up to eight million leaves. A look-up of many hashes has the processor
// fetch their held buckets before it searches the first. All others are read from the files at each look-up,
// so what keeps them in memory is the cache of the operating system. Of several runs most are read in
// vain, so filters of one byte an entry, made as buckets are read, keep look-ups out of 24 in 25 of these: at most 128 MiB, those
// of the newest runs, none for a run that holds more than half of all leaves. Where anything is to be kept, 16 buckets are read at
// once, so that it soon is. Add needs 8 bytes a leaf, Merge
// at most 64 KiB for each of its at most 64 runs, at worst 256 KiB (see below).
//
// # Hostile digests
//
// Clients choose digests. Bucketing by digest bits would let an agency fill the bucket of another's document with
// digests that begin alike, a false candidate each. The key is secret and random and the hash is over the whole digest,
// so only equal digests can be made to collide. Those remain: a million leaves of one digest are a million true
// candidates in one bucket. That bucket has a thousand parts. Find hands out candidates one at a time and starts at any
// number by binary search, so reading all of them in pages costs their number; Merge copies a bucket without holding it
// (see maxLoaded) and is not quadratic in it. Another digest in the same bucket, which nobody can aim at, is found by
// reading all parts, about a microsecond each. SipHash-1-3 instead of 2-4: the hashes themselves are never shown, so an
// attacker has timing alone to work with.
//
// # Considered and rejected
//
// Entries of 10 bytes with 40 bits of hash and a global number: a quarter larger, and each merge loses known bits.
// Filters for runs that lack a digest: an absent digest costs a read a run, some 20 at a billion leaves, cheaper than
// 10 bits a leaf of memory. Sorted tables of digests: measured at a tenth of the speed; hashes are uniform, so
// comparisons buy nothing.
//
// # Debugging
//
// Runs says how many runs there are; many mean that Merge is not called or fails. A Check compares everything with the
// leaves and names the first that differs. An index that returns ErrCorrupt can be removed by Drop: it grows again from
// the leaves.
package index
