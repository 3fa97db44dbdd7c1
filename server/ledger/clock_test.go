package ledger

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
	"github.com/jurat-ledger/jurat/storage"
)

// openStill opens a ledger that nobody runs: the test takes the steps.
func openStill(t *testing.T, c Clock) *Ledger {
	t.Helper()
	fs := vfs.NewMem()
	if err := create(fs); err != nil {
		t.Fatal(err)
	}
	l, store, err := openLedger(fs, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return l
}

func (l *Ledger) mustStep(t *testing.T, tickets ...*ticket) {
	t.Helper()
	for _, x := range tickets {
		if err := l.queue.put(context.Background(), x, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.step(); err != nil {
		t.Fatal(err)
	}
}

func filingTicket(lane string, i int) *ticket {
	t := newTicket()
	t.request = request("canton", lane, leaves(i, 1))
	return t
}

// A filing in one group with the confirmation of the clock goes into a round of the confirmed time.
func TestConfirmAndFileTogether(t *testing.T) {
	c := ledgertest.NewClock(start)
	l := openStill(t, c)
	l.mustStep(t)
	c.Move(0, time.Hour)
	confirm := newTicket()
	confirm.build = func() ([]storage.Entry, error) { l.watch.confirm(); return nil, nil }
	file := filingTicket(LaneMain, 1)
	l.mustStep(t, confirm, file)
	<-file.done
	if file.err != nil || file.filings[0].Round.Time().Before(c.Wall()) {
		t.Errorf("filed %v at %s: %v", file.filings, c.Wall(), file.err)
	}
}

// TestAheadAtStart starts with a clock that is ahead, by so much that it wants a confirmation or by less, and sets it right, before the
// first step or after it. What is filed and made then is of the true time.
func TestAheadAtStart(t *testing.T) {
	for _, ahead := range []time.Duration{time.Minute, 5 * 24 * time.Hour, 400 * 24 * time.Hour} {
		for _, steps := range []int{0, 1} {
			if steps > 0 && ahead <= maxOutage {
				continue // such a clock is believed
			}
			c := ledgertest.NewClock(start.Add(ahead))
			l := openStill(t, c)
			for range steps {
				refused := filingTicket(LaneMain, 1)
				l.mustStep(t, refused)
				if <-refused.done; !errors.Is(refused.err, ErrClockJump) {
					t.Errorf("%s ahead: %v", ahead, refused.err)
				}
				slot := newTicket()
				slot.build = func() ([]storage.Entry, error) { return []storage.Entry{l.newSlot("early", LaneMain)}, nil }
				l.mustStep(t, slot)
			}
			c.Move(time.Second, -ahead)
			file := filingTicket(LaneMain, 2)
			l.mustStep(t, file)
			if <-file.done; file.err != nil || file.filings[0].Round > calendar.RoundOf(c.Wall())+1 {
				t.Errorf("%s ahead, %d steps: filed %v at %s: %v", ahead, steps, file.filings, c.Wall(), file.err)
			}
			slot := newTicket()
			slot.build = func() ([]storage.Entry, error) { return []storage.Entry{l.newSlot("late", LaneMain)}, nil }
			c.Move(2*time.Second, 0)
			l.mustStep(t, slot)
			if _, closed, _ := l.Extent(); closed.Time().Before(c.Wall().Add(-2 * time.Second)) {
				t.Errorf("%s ahead, %d steps: closed through %s at %s", ahead, steps, closed, c.Wall())
			}
		}
	}
}

// A filing that waits for the next round is refused when the clock jumps, as others are.
func TestDeferredAtJump(t *testing.T) {
	c := ledgertest.NewClock(start)
	l := openStill(t, c)
	file := filingTicket(LaneKSI, 1)
	l.mustStep(t, file)
	c.Move(0, time.Hour)
	l.mustStep(t)
	<-file.done
	if !errors.Is(file.err, ErrClockJump) {
		t.Errorf("deferred filing: %v", file.err)
	}
}

// Many small steps are a jump.
func TestClockCreep(t *testing.T) {
	c := ledgertest.NewClock(start)
	l := openStill(t, c)
	for range 400 {
		c.Move(time.Second, 9*time.Second)
		l.mustStep(t)
	}
	if fast := l.closed.Time().Sub(start); fast > 30*time.Second || !l.watch.jumped {
		t.Errorf("the calendar moved %s in %s", fast, c.Elapsed())
	}
}

// A clock that is a little fast and stepped now and then is no jump.
func TestClockDrift(t *testing.T) {
	c := ledgertest.NewClock(start)
	l := openStill(t, c)
	for i := range 20_000 {
		step := 400 * time.Microsecond
		if i%10_000 == 5_000 {
			step = time.Second
		}
		c.Move(time.Second, step)
		if _, jumped := l.watch.look(start); jumped {
			t.Fatalf("a jump after %d s", i)
		}
	}
}

// After an outage of more than a month the clock wants a confirmation.
func TestClockAfterOutage(t *testing.T) {
	for outage, want := range map[time.Duration]bool{30 * 24 * time.Hour: false, 32 * 24 * time.Hour: true} {
		c := ledgertest.NewClock(start.Add(outage))
		l := openStill(t, c)
		file := filingTicket(LaneMain, 1)
		l.mustStep(t, file)
		<-file.done
		if errors.Is(file.err, ErrClockJump) != want {
			t.Errorf("after %s: %v", outage, file.err)
		}
	}
}

// Shortly before the calendar certificate ends nothing is filed any more.
func TestCertificateEnds(t *testing.T) {
	_, cert := testKey()
	c := ledgertest.NewClock(start)
	l := openStill(t, c)
	l.mustStep(t)
	c.Move(cert.X509.NotAfter.Sub(start)-certificateMargin-time.Minute, 0)
	early, late := filingTicket(LaneMain, 1), filingTicket(LaneMain, 2)
	l.mustStep(t, early)
	c.Move(2*time.Minute, 0)
	l.mustStep(t, late)
	if <-early.done; early.err != nil {
		t.Errorf("before the end: %v", early.err)
	}
	if <-late.done; !errors.Is(late.err, ErrCertificateEnds) {
		t.Errorf("at the end: %v", late.err)
	}
	im := digest(1).Imprint()
	f := early.filings[0]
	if err := prove(l, Position{Round: f.Round, Slot: f.Slot}, im); err != nil {
		t.Error(err)
	}
}

// While the clock is jumped the ledger naps; it does not spin.
func TestNoSpinAtJump(t *testing.T) {
	c := ledgertest.NewClock(start)
	l := openStill(t, c)
	c.Move(0, time.Hour)
	l.mustStep(t)
	if d := l.untilClose(); d != maxNap {
		t.Errorf("waits %s at a jump", d)
	}
}

// Leaves that move from recent to the index between the look-up and the commit are found all the same.
func TestNewWhileIndexMoves(t *testing.T) {
	c := ledgertest.NewClock(start)
	l := openStill(t, c)
	l.mustStep(t)
	r := request("canton", LaneMain, leaves(0, 3))
	r.Parts[0].New = true
	x := newTicket()
	x.request = r
	var err error
	if x.earlier, err = l.lookUpEarlier(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	other := newTicket()
	other.request = request("canton", LaneMain, leaves(1, minIndexed))
	l.mustStep(t, other)
	c.Move(time.Second, 0)
	l.mustStep(t)
	if err := l.indexNext(l.store.Closed()); err != nil {
		t.Fatal(err)
	}
	if n := l.recent.held(); n != 0 {
		t.Fatalf("%d leaves are held beside the index", n)
	}
	l.mustStep(t, x)
	if <-x.done; x.err != nil || len(x.filings[0].Filed) != 1 || x.filings[0].Filed[0] != 0 {
		t.Errorf("filed %+v: %v", x.filings, x.err)
	}
	r = request("canton", LaneMain, leaves(0, MaxNew+1))
	r.Parts[0].New = true
	if _, err := l.Append(context.Background(), r); !errors.Is(err, ErrTooMany) {
		t.Errorf("too many: %v", err)
	}
}

// TestClockSetRight sets the clock back behind what is closed, before the start or after it, and right again: that is no jump, but for what
// goes beyond.
func TestClockSetRight(t *testing.T) {
	for name, x := range map[string]struct {
		from, to time.Duration // of the clock at the start, and when it is set right, after an hour
		jumped   bool
	}{
		"while it runs":           {0, 0, false},
		"while it runs, then far": {0, time.Minute, true},
		"in 1970 at the start":    {-56 * 365 * 24 * time.Hour, 5 * 24 * time.Hour, false},
		"a second at the start":   {-time.Second, 0, false},
		"a second, then far":      {-time.Second, 5 * 24 * time.Hour, true},
		"long ago, then far":      {-56 * 365 * 24 * time.Hour, 40 * 24 * time.Hour, true},
	} {
		c := ledgertest.NewClock(start.Add(x.from))
		l := openStill(t, c)
		l.mustStep(t)
		if x.from == 0 {
			c.Move(0, -90*time.Minute)
		}
		c.Move(time.Hour, 0)
		l.mustStep(t)
		confirm := newTicket() // which is for nothing, as long as the clock has not jumped
		confirm.build = func() ([]storage.Entry, error) { l.confirmClock(); return nil, nil }
		l.mustStep(t, confirm)
		c.Move(0, start.Add(time.Hour+x.to).Sub(c.Wall()))
		file := filingTicket(LaneMain, 1)
		l.mustStep(t, file)
		<-file.done
		if errors.Is(file.err, ErrClockJump) != x.jumped {
			t.Errorf("%s: %v", name, file.err)
		}
	}
}
