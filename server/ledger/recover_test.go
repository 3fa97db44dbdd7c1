package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
	"github.com/jurat-ledger/jurat/storage"
)

// restart stops the ledger without a word, as kill -9 does, and recovers it from what is durable.
func (w *world) restart(t *testing.T, crash vfs.FS) *world {
	n := &world{t: t, fs: crash, clock: w.clock}
	n.run()
	t.Cleanup(func() {
		if n.ledger != nil {
			n.shutdown()
		}
	})
	return n
}

// newCrashableWorld is newWorld on a file system that can crash.
func newCrashableWorld(t *testing.T) (*world, *vfs.MemFS) {
	fs := vfs.NewCrashableMem()
	return newWorldOn(t, fs), fs
}

// The round that was open at a crash is the open round again, takes leaves and closes with its own second.
func TestRecoverOpenRound(t *testing.T) {
	w, fs := newCrashableWorld(t)
	w.file(request("canton", LaneMain, leaves(0, 2)))
	w.pass(1)
	f := w.file(request("canton", LaneMain, leaves(2, 2)))[0]

	n := w.restart(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	g := n.file(request("canton", LaneMain, leaves(4, 2)))[0]
	if g.Round != f.Round || g.First != 2 {
		t.Errorf("filed at %d of %s after a restart, want 2 of %s", g.First, g.Round, f.Round)
	}
	n.pass(1)
	for i := range 6 {
		p := Position{Round: f.Round - 1, Index: uint64(i)}
		if i >= 2 {
			p = Position{Round: f.Round, Index: uint64(i - 2)}
		}
		n.mustProve(p, digest(i).Imprint())
	}
}

// A long outage leaves idle seconds behind; the round that was open keeps its second.
func TestRecoverAfterOutage(t *testing.T) {
	w, fs := newCrashableWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, 2)))[0]
	crash := fs.CrashClone(vfs.CrashCloneCfg{})
	w.clock.Move(1000*time.Second, 0)
	n := w.restart(t, crash)
	g := n.file(request("canton", LaneMain, leaves(2, 1)))[0]
	if g.Round != f.Round+1000 {
		t.Errorf("filed in %s after an outage, want %s", g.Round, f.Round+1000)
	}
	n.pass(1)
	n.mustProve(Position{Round: f.Round, Index: 1}, digest(1).Imprint())
	n.mustProve(Position{Round: g.Round}, digest(2).Imprint())
}

// With a clock that went back over the restart, nothing is filed under a second that is closed.
func TestRecoverWithClockBack(t *testing.T) {
	w, fs := newCrashableWorld(t)
	w.file(request("canton", LaneMain, leaves(0, 1)))
	w.pass(5)
	_, closed, _ := w.ledger.Extent()
	crash := fs.CrashClone(vfs.CrashCloneCfg{})
	w.clock.Move(0, -time.Hour)
	n := w.restart(t, crash)
	f := n.file(request("canton", LaneMain, leaves(1, 1)))[0]
	if f.Round != closed+1 {
		t.Errorf("filed in %s, want %s", f.Round, closed+1)
	}
	n.clock.Move(time.Hour+time.Second, 0)
	if err := n.ledger.waitClosed(context.Background(), f.Round); err != nil {
		t.Fatal(err)
	}
	n.mustProve(Position{Round: f.Round}, digest(1).Imprint())
}

// A clock that is stepped back leaves the round open; filing goes on into it.
func TestClockBack(t *testing.T) {
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, 1)))[0]
	w.clock.Move(0, -30*time.Second)
	w.clock.Move(10*time.Second, 0)
	g := w.file(request("canton", LaneMain, leaves(1, 1)))[0]
	if g.Round != f.Round || g.First != 1 {
		t.Errorf("filed at %d of %s, want 1 of %s", g.First, g.Round, f.Round)
	}
	w.clock.Move(21*time.Second, 0)
	if err := w.ledger.waitClosed(context.Background(), f.Round); err != nil {
		t.Fatal(err)
	}
	w.mustProve(Position{Round: f.Round, Index: 1}, digest(1).Imprint())
}

// A clock that jumps ahead stops filing until it is confirmed, or comes back.
func TestClockJump(t *testing.T) {
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, 1)))[0]
	w.clock.Move(0, 11*time.Second)
	if _, err := w.ledger.Append(context.Background(), request("canton", LaneMain, leaves(1, 1))); !errors.Is(err, ErrClockJump) {
		t.Fatalf("after a jump: %v", err)
	}
	if _, closed, _ := w.ledger.Extent(); closed >= f.Round {
		t.Errorf("closed through %s after a jump", closed)
	}
	w.clock.Move(0, -11*time.Second)
	g := w.file(request("canton", LaneMain, leaves(1, 1)))[0]
	if g.Round != f.Round {
		t.Errorf("filed in %s after the clock came back, want %s", g.Round, f.Round)
	}
	w.clock.Move(0, time.Hour)
	if _, err := w.ledger.Append(context.Background(), request("canton", LaneMain, leaves(2, 1))); !errors.Is(err, ErrClockJump) {
		t.Fatalf("after another jump: %v", err)
	}
	now, err := w.ledger.ConfirmClock(context.Background())
	if err != nil || !now.Equal(w.clock.Wall()) {
		t.Fatalf("confirmed %s: %v", now, err)
	}
	h := w.file(request("canton", LaneMain, leaves(2, 1)))[0]
	if h.Round != f.Round+3600 {
		t.Errorf("filed in %s after confirmation, want %s", h.Round, f.Round+3600)
	}
	w.pass(1)
	w.mustProve(Position{Round: f.Round, Index: 1}, digest(1).Imprint())
	w.mustProve(Position{Round: h.Round}, digest(2).Imprint())
}

// A clean stop closes the open round.
func TestShutdownCloses(t *testing.T) {
	w := newWorld(t)
	f := w.file(request("canton", LaneMain, leaves(0, 1)))[0]
	old := w.ledger
	w.shutdown()
	if _, err := old.Append(context.Background(), request("canton", LaneMain, leaves(1, 1))); !errors.Is(err, ErrStopped) {
		t.Errorf("after the stop: %v", err)
	}
	store, err := storage.Open("store", storage.Options{FS: w.fs, TableLeaves: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if store.Closed() < f.Round {
		t.Errorf("closed through %s, want %s", store.Closed(), f.Round)
	}
}

// An acked leaf is what a client was told.
type acked struct {
	Position
	imprint merkle.Imprint
}

const (
	historyParts    = 8
	historyMidnight = 3 // the part of a history after which a day is over
	historyLarge    = 5 // the part with most leaves
)

// history files, lets seconds pass, records lines of the journal, publishes and waits until it is through or a write fails;
// midway a day is over, and the journal's hash is filed. It returns what was acknowledged.
func history(fs vfs.FS, seed uint64) (told []acked, published []storage.Publication, err error) {
	clock := ledgertest.NewClock(start)
	l, store, err := openLedger(fs, clock)
	if err != nil {
		return nil, nil, err
	}
	l.stageLeaves, l.pace = 200, time.Second
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	r := rand.New(rand.NewPCG(seed, 1))
	for i := 0; i < historyParts && err == nil; i++ {
		var filings []Filing
		n := 1 + r.IntN(20)
		if i == historyLarge {
			n = 300 // they are staged, and their kept nodes stored ahead
		}
		list := leaves(i*1000, n)
		agency := []string{"canton", "ministry"}[r.IntN(2)]
		filings, err = appendMoving(l, clock, request(agency, LaneMain, list))
		for _, f := range filings {
			for j := range f.Count {
				told = append(told, acked{Position{Round: f.Round, Slot: f.Slot, Index: f.First + uint64(j)}, list.At(j)})
			}
		}
		l.Record(event("history", fmt.Sprint(i)))
		if err == nil && (r.IntN(2) == 0 || i == historyMidnight) {
			_, _, open := l.Extent()
			step := time.Second
			if i == historyMidnight {
				step = 24 * time.Hour
			}
			clock.Move(step, 0)
			err = l.waitClosed(ctx, open)
		}
		if _, closed, _ := l.Extent(); err == nil && closed >= l.genesis.First && i%2 == 1 {
			var p storage.Publication
			if p, err = l.Publish(ctx, 0, []string{fmt.Sprint("Gazette ", i)}); err == nil {
				published = append(published, p)
			}
		}
	}
	stop()
	for running := true; running; {
		select {
		case stopped := <-done:
			err = errors.Join(err, stopped)
			running = false
		default:
			clock.Move(100*time.Millisecond, 0)
		}
	}
	return told, published, errors.Join(err, store.Close())
}

// appendMoving files while time passes slowly.
func appendMoving(l *Ledger, clock *ledgertest.Clock, r *Request) (filings []Filing, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		filings, err = l.Append(context.Background(), r)
	}()
	for n := 1; ; n++ {
		select {
		case <-done:
			return filings, err
		default:
			if runtime.Gosched(); n%1000 == 0 {
				clock.Move(50*time.Millisecond, 0)
			}
		}
	}
}

// Every file operation fails once; what was acknowledged before is there after a crash, with a proof, and what was
// published leads to its publication.
func TestFaultSweep(t *testing.T) {
	seed := uint64(1)
	if os.Getenv("JURAT_SOAK") != "" {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	for i := int32(0); ; i++ {
		mem := vfs.NewCrashableMem()
		if err := create(mem); err != nil {
			t.Fatal(err)
		}
		told, published, err := history(errorfs.Wrap(mem, errorfs.ErrInjected.If(errorfs.OnIndex(i))), seed)
		for _, unsynced := range []int{0, 50} {
			crash := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rand.New(rand.NewPCG(seed, uint64(i)))})
			if err := mustHold(crash, told, published); err != nil {
				t.Fatalf("operation %d failed, %d %% of unsynced data kept: %v", i, unsynced, err)
			}
		}
		if err == nil {
			t.Logf("%d injection points", i)
			if i < 10 {
				t.Errorf("the history survived after %d injection points", i)
			}
			mustFileDay(t, mem)
			return
		}
	}
}

// mustHold recovers a ledger, closes its open round and proves every acknowledged leaf, by every acknowledged publication
// that is not before.
func mustHold(fs vfs.FS, told []acked, published []storage.Publication) error {
	clock := ledgertest.NewClock(start.Add(25 * time.Hour))
	l, store, err := openLedger(fs, clock)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := proveJournal(l); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var stopped error
	wg.Go(func() { stopped = l.Run(ctx) })
	for _, a := range told {
		if e := prove(l, a.Position, a.imprint); e != nil {
			err = errors.Join(err, e)
			break
		}
	}
	err = errors.Join(err, provePublished(l, told, published))
	stop()
	clock.Move(time.Second, 0)
	wg.Wait()
	return errors.Join(err, stopped)
}

// proveJournal wants the first lines of a history, in order, unchanged.
func proveJournal(l *Ledger) error {
	want := 0
	var bad error
	err := l.ReadJournal(1, math.MaxInt64, false, func(line storage.JournalLine, lineErr error) bool {
		if bad = lineErr; bad == nil && line.Detail != fmt.Sprint(want) {
			bad = fmt.Errorf("journal: line %d is %q, want %d", line.Seq, line.Detail, want)
		}
		want++
		return bad == nil
	})
	return errors.Join(err, bad, l.VerifyJournal(context.Background(), 1, math.MaxInt64, func(f JournalFault) error {
		return fmt.Errorf("journal: line %d: %s", f.Seq, f.Text)
	}))
}

// mustFileDay wants all lines of a history, and its day filed.
func mustFileDay(t *testing.T, fs vfs.FS) {
	t.Helper()
	l, store, err := openLedger(fs, ledgertest.NewClock(start.Add(25*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	days := l.JournalDays()
	if l.JournalHead().Lines != historyParts || len(days) != 1 || days[0].Last != historyMidnight+1 {
		t.Errorf("%d lines of the journal, filed days %+v", l.JournalHead().Lines, days)
	}
}

func provePublished(l *Ledger, told []acked, published []storage.Publication) error {
	for i := range published {
		was := &published[i]
		p, ok := findPublication(l.Publications(), was.Time)
		if !ok || p.Root != was.Root || !p.Published.Equal(was.Published) || len(p.References) < len(was.References) {
			return fmt.Errorf("published %+v, recovered %+v", was, p)
		}
		for _, a := range told {
			if a.Round > p.Time {
				continue
			}
			data, err := l.PublishedSignature(context.Background(), a.Position, p.Time)
			if err == nil {
				err = verifyPublished(data, a.imprint, a.Round, &p)
			}
			if err != nil {
				return fmt.Errorf("%v to %s: %w", a.Position, p.Time, err)
			}
		}
	}
	return nil
}

// Many agencies file at the same time while seconds pass; every leaf stands where its receipt says.
func TestConcurrentFiling(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var told []acked
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 2))
			for j := range 40 {
				list := leaves(i*100000+j*100, 1+r.IntN(50))
				f, err := w.ledger.Append(context.Background(), request([]string{"canton", "ministry"}[i%2], LaneMain, list))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for k := range f[0].Count {
					told = append(told, acked{Position{Round: f[0].Round, Slot: f[0].Slot, Index: f[0].First + uint64(k)}, list.At(k)})
				}
				mu.Unlock()
			}
		})
	}
	filed := make(chan struct{})
	go func() { wg.Wait(); close(filed) }()
	for running := true; running; {
		select {
		case <-filed:
			running = false
		default:
			w.clock.Move(50*time.Millisecond, 0)
		}
	}
	w.pass(1)
	seen := make(map[Position]bool)
	for i, a := range told {
		if seen[a.Position] {
			t.Fatalf("two leaves at %v", a.Position)
		}
		seen[a.Position] = true
		if i%7 == 0 {
			w.mustProve(a.Position, a.imprint)
		}
		im := a.imprint
		found, err := w.ledger.Find(context.Background(), nil, "", im.Digest())
		if err != nil || len(found) != 1 || found[0].Position != a.Position {
			t.Fatalf("%v found as %v: %v", a.Position, found, err)
		}
	}
	checkOrder(t, w, len(told))
}

// checkOrder reads all leaves and demands that they stand in order without gaps.
func checkOrder(t *testing.T, w *world, want int) {
	t.Helper()
	c, err := w.ledger.Leaves(storage.LeafScan{To: maxSecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	next := make(map[string]uint64)
	n := 0
	for c.Next() {
		run := c.Run()
		key := fmt.Sprint(run.Round, run.Slot)
		if run.First != next[key] {
			t.Errorf("round %s: slot %d: run at %d after %d leaves", run.Round, run.Slot, run.First, next[key])
		}
		next[key] += uint64(run.Leaves.Len())
		n += run.Leaves.Len()
	}
	if n != want {
		t.Errorf("%d leaves stored, %d acknowledged", n, want)
	}
}
