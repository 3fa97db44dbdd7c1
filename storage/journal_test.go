package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// journal makes the entries of events that follow a head.
func journal(h storage.JournalHead, events ...storage.JournalEvent) (entries []storage.Entry) {
	for _, e := range events {
		line := storage.JournalLine{Seq: h.Lines + 1, Previous: h.Hash, JournalEvent: e}
		h.Lines, h.Hash = line.Seq, line.Hash()
		entries = append(entries, storage.AppendJournal{JournalLine: line})
	}
	return entries
}

// hashOf returns the hash of a line.
func hashOf(e storage.Entry) merkle.Digest {
	line := e.(storage.AppendJournal).JournalLine
	return line.Hash()
}

// checkJournal compares the journal with the twin's, read in every way that there is.
func (tw *twin) checkJournal(t testing.TB, s *storage.Store) {
	t.Helper()
	head := s.JournalHead()
	if head.Lines != uint64(len(tw.lines)) {
		t.Fatalf("%d lines, want %d", head.Lines, len(tw.lines))
	}
	if n := len(tw.lines); n > 0 && (head.Hash != tw.lines[n-1].Hash() || !head.Time.Equal(tw.lines[n-1].Time)) {
		t.Fatalf("head %+v", head)
	}
	if !slices.Equal(s.JournalDays(), tw.days) {
		t.Fatalf("days %v, want %v", s.JournalDays(), tw.days)
	}
	if n := len(tw.days); n > 0 && head.Filed != tw.days[n-1].Day || n == 0 && head.Filed != 0 {
		t.Fatalf("filed %d", head.Filed)
	}
	for _, desc := range []bool{false, true} {
		var got []storage.JournalLine
		if err := s.ReadJournal(2, 1<<40, desc, func(l storage.JournalLine, err error) bool {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l)
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if desc {
			slices.Reverse(got)
		}
		if want := tw.lines[min(1, len(tw.lines)):]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("lines %v, want %v", got, want)
		}
	}
	for _, at := range tw.lines {
		for _, by := range []time.Duration{-time.Microsecond, 0, time.Microsecond} {
			at := at.Time.Add(by)
			want := slices.IndexFunc(tw.lines, func(l storage.JournalLine) bool { return !l.Time.Before(at) })
			if want < 0 {
				want = len(tw.lines)
			}
			if got, err := s.JournalSince(at); err != nil || got != uint64(want)+1 {
				t.Fatalf("first line since %s is %d, %v; want %d", at, got, err, want+1)
			}
		}
	}
}

// journalWorld is a closed ledger with a journal of six lines in three days, of which two are filed.
func journalWorld(t *testing.T) (*storage.Store, *twin) {
	t.Helper()
	m := storagetest.NewMaker(5)
	s := create(t, vfs.NewMem(), m.Genesis())
	tw := newTwin(m.Genesis())
	propose := func(entries ...storage.Entry) {
		t.Helper()
		if err := s.Propose(entries...); err != nil {
			t.Fatal(err)
		}
		tw.apply(entries...)
		tw.check(t, s)
	}
	first := storagetest.First
	propose(m.Begin(2)...)
	propose(m.CreateSlot(storage.JournalAgency, storage.JournalLane, 0, first))
	slot := s.Slots()[len(s.Slots())-1].ID
	for day := range 3 {
		at := first.Time().AddDate(0, 0, day)
		event := func(n int) storage.JournalEvent {
			return storage.JournalEvent{Time: at.Add(time.Duration(n)), Times: uint32(n + 1), Event: "role", Actor: "jurat", Detail: fmt.Sprintf("day %d", day)}
		}
		propose(journal(s.JournalHead(), event(0), event(1000))...)
		if day == 2 {
			break
		}
		var leaves merkle.Leaves
		hash := s.JournalHead().Hash
		leaves.Append(hash.Imprint())
		round := m.Closed() + 1
		propose(m.AppendLeaves(round, slot, leaves), storage.FileJournalDay{JournalDay: storage.JournalDay{
			Day: storage.Day(at), Last: s.JournalHead().Lines, Hash: hash, Leaf: storage.Position{Round: round, Slot: slot}}})
		propose(m.Close(round))
	}
	return s, tw
}

// TestJournal compares a journal with its twin after every step, and its hashes with what the package comment says of them.
func TestJournal(t *testing.T) {
	s, tw := journalWorld(t)
	defer s.Close()
	previous := make([]byte, 32)
	for _, l := range tw.lines {
		key := append([]byte("J\x00\x00\x00\x00\x00\x00\x00"), byte(l.Seq))
		value, closer, err := s.DB().Get(key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(value[9:41], previous) {
			t.Fatalf("line %d follows %x, want %x", l.Seq, value[9:41], previous)
		}
		sum := sha256.Sum256(append(key, value...))
		if l.Hash() != sum {
			t.Fatalf("line %d has hash %s, its bytes %x", l.Seq, l.Hash(), sum)
		}
		previous = sum[:]
		closer.Close()
	}
	report, err := fsck.Check(context.Background(), s, fsck.Options{})
	if err != nil || report.JournalLines != 6 {
		t.Fatalf("%+v: %v", report, err)
	}
}

// TestJournalDamage changes every byte of every key of the journal, and takes every key away: fsck finds all of it, and names
// the line where the change is of a line.
func TestJournalDamage(t *testing.T) {
	s, _ := journalWorld(t)
	defer s.Close()
	db := s.DB()
	damaged := func(key []byte) string {
		t.Helper()
		_, err := fsck.Check(context.Background(), s, fsck.Options{})
		if err == nil {
			t.Fatalf("damage of %x is not found", key)
		}
		return err.Error()
	}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{'J'}, UpperBound: []byte{'K'}})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		n++
		key, value := bytes.Clone(it.Key()), bytes.Clone(it.Value())
		name := fmt.Sprintf("line %d", n)
		for i := range value {
			bad := bytes.Clone(value)
			bad[i] ^= 1
			if err := db.Set(key, bad, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
			if text := damaged(key); !strings.Contains(text, name) {
				t.Fatalf("byte %d of %s changed: %s", i, name, text)
			}
		}
		if err := db.Delete(key, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		if text := damaged(key); !strings.Contains(text, name+": missing") {
			t.Fatalf("%s deleted: %s", name, text)
		}
		if err := db.Set(key, value, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	extra := lineKey(7)
	value, closer, err := db.Get(lineKey(6))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if err := db.Set(extra, value, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if text := damaged(extra); !strings.Contains(text, "line 7") {
		t.Fatal(text)
	}
}

// lineKey is the key of a line.
func lineKey(n uint64) []byte {
	key := storage.Key{Kind: storage.KindJournal, Number: n}
	return key.Append(nil)
}

// TestJournalStart: the head knows the newest start, over further lines, filed days and openings. One of before that was kept opens, and
// knows it from the next start on.
func TestJournalStart(t *testing.T) {
	fs, m := vfs.NewMem(), storagetest.NewMaker(22)
	s := create(t, fs, m.Genesis())
	again := func(want uint64) {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if s, err = storage.Open("store", options(fs)); err != nil {
			t.Fatal(err)
		}
		if got := s.JournalHead().Start; got != want {
			t.Fatalf("start in line %d, want %d", got, want)
		}
	}
	write := func(events ...string) {
		t.Helper()
		for _, event := range events {
			e := storage.JournalEvent{Time: storagetest.First.Time(), Times: 1, Event: event}
			if err := s.Propose(journal(s.JournalHead(), e)...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Propose(m.Begin(2)...); err != nil {
		t.Fatal(err)
	}
	write("login", "role")
	again(0)
	write(storage.JournalStart, "login")
	again(3)
	write("login", storage.JournalStart, "stop")
	again(6)
	key := storage.Key{Kind: storage.KindMeta, Group: storage.GroupJournal}
	value, closer, err := s.DB().Get(key.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	before := append([]byte{1}, value[1:len(value)-8]...) // as version 1 has it
	if err := errors.Join(closer.Close(), s.DB().Set(key.Append(nil), before, pebble.Sync)); err != nil {
		t.Fatal(err)
	}
	again(0)
	write("login")
	again(0)
	if _, err := fsck.Check(t.Context(), s, fsck.Options{}); err != nil {
		t.Fatal(err)
	}
	write(storage.JournalStart)
	again(9)
	if _, err := fsck.Check(t.Context(), s, fsck.Options{}); err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// TestJournalRules breaks every rule of the journal's entries.
func TestJournalRules(t *testing.T) {
	s, _ := journalWorld(t)
	defer s.Close()
	h := s.JournalHead()
	good := storage.JournalLine{Seq: h.Lines + 1, Previous: h.Hash, JournalEvent: storage.JournalEvent{Time: h.Time, Times: 1, Event: "x"}}
	for name, change := range map[string]func(l *storage.JournalLine){
		"number":    func(l *storage.JournalLine) { l.Seq++ },
		"hash":      func(l *storage.JournalLine) { l.Previous[0] ^= 1 },
		"time":      func(l *storage.JournalLine) { l.Time = l.Time.Add(-time.Microsecond) },
		"filed day": func(l *storage.JournalLine) { l.Time = storage.DayTime(h.Filed) },
		"no event":  func(l *storage.JournalLine) { l.Event = "" },
		"no times":  func(l *storage.JournalLine) { l.Times = 0 },
		"long":      func(l *storage.JournalLine) { l.Detail = strings.Repeat("x", storage.MaxDetail+1) },
		"long name": func(l *storage.JournalLine) { l.Actor = strings.Repeat("x", storage.MaxName+1) },
		"NUL":       func(l *storage.JournalLine) { l.Object = "\x00" },
		"no UTF-8":  func(l *storage.JournalLine) { l.Address = "\xff" },
	} {
		bad := good
		change(&bad)
		mustPanic(t, name, func() { s.Propose(storage.AppendJournal{JournalLine: bad}) })
	}
	mustPanic(t, "no such leaf", func() {
		s.Propose(storage.FileJournalDay{JournalDay: storage.JournalDay{
			Day: storage.Day(h.Time), Last: h.Lines, Hash: h.Hash, Leaf: storage.Position{Round: s.Closed() + 1}}})
	})
	if err := s.Propose(storage.AppendJournal{JournalLine: good}); err != nil {
		t.Fatal(err)
	}
}
