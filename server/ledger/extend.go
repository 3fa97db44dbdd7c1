package ledger

import (
	"context"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// CalendarChain returns the chain from the leaf of a second, its round root, to the calendar root as of another, that
// leaf, and the second that the chain leads to: to, or the newest closed one if to is 0. Seconds that are not closed are
// ErrNotClosed, a start before the ledger's first second is ErrBeforeFirst, an end before the start ErrRange.
func (l *Ledger) CalendarChain(from, to calendar.Second) (calendar.Chain, merkle.Digest, calendar.Second, error) {
	var leaf [1]merkle.Digest
	if to != 0 && to < from {
		return nil, leaf[0], 0, fmt.Errorf("from %s to %s: %w", from, to, ErrRange)
	}
	if err := l.checkClosed(from); err != nil {
		return nil, leaf[0], 0, err
	}
	if to == 0 {
		_, to, _ = l.Extent()
	}
	if err := l.checkClosed(to); err != nil {
		return nil, leaf[0], 0, err
	}
	chain, err := calendar.Prove(storage.CalendarReader{Store: l.store}, from, to)
	if err == nil {
		err = l.store.ReadCalendarLeaves(leaf[:], from)
	}
	if err != nil {
		return nil, leaf[0], 0, fmt.Errorf("calendar chain from %s to %s: %w", from, to, err)
	}
	return chain, leaf[0], to, nil
}

// PublishedSignature returns the KSI signature of a leaf as Signature does, but extended: its calendar chain leads to the
// publication of a second, 0 standing for the nearest one after the round, and ends in a publication record. Without such
// a publication it returns ErrNoPublication, ErrRange if the second is before the round.
func (l *Ledger) PublishedSignature(ctx context.Context, p Position, to calendar.Second) ([]byte, error) {
	publication, err := l.publicationAfter(p.Round, to)
	if err != nil {
		return nil, err
	}
	if err := l.waitClosed(ctx, p.Round); err != nil {
		return nil, err
	}
	name := trunkName{round: p.Round, slot: p.Slot, published: publication.Time, references: len(publication.References)}
	return l.sign(p, heap{}, name, func(*view) (*ending, error) {
		chain, _, err := l.publishedChain(p.Round, &publication)
		return &ending{
			time:   publication.Time,
			chain:  chain,
			notice: &ksi.Notice{References: publication.References},
		}, err
	})
}

// publicationAfter returns the publication of second to, not before round, or if to is 0 the nearest after round.
func (l *Ledger) publicationAfter(round, to calendar.Second) (storage.Publication, error) {
	if to != 0 && to < round {
		return storage.Publication{}, fmt.Errorf("round %s to publication of %s: %w", round, to, ErrRange)
	}
	all := l.Publications()
	p, ok := findPublication(all, to)
	wanted := fmt.Sprintf("of %s", to)
	if to == 0 {
		p, ok = l.NearestPublication(round)
		wanted = fmt.Sprintf("later than round %s", round)
	}
	switch {
	case ok:
		return p, nil
	case len(all) == 0:
		return p, fmt.Errorf("%w %s: there is none at all yet", ErrNoPublication, wanted)
	}
	return p, fmt.Errorf("%w %s: the newest is of %s", ErrNoPublication, wanted, all[len(all)-1].Time)
}

// publishedChain returns the calendar chain from a round to a publication, and the round's root. What was read is checked
// against the root that was published: a damaged node is found before a proof leaves.
func (l *Ledger) publishedChain(round calendar.Second, p *storage.Publication) (calendar.Chain, merkle.Digest, error) {
	chain, leaf, _, err := l.CalendarChain(round, p.Time)
	if err != nil {
		return nil, leaf, err
	}
	if root := chain.Root(leaf); root != p.Root {
		return nil, leaf, fmt.Errorf("round %s: the stored calendar gives root %s for %s, published was %s: %w", round, root,
			p.Time, p.Root, storage.ErrCorrupt)
	}
	return chain, leaf, nil
}

// Extend returns a signature of this calendar, serialized, with its calendar chain leading to the publication of a
// second, 0 standing for the nearest one after its round. The signature may have been extended before, and a client may
// have lengthened it below. What is no valid signature is ErrInvalid, one of another calendar ErrForeign; without such a
// publication Extend returns ErrNoPublication, ErrRange if the second is before the round.
func (l *Ledger) Extend(ctx context.Context, signature []byte, to calendar.Second) ([]byte, error) {
	s, err := ksi.Parse(signature)
	if err != nil {
		return nil, fmt.Errorf("extend: %w: %w", ErrInvalid, err)
	}
	if r := ksi.Verify(ctx, s, ksi.Options{Policy: ksi.Internal}); r.Verdict != ksi.OK {
		return nil, fmt.Errorf("extend: %w: %s", ErrInvalid, r)
	}
	if err := l.checkOurs(s); err != nil {
		return nil, fmt.Errorf("extend: %w", err)
	}
	round := s.Time()
	publication, err := l.publicationAfter(round, to)
	if err != nil {
		return nil, fmt.Errorf("extend: %w", err)
	}
	chain, leaf, err := l.publishedChain(round, &publication)
	if err != nil {
		return nil, fmt.Errorf("extend: %w", err)
	}
	extended, err := s.Extend(ksi.NewCalendarChain(round, leaf, publication.Time, chain), ksi.PublicationRecord{
		Publication: ksiPublication(&publication),
		Notice:      ksi.Notice{References: publication.References},
	})
	if err != nil { // what is left is another calendar before the round, or no calendar chain and another round root
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	l.meters.proofs.Add(1)
	return extended.Append(nil), nil
}

// checkOurs returns ErrForeign for a signature whose round has another root in its calendar than in this one. One without
// a calendar chain shows when it is extended.
func (l *Ledger) checkOurs(s *ksi.Signature) error {
	round := s.Time()
	if err := l.checkClosed(round); err != nil {
		return fmt.Errorf("%w: %v", ErrForeign, err)
	}
	var leaf [1]merkle.Digest
	if err := l.store.ReadCalendarLeaves(leaf[:], round); err != nil {
		return err
	}
	if c := s.CalendarChain(); c != nil && c.Input() != leaf[0].Imprint() {
		return fmt.Errorf("%w: round %s has another root there than here", ErrForeign, round)
	}
	return nil
}
