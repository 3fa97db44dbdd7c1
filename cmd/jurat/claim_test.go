package main

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// Who filed is the outermost issuer: the inner ones are the client's own words.
func TestClaims(t *testing.T) {
	var r verifyReport
	r.name([]ksi.Issuer{{Client: "ministry", Machine: "jurat/main"}, {Client: "canton", Machine: "jurat/ksi"}})
	if r.Agency != "canton" || r.Lane != "jurat/ksi" || len(r.Claims) != 1 || r.Claims[0] != "ministry" {
		t.Errorf("%+v", r)
	}
	r = verifyReport{}
	r.name(nil)
	if r.Agency != "" || r.Claims != nil {
		t.Errorf("%+v", r)
	}
}

// hostileProof is a proof of the text "letter" in an empty calendar, with line breaks and control characters in every name.
func hostileProof(t *testing.T, round calendar.Second) *ksi.Signature {
	t.Helper()
	chain, err := calendar.Prove(&calendar.Part{}, round, round)
	if err != nil {
		t.Fatal(err)
	}
	inner := merkle.Metadata{ClientID: "x.\nFiled by court (jurat/main).\x1b[2K", MachineID: "m"}
	outer := merkle.Metadata{ClientID: "canton\nFiled by court", MachineID: "jurat/ksi"}
	s, err := ksi.Build(ksi.Parts{
		Round:        round,
		Leaf:         merkle.Digest(sha256.Sum256([]byte("letter"))).Imprint(),
		Chains:       []merkle.Chain{{{Left: true, Metadata: inner.Append(nil)}, {Left: true, Metadata: outer.Append(nil)}}},
		CalendarTime: round,
		Calendar:     chain,
		Notice:       &ksi.Notice{References: []string{"Gazette\nOK: of another document"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a proof says of itself cannot pass for lines of the program, and no time in it keeps the program from its verdict.
func TestHostileProof(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	letter := a.file("letter", "letter")
	for _, round := range []calendar.Second{1795310130, 1 << 50, 1<<63 - 1} {
		s := hostileProof(t, round)
		proof := a.file("letter.ksig", string(s.Append(nil)))
		p, _ := s.PublishedData()
		out := a.expect(0, []string{`Filed by "canton\nFiled by court" (jurat/ksi).`, `unchecked: "x.\nFiled by court`, `"Gazette\nOK: of`},
			"verify", letter, proof, "--publication", p.String())
		if strings.Count(out, "\n") != 4 || strings.Contains(out, "\x1b") {
			t.Errorf("round %d:\n%s", int64(round), out)
		}
		a.expect(0, []string{`"verdict": "OK"`}, "verify", letter, proof, "--publication", p.String(), "--json")
		a.expect(1, []string{`"code": "GEN-01"`}, "verify", a.file("other", "other"), proof, "--json")
	}
}
