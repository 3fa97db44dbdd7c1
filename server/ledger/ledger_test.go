package ledger

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

var testKey = sync.OnceValues(func() (*rsa.PrivateKey, ksi.Certificate) { return ksitest.NewKey(2048, "test", start, start) })

// start is when the ledgers of the tests begin, in the middle of a second.
var start = time.Date(2026, 11, 22, 1, 15, 29, 500e6, time.UTC)

// A world is a ledger on a file system in memory, run with a clock that the test moves.
type world struct {
	before func(*Ledger) // called before it runs; may be nil
	t      *testing.T
	fs     vfs.FS
	clock  *ledgertest.Clock
	store  *storage.Store
	ledger *Ledger
	stop   context.CancelFunc
	done   chan error
}

// newWorld makes a ledger with the agencies canton and ministry, second by second from start.
func newWorld(t *testing.T) *world { return newWorldOn(t, vfs.NewMem()) }

// newWorldOn makes it on a file system.
func newWorldOn(t *testing.T, fs vfs.FS) *world {
	w := &world{t: t, fs: fs, clock: ledgertest.NewClock(start)}
	if err := create(w.fs); err != nil {
		t.Fatal(err)
	}
	w.run()
	t.Cleanup(func() {
		if w.ledger != nil {
			w.shutdown()
		}
	})
	return w
}

// create makes the store of a new ledger.
func create(fs vfs.FS) error { return createAt(fs, calendar.RoundOf(start), 1) }

// createAt makes the store of a ledger that begins at a second; blinding tells it from others.
func createAt(fs vfs.FS, first calendar.Second, blinding byte) error {
	_, cert := testKey()
	genesis := storage.Genesis{Server: "test", First: first, BlindingKey: [32]byte{blinding}}
	store, err := storage.Create("store", genesis, storage.Options{FS: fs, TableLeaves: 20})
	if err != nil {
		return err
	}
	err = store.Propose(
		storage.CreateRole{Role: storage.Role{Name: "canton"}},
		storage.CreateSlot{Slot: storage.Slot{ID: 0, Agency: "canton", Lane: LaneMain, Created: genesis.First}},
		storage.CreateRole{Role: storage.Role{Name: "ministry"}},
		storage.CreateSlot{Slot: storage.Slot{ID: 1, Agency: "ministry", Lane: LaneMain, Created: genesis.First}},
		storage.AddCertificate{Certificate: storage.Certificate{ID: cert.ID, DER: cert.X509.Raw}},
	)
	return errors.Join(err, store.Close())
}

// openLedger opens the ledger that fs holds.
func openLedger(fs vfs.FS, clock Clock) (*Ledger, *storage.Store, error) {
	return openWith(fs, clock, func(*Config) {})
}

// openWith opens the ledger with a changed configuration.
func openWith(fs vfs.FS, clock Clock, change func(*Config)) (*Ledger, *storage.Store, error) {
	o := storage.Options{FS: fs, TableLeaves: 20}
	if fs == vfs.Default { // what is measured
		o.TableLeaves = 0
	}
	store, err := storage.Open("store", o)
	if err != nil {
		return nil, nil, err
	}
	x, err := index.Open(store.DB(), index.Options{FS: store.FS(), Dir: "index"})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	key, cert := testKey()
	c := Config{
		Store: store, Index: x, Key: key, Certificate: cert, Clock: clock, MaxClockJump: 10 * time.Second,
		MonthlyPublications: true, DiskReserve: 1 << 20, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	change(&c)
	l, err := Open(c)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	if fs != vfs.Default {
		l.manyLeaves = 256
	}
	return l, store, nil
}

// run opens the ledger and runs it.
func (w *world) run() {
	w.t.Helper()
	var err error
	if w.ledger, w.store, err = openLedger(w.fs, w.clock); err != nil {
		w.t.Fatal(err)
	}
	if w.before != nil {
		w.before(w.ledger)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.done = stop, make(chan error, 2)
	go func() { w.done <- w.ledger.Run(ctx) }()
	go func() { w.done <- w.ledger.RunIndex(ctx) }()
}

// shutdown stops the ledger, letting time pass as it needs, and closes the store.
func (w *world) shutdown() {
	w.t.Helper()
	w.stop()
	for range 2 {
		for waiting := true; waiting; {
			select {
			case err := <-w.done:
				if err != nil {
					w.t.Error(err)
				}
				waiting = false
			default:
				w.clock.Move(100*time.Millisecond, 0)
			}
		}
	}
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
	w.ledger = nil
}

// pass lets n seconds pass, one after the other, and waits until each is closed.
func (w *world) pass(n int) {
	w.t.Helper()
	for range n {
		_, _, open := w.ledger.Extent()
		w.clock.Move(max(open.Time().Sub(w.clock.Wall()), 0), 0)
		if err := w.ledger.waitClosed(context.Background(), open); err != nil {
			w.t.Fatal(err)
		}
		w.clock.Move(500*time.Millisecond, 0)
	}
}

func digest(i int) merkle.Digest {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

// leaves returns n leaves, the digests i, i+1, ….
func leaves(i, n int) (l merkle.Leaves) {
	for j := range n {
		l.Append(digest(i + j).Imprint())
	}
	return l
}

func request(agency, lane string, l merkle.Leaves) *Request {
	return &Request{Agency: agency, Parts: []Part{{Lane: lane, Leaves: l}}}
}

func (w *world) file(r *Request) []Filing {
	w.t.Helper()
	filings, err := w.ledger.Append(context.Background(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return filings
}

// mustProve demands a proof of the leaf that verifies with the calendar key.
func (w *world) mustProve(p Position, im merkle.Imprint) {
	w.t.Helper()
	if err := prove(w.ledger, p, im); err != nil {
		w.t.Error(err)
	}
}

func prove(l *Ledger, p Position, im merkle.Imprint) error {
	data, err := l.Signature(context.Background(), p)
	if err != nil {
		return fmt.Errorf("%v: %w", p, err)
	}
	s, err := ksi.Parse(data)
	if err != nil {
		return fmt.Errorf("%v: %w", p, err)
	}
	_, cert := testKey()
	r := ksi.Verify(context.Background(), s, ksi.Options{Policy: ksi.KeyBased, Document: &im, Certificates: []ksi.Certificate{cert}})
	if r.Verdict != ksi.OK || s.Time() != p.Round {
		return fmt.Errorf("%v: time %s: %s", p, s.Time(), r)
	}
	return nil
}

func TestFileAndProve(t *testing.T) {
	w := newWorld(t)
	first := w.file(request("canton", LaneMain, leaves(0, 3)))
	second := w.file(request("ministry", LaneMain, leaves(100, 1)))
	third := w.file(request("canton", LaneMain, leaves(3, 300)))
	round := calendar.RoundOf(start)
	want := []Filing{
		{Round: round, Slot: 0, First: 0, Count: 3, At: start},
		{Round: round, Slot: 1, First: 0, Count: 1, At: start},
		{Round: round, Slot: 0, First: 3, Count: 300, At: start},
	}
	for i, got := range [][]Filing{first, second, third} {
		if len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want[i]) {
			t.Errorf("filing %d is %v, want %v", i, got, want[i])
		}
	}
	w.pass(1)
	for i := range 303 {
		w.mustProve(Position{Round: round, Slot: 0, Index: uint64(i)}, digest(i).Imprint())
	}
	w.mustProve(Position{Round: round, Slot: 1, Index: 0}, digest(100).Imprint())
	if _, err := w.ledger.Signature(context.Background(), Position{Round: round, Slot: 1, Index: 1}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a leaf that is not there: %v", err)
	}
}

// A reader of an open round gets its proof when the round closes.
func TestSignatureWaits(t *testing.T) {
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(7, 1)))[0]
	got := make(chan error, 1)
	go func() { got <- prove(w.ledger, Position{Round: f.Round, Slot: f.Slot}, digest(7).Imprint()) }()
	select {
	case err := <-got:
		t.Fatalf("answered before the round closed: %v", err)
	default:
	}
	w.pass(1)
	if err := <-got; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f = w.file(request("canton", LaneMain, leaves(8, 1)))[0]
	if _, err := w.ledger.Signature(ctx, Position{Round: f.Round, Slot: f.Slot}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %v", err)
	}
}

// The round of second T takes what is accepted in (T-1, T].
func TestRoundOfFiling(t *testing.T) {
	w := newWorld(t)
	for i, d := range []time.Duration{0, 499 * time.Millisecond, time.Millisecond, time.Nanosecond, 700 * time.Millisecond, 3 * time.Second, 0} {
		w.clock.Move(d, 0)
		now := w.clock.Wall()
		f := w.file(request("canton", LaneMain, leaves(i, 1)))[0]
		if f.Round.Time().Before(now) || f.Round.Time().Sub(now) > time.Second {
			t.Errorf("filed at %s in round %s", now, f.Round)
		}
	}
}

// A lane comes into being with its first filing, which waits for the next round.
func TestNewLane(t *testing.T) {
	w := newWorld(t)
	got := make(chan []Filing, 1)
	go func() { got <- w.file(request("canton", LaneKSI, leaves(1, 2))) }()
	for len(w.ledger.Slots()) < 3 {
		w.file(request("ministry", LaneMain, leaves(2, 1)))
	}
	w.pass(1)
	f := (<-got)[0]
	if f.Round != calendar.RoundOf(start)+1 || f.Slot != 2 {
		t.Errorf("filed in round %s, slot %d", f.Round, f.Slot)
	}
	w.pass(1)
	for i := range 2 {
		w.mustProve(Position{Round: f.Round, Slot: f.Slot, Index: uint64(i)}, digest(1+i).Imprint())
	}
	if s := w.ledger.Slots()[2]; s.Agency != "canton" || s.Lane != LaneKSI || s.Base != bundle.KSIBase {
		t.Errorf("slot %+v", s)
	}
	if _, err := w.ledger.Append(context.Background(), request("canton", "nolane", leaves(1, 1))); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown lane: %v", err)
	}
	if _, err := w.ledger.Append(context.Background(), request("nobody", LaneMain, leaves(1, 1))); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown agency: %v", err)
	}
}

func TestCreateRole(t *testing.T) {
	w := newWorld(t)
	r := storage.Role{Name: "police"}
	if err := w.ledger.CreateRole(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if err := w.ledger.CreateRole(context.Background(), r); !errors.Is(err, ErrExists) {
		t.Errorf("again: %v", err)
	}
	w.pass(1)
	f := w.file(request("police", LaneMain, leaves(1, 1)))[0]
	w.pass(1)
	w.mustProve(Position{Round: f.Round, Slot: f.Slot}, digest(1).Imprint())
}

// A part marked New leaves out what its agency has filed, wherever that is found: in the index, in recent, in the
// same request.
func TestOnlyNew(t *testing.T) {
	w := newWorld(t)
	w.file(request("canton", LaneMain, leaves(0, 5)))
	w.pass(1)
	w.file(request("canton", LaneMain, leaves(5, 5)))
	list := leaves(3, 9) // 3 … 11, of which 10 and 11 are new
	list.Append(digest(11).Imprint())
	list.Append(digest(12).Imprint())
	f, err := w.ledger.Append(context.Background(), &Request{Agency: "canton", Parts: []Part{{Lane: LaneMain, Leaves: list, New: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(f[0].Filed) != "[7 8 10]" || f[0].Count != 3 || f[0].First != 5 {
		t.Errorf("filing %+v", f[0])
	}
	f, err = w.ledger.Append(context.Background(), &Request{Agency: "ministry", Parts: []Part{{Lane: LaneMain, Leaves: leaves(0, 5), New: true}}})
	if err != nil || f[0].Count != 5 {
		t.Errorf("another agency: %+v, %v", f, err)
	}
	f, err = w.ledger.Append(context.Background(), &Request{Agency: "ministry", Parts: []Part{{Lane: LaneMain, Leaves: leaves(0, 5), New: true}}})
	if err != nil || f[0].Count != 0 || f[0].Filed == nil {
		t.Errorf("nothing new: %+v, %v", f, err)
	}
}

// Two at the same time: one files, the other finds it filed.
func TestOnlyNewRace(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	counts := make([]int, 8)
	for i := range counts {
		wg.Go(func() {
			for j := range 50 {
				f, err := w.ledger.Append(context.Background(), &Request{Agency: "canton", Parts: []Part{{Lane: LaneMain, Leaves: leaves(j, 3), New: true}}})
				if err != nil {
					t.Error(err)
					return
				}
				counts[i] += f[0].Count
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if sum != 52 {
		t.Errorf("filed %d leaves, want 52", sum)
	}
}
