package storage

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/merkle"
)

// JournalAgency and JournalLane name the slot that takes the hashes of the days of the journal. No role has such a name.
const (
	JournalAgency = "@server"
	JournalLane   = "journal"
)

// MaxDetail is the longest detail of a line of the journal in bytes; its other texts have MaxName at most.
const MaxDetail = 1024

// A JournalEvent is what a line of the journal says. Its texts are UTF-8 without NUL.
type JournalEvent struct {
	Time    time.Time // kept to the microsecond
	Times   uint32    // how often it happened, at least 1
	Event   string    // what kind of event; not empty
	Actor   string    // role that did it, "" for the server
	Address string    // that it came from, "" for none
	Object  string    // what it was done to, "" for none
	Detail  string
}

// A JournalLine is a line of the journal.
type JournalLine struct {
	Seq      uint64        // 1, 2, 3 …
	Previous merkle.Digest // hash of the line before, the zero digest in the first
	JournalEvent
}

// Hash returns the hash of the line: SHA-256 of its key and its value as they are stored. As the value holds the hash of the
// line before, it stands for all lines up to this one.
func (l *JournalLine) Hash() merkle.Digest {
	key := Key{Kind: KindJournal, Number: l.Seq}
	return sha256.Sum256(l.append(key.bytes()))
}

// Day returns the UTC day of a time as the number of days since 1970.
func Day(t time.Time) uint32 { return uint32(t.Unix() / secondsOfDay) }

const secondsOfDay = 24 * 60 * 60

// DayTime returns the time at which a day begins.
func DayTime(day uint32) time.Time { return time.Unix(int64(day)*secondsOfDay, 0).UTC() }

// A JournalHead says how far the journal has come.
type JournalHead struct {
	Lines uint64        // also the number of the newest line
	Time  time.Time     // of the newest line
	Hash  merkle.Digest // of the newest line
	Filed uint32        // newest day that is filed, as Day counts, 0 for none
	Start uint64        // number of the newest line of a JournalStart, 0 if that is not known: version 1 did not keep it
}

// JournalStart is the event of the line of a server's start, the only one that storage knows: the next start looks for it.
const JournalStart = "start"

// headVersion is the format version of heads that know where a start is.
const headVersion = 2

// A JournalDay says where the hash of a day's last line is filed.
type JournalDay struct {
	Day  uint32 // as Day counts
	Last uint64 // number of the day's last line
	Hash merkle.Digest
	Leaf Position
}

// AppendJournal adds a line to the journal. It follows the newest one by its number, its Previous and its time, which is not
// before that and not in a day that is filed.
type AppendJournal struct{ JournalLine }

// FileJournalDay notes where the hash of a day's last line is filed. The day is over, and later than those that are filed.
type FileJournalDay struct{ JournalDay }

func (l *JournalLine) append(dst []byte) []byte {
	dst = le.AppendUint64(append(dst, version), uint64(l.Time.UnixMicro()))
	dst = le.AppendUint32(append(dst, l.Previous[:]...), l.Times)
	for _, s := range []string{l.Event, l.Actor, l.Address, l.Object} {
		dst = append(append(dst, byte(len(s))), s...)
	}
	return append(le.AppendUint16(dst, uint16(len(l.Detail))), l.Detail...)
}

func (l *JournalLine) decode(c *cursor) error {
	c.version()
	l.Time = time.UnixMicro(int64(c.u64("time, µs"))).UTC()
	l.Previous = c.digest("hash of the line before")
	l.Times = c.u32("times")
	l.Event, l.Actor, l.Address, l.Object = c.text("event"), c.text("actor"), c.text("address"), c.text("object")
	l.Detail = c.longText("detail")
	if l.Times == 0 || l.Event == "" || len(l.Detail) > MaxDetail {
		c.fail("line %q, %d times, with %d bytes of detail", l.Event, l.Times, len(l.Detail))
	}
	for _, s := range []string{l.Event, l.Actor, l.Address, l.Object, l.Detail} {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			c.fail("text %q is not UTF-8 without NUL", s)
		}
	}
	return c.end()
}

// fits reports whether the line can be stored as it is.
func (l *JournalLine) fits() bool {
	for _, s := range []string{l.Event, l.Actor, l.Address, l.Object} {
		if len(s) > MaxName {
			return false
		}
	}
	again := JournalLine{Seq: l.Seq}
	b := l.append(nil)
	c := newCursor(b)
	return l.Time.Unix() >= 0 && again.decode(&c) == nil && bytes.Equal(again.append(nil), b)
}

func (h *JournalHead) append(dst []byte) []byte {
	v := byte(version)
	if h.Start > 0 {
		v = headVersion
	}
	dst = le.AppendUint64(append(dst, v), h.Lines)
	dst = le.AppendUint64(dst, uint64(h.Time.UnixMicro()))
	dst = le.AppendUint32(append(dst, h.Hash[:]...), h.Filed)
	if h.Start > 0 {
		dst = le.AppendUint64(dst, h.Start)
	}
	return dst
}

func (h *JournalHead) decode(c *cursor) error {
	v := c.versions(headVersion)
	h.Lines = c.u64("lines")
	h.Time = time.UnixMicro(int64(c.u64("time of the newest, µs"))).UTC()
	h.Hash = c.digest("hash of the newest")
	h.Filed = c.u32("newest day that is filed")
	if h.Lines == 0 {
		c.fail("no lines")
	}
	if v == headVersion {
		if h.Start = c.u64("newest start"); h.Start == 0 || h.Start > h.Lines {
			c.fail("start in line %d of %d", h.Start, h.Lines)
		}
	}
	return c.end()
}

func (d *JournalDay) append(dst []byte) []byte {
	dst = le.AppendUint64(append(dst, version), d.Last)
	dst = le.AppendUint64(append(dst, d.Hash[:]...), uint64(d.Leaf.Round))
	return le.AppendUint64(le.AppendUint32(dst, d.Leaf.Slot), d.Leaf.Index)
}

func (d *JournalDay) decode(c *cursor) error {
	c.version()
	d.Last = c.u64("last line")
	d.Hash = c.digest("its hash")
	d.Leaf.Round, d.Leaf.Slot, d.Leaf.Index = c.second("round"), c.u32("slot"), c.u64("index")
	return c.end()
}

func (e AppendJournal) check(st *state) {
	h := &st.journal
	must(e.Seq == h.Lines+1 && e.Previous == h.Hash, "journal line %d after %d", e.Seq, h.Lines)
	must(e.fits(), "journal line %d: %+v", e.Seq, e.JournalEvent)
	must(e.Time.UnixMicro() >= h.Time.UnixMicro() && Day(e.Time) > h.Filed, "journal line %d of %s after %s, day %d is filed",
		e.Seq, e.Time, h.Time, h.Filed)
}

func (e AppendJournal) write(w *writer) error {
	w.set(Key{Kind: KindJournal, Number: e.Seq}, &e.JournalLine)
	head := e.head(w.st)
	w.set(Key{Kind: KindMeta, Group: GroupJournal}, &head)
	return nil
}

// head is the head of the journal after the line.
func (e AppendJournal) head(st *state) JournalHead {
	h := JournalHead{Lines: e.Seq, Time: time.UnixMicro(e.Time.UnixMicro()).UTC(), Hash: e.Hash(), Filed: st.journal.Filed, Start: st.journal.Start}
	if e.Event == JournalStart {
		h.Start = e.Seq
	}
	return h
}

func (e AppendJournal) advance(st *state) { st.journal = e.head(st) }

func (e FileJournalDay) check(st *state) {
	h := &st.journal
	must(e.Day > h.Filed && e.Day <= Day(h.Time) && e.Last > 0 && e.Last <= h.Lines, "file journal day %d with line %d: %d lines, the newest of %s, day %d is filed",
		e.Day, e.Last, h.Lines, h.Time, h.Filed)
	must(e.Leaf.Index < st.open[e.Leaf.Round][e.Leaf.Slot], "file journal: no leaf %d of slot %d in round %s", e.Leaf.Index,
		e.Leaf.Slot, e.Leaf.Round)
}

func (e FileJournalDay) write(w *writer) error {
	head := w.st.journal
	head.Filed = e.Day
	w.set(Key{Kind: KindJournalDay, Number: uint64(e.Day)}, &e.JournalDay)
	w.set(Key{Kind: KindMeta, Group: GroupJournal}, &head)
	return nil
}

func (e FileJournalDay) advance(st *state) {
	st.journalDays = append(slices.Clip(st.journalDays), e.JournalDay)
	st.journal.Filed = e.Day
}

// loadJournal reads the head and the days of the journal.
func (st *state) loadJournal(db *pebble.DB) error {
	key := Key{Kind: KindMeta, Group: GroupJournal}
	found, err := get(db, key, st.journal.decode)
	if err != nil {
		return err
	}
	if !found {
		it, err := newIter(db, Key{Kind: KindJournal}, Key{Kind: KindJournal + 1})
		if err != nil {
			return err
		}
		defer it.Close()
		if it.First() {
			return missing(key)
		}
		return Damaged(key, it.Error())
	}
	return each(db, KindJournalDay, func(k Key, c *cursor) error {
		d := JournalDay{Day: uint32(k.Number)}
		err := d.decode(c)
		st.journalDays = append(st.journalDays, d)
		return err
	})
}

// JournalHead returns how far the journal has come; its zero value if it has no lines.
func (s *Store) JournalHead() JournalHead {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.durable.journal
}

// JournalDays returns the days that are filed, ascending. The caller must not change them.
func (s *Store) JournalDays() []JournalDay {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.durable.journalDays
}

// ReadJournal calls f with the lines from from to to that are there, in order, or, if desc is set, in the reverse of it, until f
// returns false. A line that cannot be read is given as an error that wraps ErrCorrupt or ErrVersion, next to its number.
func (s *Store) ReadJournal(from, to uint64, desc bool, f func(l JournalLine, err error) bool) error {
	to = min(to, s.JournalHead().Lines)
	if from > to {
		return nil
	}
	it, err := newIter(s.db, Key{Kind: KindJournal, Number: from}, Key{Kind: KindJournal, Number: to + 1})
	if err != nil {
		return err
	}
	defer it.Close()
	first, next := it.First, it.Next
	if desc {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		k, err := ParseKey(it.Key())
		if err != nil {
			return err
		}
		l := JournalLine{Seq: k.Number}
		c := newCursor(it.Value())
		if err = l.decode(&c); err != nil {
			err = fmt.Errorf("%s: %w", k, err)
		}
		if !f(l, err) {
			return nil
		}
	}
	return Damaged(Key{Kind: KindJournal, Number: from}, it.Error())
}

// JournalSince returns the number of the first line that is not before a time, one more than there are lines if all are. It
// relies on the lines being in order.
func (s *Store) JournalSince(t time.Time) (uint64, error) {
	low, high := uint64(1), s.JournalHead().Lines+1
	for low < high {
		middle := low + (high-low)/2
		var line JournalLine
		err := s.ReadJournal(middle, high-1, false, func(l JournalLine, bad error) bool {
			line = l
			return bad != nil // an unreadable line says nothing about its time
		})
		if err != nil {
			return 0, err
		}
		if line.Seq == 0 || !line.Time.Before(t) {
			high = middle
		} else {
			low = max(line.Seq, middle) + 1
		}
	}
	return low, nil
}

// JournalDayOf returns the filed day that a line belongs to; ok is false if its day is not filed.
func JournalDayOf(days []JournalDay, seq uint64) (d JournalDay, ok bool) {
	i, _ := slices.BinarySearchFunc(days, seq, func(d JournalDay, seq uint64) int { return cmp.Compare(d.Last, seq) })
	if i == len(days) {
		return d, false
	}
	return days[i], true
}
