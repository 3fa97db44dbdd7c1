package ledger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// exported returns the bundle of an agency.
func (w *world) exported(agency string, from, to calendar.Second, published bool) []byte {
	w.t.Helper()
	e, err := w.ledger.Export(agency, from, to, published)
	if err != nil {
		w.t.Fatal(err)
	}
	defer e.Close()
	var all []byte
	for {
		data, err := e.Next(context.Background())
		if err == io.EOF {
			return all
		} else if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, data...)
	}
}

// makeLanes files one leaf each in the other lanes of canton, whose first filing waits for the next round.
func (w *world) makeLanes() {
	w.t.Helper()
	made := make(chan error)
	for _, lane := range []string{LaneSeal, LaneKSI} {
		go func() {
			_, err := w.ledger.Append(w.t.Context(), request("canton", lane, leaves(1, 1)))
			made <- err
		}()
		for waiting := true; waiting; {
			select {
			case err := <-made:
				if err != nil {
					w.t.Fatal(err)
				}
				waiting = false
			default:
				w.pass(1)
			}
		}
	}
}

// mustHoldAll demands that a bundle holds the closed leaves of an agency from a round on, with the very signatures that sign gives.
func (w *world) mustHoldAll(data []byte, agency string, from calendar.Second, sign func(Position) ([]byte, error)) (groups int) {
	w.t.Helper()
	r, err := bundle.NewReader(bytes.NewReader(data))
	if err != nil {
		w.t.Fatal(err)
	}
	held := make(map[Position]bool)
	for {
		g, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			w.t.Fatal(err)
		}
		groups++
		slot := slices.IndexFunc(w.ledger.Slots(), func(s storage.Slot) bool { return s.Agency == agency && s.Lane == g.Lane.Name })
		for i := range g.Len() {
			p := Position{Round: g.Round, Slot: uint32(slot), Index: i}
			held[p] = true
			if i > 3 && i%37 != 0 && i < g.Len()-2 {
				continue
			}
			got, err := g.Signature(i)
			if err != nil {
				w.t.Fatal(err)
			}
			if want, err := sign(p); err != nil || !bytes.Equal(got, want) {
				w.t.Fatalf("%v: the bundle gives another signature than the ledger: %v", p, err)
			}
		}
	}
	_, closed, _ := w.ledger.Extent()
	iter, err := w.ledger.Leaves(storage.LeafScan{From: from, To: closed})
	if err != nil {
		w.t.Fatal(err)
	}
	defer iter.Close()
	n := 0
	for iter.Next() {
		if run := iter.Run(); w.ledger.slot(run.Slot).Agency == agency {
			n += run.Leaves.Len()
		}
	}
	if n != len(held) {
		w.t.Errorf("the bundle holds %d leaves of %d", len(held), n)
	}
	return groups
}

func TestExport(t *testing.T) {
	w := newWorld(t)
	w.makeLanes()
	w.pass(1)
	for i, n := range []int{1, 255, 256, 257, 1000} {
		w.file(request("canton", LaneMain, leaves(10_000*i, n)))
		if i != 2 {
			w.file(request("canton", LaneSeal, leaves(5_000*i, n)))
		}
		w.file(request("canton", LaneKSI, leaves(7_000*i, n)))
		w.file(request("ministry", LaneMain, leaves(77*i, 7)))
		w.pass(2)
	}
	published, err := w.ledger.Publish(t.Context(), 0, []string{"Gazette"})
	if err != nil {
		t.Fatal(err)
	}
	w.file(request("canton", LaneMain, leaves(90_000, 20)))
	w.pass(2)
	w.file(request("canton", LaneMain, leaves(91_000, 20))) // open: not exported
	sign := func(p Position) ([]byte, error) { return w.ledger.Signature(t.Context(), p) }
	data := w.exported("canton", 0, maxSecond, false)
	if n := w.mustHoldAll(data, "canton", 0, sign); n != 17 {
		t.Errorf("%d groups", n)
	}
	_, cert := testKey()
	r, err := bundle.Verify(t.Context(), bytes.NewReader(data), ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{cert}}, nil)
	if err != nil || r.Verdict != ksi.OK || r.Lanes[0].FirstSequence != 1 || r.Lanes[0].LastSequence != 6 {
		t.Errorf("%+v: %v", r, err)
	}
	extended := w.exported("canton", 0, maxSecond, true)
	w.mustHoldAll(extended, "canton", 0, func(p Position) ([]byte, error) {
		if p.Round > published.Time {
			return sign(p)
		}
		return w.ledger.PublishedSignature(t.Context(), p, published.Time)
	})
	trusted := ksiPublication(&published)
	r, err = bundle.Verify(t.Context(), bytes.NewReader(w.exported("canton", 0, published.Time, true)),
		ksi.Options{Policy: ksi.UserPublication, Publication: &trusted}, nil)
	if err != nil || r.Verdict != ksi.OK || r.Leaves != 3*1769-256+2 {
		t.Errorf("under the publication alone: %+v: %v", r, err)
	}
	from := published.Time + 1
	w.mustHoldAll(w.exported("canton", from, maxSecond, false), "canton", from, sign)
	if n := w.mustHoldAll(w.exported("ministry", 0, maxSecond, false), "ministry", 0, sign); n != 5 {
		t.Errorf("%d groups of ministry", n)
	}
	for _, agency := range []string{"", "nobody"} {
		if _, err := w.ledger.Export(agency, 0, maxSecond, false); !errors.Is(err, ErrNotFound) {
			t.Errorf("export of %q: %v", agency, err)
		}
	}
	if _, err := w.ledger.Export("canton", maxSecond, maxSecond, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("export of the future: %v", err)
	}
}

// TestReadOnly opens a ledger for reading, as it was when its process died: it proves what is closed and does nothing else.
func TestReadOnly(t *testing.T) {
	w, fs := newCrashableWorld(t)
	w.file(request("canton", LaneMain, leaves(0, 300)))
	w.pass(1)
	open := w.file(request("canton", LaneMain, leaves(300, 2)))[0]
	closed := w.store.Closed()
	l, store, err := openWith(fs.CrashClone(vfs.CrashCloneCfg{}), w.clock, func(c *Config) { c.ReadOnly, c.Key, c.Certificate = true, nil, ksi.Certificate{} })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- l.Run(ctx) }()
	go func() { done <- l.RunIndex(ctx) }()
	w.clock.Move(5e9, 0)
	if x := l.Stats(); x.Idle != 0 || !x.CertificateEnds.IsZero() {
		t.Errorf("a ledger that has no writer: %+v", x)
	}
	found, err := l.Find(t.Context(), nil, "canton", leafDigest(299))
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v: %v", found, err)
	}
	if err := prove(l, found[0].Position, found[0].Imprint); err != nil {
		t.Error(err)
	}
	if _, err := l.Signature(t.Context(), Position{Round: open.Round, Slot: open.Slot}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("proof of the open round: %v", err)
	}
	if _, err := l.Append(t.Context(), request("canton", LaneMain, leaves(1, 1))); !errors.Is(err, ErrReadOnly) {
		t.Errorf("append: %v", err)
	}
	if _, err := l.Publish(t.Context(), 0, nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("publish: %v", err)
	}
	stop()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if _, now, _ := l.Extent(); now != closed {
		t.Errorf("closed through %s, was %s", now, closed)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func leafDigest(i int) []byte {
	d := digest(i)
	return d[:]
}
