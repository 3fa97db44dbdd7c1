package ksi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

const someSHA1 = "00 0102030405060708090a0b0c0d0e0f1011121314"

// brokenRules are changes to sound signatures and the codes they must give; an empty code stands for none.
var brokenRules = []struct {
	code     ksi.Code
	base     string
	commands []string
}{{"", "own", nil},
	{"", "rfc3161", nil},
	{ksi.INT13, "own", []string{"set 801.5 " + someSHA1}},
	{ksi.INT13, "rfc3161", []string{"set 806.5 " + someSHA1}},
	{ksi.INT14, "rfc3161", []string{"set 806.12"}},
	{ksi.INT14, "rfc3161", []string{"set 806.15"}},
	{ksi.INT17, "rfc3161", []string{"set 801.5 " + someSHA1}},
	{ksi.INT12, "rfc3161", []string{"set 806.3 05"}},
	{ksi.INT12, "rfc3161", []string{"double 806.3"}},
	{ksi.INT02, "rfc3161", []string{"set 806.2 6b024e2b"}},
	{ksi.INT01, "rfc3161", []string{"flip 806.5"}},
	{ksi.INT01, "rfc3161", []string{"flip 806.10"}},
	{ksi.INT01, "rfc3161", []string{"flip 806.14"}},
	{ksi.INT01, "rfc3161", []string{"set 806.12 05"}},
	{ksi.GEN02, "rfc3161", []string{"set 806.12 0b"}},
	{ksi.GEN02, "rfc3161", []string{"set 806.15 0b"}},
	{ksi.INT01, "rfc3161", []string{"flip 801.5"}},
	{ksi.INT11, "own", []string{"set 801.7.4 1e020101 0105 6a75726100"}},
	{ksi.INT11, "own", []string{"set 801.7.4 7e0101 0105 6a757261 00 030105"}},
	{ksi.INT11, "own", []string{"set 801.7.4 01056a75726100 7e0101"}},
	{ksi.INT11, "own", []string{"set 801.7.4 7e020102 01056a75726100"}},
	{ksi.INT11, "own", []string{"set 801.7.4 011f" + strings.Repeat("61", 30) + "00"}}, // an imprint by its bytes
	{ksi.INT01, "own", []string{"set 801.7.4 01056a75726100"}},                         // no padding, but no imprint either
	{ksi.INT15, "own", []string{"set 801#1.6"}},
	{ksi.INT12, "own", []string{"set 801.3 05"}},
	{ksi.INT12, "own", []string{"double 801.3"}},
	{ksi.INT12, "own", []string{"double 801#1.3"}},
	{ksi.INT02, "own", []string{"set 801#1.2 6b024e2b"}},
	{ksi.INT01, "own", []string{"flip 801#1.5"}},
	{ksi.INT01, "own", []string{"flip 801.8.2"}},
	{ksi.INT01, "own", []string{"set 801.8.1 02"}},
	{ksi.INT01, "own", []string{"set 801.7.1 3c"}},
	{ksi.INT10, "own", []string{"set 801.3#1 05"}},
	{ksi.INT10, "own", []string{"set 801.3 05", "set 801#1.3 05"}},
	{ksi.INT10, "own", slices.Repeat([]string{"double 801#1.8"}, 62)}, // 64 links have no chain index
	{ksi.INT03, "own", []string{"flip 801#1.7.2"}},
	{ksi.INT03, "own", []string{"flip 802.5"}},
	{ksi.INT04, "own", []string{"set 802.2 6b024e2b"}},
	{ksi.INT04, "own", []string{"drop 802.2", "set 802.1 6b024e2b"}},
	{ksi.INT05, "own", []string{"set 801.2 6b024e2b", "set 801#1.2 6b024e2b", "set 802.2 6b024e2b"}},
	{ksi.INT05, "own", []string{"drop 802.8"}},
	{ksi.INT05, "own", []string{"double 802.8"}},
	{ksi.INT06, "own", []string{"set 805.10.2 6b024e2b"}},
	{ksi.INT08, "own", []string{"flip 805.10.4"}},
	{ksi.INT08, "own", []string{"flip 802.8#2"}},
	{ksi.INT07, "rfc3161", []string{"set 803.10.2 6b024e2b"}},
	{ksi.INT09, "rfc3161", []string{"flip 803.10.4"}},
	{ksi.INT09, "rfc3161", []string{"flip 802.8#2"}},
	{"", "own", []string{"drop 802.2"}},
	{"", "own", []string{"add 801.2 c499 0002 ffff", "add 802 c499 0000", "add 805.b.1 4501aa"}},
	{ksi.GEN02, "own", []string{"set 801#1.6 0b"}},
	{ksi.KEY02, "own", []string{"flip 805.b.2"}},
	{ksi.KEY02, "own", []string{"set 805.b.1 312e3200"}},
	{ksi.GEN02, "own", []string{"flip 805.b.3"}},
	{ksi.GEN02, "own", []string{"drop 805"}},
	{ksi.GEN02, "own", []string{"drop 805", "drop 802"}},
}

// TestRules breaks one thing after the other in sound signatures and expects the code for it.
func TestRules(t *testing.T) {
	cert := calendarCertificate(t, ownRound.Time())
	bases := map[string][]byte{"own": build(t, signedParts(t, cert)).Append(nil), "rfc3161": withRFC3161(t)}
	for _, c := range brokenRules {
		s, err := ksi.Parse(edit(t, bases[c.base], c.commands...))
		if err != nil {
			t.Errorf("%q: %v", c.commands, err)
			continue
		}
		o := ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{cert}}
		if s.Extended() {
			o.Policy = ksi.Internal
		}
		r := ksi.Verify(t.Context(), s, o)
		if r.Code != c.code {
			t.Errorf("%q: %v by rule %q, want %s", c.commands, r, r.Rule, c.code)
		}
		wantVerdict := ksi.FAIL
		switch c.code {
		case "":
			wantVerdict = ksi.OK
		case ksi.GEN02:
			wantVerdict = ksi.NA
		}
		if r.Verdict != wantVerdict || r.Sentence == "" || (r.Rule == "") != (wantVerdict == ksi.OK) {
			t.Errorf("%q: %v, rule %q", c.commands, r, r.Rule)
		}
	}
}

func TestDocument(t *testing.T) {
	plain := build(t, demoParts(t))
	parts := demoParts(t)
	parts.Chains[0][0].Correction = 7
	rooted := build(t, parts)
	right := plain.InputImprint()
	wrong := merkle.Digest{}.Imprint()
	long, err := merkle.NewImprint(merkle.SHA512, make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		s        *ksi.Signature
		document *merkle.Imprint
		level    merkle.Level
		code     ksi.Code
	}{
		{plain, nil, 0, ""},
		{plain, &right, 0, ""},
		{plain, &wrong, 0, ksi.GEN01},
		{plain, &long, 0, ksi.GEN04},
		{plain, &right, 1, ksi.GEN03},
		{rooted, &right, 7, ""},
		{rooted, &right, 8, ksi.GEN03},
		{parse(t, withRFC3161(t)), &right, 0, ""},
		{parse(t, withRFC3161(t)), &right, 1, ksi.GEN03},
	} {
		if r := ksi.Verify(t.Context(), c.s, ksi.Options{Document: c.document, InputLevel: c.level}); r.Code != c.code {
			t.Errorf("document %v at level %d: %v, want %q", c.document, c.level, r, c.code)
		}
	}
}

func TestUserPublication(t *testing.T) {
	s := build(t, demoParts(t))
	right, _ := s.PublishedData()
	later, other := right, right
	later.Time++
	other.Root = merkle.Digest{}.Imprint()
	sm3 := parse(t, edit(t, s.Append(nil), "set 802.7 0b"+strings.Repeat("07", 32)))
	sha1 := parse(t, edit(t, s.Append(nil), "set 802.7 "+someSHA1))
	for _, c := range []struct {
		s    *ksi.Signature
		p    *ksi.Publication
		code ksi.Code
	}{
		{s, &right, ""},
		{s, nil, ksi.GEN02},
		{s, &later, ksi.GEN02},
		{s, &other, ksi.PUB04},
		{parse(t, edit(t, s.Append(nil), "drop 803")), &right, ksi.GEN02},
		{sha1, &right, ksi.INT09},
		{sm3, &right, ksi.GEN02},
	} {
		if r := ksi.Verify(t.Context(), c.s, ksi.Options{Policy: ksi.UserPublication, Publication: c.p}); r.Code != c.code {
			t.Errorf("publication %v: %v, want %q", c.p, r, c.code)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, c := range []ksi.Code{ksi.GEN01, ksi.GEN02, ksi.INT01, ksi.INT17, ksi.KEY03, ksi.PUB04} {
		if c.Sentence() == "" {
			t.Errorf("%s has no sentence", c)
		}
	}
	if got := ksi.Code("INT-99").Sentence(); got != "" {
		t.Errorf("INT-99: %q", got)
	}
	if got := []string{ksi.OK.String(), ksi.FAIL.String(), ksi.NA.String(), ksi.Internal.String(), ksi.KeyBased.String(),
		ksi.UserPublication.String()}; strings.Join(got, " ") != "OK FAIL NA internal key-based user-publication" {
		t.Errorf("names %q", got)
	}
}

// TestCalendarAlgorithms has a SHA-1 left link in the calendar chain of an extended signature.
func TestCalendarAlgorithms(t *testing.T) {
	parts := ownParts(t)
	parts.CalendarTime++
	parts.Calendar = append(calendar.Chain{{Left: true}}, parts.Calendar...) // ownRound is even: idle second on its right
	parts.Notice = &ksi.Notice{}
	data := edit(t, build(t, parts).Append(nil), "set 802.7 "+someSHA1)
	var decoded struct {
		Calendar struct{ Links []struct{ Hash string } }
	}
	if err := json.Unmarshal(parse(t, data).JSON(), &decoded); err != nil {
		t.Fatal(err)
	}
	links := decoded.Calendar.Links
	// A calendar node has the algorithm of its right child, and all further links are right ones.
	root := strings.Replace(links[len(links)-1].Hash, "sha1:", "00", 1)
	s := parse(t, edit(t, data, "set 803.10.4 "+root))
	p, _ := s.PublishedData()
	o := ksi.Options{Policy: ksi.UserPublication, Publication: &p}
	if r := ksi.Verify(t.Context(), s, ksi.Options{}); r.Verdict != ksi.OK {
		t.Errorf("internal: %v", r)
	}
	if r := ksi.Verify(t.Context(), s, o); r.Verdict != ksi.NA || r.Rule != "calendar algorithms trusted" {
		t.Errorf("deprecated algorithm: %v, rule %q", r, r.Rule)
	}
	defer ksi.SetObsolete(merkle.SHA1, p.Time)()
	if r := ksi.Verify(t.Context(), s, o); r.Code != ksi.INT16 {
		t.Errorf("obsolete algorithm: %v", r)
	}
}
