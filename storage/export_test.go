package storage

import (
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// For tests of file systems with direct writing.
type (
	DirectFS     = directFS
	DirectWriter = directWriter
)

// DirectDisk is how tables are written on the disk of the machine.
var DirectDisk = directDisk

// LogBytes is how long new logs are.
const LogBytes = memTableBytes

// LimitRunTables has a store keep at most this many tables of runs open.
func LimitRunTables(s *Store, most int) {
	s.runs.mu.Lock()
	defer s.runs.mu.Unlock()
	s.runs.most = most
}

// RunTables returns how many tables of runs a store has open, and how many it knows to be unfit for reading past the database.
func RunTables(s *Store) (open, unfit int) {
	s.runs.mu.RLock()
	defer s.runs.mu.RUnlock()
	for _, t := range s.runs.tables {
		if t.unfit {
			unfit++
		}
	}
	return len(s.runs.opened), unfit
}

// ReadPast reads leaves past the database alone, and returns how many it could.
func ReadPast(s *Store, dst *merkle.Leaves, round calendar.Second, slot uint32, first uint64, n int, checked bool) (int, Accepted) {
	return s.runs.read(dst, round, slot, first, n, checked)
}
