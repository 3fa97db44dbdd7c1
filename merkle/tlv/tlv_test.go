package tlv_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		hex    string
		tag    tlv.Tag
		flags  tlv.Flags
		length int
	}{
		{"02 04", 0x02, 0, 4},
		{"04 00", 0x04, 0, 0},
		{"1f ff", 0x1f, 0, 255},
		{"7e 01", 0x1e, tlv.NonCritical | tlv.Forward, 1},
		{"30 29", 0x10, tlv.Forward, 0x29},
		{"88 00 01 37", 0x800, 0, 311},
		{"88 05 00 00", 0x805, 0, 0},
		{"c4 99 00 01", 0x499, tlv.NonCritical, 1},
		{"80 1f 01 00", 0x1f, 0, 256},
		{"80 20 00 00", 0x20, 0, 0},
		{"bf ff ff ff", 0x1fff, tlv.Forward, 65535},
	} {
		want := append(merkletest.Unhex(c.hex), bytes.Repeat([]byte{7}, c.length)...)
		if got := tlv.Append([]byte("x"), c.tag, c.flags, want[len(want)-c.length:]); !bytes.Equal(got[1:], want) {
			t.Errorf("tag %#x, flags %#x, %d bytes: header %.8x, want %s", c.tag, c.flags, c.length, got[1:], c.hex)
		}
		e, err := tlv.ParseOne(want)
		if err != nil {
			t.Errorf("%s: %v", c.hex, err)
			continue
		}
		if e.Tag != c.tag || e.Flags != c.flags || len(e.Value()) != c.length || !bytes.Equal(e.Raw(), want) {
			t.Errorf("%s: read as tag %#x, flags %#x, %d bytes", c.hex, e.Tag, e.Flags, len(e.Value()))
		}
		if _, err := tlv.ParseOne(append(want, 0)); err == nil {
			t.Errorf("%s: a byte behind the element is accepted", c.hex)
		}
		for n := range len(want) {
			if _, err := tlv.ParseOne(want[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are accepted", c.hex, n, len(want))
			}
		}
	}
}

func TestNotCanonical(t *testing.T) {
	for _, s := range []string{"80 02 00 01 05", "9f", "80 1f 00 00", "e0 1e 00 01 01"} {
		if _, err := tlv.ParseOne(merkletest.Unhex(s)); err == nil {
			t.Errorf("%s is accepted", s)
		}
	}
}

func TestUint(t *testing.T) {
	for _, n := range []uint64{0, 1, 0x7f, 0x80, 0xff, 0x100, 0x12345678, 1 << 40, math.MaxUint64 >> 8, math.MaxUint64} {
		b := tlv.AppendUint(nil, 3, 0, n)
		e, err := tlv.ParseOne(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Uint(); err != nil || got != n {
			t.Errorf("%d as %x reads %d, %v", n, b, got, err)
		}
	}
	if got := tlv.AppendUint(nil, 4, 0, 0); !bytes.Equal(got, []byte{4, 0}) {
		t.Errorf("zero is written as %x", got)
	}
	for _, s := range []string{"03 01 00", "03 02 00 01", "03 09 01 00 00 00 00 00 00 00 00"} {
		e, err := tlv.ParseOne(merkletest.Unhex(s))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := e.Uint(); err == nil {
			t.Errorf("%s reads %d", s, n)
		}
	}
}

func TestText(t *testing.T) {
	for _, s := range []string{"", "anon", "Bürgermeisteramt Šiauliai", strings.Repeat("x", 300)} {
		e, err := tlv.ParseOne(tlv.AppendText(nil, 1, 0, s))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Text(); err != nil || got != s {
			t.Errorf("%q reads %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"01 00", "01 01 61", "01 03 61 00 00", "01 02 ff 00", "01 03 00 61 00"} {
		e, err := tlv.ParseOne(merkletest.Unhex(s))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := e.Text(); err == nil {
			t.Errorf("%s reads %q", s, text)
		}
	}
}

func TestEnclose(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, tlv.MaxSize} {
		value := bytes.Repeat([]byte{0xab}, n)
		for _, tag := range []tlv.Tag{5, 0x801} {
			want := tlv.Append([]byte("before"), tag, tlv.Forward, value)
			if got := tlv.Enclose(append([]byte("before"), value...), 6, tag, tlv.Forward); !bytes.Equal(got, want) {
				t.Errorf("enclosing %d bytes in tag %#x differs from appending them", n, tag)
			}
			if tag < 0x20 {
				continue
			}
			filled := append(tlv.Reserve([]byte("before")), value...)
			if tlv.Fill(filled, 6, tag, tlv.Forward); !bytes.Equal(filled, want) {
				t.Errorf("filling in the header of %d bytes with tag %#x differs from appending them", n, tag)
			}
		}
	}
}

// A tag whose header may be short cannot be filled in.
func TestFillShort(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("tag 0x1f was filled in")
		}
	}()
	tlv.Fill(tlv.Reserve(nil), 0, 0x1f, 0)
}

func TestErrorPath(t *testing.T) {
	// 0x800 holds 0x801, which holds a sound 0x02 and an integer with a leading zero.
	input := merkletest.Unhex("88000009 88010005 0200 020100")
	root, err := tlv.ParseOne(input)
	if err != nil {
		t.Fatal(err)
	}
	chain := child(t, &root, 0)
	last := child(t, &chain, 1)
	_, err = last.Uint()
	err = root.Wrap(chain.Wrap(err))
	if want := "0x800.0x801.0x02 at byte 10: integer with a leading zero byte"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if e, ok := errors.AsType[*tlv.Error](err); !ok || e.Offset != 10 || len(e.Path) != 3 {
		t.Errorf("error %#v", err)
	}

	r := tlv.NewReader(merkletest.Unhex("0200 0205 01"))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	_, err = r.Next()
	if want := "at byte 2: tag 0x02 wants 5 bytes, 1 are left"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// child returns child i of e.
func child(t *testing.T, e *tlv.Element, i int) (c tlv.Element) {
	t.Helper()
	r := e.Children()
	for range i + 1 {
		var err error
		if c, err = r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"tag":    func() { tlv.Append(nil, 0x2000, 0, nil) },
		"flags":  func() { tlv.Append(nil, 1, 0x80, nil) },
		"length": func() { tlv.Append(nil, 1, 0, make([]byte, tlv.MaxSize+1)) },
		"NUL":    func() { tlv.AppendText(nil, 1, 0, "a\x00b") },
		"UTF-8":  func() { tlv.AppendText(nil, 1, 0, "\xff") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// FuzzReader reads any bytes as elements, and writes anew what could be read.
func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x88, 0, 0, 9, 0x88, 1, 0, 5, 2, 0, 2, 1, 0})
	f.Add([]byte{0x7e, 1, 1, 0x61, 5, 'a', 'n', 'o', 'n', 0})
	f.Fuzz(func(t *testing.T, input []byte) {
		var again []byte
		r := tlv.NewReader(input)
		for r.More() {
			if r.Offset() != len(again) {
				t.Fatalf("offset %d after %d bytes", r.Offset(), len(again))
			}
			e, err := r.Next()
			if err != nil {
				break
			}
			again = tlv.Append(again, e.Tag, e.Flags, e.Value())
			if n, err := e.Uint(); err == nil && !bytes.Equal(tlv.AppendUint(nil, e.Tag, e.Flags, n), e.Raw()) {
				t.Fatalf("%x reads %d, which is written otherwise", e.Raw(), n)
			}
			if s, err := e.Text(); err == nil && !bytes.Equal(tlv.AppendText(nil, e.Tag, e.Flags, s), e.Raw()) {
				t.Fatalf("%x reads %q, which is written otherwise", e.Raw(), s)
			}
		}
		if !bytes.HasPrefix(input, again) || r.Offset() != len(again) || !r.More() && len(again) != len(input) {
			t.Fatalf("%x read and written anew is %x", input, again)
		}
	})
}
