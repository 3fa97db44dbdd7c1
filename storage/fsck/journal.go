package fsck

import (
	"bytes"
	"crypto/sha256"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/storage"
)

// checkJournal checks that the lines of the journal are all there, each with the hash of the one before it, and that the hash of
// every day that is filed is a leaf of the journal's slot, which has no others: whoever takes away the record that a day is filed could write
// its lines anew.
func (c *checker) checkJournal() error {
	w, err := newKindWalk(c.s.DB(), storage.KindJournal)
	if err != nil {
		return err
	}
	defer w.it.Close()
	days, head := c.s.JournalDays(), c.s.JournalHead()
	if n := uint64(len(days)); n != c.journalLeaves {
		return different("journal: %d days are filed, and their lane holds %d leaves", n, c.journalLeaves)
	}
	var last storage.JournalLine
	var hash merkle.Digest
	filed, start := uint32(0), uint64(0)
	for n := uint64(1); n <= head.Lines; n++ {
		key := storage.Key{Kind: storage.KindJournal, Number: n}
		if !w.at(key) {
			return w.pass(key)
		}
		// The hash is made of the bytes as they stand there, not of what was read out of them.
		sum := sha256.Sum256(append(bytes.Clone(w.it.Key()), w.it.Value()...))
		var line storage.JournalLine
		if err := c.s.ReadJournal(n, n, false, func(l storage.JournalLine, bad error) bool {
			line, err = l, bad
			return false
		}); err != nil {
			return err
		}
		if err != nil {
			return err
		}
		if line.Previous != hash {
			return different("journal: line %d was changed, or line %d: hash of the line before is %s, that line gives %s", n-1, n, line.Previous, hash)
		}
		if line.Time.Before(last.Time) {
			return different("journal: line %d: of %s, before the line before", n, line.Time.Format(time.RFC3339Nano))
		}
		if storage.Day(line.Time) <= filed {
			return different("journal: line %d: of %s, after the end of a day that is filed", n, line.Time.Format(time.RFC3339Nano))
		}
		if last, hash = line, sum; line.Event == storage.JournalStart {
			start = n
		}
		if len(days) > 0 && days[0].Last == n {
			if err := c.checkJournalDay(&days[0], &last, hash); err != nil {
				return err
			}
			filed, days = days[0].Day, days[1:]
		}
		c.report.JournalLines++
		if err := w.pass(key); err != nil {
			return err
		}
	}
	if len(days) > 0 {
		return different("journal: day %s: its last line is %d of %d", storage.DayTime(days[0].Day).Format(time.DateOnly), days[0].Last, head.Lines)
	}
	if head.Filed != filed {
		return different("journal: head: filed up to day %d, the newest day that is filed is %d", head.Filed, filed)
	}
	if head.Start != 0 && head.Start != start {
		return different("journal: head: the newest start is in line %d, it says %d", start, head.Start)
	}
	return c.checkJournalEnd(w, &last, hash)
}

func isJournal(s storage.Slot) bool {
	return s.Agency == storage.JournalAgency && s.Lane == storage.JournalLane
}

// checkJournalDay compares the record of a day with its last line, and with the leaf.
func (c *checker) checkJournalDay(d *storage.JournalDay, last *storage.JournalLine, hash merkle.Digest) error {
	name := storage.DayTime(d.Day).Format(time.DateOnly)
	if hash != d.Hash {
		return different("journal: line %d was changed: day %s ends with hash %s, the line gives %s", last.Seq, name, d.Hash, hash)
	}
	if storage.Day(last.Time) != d.Day {
		return different("journal: day %s: its last line, %d, is of %s", name, last.Seq, last.Time.Format(time.RFC3339Nano))
	}
	if s := d.Leaf.Slot; int(s) != c.journalSlot {
		return different("journal: day %s: filed in slot %d, which is not the journal's", name, s)
	}
	leaf, _, err := c.s.Leaf(d.Leaf.Round, d.Leaf.Slot, d.Leaf.Index)
	if err != nil {
		return different("journal: day %s: leaf %d of slot %d in round %s: %v", name, d.Leaf.Index, d.Leaf.Slot, d.Leaf.Round, err)
	}
	if leaf != hash.Imprint() {
		return different("journal: day %s: leaf %d of slot %d in round %s is %s, not %s", name, d.Leaf.Index, d.Leaf.Slot, d.Leaf.Round, leaf, hash)
	}
	return nil
}

// checkJournalEnd compares the head with what the lines have led to; w stands behind them.
func (c *checker) checkJournalEnd(w *walk, last *storage.JournalLine, hash merkle.Digest) error {
	if !w.done {
		return different("%s: the journal ends before it", w.key)
	}
	head := c.s.JournalHead()
	if hash != head.Hash {
		return different("journal: line %d was changed: the head says %s, the line gives %s", last.Seq, head.Hash, hash)
	}
	if head.Lines > 0 && !last.Time.Equal(head.Time) {
		return different("journal: head: newest line of %s, not of %s", head.Time, last.Time)
	}
	return c.pulse()
}
