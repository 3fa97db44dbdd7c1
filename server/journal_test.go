package server

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/storage"
)

// TestJournalOften lets the same event happen many times, and too many different ones: what is written is bounded, and every
// event is counted in some line.
func TestJournalOften(t *testing.T) {
	now := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	var lines []storage.JournalEvent
	j := newJournal(func(e storage.JournalEvent) { lines = append(lines, e) }, func() time.Time { return now })
	total := uint32(0)
	happen := func(n int, user string) {
		for range n {
			j.often(query.Event{Kind: eventFailed, Role: user, Address: "192.0.2.1", Detail: "wrong password"})
			total++
		}
	}
	happen(1, "a")
	if len(lines) != 1 || lines[0].Times != 1 || lines[0].Detail != "wrong password" {
		t.Fatalf("%+v", lines)
	}
	happen(999, "a")
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	now = now.Add(time.Minute)
	j.turn()
	if len(lines) != 2 || lines[1].Times != 999 || !strings.HasSuffix(lines[1].Detail, repeatedDetail) {
		t.Fatalf("%+v", lines)
	}
	for range 60 { // an hour of many users
		for i := range journalKinds + 10 {
			happen(1, fmt.Sprint("user", i))
		}
		now = now.Add(time.Minute)
	}
	j.turn()
	if len(lines) != journalDayCap/strangerShare {
		t.Fatalf("%d lines of a day", len(lines))
	}
	now = now.Add(24 * time.Hour)
	happen(1, "tomorrow")
	j.end()
	sum := uint32(0)
	for _, l := range lines {
		sum += l.Times
	}
	if sum != total {
		t.Fatalf("%d events are counted of %d", sum, total)
	}
}

// TestJournalShares has strangers and a role cause as much as they can, in every minute of a day: another role has its lines all the same,
// what the first had too much of is counted in lines of its own, and the day has its cap.
func TestJournalShares(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	var lines []storage.JournalEvent
	j := newJournal(func(e storage.JournalEvent) { lines = append(lines, e) }, func() time.Time { return now })
	total := map[string]uint32{}
	happen := func(kind query.EventKind, role string, n int) {
		for i := range n {
			j.often(query.Event{Kind: kind, Role: role, Detail: fmt.Sprint(now.Unix(), i)})
		}
		if kind == eventFailed {
			role = ""
		}
		total[role] += uint32(n)
	}
	for range 24*60 - 1 {
		happen(eventFailed, "quiet", journalKinds/strangerShare+10)
		happen(query.EventDenied, "loud", journalKinds/roleShare+10)
		happen(eventLogin, "quiet", 2)
		now = now.Add(time.Minute)
	}
	j.turn()
	quiet := 0
	for _, l := range lines {
		if l.Actor == "quiet" && l.Event == string(eventLogin) {
			quiet++
		}
	}
	if want := 2 * (24*60 - 1); quiet != want {
		t.Errorf("%d lines of the quiet role, want %d", quiet, want)
	}
	if len(lines) > journalDayCap {
		t.Errorf("%d lines of a day", len(lines))
	}
	j.end()
	sum := map[string]uint32{}
	for _, l := range lines {
		role := l.Actor
		if l.Event == string(eventFailed) {
			role = ""
		}
		sum[role] += l.Times
	}
	if !maps.Equal(sum, total) {
		t.Errorf("counted %v of %v", sum, total)
	}
}

// TestJournalCut makes lines of what clients may send.
func TestJournalCut(t *testing.T) {
	for _, s := range []string{"", "é", strings.Repeat("é", 1000), "a\x00b", "\xff\xfe", strings.Repeat("x", 100000)} {
		e := journalEvent(query.Event{Kind: eventFailed, Role: s, Object: s, Address: s, Detail: s})
		for _, got := range []string{e.Actor, e.Object, e.Address} {
			if len(got) > storage.MaxName || !utf8.ValidString(got) || strings.Contains(got, "\x00") {
				t.Fatalf("%.10q becomes %.10q", s, got)
			}
		}
		if len(e.Detail) > storage.MaxDetail || e.Times != 1 {
			t.Fatalf("%+v", e)
		}
	}
}
