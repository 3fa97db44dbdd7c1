package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
	"github.com/jurat-ledger/jurat/storage"
)

func (w *world) publish(at calendar.Second, references ...string) storage.Publication {
	w.t.Helper()
	p, err := w.ledger.Publish(context.Background(), at, references)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// checkRoot demands that p is of the second and holds the calendar root that the stored nodes give.
func (w *world) checkRoot(p *storage.Publication, at calendar.Second) {
	w.t.Helper()
	root, err := calendar.RootAt(storage.CalendarReader{Store: w.store}, at)
	if err != nil || p.Time != at || p.Root != root {
		w.t.Errorf("publication of %s: %+v; root %s: %v", at, p, root, err)
	}
}

func TestPublish(t *testing.T) {
	w := newWorld(t)
	first, _, _ := w.ledger.Extent()
	if _, err := w.ledger.Publish(context.Background(), 0, nil); !errors.Is(err, ErrNotClosed) {
		t.Errorf("before the first second is closed: %v", err)
	}
	for i := range 4 {
		w.file(request("canton", LaneMain, leaves(i, 1)))
		w.pass(2)
	}
	_, closed, open := w.ledger.Extent()
	for at := first; at <= closed; at++ {
		p := w.publish(at)
		w.checkRoot(&p, at)
	}
	if _, err := w.ledger.Publish(context.Background(), open, nil); !errors.Is(err, ErrNotClosed) ||
		!strings.Contains(err.Error(), closed.String()) {
		t.Errorf("the open second: %v", err)
	}
	for _, at := range []calendar.Second{first - 1, 1, -5} {
		if _, err := w.ledger.Publish(context.Background(), at, nil); !errors.Is(err, ErrBeforeFirst) {
			t.Errorf("second %d: %v", at, err)
		}
	}
	w.pass(1)
	_, closed, _ = w.ledger.Extent()
	p := w.publish(0, "Gazette")
	w.checkRoot(&p, closed)
	if now := w.clock.Wall(); !p.Published.Equal(now) {
		t.Errorf("published at %s, want %s", p.Published, now)
	}
	if all := w.ledger.Publications(); len(all) != int(closed-first)+1 {
		t.Errorf("%d publications of %d seconds", len(all), closed-first+1)
	}
}

// Publishing a second again adds what is new, and keeps when it was published first.
func TestPublishAgain(t *testing.T) {
	w := newWorld(t)
	w.pass(1)
	was := w.publish(0, "Gazette", "Herald", "Gazette")
	w.pass(3)
	for _, x := range []struct{ add, want []string }{
		{nil, []string{"Gazette", "Herald"}},
		{[]string{"Herald"}, []string{"Gazette", "Herald"}},
		{[]string{"Herald", "Times", "Courier"}, []string{"Gazette", "Herald", "Times", "Courier"}},
	} {
		p := w.publish(was.Time, x.add...)
		if p.Root != was.Root || !p.Published.Equal(was.Published) || !slices.Equal(p.References, x.want) {
			t.Errorf("added %q: %+v", x.add, p)
		}
		if all := w.ledger.Publications(); len(all) != 1 || fmt.Sprint(all[0]) != fmt.Sprint(p) {
			t.Errorf("told %+v, recorded %+v", p, all)
		}
	}
	for _, bad := range [][]string{{""}, {"a\x00"}, {"\xff"}, {strings.Repeat("x", storage.MaxReference+1)},
		strings.Split(strings.Repeat("x ", storage.MaxReferences), " ")} {
		if _, err := w.ledger.Publish(context.Background(), was.Time, bad); !errors.Is(err, ErrReferences) {
			t.Errorf("references %.40q: %v", bad, err)
		}
	}
	for i := len(w.ledger.Publications()[0].References); i < storage.MaxReferences; i++ {
		w.publish(was.Time, fmt.Sprint("Gazette, p. ", i))
	}
	if _, err := w.ledger.Publish(context.Background(), was.Time, []string{"one more"}); !errors.Is(err, ErrReferences) {
		t.Errorf("too many together: %v", err)
	}
	w.publish(was.Time, "Gazette") // known: fits
}

// The nearest publication is strictly later than the round.
func TestNearestPublication(t *testing.T) {
	w := newWorld(t)
	w.pass(40)
	first, closed, _ := w.ledger.Extent()
	all := make(map[calendar.Second]bool)
	for _, n := range []calendar.Second{20, 3, 11, 12, 39, 0, 4} {
		w.publish(first + n)
		all[first+n] = true
		for round := first - 5; round < closed+5; round++ {
			want := round + 1
			for want <= closed && !all[want] {
				want++
			}
			if p, ok := w.ledger.NearestPublication(round); ok != (want <= closed) || ok && p.Time != want {
				t.Fatalf("after %s: %s, %t, want %s", round, p.Time, ok, want)
			}
		}
	}
}

// fifteenth returns the first second of the 15th of a month.
func fifteenth(year int, month time.Month) calendar.Second {
	return calendar.Second(time.Date(year, month, 15, 0, 0, 0, 0, time.UTC).Unix())
}

// TestMonthlyDue looks for the day in a calendar, for every hour of some years.
func TestMonthlyDue(t *testing.T) {
	due := fifteenth(2025, time.December)
	for at := due; at < fifteenth(2033, time.March); at += 3600 {
		for _, s := range []calendar.Second{at - 1, at} {
			if tm := s.Time(); tm.Day() == 15 && tm.Hour()+tm.Minute()+tm.Second() == 0 {
				due = s
			}
			if s >= due && monthlyDue(s) != due {
				t.Fatalf("at %s due is %s, want %s", s, monthlyDue(s), due)
			}
		}
	}
}

// A months is a ledger that a test takes through months, step by step.
type months struct {
	t     *testing.T
	fs    vfs.FS
	clock *ledgertest.Clock
	log   bytes.Buffer
	*Ledger
}

// newMonths makes a ledger whose first second is given.
func newMonths(t *testing.T, first calendar.Second) *months {
	m := &months{t: t, fs: vfs.NewMem(), clock: ledgertest.NewClock(first.Time().Add(-time.Second / 2))}
	if err := createAt(m.fs, first, 1); err != nil {
		t.Fatal(err)
	}
	m.open(true)
	t.Cleanup(func() { m.store.Close() })
	return m
}

func (m *months) open(monthly bool) {
	m.t.Helper()
	var err error
	m.Ledger, _, err = openWith(m.fs, m.clock, func(c *Config) {
		c.MonthlyPublications = monthly
		c.Logger = slog.New(slog.NewTextHandler(&m.log, nil))
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// stop ends the ledger as a crash does.
func (m *months) stop() {
	m.t.Helper()
	if err := m.store.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// until sets the clock and takes a step.
func (m *months) until(at time.Time) {
	m.t.Helper()
	m.clock.Move(at.Sub(m.clock.Wall()), 0)
	m.mustStep(m.t)
}

// mustHave demands the publications of these seconds, each with the calendar's root, and one line in the log for each.
func (m *months) mustHave(want ...calendar.Second) {
	m.t.Helper()
	var got []calendar.Second
	for _, p := range m.Publications() {
		got = append(got, p.Time)
		root, err := calendar.RootAt(storage.CalendarReader{Store: m.store}, p.Time)
		if err != nil || root != p.Root {
			m.t.Errorf("publication of %s: root %s, want %s: %v", p.Time, p.Root, root, err)
		}
		text := ksi.Publication{Time: p.Time, Root: root.Imprint()}.String()
		if n := strings.Count(m.log.String(), text); n != 1 {
			m.t.Errorf("publication of %s is logged %d times", p.Time, n)
		}
	}
	if !slices.Equal(got, want) {
		m.t.Fatalf("at %s published %v, want %v", m.clock.Wall(), got, want)
	}
}

// A year and a half, in steps of a day, an hour after midnight: every month is published.
func TestMonthly(t *testing.T) {
	m := newMonths(t, calendar.RoundOf(start))
	var want []calendar.Second
	for day := range 550 {
		at := time.Date(2026, 11, 23+day, 1, 0, 0, 0, time.UTC)
		if day%10 == 0 {
			m.mustStep(t, filingTicket(LaneMain, day))
		}
		m.until(at)
		if at.Day() == 15 {
			want = append(want, calendar.Second(at.Unix())-3600)
		}
		if at.Day() == 14 || at.Day() == 15 {
			m.mustHave(want...)
		}
	}
	if len(want) != 18 {
		t.Errorf("%d months", len(want))
	}
}

// The second counts in which it is closed, not one before.
func TestMonthlySecond(t *testing.T) {
	m := newMonths(t, calendar.RoundOf(start))
	due := fifteenth(2026, time.December)
	m.until(due.Time().Add(-time.Second))
	m.until(due.Time().Add(-time.Nanosecond))
	m.mustHave()
	m.until(due.Time())
	m.mustHave(due)
	m.until(due.Time().Add(time.Second))
	m.mustHave(due)
}

// What was there before the ledger's first second is not its to publish.
func TestMonthlyFirst(t *testing.T) {
	due := fifteenth(2027, time.March) // after 28 days of February
	for offset, want := range map[calendar.Second][]calendar.Second{
		-1: {due, fifteenth(2027, time.April)}, 0: {due, fifteenth(2027, time.April)}, 1: {fifteenth(2027, time.April)},
	} {
		m := newMonths(t, due+offset)
		for range 31 {
			m.until(m.clock.Wall().Add(24*time.Hour + time.Second))
		}
		m.mustHave(want...)
	}
}

// A ledger that was down at the time publishes when it is back; so does one that crashed after closing the second, and
// one that was told to only later.
func TestMonthlyAfterOutage(t *testing.T) {
	december, january := fifteenth(2026, time.December), fifteenth(2027, time.January)
	m := newMonths(t, calendar.RoundOf(start))
	m.mustStep(t, filingTicket(LaneMain, 1))
	m.stop()
	m.clock.Move(30*24*time.Hour, 0)
	m.open(true)
	m.mustStep(t)
	m.until(m.clock.Wall().Add(time.Second))
	m.mustHave(december)

	m.stop()
	m.open(false)
	m.until(january.Time())
	m.mustHave(december)
	m.stop()
	m.open(true)
	m.until(january.Time().Add(time.Second))
	m.mustHave(december, january)
}

// What somebody has published by hand stays as it is.
func TestMonthlyByHand(t *testing.T) {
	m := newMonths(t, calendar.RoundOf(start))
	m.stop()
	m.open(false)
	due := fifteenth(2026, time.December)
	m.until(due.Time())
	by := newTicket()
	by.build = func() ([]storage.Entry, error) {
		p, _, err := m.publication(due, []string{"Gazette"})
		return []storage.Entry{storage.Publish{Publication: p}}, err
	}
	m.mustStep(t, by)
	was := fmt.Sprint(m.Publications())
	m.stop()
	m.open(true)
	m.until(due.Time().Add(time.Hour))
	if got := fmt.Sprint(m.Publications()); got != was || strings.Contains(m.log.String(), "published") {
		t.Errorf("publications %s, want %s", got, was)
	}
}

// A calendar that is damaged on disk is not published; the log says so once, and the ledger goes on.
func TestMonthlyDamaged(t *testing.T) {
	m := newMonths(t, calendar.RoundOf(start))
	m.mustStep(t, filingTicket(LaneMain, 1))
	due := fifteenth(2026, time.December)
	m.until(due.Time().Add(-time.Hour))
	from, to := []byte{byte(storage.KindCalendar)}, []byte{byte(storage.KindCalendar) + 1}
	if err := m.store.DB().DeleteRange(from, to, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		m.until(due.Time().Add(time.Duration(i) * time.Hour))
	}
	m.mustHave()
	if n := strings.Count(m.log.String(), "cannot be published: run jurat fsck"); n != 1 {
		t.Errorf("the log says so %d times:\n%s", n, m.log.String())
	}
	file := filingTicket(LaneMain, 2)
	m.mustStep(t, file)
	if <-file.done; file.err != nil {
		t.Errorf("filed after: %v", file.err)
	}
}

func TestKSIKeys(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	for _, x := range []struct {
		login string
		key   string
		want  error
	}{
		{"nobody", "key", ErrNotFound}, {"canton", "", ErrNotFound}, {"canton", strings.Repeat("k", 256), ErrKey},
		{"ministry", "anon", nil}, {"canton", "old", nil}, {"canton", strings.Repeat("k", 255), nil}, {"ministry", "", nil},
		{"ministry", "", ErrNotFound},
	} {
		if err := w.ledger.SetKSIKey(ctx, x.login, []byte(x.key)); !errors.Is(err, x.want) {
			t.Errorf("key %q for %q: %v, want %v", x.key, x.login, err, x.want)
		}
	}
	for range 2 {
		if key, ok := w.ledger.KSIKey("canton"); !ok || string(key) != strings.Repeat("k", 255) {
			t.Errorf("key %q, %t", key, ok)
		}
		if key, ok := w.ledger.KSIKey("ministry"); ok {
			t.Errorf("key %q that was taken away", key)
		}
		w.shutdown()
		w.run()
	}
}
