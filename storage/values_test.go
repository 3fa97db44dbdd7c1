package storage

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
)

// codecs decodes a value of each kind and encodes it again.
var codecs = map[string]func(c *cursor) (again []byte, err error){
	"genesis":     func(c *cursor) ([]byte, error) { var x Genesis; err := x.decode(c); return x.append(nil), err },
	"progress":    func(c *cursor) ([]byte, error) { var x progress; err := x.decode(c); return x.append(nil), err },
	"slot":        func(c *cursor) ([]byte, error) { var x Slot; err := x.decode(c); return x.append(nil), err },
	"role":        func(c *cursor) ([]byte, error) { var x Role; err := x.decode(c); return x.append(nil), err },
	"new role":    func(c *cursor) ([]byte, error) { var x Role; err := x.decode(c); return x.append(nil), err },
	"KSI key":     func(c *cursor) ([]byte, error) { var x ksiKey; err := x.decode(c); return x.append(nil), err },
	"publication": func(c *cursor) ([]byte, error) { var x Publication; err := x.decode(c); return x.append(nil), err },
	"certificate": func(c *cursor) ([]byte, error) { var x Certificate; err := x.decode(c); return x.append(nil), err },
	"number":      func(c *cursor) ([]byte, error) { var x number; err := x.decode(c); return x.append(nil), err },
	"node":        func(c *cursor) ([]byte, error) { var x node; err := x.decode(c); return x.append(nil), err },
	"head":        func(c *cursor) ([]byte, error) { var x head; err := x.decode(c); return x.append(nil), err },
	"body":        func(c *cursor) ([]byte, error) { var x body; err := x.decode(c); return x.append(nil), err },
	"counts":      func(c *cursor) ([]byte, error) { var x counts; err := x.decode(c); return x.append(nil), err },
	"slot counts": func(c *cursor) ([]byte, error) { var x slotCounts; err := x.decode(c); return x.append(nil), err },
	"nodes": func(c *cursor) ([]byte, error) {
		b, err := decodeNodes(c, TileNodes)
		nodes := make([]merkle.Digest, len(b)/32)
		copyNodes(nodes, b)
		return appendNodes(nil, nodes), err
	},
	"run": func(c *cursor) ([]byte, error) {
		var r run
		if err := r.decode(c); err != nil {
			return nil, err
		}
		var l merkle.Leaves
		r.appendTo(&l, 0, r.n)
		if l.Len() != r.n {
			return nil, fmt.Errorf("%d leaves of %d", l.Len(), r.n)
		}
		return appendRun(nil, r.time(), &l, 0, r.n), nil
	},
}

func seed(f *testing.F) {
	var d merkle.Digest
	im := d.Imprint()
	sha512, err := merkle.NewImprint(merkle.SHA512, make([]byte, 64))
	if err != nil {
		f.Fatal(err)
	}
	var uniform, mixed merkle.Leaves
	uniform.Append(im)
	uniform.Append(im)
	mixed.Append(im)
	mixed.Append(sha512)
	one := bitmap{1, 2}
	for name, v := range map[string]value{
		"genesis":  &Genesis{Server: "s", First: 1},
		"progress": &progress{closed: 1, leaves: 2},
		"slot":     &Slot{Agency: "a", Lane: "l", Created: 3},
		"role":     &Role{Kind: Superuser},
		"new role": &Role{Kind: Auditor, NoLogin: true, Number: 3, Limited: true, Connections: 2, ValidUntil: time.UnixMicro(7).UTC(),
			Verifier: "SCRAM-SHA-256$4096:c2FsdA==$a:b", Limits: RoleLimits{1, 2, 3, 4}},
		"KSI key":     ksiKey("anon"),
		"publication": &Publication{Published: time.UnixMicro(5), References: []string{"Gazette", strings.Repeat("x", 300)}},
		"certificate": &Certificate{ID: []byte{1}, DER: []byte{2}},
		"number":      number(7),
		"node":        &node{},
		"head":        &head{leaves: 3, slots: 2},
		"body": &body{slotCount: 2, signature: []byte{1},
			slots: []SlotRound{{Slot: 0, Count: 1, Root: im, Ordinal: 1}, {Slot: 1, Count: 1, Root: sha512, Ordinal: 1}}},
		"counts":      &counts{seconds: one, leaves: make([]byte, 16), slots: make([]byte, 8)},
		"slot counts": &slotCounts{seconds: one, leaves: make([]byte, 16)},
	} {
		f.Add(name, v.append(nil))
	}
	f.Add("nodes", appendNodes(nil, []merkle.Digest{d, d}))
	f.Add("run", appendRun(nil, (&run{at: 5}).time(), &uniform, 0, 2))
	f.Add("run", appendRun(nil, (&run{at: 5}).time(), &mixed, 0, 2))
	f.Add("run", appendRun(nil, (&run{at: 5}).time(), &mixed, 1, 2))
}

// FuzzValue shows that what a decoder accepts is exactly what its encoder writes.
func FuzzValue(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		codec := codecs[name]
		if codec == nil {
			return
		}
		c := newCursor(data)
		again, err := codec(&c)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("%s: %v", name, err)
			}
			return
		}
		if !bytes.Equal(again, data) {
			t.Fatalf("%s: %x is written again as %x", name, data, again)
		}
	})
}

// FuzzKey does the same for keys.
func FuzzKey(f *testing.F) {
	for _, k := range []Key{
		{Kind: KindBlock, Number: 1}, {Kind: KindBlock, Number: 1, Group: GroupSlotCounts, Slot: 2},
		{Kind: KindCalendar, Height: 8, Number: 2}, {Kind: KindBody, Round: 3}, {Kind: KindNumber, Number: 4},
		{Kind: KindCertificate, Number: 5}, {Kind: KindRun, Round: 6, Slot: 7, Number: 8}, {Kind: KindMeta, Group: GroupProgress},
		{Kind: KindTile, Round: 9, Slot: 1, Height: 8, Number: 1}, {Kind: KindOrdinal, Slot: 1}, {Kind: KindHead, Round: 1},
		{Kind: KindSlot, Slot: 1}, {Kind: KindRole, Name: "jurat"}, {Kind: KindKSIKey, Name: "jurat"},
		{Kind: KindPublication, Round: 10}, {Kind: KindJournal, Number: 1}, {Kind: KindJournalDay, Number: 20000},
	} {
		f.Add(k.Append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := ParseKey(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(k.Append(nil), data) || k.String() == "" {
			t.Fatalf("%x is written again as %x", data, k.Append(nil))
		}
	})
}

func TestRank(t *testing.T) {
	var m bitmap
	for i := range BlockSeconds {
		if i*i%7 < 3 {
			m.set(i)
		}
	}
	n := 0
	for i := range BlockSeconds {
		if m.rank(i) != n || m.has(i) != (i*i%7 < 3) {
			t.Fatalf("bit %d: rank %d, want %d; set %t", i, m.rank(i), n, m.has(i))
		}
		if m.has(i) {
			n++
		}
	}
	if m.count() != n {
		t.Fatalf("%d bits, want %d", m.count(), n)
	}
}
