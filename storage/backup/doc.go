// Package backup copies a ledger's data directory while its server goes on filing, and makes a data directory of copies.
//
// # What a backup is
//
// Files and a manifest. A Backup reads them one behind the other: first the files of the database, those of the digest
// index, the keys; last the manifest, which names every file with its size and SHA-256. A Writer puts what it is handed into a
// directory, or into one archive: tar, packed by zstd at its fastest level, since digests do not compress. What has no
// manifest is no backup: whatever is cut off is so found.
//
//	manifest.json      the manifest; see Manifest
//	store/db/…         the database, as package storage has it
//	index/…            files of the runs of the digest index
//	keys/…             certificates (*.crt) and, unless they are left out, private keys and all else that is there
//
// # How it is made
//
// A running server makes a checkpoint: a second directory of hard links to the tables, which never change, and copies of the
// database's logs, which do. That takes moments, and filing goes on; then the checkpoint is read at leisure, and removed. It
// is opened once, for the newest closed second, and for the calendar root as of then, which Restore compares. The log is copied
// while it is written: now and then a checkpoint has a log with a hole, which shows when it is opened, and another is made.
//
// A stopped server's directory is read as it is, under its lock.
//
// # Increments
//
// A backup can be based on an earlier one: files that the earlier one has, or names, are then named and not stored. What
// decides is content, by SHA-256, and not rounds: tables of leaves are written once and only ever moved, so that files are
// nearly as fine as rounds here, and restoring is copying, with no second way to apply entries. Every manifest names the
// manifest it follows, and its list of files is complete: a chain restores from its last manifest alone, and each link is
// checked.
//
// # Restoring
//
// Restore works in a directory of its own inside the data directory, which no server starts on. It checks the digest of each
// file, opens the store, derives every root again (package fsck), compares the calendar root with the manifest's, and only
// then moves things to where a server finds them, the store last. A failure removes what was there. That directory is durable before
// anything else is, and goes last: where it is and no store is, a restore was cut off (CheckFinished), no server starts, and the next
// Restore begins anew.
//
// A restored ledger may have an original that lives. Two servers that both file would make two calendars out of one ledger:
// so Restore leaves a Mark, and a server does not file on a marked directory until Continue takes it away.
package backup
