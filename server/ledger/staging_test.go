package ledger

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// stagedWorld returns a ledger that stages groups of 200 leaves and more, with one leaf in its open round, whose second it returns.
func stagedWorld(t *testing.T) (w *world, open calendar.Second) { return stagedWorldOn(newWorld(t)) }

func stagedWorldOn(w *world) (_ *world, open calendar.Second) {
	w.shutdown()
	w.before = func(l *Ledger) { l.stageLeaves, l.pace = 200, time.Second }
	w.run()
	w.pass(1)
	return w, w.file(request("canton", LaneMain, leaves(0, 1)))[0].Round
}

// An outcome is what Append returned.
type outcome struct {
	filings []Filing
	err     error
}

// stage files 300 leaves and returns when they are staged: some table is not in the database. Their outcome follows.
func (w *world) stage() <-chan outcome {
	w.t.Helper()
	done := make(chan outcome, 1)
	l := w.ledger
	go func() {
		filings, err := l.Append(context.Background(), request("canton", LaneMain, leaves(1000, 300)))
		done <- outcome{filings, err}
	}()
	for {
		names, err := w.fs.List("store")
		if err != nil {
			w.t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".leaves.sst") {
				return done
			}
		}
		runtime.Gosched()
	}
}

// mustBe wants the leaves of stage in a round, behind others, and a proof of some.
func (w *world) mustBe(o outcome, round calendar.Second, first uint64) {
	w.t.Helper()
	if o.err != nil || len(o.filings) != 1 {
		w.t.Fatalf("%v, %v", o.filings, o.err)
	}
	f := o.filings[0]
	if f.Round != round || f.First != first || f.Count != 300 || f.At.After(round.Time()) {
		w.t.Fatalf("%+v, want leaf %d of round %s", f, first, round)
	}
	w.pass(1)
	for _, i := range []int{0, 255, 299} {
		w.mustProve(Position{Round: round, Slot: f.Slot, Index: first + uint64(i)}, digest(1000+i).Imprint())
	}
}

// A group that would hold the round up is filed in the next one, while the round closes without it.
func TestStaged(t *testing.T) {
	w, open := stagedWorld(t)
	done := w.stage()
	w.clock.Move(open.Time().Sub(w.clock.Wall()), 0)
	o := <-done
	if at := o.filings[0].At; !at.After(open.Time()) {
		t.Errorf("accepted at %s, the round before ended at %s", at, open)
	}
	w.mustProve(Position{Round: open}, digest(0).Imprint())
	f := w.file(request("canton", LaneMain, leaves(1, 1)))[0]
	if f.Round != open+1 || f.First != 300 {
		t.Errorf("the next leaf is %d of %s", f.First, f.Round)
	}
	w.mustBe(o, open+1, 0)
	r, err := w.store.Round(open)
	if err != nil || r.Leaves() != 1 {
		t.Errorf("the round before has %d leaves, %v", r.Leaves(), err)
	}
}

// When the clock is stepped back there is time for the open round.
func TestStagedClockBack(t *testing.T) {
	w, open := stagedWorld(t)
	done := w.stage()
	w.clock.Move(0, -30*time.Second)
	w.clock.Move(time.Second, 0)
	w.mustBe(<-done, open, 1)
}

// When several seconds pass at once, the round that the group was for is closed as idle, and it is filed anew.
func TestStagedTooLate(t *testing.T) {
	w, open := stagedWorld(t)
	done := w.stage()
	w.clock.Move(4*time.Second, 0)
	_, _, next := w.ledger.Extent()
	for next <= open+1 {
		runtime.Gosched()
		_, _, next = w.ledger.Extent()
	}
	for o := (outcome{}); ; runtime.Gosched() { // it is staged again, for the round after next
		select {
		case o = <-done:
			w.mustBe(o, next+1, 0)
			return
		default:
			if now := w.clock.Wall(); now.Before(next.Time()) {
				w.clock.Move(next.Time().Sub(now), 0)
			}
		}
	}
}

// A clock that jumps ahead refuses what is staged: nothing of it is filed.
func TestStagedJump(t *testing.T) {
	w, open := stagedWorld(t)
	done := w.stage()
	w.clock.Move(0, 11*time.Second)
	w.clock.Move(time.Second, 0)
	if o := <-done; !errors.Is(o.err, ErrClockJump) {
		t.Fatalf("%v, %v", o.filings, o.err)
	}
	w.clock.Move(0, -12*time.Second)
	w.clock.Move(time.Second, 0)
	if err := w.ledger.waitClosed(context.Background(), open); err != nil {
		t.Fatal(err)
	}
	r, err := w.store.Round(open)
	if err != nil || r.Leaves() != 1 {
		t.Errorf("%d leaves, %v", r.Leaves(), err)
	}
}

// A stop files what is staged, as everything that it was asked to file before.
func TestStagedStop(t *testing.T) {
	w, open := stagedWorld(t)
	done := w.stage()
	w.shutdown()
	o := <-done
	w.before = nil
	w.run()
	if o.err != nil || o.filings[0].Round <= open {
		t.Fatalf("%v, %v", o.filings, o.err)
	}
	w.mustBe(o, o.filings[0].Round, 0) // time passes fast while it stops
}

// A crash forgets what is staged and was not acknowledged.
func TestStagedCrash(t *testing.T) {
	w, fs := newCrashableWorld(t)
	_, open := stagedWorldOn(w)
	w.stage()
	w = w.restart(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	w.pass(1)
	w.mustProve(Position{Round: open}, digest(0).Imprint())
	r, err := w.store.Round(open)
	if err != nil || r.Leaves() != 1 {
		t.Errorf("%d leaves, %v", r.Leaves(), err)
	}
}
