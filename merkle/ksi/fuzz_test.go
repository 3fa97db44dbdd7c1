package ksi_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// FuzzParse parses any bytes.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(unhex(f, demo))
	f.Add(withRFC3161(f))
	f.Add(build(f, unsignedParts(f)).Append(nil))
	f.Add(edit(f, unhex(f, demo), "set 801.7 031d 03000454657374"+strings.Repeat("00", 22)))
	f.Fuzz(checkParsed)
}

// FuzzElement puts an element of any tag and value in the place of one element of a sound signature, so that the fault
// stands deep inside sound surroundings.
func FuzzElement(f *testing.F) {
	bases := [][]byte{unhex(f, demo), withRFC3161(f), build(f, unsignedParts(f)).Append(nil)}
	f.Add(uint8(0), uint8(7), uint16(4), uint8(0), unhex(f, "7e0101 0105 6a75726100"))
	f.Add(uint8(1), uint8(2), uint16(3), uint8(0x60), []byte{5})
	f.Add(uint8(2), uint8(60), uint16(0x10), uint8(0x20), unhex(f, "02016a 0421"))
	f.Fuzz(func(t *testing.T, base, place uint8, tag uint16, flags uint8, value []byte) {
		root := takeApart(t, bases[int(base)%len(bases)])
		all := root.all(nil)
		n := all[int(place)%len(all)]
		n.tag, n.flags, n.value, n.nodes = tlv.Tag(tag%0x2000), tlv.Flags(flags&0x60), value, nil
		if len(value) < 1<<12 {
			checkParsed(t, root.append(nil))
		}
	})
}

// all appends n and all below it to dst.
func (n *node) all(dst []*node) []*node {
	dst = append(dst, n)
	for _, c := range n.nodes {
		dst = c.all(dst)
	}
	return dst
}

// unsignedParts returns ownParts with an authentication that nobody made.
func unsignedParts(tb testing.TB) ksi.Parts {
	p := ownParts(tb)
	p.Authentication = &ksi.Authentication{SignatureType: ksi.SHA256WithRSA, Signature: bytes.Repeat([]byte{0xa5}, 256),
		CertificateID: []byte{1, 2, 3, 4}}
	return p
}

// checkParsed parses data. What is accepted comes back to the byte, and verifies, prints and becomes JSON without a panic.
func checkParsed(t *testing.T, data []byte) {
	s, err := ksi.Parse(data)
	if err != nil {
		return
	}
	checkRoundTrip(t, s, data)
	document := s.InputImprint()
	o := ksi.Options{Document: &document}
	if p, ok := s.PublishedData(); ok {
		o.Publication = &p
	}
	for _, o.Policy = range []ksi.Policy{ksi.Internal, ksi.KeyBased, ksi.UserPublication} {
		if r := ksi.Verify(t.Context(), s, o); (r.Verdict == ksi.OK) != (r.Code == "") || r.Sentence == "" || r.Code == ksi.GEN01 {
			t.Fatalf("policy %v: %+v", o.Policy, r)
		}
	}
	if !json.Valid(s.JSON()) {
		t.Fatalf("JSON %s", s.JSON())
	}
	var text bytes.Buffer
	if err := s.Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, r := range text.String() {
		if r < ' ' && r != '\n' {
			t.Fatalf("control character %q in %q", r, text.String())
		}
	}
	s.Issuers()
}

// FuzzPublicationString reads any text as a publication string. What is accepted, written and read again is the same
// publication, and the same text but for case, dashes and white space.
func FuzzPublicationString(f *testing.F) {
	f.Add("")
	f.Add(demoPublication)
	f.Add(strings.ToLower(demoPublication))
	f.Add("AAAAAA-CJS5NQ-AAPOD6-6I7U75-PD6RDO-PCM7PZ-V4RWCG-Y4LPSE-6AQKXC-YUDHET-M4WE23-XFPW6G")
	f.Add(ksi.Publication{Time: 1 << 62, Root: imprintOf(f, append([]byte{byte(merkle.SHA512)}, make([]byte, 64)...))}.String())
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ksi.ParsePublication(text)
		if err != nil {
			return
		}
		written := p.String()
		if again, err := ksi.ParsePublication(written); err != nil || again != p {
			t.Fatalf("%q reads %v, which is written %q and reads %v, %v", text, p, written, again, err)
		}
		bare := func(s string) string { return strings.Join(strings.FieldsFunc(strings.ToUpper(s), notBase32), "") }
		if bare(text) != bare(written) {
			t.Fatalf("%q is written %q", text, written)
		}
	})
}

func notBase32(r rune) bool { return !('A' <= r && r <= 'Z' || '2' <= r && r <= '7' || r == '=') }
