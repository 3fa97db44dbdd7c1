package ksi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

var rewriteGolden = flag.Bool("rewrite", false, "write the golden files anew")

const demoPublication = "AAAAAA-AAAAAA-OAPGW7-2R6FOH-7ILX74-2WZIC2-X4HGDU-LWG2GD-WFUHVA-WVB6I6-RR7NQ7-IQAAP4"

// demoParts are the parts of ksitest.Demo, made from its description.
func demoParts(tb testing.TB) ksi.Parts {
	leaf := func(i byte) merkle.Digest { return sha256.Sum256([]byte{i}) }
	left := calendar.HashNode(calendar.HashNode(leaf(0), leaf(1)), calendar.HashNode(leaf(2), leaf(3)))
	return ksi.Parts{
		Round: 5,
		Leaf:  merkle.Digest(sha256.Sum256([]byte("hello\n"))).Imprint(),
		Chains: []merkle.Chain{{
			{Left: true, Metadata: merkletest.Unhex("7e0101 01 05 64656d6f00")},
			{Left: false, Correction: 2, Sibling: merkle.Digest(sha256.Sum256([]byte("neighbour"))).Imprint()},
		}},
		CalendarTime: 7,
		Calendar: calendar.Chain{
			{Left: false, Sibling: leaf(4)},
			{Left: true, Sibling: calendar.HashNode(leaf(6), leaf(7))},
			{Left: false, Sibling: left},
		},
		Notice: &ksi.Notice{References: []string{"Demo Gazette"}},
	}
}

func TestWorkedExample(t *testing.T) {
	want := ksitest.Demo()
	if len(want) != 315 {
		t.Fatalf("the example has %d bytes, want 315", len(want))
	}
	if got := build(t, demoParts(t)).Append(nil); !bytes.Equal(got, want) {
		t.Errorf("built:\n%x, want\n%x", got, want)
	}
	s := parse(t, want)
	checkRoundTrip(t, s, want)
	document := merkle.Digest(sha256.Sum256([]byte("hello\n"))).Imprint()
	p, err := ksi.ParsePublication(demoPublication)
	if err != nil {
		t.Fatal(err)
	}
	r := ksi.Verify(t.Context(), s, ksi.Options{Policy: ksi.UserPublication, Document: &document, Publication: &p})
	if r.Verdict != ksi.OK {
		t.Errorf("user publication: %v", r)
	}
	if got, _ := s.PublishedData(); got != p || !s.Extended() || s.Time() != 5 || s.InputImprint() != document || len(s.Append(nil)) != 315 {
		t.Errorf("facts: %v, extended %v, time %v, input %v", got, s.Extended(), s.Time(), s.InputImprint())
	}
	if got := s.Issuers(); len(got) != 1 || got[0] != (ksi.Issuer{Client: "demo"}) {
		t.Errorf("issuers %v", got)
	}
	if r, _ := s.PublicationRecord(); len(r.References) != 1 || r.References[0] != "Demo Gazette" || s.CertificateID() != nil {
		t.Errorf("references %q, certificate %x", r.References, s.CertificateID())
	}
}

// TestGolden compares the text and JSON forms of some signatures with testdata, and so the bytes of our own signatures.
func TestGolden(t *testing.T) {
	alone, extended := ownParts(t), ownParts(t)
	alone.Chains[1] = nil
	extended.CalendarTime++
	extended.Notice = &ksi.Notice{References: []string{"Valsts Vēstnesis, 2026-11-22"},
		Repositories: []string{"https://jurat.example"}}
	// The last bit of ownRound is 0: its sibling in the calendar one second later is that second, idle.
	extended.Calendar = append(calendar.Chain{{Left: true}}, ownParts(t).Calendar...)
	for name, s := range map[string]*ksi.Signature{
		"demo":     parse(t, ksitest.Demo()),
		"fresh":    build(t, unsignedParts(t)),
		"one-slot": build(t, alone),
		"extended": build(t, extended),
		"rfc3161":  parse(t, withRFC3161(t)),
	} {
		t.Run(name, func(t *testing.T) {
			var got, indented bytes.Buffer
			if err := s.Text(&got); err != nil {
				t.Fatal(err)
			}
			if err := json.Indent(&indented, s.JSON(), "", "  "); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&got, "\n%s\n\n%v\n", indented.Bytes(), ksi.Verify(t.Context(), s, ksi.Options{}))
			path := filepath.Join("testdata", name+".golden")
			if *rewriteGolden {
				if err := os.WriteFile(path, got.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want := readFile(t, path); !bytes.Equal(got.Bytes(), want) {
				t.Errorf("differs from %s (-rewrite updates it):\n%s", path, got.Bytes())
			}
		})
	}
}

// TestOddValues prints what a signature may hold and none of ours does.
func TestOddValues(t *testing.T) {
	s := parse(t, edit(t, build(t, unsignedParts(t)).Append(nil),
		"set 801.2 7fffffffffffffff", // beyond RFC 3339
		"set 801.3",                  // a chain index without its leading 1
		"set 801.6 0b",               // SM3
		"set 801.7.4 7e0101 0105 6a751b6100 0408ffffffffffffffff 4b00",
		"add 801.7 c499000101"))
	var text bytes.Buffer
	if err := s.Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"time 9223372036854775807", "chain index 0, no links", "unknown element 0x499, 1 byte",
		"=> cannot be computed here, level 64", `client id "ju\x1ba"`, "request time 18446744073709551615 µs",
		"unknown element 0xb, 0 bytes", "hash algorithm sm3", "=> sha256, level 66"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	for _, want := range []string{`"second":9223372036854775807,"index":[0,6]`, `"level":64,"hash":""`,
		`"request_microsecond":18446744073709551615`, `"client_id":"ju\u001ba"`} {
		if got := s.JSON(); !bytes.Contains(got, []byte(want)) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if r, ok := s.PublicationRecord(); ok {
		t.Errorf("publication record %v", r)
	}
}
