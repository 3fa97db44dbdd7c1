package storage

// For tests of file systems with direct writing.
type (
	DirectFS     = directFS
	DirectWriter = directWriter
)

// DirectDisk is how tables are written on the disk of the machine.
var DirectDisk = directDisk

// LogBytes is how long new logs are.
const LogBytes = memTableBytes
