package ksi_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func parse(tb testing.TB, data []byte) *ksi.Signature {
	tb.Helper()
	s, err := ksi.Parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func imprintOf(tb testing.TB, b []byte) merkle.Imprint {
	tb.Helper()
	im, err := merkle.ParseImprint(b)
	if err != nil {
		tb.Fatal(err)
	}
	return im
}

// calendarKey is an RSA key of the tests. Making one takes a moment, so they share it.
var calendarKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// calendarCertificate returns a certificate of calendarKey that is valid from an hour before now.
func calendarCertificate(tb testing.TB, now time.Time) ksi.Certificate {
	tb.Helper()
	der, err := ksi.NewCalendarCertificate(rand.Reader, calendarKey(), "calendar key of the tests", now, now)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := ksi.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// ownRound is the round of ownParts.
const ownRound calendar.Second = 1795313194

// ownParts returns the parts of a signature such as the ledger makes: leaf 2 of 3 in slot 1 of 4, issued by an agency, in
// a calendar whose other seconds are idle. It has neither an authentication nor a publication yet.
func ownParts(tb testing.TB) ksi.Parts {
	tb.Helper()
	leaves := [][]byte{merkletest.Hash([]byte("a")), merkletest.Hash([]byte("b")), merkletest.Hash([]byte("c"))}
	metadata := (&merkle.Metadata{ClientID: "jura", MachineID: "jurat.example/main", Sequence: 42,
		TimeMicros: uint64(ownRound) * 1e6}).Append(nil)
	path := chainOf(tb, merkletest.SubtreePath(leaves, 0, 2))
	path = append(path, merkle.IssuerLink(metadata, 0, 3))
	root, _ := merkletest.Subtree(leaves, 0)
	nodes := [][]byte{merkletest.Hash([]byte("slot 0")), nil, merkletest.Hash([]byte("slot 2")), merkletest.Hash([]byte("slot 3"))}
	nodes[1] = merkletest.Hash(root, metadata, []byte{64})
	_, slots := merkletest.Slots(nodes, 1)
	return ksi.Parts{Round: ownRound, Leaf: imprintOf(tb, leaves[2]), Chains: []merkle.Chain{path, chainOf(tb, slots)},
		CalendarTime: ownRound, Calendar: idleCalendar(ownRound)}
}

// idleCalendar returns the calendar chain of a round at its own second in a calendar without other rounds.
func idleCalendar(t calendar.Second) (chain calendar.Chain) {
	for height := range uint8(63) {
		if t>>height&1 == 1 {
			chain = append(chain, calendar.Link{Sibling: calendar.ZeroNode(height)})
		}
	}
	return chain
}

func chainOf(tb testing.TB, links []merkletest.Link) (chain merkle.Chain) {
	tb.Helper()
	for _, l := range links {
		chain = append(chain, merkle.Link{Left: l.Left, Correction: uint8(l.Correction), Sibling: imprintOf(tb, l.Sibling)})
	}
	return chain
}

// build makes a signature of parts that fit.
func build(tb testing.TB, p ksi.Parts) *ksi.Signature {
	tb.Helper()
	s, err := ksi.Build(p)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// published returns what a signature of p is published or signed as.
func published(tb testing.TB, p ksi.Parts) ksi.Publication {
	tb.Helper()
	p.Authentication, p.Notice = nil, &ksi.Notice{}
	data, ok := build(tb, p).PublishedData()
	if !ok {
		tb.Fatal("extended signature without published data")
	}
	return data
}

// signedParts returns ownParts with an authentication by the certificate.
func signedParts(tb testing.TB, cert ksi.Certificate) ksi.Parts {
	tb.Helper()
	p := ownParts(tb)
	var err error
	if p.Authentication, err = ksi.SignAuthentication(nil, calendarKey(), cert, published(tb, p)); err != nil {
		tb.Fatal(err)
	}
	return p
}

// nested are the elements that hold elements.
var nested = []string{"800", "800.801", "800.801.7", "800.801.8", "800.801.7.4", "800.801.8.4", "800.802", "800.803",
	"800.803.10", "800.805", "800.805.10", "800.805.b", "800.806", "802"}

// A node is an element of a signature taken apart, for tests that change one.
type node struct {
	tag   tlv.Tag
	flags tlv.Flags
	value []byte // of an element that holds no elements
	nodes []*node
}

func takeApart(tb testing.TB, data []byte) *node {
	tb.Helper()
	e, err := tlv.ParseOne(data)
	if err != nil {
		tb.Fatal(err)
	}
	return takeElement(tb, e, "")
}

func takeElement(tb testing.TB, e tlv.Element, path string) *node {
	tb.Helper()
	n := &node{tag: e.Tag, flags: e.Flags}
	path = strings.TrimPrefix(fmt.Sprintf("%s.%x", path, uint16(e.Tag)), ".")
	if !isNested(path) {
		n.value = e.Value()
		return n
	}
	for r := e.Children(); r.More(); {
		c, err := r.Next()
		if err != nil {
			tb.Fatal(err)
		}
		n.nodes = append(n.nodes, takeElement(tb, c, path))
	}
	return n
}

func (n *node) append(dst []byte) []byte {
	if n.nodes == nil {
		return tlv.Append(dst, n.tag, n.flags, n.value)
	}
	start := len(dst)
	for _, c := range n.nodes {
		dst = c.append(dst)
	}
	return tlv.Enclose(dst, start, n.tag, n.flags)
}

// find returns the parent and the place in it of an element, by the tags on the way below 0x800: "801.7#1.2" is element
// 0x02 in the second 0x07 of the first 0x801.
func (n *node) find(tb testing.TB, path string) (parent *node, place int) {
	tb.Helper()
	for step := range strings.SplitSeq(path, ".") {
		if parent != nil {
			n = parent.nodes[place]
		}
		tagText, skipText, _ := strings.Cut(step, "#")
		tag, err := strconv.ParseUint(tagText, 16, 16)
		if err != nil {
			tb.Fatal(err)
		}
		skip, _ := strconv.Atoi(skipText)
		parent, place = n, -1
		for i, c := range n.nodes {
			if c.tag == tlv.Tag(tag) {
				if skip == 0 {
					place = i
					break
				}
				skip--
			}
		}
		if place < 0 {
			tb.Fatalf("no element %s", path)
		}
	}
	return parent, place
}

// edit changes signatures: "set PATH HEX" replaces the value of an element, "drop PATH" removes it, "double PATH" repeats
// it, "add PATH HEX" puts the bytes behind it, "flip PATH" changes the last bit of its value. PATH is as for find.
func edit(tb testing.TB, data []byte, commands ...string) []byte {
	tb.Helper()
	root := takeApart(tb, data)
	for _, command := range commands {
		f := append(strings.SplitN(command, " ", 3), "")
		parent, i := root.find(tb, f[1])
		n := parent.nodes[i]
		switch f[0] {
		case "set":
			n.value, n.nodes = merkletest.Unhex(f[2]), nil
		case "drop":
			parent.nodes = slices.Delete(parent.nodes, i, i+1)
		case "double":
			parent.nodes = slices.Insert(parent.nodes, i, n)
		case "add":
			e, err := tlv.ParseOne(merkletest.Unhex(f[2]))
			if err != nil {
				tb.Fatal(err)
			}
			parent.nodes = slices.Insert(parent.nodes, i+1, takeElement(tb, e, "raw"))
		case "flip":
			n.value = bytes.Clone(n.value)
			n.value[len(n.value)-1] ^= 1
		default:
			tb.Fatalf("command %q", command)
		}
	}
	return root.append(nil)
}

// checkRoundTrip fails if s does not append as data, or data is not what the writer makes of its elements.
func checkRoundTrip(tb testing.TB, s *ksi.Signature, data []byte) {
	tb.Helper()
	if got := s.Append([]byte("x")); string(got) != "x"+string(data) {
		tb.Fatalf("append after parse gives\n%x, want\n%x", got[1:], data)
	}
	if got := takeApart(tb, data).append(nil); !bytes.Equal(got, data) {
		tb.Fatalf("written anew:\n%x, want\n%x", got, data)
	}
}

func isNested(path string) bool { return slices.Contains(nested, path) }
