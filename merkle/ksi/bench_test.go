package ksi_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/ksi"
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

// hostile returns inputs of 64 KiB that repeat what costs a reader most.
func hostile(tb testing.TB) map[string][]byte {
	signature := func(of []byte) []byte {
		return tlv.Append(nil, 0x800, 0, of)
	}
	fill := func(head, b []byte, size int) []byte {
		return append(head, bytes.Repeat(b, (size-len(head))/len(b))...)
	}
	const size = 65500
	head := takeApart(tb, unhex(tb, demo)).nodes[0]
	head.nodes = head.nodes[:4]
	var chain []byte
	for _, n := range head.nodes {
		chain = n.append(chain)
	}
	short := tlv.Append(nil, 0x801, 0, append(bytes.Clone(chain), unhex(tb, "0706 0404 0102 6100")...))
	full := ownParts(tb)
	full.Notice = &ksi.Notice{References: []string{"x"}}
	root := takeApart(tb, build(tb, full).Append(nil))
	root.nodes[0].nodes[3].tag = 5
	blob := &node{tag: 4, value: make([]byte, 63000)}
	root.nodes[0].nodes = append(root.nodes[0].nodes, blob)
	return map[string][]byte{
		"links":      signature(tlv.Append(nil, 0x801, 0, fill(bytes.Clone(chain), unhex(tb, "0707 0405 0103 616200"), size-8))),
		"chains":     signature(fill(nil, short, size)),
		"indices":    signature(tlv.Append(nil, 0x801, 0, fill(nil, unhex(tb, "030105"), size-8))),
		"unknown":    signature(fill(unhex(tb, demo)[4:], []byte{0x5e, 0}, size)),
		"references": signature(tlv.Append(nil, 0x803, 0, fill(nil, unhex(tb, "09026100"), size-8))),
		"blob":       root.append(nil),
	}
}

// BenchmarkHostile measures what a stranger's worst 64 KiB cost: the bound is 1 ms and 1 MiB.
func BenchmarkHostile(b *testing.B) {
	for name, data := range hostile(b) {
		b.Run("input="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s, err := ksi.Parse(data); err == nil {
					ksi.Verify(b.Context(), s, ksi.Options{})
				}
			}
		})
	}
}

// TestHostileMemory holds the bound on memory.
func TestHostileMemory(t *testing.T) {
	for name, data := range hostile(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := ksi.Parse(data)
		if err == nil {
			ksi.Verify(t.Context(), s, ksi.Options{})
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
		if accepted := name == "blob"; accepted != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
