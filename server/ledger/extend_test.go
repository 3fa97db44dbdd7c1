package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/tlv"
	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
)

// rightLinks returns the right links of the calendar chain of a signature, as they stand in it.
func rightLinks(t *testing.T, signature []byte) (links []byte) {
	t.Helper()
	const calendarChain, right = 0x802, 0x08
	root, err := tlv.ParseOne(signature)
	if err != nil {
		t.Fatal(err)
	}
	for r := root.Children(); r.More(); {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.Tag != calendarChain {
			continue
		}
		for r := e.Children(); r.More(); {
			link, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if link.Tag == right {
				links = append(links, link.Raw()...)
			}
		}
	}
	if len(links) == 0 {
		t.Fatal("no right links")
	}
	return links
}

// verifyPublished demands that a signature proves im in round under nothing but p.
func verifyPublished(signature []byte, im merkle.Imprint, round calendar.Second, p *storage.Publication) error {
	s, err := ksi.Parse(signature)
	if err != nil {
		return err
	}
	trusted := ksiPublication(p)
	r := ksi.Verify(context.Background(), s, ksi.Options{Policy: ksi.UserPublication, Document: &im, Publication: &trusted})
	record, ok := s.PublicationRecord()
	if r.Verdict != ksi.OK || s.Time() != round || !ok || !slices.Equal(record.References, p.References) {
		return fmt.Errorf("signature of %s, references %q: %s", s.Time(), record.References, r)
	}
	return nil
}

// smallCalendar files in two of three seconds, one leaf of digest(i) by canton in the i-th and 300 by ministry in some,
// and publishes some.
func smallCalendar(w *world, seconds int) (filed []Filing) {
	for i := range seconds {
		if i%3 != 2 {
			filed = append(filed, w.file(request("canton", LaneMain, leaves(i, 1)))[0])
		}
		if i%5 == 0 {
			w.file(request("ministry", LaneMain, leaves(1000*i, 300)))
		}
		w.pass(1)
		if i%4 == 1 || i%7 == 0 {
			w.publish(0, strings.Split("Gazette Herald", " ")[:i%3]...)
		}
	}
	return filed
}

// Every leaf of a small calendar, with every publication: made extended, extended, extended once more.
func TestExtend(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	filed := smallCalendar(w, 24)
	all := w.ledger.Publications()
	for _, f := range filed {
		p := Position{Round: f.Round, Slot: f.Slot}
		im := digest(int(f.Round - filed[0].Round)).Imprint()
		plain, err := w.ledger.Signature(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		past := rightLinks(t, plain)
		last := plain
		for i := range all {
			to := &all[i]
			made, err := w.ledger.PublishedSignature(ctx, p, to.Time)
			if to.Time < f.Round {
				if _, e := w.ledger.Extend(ctx, plain, to.Time); !errors.Is(err, ErrRange) || !errors.Is(e, ErrRange) {
					t.Fatalf("round %s to %s: %v, %v", f.Round, to.Time, err, e)
				}
				continue
			}
			extended, e := w.ledger.Extend(ctx, last, to.Time)
			if err := errors.Join(err, e); err != nil {
				t.Fatalf("round %s to %s: %v", f.Round, to.Time, err)
			}
			if !bytes.Equal(made, extended) {
				t.Fatalf("round %s to %s: made and extended differ", f.Round, to.Time)
			}
			if !bytes.Equal(rightLinks(t, made), past) {
				t.Fatalf("round %s to %s: right links differ", f.Round, to.Time)
			}
			if err := verifyPublished(made, im, f.Round, to); err != nil {
				t.Fatal(err)
			}
			if i > 0 && verifyPublished(made, im, f.Round, &all[i-1]) == nil {
				t.Fatalf("round %s to %s: proven by another publication", f.Round, to.Time)
			}
			last = extended
		}
		w.checkNearest(p, im, plain)
	}
	w.mustPass()
}

// checkNearest demands that second 0 stands for the nearest publication, if there is one.
func (w *world) checkNearest(p Position, im merkle.Imprint, plain []byte) {
	w.t.Helper()
	nearest, ok := w.ledger.NearestPublication(p.Round)
	made, err := w.ledger.PublishedSignature(context.Background(), p, 0)
	extended, e := w.ledger.Extend(context.Background(), plain, 0)
	if !ok {
		all := w.ledger.Publications()
		if newest := all[len(all)-1].Time.String(); !errors.Is(err, ErrNoPublication) || !errors.Is(e, ErrNoPublication) ||
			!strings.Contains(err.Error(), newest) {
			w.t.Errorf("no publication after %s, newest %s: %v, %v", p.Round, newest, err, e)
		}
		return
	}
	if err := errors.Join(err, e); err != nil || !bytes.Equal(made, extended) {
		w.t.Fatalf("nearest of %s: %v", p.Round, err)
	}
	if err := verifyPublished(made, im, p.Round, &nearest); err != nil {
		w.t.Error(err)
	}
}

// mustPass stops the ledger and checks its store against the leaves.
func (w *world) mustPass() {
	w.t.Helper()
	want := uint64(len(w.ledger.Publications()))
	w.shutdown()
	s, err := storage.Open("store", storage.Options{FS: w.fs, TableLeaves: 20})
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	if r, err := fsck.Check(context.Background(), s, fsck.Options{}); err != nil || r.Publications != want {
		w.t.Errorf("%d publications in order, want %d: %v", r.Publications, want, err)
	}
}

// What is not there has errors that say so.
func TestExtendMissing(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	f := w.file(request("canton", LaneMain, leaves(0, 1)))[0]
	p := Position{Round: f.Round}
	if _, err := w.ledger.PublishedSignature(ctx, p, 0); !errors.Is(err, ErrNoPublication) {
		t.Errorf("an open round: %v", err)
	}
	w.pass(3)
	plain, err := w.ledger.Signature(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []calendar.Second{0, f.Round, f.Round + 1} {
		_, err := w.ledger.PublishedSignature(ctx, p, to)
		if _, e := w.ledger.Extend(ctx, plain, to); !errors.Is(err, ErrNoPublication) || !errors.Is(e, ErrNoPublication) ||
			!strings.Contains(e.Error(), "none at all yet") {
			t.Errorf("to %d: %v, %v", to, err, e)
		}
	}
	w.publish(0)
	for _, p := range []Position{{Round: f.Round, Index: 1}, {Round: f.Round, Slot: 1}, {Round: f.Round + 1}, {Round: 5}} {
		if _, err := w.ledger.PublishedSignature(ctx, p, 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("leaf %v: %v", p, err)
		}
	}
}

// All chains of a small calendar lead to its roots, and their right links stay.
func TestCalendarChain(t *testing.T) {
	w := newWorld(t)
	smallCalendar(w, 24)
	first, closed, _ := w.ledger.Extent()
	leaf := make([]merkle.Digest, closed-first+1)
	if err := w.store.ReadCalendarLeaves(leaf, first); err != nil {
		t.Fatal(err)
	}
	left := func(link calendar.Link) bool { return link.Left }
	frontier := calendar.NewFrontier(first)
	past := make(map[calendar.Second]calendar.Chain)
	for to := first; to <= closed; to++ {
		frontier.Append(leaf[to-first])
		for from := first; from <= to; from++ {
			chain, got, at, err := w.ledger.CalendarChain(from, to)
			if err != nil || got != leaf[from-first] || at != to || chain.Root(got) != frontier.Root() {
				t.Fatalf("%s to %s: leaf %s, to %s, root %s, want %s: %v", from, to, got, at, chain.Root(got), frontier.Root(), err)
			}
			right := slices.DeleteFunc(chain, left)
			if from == to {
				past[from] = right
			}
			if !slices.Equal(right, past[from]) {
				t.Fatalf("%s to %s: right links differ", from, to)
			}
		}
	}
	if _, _, at, err := w.ledger.CalendarChain(first, 0); err != nil || at != closed {
		t.Errorf("to the newest: %s, %v", at, err)
	}
	for _, x := range []struct {
		from, to calendar.Second
		want     error
	}{
		{first - 1, 0, ErrBeforeFirst}, {0, closed, ErrBeforeFirst}, {closed + 1, 0, ErrNotClosed},
		{first, closed + 1, ErrNotClosed}, {first + 2, first + 1, ErrRange}, {first, -1, ErrRange},
	} {
		if _, _, _, err := w.ledger.CalendarChain(x.from, x.to); !errors.Is(err, x.want) {
			t.Errorf("%d to %d: %v, want %v", x.from, x.to, err, x.want)
		}
	}
}

// A client that had the root of its own tree signed puts its chain below; what it has then extends like any other.
func TestExtendLengthened(t *testing.T) {
	w := newWorld(t)
	own := merkle.NewTree(0)
	list := leaves(0, 2)
	own.Append(&list)
	var root merkle.Leaves
	root.Append(own.Root())
	filed := make(chan Filing, 1)
	go func() { filed <- w.file(request("canton", LaneKSI, root))[0] }()
	for len(w.ledger.Slots()) < 3 {
		w.file(request("ministry", LaneMain, leaves(9, 1)))
	}
	w.pass(1)
	f := <-filed
	w.pass(2)
	p := w.publish(0, "Gazette")

	v, err := w.ledger.view(f.Round)
	if err != nil {
		t.Fatal(err)
	}
	tiles, err := w.ledger.tiles(Position{Round: f.Round, Slot: f.Slot})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := merkle.ProveFromTiles(&tiles, tiles.base, tiles.slot.Count, 0)
	if err != nil {
		t.Fatal(err)
	}
	chain = append(chain, merkle.IssuerLink(w.ledger.metadata(f.Round, tiles.slot), tiles.base, tiles.slot.Count))
	chain[0].Correction-- // the client's root is at level 1, not at 0
	lengthened, err := ksi.Build(ksi.Parts{
		Round:        f.Round,
		Leaf:         list.At(0),
		Chains:       []merkle.Chain{{{Left: true, Sibling: list.At(1)}}, chain, v.tree.Chain(f.Slot)},
		CalendarTime: f.Round,
		Calendar:     v.calendar,
	})
	if err != nil {
		t.Fatal(err)
	}
	extended, err := w.ledger.Extend(context.Background(), lengthened.Append(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifyPublished(extended, list.At(0), f.Round, &p); err != nil {
		t.Error(err)
	}
}

// Signatures of other calendars are refused, whatever they have in common with ours.
func TestExtendForeign(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	filed := smallCalendar(w, 12)
	w.pass(1)
	w.publish(0)

	other := &world{t: t, fs: vfs.NewMem(), clock: ledgertest.NewClock(start)}
	// Blinding alone differs. So rounds in which both agencies file have the same root in both calendars, and the first
	// of them the same past: until then they are one calendar.
	if err := createAt(other.fs, calendar.RoundOf(start), 2); err != nil {
		t.Fatal(err)
	}
	other.run()
	t.Cleanup(other.shutdown)
	same, oneCalendar := 0, true
	for i, f := range smallCalendar(other, 12) {
		theirs, err := other.ledger.Signature(ctx, Position{Round: f.Round, Slot: f.Slot})
		if err != nil || f.Round != filed[i].Round {
			t.Fatalf("round %s: %v", f.Round, err)
		}
		if w.leafOf(f.Round) == other.leafOf(f.Round) {
			same++
		} else {
			oneCalendar = false
		}
		if _, err = w.ledger.Extend(ctx, theirs, 0); errors.Is(err, ErrForeign) == oneCalendar {
			t.Errorf("round %s, one calendar %t: %v", f.Round, oneCalendar, err)
		}
	}
	if same < 2 || oneCalendar {
		t.Errorf("%d rounds have the same root", same)
	}

	first, closed, _ := w.ledger.Extent()
	leaf := digest(1).Imprint()
	for _, round := range []calendar.Second{5, first - 1, closed + 1, closed + 1000} {
		var links calendar.Chain
		for range bits.OnesCount64(uint64(round)) { // the newest leaf has a link for each perfect tree before it
			links = append(links, calendar.Link{Sibling: digest(2)})
		}
		s, err := ksi.Build(ksi.Parts{Round: round, Leaf: leaf, Chains: []merkle.Chain{{{Left: true, Sibling: leaf}}},
			CalendarTime: round, Calendar: links})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.ledger.Extend(ctx, s.Append(nil), 0); !errors.Is(err, ErrForeign) {
			t.Errorf("second %s: %v", round, err)
		}
	}
	if _, err := w.ledger.Extend(ctx, []byte("no signature"), 0); !errors.Is(err, ErrInvalid) {
		t.Errorf("no signature: %v", err)
	}
}

func (w *world) leafOf(round calendar.Second) merkle.Digest {
	w.t.Helper()
	var leaf [1]merkle.Digest
	if err := w.store.ReadCalendarLeaves(leaf[:], round); err != nil {
		w.t.Fatal(err)
	}
	return leaf[0]
}

// Every bit of a signature counts: with one turned it is refused, or still proves the same under the publication.
func TestExtendMangled(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	f := w.file(request("canton", LaneMain, leaves(0, 3)))[0]
	w.file(request("ministry", LaneMain, leaves(3, 1)))
	w.pass(2)
	publication := w.publish(0, "Gazette")
	for _, sign := range []func() ([]byte, error){
		func() ([]byte, error) { return w.ledger.Signature(ctx, Position{Round: f.Round, Index: 1}) },
		func() ([]byte, error) {
			return w.ledger.PublishedSignature(ctx, Position{Round: f.Round, Index: 1}, 0)
		},
	} {
		data, err := sign()
		if err != nil {
			t.Fatal(err)
		}
		refused, foreign := 0, 0
		for bit := range len(data) * 8 {
			bad := bytes.Clone(data)
			bad[bit/8] ^= 1 << (bit % 8)
			extended, err := w.ledger.Extend(ctx, bad, 0)
			switch {
			case errors.Is(err, ErrForeign):
				foreign++
			case errors.Is(err, ErrInvalid):
				refused++
			case err != nil:
				t.Fatalf("bit %d: %v", bit, err)
			default:
				if err := verifyPublished(extended, digest(1).Imprint(), f.Round, &publication); err != nil {
					t.Fatalf("bit %d: extended, but %v", bit, err)
				}
			}
		}
		t.Logf("%d bits: %d invalid, %d foreign", len(data)*8, refused, foreign)
	}
}

// A past that is not ours is refused even with our round root: here the last sibling in the past is another.
func TestExtendOtherPast(t *testing.T) {
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, 1)))[0]
	w.pass(2)
	w.publish(0)
	v, err := w.ledger.view(f.Round)
	if err != nil {
		t.Fatal(err)
	}
	chain := slices.Clone(v.calendar)
	for _, forged := range []bool{false, true} {
		if forged {
			chain[len(chain)-1].Sibling = digest(1)
		}
		w.ledger.caches = newCaches(DefaultCacheBytes)
		signature, err := w.ledger.sign(Position{Round: f.Round}, heap{}, trunkName{round: f.Round}, func(*view) (*ending, error) {
			return &ending{time: f.Round, chain: chain}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.ledger.Extend(context.Background(), signature, 0); errors.Is(err, ErrForeign) != forged {
			t.Errorf("forged %t: %v", forged, err)
		}
	}
}

// A damaged calendar is found before a proof of it leaves.
func TestExtendDamaged(t *testing.T) {
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, 1)))[0]
	w.pass(2)
	w.publish(0)
	key := storage.Key{Kind: storage.KindHead, Round: f.Round}
	value, closer, err := w.store.DB().Get(key.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(value)
	closer.Close()
	plain, err := w.ledger.Signature(context.Background(), Position{Round: f.Round})
	if err != nil {
		t.Fatal(err)
	}
	bad[1] ^= 1 // of the root
	if err := w.store.DB().Set(key.Append(nil), bad, nil); err != nil {
		t.Fatal(err)
	}
	w.ledger.caches = newCaches(DefaultCacheBytes)
	if _, err := w.ledger.PublishedSignature(context.Background(), Position{Round: f.Round}, 0); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("made: %v", err)
	}
	if _, err := w.ledger.Extend(context.Background(), plain, 0); err == nil {
		t.Error("extended over a damaged calendar")
	}
}

// Many file, publish and extend at once. No reference is recorded twice, and every proof verifies.
func TestConcurrentPublishing(t *testing.T) {
	w := newWorld(t)
	w.pass(1)
	var writers, readers sync.WaitGroup
	told := make(chan Filing, 1000)
	for i := range 4 {
		writers.Go(func() {
			for j := range 30 {
				f, err := w.ledger.Append(context.Background(), request("canton", LaneMain, leaves(i*1000+j, 1)))
				if err != nil {
					t.Error(err)
					return
				}
				told <- f[0]
			}
		})
	}
	for i := range 3 {
		writers.Go(func() {
			for j := range 20 {
				p, err := w.ledger.Publish(context.Background(), 0, []string{fmt.Sprint("Gazette ", i, " ", j)})
				if err != nil || len(p.References) == 0 {
					t.Errorf("published %+v: %v", p, err)
				}
			}
		})
	}
	extended := make([]int, 2)
	for i := range extended {
		readers.Go(func() {
			for f := range told {
				switch err := extendFiled(w, f); {
				case err == nil:
					extended[i]++
				case !errors.Is(err, ErrNoPublication):
					t.Error(err)
				}
			}
		})
	}
	go func() { writers.Wait(); close(told) }()
	finished := make(chan struct{})
	go func() { readers.Wait(); close(finished) }()
	for running := true; running; {
		select {
		case <-finished:
			running = false
		default:
			w.clock.Move(20*time.Millisecond, 0)
		}
	}
	t.Logf("%d extended", extended)
	seen := make(map[string]bool)
	for _, p := range w.ledger.Publications() {
		for _, r := range p.References {
			if seen[r] {
				t.Errorf("%q is recorded twice", r)
			}
			seen[r] = true
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d references are recorded, want 60", len(seen))
	}
	w.mustPass()
}

// extendFiled gets the signature of a leaf and extends it to the nearest publication.
func extendFiled(w *world, f Filing) error {
	im, _, err := w.store.Leaf(f.Round, f.Slot, f.First)
	if err != nil {
		return err
	}
	plain, err := w.ledger.Signature(context.Background(), Position{Round: f.Round, Slot: f.Slot, Index: f.First})
	if err != nil {
		return err
	}
	extended, err := w.ledger.Extend(context.Background(), plain, 0)
	if err != nil {
		return err
	}
	s, err := ksi.Parse(extended)
	if err != nil {
		return err
	}
	end, _ := s.PublicationRecord()
	p, ok := findPublication(w.ledger.Publications(), end.Time)
	if !ok {
		return fmt.Errorf("extended to %s, which is not published", end.Time)
	}
	p.References = end.References // there may be more since then
	return verifyPublished(extended, im, f.Round, &p)
}
