package ksi_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

func TestLinks(t *testing.T) {
	var got strings.Builder
	for _, l := range parse(t, ksitest.Demo()).Links() {
		fmt.Fprintf(&got, "%v %d.%d left %v, correction %d, level %d, %v %.4x, %v %.8s\n", l.Part, l.Chain, l.Step, l.Left, l.Correction,
			l.Level, l.Kind, l.Sibling, l.Algorithm, l.Hash)
		if (l.Issuer != nil) != (l.Kind != ksi.SiblingHash) || l.Issuer != nil && *l.Issuer != (ksi.Issuer{Client: "demo"}) {
			t.Errorf("issuer %v", l.Issuer)
		}
	}
	want := `aggregation 1.1 left true, correction 0, level 1, metadata 7e010101, sha256 019c39a2
aggregation 1.2 left false, correction 2, level 4, hash 01968ccf, sha256 0174f42e
calendar 1.1 left false, correction 0, level 0, hash 01e52d9c, sha256 01d6deb0
calendar 1.2 left true, correction 0, level 0, hash 018d5134, sha256 01a6ba61
calendar 1.3 left false, correction 0, level 0, hash 018fdcd3, sha256 01e6b7f5
`
	if got.String() != want {
		t.Errorf("links:\n%swant:\n%s", &got, want)
	}
	legacy := parse(t, edit(t, ksitest.Demo(), "set 801.7 031d 03000454657374"+strings.Repeat("00", 22))).Links()
	if l := legacy[0]; l.Kind != ksi.SiblingLegacyID || l.Kind.String() != "legacy id" || *l.Issuer != (ksi.Issuer{Client: "Test", Legacy: true}) {
		t.Errorf("%+v", l)
	}
	sm3 := parse(t, edit(t, ksitest.Demo(), "set 801.6 0b")).Links()
	if !sm3[0].Hash.IsZero() || !sm3[1].Hash.IsZero() || sm3[1].Level != 4 || sm3[2].Hash.IsZero() {
		t.Errorf("with an algorithm that cannot be computed: %v", sm3)
	}
	for _, s := range []*ksi.Signature{parse(t, withRFC3161(t)), build(t, unsignedParts(t)), newPolicyWorld(t).alone} {
		checkLinks(t, s)
	}
	parts := ownParts(t) // a left link of another algorithm: all nodes above have that of their right child
	parts.CalendarTime++
	parts.Calendar = append(calendar.Chain{{Left: true}}, parts.Calendar...)
	parts.Notice = &ksi.Notice{}
	checkLinks(t, parse(t, edit(t, build(t, parts).Append(nil), "set 802.7 "+someSHA1)))
}

// checkLinks hashes the links of s naively and compares the nodes.
func checkLinks(t *testing.T, s *ksi.Signature) {
	t.Helper()
	var node merkle.Imprint
	for i, l := range s.Links() {
		if l.Step == 1 && l.Part == ksi.Calendar {
			node = s.CalendarChain().Input()
		}
		if i > 0 && (l.Step > 1 || l.Part == ksi.Calendar) && l.Algorithm == merkle.SHA256 && !node.IsZero() {
			left, right, last := node.Append(nil), l.Sibling, byte(l.Level)
			if !l.Left {
				left, right = right, left
			}
			if l.Part == ksi.Calendar {
				last = 0xff
			}
			if want := merkletest.Hash(left, right, []byte{last}); !bytes.Equal(l.Hash.Append(nil), want) {
				t.Fatalf("link %d, %+v: hash %s, want %x", i, l, l.Hash, want)
			}
		}
		node = l.Hash
	}
	if c := s.CalendarChain(); c != nil {
		if root, err := c.Root(); err == nil && root != node {
			t.Fatalf("calendar root %s, want %s", node, root)
		}
	}
}

// A request time that no time can hold is not taken for one long ago.
func TestRequestTimeBeyond(t *testing.T) {
	for micros, known := range map[uint64]bool{1: true, 1<<63 - 1: true, 1 << 63: false, 1<<64 - 1: false} {
		m := merkle.Metadata{ClientID: "canton", MachineID: "jurat/ksi", TimeMicros: micros}
		s := build(t, ksi.Parts{Round: ownRound, Leaf: imprintOf(t, merkletest.Hash([]byte("a"))), CalendarTime: ownRound,
			Chains: []merkle.Chain{{{Left: true, Metadata: m.Append(nil)}}}, Calendar: idleCalendar(ownRound)})
		if got := s.Issuers()[0].RequestTime; got.IsZero() == known {
			t.Errorf("%d µs: %s", micros, got)
		}
	}
}
