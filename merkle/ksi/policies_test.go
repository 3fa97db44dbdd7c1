package ksi_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// filedAt is when the signatures of a policyWorld are of; publications follow at the other two.
const (
	filedAt     calendar.Second = 5
	publishedAt calendar.Second = 9
	laterAt     calendar.Second = 12
)

// A policyWorld is a small calendar and signatures of one document in it.
type policyWorld struct {
	calendar               smallCalendar
	certificate            ksi.Certificate
	fresh, extended, alone *ksi.Signature // the last has no calendar chain
	publication            *ksi.Publication
	file                   *ksi.PublicationsFile
}

func newPolicyWorld(tb testing.TB) *policyWorld {
	tb.Helper()
	c := newSmallCalendar(20)
	parts := c.parts(tb, filedAt)
	w := &policyWorld{calendar: c, certificate: calendarCertificate(tb, filedAt.Time())}
	var err error
	if parts.Authentication, err = ksi.SignAuthentication(nil, calendarKey(), w.certificate, published(tb, parts)); err != nil {
		tb.Fatal(err)
	}
	w.fresh = build(tb, parts)
	r := c.publication(tb, publishedAt)
	w.publication = &r.Publication
	if w.extended, err = w.fresh.Extend(c.chain(tb, filedAt, publishedAt), r); err != nil {
		tb.Fatal(err)
	}
	w.alone = parse(tb, edit(tb, w.fresh.Append(nil), "drop 802", "drop 805"))
	w.file = w.publish(tb, c, 2, publishedAt, laterAt)
	return w
}

// publish returns a publications file with publications of the calendar.
func (w *policyWorld) publish(tb testing.TB, c smallCalendar, seconds ...calendar.Second) *ksi.PublicationsFile {
	tb.Helper()
	contents := ksi.Contents{Certificates: []ksi.Certificate{w.certificate}}
	for _, t := range seconds {
		contents.Publications = append(contents.Publications, c.publication(tb, t))
	}
	return parseFile(tb, newPublisher(tb, email, time.Now()).file(tb, contents))
}

// other returns the calendar with another leaf at second t.
func (c smallCalendar) other(t calendar.Second) smallCalendar {
	d := append(smallCalendar(nil), c...)
	d[t] = merkle.Digest{9}
	return d
}

// An extenderFunc is an Extender.
type extenderFunc func(from, to calendar.Second) (*ksi.CalendarChain, error)

func (f extenderFunc) Extend(_ context.Context, from, to calendar.Second) (*ksi.CalendarChain, error) {
	return f(from, to)
}

// extender returns an extender of the calendar whose answers are edited by the commands.
func (c smallCalendar) extender(tb testing.TB, commands ...string) ksi.Extender {
	return extenderFunc(func(from, to calendar.Second) (*ksi.CalendarChain, error) {
		if to == 0 {
			to = calendar.Second(len(c) - 1)
		}
		return ksi.ParseCalendarChain(edit(tb, c.chain(tb, from, to).Append(nil), commands...))
	})
}

// TestExtenderLies has extenders answer wrong, and right, where a policy asks them.
func TestExtenderLies(t *testing.T) {
	w := newPolicyWorld(t)
	c := w.calendar
	answers := func(err error) ksi.Extender {
		return extenderFunc(func(_, _ calendar.Second) (*ksi.CalendarChain, error) { return nil, err })
	}
	next := extenderFunc(func(from, to calendar.Second) (*ksi.CalendarChain, error) {
		return c.chain(t, from+1, max(to, from+1)), nil
	})
	relabelled := extenderFunc(func(from, to calendar.Second) (*ksi.CalendarChain, error) {
		return ksi.ParseCalendarChain(edit(t, c.chain(t, from+1, max(to, from+1)).Append(nil), "set 2 05"))
	})
	for _, x := range []struct {
		name     string
		extender ksi.Extender
		// Codes for a publication, for the signatures that are fresh, extended and without calendar chain under CalendarBased.
		publication, fresh, extended, alone ksi.Code
	}{
		{"the truth", c.extender(t), "", "", "", ""},
		{"no extender", nil, ksi.GEN02, ksi.GEN02, ksi.GEN02, ksi.GEN02},
		{"an error", answers(errors.New("out of order")), ksi.GEN02, ksi.GEN02, ksi.GEN02, ksi.GEN02},
		{"nothing", answers(nil), ksi.GEN02, ksi.GEN02, ksi.GEN02, ksi.GEN02},
		{"another past", c.other(4).extender(t), ksi.PUB01, ksi.CAL04, ksi.CAL01, ""},
		{"another future", c.other(8).extender(t), ksi.PUB01, "", ksi.CAL01, ""},
		{"another input", c.other(filedAt).extender(t), ksi.PUB01, ksi.CAL02, ksi.CAL01, ksi.CAL02},
		{"another publication time", c.extender(t, "set 1 0f"), ksi.PUB02, ksi.GEN02, ksi.GEN02, ksi.CAL03},
		{"another time", c.extender(t, "set 2 06"), ksi.PUB02, ksi.CAL03, ksi.CAL03, ksi.CAL03},
		{"no time", c.extender(t, "drop 2"), ksi.PUB02, "", ksi.CAL03, ksi.CAL03},
		{"the next second", next, ksi.PUB02, ksi.GEN02, ksi.CAL02, ksi.CAL02},
		{"the next second as if it were this one", relabelled, ksi.PUB02, ksi.GEN02, ksi.CAL02, ksi.CAL02},
		{"a right link more", c.extender(t, "double 8"), ksi.PUB01, ksi.CAL04, ksi.CAL01, ksi.CAL03},
		{"a right link less", c.extender(t, "drop 8"), ksi.PUB01, ksi.CAL04, ksi.CAL01, ksi.CAL03},
		{"SHA-1 after 2016", c.extender(t, "add 8 0715"+strings.ReplaceAll(someSHA1, " ", ""), "set 1 6b024e2a"),
			ksi.GEN02, ksi.GEN02, ksi.GEN02, ksi.CAL03},
		{"SM3", c.extender(t, "add 8 07210b"+strings.Repeat("07", 32)), ksi.GEN02, ksi.CAL03, ksi.GEN02, ksi.CAL03},
	} {
		for _, v := range []struct {
			s    *ksi.Signature
			o    ksi.Options
			code ksi.Code
		}{
			{w.fresh, ksi.Options{Policy: ksi.UserPublication, Publication: w.publication}, x.publication},
			{w.alone, ksi.Options{Policy: ksi.UserPublication, Publication: w.publication}, x.publication},
			{w.fresh, ksi.Options{Policy: ksi.PublicationsFileBased, PublicationsFile: w.file}, x.publication},
			{w.fresh, ksi.Options{Policy: ksi.CalendarBased}, x.fresh},
			{w.extended, ksi.Options{Policy: ksi.CalendarBased}, x.extended},
			{w.alone, ksi.Options{Policy: ksi.CalendarBased}, x.alone},
		} {
			v.o.Extender = x.extender
			r := ksi.Verify(t.Context(), v.s, v.o)
			if r.Code != v.code || r.Verdict != wantVerdict(v.code) || r.Sentence == "" || r.Policy != v.o.Policy {
				t.Errorf("%s, policy %v: %v (rule %q), want %q", x.name, v.o.Policy, r, r.Rule, v.code)
			}
		}
	}
}

// inFile, user and general are short for the policies that the tables below are about.
const inFile, user, general = ksi.PublicationsFileBased, ksi.UserPublication, ksi.General

// A policyCase is a verification and what it must find.
type policyCase struct {
	s       *ksi.Signature
	o       ksi.Options
	code    ksi.Code
	rule    string
	decides ksi.Policy
	at      calendar.Second // of Result.Publication; 0 for none
}

func checkPolicies(t *testing.T, cases []policyCase) {
	t.Helper()
	for _, x := range cases {
		r := ksi.Verify(t.Context(), x.s, x.o)
		var at calendar.Second
		if r.Publication != nil {
			at = r.Publication.Time
		}
		if r.Code != x.code || r.Rule != x.rule || r.Policy != x.decides || at != x.at || r.Verdict != wantVerdict(x.code) || r.Sentence == "" {
			t.Errorf("policy %v: %v, rule %q, decided by %v, publication of %d; want %q, rule %q, %v, %d", x.o.Policy, r, r.Rule,
				r.Policy, at, x.code, x.rule, x.decides, x.at)
		}
	}
}

// TestPublicationPolicies verifies sound and unsound signatures under the policies that rest on publications.
func TestPublicationPolicies(t *testing.T) {
	w := newPolicyWorld(t)
	c, file := w.calendar, w.file
	elsewhere := c.other(filedAt) // a calendar that the document is not in
	fileElsewhere := w.publish(t, elsewhere, publishedAt)
	later, old := c.publication(t, laterAt).Publication, c.publication(t, 2).Publication
	foreign := elsewhere.publication(t, publishedAt).Publication
	own := c.publication(t, filedAt).Publication
	truth, lie := c.extender(t), elsewhere.extender(t)
	checkPolicies(t, []policyCase{
		{w.extended, ksi.Options{Policy: user, Publication: w.publication}, "", "", user, publishedAt},
		{w.extended, ksi.Options{Policy: user, Publication: &foreign}, ksi.PUB04, "publication given and in the signature", user, publishedAt},
		{w.extended, ksi.Options{Policy: user, Publication: &later}, ksi.GEN02, "extending permitted", user, laterAt},
		{w.extended, ksi.Options{Policy: user, Publication: &later, Extender: truth}, "", "", user, laterAt},
		{w.extended, ksi.Options{Policy: user, Publication: &old, Extender: truth}, ksi.GEN02, "publication not before the signature", user, 2},
		{w.extended, ksi.Options{Policy: user}, ksi.GEN02, "publication given", user, 0},
		{w.fresh, ksi.Options{Policy: user, Publication: &own, Extender: truth}, "", "", user, filedAt},
		{w.fresh, ksi.Options{Policy: user, Publication: &foreign, Extender: lie}, ksi.PUB03, "extended calendar input", user, publishedAt},

		{w.extended, ksi.Options{Policy: inFile, PublicationsFile: file}, "", "", inFile, publishedAt},
		{w.extended, ksi.Options{Policy: inFile, PublicationsFile: fileElsewhere}, ksi.PUB05, "publication in the file and in the signature", inFile, publishedAt},
		{w.extended, ksi.Options{Policy: inFile, PublicationsFile: w.publish(t, c, laterAt)}, ksi.GEN02, "extending permitted", inFile, laterAt},
		{w.extended, ksi.Options{Policy: inFile, PublicationsFile: w.publish(t, c, laterAt), Extender: truth}, "", "", inFile, laterAt},
		{w.extended, ksi.Options{Policy: inFile}, ksi.GEN02, "publications file given", inFile, 0},
		{w.fresh, ksi.Options{Policy: inFile, PublicationsFile: w.publish(t, c, 2, 4), Extender: truth}, ksi.GEN02, "publication in the file", inFile, 0},
		{w.fresh, ksi.Options{Policy: inFile, PublicationsFile: w.publish(t, c, 2, filedAt), Extender: truth}, "", "", inFile, filedAt},
		{w.fresh, ksi.Options{Policy: inFile, PublicationsFile: fileElsewhere, Extender: lie}, ksi.PUB03, "extended calendar input", inFile, publishedAt},
		{w.alone, ksi.Options{Policy: inFile, PublicationsFile: file, Extender: truth}, ksi.GEN02, "calendar chain present", inFile, 0},

		{w.fresh, ksi.Options{Policy: ksi.KeyBased, PublicationsFile: file}, "", "", ksi.KeyBased, 0},
		{w.extended, ksi.Options{Policy: ksi.KeyBased, PublicationsFile: file}, ksi.GEN02, "authentication record present", ksi.KeyBased, 0},
	})
}

// TestGeneral verifies signatures under General, by all that may be given.
func TestGeneral(t *testing.T) {
	w := newPolicyWorld(t)
	c, file := w.calendar, w.file
	elsewhere := c.other(filedAt)
	fileElsewhere := w.publish(t, elsewhere, publishedAt)
	foreign := elsewhere.publication(t, publishedAt).Publication
	truth, lie := c.extender(t), elsewhere.extender(t)
	certificates := []ksi.Certificate{w.certificate}
	broken := parse(t, edit(t, w.fresh.Append(nil), "flip 802.5"))
	forged := parse(t, edit(t, w.fresh.Append(nil), "flip 805.b.2"))
	checkPolicies(t, []policyCase{
		{w.fresh, ksi.Options{Policy: general}, ksi.GEN02, "certificate known", general, 0},
		{w.alone, ksi.Options{Policy: general, PublicationsFile: file, Extender: truth}, ksi.GEN02, "calendar chain present", general, 0},
		{w.extended, ksi.Options{Policy: general, Certificates: certificates}, ksi.GEN02, "authentication record present", general, 0},
		{w.fresh, ksi.Options{Policy: general, Certificates: certificates}, "", "", ksi.KeyBased, 0},
		{w.fresh, ksi.Options{Policy: general, PublicationsFile: file}, "", "", ksi.KeyBased, 0},
		{w.fresh, ksi.Options{Policy: general, PublicationsFile: file, Extender: truth}, "", "", inFile, publishedAt},
		{w.fresh, ksi.Options{Policy: general, PublicationsFile: file, Extender: lie}, ksi.PUB01, "extended calendar root", inFile, publishedAt},
		{w.extended, ksi.Options{Policy: general, PublicationsFile: file}, "", "", inFile, publishedAt},
		{w.extended, ksi.Options{Policy: general, PublicationsFile: fileElsewhere}, ksi.PUB05, "publication in the file and in the signature", inFile, publishedAt},
		{w.extended, ksi.Options{Policy: general, Publication: w.publication, PublicationsFile: fileElsewhere}, "", "", user, publishedAt},
		{w.fresh, ksi.Options{Policy: general, Publication: w.publication, PublicationsFile: file}, ksi.GEN02, "extending permitted", user, publishedAt},
		{w.fresh, ksi.Options{Policy: general, Publication: &foreign, PublicationsFile: file, Extender: truth}, ksi.PUB01, "extended calendar root", user, publishedAt},
		{forged, ksi.Options{Policy: general, PublicationsFile: file}, ksi.KEY02, "calendar key signature", ksi.KeyBased, 0},
		{broken, ksi.Options{Policy: general, PublicationsFile: file}, ksi.INT03, "calendar input", general, 0},
	})
	r := ksi.Verify(t.Context(), w.fresh, ksi.Options{Policy: general})
	for _, want := range []string{"no publications file was given", "certificate " + hex.EncodeToString(w.certificate.ID)} {
		if !strings.Contains(r.Sentence, want) {
			t.Errorf("no %q in %q", want, r.Sentence)
		}
	}
	later := c.publication(t, laterAt).Publication
	for name, r := range map[string]ksi.Result{
		"one":    ksi.Verify(t.Context(), w.extended, ksi.Options{Policy: general, Publication: &later}),
		"one of": ksi.VerifyOneOf(t.Context(), w.extended, &ksi.Options{Policy: general, Publication: &later}),
	} {
		if want := fmt.Sprintf("it rests on the publication of %s, not on that of %s", w.publication.Time, later.Time); !strings.Contains(r.Sentence, want) {
			t.Errorf("%s: no %q in %q", name, want, r.Sentence)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	for p := ksi.Internal; p <= ksi.General; p++ {
		if got, err := ksi.ParsePolicy(p.String()); got != p || err != nil {
			t.Errorf("%v reads %v, %v", p, got, err)
		}
	}
	if _, err := ksi.ParsePolicy("key"); err == nil || !strings.Contains(err.Error(), "internal, key-based, ") {
		t.Errorf("%v", err)
	}
}

// namedCertificates returns certificates of calendarKey for two ledgers, the first that of ownParts.
func namedCertificates(t *testing.T) map[string]ksi.Certificate {
	certificates := map[string]ksi.Certificate{}
	for _, name := range []string{"jurat.example", "evil.example"} {
		der, err := ksi.NewCalendarCertificate(rand.Reader, calendarKey(), name, ownRound.Time(), ownRound.Time())
		if err != nil {
			t.Fatal(err)
		}
		if certificates[name], err = ksi.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	return certificates
}

// TestNamedPublications: the publications of one ledger decide for the proofs of no other, where there may be several.
func TestNamedPublications(t *testing.T) {
	parts := ownParts(t)
	parts.Notice = &ksi.Notice{}
	s, publisher := build(t, parts), newPublisher(t, email, time.Now())
	for name, certificate := range namedCertificates(t) {
		file := parseFile(t, publisher.file(t, ksi.Contents{Created: ownRound, Certificates: []ksi.Certificate{certificate},
			Publications: []ksi.PublicationRecord{{Publication: published(t, parts)}}}))
		for _, policy := range []ksi.Policy{ksi.PublicationsFileBased, ksi.General} {
			o := ksi.Options{Policy: policy, PublicationsFile: file}
			if r := ksi.Verify(t.Context(), s, o); r.Verdict != ksi.OK {
				t.Errorf("the file of %s: %s", name, r)
			}
			r := ksi.VerifyOneOf(t.Context(), s, &o)
			if (r.Verdict == ksi.OK) != (name == "jurat.example") || r.Verdict == ksi.FAIL || r.Verdict == ksi.NA && !strings.Contains(r.Sentence, `key of "jurat.example"`) {
				t.Errorf("the file of %s, for one of several: %s", name, r)
			}
		}
	}
}

// TestOneCalendar: a publication string that confirmed a proof of one ledger confirms none of another, whichever of the two came first.
func TestOneCalendar(t *testing.T) {
	part, names := &calendar.Part{}, []string{"jurat.example", "evil.example"}
	metadata := func(i int) []byte {
		return (&merkle.Metadata{ClientID: "jura", MachineID: names[i] + "/main", Sequence: 1, TimeMicros: uint64(ownRound+calendar.Second(i)) * 1e6}).Append(nil)
	}
	leaf := merkle.Digest{1}.Imprint()
	for i := range names {
		if err := part.Append(ownRound+calendar.Second(i), merkle.SlotNode(leaf, metadata(i))); err != nil {
			t.Fatal(err)
		}
	}
	signatures := make([]*ksi.Signature, len(names))
	for i := range names {
		chain, err := calendar.Prove(part, ownRound+calendar.Second(i), ownRound+9)
		if err != nil {
			t.Fatal(err)
		}
		signatures[i] = build(t, ksi.Parts{Round: ownRound + calendar.Second(i), Leaf: leaf, Chains: []merkle.Chain{{merkle.IssuerLink(metadata(i), 0, 1)}},
			CalendarTime: ownRound + 9, Calendar: chain, Notice: &ksi.Notice{}})
	}
	p, _ := signatures[0].PublishedData()
	for _, order := range [][]int{{0, 1, 0}, {1, 0, 1}} {
		o := ksi.Options{Policy: ksi.General, Publication: &p}
		for k, i := range order {
			r := ksi.VerifyOneOf(t.Context(), signatures[i], &o)
			if (r.Verdict == ksi.OK) != (k != 1) || r.Verdict != ksi.OK && !strings.Contains(r.Sentence, "a calendar is that of one ledger") {
				t.Errorf("%d, of %s: %s", k, names[i], r)
			}
		}
	}
}

// TestNamed: a key that is trusted for one ledger decides for the proofs of no other, and of none that names no ledger.
func TestNamed(t *testing.T) {
	parts := ownParts(t)
	certificates := namedCertificates(t)
	foreign := ownParts(t)
	foreign.Chains = []merkle.Chain{foreign.Chains[1]} // from the lane's node on: it names nobody
	for _, c := range []struct {
		name         string
		parts        ksi.Parts
		signer       string
		given, named ksi.Verdict
		words        string
	}{
		{"its own key", parts, "jurat.example", ksi.OK, ksi.OK, "confirmed by the calendar key of CN=jurat.example"},
		{"another's key", parts, "evil.example", ksi.OK, ksi.NA, `is known as that of "evil.example" alone, and the proof says that it is of "jurat.example"`},
		{"of no ledger", foreign, "evil.example", ksi.OK, ksi.NA, `is known as that of "evil.example" alone, and the proof names no ledger`},
	} {
		certificate := certificates[c.signer]
		var err error
		if c.parts.Authentication, err = ksi.SignAuthentication(nil, calendarKey(), certificate, published(t, c.parts)); err != nil {
			t.Fatal(err)
		}
		s := build(t, c.parts)
		for _, policy := range []ksi.Policy{ksi.KeyBased, ksi.General} {
			given := ksi.Verify(t.Context(), s, ksi.Options{Policy: policy, Certificates: []ksi.Certificate{certificate}})
			named := ksi.Verify(t.Context(), s, ksi.Options{Policy: policy, Named: []ksi.Certificate{certificate}})
			if given.Verdict != c.given || named.Verdict != c.named || !strings.Contains(named.Sentence, c.words) {
				t.Errorf("%s: given %s, named %s", c.name, given, named)
			}
			if rests := named.Certificate; (rests != nil) != (c.named == ksi.OK) || rests != nil && rests.X509 != certificate.X509 {
				t.Errorf("%s rests on %v", c.name, rests)
			}
		}
	}
}
