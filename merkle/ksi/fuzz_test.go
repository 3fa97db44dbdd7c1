package ksi_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// FuzzParse parses any bytes.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(ksitest.Demo())
	f.Add(withRFC3161(f))
	f.Add(build(f, unsignedParts(f)).Append(nil))
	f.Add(edit(f, ksitest.Demo(), "set 801.7 031d 03000454657374"+strings.Repeat("00", 22)))
	f.Fuzz(checkParsed)
}

// FuzzElement puts an element of any tag and value in the place of one element of a sound signature, so that the fault
// stands deep inside sound surroundings.
func FuzzElement(f *testing.F) {
	bases := [][]byte{ksitest.Demo(), withRFC3161(f), build(f, unsignedParts(f)).Append(nil)}
	f.Add(uint8(0), uint8(7), uint16(4), uint8(0), merkletest.Unhex("7e0101 0105 6a75726100"))
	f.Add(uint8(1), uint8(2), uint16(3), uint8(0x60), []byte{5})
	f.Add(uint8(2), uint8(60), uint16(0x10), uint8(0x20), merkletest.Unhex("02016a 0421"))
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

// fuzzFile is a publications file with the publication of ksitest.Demo.
var fuzzFile = sync.OnceValue(func() *ksi.PublicationsFile {
	p, err := ksi.ParsePublication(demoPublication)
	if err != nil {
		panic(err)
	}
	key := publicationsKeys()[0]
	der, err := ksi.NewPublicationsRoot(rand.Reader, key, "fuzz", time.Unix(0, 0))
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	data, err := ksi.BuildPublicationsFile(ksi.Contents{Publications: []ksi.PublicationRecord{{Publication: p}}}, key, cert)
	if err != nil {
		panic(err)
	}
	f, err := ksi.ParsePublicationsFile(data)
	if err != nil {
		panic(err)
	}
	return f
})

// checkParsed parses data. What is accepted comes back to the byte, and verifies, prints and becomes JSON without a
// panic. The extender answers from the signature itself.
func checkParsed(t *testing.T, data []byte) {
	s, err := ksi.Parse(data)
	if err != nil {
		return
	}
	checkRoundTrip(t, s, data)
	document := s.InputImprint()
	o := ksi.Options{Document: &document, PublicationsFile: fuzzFile(), Extender: answer{s.CalendarChain()}}
	internal := ksi.Verify(t.Context(), s, o)
	p, published := s.PublishedData()
	for o.Policy = ksi.Internal; o.Policy <= ksi.General; o.Policy++ {
		for _, o.Publication = range []*ksi.Publication{nil, &p} {
			if o.Publication != nil && !published {
				continue
			}
			r := ksi.Verify(t.Context(), s, o)
			if r.Verdict != wantVerdict(r.Code) || r.Sentence == "" || (r.Rule == "") != (r.Verdict == ksi.OK) || r.Code == ksi.GEN01 {
				t.Fatalf("policy %v: %+v", o.Policy, r)
			}
			if internal.Verdict != ksi.OK && (r.Code != internal.Code || r.Rule != internal.Rule) {
				t.Fatalf("policy %v: %+v, internal %+v", o.Policy, r, internal)
			}
		}
	}
	checkLinks(t, s)
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

// FuzzCalendarChain gives any bytes as the answer of an extender. They prove a signature if and only if they are a chain
// from its round to the publication.
func FuzzCalendarChain(f *testing.F) {
	c := newSmallCalendar(20)
	s := c.signature(f, filedAt)
	p := c.publication(f, publishedAt).Publication
	honest := c.chain(f, filedAt, publishedAt).Append(nil)
	round := c[filedAt].Imprint()
	f.Add(honest)
	f.Add(c.chain(f, filedAt+1, publishedAt).Append(nil))
	f.Add(edit(f, honest, "set 2 06"))
	f.Add(edit(f, honest, "set 8 0b"+strings.Repeat("07", 32)))
	f.Add(edit(f, honest, "add 8 c49900020102"))
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, err := ksi.ParseCalendarChain(data)
		if err != nil {
			return
		}
		if !bytes.Equal(chain.Append(nil), data) {
			t.Fatal("Append gives other bytes")
		}
		from, err := chain.Time()
		root, rootErr := chain.Root()
		right := err == nil && from == filedAt && chain.PublicationTime() == p.Time && chain.Input() == round && rootErr == nil &&
			root == p.Root
		for _, policy := range []ksi.Policy{ksi.UserPublication, ksi.General, ksi.CalendarBased} {
			r := ksi.Verify(t.Context(), s, ksi.Options{Policy: policy, Publication: &p, Extender: answer{chain}})
			if proven := r.Verdict == ksi.OK; proven != right && policy != ksi.CalendarBased || proven && chain.Input() != round {
				t.Fatalf("policy %v: %v", policy, r)
			}
		}
	})
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
