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
)

var rewriteGolden = flag.Bool("rewrite", false, "write the golden files anew")

// demo is a complete small signature that libksi and goksi accept: "hello\n" filed at second 5 of a calendar of 8 leaves,
// where leaf i is the SHA-256 of the byte i but for leaf 5.
const demo = `
88000137
 88010062
  020105 030105
  0521 015891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
  060101
  070c 040a 7e0101 01 05 64656d6f00
  0826 010102 0221 01968ccf654c356f62f975bb400498d62afd2728c16873286db07087ff4608f3c7
 88020092
  010107 020105
  0521 0174f42ebeb2c942d289e36562f42862d889f370ef3d288b7c5cb2334d5bc8a9ba
  0821 01e52d9c508c502347344d8c07ad91cbd6068afc75ff6292f062a09ca381c89e71
  0721 018d51341cb09acc303b939b5bad0f703a1744cf899816be006e60df88c09e5d8d
  0821 018fdcd35f1402e27353557c7cab2a17ae3c61257c38f8bd4b20a4809a2c3fbcef
 88030037
  1026 020107 0421 01e6b7f51f15c7fa177ff356ca05abf0e61d176368c3b1687a82d50f91e8c7ed87
  090d 44656d6f2047617a6574746500`

const demoPublication = "AAAAAA-AAAAAA-OAPGW7-2R6FOH-7ILX74-2WZIC2-X4HGDU-LWG2GD-WFUHVA-WVB6I6-RR7NQ7-IQAAP4"

// demoParts are the parts of demo, made from its description.
func demoParts(tb testing.TB) ksi.Parts {
	leaf := func(i byte) merkle.Digest { return sha256.Sum256([]byte{i}) }
	left := calendar.HashNode(calendar.HashNode(leaf(0), leaf(1)), calendar.HashNode(leaf(2), leaf(3)))
	return ksi.Parts{
		Round: 5,
		Leaf:  merkle.Digest(sha256.Sum256([]byte("hello\n"))).Imprint(),
		Chains: []merkle.Chain{{
			{Left: true, Metadata: unhex(tb, "7e0101 01 05 64656d6f00")},
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
	want := unhex(t, demo)
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
	if got, _ := s.PublishedData(); got != p || !s.Extended() || s.Time() != 5 || s.InputImprint() != document || s.Len() != 315 {
		t.Errorf("facts: %v, extended %v, time %v, input %v", got, s.Extended(), s.Time(), s.InputImprint())
	}
	if got := s.Issuers(); len(got) != 1 || got[0] != (ksi.Issuer{Client: "demo"}) {
		t.Errorf("issuers %v", got)
	}
	if got := s.References(); len(got) != 1 || got[0] != "Demo Gazette" || s.CertificateID() != nil {
		t.Errorf("references %q, certificate %x", got, s.CertificateID())
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
		"demo":     parse(t, unhex(t, demo)),
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
	if got := s.References(); got != nil {
		t.Errorf("references %q", got)
	}
}
