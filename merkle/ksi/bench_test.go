package ksi_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

func BenchmarkBuild(b *testing.B) {
	parts := signedParts(b, calendarCertificate(b, ownRound.Time()))
	for b.Loop() {
		build(b, parts)
	}
}

func BenchmarkParse(b *testing.B) {
	data := build(b, signedParts(b, calendarCertificate(b, ownRound.Time()))).Append(nil)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		parse(b, data)
	}
}

func BenchmarkVerify(b *testing.B) {
	cert := calendarCertificate(b, ownRound.Time())
	s := build(b, signedParts(b, cert))
	for _, policy := range []ksi.Policy{ksi.Internal, ksi.KeyBased} {
		b.Run("policy="+policy.String(), func(b *testing.B) {
			for b.Loop() {
				r := ksi.Verify(b.Context(), s, ksi.Options{Policy: policy, Certificates: []ksi.Certificate{cert}})
				if r.Verdict != ksi.OK {
					b.Fatal(r)
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	cert := calendarCertificate(b, ownRound.Time())
	p := published(b, ownParts(b))
	for b.Loop() {
		if _, err := ksi.SignAuthentication(nil, calendarKey(), cert, p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyPack parses and verifies the sound signatures of the packs: those that Internal accepts, of all kinds and
// mostly of five aggregation chains. One operation is one signature.
func BenchmarkVerifyPack(b *testing.B) {
	var files [][]byte
	var signatures, signed []*ksi.Signature
	var o ksi.Options
	for _, pack := range packs(b) {
		for _, data := range packFiles(b, pack) {
			s, err := ksi.Parse(data)
			if err != nil || ksi.Verify(b.Context(), s, ksi.Options{}).Verdict != ksi.OK {
				continue
			}
			files, signatures = append(files, data), append(signatures, s)
		}
		o.PublicationsFile = parseFile(b, readFile(b, filepath.Join(pack, "policy-verification-signatures", "resources", "publications-file.bin")))
		o.Certificates = append(o.Certificates, o.PublicationsFile.Certificates()...)
	}
	o.Policy = ksi.KeyBased
	for _, s := range signatures {
		if ksi.Verify(b.Context(), s, o).Verdict == ksi.OK {
			signed = append(signed, s)
		}
	}
	run := func(name string, n int, f func(i int) bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if !f(i) {
					b.Fatalf("signature %d", i)
				}
				i = (i + 1) % n
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "signatures/s")
		})
	}
	run("parse+verify", len(files), func(i int) bool {
		s, err := ksi.Parse(files[i])
		return err == nil && ksi.Verify(b.Context(), s, ksi.Options{}).Verdict == ksi.OK
	})
	run("parse", len(files), func(i int) bool {
		_, err := ksi.Parse(files[i])
		return err == nil
	})
	run("verify", len(signatures), func(i int) bool {
		return ksi.Verify(b.Context(), signatures[i], ksi.Options{}).Verdict == ksi.OK
	})
	run("key-based", len(signed), func(i int) bool { return ksi.Verify(b.Context(), signed[i], o).Verdict == ksi.OK })
}

// hostile returns inputs of 64 KiB that repeat what costs a reader most.
func hostile(tb testing.TB) map[string][]byte {
	signature := func(of []byte) []byte {
		return tlv.Append(nil, 0x800, 0, of)
	}
	fill := func(head, b []byte, size int) []byte {
		return append(head, bytes.Repeat(b, (size-len(head))/len(b))...)
	}
	const size = 65500
	head := takeApart(tb, ksitest.Demo()).nodes[0]
	head.nodes = head.nodes[:4]
	var chain []byte
	for _, n := range head.nodes {
		chain = n.append(chain)
	}
	short := tlv.Append(nil, 0x801, 0, append(bytes.Clone(chain), merkletest.Unhex("0706 0404 0102 6100")...))
	full := ownParts(tb)
	full.Notice = &ksi.Notice{References: []string{"x"}}
	root := takeApart(tb, build(tb, full).Append(nil))
	root.nodes[0].nodes[3].tag = 5
	blob := &node{tag: 4, value: make([]byte, 63000)}
	root.nodes[0].nodes = append(root.nodes[0].nodes, blob)
	name := tlv.AppendText(merkletest.Unhex("7e0201 01"), 1, 0, strings.Repeat("x", 239))
	deep := ownParts(tb)
	deep.Notice = &ksi.Notice{}
	deep.Chains = nil
	for range 255 / 51 {
		deep.Chains = append(deep.Chains, slices.Repeat(merkle.Chain{{Left: true, Metadata: name}}, 51))
	}
	long := fmt.Sprintf("set 801.7.4 7e020101 01026100 c4990000 c499%04x%x", 63000, make([]byte, 63000))
	return map[string][]byte{
		"links":      signature(tlv.Append(nil, 0x801, 0, fill(bytes.Clone(chain), merkletest.Unhex("0707 0405 0103 616200"), size-8))),
		"chains":     signature(fill(nil, short, size)),
		"indices":    signature(tlv.Append(nil, 0x801, 0, fill(nil, merkletest.Unhex("030105"), size-8))),
		"unknown":    signature(fill(ksitest.Demo()[4:], []byte{0x5e, 0}, size)),
		"references": signature(tlv.Append(nil, 0x803, 0, fill(nil, merkletest.Unhex("09026100"), size-8))),
		"blob":       root.append(nil),
		"deep":       build(tb, deep).Append(nil),
		"long":       edit(tb, ksitest.Demo(), long, "set 801.6 02"), // RIPEMD-160, the slowest
	}
}

// receive does what a program does with a stranger's signature: all that Verify can do with it, and an extender that
// answers as the stranger likes.
func receive(tb testing.TB, data []byte) error {
	s, err := ksi.Parse(data)
	if err != nil {
		return err
	}
	o := ksi.Options{Policy: ksi.General, PublicationsFile: fuzzFile(), Extender: answer{s.CalendarChain()}}
	if p, ok := s.PublishedData(); ok {
		p.Time++ // not the one it is extended to
		o.Publication = &p
	}
	ksi.Verify(tb.Context(), s, o)
	return nil
}

// BenchmarkHostile measures what a stranger's worst 64 KiB cost: the bound is 1 ms and 1 MiB.
func BenchmarkHostile(b *testing.B) {
	fuzzFile()
	for name, data := range hostile(b) {
		b.Run("input="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := receive(b, data); (err == nil) != acceptedHostile[name] {
					b.Fatal(err)
				}
			}
		})
	}
}

// acceptedHostile are those of hostile that have the form of a signature.
var acceptedHostile = map[string]bool{"blob": true, "deep": true, "long": true}

// TestHostileMemory holds the bound on memory.
func TestHostileMemory(t *testing.T) {
	fuzzFile()
	for name, data := range hostile(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := receive(t, data)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
		if acceptedHostile[name] != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
