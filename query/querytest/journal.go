package querytest

import (
	"context"
	"slices"
	"time"

	"github.com/jurat-ledger/jurat/query"
)

// AddLine adds a line to the journal, with the next number.
func (l *Ledger) AddLine(line query.JournalLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line.Seq = uint64(len(l.lines)) + 1
	l.lines = append(l.lines, line)
}

// ReadJournal implements query.Ledger.
func (l *Ledger) ReadJournal(_ context.Context, from, to uint64, n int, desc bool) (lines []query.JournalLine, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.lines {
		if x.Seq >= from && x.Seq <= to {
			lines = append(lines, x)
		}
	}
	if desc {
		slices.Reverse(lines)
	}
	return lines[:min(n, len(lines))], nil
}

// JournalSince implements query.Ledger.
func (l *Ledger) JournalSince(t time.Time) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.lines {
		if !x.Time.Before(t) {
			return x.Seq, nil
		}
	}
	return uint64(len(l.lines)) + 1, nil
}

// VerifyJournal implements query.Ledger: it finds what LineFaults says.
func (l *Ledger) VerifyJournal(_ context.Context, from, to uint64) (faults []query.JournalFault, err error) {
	for _, f := range l.LineFaults {
		if f.Seq >= from && f.Seq <= to {
			faults = append(faults, f)
		}
	}
	return faults, nil
}
