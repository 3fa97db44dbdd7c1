package ledger

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// passTo lets idle time pass until a second is closed.
func (w *world) passTo(second calendar.Second) {
	w.t.Helper()
	for {
		_, closed, open := w.ledger.Extent()
		if closed >= second {
			return
		}
		w.clock.Move(min(second.Time().Sub(w.clock.Wall()), 5*time.Second), 0)
		if open <= second {
			if err := w.ledger.waitClosed(w.t.Context(), open); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// mustSeal demands a seal of a leaf that is valid by the options.
func (w *world) mustSeal(p Position, c *seal.Content, profile *seal.Profile, want seal.Profile, o seal.Options) {
	w.t.Helper()
	path, err := w.ledger.SealPath(w.t.Context(), p, profile)
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := seal.New(path, c)
	if err != nil {
		w.t.Fatal(err)
	}
	again, err := seal.Parse(s.Text())
	if err != nil {
		w.t.Fatal(err)
	}
	if r := seal.Verify(again, o); r.Verdict != seal.Valid || s.Profile != want || s.Round != p.Round || s.Agency != "canton" {
		w.t.Errorf("%v: %s seal is %s: %s %s", p, s.Profile, r.Verdict, r.Sentence, r.Missing)
	}
}

func TestSeal(t *testing.T) {
	w := newWorld(t)
	w.makeLanes()
	w.pass(1)
	contents := make([]seal.Content, 300)
	var filed merkle.Leaves
	for i := range contents {
		fields, err := seal.FieldsFromJSON([]byte(`{"name": "Marie Dupont"}`))
		if err != nil {
			t.Fatal(err)
		}
		contents[i] = seal.Content{Salt: [seal.SaltSize]byte{byte(i), byte(i >> 8)}, Fields: fields}
		leaf := contents[i].Leaf()
		filed.Append(leaf.Imprint())
	}
	first := w.file(request("canton", LaneSeal, filed))[0]
	w.file(request("ministry", LaneMain, leaves(5, 3)))
	wrong := w.file(request("canton", LaneMain, leaves(9, 1)))[0]
	w.pass(2)
	_, cert := testKey()
	byKey := seal.Options{Certificates: []ksi.Certificate{cert}}
	immediate, anchored := seal.Immediate, seal.Anchored
	place := func(i int) Position { return Position{Round: first.Round, Slot: first.Slot, Index: uint64(i)} }
	block := landmark.BlockOf(first.Round)
	if _, closed, _ := w.ledger.Extent(); closed >= landmark.Last(block) {
		t.Fatal("the block is closed already")
	}
	for _, i := range []int{0, 1, 255, 256, 299} {
		w.mustSeal(place(i), &contents[i], nil, seal.Immediate, byKey)
	}
	if _, err := w.ledger.LandmarksFile(first.Round); !errors.Is(err, ErrNotClosed) {
		t.Errorf("landmarks of an open block: %v", err)
	}
	if _, err := w.ledger.BlockDetail(block); !errors.Is(err, ErrNotClosed) {
		t.Errorf("detail of an open block: %v", err)
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.ledger.SealPath(short, place(0), &anchored); !errors.Is(err, context.Canceled) {
		t.Errorf("anchored before the block is closed: %v", err)
	}
	waiting := make(chan error)
	go func() {
		_, err := w.ledger.SealPath(t.Context(), place(7), &anchored)
		waiting <- err
	}()
	w.passTo(landmark.Last(block))
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	w.mustVerifyLandmarks(first.Round, cert, func(o seal.Options) {
		for _, i := range []int{0, 1, 255, 256, 299} {
			w.mustSeal(place(i), &contents[i], nil, seal.Anchored, o)
		}
		detail, err := w.ledger.BlockDetail(block)
		if err != nil {
			t.Fatal(err)
		}
		o.Details = []*landmark.Detail{detail}
		o.Certificates = nil // hashes alone
		w.mustSeal(place(3), &contents[3], &immediate, seal.Immediate, o)
	})
	if _, err := w.ledger.SealPath(t.Context(), Position{Round: wrong.Round, Slot: wrong.Slot}, nil); !errors.Is(err, ErrNoSeal) {
		t.Errorf("a leaf of another lane: %v", err)
	}
	if _, err := w.ledger.SealPath(t.Context(), place(300), nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a leaf that is not there: %v", err)
	}
}

// mustVerifyLandmarks checks the ledger's landmarks by its key, and by a publication, and calls use with each.
func (w *world) mustVerifyLandmarks(round calendar.Second, cert ksi.Certificate, use func(seal.Options)) {
	w.t.Helper()
	published, err := w.ledger.Publish(w.t.Context(), 0, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := w.ledger.LandmarksFile(0)
	if err != nil {
		w.t.Fatal(err)
	}
	f, err = landmark.Parse(f.Append(nil))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, o := range []landmark.Options{{Certificates: []ksi.Certificate{cert}}, {Publications: []ksi.Publication{ksiPublication(&published)}}} {
		set, err := f.Verify(o)
		if err != nil {
			w.t.Fatal(err)
		}
		if b := set.Basis(landmark.BlockOf(round)); b.Kind == landmark.Unvouched {
			w.t.Fatalf("%s: block of %s rests on nothing", f.Summary(), round)
		}
		use(seal.Options{Landmarks: set})
	}
	later, err := w.ledger.LandmarksFile(round)
	if err != nil {
		w.t.Fatal(err)
	}
	if first, _ := later.Blocks(); first != landmark.BlockOf(round) {
		w.t.Errorf("the file begins at block %d", first)
	}
}

// TestSealNeighbour sees to it that a neighbour of another algorithm, which no seal can hold, is refused with a reason.
func TestSealNeighbour(t *testing.T) {
	w := newWorld(t)
	w.makeLanes()
	w.pass(1)
	long, err := merkle.NewImprint(merkle.SHA512, bytes.Repeat([]byte{1}, 64))
	if err != nil {
		t.Fatal(err)
	}
	both := leaves(3, 1)
	both.Append(long)
	f := w.file(request("canton", LaneSeal, both))[0]
	w.pass(1)
	for i := range uint64(2) {
		if _, err := w.ledger.SealPath(t.Context(), Position{Round: f.Round, Slot: f.Slot, Index: i}, nil); !errors.Is(err, ErrNoSeal) {
			t.Errorf("leaf %d: %v", i, err)
		}
	}
}

// TestStatusLane sees to it that the list of a lane holds that lane alone, and that there is an empty one.
func TestStatusLane(t *testing.T) {
	w := newWorld(t)
	w.makeLanes()
	list := func() *seal.StatusList {
		e, err := w.ledger.ExportLane("canton", LaneStatus, 0, maxSecond, false)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var all []byte
		for {
			data, err := e.Next(context.Background())
			if err != nil {
				break
			}
			all = append(all, data...)
		}
		_, cert := testKey()
		l, err := seal.ReadStatusList(t.Context(), bytes.NewReader(all), ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{cert}})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	w.file(request("canton", LaneMain, leaves(1, 5)))
	w.pass(1)
	if l := list(); l.Newest != 0 || l.Agency != "canton" {
		t.Errorf("%+v", l)
	}
	if _, err := w.ledger.ExportLane("nobody", LaneStatus, 0, maxSecond, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("an agency that is not there: %v", err)
	}
	revoked := seal.StatusLeaf(digest(1), seal.StatusRevoked, nil)
	var leaf merkle.Leaves
	leaf.Append(revoked.Imprint())
	done := make(chan Filing)
	go func() { done <- w.file(request("canton", LaneStatus, leaf))[0] }()
	for f, waiting := (Filing{}), true; waiting; {
		select {
		case f = <-done:
			waiting = false
			w.pass(1)
			l := list()
			if at, ok := l.Find(digest(1), seal.StatusRevoked, nil); !ok || at != f.Round || f.Count != 1 {
				t.Errorf("revoked at %s: %v, %+v", at, ok, f)
			}
			if l.Open != 0 || l.Newest != f.Round {
				t.Errorf("%+v", l)
			}
		default:
			w.pass(1)
		}
	}
}
