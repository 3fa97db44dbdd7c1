// Package ledger owns the open round: it takes digests in, makes them durable, closes each second's round, and gives
// proofs out.
//
// # Life of a digest
//
//	Append ─ ticket ─> queue ─┐                     ┌─> filings (round, slot, index): the receipt
//	                          ├─ commit, one Sync ──┤
//	other tickets ────────────┘                     └─> trees, recent
//	second passes: close ─ roots, calendar, RSA signature, one Sync ─> Signature returns
//
// Exactly one goroutine, that of Run, writes: it takes every waiting ticket, gives the leaves their indices, proposes
// one group of entries to the store, and only then, when they are durable, applies them to the state in memory and lets
// the tickets go. While it syncs the next group fills. The same apply rebuilds the state from the store after a start,
// so recovery is the normal path. Everyone else reads the state under a lock that is never held over disk or network.
//
// The trees of the open round are that goroutine's alone. They take in a group while the store writes it: when the write
// fails, they are never looked at again.
//
// # Large groups
//
// A group of millions of leaves takes the disk some tenths of a second, and a round cannot close while one is written into it. So a
// group that would hold its round up, by what groups before it took, is staged: it is written for the round after, as tables that the
// store does not know yet, and the trees of that round grow, while the open round closes at its second. Then it is proposed; its
// leaves count as accepted when their round began. Should the clock be stepped back meanwhile, or run past that round, the group is
// filed in the round that is open.
//
// The kept nodes of a round of two million leaves and more are written as tables too, while the calendar root is signed: what closes
// the round is a small batch, however many leaves there are.
//
// # Time
//
// The round of second T takes what is accepted in (T-1, T]. It closes when the clock reaches T, late if it must, never
// twice. Idle seconds close too: a durable mark says through which second the calendar is fixed, so that no second that
// anybody saw idle is filled later. A clock that is stepped back leaves the open round open until time has passed it
// again. A clock that jumps ahead stops filing with ErrClockJump until ConfirmClock: a calendar cannot be taken back. A
// round found open after a crash is filled on and closed as if nothing had happened.
//
// # Slots
//
// A slot is a lane of an agency. It is created by the first filing and takes leaves from the round after: the height of
// a round's slot tree is fixed when the round opens. Such a filing waits for up to a second, once.
//
// # Publications
//
// A publication is the calendar root as of a closed second, recorded with when that was and where the root can be looked
// up; it is for others to put it there. It is made by Publish, or by the ledger itself for the 15th of every month,
// 00:00:00 UTC, as soon as that second is closed, after an outage too. Its root never changes; references may be added,
// since where a root was printed is known later. As a root that is out cannot be taken back, everything that is read to
// compute it is first checked against the calendar in memory.
//
// A proof can end at a publication instead of a signature of the calendar key: it then needs no trust in any key.
// PublishedSignature makes it so, Extend turns any signature of this calendar into one, also one that a client has
// lengthened below. Both take a calendar chain from the round to the publication; of it only the left links, which hold
// what came after the round, differ from those of any other chain of the round. Extend refuses a signature whose round root
// or right links are not those of this calendar. No chain leaves that does not lead to the root that was published.
//
// # Auditing
//
// An Audit derives a range of closed rounds again while the ledger goes on, and reports what differs, as fsck does of a store
// at rest: roots and kept nodes of slots, round roots, numbers, calendar nodes, published roots and signatures. What no root
// covers, when a leaf was accepted and which index finds it, is fsck's and the index's business.
//
// # Journal
//
// Record adds a line about what happened to the server's journal, whose format package storage draws. Lines wait in memory for what
// is written next, within a second, since every second closes durably: so they cost no sync of their own, and whoever
// records waits for nothing. The line of an administrative change (WithLine) is written with it, all or nothing. In the first second
// of a new UTC day in which there is room, and no group is staged, the hash of the last line before is filed in the slot (@server, journal).
//
// # Finding a digest
//
// Package index knows the leaves up to its cursor; recent knows the others, in memory. Leaves enter recent before their
// receipt is given, and leave it after the index has them, so every look-up that asks recent first finds every receipt.
//
// A leaf is hashed once, with the secret key of the index. Where many are filed at once, recent keeps the hashes as batches
// of up to 65,536, sorted into the buckets of the index, at 8 bytes a leaf; the index takes its runs from them and reads
// nothing from disk. Small entries share tables, at some 20 bytes a leaf. The index grows when little is filed, or when 10
// million closed leaves are missing in it, 4 million at a time: a burst of filing has the processor for itself. When 17
// million are missing, filing waits: memory is bounded, and clients are slowed. After a start what the index does not hold
// is read from the store; if that is more, as after a rebuild that was cut off, it enters the index as it is read, before the ledger is
// open, so that no look-up misses it.
//
// # Proofs
//
// Of leaves chosen at random a proof takes some thirty lines of memory that no cache has: of the index, of a leaf, of the nodes beside its
// way, of the links above. Hashing is a tenth of that. So tiles that are asked for are kept whole, with all nodes, in large pages (shelf);
// FindAll and Signatures take each step for all their leaves before the next one, so that the processor waits for many lines at once;
// and ways up to the nodes over tiles are hashed side by side. What is above such a node is serialized once and checked
// once (limb); each proof has to lead to it.
//
// Of a hundred million leaves, 4 GiB of whole tiles and the whole index in memory, instead of 256 and 64 MiB, gave no more proofs a
// second on a virtual machine: what is touched that seldom costs as much there as a read from the system's cache.
//
// # Failure
//
// When a commit fails nobody knows what is on disk. The ledger then stops for good: every ticket and every waiting
// reader gets ErrFatal, Run returns it, and the process is to start anew and recover.
package ledger
