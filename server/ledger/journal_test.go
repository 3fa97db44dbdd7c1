package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// lines returns the journal as "seq event detail".
func (w *world) lines() (lines []string) {
	w.t.Helper()
	if err := w.ledger.ReadJournal(1, 1<<40, false, func(l storage.JournalLine, err error) bool {
		if err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%d %s %s", l.Seq, l.Event, l.Detail))
		return true
	}); err != nil {
		w.t.Fatal(err)
	}
	return lines
}

// waitLines waits until the journal has n lines. The clock moves meanwhile.
func (w *world) waitLines(n uint64) {
	w.t.Helper()
	for i := 0; w.ledger.JournalHead().Lines < n; i++ {
		if i > 100 {
			w.t.Fatalf("%d lines, want %d", w.ledger.JournalHead().Lines, n)
		}
		closed := w.store.Closed()
		w.clock.Move(time.Second, 0)
		for w.store.Closed() == closed && w.ledger.JournalHead().Lines < n {
			w.settle()
		}
	}
}

// settle lets the ledger's goroutine take a turn.
func (w *world) settle() {
	w.t.Helper()
	if err := w.ledger.administerWith(context.Background(), func() ([]storage.Entry, error) { return nil, nil }); err != nil {
		w.t.Fatal(err)
	}
}

func event(kind, detail string) storage.JournalEvent {
	return storage.JournalEvent{Times: 1, Event: kind, Detail: detail}
}

// TestJournalDays records lines over three days: each day's hash is filed on the next day, and a proof of it verifies. A restart
// goes on with the chain, and what is on disk verifies.
func TestJournalDays(t *testing.T) {
	w := newWorld(t)
	for day := range 3 {
		w.ledger.Record(event("x", fmt.Sprint("day ", day)))
		w.waitLines(uint64(day + 1))
		w.clock.Move(24*time.Hour, 0)
		w.settle()
	}
	w.ledger.Record(event("x", "day 3"))
	w.waitLines(4)
	for i := 0; len(w.ledger.JournalDays()) < 3; i++ {
		if i > 100 {
			t.Fatal("days are not filed")
		}
		w.clock.Move(time.Second, 0)
		w.settle()
	}
	w.clock.Move(2*time.Second, 0)
	for i, d := range w.ledger.JournalDays() {
		if d.Last != uint64(i+1) {
			t.Fatalf("day %d ends with line %d", i, d.Last)
		}
		raw, err := w.ledger.Signature(context.Background(), d.Leaf)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := ksi.Parse(raw)
		if err != nil || sig.InputImprint() != d.Hash.Imprint() {
			t.Fatalf("day %d: %v", i, err)
		}
	}
	w.verifyJournal(0)
	w.shutdown()
	w.run()
	w.ledger.Record(event("x", "after"))
	w.waitLines(5)
	w.verifyJournal(0)
	if got := strings.Join(w.lines(), "; "); got != "1 x day 0; 2 x day 1; 3 x day 2; 4 x day 3; 5 x after" {
		t.Fatal(got)
	}
}

// verifyJournal wants n faults, and returns what the last one says.
func (w *world) verifyJournal(n int) (last JournalFault) {
	w.t.Helper()
	found := 0
	if err := w.ledger.VerifyJournal(context.Background(), 1, 1<<40, func(f JournalFault) error {
		found++
		last = f
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	if found != n {
		w.t.Fatalf("%d faults, want %d; the last is %v", found, n, last)
	}
	return last
}

// TestJournalVerify changes and deletes each of three lines: each is found, with its number.
func TestJournalVerify(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.ledger.Record(event("x", fmt.Sprint(i)))
	}
	w.waitLines(3)
	db := w.store.DB()
	for n := uint64(1); n <= 3; n++ {
		k := storage.Key{Kind: storage.KindJournal, Number: n}
		key := k.Append(nil)
		value, closer, err := db.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		was := append([]byte(nil), value...)
		closer.Close()
		bad := append([]byte(nil), was...)
		bad[len(bad)-1] ^= 1
		for _, step := range []struct {
			do   func() error
			want int
		}{
			{func() error { return db.Set(key, bad, pebble.NoSync) }, 1},
			{func() error { return db.Delete(key, pebble.NoSync) }, 1},
			{func() error { return db.Set(key, was, pebble.NoSync) }, 0},
		} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if f := w.verifyJournal(step.want); step.want > 0 && f.Seq != n && f.Seq != n+1 {
				t.Fatalf("line %d: %v", n, f)
			}
		}
	}
}

// TestJournalChange writes the line of a change with the change, and none if the change is refused.
func TestJournalChange(t *testing.T) {
	w := newWorld(t)
	ctx := WithLine(context.Background(), event("role", "made"))
	if err := w.ledger.CreateRole(ctx, storage.Role{Name: "new"}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.lines(), "; "); got != "1 role made" {
		t.Fatal(got)
	}
	if err := w.ledger.CreateRole(ctx, storage.Role{Name: "new"}); !errors.Is(err, ErrExists) {
		t.Fatal(err)
	}
	w.settle()
	if got := len(w.lines()); got != 1 {
		t.Fatalf("%d lines", got)
	}
}

// TestJournalBounds records more than memory holds while nothing is written: the rest is counted.
func TestJournalBounds(t *testing.T) {
	w := newWorld(t)
	if err := w.ledger.administerWith(context.Background(), func() ([]storage.Entry, error) {
		for range maxPendingLines + 7 {
			w.ledger.Record(event("x", ""))
		}
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	w.waitLines(maxPendingLines + 1)
	last := w.lines()[maxPendingLines]
	if !strings.HasPrefix(last, fmt.Sprint(maxPendingLines+1, " ", JournalLost)) {
		t.Fatal(last)
	}
	if head := w.ledger.JournalHead(); head.Lines != maxPendingLines+1 {
		t.Fatalf("%d lines", head.Lines)
	}
	w.verifyJournal(0)
}

// TestJournalClock steps the clock back over midnight after the day is filed: lines keep their order and stay out of that day.
func TestJournalClock(t *testing.T) {
	w := newWorld(t)
	w.ledger.Record(event("x", "before"))
	w.waitLines(1)
	w.clock.Move(24*time.Hour, 0)
	for i := 0; len(w.ledger.JournalDays()) < 1; i++ {
		if i > 100 {
			t.Fatal("the day is not filed")
		}
		w.clock.Move(time.Second, 0)
		w.settle()
	}
	filed := w.ledger.JournalHead().Filed
	w.clock.Move(0, -24*time.Hour)
	w.ledger.Record(event("x", "after"))
	for i := 0; w.ledger.JournalHead().Lines < 2; i++ {
		if i > 100 {
			t.Fatal("no line while the clock is behind")
		}
		w.clock.Move(time.Second, 0)
		w.settle()
	}
	if h := w.ledger.JournalHead(); storage.Day(h.Time) <= filed {
		t.Fatalf("a line of day %d, day %d is filed", storage.Day(h.Time), filed)
	}
	w.verifyJournal(0)
}

// TestJournalFullDisk records lines while the disk is full: they are written when there is room, in order, and so are lines where
// there is too little room to file.
func TestJournalFullDisk(t *testing.T) {
	w, d := smallWorld(t)
	d.free.Store(1<<20 + 99)
	w.ledger.Record(event("x", "reserve"))
	w.waitLines(1)
	d.full.Store(true)
	w.ledger.Record(event("x", "full 1"))
	written := make(chan error, 1)
	go func() { written <- w.ledger.CreateRole(context.Background(), storage.Role{Name: "late"}) }()
	<-w.store.Full()
	w.ledger.Record(event("x", "full 2"))
	d.full.Store(false)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	w.waitLines(3)
	if got := strings.Join(w.lines(), "; "); got != "1 x reserve; 2 x full 1; 3 x full 2" {
		t.Fatal(got)
	}
	w.verifyJournal(0)
}

// TestJournalJump: lines written while the clock has jumped ahead, which nobody confirms, bear the time that the counter lets expect and say
// what the clock showed; once it is set right, days are filed as ever.
func TestJournalJump(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	w := newWorld(t)
	w.ledger.Record(event("x", "before"))
	w.waitLines(1)
	w.clock.Move(0, years)
	w.settle()
	if err := w.ledger.Filing(); err == nil {
		t.Fatal("filing goes on after a jump of ten years")
	}
	w.ledger.Record(event("x", strings.Repeat("é", storage.MaxDetail/2)))
	w.clock.Move(2*time.Second, 0)
	w.settle()
	w.waitLines(2)
	head := w.ledger.JournalHead()
	if d := head.Time.Sub(start); d < 0 || d > time.Hour {
		t.Errorf("the line bears %s", head.Time)
	}
	if err := w.ledger.ReadJournal(2, 2, false, func(l storage.JournalLine, err error) bool {
		if err != nil || !strings.HasPrefix(l.Detail, "éé") || !strings.Contains(l.Detail, "the clock, which had jumped ahead, showed 2036-") {
			t.Errorf("%v: %q", err, l.Detail)
		}
		return true
	}); err != nil {
		t.Error(err)
	}
	w.clock.Move(0, -years)
	w.settle()
	for range 4 {
		w.ledger.Record(event("x", "right time"))
		w.clock.Move(24*time.Hour, 0)
		w.settle()
		w.clock.Move(2*time.Second, 0)
		w.settle()
	}
	w.pass(5)
	if days := w.ledger.JournalDays(); len(days) < 4 {
		t.Errorf("%d days are filed: %v", len(days), days)
	}
}
