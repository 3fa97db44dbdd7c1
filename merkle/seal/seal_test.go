package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// TestSmallRounds sees to it that each leaf of each small round leads to the root that the naive twin computes.
func TestSmallRounds(t *testing.T) {
	leaf := extract(t).Leaf()
	for count := uint64(1); count <= 40; count++ {
		for index := range count {
			slots := uint32(count%5 + 1)
			p := place{index, count, uint32(index) % slots, slots}
			path, root := file(t, leaf, round, p)
			var leaves [][]byte
			for i := range count {
				d := digest("leaf", int(i))
				if i == index {
					d = leaf
				}
				im := d.Imprint()
				leaves = append(leaves, im.Append(nil))
			}
			sub, level := merkletest.Subtree(leaves, 0)
			_, node := merkletest.Issue(sub, level, merkletest.Metadata(agency, server+"/seal", 7, uint64(round)*1e6))
			var nodes [][]byte
			for i := range 1 << merkle.SlotTreeHeight(slots) {
				im := digest("slot", i).Imprint()
				nodes = append(nodes, im.Append(nil))
			}
			nodes[p.slot] = node
			want, _ := merkletest.Slots(nodes, int(p.slot))
			im := path.RoundRoot(leaf).Imprint()
			if path.RoundRoot(leaf) != root || !bytes.Equal(im.Append(nil), want) {
				t.Fatalf("%+v leads to %s, want %x", p, im, want)
			}
		}
	}
}

// TestSmallestCount sees to it that the count in a seal gives the way that all counts with the same way give, and no smaller one.
func TestSmallestCount(t *testing.T) {
	way := func(index, count uint64) (links []string) {
		for _, l := range shape.Path(count, index) {
			links = append(links, fmt.Sprint(l.Left, l.Height))
		}
		return links
	}
	for count := uint64(1); count <= 70; count++ {
		for index := range count {
			want := count
			for n := index + 1; n < want; n++ {
				if slices.Equal(way(index, n), way(index, count)) {
					want = n
				}
			}
			if got := seal.SmallestCount(index, count); got != want {
				t.Fatalf("leaf %d of %d: %d, want %d", index, count, got, want)
			}
		}
	}
}

// TestSizes holds seals of 156 bytes of fields, 11 siblings and 64 slots to what an office printer manages.
func TestSizes(t *testing.T) {
	c := extract(t)
	note := strings.Repeat("x", 100)
	for c.Fields = fields(t, fmt.Sprintf(`{"name": "Marie Dupont", "n": %q}`, note)); fieldBytes(c) != 156; {
		note += "x"
		if c.Fields = fields(t, fmt.Sprintf(`{"name": "Marie Dupont", "n": %q}`, note)); len(note) > 200 {
			t.Fatal("no fields of 156 bytes")
		}
	}
	c.NotAfter = round + 1e6
	path, root := file(t, c.Leaf(), round, place{1000, 1500, 40, 64})
	w := newWorld(t, map[calendar.Second]merkle.Digest{round: root})
	s := w.anchored(path, c)
	check := func(s *seal.Seal, what string, limit int) {
		t.Helper()
		n := len(s.Append(nil))
		t.Logf("%s: %d bytes, %d characters", what, n, len(s.Text()))
		if err := s.CheckSize(); n > limit || err != nil || len(s.Siblings) != 11 || len(s.SlotSiblings) != 6 {
			t.Errorf("%s: %d bytes, at most %d: %v", what, n, limit, err)
		}
	}
	check(s, "anchored", 1088)
	path.Profile = seal.Immediate
	path.Key.Signature = make([]byte, 256)
	check(newSeal(t, &path, c), "immediate, 2048 bits", 1088)
	path.Key.Signature = make([]byte, 384)
	check(newSeal(t, &path, c), "immediate, 3072 bits", 1223)
	// What is longer says what to do.
	c.Fields = append(c.Fields, seal.Field{Key: "remark", Value: fields(t, fmt.Sprintf(`{"a": %q}`, strings.Repeat("y", 200)))[0].Value})
	s = w.anchored(path, c)
	if err := s.CheckSize(); !errors.Is(err, seal.ErrSize) || !strings.Contains(err.Error(), "shorten the fields") {
		t.Errorf("%d bytes: %v", len(s.Append(nil)), err)
	}
	if _, err := seal.Parse(s.Text()); err != nil {
		t.Error(err)
	}
}

// fieldBytes returns how many bytes the fields take.
func fieldBytes(c *seal.Content) int {
	without := seal.Content{Fields: c.Fields}
	return len(without.Append(nil)) - 1 - 1 - seal.SaltSize
}

// options are all that a verifier can have.
func (w *world) options() seal.Options {
	set, err := w.landmarks(server).Verify(landmark.Options{Publications: []ksi.Publication{w.publication()}})
	if err != nil {
		w.Fatal(err)
	}
	return seal.Options{Landmarks: set, Certificates: []ksi.Certificate{keys()[0].cert}}
}

// TestMangled changes every bit of a seal of each profile, cuts it everywhere, and swaps its characters: never is it valid.
func TestMangled(t *testing.T) {
	c := extract(t)
	path, root := file(t, c.Leaf(), round, place{2, 5, 1, 3})
	w := newWorld(t, map[calendar.Second]merkle.Digest{round: root})
	o := w.options()
	for _, s := range []*seal.Seal{w.anchored(path, c), w.immediate(path, c, keys()[0])} {
		if r := seal.Verify(s, o); r.Verdict != seal.Valid {
			t.Fatalf("%s: %s", r.Verdict, r.Sentence)
		}
		data, text := s.Append(nil), s.Text()
		for i := range data {
			for bit := range 8 {
				b := bytes.Clone(data)
				b[i] ^= 1 << bit
				if changed, err := seal.ParseBinary(b); err == nil && seal.Verify(changed, o).Verdict == seal.Valid {
					t.Fatalf("%s: bit %d of byte %d changed: still valid", s.Profile, bit, i)
				}
			}
			if _, err := seal.ParseBinary(data[:i]); !errors.Is(err, seal.ErrFormat) {
				t.Fatalf("%s: cut at %d: %v", s.Profile, i, err)
			}
		}
		for i := range text[1:] {
			b := []byte(text)
			b[i], b[i+1] = b[i+1], b[i]
			if r := seal.Check(string(b), o); b[i] != b[i+1] && r.Verdict == seal.Valid {
				t.Fatalf("%s: characters %d and %d swapped: still valid", s.Profile, i, i+1)
			}
		}
		for _, end := range []string{"\n", "\r\n"} { // as programs wrap it
			wrapped := "\t" + end
			for line := range slices.Chunk([]byte(text), 60) {
				wrapped += string(line) + end
			}
			if again, err := seal.Parse(wrapped); err != nil || again.Text() != text {
				t.Errorf("read again: %v", err)
			}
		}
	}
}

func TestCheckString(t *testing.T) {
	c := extract(t)
	path, root := file(t, c.Leaf(), round, place{2, 5, 1, 3})
	w := newWorld(t, map[calendar.Second]merkle.Digest{round: root})
	a, b := w.anchored(path, c), w.immediate(path, c, keys()[0])
	if a.CheckString() != b.CheckString() || a.CheckString() != seal.CheckString(c.Leaf(), "2026-11-22T01:15:30Z/canton/seal/2") {
		t.Errorf("%s and %s", a.CheckString(), b.CheckString())
	}
	if s := a.CheckString(); len(s) != 9 || s[4] != '-' || strings.ContainsAny(s, "ILOU") {
		t.Errorf("check string %q", s)
	}
}

// TestPath sees to it that what the server gives and the content make the seal, and that nothing else is read as a path.
func TestPath(t *testing.T) {
	c := extract(t)
	path, root := file(t, c.Leaf(), round, place{2, 5, 1, 3})
	w := newWorld(t, map[calendar.Second]merkle.Digest{round: root})
	for _, s := range []*seal.Seal{w.anchored(path, c), w.immediate(path, c, keys()[0])} {
		data, err := s.Path.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := seal.ParsePath(data)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := seal.New(p, c); err != nil || again.Text() != s.Text() {
			t.Errorf("%s: %v", s.Profile, err)
		}
		for i := range data {
			b := bytes.Clone(data)
			b[i] ^= 1
			if p, err := seal.ParsePath(b); err == nil {
				if again, err := p.Append(nil); err != nil || !bytes.Equal(again, b) {
					t.Fatalf("%s: byte %d changed: read, and written as %x: %v", s.Profile, i, again, err)
				}
			}
		}
	}
	for _, wrong := range []func(*seal.Path){
		func(p *seal.Path) { p.Server = "" }, func(p *seal.Path) { p.Server = "a/b" }, func(p *seal.Path) { p.Agency = "" }, func(p *seal.Path) { p.Agency = "a\n" },
		func(p *seal.Path) { p.Round = 0 }, func(p *seal.Path) { p.Sequence = 0 }, func(p *seal.Path) { p.Index = 5 },
		func(p *seal.Path) { p.Count = 1 << 62 }, func(p *seal.Path) { p.Siblings = p.Siblings[1:] }, func(p *seal.Path) { p.Slot = 4 },
	} {
		p := path
		wrong(&p)
		if data, err := p.Append(nil); err == nil {
			t.Errorf("written: %x", data)
		}
	}
}

func TestFieldsFromJSON(t *testing.T) {
	for _, text := range []string{
		`{"a":1}`, `{"b":"x","aa":[1,-2,true,false,null],"c":{"z":{}}}`, `{"n":9223372036854775807,"m":-9223372036854775808}`,
		`{"é":"\u00e9 \" \\ \u2028 <&>"}`,
	} {
		f := fields(t, text)
		again := fields(t, string(seal.FieldsJSON(f)))
		a, b := seal.Content{Fields: f}, seal.Content{Fields: again}
		if err := a.Check(); err != nil || a.Leaf() != b.Leaf() {
			t.Errorf("%s became %s: %v", text, seal.FieldsJSON(f), err)
		}
	}
	for text, want := range map[string]string{
		`{"total": 1240.50}`:              `field "total": 1240.50 has a fraction or an exponent: write it as text, "1240.50"`,
		`{"a": {"n": [1, 1e3]}}`:          `field "a.n[1]": 1e3 has a fraction`,
		`{"n": 9223372036854775808}`:      `does not fit 64 bits: write it as text`,
		`{"a": 1, "b": 2, "a": 1}`:        `the name "a" stands twice`,
		`{"o": {"x": 1, "x": 2}}`:         `field "o": the name "x" stands twice`,
		`[1]`:                             `want an object`,
		`{}`:                              `no fields`,
		`{"a": 1} {}`:                     `something follows`,
		`{"a": "\ud800"}`:                 `field "a": a character is broken`,
		`{"a": 1`:                         `JSON`,
		"":                                `JSON`,
		"{\"a\": \"\xff\"}":               `not UTF-8`,
		strings.Repeat(`{"a":`, 20) + "1": `nested deeper`,
		`{"a": ` + strings.Repeat("[", 10000) + "1}": `nested deeper`,
	} {
		if f, err := seal.FieldsFromJSON([]byte(text)); !errors.Is(err, seal.ErrContent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: read as %s, error %v, want %q", text, seal.FieldsJSON(f), err, want)
		}
	}
	for _, c := range []seal.Content{
		{}, {Fields: fields(t, `{"a":1}`), NotBefore: 2, NotAfter: 1}, {Fields: fields(t, `{"a":1}`), NotAfter: -1},
		{Fields: fields(t, `{"a":1}`), NotAfter: calendar.LastWritable + 1},
	} {
		if c.Check() == nil {
			t.Errorf("%+v can be sealed", c)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x8c})
	for _, v := range readVectors(f).Vectors {
		if s, err := seal.Parse(v.Text); err == nil {
			f.Add(s.Append(nil))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := seal.ParseBinary(data)
		if err != nil {
			if !errors.Is(err, seal.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if again := s.Append(nil); !bytes.Equal(again, data) {
			t.Fatalf("%x was read, %x written", data, again)
		}
		if again, err := seal.Parse(s.Text()); err != nil || !bytes.Equal(again.Append(nil), data) {
			t.Fatalf("%x: its text is not read: %v", data, err)
		}
		if len(seal.Verify(s, seal.Options{}).JSON()) == 0 {
			t.Fatal("no report")
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("JS1:BB8")
	f.Add("%69 VDL2")
	f.Fuzz(func(t *testing.T, text string) {
		whole := strings.Trim(strings.NewReplacer("\r", "", "\n", "").Replace(text), "\t")
		if s, err := seal.Parse(text); err == nil && s.Text() != whole {
			t.Fatalf("%q was read, %q written", text, s.Text())
		}
	})
}

// TestBeforeSealed: nobody can have had the document before it was sealed, but clocks differ a little.
func TestBeforeSealed(t *testing.T) {
	c := extract(t)
	path, _ := file(t, c.Leaf(), round, place{2, 5, 1, 3})
	s := newWorld(t, nil).immediate(path, c, keys()[0])
	for at, want := range map[calendar.Second]seal.Verdict{1: seal.NotYetValid, round - 301: seal.NotYetValid, round - 300: seal.Valid, round: seal.Valid, 0: seal.Valid} {
		r := seal.Verify(s, seal.Options{Certificates: []ksi.Certificate{keys()[0].cert}, At: at})
		if r.Verdict != want || want == seal.NotYetValid && !strings.Contains(r.Sentence, "it was sealed only at "+round.String()) {
			t.Errorf("at %s: %s: %s", at, r.Verdict, r.Sentence)
		}
	}
}
