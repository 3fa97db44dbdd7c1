package value

import (
	"bytes"
	"cmp"
	"errors"
	"math/rand/v2"
	"testing"
)

// TestBitOrder compares bit strings by their digits and as PostgreSQL does: by the bytes that hold them, then by length.
func TestBitOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	draw := func() Datum { return NewBytes(Varbit, AppendBits(nil, r.Int64N(9)-4, r.IntN(20))) }
	for range 20_000 {
		a, b := draw(), draw()
		x, y := a.AppendBinary(nil, nil), b.AppendBinary(nil, nil)
		want := cmp.Or(bytes.Compare(x[4:], y[4:]), cmp.Compare(len(a.B), len(b.B)))
		if got := Compare(a, b); sign(got) != want {
			t.Fatalf("%s and %s compare %d, want %d", a.B, b.B, got, want)
		}
	}
}

// TestBitLength assigns bit strings to types with a length, which no statement of the server does.
func TestBitLength(t *testing.T) {
	for _, c := range []struct {
		t          *Type
		text, want string
	}{
		{Bit, "101", "101"}, {Varbit, "1", "1"}, {Varbit, "x", ""},
		{Bit, "10", "bit string length 2 does not match type bit(3) (SQLSTATE 22026)"},
		{Bit, "x1", "bit string length 4 does not match type bit(3) (SQLSTATE 22026)"},
		{Varbit, "1011", "bit string too long for type bit varying(3) (SQLSTATE 22001)"},
		{MustType(Bit.Array), "{101,1}", "bit string length 1 does not match type bit(3) (SQLSTATE 22026)"},
	} {
		d, err := ParseText(DefaultSettings(), c.t, 3, []byte(c.text))
		got := d.Text(DefaultSettings())
		var e *Error
		if errors.As(err, &e) {
			got = e.Error()
		}
		if got != c.want {
			t.Errorf("%s %q: %s, want %s", c.t, c.text, got, c.want)
		}
	}
}
