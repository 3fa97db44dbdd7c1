package main

// Counts that are used more than once.
const (
	tallyAcknowledged = "digests acknowledged"
	tallyGivenUp      = "of them after the last backup"
	tallyNamed        = "of them named by fsck"
)

// reliabilityRows are the rows of the table in docs/reliability.md, in their order.
var reliabilityRows = []struct{ what, means string }{
	{"lives of the server", "starts of the server on the same ledger, each followed by a check of all of it"},
	{tallyAcknowledged, "hashes that a client was told are filed, and that are looked for: all but of bulk loads, of which one in a thousand is"},
	{"proofs verified", "offline, by the calendar key, in the life after the one that filed, and at the end"},
	{"ended by kill -9", "at once, in the middle of whatever was going on"},
	{"ended by SIGTERM", "as systemd does; exit code 0 within the minute that the unit gives it"},
	{"ended by itself", "after an I/O error, with an exit code that is not 0; systemd starts it again"},
	{"torn logs", "after kill -9, the log behind what was durable was cut off or overwritten by noise, as by a power cut"},
	{"I/O errors", "a write, sync, read, creation or removal of a file of the store or the index answered with EIO, once or from then on"},
	{"disk full", "times: less was free than `--disk-reserve`, or nothing at all could be written; then there was room again, and filing went on by itself"},
	{"filings refused meanwhile", "with SQLSTATE 53100, or not answered within a second and given up"},
	{"proofs given meanwhile", "of hashes filed before, each verified"},
	{"clock " + string(clockBack), "by 1 to 3 s while clients filed: the open round waits, no second is closed twice"},
	{"clock " + string(clockFrozen), "for 0.3 to 2 s"},
	{"clock " + string(clockAhead), "by 2 to 3.5 s where 1 s is allowed: filing was refused (55000) until `confirm_clock()`, and the next life found the clock set back"},
	{"clock " + string(clockWrong), "the same, but the clock was set right: filing went on by itself"},
	{"hostile statements", "SQL that wants more memory or time than there is: each ended with an error of limits"},
	{"hostile connections", "clients that stop in a message, do not read, announce a GiB, or send noise"},
	{"backups", "made while clients filed, every second one based on the one before; each restored and checked"},
	{"checked by fsck", "every root computed again from the leaves, the index and the journal compared"},
	{"flipped bits", "in a file of the store or the index, of the stopped server"},
	{tallyNamed, "the file was mended then"},
	{"of them without effect", "in bytes that are no part of the ledger any more: fsck finds exactly what it found before; or of a log behind what was durable and acknowledged"},
	{"restored from the last backup", "times the damage was not mended: the directory was given up, and the ledger went on from the backup"},
	{tallyGivenUp, "acknowledged later than the last backup began, when the directory was given up: not looked for. An operator would have lost them with the disk"},
}

// reliabilityPage is docs/reliability.md: a duration, a seed, a table, and both again.
const reliabilityPage = `# Reliability

One ledger lived through the faults below in a run of %s, seed %d: the real program, under load, again and again. **No acknowledged
hash was lost, no proof was wrong, no damage was overlooked.** A run in which that does not hold fails and writes no page.

Each life of the server goes like this. It starts on what the last life left behind. Everything that was acknowledged in the last life
is looked up, by digest, and must stand once, under the receipt that was given; proofs are verified. Then clients file, by INSERT, COPY
and psql, some of them a great many, beside others who mean harm; at times a backup is made meanwhile. In some lives the disk fails or
fills up, or the clock goes wrong. The life ends by itself, by SIGTERM or by kill -9. Then fsck computes every root again, and bits of
files are flipped, which it must name. In the end everything acknowledged in all lives is looked up, and the whole calendar is audited
by SQL.

%s
## How the faults are made

- Lives without a fault of the disk or the clock run the program as it is released. Those with one run the same server inside a test
  process, between whose store and the disk stands a layer that answers EIO or ENOSPC, and whose clock can be set. The keys in
  keys/ are read and written past that layer.
- The file system's own behavior when the last byte is taken is in another test, on a small file system (TestFullDisk).
- kill -9 leaves what the operating system has been given; what a power cut takes is shown by torn logs here, and in the tests of the
  storage layer by cuts at every operation and every sector.

## What is not shown

- Disks and controllers that lie: a sync that returned is believed. "jurat doctor" looks for disks that answer too fast.
- Faults of memory and processor, of the kernel and of file systems.
- Two faults of the disk at once, and damage that comes while the server runs (TestDamagedStore flips bits under a running server).
- Hours and years: the run is as long as it says. "make soak" runs it for two hours, and larger worlds of all other tests.
- A lost machine: what was acknowledged after the last backup is lost with its disk. There is no replica.

## Run it

    go test ./cmd/jurat -count=1 -run 'TestSoak$' -timeout 0 -soak.time=%s -soak.seed=%d -soak.report=$PWD/docs/reliability.md

The seed fixes the plan of each life, which the log shows: what fails, when, what ends it, what is damaged. How far clients got by then
differs from run to run and from machine to machine, so a failure may take some runs to come again.
"make soak" takes a new seed, prints it, and rewrites this page.
`
