// Package fsck checks a store against its own leaves. It derives all that is stored of closed rounds again (slot roots,
// kept nodes, round roots, calendar nodes, calendar roots, those published among them) and compares, verifies the
// signature of every calendar root, follows the hashes of the journal line by line, and sees to it that every key is one that ought to be there.
//
// It shares no code with server/ledger, which wrote the store: where the two understand the format differently, it says
// so. The store must not change meanwhile.
//
// Rounds are checked in order, each kind of key by an iterator of its own that moves along: what it stands at must be
// what the round calls for. So memory does not grow with the store, and a key too many is found as well as a missing one.
// The leaves, which are nearly all the work, are read and hashed ahead of that by as many goroutines as there are processors,
// each a range of rounds; they go through memory once, for trees and digest index alike.
package fsck

import (
	"context"
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// Options says what to check and whom to tell.
type Options struct {
	// Index is the digest index, to be checked against the leaves; nil to leave it out.
	Index Index
	// Progress is told now and then how far the check is; nil for nobody.
	Progress func(Report)
}

// An Index is what fsck needs of a comparison of the digest index with the leaves.
type Index interface {
	// Cursor returns the number of the first leaf that is not in the index.
	Cursor() uint64
	// Hash returns what the index keeps of a digest.
	Hash(digest []byte) uint64
	// HashAll fills hashes with those of digests of size bytes each that stand one behind the other.
	HashAll(hashes []uint64, digests []byte, size int)
	// Add tells of the hashes of leaves, by the number of the first. It is called for all leaves of closed rounds, in any order
	// and by many goroutines.
	Add(first uint64, hashes []uint64)
	// Compare compares the index with the leaves that Add has told of. Of those among which there is a difference it wants the
	// hashes of the leaves first, first+1, … again, which leaves fills in.
	Compare(ctx context.Context, leaves func(first uint64, hashes []uint64) error) error
}

// A Report counts what was found in order.
type Report struct {
	Through       calendar.Second // newest second checked
	Rounds        uint64          // closed, with leaves
	Blocks        uint64          // sealed
	Leaves        uint64          // of closed rounds
	OpenLeaves    uint64          // of rounds not closed
	Runs          uint64
	Tiles         uint64
	CalendarNodes uint64
	Signatures    uint64
	Publications  uint64
	JournalLines  uint64
	Indexed       uint64 // leaves found in the index
}

// A Difference is the first place where the store is not what its leaves give. Check returns it as an error.
type Difference struct{ text string }

// Error names the place, what is stored there and what should be.
func (d *Difference) Error() string { return d.text }

func different(format string, args ...any) error {
	return &Difference{fmt.Sprintf(format, args...)}
}

// Check reads the whole store and stops at the first fault. That is a *Difference, or an error of the store that wraps
// storage.ErrCorrupt or storage.ErrVersion; any other error, that of ctx included, means that the check did not come to
// its end. The report says what was in order until then.
func Check(ctx context.Context, s *storage.Store, o Options) (Report, error) {
	c := &checker{
		ctx:          ctx,
		s:            s,
		o:            o,
		genesis:      s.Genesis(),
		slots:        s.Slots(),
		closed:       s.Closed(),
		publications: s.Publications(),
		frontier:     calendar.NewFrontier(s.Genesis().First),
	}
	defer c.close()
	c.journalSlot = slices.IndexFunc(c.slots, isJournal)
	for _, step := range []func() error{c.checkKinds, c.checkSmall, c.open, c.checkRounds, c.checkEnd, c.checkOpenRounds,
		c.checkLeft, c.checkJournal, c.checkIndex} {
		if err := step(); err != nil {
			return c.report, err
		}
	}
	return c.report, nil
}
