package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// Publish records that the calendar root as of a closed second is published, 0 standing for the newest one, and says
// where: references are added to those that an earlier publication of the second has. It returns what is recorded. A
// second that is not closed is ErrNotClosed, one before the ledger's first ErrBeforeFirst, references that do not fit
// ErrReferences. Recording prints nothing anywhere: that is for the caller to do.
func (l *Ledger) Publish(ctx context.Context, at calendar.Second, references []string) (storage.Publication, error) {
	var p storage.Publication
	added := false
	err := l.administerWith(ctx, func() ([]storage.Entry, error) {
		var err error
		if at == 0 {
			at = max(l.closed, l.genesis.First) // if nothing is closed, that is not either
		}
		if p, added, err = l.publication(at, references); err != nil || !added {
			return nil, err
		}
		return []storage.Entry{storage.Publish{Publication: p}}, nil
	})
	if err != nil {
		return storage.Publication{}, err
	}
	if added {
		l.logPublication(&p)
	}
	return p, nil
}

// publication returns the publication of a second with references added to those it has; added is false if it is
// recorded like this. It is called in the goroutine of Run.
func (l *Ledger) publication(at calendar.Second, references []string) (p storage.Publication, added bool, err error) {
	if err := l.checkClosed(at); err != nil {
		return p, false, err
	}
	p, known := findPublication(l.Publications(), at)
	if !known {
		now, _ := l.watch.clock.Now()
		p = storage.Publication{Time: at, Published: now}
		if p.Root, err = l.rootAt(at); err != nil {
			return p, false, err
		}
	}
	merged := slices.Clone(p.References)
	for _, r := range references {
		if !slices.Contains(merged, r) {
			merged = append(merged, r)
		}
	}
	if err := storage.CheckReferences(merged); err != nil {
		return p, false, fmt.Errorf("publication of %s: %w: %w", at, ErrReferences, err)
	}
	added = !known || len(merged) > len(p.References)
	p.References = merged
	return p, added, nil
}

// rootAt returns the calendar root as of a closed second. What is published cannot be taken back, so all that is read is
// checked first: it must lead on to the calendar root in memory. It is called in the goroutine of Run.
func (l *Ledger) rootAt(at calendar.Second) (merkle.Digest, error) {
	chain, leaf, _, err := l.CalendarChain(at, l.closed)
	if err != nil {
		return merkle.Digest{}, err
	}
	if root := chain.Root(leaf); root != l.frontier.Root() {
		return merkle.Digest{}, fmt.Errorf("calendar root as of %s: the stored nodes give root %s for %s, not %s: %w", at, root,
			l.closed, l.frontier.Root(), storage.ErrCorrupt)
	}
	// The right links, which hold the past of the second, alone lead to its own root.
	past := slices.DeleteFunc(chain, func(link calendar.Link) bool { return link.Left })
	return past.Root(leaf), nil
}

// checkClosed returns nil if a second is one of the ledger's closed ones.
func (l *Ledger) checkClosed(at calendar.Second) error {
	first, closed, _ := l.Extent()
	switch {
	case at < first:
		return fmt.Errorf("second %s: %w, %s", at, ErrBeforeFirst, first)
	case closed < first:
		return fmt.Errorf("second %s: %w: no second is", at, ErrNotClosed)
	case at > closed:
		return fmt.Errorf("second %s: %w: the newest closed second is %s", at, ErrNotClosed, closed)
	}
	return nil
}

func (l *Ledger) logPublication(p *storage.Publication) {
	l.log.Info("the calendar root is published", "time", p.Time.String(), "publication", ksiPublication(p).String(),
		"references", p.References)
}

func ksiPublication(p *storage.Publication) ksi.Publication {
	return ksi.Publication{Time: p.Time, Root: p.Root.Imprint()}
}

// Publications returns all publications in order of time. The caller must not change them.
func (l *Ledger) Publications() []storage.Publication { return l.store.Publications() }

// NearestPublication returns the earliest publication later than a round: as KSI tools want it, one of the round's own
// second does not count. ok is false if there is none.
func (l *Ledger) NearestPublication(round calendar.Second) (p storage.Publication, ok bool) {
	all := l.Publications()
	i, found := searchPublication(all, round)
	if found {
		i++
	}
	if i == len(all) {
		return p, false
	}
	return all[i], true
}

// searchPublication returns the place of the publication of a second, and whether it is there.
func searchPublication(all []storage.Publication, at calendar.Second) (int, bool) {
	return slices.BinarySearchFunc(all, at, func(p storage.Publication, at calendar.Second) int { return cmp.Compare(p.Time, at) })
}

func findPublication(all []storage.Publication, at calendar.Second) (p storage.Publication, ok bool) {
	i, ok := searchPublication(all, at)
	if ok {
		p = all[i]
	}
	return p, ok
}

// publishMonthly publishes the calendar root that is due, if it is not. An error is fatal: it is one of writing. A
// calendar that cannot be read is reported once and stops nothing.
func (l *Ledger) publishMonthly() error {
	if !l.monthly {
		return nil
	}
	due := monthlyDue(l.closed)
	if _, done := findPublication(l.Publications(), due); done || due < l.genesis.First || due == l.failed {
		return nil
	}
	p, _, err := l.publication(due, nil)
	if err != nil {
		l.failed = due
		l.log.Error("the calendar root of this month cannot be published: run jurat fsck", "time", due.String(), "error", err)
		return nil
	}
	now, _ := l.watch.clock.Now()
	l.journal.force(storage.JournalEvent{Time: now, Times: 1, Event: JournalPublish, Object: p.Time.String(), Detail: "monthly, by the server itself"})
	if err := l.propose(storage.Publish{Publication: p}); err != nil {
		return err
	}
	l.logPublication(&p)
	return nil
}

// monthlyDue returns the latest 15th of a month, 00:00:00 UTC, that is not later than closed.
func monthlyDue(closed calendar.Second) calendar.Second {
	t := closed.Time()
	month := t.Month()
	if t.Day() < 15 {
		month--
	}
	return calendar.Second(time.Date(t.Year(), month, 15, 0, 0, 0, 0, time.UTC).Unix())
}
