package ksi_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
)

// A smallCalendar is the calendar of a few seconds. Its leaves are made up but for those that a test sets.
type smallCalendar []merkle.Digest

func newSmallCalendar(seconds int) smallCalendar {
	c := make(smallCalendar, seconds)
	for i := range c {
		c[i] = merkle.Digest{1, byte(i)}
	}
	return c
}

// ReadLeaves implements calendar.Reader.
func (c smallCalendar) ReadLeaves(dst []merkle.Digest, first calendar.Second) error {
	copy(dst, c[first:])
	return nil
}

// ReadNodes implements calendar.Reader. So few seconds have no kept nodes.
func (c smallCalendar) ReadNodes([]merkle.Digest, uint8, uint64) error { panic("kept nodes") }

// chain returns the chain from the leaf of second t to the root as of p.
func (c smallCalendar) chain(tb testing.TB, t, p calendar.Second) *ksi.CalendarChain {
	tb.Helper()
	links, err := calendar.Prove(c, t, p)
	if err != nil {
		tb.Fatal(err)
	}
	return ksi.NewCalendarChain(t, c[t], p, links)
}

// publication returns the publication of second p.
func (c smallCalendar) publication(tb testing.TB, p calendar.Second) ksi.PublicationRecord {
	tb.Helper()
	root, err := calendar.RootAt(c, p)
	if err != nil {
		tb.Fatal(err)
	}
	return ksi.PublicationRecord{Publication: ksi.Publication{Time: p, Root: root.Imprint()}}
}

// parts returns the parts of a fresh signature of a document in second t, whose leaf it sets.
func (c smallCalendar) parts(tb testing.TB, t calendar.Second) ksi.Parts {
	tb.Helper()
	parts := demoParts(tb)
	root, _, err := parts.Chains[0].Root(parts.Leaf, 0)
	if err != nil {
		tb.Fatal(err)
	}
	c[t] = merkle.Digest(root.Digest())
	parts.Round, parts.CalendarTime, parts.Notice = t, t, nil
	if parts.Calendar, err = calendar.Prove(c, t, t); err != nil {
		tb.Fatal(err)
	}
	return parts
}

// signature returns a fresh signature of a document in second t, whose leaf it sets. Nobody signed it.
func (c smallCalendar) signature(tb testing.TB, t calendar.Second) *ksi.Signature {
	tb.Helper()
	parts := c.parts(tb, t)
	parts.Authentication = &ksi.Authentication{SignatureType: ksi.SHA256WithRSA, Signature: []byte{1}, CertificateID: []byte{2}}
	return build(tb, parts)
}

// TestExtend extends a signature from every second to every later one, and from there on again.
func TestExtend(t *testing.T) {
	const seconds = 20
	for at := calendar.Second(1); at < seconds; at++ {
		c := newSmallCalendar(seconds)
		s := c.signature(t, at)
		for p := at; p < seconds; p++ {
			r := c.publication(t, p)
			r.References = []string{"Gazette"}
			extended, err := s.Extend(c.chain(t, at, p), r)
			if err != nil {
				t.Fatalf("from %d to %d: %v", at, p, err)
			}
			got, ok := extended.PublicationRecord()
			if !ok || got.Publication != r.Publication || len(got.References) != 1 || extended.CertificateID() != nil {
				t.Fatalf("from %d to %d: record %v, %v", at, p, got, ok)
			}
			if v := ksi.Verify(t.Context(), extended, ksi.Options{Policy: ksi.UserPublication, Publication: &r.Publication}); v.Verdict != ksi.OK {
				t.Fatalf("from %d to %d: %v", at, p, v)
			}
			// The same out of what a part of the calendar holds, which may begin with the second itself.
			part := &calendar.Part{}
			for second := at; second <= p; second++ {
				if err := part.Append(second, c[second]); err != nil {
					t.Fatal(err)
				}
			}
			within, err := s.ExtendWithin(part, r)
			if err != nil || !bytes.Equal(within.Append(nil), extended.Append(nil)) {
				t.Fatalf("from %d to %d: within a part: %v", at, p, err)
			}
			if p > at {
				short := &calendar.Part{}
				short.Append(at, c[at])
				if _, err := s.ExtendWithin(short, r); err == nil {
					t.Fatalf("from %d to %d: extended without the seconds between", at, p)
				}
			}
			s = extended
		}
	}
}

// TestExtendRefuses offers calendar chains and publications that do not fit.
func TestExtendRefuses(t *testing.T) {
	c := newSmallCalendar(12)
	s := c.signature(t, 5)
	other := newSmallCalendar(12)
	other[5] = c[5]
	other[4] = merkle.Digest{9}
	later := newSmallCalendar(12)
	later[5] = c[5]
	later[9] = merkle.Digest{9}
	for _, x := range []struct {
		chain *ksi.CalendarChain
		r     ksi.PublicationRecord
		want  string
	}{
		{c.chain(t, 5, 9), c.publication(t, 10), "leads to 1970-01-01T00:00:09Z"},
		{c.chain(t, 5, 9), other.publication(t, 9), "another root"},
		{c.chain(t, 6, 9), c.publication(t, 9), "starts at 1970-01-01T00:00:06Z"},
		{other.chain(t, 5, 9), other.publication(t, 9), "calendar before the round"},
		{newSmallCalendar(12).chain(t, 5, 9), c.publication(t, 9), "another round root"},
		{later.chain(t, 5, 9), c.publication(t, 9), "another root"},
	} {
		if _, err := s.Extend(x.chain, x.r); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v, want %q", err, x.want)
		}
	}
	r := c.publication(t, 9)
	r.References = []string{strings.Repeat("x", 70000)}
	if _, err := s.Extend(c.chain(t, 5, 9), r); err == nil {
		t.Error("a reference of 70,000 bytes accepted")
	}
}

func TestCalendarChain(t *testing.T) {
	c := newSmallCalendar(9)
	chain := c.chain(t, 3, 8)
	data := chain.Append(nil)
	again, err := ksi.ParseCalendarChain(data)
	if err != nil || !bytes.Equal(again.Append(nil), data) {
		t.Fatalf("%v", err)
	}
	at, err := again.Time()
	root, rootErr := again.Root()
	if at != 3 || err != nil || again.PublicationTime() != 8 || again.Input() != c[3].Imprint() || rootErr != nil ||
		root != c.publication(t, 8).Root {
		t.Errorf("time %d, %v; publication %d; input %v; root %v, %v", at, err, again.PublicationTime(), again.Input(), root, rootErr)
	}
	for i := range data {
		if _, err := ksi.ParseCalendarChain(data[:i]); err == nil {
			t.Errorf("cut to %d bytes: accepted", i)
		}
	}
	if _, err := ksi.ParseCalendarChain(ksitest.Demo()); err == nil {
		t.Error("a signature accepted as a calendar chain")
	}
}

// TestShiftLevel shifts signatures up and down again, and has the tree that a level stands for verified.
func TestShiftLevel(t *testing.T) {
	parts := demoParts(t)
	parts.Chains[0][0].Correction = 7
	s := build(t, parts)
	document := s.InputImprint()
	for by, want := range map[int]ksi.Code{-7: ksi.INT01, -1: ksi.INT01, 0: "", 1: ksi.INT01, 200: ksi.INT01} {
		shifted, err := s.ShiftLevel(by)
		if err != nil {
			t.Fatalf("by %d: %v", by, err)
		}
		if r := ksi.Verify(t.Context(), shifted, ksi.Options{Document: &document}); r.Code != want && !(want == ksi.INT01 && r.Code == ksi.INT03) {
			t.Errorf("by %d: %v", by, r)
		}
		back, err := shifted.ShiftLevel(-by)
		if err != nil || !bytes.Equal(back.Append(nil), s.Append(nil)) {
			t.Errorf("by %d and back: %v", by, err)
		}
	}
	for _, by := range []int{-8, 249, 255, 1 << 40} {
		if _, err := s.ShiftLevel(by); err == nil {
			t.Errorf("by %d: accepted", by)
		}
	}
	if _, err := parse(t, withRFC3161(t)).ShiftLevel(1); err == nil {
		t.Error("a signature with an RFC 3161 record shifted")
	}
}
